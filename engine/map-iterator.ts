/**
 * Iterates over a range of a map. Guarantees: lazy; one page is looked at per leaf, not per entry; what it holds on to
 * (a snapshot, or a place in a transaction's tree) is let go at the end, on `return`, or, for one that was forgotten,
 * when it is collected.
 */
import { markAsUntransferable } from "node:worker_threads";
import { Cursor } from "../btree/cursor.js";
import { copyKey, isOnExtents } from "../btree/node.js";
import type { Tree } from "../btree/tree.js";
import type { ExtentStore } from "../pager/extent-value.js";
import { CELL_START, type PageViews } from "../pager/page.js";
import type { PageReader } from "../pager/page-reader.js";
import { borrowValue, copyValue, Entry } from "./entry.js";
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

/** So many values of a leaf are copied one by one. */
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

const entry = new Entry();
const keyBytes = new Uint8Array(65536);

export class MapIterator<T> implements IterableIterator<T> {
  readonly #cursor: Cursor;
  readonly #reader: PageReader;
  readonly #codec: ValueCodec;
  readonly #extents: ExtentStore;
  readonly #part: Part;
  #left: number;
  #hold: IterationHold | null;
  /** Which leaf `#copy` is of, and how many values of it were handed out. */
  #leaf = -1;
  #onLeaf = 0;
  #copy: ArrayBuffer | null = null;
  /** From a byte of the page to the same byte of its copy. */
  #shift = 0;

  constructor(hold: IterationHold, codec: ValueCodec, extents: ExtentStore, range: ParsedRange, part: Part) {
    this.#cursor = new Cursor(hold.tree, hold.reader, range.bounds, range.reverse);
    this.#reader = hold.reader;
    this.#codec = codec;
    this.#extents = extents;
    this.#part = part;
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
    return { done: false, value: this.#read() as T };
  }

  return(): IteratorResult<T, undefined> {
    this.#hold?.release(this.#cursor);
    this.#hold = null;
    return { done: true, value: undefined };
  }

  [Symbol.iterator](): this {
    return this;
  }

  #read(): unknown {
    if (this.#part === "key") return this.#key();
    entry.set(this.#reader, this.#cursor.frame, this.#cursor.slot);
    if (this.#part === "value") return this.#value();
    // The key first: reading a value from extents loads no page, but decoding it may run user code.
    const key = this.#key();
    return [key, this.#value()];
  }

  #key(): unknown {
    const { cache } = this.#reader;
    const { frame } = this.#cursor;
    const length = copyKey(cache.views(frame), cache.base(frame), this.#cursor.slot, keyBytes);
    return decodeKey(keyBytes, 0, length);
  }

  #value(): unknown {
    if (this.#codec.format === "bytes") return this.#bytes();
    return this.#codec.decode(borrowValue(this.#reader, entry, this.#extents));
  }

  /** A copy of the value. A long run through a leaf copies the leaf once and hands out pieces of that. */
  #bytes(): Uint8Array {
    const { cache } = this.#reader;
    if (this.#cursor.leaves !== this.#leaf) {
      this.#leaf = this.#cursor.leaves;
      this.#onLeaf = 0;
      this.#copy = null;
    }
    const views = cache.views(entry.frame);
    if (this.#onLeaf++ < SINGLE_COPIES || isOnExtents(views, entry.cell)) {
      return copyValue(this.#reader, entry, this.#extents);
    }
    const copy = this.#copy ?? this.#copyCells(views, cache.base(entry.frame), cache.pageSize);
    return new Uint8Array(copy, entry.at + this.#shift, entry.length);
  }

  /** Copies the cells of a leaf, which hold all its values. */
  #copyCells(views: PageViews, base: number, pageSize: number): ArrayBuffer {
    const cells = base + views.u32[(base + CELL_START) >>> 2];
    const bytes = base + pageSize - cells;
    if (slabUsed + bytes > slab.length) openSlab();
    slab.set(views.u8.subarray(cells, cells + bytes), slabUsed);
    this.#copy = slab.buffer;
    this.#shift = slab.byteOffset + slabUsed - cells;
    slabUsed += bytes;
    return slab.buffer;
  }
}
