/**
 * Keys as bytes. Guarantees: comparing two encoded keys byte by byte gives the order of the keys, within and across
 * types; equal keys have equal bytes and every key has one encoding only; inside a tuple no element's bytes begin
 * another's, so the bytes of a prefix begin exactly the keys that have it. `docs/keys.md` has the byte table.
 */

import { isDate, isUint8Array } from "node:util/types";
import { KEY_PADDING, type PaddedKey, padKey } from "../btree/key-bytes.js";
import { LlmdbError } from "../pager/error.js";
import {
  BYTES,
  END,
  ESCAPE,
  FALSE,
  FRACTION,
  HUGE,
  INFINITE,
  type Key,
  MAX_KEY_DEPTH,
  MIRROR,
  NULL,
  STRING,
  TRUE,
  TUPLE,
  WHOLE,
  ZERO,
} from "./key-tags.js";
import { magnitudeHex, writeMagnitude } from "./magnitude.js";
import { loneSurrogate } from "./utf8.js";

export { decodeElement, decodeKey } from "./key-reader.js";
export type { Key } from "./key-tags.js";

/** Room that any key but a string, bytes or a huge bigint fits in. */
const SMALL = 16;

const float = new DataView(new ArrayBuffer(8));

/**
 * One reused buffer that keys are encoded into. The key is `bytes[0..length)`, padded.
 * `bytes` is replaced when the buffer grows, so it must be read again after each encoding.
 */
export class KeyBuffer implements PaddedKey {
  bytes = new Uint8Array(512);
  length = 0;
  /** Counts encodings, so that one that starts in the middle of another is noticed. */
  turn = 0;

  /** Makes room for `count` bytes and the padding; keeps what is there. */
  reserve(count: number): void {
    if (count + KEY_PADDING <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(count + KEY_PADDING, this.bytes.length * 2));
    grown.set(this.bytes);
    this.bytes = grown;
  }

  /** Ends the key at `length`. */
  finish(length: number): void {
    padKey(this.bytes, length);
    this.length = length;
  }
}

/**
 * Encodes a key into `into`. After an error `into` holds no key, and its length is 0.
 *
 * @throws LlmdbError `LLMDB_INVALID_ARGUMENT` for what cannot be a key, `LLMDB_KEY_TOO_LONG` past `maxBytes`
 */
export function encodeKey(key: Key, into: KeyBuffer, maxBytes: number): void {
  into.length = 0;
  const turn = ++into.turn;
  const end = writeKey(key, into, 0, maxBytes, 0);
  if (end > maxBytes) throw tooLong(maxBytes);
  if (into.turn !== turn) {
    into.length = 0;
    throw invalid("an array that uses the database while it is read (a getter or a Proxy)");
  }
  into.finish(end);
}

/**
 * Encodes a key behind the `at` bytes that are in `into`, in the form that it has inside a tuple: no key's bytes begin
 * another's, so that more can follow. The order is that of keys. Returns the end; the caller finishes the buffer.
 *
 * @throws LlmdbError as {@link encodeKey}
 */
export function encodeElement(key: Key, into: KeyBuffer, at: number, maxBytes: number): number {
  into.length = 0;
  const turn = ++into.turn;
  const end = writeKey(key, into, at, maxBytes, 1);
  if (end > maxBytes) throw tooLong(maxBytes);
  if (into.turn !== turn) throw invalid("an array that uses the database while it is read (a getter or a Proxy)");
  return end;
}

/**
 * As {@link encodeElement}, for a prefix: exactly the elements that have it start with the bytes.
 *
 * @throws LlmdbError as {@link encodePrefix}
 */
export function encodeElementPrefix(prefix: Key, into: KeyBuffer, at: number, maxBytes: number): number {
  requirePrefix(prefix);
  // Strings, bytes and tuples inside a tuple end with one byte.
  return encodeElement(prefix, into, at, maxBytes) - 1;
}

/**
 * Encodes a prefix: exactly the keys that have it start with the bytes. A string is the prefix of strings, a
 * `Uint8Array` of bytes, a tuple of the tuples whose first elements are its own.
 *
 * @throws LlmdbError `LLMDB_INVALID_ARGUMENT` for other types, and as {@link encodeKey}
 */
export function encodePrefix(prefix: Key, into: KeyBuffer, maxBytes: number): void {
  into.length = 0;
  requirePrefix(prefix);
  // Nothing is terminated at the top level, so the encoding of a key is that of the prefix too.
  encodeKey(prefix, into, maxBytes);
}

