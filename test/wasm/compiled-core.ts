/** The whole core as plain JavaScript in a folder of its own: threads start only from files that Node can run. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { compileSources } from "../kill/compiled-harness.js";

const needed = /^(index\.ts$|(pager|btree|wal|mvcc|engine|temporal|catalog|wasm|models|lql)\/)/;

/** Compiles it; the folder goes with the process. Returns the URL of its `index.js`. */
export function compileCore(): string {
  const folder = mkdtempSync(join(tmpdir(), "llmdb-core-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  compileSources(folder, needed);
  return pathToFileURL(join(folder, "index.js")).href;
}
