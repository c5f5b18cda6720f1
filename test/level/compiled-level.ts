/** `llmdb/level` as plain JavaScript in a folder of its own, for tests that run it in processes that end badly. */
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { compiled } from "../compiled.js";

const root = join(import.meta.dirname, "../..");
const layers = ["pager", "btree", "wal", "mvcc", "engine", "temporal", "catalog", "wasm", "level"];

/** Compiles the layers up to `level/` into `folder` and returns the URL of its `index.js`. */
export function compileLevel(folder: string): string {
  for (const layer of layers.filter((name) => existsSync(join(root, name)))) {
    mkdirSync(join(folder, layer), { recursive: true });
    for (const name of readdirSync(join(root, layer))) {
      if (!name.endsWith(".ts")) continue;
      const outputText = compiled(readFileSync(join(root, layer, name), "utf8"));
      writeFileSync(join(folder, layer, name.replace(/\.ts$/, ".js")), outputText);
    }
  }
  writeFileSync(join(folder, "package.json"), `{ "type": "module" }`);
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"), "junction");
  return pathToFileURL(join(folder, "level/index.js")).href;
}
