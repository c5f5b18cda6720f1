/**
 * Values as MessagePack. Guarantees: what is accepted reads back the same (the exceptions are in
 * {@link encodeMsgpack}), the rest is a typed error; what is read keeps nothing of the bytes it was read from, costs no
 * more memory than they account for, and never changes a prototype.
 */
import { isDate, isUint8Array } from "node:util/types";
import {
  decodeTimestampToTimeSpec,
  Encoder,
  EXT_TIMESTAMP,
  ExtData,
  encodeDateToTimeSpec,
  encodeTimeSpecToTimestamp,
} from "@msgpack/msgpack";
import { LlmdbError } from "../pager/error.js";
import { magnitudeHex, readMagnitude, writeMagnitude } from "./magnitude.js";
import { readUtf8, requireWellFormed } from "./utf8.js";

/** How deep arrays and objects may nest. */
export const MAX_VALUE_DEPTH = 500;

/** The extension type of a bigint: a sign byte (0 or 1), then the magnitude, big-endian. */
const EXT_BIGINT = 1;

/** An encoder that grew past this is dropped: one large value must not hold its memory for ever. */
const RETAINED_BYTES = 1024 * 1024;

const extensionCodec = {
  tryToEncode(value: unknown): ExtData | null {
    if (typeof value === "bigint") return encodeBigint(value);
    if (isDate(value)) return new ExtData(EXT_TIMESTAMP, encodeTimeSpecToTimestamp(encodeDateToTimeSpec(value)));
    return null;
  },
  decode(): never {
    throw new LlmdbError("LLMDB_UNSUPPORTED", "this codec only encodes");
  },
};

let encoder = newEncoder();

function newEncoder(): Encoder {
  return new Encoder({ extensionCodec, maxDepth: MAX_VALUE_DEPTH + 1, ignoreUndefined: true });
}

/**
 * Encodes a value: null, booleans, numbers, bigints of any size, strings, `Uint8Array`, `Date`, arrays and objects. The
 * bytes are valid until the next call.
 *
 * Reads back differently: -0 as 0; `undefined` as null in an array, and as nothing in an object; an instance of a class
 * as a plain object of its own enumerable properties; a `Buffer` as a `Uint8Array`. `toJSON` is not called, and
 * properties keyed by symbols are not stored.
 *
 * @throws LlmdbError `LLMDB_INVALID_ARGUMENT` for everything else: functions, symbols, `undefined` itself, `Map`,
 * `Set`, typed arrays but `Uint8Array`, an invalid `Date`, a lone surrogate, a cycle, more than
 * {@link MAX_VALUE_DEPTH} levels
 */
export function encodeMsgpack(value: unknown): Uint8Array {
  if (value === undefined) throw unstorable("undefined (delete the key instead)");
  check(value, 0);
  const bytes = encoder.encodeSharedRef(value);
  if (bytes.length > RETAINED_BYTES) encoder = newEncoder();
  return bytes;
}

// The encoder of the library writes a Map as {}, a Float64Array as its bytes, half a surrogate pair as U+FFFD when the
// text is long, and an invalid Date as 1970. So what it gets has been looked at.
function check(value: unknown, depth: number): void {
  const type = typeof value;
  if (type === "string") requireWellFormed(value as string, "a value");
  else if (type === "function" || type === "symbol") throw unstorable(`a ${type}`);
  else if (type === "object" && value !== null) checkObject(value as object, depth + 1);
}

function checkObject(value: object, depth: number): void {
  if (depth > MAX_VALUE_DEPTH) throw unstorable(`a value nested deeper than ${MAX_VALUE_DEPTH}, or inside itself,`);
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) check(value[i], depth);
  } else if (isPlain(value)) {
    for (const key of Object.keys(value)) {
      requireWellFormed(key, "the name of a property");
      check((value as Record<string, unknown>)[key], depth);
    }
  } else {
    checkBuiltin(value);
  }
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return true;
  return Object.prototype.toString.call(value) === "[object Object]";
}

function checkBuiltin(value: object): void {
  if (isUint8Array(value)) return;
  if (!isDate(value)) throw unstorable(`a ${Object.prototype.toString.call(value).slice(8, -1)}`);
  if (Number.isNaN(value.getTime())) throw unstorable("an invalid Date");
}

function unstorable(what: string): LlmdbError {
  return new LlmdbError(
    "LLMDB_INVALID_ARGUMENT",
    `${what} cannot be stored; store null, booleans, numbers, bigints, strings, Uint8Arrays, Dates, arrays, objects`,
  );
}

function encodeBigint(value: bigint): ExtData {
  const negative = value < 0n;
  const hex = magnitudeHex(negative ? -value : value);
  const bytes = new Uint8Array(1 + hex.length / 2);
  bytes[0] = negative ? 1 : 0;
  writeMagnitude(hex, bytes, 1);
  return new ExtData(EXT_BIGINT, bytes);
}

const float = new DataView(new ArrayBuffer(8));
/** Names of properties come again and again: the string that was made for the same bytes last time. */
const names: string[] = new Array(256).fill("");

// No foreign code runs while a value is read, so the place of reading is kept here and costs no object.
const nothing = new Uint8Array(0);
let source: Uint8Array = nothing;
let at = 0;

/**
 * Decodes a value. A property called `__proto__` is a plain property of its own.
 *
 * Written here and not by the library, whose decoder hands out views into the page, drops a byte order mark from long
 * text, reads past the end of broken UTF-8, and allocates an array of any length that the input claims.
 *
 * @throws LlmdbError `LLMDB_CORRUPT` where the bytes are not one whole value
 */
