/**
 * Keys of the store as bytes: partition, key, and what the map adds behind. Guarantees: no key's bytes begin another's,
 * so that the entries of one key stand together in every map, in the same order of keys in each.
 *
 * A partition below 248 is one byte; a larger one is 247 and the number of its bytes, then these, the highest first.
 * The partition of the database itself is the byte 252, after all others.
 */

import { paddedCopy } from "../btree/key-bytes.js";
import {
  decodeElement,
  encodeElement,
  encodeElementPrefix,
  type Key,
  KeyBuffer,
  keyAfterPrefix,
} from "../engine/key.js";
import { BYTES, ESCAPE, STRING } from "../engine/key-tags.js";
import { type ParsedRange, parseRangeAs, type Range, type RangeEncoding } from "../engine/range.js";
import { compareBytes } from "../pager/bytes.js";
import { LlmdbError } from "../pager/error.js";
import { encodeInstant, INSTANT_BYTES } from "./instant.js";
import { HISTORY_SUFFIX_BYTES, TX_BYTES } from "./maps.js";

const SMALL_PARTITIONS = 248;
const TWO_32 = 2 ** 32;
/** What the database keeps of itself as facts; no one can name it. */
export const SYSTEM_PARTITION = TWO_32;
const SYSTEM_BYTE = 252;

/**
 * @throws LlmdbError `LLMDB_INVALID_ARGUMENT`
 */
export function requirePartition(id: unknown): number {
  if (typeof id === "number" && Number.isInteger(id) && id >= 0 && id < TWO_32) return id;
  throw new LlmdbError("LLMDB_INVALID_ARGUMENT", "a partition is a whole number from 0 to 2^32 - 1");
}

/** The longest partition and key together, for maps whose keys have at most this many bytes. */
export function maxStoredBytes(maxKeyBytes: number): number {
  return maxKeyBytes - HISTORY_SUFFIX_BYTES;
}

function writePartition(id: number, bytes: Uint8Array): number {
  if (id < SMALL_PARTITIONS || id === SYSTEM_PARTITION) {
    bytes[0] = id === SYSTEM_PARTITION ? SYSTEM_BYTE : id;
    return 1;
  }
  const count = 4 - (Math.clz32(id) >>> 3);
  bytes[0] = SMALL_PARTITIONS - 1 + count;
  for (let i = 0; i < count; i++) bytes[1 + i] = id >>> ((count - 1 - i) * 8);
  return 1 + count;
}

/** How many bytes the partition takes at the start of a stored key. */
function partitionBytes(bytes: Uint8Array): number {
  return bytes[0] < SMALL_PARTITIONS || bytes[0] === SYSTEM_BYTE ? 1 : 2 + bytes[0] - SMALL_PARTITIONS;
}

/** The partition at the start of a stored key. */
export function readPartition(bytes: Uint8Array): number {
  if (bytes[0] < SMALL_PARTITIONS) return bytes[0];
  if (bytes[0] === SYSTEM_BYTE) return SYSTEM_PARTITION;
  let id = 0;
  for (let i = 1; i < partitionBytes(bytes); i++) id = id * 256 + bytes[i];
  return id;
}

/** The key in `bytes[0..length)`, which hold a partition and a key, and not what a map adds behind. */
export function decodeOnlyKey(bytes: Uint8Array, length: number): Key {
  const at = partitionBytes(bytes);
  return decodeElement(bytes, at, length - at);
}

/**
 * Puts the key in `bytes[0..length)`, which hold a partition and a key, into `into` as a map would store it: what is
 * escaped and ended inside a tuple is not at the top. Returns its length; the order of keys stays.
 */
export function plainKey(bytes: Uint8Array, length: number, into: Uint8Array): number {
  let at = partitionBytes(bytes);
  const tag = bytes[at];
  // Strings, bytes and tuples are the types from here on, and all of them end with one byte.
  const end = tag < STRING ? length : length - 1;
  let to = 0;
  if (tag === STRING || tag === BYTES) {
    into[to++] = bytes[at++];
    for (; at < end; at++) into[to++] = bytes[at] === ESCAPE ? bytes[++at] - 1 : bytes[at];
  } else while (at < end) into[to++] = bytes[at++];
  return to;
}

/** Writes a transaction, the highest byte first. */
export function writeTx(tx: number, bytes: Uint8Array, at: number): void {
  const high = Math.floor(tx / TWO_32);
  bytes[at] = high >>> 8;
  bytes[at + 1] = high;
  bytes[at + 2] = tx >>> 24;
  bytes[at + 3] = tx >>> 16;
  bytes[at + 4] = tx >>> 8;
  bytes[at + 5] = tx;
}

export function readTx(bytes: Uint8Array, at: number): number {
  const low = ((bytes[at + 2] << 24) | (bytes[at + 3] << 16) | (bytes[at + 4] << 8) | bytes[at + 5]) >>> 0;
  return (bytes[at] * 256 + bytes[at + 1]) * TWO_32 + low;
}

/**
 * One key in one buffer, with the suffixes of the maps. `buffer.bytes[0..buffer.length)` is what was asked for last;
 * `length` is that of partition and key.
 */
