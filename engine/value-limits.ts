/**
 * How large and how sparse a value may be. Guarantees: the errors say what to do instead.
 */
import { LlmdbError } from "../pager/error.js";

/** The longest value in bytes, after encoding. */
export const MAX_VALUE_BYTES = 2 ** 30;

/** An array with more holes than this is refused: it claims a length, and each hole would be stored as a null. */
export const MAX_HOLES = 2 ** 20;

/** The error for a value past {@link MAX_VALUE_BYTES}. */
export function tooLarge(options?: { cause: unknown }): LlmdbError {
  return new LlmdbError(
    "LLMDB_VALUE_TOO_LARGE",
    "the value takes more than 1 GiB, or more memory than there is; store it in parts under several keys",
    { limit: MAX_VALUE_BYTES },
    options,
  );
}

/** The error for a value past {@link MAX_HOLES}. */
export function tooSparse(): LlmdbError {
  return new LlmdbError(
    "LLMDB_VALUE_TOO_LARGE",
    `an array of the value has more than ${MAX_HOLES} holes; store what it has under keys or properties of its own`,
    { holes: MAX_HOLES },
  );
}