export function decodeMsgpack(bytes: Uint8Array): unknown {
  source = bytes;
  at = 0;
  const value = readValue(0);
  const extra = bytes.length - at;
  source = nothing;
  if (extra !== 0) throw malformed("it goes on after its end");
  return value;
}

function readValue(depth: number): unknown {
  const head = readByte();
  if (head < 0x80) return head;
  if (head < 0x90) return readObject(head - 0x80, depth + 1);
  if (head < 0xa0) return readArray(head - 0x90, depth + 1);
  if (head < 0xc0) return readText(head - 0xa0);
  if (head >= 0xe0) return head - 0x100;
  switch (head) {
    case 0xc0:
      return null;
    case 0xc2:
      return false;
    case 0xc3:
      return true;
    case 0xc4:
    case 0xc5:
    case 0xc6:
      return readBytes(readUint(1 << (head - 0xc4)));
    case 0xc7:
    case 0xc8:
    case 0xc9:
      return readExtension(readUint(1 << (head - 0xc7)));
    case 0xca:
      float.setUint32(0, readUint(4));
      return float.getFloat32(0);
    case 0xcb:
      float.setUint32(0, readUint(4));
      float.setUint32(4, readUint(4));
      return float.getFloat64(0);
    case 0xcc:
    case 0xcd:
    case 0xce:
      return readUint(1 << (head - 0xcc));
    case 0xcf:
      return readLong(false);
    case 0xd0:
      return (readByte() << 24) >> 24;
    case 0xd1:
      return (readUint(2) << 16) >> 16;
    case 0xd2:
      return readUint(4) | 0;
    case 0xd3:
      return readLong(true);
    case 0xd4:
    case 0xd5:
    case 0xd6:
    case 0xd7:
    case 0xd8:
      return readExtension(1 << (head - 0xd4));
    case 0xd9:
    case 0xda:
    case 0xdb:
      return readText(readUint(1 << (head - 0xd9)));
    case 0xdc:
    case 0xdd:
      return readArray(readUint(head === 0xdc ? 2 : 4), depth + 1);
    case 0xde:
    case 0xdf:
      return readObject(readUint(head === 0xde ? 2 : 4), depth + 1);
  }
  throw malformed(`no type has the byte ${head}`);
}

function readArray(count: number, depth: number): unknown[] {
  if (depth > MAX_VALUE_DEPTH) throw malformed("it nests too deep");
  // Filled as it is read: a claimed length gets no memory before its elements are there.
  const array: unknown[] = [];
  for (let i = 0; i < count; i++) array.push(readValue(depth));
  return array;
}

function readObject(count: number, depth: number): object {
  if (depth > MAX_VALUE_DEPTH) throw malformed("it nests too deep");
  const object: Record<string, unknown> = {};
  for (let i = 0; i < count; i++) {
    const name = readName();
    const value = readValue(depth);
    if (name === "__proto__") {
      Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true });
    } else {
      object[name] = value;
    }
  }
  return object;
}

function readName(): string {
  const head = readByte();
  if (head >= 0xd9 && head <= 0xdb) return readText(readUint(1 << (head - 0xd9)));
  if (head < 0xa0 || head >= 0xc0) throw malformed("the name of a property is not text");
  const length = head - 0xa0;
  const start = at;
  take(length);
  const slot = (length * 131 + source[start] * 31 + source[at - 1] * 7 + source[start + (length >>> 1)]) & 0xff;
  const known = names[slot];
  if (isText(known, start, length)) return known;
  const name = readUtf8(source, start, at);
  if (name.length === length) names[slot] = name; // that is, ASCII
  return name;
}

/** Whether an ASCII string stands at `start`. */
function isText(text: string, start: number, length: number): boolean {
  if (text.length !== length) return false;
  for (let i = 0; i < length; i++) if (text.charCodeAt(i) !== source[start + i]) return false;
  return true;
}

function readText(length: number): string {
  const start = at;
  take(length);
  return readUtf8(source, start, at);
}

function readBytes(length: number): Uint8Array {
  const start = at;
  take(length);
  return new Uint8Array(source.subarray(start, at));
}

function readExtension(length: number): unknown {
  const type = (readByte() << 24) >> 24;
  const start = at;
  take(length);
  if (type === EXT_BIGINT && length > 1 && source[start] <= 1) {
    const magnitude = readMagnitude(source, start + 1, at, 0);
    return source[start] === 1 ? -magnitude : magnitude;
  }
  if (type === EXT_TIMESTAMP && (length === 4 || length === 8 || length === 12)) {
    const { sec, nsec } = decodeTimestampToTimeSpec(source.subarray(start, at));
    const date = new Date(sec * 1e3 + nsec / 1e6);
    if (!Number.isNaN(date.getTime())) return date;
  }
  throw malformed(`there is no extension of type ${type} and ${length} bytes`);
}

/** A 64-bit integer: a number where that is exact. */
function readLong(signed: boolean): number | bigint {
  const high = signed ? readUint(4) | 0 : readUint(4);
  const low = readUint(4);
  const value = high * 2 ** 32 + low;
  return Number.isSafeInteger(value) ? value : BigInt(high) * 0x100000000n + BigInt(low);
}

function readUint(count: number): number {
  let value = 0;
  for (let i = 0; i < count; i++) value = value * 256 + readByte();
  return value;
}

function readByte(): number {
  if (at >= source.length) throw malformed("it stops short");
  return source[at++];
}

/** Goes on by a length that the input claims. */
function take(length: number): void {
  if (length > source.length - at) throw malformed("a length goes past its end");
  at += length;
}

function malformed(why: string): LlmdbError {
  return new LlmdbError("LLMDB_CORRUPT", `a stored value is malformed: ${why}; run verify()`);
}