export class StoredKey {
  readonly buffer = new KeyBuffer();
  length = 0;

  get bytes(): Uint8Array {
    return this.buffer.bytes;
  }

  /**
   * @throws LlmdbError `LLMDB_INVALID_ARGUMENT`, `LLMDB_KEY_TOO_LONG`
   */
  set(partition: number, key: Key, maxBytes: number): void {
    this.length = encodeElement(key, this.buffer, writePartition(partition, this.buffer.bytes), maxBytes);
    this.buffer.finish(this.length);
  }

  /** Takes over partition and key as they are stored. */
  copy(bytes: Uint8Array, length: number): void {
    this.buffer.reserve(length);
    for (let i = 0; i < length; i++) this.buffer.bytes[i] = bytes[i];
    this.length = length;
    this.buffer.finish(length);
  }

  /** The key of its head. Returns its length, as the others do. */
  head(): number {
    this.buffer.finish(this.length);
    return this.length;
  }

  live(validFrom: bigint): number {
    const end = this.length + INSTANT_BYTES;
    this.buffer.reserve(end);
    encodeInstant(validFrom, this.buffer.bytes, this.length);
    this.buffer.finish(end);
    return end;
  }

  history(txTo: number, validFrom: bigint): number {
    const end = this.length + HISTORY_SUFFIX_BYTES;
    this.buffer.reserve(end);
    writeTx(txTo, this.buffer.bytes, this.length);
    encodeInstant(validFrom, this.buffer.bytes, this.length + TX_BYTES);
    this.buffer.finish(end);
    return end;
  }

  /** The start of what was closed by a transaction or later. */
  historyFrom(txTo: number): number {
    const end = this.length + TX_BYTES;
    this.buffer.reserve(end);
    writeTx(txTo, this.buffer.bytes, this.length);
    this.buffer.finish(end);
    return end;
  }

  /** That a transaction names it, which changed nothing of it. */
  mention(tx: number): number {
    return this.historyFrom(tx);
  }

  value(tx: number, number: number): number {
    const end = this.length + TX_BYTES + 4;
    this.buffer.reserve(end);
    writeTx(tx, this.buffer.bytes, this.length);
    const bytes = this.buffer.bytes;
    for (let i = 0; i < 4; i++) bytes[end - 1 - i] = number >>> (i * 8);
    this.buffer.finish(end);
    return end;
  }

  /** A copy of partition and key, with zero padding after it for comparisons. */
  slice(): Uint8Array {
    return this.buffer.bytes.slice(0, this.length);
  }

  /** The first bytes behind everything of this key, padded as bounds are. */
  end(): { bytes: Uint8Array; length: number } {
    const after = new KeyBuffer();
    const length = this.endInto(after);
    return { bytes: after.bytes, length };
  }

  /** The same in a buffer of the caller's; returns the length. */
  endInto(after: KeyBuffer): number {
    const { bytes } = this.buffer;
    after.reserve(this.length);
    for (let i = 0; i < this.length; i++) after.bytes[i] = bytes[i];
    after.length = this.length;
    keyAfterPrefix(after);
    after.finish(after.length);
    return after.length;
  }

  /** Whether `bytes[0..length)` is about this key. */
  begins(bytes: Uint8Array, length: number): boolean {
    const own = this.length;
    return length >= own && compareBytes(bytes, 0, own, this.buffer.bytes, 0, own) === 0;
  }
}

/** Ranges over keys of one partition. */
class PartitionEncoding implements RangeEncoding {
  readonly #partition: number;
  readonly #maxBytes: number;

  constructor(partition: number, maxBytes: number) {
    this.#partition = partition;
    this.#maxBytes = maxBytes;
  }

  key(of: Key, into: KeyBuffer): void {
    into.finish(encodeElement(of, into, writePartition(this.#partition, into.bytes), this.#maxBytes));
  }

  prefix(of: Key, into: KeyBuffer): void {
    into.finish(encodeElementPrefix(of, into, writePartition(this.#partition, into.bytes), this.#maxBytes));
  }

  /** Behind everything that starts with the key. */
  after(into: KeyBuffer): void {
    keyAfterPrefix(into);
  }
}

/**
 * A range of keys as bounds that fit every map of the store.
 *
 * @throws LlmdbError `LLMDB_INVALID_ARGUMENT`, `LLMDB_KEY_TOO_LONG`
 */
export function parseStoredRange(range: Range | undefined, partition: number, maxBytes: number): ParsedRange {
  const parsed = parseRangeAs(range, new PartitionEncoding(partition, maxBytes));
  const { bounds } = parsed;
  const whole = new KeyBuffer();
  whole.finish(writePartition(partition, whole.bytes));
  if (bounds.lower === null) {
    bounds.lower = paddedCopy(whole.bytes, whole.length);
    bounds.lowerLength = whole.length;
  }
  if (bounds.upper === null && keyAfterPrefix(whole)) {
    bounds.upper = paddedCopy(whole.bytes, whole.length);
    bounds.upperLength = whole.length;
  }
  return parsed;
}
