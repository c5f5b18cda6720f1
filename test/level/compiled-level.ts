/** `llmdb/level` as plain JavaScript in a folder of its own, for tests that run it in processes that end badly. */
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import ts from "typescript";

const root = join(import.meta.dirname, "../..");
const layers = ["pager", "btree", "wal", "mvcc", "engine", "temporal", "catalog", "wasm", "level"];

/** Compiles the layers up to `level/` into `folder` and returns the URL of its `index.js`. */
export function compileLevel(folder: string): string {
  const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2023, verbatimModuleSyntax: true };
  for (const layer of layers.filter((name) => existsSync(join(root, name)))) {
    mkdirSync(join(folder, layer), { recursive: true });
    for (const name of readdirSync(join(root, layer))) {
      if (!name.endsWith(".ts")) continue;
      const { outputText } = ts.transpileModule(readFileSync(join(root, layer, name), "utf8"), { compilerOptions });
      writeFileSync(join(folder, layer, name.replace(/\.ts$/, ".js")), outputText);
    }
  }
  writeFileSync(join(folder, "package.json"), `{ "type": "module" }`);
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"), "junction");
  return pathToFileURL(join(folder, "level/index.js")).href;
}
