/**
 * Iterates over a range of a map. Guarantees: lazy; one page is looked at per leaf, not per entry; what it holds on to
 * (a snapshot, or a place in a transaction's tree) is let go at the end, on `return`, or, for one that was forgotten,
 * when it is collected.
 */

import { markAsUntransferable } from "node:worker_threads";
import { Cursor } from "../btree/cursor.js";
import { keyBuffer } from "../btree/key-bytes.js";
import { HEAD_BYTES, LEAF_CELL_BYTES, prefixLength, SLOT_BYTES, slotsAt } from "../btree/node.js";
import type { Tree } from "../btree/tree.js";
import { copyBytes } from "../pager/bytes.js";
import type { ExtentStore } from "../pager/extent-value.js";
import { CELL_START, HEADER_BYTES, PageViews } from "../pager/page.js";
import type { PageReader } from "../pager/page-reader.js";
import { copyValue, decodeValue, Entry } from "./entry.js";
import { HeldIterator } from "./held-iterator.js";
import { decodeKey } from "./key.js";
import type { ParsedRange } from "./range.js";
import type { ValueCodec } from "./value.js";

/** What an iteration gives out. */
export type Part = "entry" | "key" | "value";

/** What keeps the pages of an iteration as they are. */
export interface IterationHold {
  readonly tree: Tree;
  readonly reader: PageReader;
  /** Begins to hold for an iterator and its cursor. */
  attach(iterator: object, cursor: Cursor): void;
  /** Throws where the transaction, snapshot or database is over. */
  requireOpen(): void;
  release(cursor: Cursor): void;
}

/** So many values of the first leaf are copied one by one: a range may end there. */
const SINGLE_COPIES = 4;

/** Copies of leaves share buffers of this size: an ArrayBuffer each would cost more than the copy. */
const SLAB_BYTES = 64 * 1024;
let slab: Uint8Array<ArrayBuffer> = new Uint8Array(0);
let slabUsed = 0;

/** Transferring one value to a worker would take its neighbours along, so the slab refuses. */
function openSlab(): void {
  // Not zeroed first: only what was copied is handed out.
  slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
  markAsUntransferable(slab.buffer);
  slabUsed = 0;
}

const NO_VIEWS = new PageViews(new ArrayBuffer(0), 0, 0);
const entry = new Entry();
/** The key that was read last, and how often a prefix was put there: it is of the leaf that was the last to do so. */
const keyBytes = keyBuffer(65536);
let prefixes = 0;

export class MapIterator<T> extends HeldIterator<T> {
  readonly #cursor: Cursor;
  readonly #reader: PageReader;
  readonly #codec: ValueCodec;
  readonly #extents: ExtentStore;
  readonly #parts: Part;
  readonly #isBytes: boolean;
  #left: number;
  #hold: IterationHold | null;
  /** The leaf that the cursor is on, as it counts them, and where its parts lie. */
  #leaf = 0;
  #views = NO_VIEWS;
  #base = 0;
  #slots = 0;
  #prefix = 0;
  #prefixTurn = -1;
  /** How many values were handed out. */
  #read = 0;
  #copy: ArrayBuffer | null = null;
  /** From a byte of the page to the same byte of its copy. */
  #shift = 0;