function requirePrefix(prefix: Key): void {
  if (typeof prefix === "string" || Array.isArray(prefix) || isUint8Array(prefix)) return;
  throw new LlmdbError("LLMDB_INVALID_ARGUMENT", `a prefix is a string, bytes or an array, not ${describe(prefix)}`);
}

/**
 * Turns the bytes in `into` into the first ones that come after everything that starts with them.
 *
 * @returns false where there are none, because every byte is FF; no key starts like that
 */
export function keyAfterPrefix(into: KeyBuffer): boolean {
  let last = into.length - 1;
  while (last >= 0 && into.bytes[last] === 0xff) last--;
  if (last < 0) return false;
  into.bytes[last]++;
  for (let i = last + 1; i < into.length; i++) into.bytes[i] = 0;
  into.length = last + 1;
  return true;
}

/** Writes one key or, where `depth` is not 0, one element of a tuple; returns the end. */
function writeKey(key: unknown, into: KeyBuffer, at: number, maxBytes: number, depth: number): number {
  if (typeof key === "string") return writeString(key, into, at, maxBytes, depth > 0);
  into.reserve(at + SMALL);
  if (typeof key === "number") {
    if (Math.abs(key) >= 2 ** 63 && Number.isFinite(key)) return writeBigint(BigInt(key), into, at, maxBytes);
    return writeNumber(key, into.bytes, at);
  }
  if (typeof key === "bigint") return writeBigint(key, into, at, maxBytes);
  if (key === null || typeof key === "boolean") {
    into.bytes[at] = key === null ? NULL : key ? TRUE : FALSE;
    return at + 1;
  }
  if (Array.isArray(key)) return writeTuple(key, into, at, maxBytes, depth + 1);
  if (isUint8Array(key)) return writeBytes(key, into, at, maxBytes, depth > 0);
  throw invalid(describe(key));
}

function writeTuple(tuple: readonly unknown[], into: KeyBuffer, at: number, maxBytes: number, depth: number): number {
  if (depth > MAX_KEY_DEPTH) throw invalid(`arrays nested deeper than ${MAX_KEY_DEPTH}, or inside themselves`);
  into.bytes[at++] = TUPLE;
  for (let i = 0; i < tuple.length; i++) {
    at = writeKey(tuple[i], into, at, maxBytes, depth);
    if (at > maxBytes) throw tooLong(maxBytes);
  }
  if (depth > 1) {
    into.reserve(at + 1);
    into.bytes[at++] = END;
  }
  return at;
}

function writeString(text: string, into: KeyBuffer, at: number, maxBytes: number, inside: boolean): number {
  const length = text.length;
  if (length >= maxBytes) throw tooLong(maxBytes);
  into.reserve(at + 3 * length + 2);
  const bytes = into.bytes;
  const escaped = inside ? ESCAPE : -1;
  bytes[at++] = STRING;
  let i = 0;
  // Most keys are ASCII: by itself this loop takes a fifth less time than the one below.
  for (; i < length; i++) {
    const code = text.charCodeAt(i);
    if (code >= 0x80 || code <= escaped) break;
    bytes[at++] = code;
  }
  for (; i < length; i++) {
    let code = text.charCodeAt(i);
    if (code < 0x80) {
      if (code <= escaped) bytes[at++] = ESCAPE;
      bytes[at++] = code <= escaped ? code + 1 : code;
    } else if (code < 0x800) {
      bytes[at++] = 0xc0 | (code >> 6);
      bytes[at++] = 0x80 | (code & 0x3f);
    } else if (code < 0xd800 || code > 0xdfff) {
      bytes[at++] = 0xe0 | (code >> 12);
      bytes[at++] = 0x80 | ((code >> 6) & 0x3f);
      bytes[at++] = 0x80 | (code & 0x3f);
    } else {
      const low = i + 1 < length ? text.charCodeAt(i + 1) : 0;
      if (code > 0xdbff || low < 0xdc00 || low > 0xdfff) throw loneSurrogate(i, "a key");
      i++;
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
      bytes[at++] = 0xf0 | (code >> 18);
      bytes[at++] = 0x80 | ((code >> 12) & 0x3f);
      bytes[at++] = 0x80 | ((code >> 6) & 0x3f);
      bytes[at++] = 0x80 | (code & 0x3f);
    }
  }
  if (inside) bytes[at++] = END;
  return at;
}

