/**
 * Modules as text. Guarantees: the text format is read by the package `wabt`, which is loaded only for that, and need
 * not be there; a text that breaks the package does not break the next one.
 */
import { LlmdbError } from "../pager/error.js";
import { refusal } from "./refusal.js";
import { webAssembly } from "./web-assembly.js";

/** What is used of `wabt`. */
interface TextModule {
  toBinary(options: object): { buffer: Uint8Array };
  destroy(): void;
}
type TextTools = { parseWat(name: string, text: string, features: object): TextModule };

/** The proposals that are accepted, as `wabt` names them. */
const FEATURES = {
  mutable_globals: true,
  sat_float_to_int: true,
  sign_extension: true,
  simd: true,
  multi_value: true,
  bulk_memory: true,
  reference_types: true,
  extended_const: true,
};

let tools: Promise<TextTools> | undefined;

/**
 * The binary form of a module that is given as text.
 *
 * @throws LlmdbError (rejects) `LLMDB_UNSUPPORTED` without the package, `LLMDB_WASM_REFUSED` for a text that is none
 */
export async function bytesOfText(text: string): Promise<Uint8Array> {
  tools ??= loadTools();
  const { parseWat } = await tools;
  let module: TextModule | undefined;
  try {
    module = parseWat("module.wat", text, FEATURES);
    return new Uint8Array(module.toBinary({}).buffer);
  } catch (error) {
    if (isBroken(error)) {
      // It is of no use any more; the next text gets a new one.
      tools = undefined;
      module = undefined;
      throw refusal("its text is too deep or too large for the package wabt; give the module in binary form");
    }
    throw refusal(`its text is not valid: ${error instanceof Error ? error.message : String(error)}`);
  } finally {
    module?.destroy();
  }
}

/** Whether `wabt` itself failed: it is WebAssembly too, and runs out of stack on a text that is nested too deep. */
function isBroken(error: unknown): boolean {
  return error instanceof webAssembly.RuntimeError || error instanceof RangeError;
}

async function loadTools(): Promise<TextTools> {
  // Named so that no one who bundles this has to have it.
  const name = "wabt";
  try {
    const loaded: { default: () => Promise<TextTools> } = await import(name);
    return await loaded.default();
  } catch (cause) {
    tools = undefined;
    throw new LlmdbError(
      "LLMDB_UNSUPPORTED",
      "a module as text needs the package wabt: npm install wabt; or give the module in binary form",
      {},
      { cause },
    );
  }
}
