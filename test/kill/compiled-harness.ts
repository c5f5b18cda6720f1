/** The engine and the kill harness as plain JavaScript in a folder of their own, for tests that start processes. */
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { compiled } from "../compiled.js";
import { root, sourcesIn } from "../sources.js";

const needed =
  /^(index\.ts$|(pager|btree|wal|mvcc|engine|temporal|catalog|wasm)\/|test\/harness\/(random\.ts$|kill\/))/;

/** A bug to be found: what stands in a file, and what is to stand there instead. */
export interface PlantedBug {
  readonly path: string;
  readonly right: string;
  readonly wrong: string;
}

/** Compiles into a folder, which must be new, and returns the URL of the harness's folder there. */
export function compileHarness(folder: string, bug?: PlantedBug): URL {
  compileSources(folder, needed, bug);
  return pathToFileURL(`${join(folder, "test/harness/kill")}/`);
}

/** Compiles the sources whose path matches into a folder, which must be new. */
export function compileSources(folder: string, needed: RegExp, bug?: PlantedBug): void {
  for (const { path, text } of sourcesIn(".", /\.ts$/).filter((source) => needed.test(source.path))) {
    const target = join(folder, path.replace(/\.ts$/, ".js"));
    mkdirSync(dirname(target), { recursive: true });
    const planted = path === bug?.path ? plant(text, bug) : text;
    writeFileSync(target, compiled(planted));
  }
  writeFileSync(join(folder, "package.json"), `{ "type": "module" }`);
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"), "junction");
}

function plant(text: string, { path, right, wrong }: PlantedBug): string {
  if (!text.includes(right)) throw new Error(`${path} does not say "${right}"; plant the bug anew`);
  return text.replace(right, wrong);
}
