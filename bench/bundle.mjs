/**
 * The core entry with its dependency in one minified file. Guarantees: nothing is left out of it but the modules of
 * Node; the bundle is a module that works, as the program that measures its memory shows.
 */
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { rolldown } from "rolldown";

const entry = fileURLToPath(new URL("../dist/index.js", import.meta.url));

/**
 * @typedef {object} Bundle
 * @property {number} bytes
 * @property {number} gzipBytes
 */

/**
 * @param {string} into the file to write
 * @returns {Promise<Bundle>}
 */
export async function makeBundle(into) {
  const bundle = await rolldown({
    input: entry,
    platform: "node",
    external: /^node:/,
    // The dependency ships both forms; the one made of modules is what an import gets, and what can be cut down.
    resolve: { mainFields: ["module", "main"] },
  });
  const { output } = await bundle.write({ file: into, format: "esm", minify: true, codeSplitting: false });
  await bundle.close();
  const [{ code }] = output;
  return { bytes: Buffer.byteLength(code), gzipBytes: gzipSync(code, { level: 9 }).length };
}
