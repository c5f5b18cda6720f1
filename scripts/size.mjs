/**
 * What each entry point makes a program load, with a ceiling. Guarantees: what is counted is what Node reads before the
 * first line of the program runs, in the files as they are shipped; anything above its ceiling is exit code 1.
 *
 *     npm run size
 */
import { gzipSync } from "node:zlib";
import { bundle, entryPoints, loadedWith } from "./bundle.mjs";

/**
 * Thousands of bytes, as shipped and through gzip, some percent above what is there. A change that needs more raises
 * its ceiling, and says why.
 */
const CEILINGS = {
  llmdb: { shipped: 780, gzip: 195 },
  "llmdb/level": { shipped: 790, gzip: 198 },
  "llmdb/memory": { shipped: 890, gzip: 225 },
  "llmdb/testing": { shipped: 920, gzip: 232 },
  "the command": { shipped: 160, gzip: 42 },
  "the command mcp, until it answers": { shipped: 725, gzip: 157 },
};

const chunks = await bundle();
const files = entryPoints().map(({ name, file }) => [
  name.startsWith(".") ? `llmdb${name.slice(1)}` : "the command",
  file,
]);
const loaded = new Map(files.map(([name, file]) => [name, loadedWith(file, chunks)]));
const server = ["cli/mcp.js", "server/mcp/serve.js"].flatMap((file) => loadedWith(file, chunks));
loaded.set("the command mcp, until it answers", [...new Set([...loaded.get("the command"), ...server])]);

for (const [name, parts] of loaded) {
  const code = parts.map((part) => part.code).join("");
  const size = { shipped: code.length / 1000, gzip: gzipSync(code, { level: 9 }).length / 1000 };
  const ceiling = CEILINGS[name];
  if (ceiling === undefined) throw new Error(`${name} has no ceiling in scripts/size.mjs`);
  const columns = ["shipped", "gzip"].map(
    (kind) => `${kind} ${size[kind].toFixed(0).padStart(4)} of ${ceiling[kind]} kB`,
  );
  console.log(`${name.padEnd(34)} ${parts.length} files  ${columns.join("  ")}`);
  for (const kind of ["shipped", "gzip"]) {
    if (size[kind] <= ceiling[kind]) continue;
    console.error(`${name} is ${size[kind].toFixed(0)} kB ${kind}, above its ceiling of ${ceiling[kind]} kB`);
    process.exitCode = 1;
  }
}
