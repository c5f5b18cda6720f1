/**
 * Reading values stored as MessagePack. Guarantees: what is read was one whole, valid value; it keeps nothing of the
 * bytes it was read from, costs no more memory than they account for, and never changes a prototype.
 *
 * Written here and not by the library, whose decoder hands out views into the page, drops a byte order mark from long
 * text, reads past the end of broken UTF-8, and allocates an array of any length that the input claims.
 *
 * Every function gets the place to read at, `i`, and the end of the value, and leaves the place after what it read in
 * `at`: positions stay in registers where that matters, and cost no object.
 */
import { decodeTimestampToTimeSpec, EXT_TIMESTAMP } from "@msgpack/msgpack";
import { LlmdbError } from "../pager/error.js";
import { asciiText, isAscii } from "./ascii.js";
import { readMagnitude } from "./magnitude.js";
import { EXT_BIGINT, MAX_VALUE_DEPTH } from "./msgpack.js";
import { SHAPES, type ShapeName, setAt } from "./shape.js";
import { readUtf8 } from "./utf8.js";

const float = new DataView(new ArrayBuffer(8));

/** Names of properties come again and again: the string that was made for the same bytes last time. */
const names: string[] = new Array(1024).fill("");

/** Objects with more properties are not all of one shape: their names are data, as in an index. */
const MAX_SHAPE = 32;

/** Where reading goes on. */
let at = 0;

/**
 * Decodes the value in `b[start..end)`. A property called `__proto__` is a plain property of its own.
 *
 * @throws LlmdbError `LLMDB_CORRUPT` where the bytes are not one whole value
 */
export function decodeMsgpack(b: Uint8Array, start = 0, end = b.length): unknown {
  const value = readValue(b, start, end, 0);
  if (at !== end) throw malformed("it goes on after its end");
  return value;
}

function readValue(b: Uint8Array, i: number, end: number, depth: number): unknown {
  if (i >= end) throw stopsShort();
  const head = b[i];
  at = i + 1;
  if (head < 0x80) return head;
  if (head < 0x90) return readObject(b, i + 1, end, head - 0x80, depth + 1);
  if (head < 0xa0) return readArray(b, i + 1, end, head - 0x90, depth + 1);
  if (head < 0xc0) return readShortText(b, i + 1, end, head - 0xa0);
  if (head >= 0xe0) return head - 0x100;
  switch (head) {
    case 0xc0:
      return null;
    case 0xc2:
      return false;
    case 0xc3:
      return true;
    case 0xca:
      float.setUint32(0, readUint(b, i + 1, end, 4));
      return float.getFloat32(0);
    case 0xcb:
      float.setUint32(0, readUint(b, i + 1, end, 4));
      float.setUint32(4, readUint(b, i + 5, end, 4));
      return float.getFloat64(0);
    case 0xcc:
    case 0xcd:
    case 0xce:
      return readUint(b, i + 1, end, 1 << (head - 0xcc));
    case 0xd9:
    case 0xda:
    case 0xdb:
      return readText(b, end, readUint(b, i + 1, end, 1 << (head - 0xd9)));
    case 0xdc:
    case 0xdd: {
      const count = readUint(b, i + 1, end, head === 0xdc ? 2 : 4);
      return readArray(b, at, end, count, depth + 1);
    }
    case 0xde:
    case 0xdf: {
      const count = readUint(b, i + 1, end, head === 0xde ? 2 : 4);
      return readObject(b, at, end, count, depth + 1);
    }
  }
  return readRare(b, i, end, head);
}

/** What is read less often than the rest. */
function readRare(b: Uint8Array, i: number, end: number, head: number): unknown {
  switch (head) {
    case 0xc4:
    case 0xc5:
    case 0xc6:
      return readBytes(b, end, readUint(b, i + 1, end, 1 << (head - 0xc4)));
    case 0xc7:
    case 0xc8:
    case 0xc9:
      return readExtension(b, end, readUint(b, i + 1, end, 1 << (head - 0xc7)));
    case 0xcf:
      return readLong(b, i + 1, end, false);
    case 0xd0:
      return (readUint(b, i + 1, end, 1) << 24) >> 24;
    case 0xd1:
      return (readUint(b, i + 1, end, 2) << 16) >> 16;
    case 0xd2:
      return readUint(b, i + 1, end, 4) | 0;
    case 0xd3:
      return readLong(b, i + 1, end, true);
    case 0xd4:
    case 0xd5:
    case 0xd6:
    case 0xd7:
    case 0xd8:
      return readExtension(b, end, 1 << (head - 0xd4));
  }
  throw malformed(`no type has the byte ${head}`);
}

function readArray(b: Uint8Array, i: number, end: number, count: number, depth: number): unknown[] {
  if (depth > MAX_VALUE_DEPTH) throw malformed("it nests too deep");
  at = i;
  // Few elements get an array of exactly their number, where the first push would make room for 17.
  switch (count) {
    case 0:
      return [];
    case 1:
      return [next(b, end, depth)];
    case 2:
      return [next(b, end, depth), next(b, end, depth)];
    case 3:
      return [next(b, end, depth), next(b, end, depth), next(b, end, depth)];
  }
  const array = [next(b, end, depth), next(b, end, depth), next(b, end, depth), next(b, end, depth)];
  // Filled as it is read: a claimed length gets no memory before its elements are there.
  for (let k = 4; k < count; k++) array.push(next(b, end, depth));
  return array;
}

