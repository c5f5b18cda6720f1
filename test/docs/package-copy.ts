/** The package as a folder of its own, built without type checks: what the documents show is run against it. */
import { spawnSync } from "node:child_process";
import { copyFileSync, cpSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { compiled } from "../compiled.js";
import { root, sourcesIn } from "../sources.js";

const shipped =
  /^(index\.ts$|(pager|btree|wal|mvcc|engine|temporal|catalog|wasm|models|memory|level)\/|cli\/formats\/(soft|supp))/;

/** Makes the package in `folder`: `package.json`, `dist/`, `examples/`, `scripts/` and the installed dependencies. */
export function copyPackage(folder: string): void {
  for (const { path, text } of sourcesIn(".", /\.ts$/).filter((source) => shipped.test(source.path))) {
    const target = join(folder, "dist", path.replace(/\.ts$/, ".js"));
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, compiled(text));
  }
  // Where programs of the repository find what is not exported.
  symlinkSync(join(folder, "dist"), join(folder, "dist/internal"), "junction");
  copyFileSync(join(root, "package.json"), join(folder, "package.json"));
  for (const name of ["examples", "scripts"]) cpSync(join(root, name), join(folder, name), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"), "junction");
}

/** Runs a program of the package there, and returns what it printed. */
export function runThere(folder: string, program: string, ...given: string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...given], {
    cwd: folder,
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`${program} ended with ${status}:\n${stderr}`);
  return stdout;
}
