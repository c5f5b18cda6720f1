/**
 * Text as UTF-8. Guarantees: what is read was valid UTF-8 to the last byte (a byte order mark is text like any other),
 * and a string that UTF-8 cannot hold is found before it is written.
 */
/// <reference lib="es2024.string" />
import { LlmdbError } from "../pager/error.js";
import { asciiText, isAscii, SHORT_TEXT_BYTES } from "./ascii.js";

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

interface NativeText {
  utf8Slice?(this: Uint8Array, start: number, end: number): string;
}

// Node has this on Buffer only and does not document it, so it may be missing one day.
const utf8Slice = (Buffer.prototype as NativeText).utf8Slice;

/**
 * Reads `bytes[start..end)` as UTF-8.
 *
 * @throws LlmdbError `LLMDB_CORRUPT` where the bytes are not valid UTF-8, or longer than a string can be
 */
export function readUtf8(bytes: Uint8Array, start: number, end: number): string {
  if (end - start <= SHORT_TEXT_BYTES && isAscii(bytes, start, end)) return asciiText(bytes, start, end - start);
  try {
    if (utf8Slice !== undefined) {
      const text = utf8Slice.call(bytes, start, end);
      // The native reader writes U+FFFD for what is not UTF-8, and for U+FFFD itself: only then ask the strict one.
      if (!text.includes("\ufffd")) return text;
    }
    return strict.decode(bytes.subarray(start, end));
  } catch (cause) {
    throw new LlmdbError("LLMDB_CORRUPT", "stored text is not valid UTF-8; run verify()", {}, { cause });
  }
}

let scratch = new Uint8Array(0);
const SCRATCH_BYTES = 24 * 1024;

/**
 * The UTF-8 of a text. Short texts share one buffer: the bytes are valid until the next call.
 *
 * The text must be well formed: see {@link requireWellFormed}.
 */
export function writeUtf8(text: string): Uint8Array {
  if (text.length * 3 > SCRATCH_BYTES) return encoder.encode(text);
  if (scratch.length === 0) scratch = new Uint8Array(SCRATCH_BYTES);
  return scratch.subarray(0, encoder.encodeInto(text, scratch).written);
}

/**
 * Refuses a text with half a surrogate pair, which UTF-8 cannot hold: it would not read back the same.
 *
 * @param what names the text in the message, as in "a key"
 * @throws LlmdbError `LLMDB_INVALID_ARGUMENT` with the index of the lone surrogate
 */
export function requireWellFormed(text: string, what: string): void {
  if (text.isWellFormed()) return;
  let index = 0;
  for (const character of text) {
    if (!character.isWellFormed()) break;
    index += character.length;
  }
  throw loneSurrogate(index, what);
}

/** The error for a lone surrogate at an index of `what`. */
export function loneSurrogate(index: number, what: string): LlmdbError {
  return new LlmdbError(
    "LLMDB_INVALID_ARGUMENT",
    `${what} has half a surrogate pair at index ${index}, which is not text; use toWellFormed() to replace it`,
    { index },
  );
}
