/**
 * The smallest programs: what they take of memory is node, and the engine. Guarantees: no program loads more than it
 * uses, not even a stream to print to; it prints one line of JSON when it has done its work, and stays alive.
 */

const REPORT = (figures) => `writeSync(1, JSON.stringify(${figures}) + "\\n");
setInterval(() => {}, 1e6);`;

/** Node alone, running a module. What it imports is in every node process. */
export const BARE = `import { writeSync } from "node:fs";
${REPORT("{}")}`;

/** Node alone, running a script of the older kind. */
export const BARE_SCRIPT = `const { writeSync } = require("node:fs");
${REPORT("{}")}`;

/** Node with what the engine takes from it, and no engine. */
export const BUILT_INS = `import "node:crypto";
import { writeSync } from "node:fs";
import "node:module";
import "node:net";
import "node:os";
import "node:path";
import "node:util";
import "node:worker_threads";
import "node:zlib";
${REPORT("{}")}`;

/** @param {string} module the address of what is imported */
export function importing(module) {
  return `import { writeSync } from "node:fs";
import { open } from ${JSON.stringify(module)};
${REPORT("{ is: typeof open }")}`;
}

/**
 * Opens a file and reads one value.
 *
 * @param {string} module
 * @param {string} path
 * @param {string} key that is in the map `entries`
 */
export function openingAndGetting(module, path, key) {
  return `import { writeSync } from "node:fs";
import { open } from ${JSON.stringify(module)};
const start = performance.now();
const db = open(${JSON.stringify(path)});
const opened = performance.now();
const value = db.map("entries", { values: "bytes" }).getBytes(${JSON.stringify(key)});
const got = performance.now();
if (value === undefined) throw new Error("there is no such key");
${REPORT("{ openNs: (opened - start) * 1e6, getNs: (got - opened) * 1e6 }")}`;
}
