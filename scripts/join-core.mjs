/**
 * Joins the compiled core into one file, `dist/core.js`, which the compiled modules then take their exports from.
 * Guarantees: every compiled module keeps its place, its exports and its declarations, so that all that imports one
 * meets the same classes; the rest of `dist/` is as the compiler left it.
 *
 * Node's loader takes memory and time for each module, and with more than a hundred of them its own code is optimized
 * as hot, which takes another 4 MB.
 */
import { readdirSync } from "node:fs";
import { join, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const dist = fileURLToPath(new URL("../dist", import.meta.url));
const LAYERS = ["pager", "btree", "wal", "mvcc", "engine", "temporal", "catalog", "wasm"];
/** The dependency comes as modules for bundlers only: Node itself would load its CommonJS form, at 5 MB. */
const DEPENDENCY = "@msgpack/msgpack";

const modules = LAYERS.flatMap((layer) => readdirSync(join(dist, layer)).map((name) => `${layer}/${name}`));
/** What a thread of its own starts from: joined, it would begin wherever the core is loaded. */
const OWN = "wasm/page-worker.js";
const names = ["index.js", ...modules].filter((name) => name.endsWith(".js") && name !== OWN);

const bundle = await rolldown({
  input: Object.fromEntries(names.map((name) => [name.slice(0, -".js".length), join(dist, name)])),
  platform: "node",
  external: /^node:/,
  resolve: { mainFields: ["module", "main"] },
  preserveEntrySignatures: "strict",
});
const { output } = await bundle.write({
  dir: dist,
  format: "esm",
  entryFileNames: "[name].js",
  chunkFileNames: "[name].js",
  codeSplitting: { groups: [{ name: "core", test: (id) => id.startsWith(dist + sep) || id.includes(DEPENDENCY) }] },
  // It stays legible, for stack traces; what comments say is in the declarations and the source.
  minify: false,
  comments: false,
});
await bundle.close();
const files = output.map(({ fileName }) => fileName).filter((name) => !names.includes(name));
if (files.join() !== "core.js") throw new Error(`the core is not one file: ${files.join(", ")}`);
