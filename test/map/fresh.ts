/**
 * An empty database for a test: in memory, or, with `LLMDB_TEST_PAGE_SOURCE=mmap`, in a mapped file with the smallest
 * cache, so that what was written is read through the mapping. Its folder goes with the process.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Database, type OpenOptions, open, openMemory } from "../../index.js";

/** Whether the suite runs on mapped files. */
export const mapped = process.env.LLMDB_TEST_PAGE_SOURCE === "mmap";

/** A path for a file that nobody has used yet. */
export function freshPath(): string {
  const folder = mkdtempSync(join(tmpdir(), "llmdb-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  return join(folder, "test.llmdb");
}

export function openFresh(options?: OpenOptions): Database {
  return mapped ? open(freshPath(), { cacheBytes: 0, pageSource: "mmap", ...options }) : openMemory(options);
}
