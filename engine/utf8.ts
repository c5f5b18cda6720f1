/**
 * Text as UTF-8. Guarantees: what is read was valid UTF-8 to the last byte (a byte order mark is text like any other),
 * and a string that UTF-8 cannot hold is found before it is written.
 */
/// <reference lib="es2024.string" />
import { LlmdbError } from "../pager/error.js";

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** Up to this length one call of `String.fromCharCode` beats every native decoder. */
const SHORT = 16;

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
  // Node 20: 13 bytes 28 ns by one fromCharCode, 62 by utf8Slice, 102 by TextDecoder; 40 bytes 90, 66 and 108 ns.
  if (end - start <= SHORT) {
    let all = 0;
    for (let i = start; i < end; i++) all |= bytes[i];
    if (all < 0x80) return shortAscii(bytes, start, end - start);
  }
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

/** Exact number of arguments: pieces joined with `+` make a rope, which costs again when the string is used. */
function shortAscii(b: Uint8Array, i: number, length: number): string {
  const text = String.fromCharCode;
  // biome-ignore format: one case a length
  switch (length) {
    case 0: return "";
    case 1: return text(b[i]);
    case 2: return text(b[i], b[i + 1]);
    case 3: return text(b[i], b[i + 1], b[i + 2]);
    case 4: return text(b[i], b[i + 1], b[i + 2], b[i + 3]);
    case 5: return text(b[i], b[i + 1], b[i + 2], b[i + 3], b[i + 4]);
    case 6: return text(b[i], b[i + 1], b[i + 2], b[i + 3], b[i + 4], b[i + 5]);
    case 7: return text(b[i], b[i + 1], b[i + 2], b[i + 3], b[i + 4], b[i + 5], b[i + 6]);
    case 8: return text(b[i], b[i + 1], b[i + 2], b[i + 3], b[i + 4], b[i + 5], b[i + 6], b[i + 7]);
    case 9: return text(b[i], b[i + 1], b[i + 2], b[i + 3], b[i + 4], b[i + 5], b[i + 6], b[i + 7], b[i + 8]);
    case 10: return text(
      b[i], b[i + 1], b[i + 2], b[i + 3], b[i + 4], b[i + 5], b[i + 6], b[i + 7],
      b[i + 8], b[i + 9]);
    case 11: return text(
      b[i], b[i + 1], b[i + 2], b[i + 3], b[i + 4], b[i + 5], b[i + 6], b[i + 7],
      b[i + 8], b[i + 9], b[i + 10]);
    case 12: return text(
      b[i], b[i + 1], b[i + 2], b[i + 3], b[i + 4], b[i + 5], b[i + 6], b[i + 7],
      b[i + 8], b[i + 9], b[i + 10], b[i + 11]);
    case 13: return text(
      b[i], b[i + 1], b[i + 2], b[i + 3], b[i + 4], b[i + 5], b[i + 6], b[i + 7],
      b[i + 8], b[i + 9], b[i + 10], b[i + 11], b[i + 12]);
    case 14: return text(
      b[i], b[i + 1], b[i + 2], b[i + 3], b[i + 4], b[i + 5], b[i + 6], b[i + 7],
      b[i + 8], b[i + 9], b[i + 10], b[i + 11], b[i + 12], b[i + 13]);
    case 15: return text(
      b[i], b[i + 1], b[i + 2], b[i + 3], b[i + 4], b[i + 5], b[i + 6], b[i + 7],
      b[i + 8], b[i + 9], b[i + 10], b[i + 11], b[i + 12], b[i + 13], b[i + 14]);
    default: return text(
      b[i], b[i + 1], b[i + 2], b[i + 3], b[i + 4], b[i + 5], b[i + 6], b[i + 7],
      b[i + 8], b[i + 9], b[i + 10], b[i + 11], b[i + 12], b[i + 13], b[i + 14], b[i + 15]);
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
