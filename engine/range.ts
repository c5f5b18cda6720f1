/**
 * Ranges as callers give them, turned into bounds in bytes. Guarantees: every combination of gt, gte, lt, lte and
 * prefix becomes one half-open interval, their intersection; unknown options are refused.
 */

import type { Bounds } from "../btree/cursor.js";
import { paddedCopy } from "../btree/key-bytes.js";
import { compareBytes } from "../pager/bytes.js";
import { LlmdbError } from "../pager/error.js";
import { encodeKey, encodePrefix, type Key, KeyBuffer, keyAfterPrefix } from "./key.js";

/**
 * As a bound: all keys that begin with a prefix, as one. `gt` is after the last of them, `gte` from the first on, `lt`
 * before the first, `lte` up to the last. They need not be there.
 */
export interface PrefixBound {
  /** Strings that start with this string, bytes that start with these bytes, tuples that start with these elements. */
  readonly prefix: Key;
}

/**
 * Which entries, in which order, how many. Without any option: all, ascending.
 *
 * @example
 * ```ts
 * map.keys({ gt: { prefix: ["user", 42] }, limit: 1 }); // the first key after all that begin with "user", 42
 * ```
 */
export interface Range {
  /** Above this key, or above all with a prefix. */
  gt?: Key | PrefixBound;
  /** At or above this key, or from the first with a prefix on. */
  gte?: Key | PrefixBound;
  /** Below this key, or below all with a prefix. */
  lt?: Key | PrefixBound;
  /** At or below this key, or up to the last with a prefix. */
  lte?: Key | PrefixBound;
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

/** Raises the lower bound to a key or prefix; `after` puts it right after the key, or after all with the prefix. */
function raise(bounds: Bounds, at: Key | PrefixBound, after: boolean, encoding: RangeEncoding): void {
  encodeBound(at, after, encoding);
  raiseTo(bounds, buffer.length);
}

function lower(bounds: Bounds, at: Key | PrefixBound, after: boolean, encoding: RangeEncoding): void {
  encodeBound(at, after, encoding);
  lowerTo(bounds, buffer.length);
}

function encodeBound(at: Key | PrefixBound, after: boolean, encoding: RangeEncoding): void {
  if (isPrefixBound(at)) {
    for (const name in at) if (name !== "prefix") throw invalid(`a bound is a key or { prefix }; it has no "${name}"`);
    encoding.prefix(at.prefix, buffer);
    // A key begins with a tag below FF, so that there is something after it.
    if (after) keyAfterPrefix(buffer);
  } else {
    encoding.key(at, buffer);
    if (after) encoding.after(buffer);
  }
}

function isPrefixBound(at: Key | PrefixBound): at is PrefixBound {
  return typeof at === "object" && at !== null && !Array.isArray(at) && !ArrayBuffer.isView(at) && "prefix" in at;
}

function raiseTo(bounds: Bounds, length: number): void {
  const before = bounds.lower;
  if (before !== null && compareBytes(before, 0, bounds.lowerLength, buffer.bytes, 0, length) >= 0) return;
  bounds.lower = paddedCopy(buffer.bytes, length);
  bounds.lowerLength = length;
}

function lowerTo(bounds: Bounds, length: number): void {
  const before = bounds.upper;
  if (before !== null && compareBytes(before, 0, bounds.upperLength, buffer.bytes, 0, length) <= 0) return;
  bounds.upper = paddedCopy(buffer.bytes, length);
  bounds.upperLength = length;
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
