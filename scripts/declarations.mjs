/**
 * The declarations of the package. Guarantees: every type that an entry point exports is there, with all that it needs;
 * a module that no exported type needs has none, so that the folder has no more files than its users can reach.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmdirSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { manifest, root } from "./bundle.mjs";

/** What a declaration takes from another: imports, re-exports, and types written as `import("…")`. */
const NAMED = /(?:\bfrom|\bimport|\bimport\()\s*"(\.[^"]+)\.js"/g;

/** Writes them beside the files of a build. */
export function writeDeclarations() {
  const tsc = createRequire(import.meta.url).resolve("typescript/bin/tsc");
  execFileSync(process.execPath, [tsc, "-p", join(root, "tsconfig.build.json")], { stdio: "inherit" });
  const needed = new Set();
  const visit = (file) => {
    if (needed.has(file)) return;
    if (!existsSync(file)) throw new Error(`there is no ${file}: name its entry point in tsconfig.build.json`);
    needed.add(file);
    for (const [, path] of readFileSync(file, "utf8").matchAll(NAMED)) visit(join(dirname(file), `${path}.d.ts`));
  };
  for (const { types } of Object.values(manifest.exports)) if (types !== undefined) visit(join(root, types));
  prune(join(root, "dist"), needed);
}

/** Removes declarations that are not needed, and the folders that are empty then. */
function prune(folder, needed) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) prune(path, needed);
    else if (path.endsWith(".d.ts") && !needed.has(path)) rmSync(path);
  }
  if (readdirSync(folder).length === 0) rmdirSync(folder);
}