function writeBytes(value: Uint8Array, into: KeyBuffer, at: number, maxBytes: number, inside: boolean): number {
  const length = value.length;
  if (length >= maxBytes) throw tooLong(maxBytes);
  into.reserve(at + 2 * length + 2);
  const bytes = into.bytes;
  bytes[at++] = BYTES;
  for (let i = 0; i < length; i++) {
    const byte = value[i];
    if (inside && byte <= ESCAPE) {
      bytes[at++] = ESCAPE;
      bytes[at++] = byte + 1;
    } else {
      bytes[at++] = byte;
    }
  }
  if (inside) bytes[at++] = END;
  return at;
}

/** Every number below 2^63 in size, and the infinities. */
function writeNumber(x: number, bytes: Uint8Array, at: number): number {
  const start = at;
  const size = Math.abs(x);
  if (size === 0) {
    bytes[at] = ZERO;
    return at + 1;
  }
  if (size >= 1 && size < 2 ** 63) {
    const whole = Math.floor(size);
    const high = Math.floor(whole / 2 ** 31);
    const fraction = size - whole;
    at = writeWhole(high, (whole - high * 2 ** 31) * 2 + (fraction > 0 ? 1 : 0), bytes, at);
    if (fraction > 0) {
      const upper = Math.floor(fraction * 2 ** 24);
      at = writeUint(upper, 3, bytes, at);
      at = writeUint((fraction * 2 ** 24 - upper) * 2 ** 32, 4, bytes, at);
    }
  } else if (size < 1) {
    float.setFloat64(0, size);
    bytes[at++] = FRACTION;
    at = writeUint(float.getUint32(0), 4, bytes, at);
    at = writeUint(float.getUint32(4), 4, bytes, at);
  } else if (size === Number.POSITIVE_INFINITY) {
    bytes[at++] = INFINITE;
  } else {
    throw invalid("NaN, which has no place in an order");
  }
  if (x < 0) mirror(bytes, start, at);
  return at;
}

function writeBigint(x: bigint, into: KeyBuffer, at: number, maxBytes: number): number {
  if (x >= Number.MIN_SAFE_INTEGER && x <= Number.MAX_SAFE_INTEGER) return writeNumber(Number(x), into.bytes, at);
  const start = at;
  const size = x < 0n ? -x : x;
  if (size < 0x8000000000000000n) {
    at = writeWhole(Number(size >> 31n), Number(size & 0x7fffffffn) * 2, into.bytes, at);
  } else {
    const hex = magnitudeHex(size);
    const length = hex.length / 2;
    if (length > 0xffff || length >= maxBytes) throw tooLong(Math.min(maxBytes, 0xffff));
    into.reserve(at + 3 + length);
    into.bytes[at++] = HUGE;
    at = writeUint(length, 2, into.bytes, at);
    at = writeMagnitude(hex, into.bytes, at);
  }
  if (x < 0n) mirror(into.bytes, start, at);
  return at;
}

/**
 * A whole number is written doubled, its lowest bit saying that a fraction follows: 1 < 1.5 < 2 is 2 < 3 < 4. `low` is
 * the lower 32 bits of that, `high` the upper.
 */
function writeWhole(high: number, low: number, bytes: Uint8Array, at: number): number {
  if (high === 0) {
    const count = 4 - (Math.clz32(low) >>> 3);
    bytes[at] = WHOLE + count;
    return writeUint(low, count, bytes, at + 1);
  }
  const count = 4 - (Math.clz32(high) >>> 3);
  bytes[at] = WHOLE + 4 + count;
  return writeUint(low, 4, bytes, writeUint(high, count, bytes, at + 1));
}

function writeUint(value: number, count: number, bytes: Uint8Array, at: number): number {
  for (let shift = (count - 1) * 8; shift >= 0; shift -= 8) bytes[at++] = value >>> shift;
  return at;
}

/** Turns the encoding of a positive number into that of its opposite. */
function mirror(bytes: Uint8Array, start: number, end: number): void {
  bytes[start] = MIRROR - bytes[start];
  for (let i = start + 1; i < end; i++) bytes[i] ^= 0xff;
}

function describe(value: unknown): string {
  if (value === undefined) return "undefined (a hole in an array reads as that)";
  if (isDate(value)) return "a Date (its getTime() can)";
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return "binary data that is not a Uint8Array";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

function invalid(what: string): LlmdbError {
  return new LlmdbError(
    "LLMDB_INVALID_ARGUMENT",
    `${what} cannot be a key; keys are strings, numbers, bigints, booleans, null, Uint8Arrays and arrays of these`,
  );
}

function tooLong(limit: number): LlmdbError {
  return new LlmdbError(
    "LLMDB_KEY_TOO_LONG",
    `the key takes more than ${limit} bytes; shorten it, store a hash of it, or create the database with larger pages`,
    { limit },
  );
}
