/**
 * Prints the digest of the scripts in a file, and nothing else: what other engines and compilers are asked for.
 *
 *     node [flags of V8] digest.js scripts.json
 */
import { readFileSync } from "node:fs";
import { Comparison } from "./comparison.js";
import { readScripts } from "./script.js";

const comparison = new Comparison(true);
for (const script of readScripts(readFileSync(process.argv[2], "utf8"))) comparison.run(script);
for (const failure of comparison.failures) console.error(failure);
console.log(comparison.digest());
