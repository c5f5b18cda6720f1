/** The package as plain JavaScript in a folder of its own, with the command as it is installed. */
import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { compiled } from "../compiled.js";
import { root, sourcesIn } from "../sources.js";

/** What the package needs at run time; fast-check is not among it. */
const DEPENDENCIES = ["@msgpack", "commander"];

/** Compiles into a folder, which is there and empty; returns the path of the command. */
export function compileCommand(folder: string): string {
  for (const { path, text } of sourcesIn(".", /^(?!.*(\.test|-bench)\.ts$).*\.ts$/)) {
    if (/^(bench|examples|scripts|test\/(?!harness\/))/.test(path)) continue;
    const target = join(folder, path.replace(/\.ts$/, ".js"));
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, compiled(text));
  }
  copyFileSync(join(root, "package.json"), join(folder, "package.json"));
  mkdirSync(join(folder, "node_modules"));
  for (const name of DEPENDENCIES) symlinkSync(join(root, "node_modules", name), join(folder, "node_modules", name));
  return join(folder, "cli/index.js");
}