  constructor(hold: IterationHold, codec: ValueCodec, extents: ExtentStore, range: ParsedRange, part: Part) {
    super();
    this.#cursor = new Cursor(hold.tree, hold.reader, range.bounds, range.reverse);
    this.#reader = hold.reader;
    this.#codec = codec;
    this.#extents = extents;
    this.#parts = part;
    this.#isBytes = codec.format === "bytes";
    this.#left = range.limit;
    this.#hold = hold;
    hold.attach(this, this.#cursor);
    if (range.offset > 0) this.#cursor.skip(range.offset);
  }

  next(): IteratorResult<T, undefined> {
    if (this.#hold === null) return { done: true, value: undefined };
    this.#hold.requireOpen();
    if (this.#left <= 0 || !this.#cursor.next()) return this.return();
    this.#left--;
    if (this.#cursor.leaves !== this.#leaf) this.#enterLeaf();
    return { done: false, value: this.#part() as T };
  }

  return(): IteratorResult<T, undefined> {
    this.#hold?.release(this.#cursor);
    this.#hold = null;
    return { done: true, value: undefined };
  }

  #enterLeaf(): void {
    const { cache } = this.#reader;
    const { frame } = this.#cursor;
    this.#leaf = this.#cursor.leaves;
    this.#views = cache.views(frame);
    this.#base = cache.base(frame);
    this.#slots = slotsAt(this.#views, this.#base);
    this.#prefix = prefixLength(this.#views, this.#base);
    this.#copy = null;
    this.#prefixTurn = -1;
  }

  #part(): unknown {
    if (this.#parts === "key") return this.#key();
    if (this.#parts === "value") return this.#value();
    // The key first: reading a value from extents loads no page, but decoding it may run user code.
    const key = this.#key();
    return [key, this.#value()];
  }

  #key(): unknown {
    const { u8, u16, u32 } = this.#views;
    const prefix = this.#prefix;
    if (this.#prefixTurn !== prefixes) {
      copyBytes(u8, this.#base + HEADER_BYTES, keyBytes, 0, prefix);
      this.#prefixTurn = ++prefixes;
    }
    const slot = this.#slots + this.#cursor.slot * SLOT_BYTES;
    const suffix = u16[(slot + 6) >>> 1];
    const head = u32[slot >>> 2];
    // Bytes of the head behind the end of a short key are written and not read.
    keyBytes[prefix] = head >>> 24;
    keyBytes[prefix + 1] = head >>> 16;
    keyBytes[prefix + 2] = head >>> 8;
    keyBytes[prefix + 3] = head;
    if (suffix > HEAD_BYTES) {
      const tail = this.#base + u16[(slot + 4) >>> 1] + LEAF_CELL_BYTES;
      copyBytes(u8, tail, keyBytes, prefix + HEAD_BYTES, suffix - HEAD_BYTES);
    }
    return decodeKey(keyBytes, 0, prefix + suffix);
  }

  #value(): unknown {
    if (this.#isBytes) return this.#bytes();
    entry.set(this.#reader, this.#cursor.frame, this.#cursor.slot);
    return decodeValue(this.#reader, entry, this.#extents, this.#codec);
  }

  /** A copy of the value. A long run copies each leaf once and hands out pieces of that. */
  #bytes(): Uint8Array {
    const { u8, u16 } = this.#views;
    const slot = this.#slots + this.#cursor.slot * SLOT_BYTES;
    const cell = this.#base + u16[(slot + 4) >>> 1];
    if (this.#read++ < SINGLE_COPIES || u8[cell + 1] >= 0x80) {
      entry.set(this.#reader, this.#cursor.frame, this.#cursor.slot);
      return copyValue(this.#reader, entry, this.#extents);
    }
    const copy = this.#copy ?? this.#copyCells();
    const suffix = u16[(slot + 6) >>> 1];
    const at = cell + LEAF_CELL_BYTES + (suffix > HEAD_BYTES ? suffix - HEAD_BYTES : 0);
    return new Uint8Array(copy, at + this.#shift, u8[cell] | (u8[cell + 1] << 8));
  }

  /** Copies the cells of a leaf, which hold all its values. */
  #copyCells(): ArrayBuffer {
    const { u8, u32 } = this.#views;
    const { pageSize } = this.#reader.cache;
    const cells = this.#base + u32[(this.#base + CELL_START) >>> 2];
    const bytes = this.#base + pageSize - cells;
    if (slabUsed + bytes > slab.length) openSlab();
    slab.set(u8.subarray(cells, cells + bytes), slabUsed);
    this.#copy = slab.buffer;
    this.#shift = slab.byteOffset + slabUsed - cells;
    slabUsed += bytes;
    return slab.buffer;
  }
}
