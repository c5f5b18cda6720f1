/**
 * The bitemporal store of a partition at one point, packed into leaf pages: facts in the form in which maps are read.
 *
 * A page is laid out as docs/format.md has it, without a prefix, with page number and transaction 0. A key is that of
 * the fact as docs/keys.md encodes it, without the partition; a value is its MessagePack. A value that a leaf does not
 * hold (longer than `maxInlineBytes` of the page size) has bit 15 set and a stored length of 0: there is no descriptor;
 * `value` reads it.
 *
 * Guarantees: the same facts give the same pages, whatever their history and wherever they lie; all pages are of one
 * state, which is held until `close`; a pack that is forgotten lets it go when it is collected.
 */

import type { Bounds } from "../btree/cursor.js";
import { keyBuffer, padKey } from "../btree/key-bytes.js";
import {
  gapBytes,
  HEAD_BYTES,
  LEAF_CELL_BYTES,
  maxInlineBytes,
  maxKeyBytes,
  ON_EXTENTS,
  SLOT_BYTES,
} from "../btree/node.js";
import { clearNode, insertEntry, setStoredLength } from "../btree/node-edit.js";
import { decodeKey, type Key } from "../engine/key.js";
import type { Range } from "../engine/range.js";
import { copyBytes } from "../pager/bytes.js";
import { LlmdbError } from "../pager/error.js";
import { PageViews } from "../pager/page.js";
import { type At, resolveAt } from "./at.js";
import { type Point, TemporalReader } from "./reader.js";
import { SliceScan } from "./scan.js";
import { type HeldSources, iterate, type Sources } from "./sources.js";
import { StillSources } from "./still-sources.js";
import { maxStoredBytes, parseStoredRange, plainKey, StoredKey } from "./stored-key.js";

const stored = new StoredKey();

export class LeafPack {
  /** The newest transaction that is seen, and its time in microseconds since 1970. */
  readonly tx: number;
  readonly micros: number;
  readonly pageSize: number;
  readonly #scan: SliceScan;
  readonly #partition: number;
  #reader: TemporalReader | null = null;
  readonly #point: Point;
  readonly #page: PageViews;
  /** The next fact, which is not in a page yet. */
  readonly #key: Uint8Array;
  #keyLength = 0;
  readonly #value: Uint8Array;
  /** Its length, or `ON_EXTENTS`. */
  #stored = 0;
  #isWaiting = false;
  #held: HeldSources | null;

  /** Use `packLeaves`. */
  constructor(held: HeldSources, partition: number, point: Point, bounds: Bounds) {
    const { pageSize } = held.state.store;
    this.pageSize = pageSize;
    this.tx = held.latestTx;
    this.micros = held.latestMicros;
    this.#point = { validAt: point.validAt ?? BigInt(held.nowMicros()), tx: point.tx };
    this.#scan = new SliceScan(held, this.#point, { bounds, reverse: false, limit: Infinity, offset: 0 });
    this.#partition = partition;
    this.#page = new PageViews(new ArrayBuffer(pageSize), 0, pageSize);
    this.#key = keyBuffer(maxKeyBytes(pageSize));
    this.#value = new Uint8Array(maxInlineBytes(pageSize));
    this.#held = held;
  }

  /**
   * Fills the next page and copies it to `into[at..at + pageSize)`.
   *
   * @returns how many facts it holds; 0 at the end, and then nothing is copied
   * @throws LlmdbError `LLMDB_CLOSED`, `LLMDB_CORRUPT`, `LLMDB_IO`
   */
  next(into: Uint8Array, at: number): number {
    this.#requireOpen();
    clearNode(this.#page, 0, this.pageSize, 0, 0);
    let count = 0;
    while ((this.#isWaiting || this.#fetch()) && this.#place(count)) {
      this.#isWaiting = false;
      count++;
    }
    if (count > 0) into.set(this.#page.u8, at);
    return count;
  }

  /** Takes the next fact of the scan. */
  #fetch(): boolean {
    const scan = this.#scan;
    if (!scan.next()) return false;
    const { key, stemLength } = scan.found;
    this.#keyLength = plainKey(key, stemLength, this.#key);
    padKey(this.#key, this.#keyLength);
    const value = scan.leafValueBytes();
    const isInside = value !== null && value.length <= this.#value.length;
    this.#stored = isInside ? value.length : ON_EXTENTS;
    if (isInside) copyBytes(value, 0, this.#value, 0, value.length);
    this.#isWaiting = true;
    return true;
  }

  /** Puts the fact that waits into the page; returns false where it has no room. */
  #place(slot: number): boolean {
    const page = this.#page;
    const stored = this.#stored & ~ON_EXTENTS;
    const tail = Math.max(0, this.#keyLength - HEAD_BYTES);
    // Asked before: without room, inserting would look for a prefix.
    if (gapBytes(page, 0) < SLOT_BYTES + LEAF_CELL_BYTES + tail + stored) return false;
    const to = insertEntry(page, 0, this.pageSize, slot, this.#key, this.#keyLength, stored);
    copyBytes(this.#value, 0, page.u8, to, stored);
    setStoredLength(page, 0, slot, this.#stored);
    return true;
  }

  /**
   * The value of a fact at the same point, whole, by its key as it is in the pages; undefined where there is none,
   * and for bytes that are no key. Leaves no trace: the caller may be cut off in the middle.
   *
   * @throws LlmdbError `LLMDB_CLOSED`, `LLMDB_CORRUPT`, `LLMDB_IO`
   */
  value(key: Uint8Array, keyLength: number): Uint8Array | undefined {
    this.#reader ??= new TemporalReader(new StillSources(this.#requireOpen()), this.#partition);
    this.#requireOpen();
    const of = keyIn(key, keyLength, this.#reader);
    return of === undefined ? undefined : this.#reader.bytes(of, this.#point);
  }

  #requireOpen(): HeldSources {
    if (this.#held === null) throw new LlmdbError("LLMDB_CLOSED", "the pages of facts were closed; pack them again");
    this.#held.requireOpen();
    return this.#held;
  }

  /** Lets the state go. Closing twice is fine. */
  close(): void {
    this.#held?.release();
    this.#held = null;
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** The key that bytes encode, where a fact of the partition can have it. */
function keyIn(bytes: Uint8Array, length: number, { partition, maxBytes }: TemporalReader): Key | undefined {
  try {
    const key = decodeKey(bytes, 0, length);
    stored.set(partition, key, maxBytes);
    return key;
  } catch (error) {
    if (error instanceof LlmdbError) return undefined;
    throw error;
  }
}

/**
 * The facts of a partition at a point as leaf pages, in key order.
 *
 * @param range gt, gte, lt, lte and prefix
 * @param at the point, as for `get`; without it, now
 * @throws LlmdbError as `range` of the store does
 */
export function packLeaves(sources: Sources, partition: number, range?: Range, at?: At): LeafPack {
  const point = resolveAt(at, sources);
  const maxBytes = maxStoredBytes(maxKeyBytes(sources.state.store.pageSize));
  const { bounds, limit, offset, reverse } = parseStoredRange(range, partition, maxBytes);
  if (limit !== Number.POSITIVE_INFINITY || offset !== 0 || reverse) {
    throw new LlmdbError(
      "LLMDB_INVALID_ARGUMENT",
      "pages are read by gt, gte, lt, lte and prefix, in ascending order; limit, offset and reverse are for entries",
    );
  }
  return iterate(sources, (held) => new LeafPack(held, partition, point, bounds));
}
