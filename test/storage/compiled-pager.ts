/** The storage port as plain JavaScript in a folder of its own, for tests that run it in threads and processes. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { compiled } from "../compiled.js";

const pager = join(import.meta.dirname, "../../pager");

/** Compiles `pager/` into `folder` and returns the URL of its `file-storage.js`. */
export function compilePager(folder: string): string {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), `{ "type": "module" }`);
  for (const name of readdirSync(pager)) {
    if (!name.endsWith(".ts")) continue;
    const outputText = compiled(readFileSync(join(pager, name), "utf8"));
    writeFileSync(join(folder, name.replace(/\.ts$/, ".js")), outputText);
  }
  return pathToFileURL(join(folder, "file-storage.js")).href;
}