function next(b: Uint8Array, end: number, depth: number): unknown {
  return readValue(b, at, end, depth);
}

function readObject(b: Uint8Array, i: number, end: number, count: number, depth: number): object {
  if (depth > MAX_VALUE_DEPTH) throw malformed("it nests too deep");
  const object: Record<string, unknown> = {};
  let shape = SHAPES;
  at = i;
  for (let k = 0; k < count; k++) {
    const found = shape.find(b, at);
    if (found === undefined) {
      readOther(object, b, end, count - k, depth, count <= MAX_SHAPE ? shape : undefined);
      break;
    }
    shape = found;
    setAt(found.site, object, found.text, readValue(b, at + found.size, end, depth));
  }
  return object;
}

/** The properties of an object from the first on whose name is not known at its place. */
function readOther(
  object: Record<string, unknown>,
  b: Uint8Array,
  end: number,
  count: number,
  depth: number,
  known: ShapeName | undefined,
): void {
  let shape = known;
  for (let k = 0; k < count; k++) {
    const here = at;
    const name = readName(b, here, end);
    if (shape !== undefined) shape = isAgain || shape.isAwaited(name) ? shape.learn(b, here, at, name) : undefined;
    const value = readValue(b, at, end, depth);
    if (name === "__proto__") {
      Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true });
    } else if (shape !== undefined) {
      setAt(shape.site, object, shape.text, value);
    } else {
      object[name] = value;
    }
  }
}

/** Whether {@link readName} knew the name: then it is worth remembering at its place. */
let isAgain = false;

function readName(b: Uint8Array, i: number, end: number): string {
  if (i >= end) throw stopsShort();
  const head = b[i];
  isAgain = false;
  if (head >= 0xd9 && head <= 0xdb) return readText(b, end, readUint(b, i + 1, end, 1 << (head - 0xd9)));
  if (head < 0xa0 || head >= 0xc0) throw malformed("the name of a property is not text");
  const length = head - 0xa0;
  const start = i + 1;
  const stop = take(start, end, length);
  if (length === 0) return "";
  const ends = b[start] | (b[stop - 1] << 8) | (b[start + (length >>> 1)] << 16) | (b[start + (length >>> 2)] << 24);
  const slot = Math.imul(ends ^ (length << 3), 0x9e3779b1) >>> 22;
  const known = names[slot];
  if (isText(known, b, start, length)) {
    isAgain = true;
    return known;
  }
  const name = readUtf8(b, start, stop);
  if (name.length === length) names[slot] = name; // that is, ASCII
  return name;
}

/** Whether an ASCII string stands at `start`. */
function isText(text: string, b: Uint8Array, start: number, length: number): boolean {
  if (text.length !== length) return false;
  for (let i = 0; i < length; i++) if (text.charCodeAt(i) !== b[start + i]) return false;
  return true;
}

function readShortText(b: Uint8Array, i: number, end: number, length: number): string {
  const stop = take(i, end, length);
  return isAscii(b, i, stop) ? asciiText(b, i, length) : readUtf8(b, i, stop);
}

function readText(b: Uint8Array, end: number, length: number): string {
  const start = at;
  return readUtf8(b, start, take(start, end, length));
}

function readBytes(b: Uint8Array, end: number, length: number): Uint8Array {
  const start = at;
  return new Uint8Array(b.subarray(start, take(start, end, length)));
}

function readExtension(b: Uint8Array, end: number, length: number): unknown {
  const type = (readUint(b, at, end, 1) << 24) >> 24;
  const start = at;
  const stop = take(start, end, length);
  if (type === EXT_BIGINT && length > 1 && b[start] <= 1) {
    const magnitude = readMagnitude(b, start + 1, stop, 0);
    return b[start] === 1 ? -magnitude : magnitude;
  }
  if (type === EXT_TIMESTAMP && (length === 4 || length === 8 || length === 12)) {
    const { sec, nsec } = decodeTimestampToTimeSpec(b.subarray(start, stop));
    const date = new Date(sec * 1e3 + nsec / 1e6);
    if (!Number.isNaN(date.getTime())) return date;
  }
  throw malformed(`there is no extension of type ${type} and ${length} bytes`);
}

/** A 64-bit integer: a number where that is exact. */
function readLong(b: Uint8Array, i: number, end: number, signed: boolean): number | bigint {
  const unsigned = readUint(b, i, end, 4);
  const high = signed ? unsigned | 0 : unsigned;
  const low = readUint(b, i + 4, end, 4);
  const value = high * 2 ** 32 + low;
  return Number.isSafeInteger(value) ? value : BigInt(high) * 0x100000000n + BigInt(low);
}

function readUint(b: Uint8Array, i: number, end: number, count: number): number {
  if (count > end - i) throw stopsShort();
  at = i + count;
  if (count === 4) return ((b[i] << 24) | (b[i + 1] << 16) | (b[i + 2] << 8) | b[i + 3]) >>> 0;
  return count === 2 ? (b[i] << 8) | b[i + 1] : b[i];
}

/** Goes on by a length that the input claims. */
function take(i: number, end: number, length: number): number {
  if (length > end - i) throw malformed("a length goes past its end");
  at = i + length;
  return at;
}

function stopsShort(): LlmdbError {
  return malformed("it stops short");
}

function malformed(why: string): LlmdbError {
  return new LlmdbError("LLMDB_CORRUPT", `a stored value is malformed: ${why}; run verify()`);
}
