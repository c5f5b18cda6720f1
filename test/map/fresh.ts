/**
 * An empty database for a test: on a simulated disk, or, with `LLMDB_TEST_PAGE_SOURCE=mmap`, in a mapped file with the
 * smallest cache, so that what was written is read through the mapping. Its folder goes with the process.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Database, type OpenOptions, open } from "../../index.js";
import { SimulatedDisk } from "../harness/simulated-disk.js";

/** Whether the suite runs on mapped files. */
export const mapped = process.env.LLMDB_TEST_PAGE_SOURCE === "mmap";

/** A path for a file that nobody has used yet. */
export function freshPath(): string {
  const folder = mkdtempSync(join(tmpdir(), "llmdb-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  return join(folder, "test.llmdb");
}

/** Less than by default, because thousands of databases are opened, and tables grow with it. */
const cacheBytes = 4 * 1024 * 1024;
/** Attachments may take longer than by default: the machine may be busy with other tests. */
const modules = { maxTimeoutMs: 600_000 };

export function openFresh(options?: OpenOptions): Database {
  return mapped
    ? open(freshPath(), { cacheBytes: 0, pageSource: "mmap", modules, ...options })
    : open("/test.llmdb", { storage: new SimulatedDisk(), cacheBytes, modules, ...options });
}
