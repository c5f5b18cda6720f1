/**
 * Reads encoded keys. Guarantees: whatever decodes encodes to the same bytes again; anything else is `LLMDB_CORRUPT`,
 * found without reading past the key.
 */
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
import { readMagnitude } from "./magnitude.js";
import { readUtf8 } from "./utf8.js";

const float = new DataView(new ArrayBuffer(8));

// No foreign code runs while a key is read, so the place of reading is kept here and costs no object.
const nothing = new Uint8Array(0);
let source: Uint8Array = nothing;
let at = 0;
let stop = 0;

/**
 * Decodes the key in `bytes[offset..offset + length)`; the result keeps nothing of `bytes`. Integers in the safe range
 * come back as numbers, other integers as bigints, fractions and infinities as numbers.
 *
 * @throws LlmdbError `LLMDB_CORRUPT` where the bytes are not what `encodeKey` writes
 */
export function decodeKey(bytes: Uint8Array, offset: number, length: number): Key {
  const end = offset + length;
  if (length < 1 || offset < 0 || end > bytes.length) throw malformed("its length is wrong");
  const tag = bytes[offset];
  if (tag === STRING) return readUtf8(bytes, offset + 1, end);
  if (tag === BYTES) return new Uint8Array(bytes.subarray(offset + 1, end));
  source = bytes;
  at = offset;
  stop = end;
  const key = readKey(0);
  source = nothing;
  if (at !== stop) throw malformed("it goes on after its end");
  return key;
}

/**
 * Decodes a key in the form that it has inside a tuple, as `encodeElement` wrote it.
 *
 * @throws LlmdbError `LLMDB_CORRUPT`
 */
export function decodeElement(bytes: Uint8Array, offset: number, length: number): Key {
  if (length < 1 || offset < 0 || offset + length > bytes.length) throw malformed("its length is wrong");
  source = bytes;
  at = offset;
  stop = offset + length;
  const key = readKey(1);
  source = nothing;
  if (at !== stop) throw malformed("it goes on after its end");
  return key;
}

function readKey(depth: number): Key {
  const tag = readByte();
  if (tag === STRING) return readInnerText();
  if (tag === BYTES) return readInnerBytes(innerEnd());
  if (tag === TUPLE) return readTuple(depth + 1);
  if (tag >= MIRROR - INFINITE && tag <= INFINITE) return readNumber(tag);
  if (tag === NULL) return null;
  if (tag === FALSE || tag === TRUE) return tag === TRUE;
  throw malformed(`no type has the tag ${tag}`);
}

function readTuple(depth: number): Key[] {
  if (depth > MAX_KEY_DEPTH) throw malformed("its tuples nest too deep");
  const tuple: Key[] = [];
  if (depth === 1) {
    while (at < stop) tuple.push(readKey(depth));
    return tuple;
  }
  while (at < stop && source[at] !== END) tuple.push(readKey(depth));
  readByte();
  return tuple;
}

function readInnerText(): string {
  const start = at;
  const end = innerEnd();
  for (let i = start; i < end; i++) {
    if (source[i] === ESCAPE) {
      const bytes = readInnerBytes(end);
      return readUtf8(bytes, 0, bytes.length);
    }
  }
  at = end + 1;
  return readUtf8(source, start, end);
}

/** Where the byte is that ends text or bytes inside a tuple. */
function innerEnd(): number {
  for (let i = at; i < stop; i++) if (source[i] === END) return i;
  throw malformed("an element has no end");
}

/** Undoes the escapes up to `end`, and goes on after it. */
function readInnerBytes(end: number): Uint8Array {
  const bytes = new Uint8Array(end - at);
  let length = 0;
  while (at < end) {
    const byte = source[at++];
    if (byte === ESCAPE) {
      const code = source[at++];
      if (code !== 1 && code !== 2) throw malformed("it has an unknown escape");
      bytes[length++] = code - 1;
    } else {
      bytes[length++] = byte;
    }
  }
  at = end + 1;
  return length === bytes.length ? bytes : bytes.slice(0, length);
}

function readNumber(tag: number): number | bigint {
  if (tag === ZERO) return 0;
  const negative = tag < ZERO;
  const flip = negative ? 0xff : 0;
  const kind = negative ? MIRROR - tag : tag;
  const size =
    kind === FRACTION
      ? readFraction(flip)
      : kind === INFINITE
        ? Number.POSITIVE_INFINITY
        : kind === HUGE
          ? readHuge(flip)
          : readWhole(kind - WHOLE, flip);
  return negative ? -size : size;
}

/** A double between 0 and 1. */
function readFraction(flip: number): number {
  float.setUint32(0, readUint(4, flip));
  float.setUint32(4, readUint(4, flip));
  const size = float.getFloat64(0);
  if (!(size > 0 && size < 1)) throw malformed("a fraction is not between 0 and 1");
  return size;
}

/** A whole number below 2^63 and its fraction, if the lowest bit says that there is one. */
function readWhole(count: number, flip: number): number | bigint {
  const first = at;
  const high = count > 4 ? readUint(count - 4, flip) : 0;
  const low = readUint(count > 4 ? 4 : count, flip);
  if ((source[first] ^ flip) === 0) throw malformed("a number has a leading zero");
  const whole = high * 2 ** 31 + (low >>> 1);
  if ((low & 1) === 0) {
    return whole <= Number.MAX_SAFE_INTEGER ? whole : BigInt(high) * 0x80000000n + BigInt(low >>> 1);
  }
  const upper = readUint(3, flip);
  const lower = readUint(4, flip);
  const fraction = upper / 2 ** 24 + lower / 2 ** 56;
  const size = whole + fraction;
  // From 1 on a double has no bits below 2^-52; with those four clear the sums above are exact, or seen not to be.
  if (whole === 0 || fraction === 0 || (lower & 15) !== 0 || size - whole !== fraction || high >= 2 ** 22) {
    throw malformed("a number has a fraction that no double has");
  }
  return size;
}

/** An integer from 2^63. */
function readHuge(flip: number): bigint {
  const count = readUint(2, flip);
  const first = at;
  at += count;
  if (at > stop) throw malformed("a number is longer than the key");
  if (count < 8 || (source[first] ^ flip) < (count === 8 ? 0x80 : 1)) throw malformed("a number is too short");
  return readMagnitude(source, first, at, flip);
}

function readUint(count: number, flip: number): number {
  let value = 0;
  for (let i = 0; i < count; i++) value = value * 256 + (readByte() ^ flip);
  return value;
}

function readByte(): number {
  if (at >= stop) throw malformed("it stops short");
  return source[at++];
}

function malformed(why: string): LlmdbError {
  return new LlmdbError("LLMDB_CORRUPT", `a stored key is malformed: ${why}; run verify()`);
}
