/**
 * Why a module is not accepted. Guarantees: one error, `LLMDB_WASM_REFUSED`, whose message names what was met and,
 * where it is known, the byte and the function; nothing was run and nothing was stored.
 */
import { LlmdbError } from "../pager/error.js";

/** Where in a module it was met. */
export interface RefusedAt {
  /** The byte of the module. */
  readonly offset?: number;
  /** The number of the function, imported ones counted. */
  readonly function?: number;
}

/**
 * @param what completes the sentence "the module was refused: ..."
 */
export function refusal(what: string, at: RefusedAt = {}): LlmdbError {
  const inFunction = at.function === undefined ? "" : ` in function ${at.function}`;
  const atByte = at.offset === undefined ? "" : ` at byte ${at.offset}`;
  return new LlmdbError("LLMDB_WASM_REFUSED", `the module was refused: ${what}${inFunction}${atByte}`, {
    what,
    ...at,
  });
}
