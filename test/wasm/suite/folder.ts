/**
 * Where the official test suite is: the folder named by LLMDB_WASM_TESTSUITE, or one of the usual places.
 *
 * The scripts are not part of the repository: https://github.com/WebAssembly/testsuite
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../../sources.js";
import { Assembler } from "./assembler.js";
import { parseScript, type Script } from "./script.js";

const usual = ["test/data/wasm-testsuite", "../shared/data/wasm-testsuite"].map((path) => join(root, path));

/** Undefined where there is none. */
export const suiteFolder = [process.env.LLMDB_WASM_TESTSUITE, ...usual].find(
  (folder) => folder !== undefined && existsSync(join(folder, "i32.wast")),
);

/** Every script of the folder, not of the proposals below it, in the order of their names. */
export async function readSuite(folder: string): Promise<Script[]> {
  const assembler = await Assembler.create();
  const names = readdirSync(folder).filter((name) => name.endsWith(".wast"));
  return names.sort().map((name) => parseScript(name, readFileSync(join(folder, name), "utf8"), assembler));
}
