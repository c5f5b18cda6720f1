/**
 * The core entry with its dependency in one minified file. Guarantees: nothing is left out of it but the modules of
 * Node; the bundle is a module that works, as the program that measures its memory shows.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const entry = fileURLToPath(new URL("../dist/index.js", import.meta.url));
const PACKAGE = /node_modules\/((?:@[^/]+\/)?[^/]+)\//;

/**
 * @typedef {object} Bundle
 * @property {number} bytes
 * @property {number} gzipBytes
 * @property {Record<string, number>} byFolder bytes of each folder or package
 * @property {[file: string, bytes: number][]} largest
 */

/**
 * @param {string} into the file to write
 * @returns {Promise<Bundle | { skipped: string }>}
 */
export async function makeBundle(into) {
  const esbuild = loadBundler();
  if (esbuild === undefined) return { skipped: "esbuild is not installed, see the output of npm install" };
  const { metafile } = await esbuild.build({
    entryPoints: [entry],
    outfile: into,
    bundle: true,
    minify: true,
    platform: "node",
    format: "esm",
    target: "node20",
    // The dependency ships both forms; the one made of modules is what an import gets, and what can be cut down.
    mainFields: ["module", "main"],
    metafile: true,
    logLevel: "error",
  });
  const [output] = Object.values(metafile.outputs);
  const parts = Object.entries(output.inputs).map(([file, { bytesInOutput }]) => [shortName(file), bytesInOutput]);
  const byFolder = {};
  for (const [file, bytes] of parts) {
    const folder = PACKAGE.exec(file)?.[1] ?? file.split("/")[0];
    byFolder[folder] = (byFolder[folder] ?? 0) + bytes;
  }
  return {
    bytes: output.bytes,
    gzipBytes: gzipSync(readFileSync(into), { level: 9 }).length,
    byFolder: Object.fromEntries(Object.entries(byFolder).sort(([, a], [, b]) => b - a)),
    largest: parts.sort(([, a], [, b]) => b - a).slice(0, 10),
  };
}

function loadBundler() {
  try {
    return createRequire(import.meta.url)("esbuild");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "MODULE_NOT_FOUND") return undefined;
    throw error;
  }
}

/** From the top of the repository, or from `node_modules`. */
function shortName(file) {
  const installed = file.lastIndexOf("node_modules/");
  if (installed >= 0) return file.slice(installed);
  return file.slice(file.lastIndexOf("dist/") + "dist/".length);
}
