/**
 * Ranges as callers give them, turned into bounds in bytes. Guarantees: every combination of gt, gte, lt, lte and
 * prefix becomes one half-open interval, their intersection; unknown options are refused.
 */
import type { Bounds } from "../btree/cursor.js";
import { compareBytes } from "../pager/bytes.js";
import { LlmdbError } from "../pager/error.js";
import { encodeKey, encodePrefix, type Key, KeyBuffer, keyAfterPrefix } from "./key.js";

/** Which entries, in which order, how many. Without any option: all, ascending. */
export interface Range {
  /** Above this key. */
  gt?: Key;
  /** At or above this key. */
  gte?: Key;
  /** Below this key. */
  lt?: Key;
  /** At or below this key. */
  lte?: Key;
  /** Strings that start with this string, bytes that start with these bytes, tuples that start with these elements. */
  prefix?: Key;
  /** Descending. Default false. */
  reverse?: boolean;
  /** At most so many entries. Default: all. */
  limit?: number;
  /** Passes over so many entries first: of a map in O(log n), of the bitemporal store one by one. Default 0. */
  offset?: number;
}

export interface ParsedRange {
  bounds: Bounds;
  reverse: boolean;
  limit: number;
  offset: number;
}

/** How the keys of a range become bytes. */
export interface RangeEncoding {
  /** Puts the least bytes of a key into the buffer. */
  key(of: Key, into: KeyBuffer): void;
  /** Puts the bytes that exactly the keys with this prefix start with into the buffer. */
  prefix(of: Key, into: KeyBuffer): void;
  /** Turns the bytes of a key into the least ones behind it. */
  after(into: KeyBuffer): void;
}

/** Keys as maps store them. */
class PlainEncoding implements RangeEncoding {
  readonly #maxKeyBytes: number;

  constructor(maxKeyBytes: number) {
    this.#maxKeyBytes = maxKeyBytes;
  }

  key(of: Key, into: KeyBuffer): void {
    encodeKey(of, into, this.#maxKeyBytes);
  }

  prefix(of: Key, into: KeyBuffer): void {
    encodePrefix(of, into, this.#maxKeyBytes);
  }

  /** The smallest byte string above a key is the key with a zero byte behind it. */
  after(into: KeyBuffer): void {
    into.length++;
  }
}

const OPTIONS = new Set(["gt", "gte", "lt", "lte", "prefix", "reverse", "limit", "offset"]);
const PADDING = 8;
const buffer = new KeyBuffer();

/**
 * @throws LlmdbError `LLMDB_INVALID_ARGUMENT`, `LLMDB_KEY_TOO_LONG`
 */
export function parseRange(range: Range | undefined, maxKeyBytes: number): ParsedRange {
  return parseRangeAs(range, new PlainEncoding(maxKeyBytes));
}

/** The same for keys that are stored in another way. */
export function parseRangeAs(range: Range | undefined, encoding: RangeEncoding): ParsedRange {
  const bounds: Bounds = { lower: null, lowerLength: 0, upper: null, upperLength: 0 };
  const parsed = { bounds, reverse: false, limit: Number.POSITIVE_INFINITY, offset: 0 };
  if (range === undefined) return parsed;
  if (range === null || typeof range !== "object")
    throw invalid("a range is an object such as { gte: 'a', limit: 10 }");
  for (const option in range) {
    if (!OPTIONS.has(option)) throw invalid(`a range has no option "${option}"; it has ${[...OPTIONS].join(", ")}`);
  }
  const { gt, gte, lt, lte, prefix } = range;
  if (gt !== undefined) raise(bounds, gt, true, encoding);
  if (gte !== undefined) raise(bounds, gte, false, encoding);
  if (lt !== undefined) lower(bounds, lt, false, encoding);
  if (lte !== undefined) lower(bounds, lte, true, encoding);
  if (prefix !== undefined) {
    encoding.prefix(prefix, buffer);
    raiseTo(bounds, buffer.length);
    if (keyAfterPrefix(buffer)) lowerTo(bounds, buffer.length);
  }
  if (range.reverse !== undefined) {
    if (typeof range.reverse !== "boolean") throw invalid("reverse is true or false");
    parsed.reverse = range.reverse;
  }
  if (range.limit !== undefined) parsed.limit = requireCount(range.limit, "limit", true);
  if (range.offset !== undefined) parsed.offset = requireCount(range.offset, "offset", false);
  return parsed;
}

/** Raises the lower bound to a key; `after` puts it right behind the key. */
function raise(bounds: Bounds, key: Key, after: boolean, encoding: RangeEncoding): void {
  encoding.key(key, buffer);
  if (after) encoding.after(buffer);
  raiseTo(bounds, buffer.length);
}

function lower(bounds: Bounds, key: Key, after: boolean, encoding: RangeEncoding): void {
  encoding.key(key, buffer);
  if (after) encoding.after(buffer);
  lowerTo(bounds, buffer.length);
}

function raiseTo(bounds: Bounds, length: number): void {
  const before = bounds.lower;
  if (before !== null && compareBytes(before, 0, bounds.lowerLength, buffer.bytes, 0, length) >= 0) return;
  bounds.lower = copyOfBuffer(length);
  bounds.lowerLength = length;
}

function lowerTo(bounds: Bounds, length: number): void {
  const before = bounds.upper;
  if (before !== null && compareBytes(before, 0, bounds.upperLength, buffer.bytes, 0, length) <= 0) return;
  bounds.upper = copyOfBuffer(length);
  bounds.upperLength = length;
}

function copyOfBuffer(length: number): Uint8Array {
  const copy = new Uint8Array(length + PADDING);
  copy.set(buffer.bytes.subarray(0, length));
  return copy;
}

function requireCount(value: unknown, name: string, infinite: boolean): number {
  if (typeof value === "number" && value >= 0 && (Number.isSafeInteger(value) || (infinite && value === Infinity))) {
    return value;
  }
  throw invalid(`${name} is a whole number from 0`);
}

function invalid(message: string): LlmdbError {
  return new LlmdbError("LLMDB_INVALID_ARGUMENT", message);
}
