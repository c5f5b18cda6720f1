/**
 * The pages of the one running write transaction: what it may change in place, what it must copy, what it took and gave
 * back. Guarantees:
 * - Committed pages are never changed: the transaction works on frames of its own, so that readers see the committed
 *   state until `publish`, and `abandon` only has to forget.
 * - A page that was born after the newest pin and has never been written to disk keeps its number; any other is copied
 *   to a free one.
 * - A savepoint is a list of marks: inside it, pages of the transaction from before it are copied like committed ones.
 */
import { forgetPath } from "../btree/entries.js";
import { clearNode } from "../btree/node-edit.js";
import type { PageOwner } from "../btree/page-owner.js";
import { sealFrame } from "../btree/seal.js";
import { copyPages } from "../pager/bytes.js";
import { assertInvariant } from "../pager/error.js";
import { ExtentList, type ExtentListMark } from "../pager/extent-list.js";
import { valueBorn, valueExtents } from "../pager/extent-value.js";
import { headerTx, setHeaderIdentity } from "../pager/page.js";
import { CLEAN, DIRTY, type PageCache } from "../pager/page-cache.js";
import { PageReader } from "../pager/page-reader.js";
import type { PageTable } from "../pager/page-table.js";
import { OWN_PAGES, type PageStore } from "./page-store.js";

/** What a savepoint goes back to. */
export interface Savepoint {
  readonly epoch: number;
  readonly allocated: ExtentListMark;
  readonly freed: number;
  readonly depth: number;
  readonly borrowed: number;
}

/** How many settled pages are written in one go. */
const SETTLED_PAGES = 64;

export class WriteSet implements PageOwner {
  readonly reader: PageReader;
  readonly tx: number;
  turn = 0;
  readonly pageSize: number;
  readonly #store: PageStore;
  readonly #cache: PageCache;
  readonly #own: PageTable;
  #horizon: number;
  #endBefore: number;
  /** Numbers taken from free space. */
  readonly #allocated = new ExtentList();
  /** Taken numbers that are not in use now: of the transaction, then of each savepoint. */
  readonly #recycled: number[][] = [[]];
  /** Numbers that a savepoint took from an outer list, and the places of those lists. */
  readonly #borrowed: { page: number; from: number }[] = [];
  readonly #freedStarts: number[] = [];
  readonly #freedLengths: number[] = [];
  readonly #freedBorns: number[] = [];
  /** Pages that keep the number of their committed version, which is only in memory. */
  readonly #kept = new Set<number>();
  #settled: number[] = [];
  #epoch = 1;
  #epochs = 1;
  #committing = false;

  constructor(store: PageStore, tx: number) {
    this.#store = store;
    this.#cache = store.cache;
    this.tx = tx;
    this.pageSize = store.pageSize;
    this.#own = store.ownPages;
    this.reader = new PageReader(store.cache, this.#own);
    this.#horizon = store.pins.newest;
    store.reclaim();
    this.#endBefore = store.free.end;
    store.writing = true;
    store.displaced = null;
  }

  /** Looks at pins and free pages again, as long as no page was touched. */
  beginAnew(): void {
    assertInvariant(this.isEmpty, "the transaction has touched no page yet");
    this.#horizon = this.#store.pins.newest;
    this.#store.reclaim();
    this.#endBefore = this.#store.free.end;
  }

  /** True where the transaction has touched no page. */
  get isEmpty(): boolean {
    return this.#own.size === 0 && this.#allocated.count === 0 && this.#freedStarts.length === 0;
  }

  /** How many extents `publish` may add to those that are free or wait. */
  get freedExtents(): number {
    return this.#freedStarts.length + this.#recycled[0].length;
  }

  own(page: number, crc: number, born: number): number {
    const cache = this.#cache;
    const frame = this.#own.get(page);
    if (frame >= 0 && cache.levelOf[frame] >= this.#epoch) {
      if (cache.isPinned(frame)) return this.#moveAside(page, frame);
      if (cache.state[frame] !== DIRTY) cache.setState(frame, DIRTY);
      return frame;
    }
    const copy = cache.takeFrame();
    const source = frame >= 0 ? frame : this.#fetchInto(copy, page, crc);
    this.#copyFrame(source, copy);
    const number = frame < 0 && this.#keepsNumber(page, source, born) ? page : this.#allocate();
    if (number !== page) this.free(page, born);
    this.#adopt(number, copy);
    return copy;
  }

  owns(page: number): boolean {
    const frame = this.#own.get(page);
    return frame >= 0 && this.#cache.levelOf[frame] >= this.#epoch;
  }

  create(level: number): number {
    const frame = this.#cache.takeFrame();
    this.#adopt(this.#allocate(), frame);
    clearNode(this.#cache.views(frame), this.#cache.base(frame), this.pageSize, level, 0);
    return frame;
  }

  settle(frame: number): number {
    const crc = sealFrame(this.reader, frame);
    this.#settled.push(frame);
    if (this.#settled.length >= SETTLED_PAGES) this.#writeSettled();
    return crc;
  }

  free(page: number, born: number): void {
    const frame = this.#own.get(page);
    if (frame >= 0 && this.#cache.levelOf[frame] >= this.#epoch) {
      this.#own.delete(page);
      this.#cache.releaseFrame(frame);
      if (!this.#kept.delete(page)) {
        this.#recycle(page);
        return;
      }
    } else if (frame < 0 && born === this.tx && this.#epoch === 1) {
      // It was written already to make room; without a savepoint nothing goes back to it.
      this.#cache.drop(page);
      this.#recycle(page);
      return;
    }
    this.#noteFreed(page, 1, born);
  }

  storeValue(value: Uint8Array, length: number, into: Uint8Array): number {
    return this.#writeValue(value, length, this.#store.extents.allocate(this.#store.free, length), into);
  }

  /** As `storeValue`, but in one piece below page `limit`; returns 0 where there is no room. */
  storeValueBelow(value: Uint8Array, limit: number, into: Uint8Array): number {
    const extents = this.#store.extents.allocateBelow(this.#store.free, value.length, limit);
    return extents === null ? 0 : this.#writeValue(value, value.length, extents, into);
  }

  #writeValue(value: Uint8Array, length: number, extents: ExtentList, into: Uint8Array): number {
    try {
      // What is below may not have been written yet: without room of its own it would be a hole in the file.
      for (const start of extents.starts) this.#store.data.reserve(start);
      const bytes = this.#store.extents.write(value, length, extents, this.tx, into);
      this.#allocated.addAll(extents);
      for (let i = 0; i < extents.count; i++) this.#forgetMapped(extents.starts[i], extents.lengths[i]);
      return bytes;
    } catch (error) {
      this.#store.free.release(extents);
      throw error;
    }
  }

  freeValue(descriptor: Uint8Array, at: number): number {
    const extents = valueExtents(descriptor, at);
    const born = valueBorn(descriptor, at);
    for (let i = 0; i < extents.count; i++) this.#noteFreed(extents.starts[i], extents.lengths[i], born);
    return extents.pages;
  }

  valuePages(descriptor: Uint8Array, at: number): number {
    return valueExtents(descriptor, at).pages;
  }

  savepoint(): Savepoint {
    this.turn++;
    const savepoint = {
      epoch: this.#epoch,
      allocated: this.#allocated.mark(),
      freed: this.#freedStarts.length,
      depth: this.#recycled.length,
      borrowed: this.#borrowed.length,
    };
    this.#recycled.push([]);
    this.#epoch = ++this.#epochs;
    return savepoint;
  }

  /** Keeps what was done since the savepoint. */
  release(savepoint: Savepoint): void {
    this.turn++;
    this.#epoch = savepoint.epoch;
    const recycled = this.#recycled.pop() ?? [];
    for (const page of recycled) this.#recycle(page);
    if (savepoint.depth === 1) this.#borrowed.length = 0;
    // What only the savepoint could go back to is of no use any more.
    const starts = this.#freedStarts.splice(savepoint.freed);
    const lengths = this.#freedLengths.splice(savepoint.freed);
    const borns = this.#freedBorns.splice(savepoint.freed);
    for (let i = 0; i < starts.length; i++) {
      if (lengths[i] === 1 && borns[i] === this.tx) this.free(starts[i], borns[i]);
      else this.#noteFreed(starts[i], lengths[i], borns[i]);
    }
  }

  /** Undoes what was done since the savepoint. The caller restores the roots. */
  rollbackTo(savepoint: Savepoint): void {
    this.turn++;
    const undone = this.#allocated.since(savepoint.allocated);
    this.#allocated.truncate(savepoint.allocated);
    this.#freedStarts.length = savepoint.freed;
    this.#freedLengths.length = savepoint.freed;
    this.#freedBorns.length = savepoint.freed;
    this.#recycled.length = savepoint.depth;
    this.#epoch = savepoint.epoch;
    for (const { page, from } of this.#borrowed.splice(savepoint.borrowed)) {
      if (from >= savepoint.depth) continue;
      this.#forget(page);
      this.#recycled[from].push(page);
    }
    this.#giveBack(undone);
  }

  /** True where `frame` is this transaction's version of `page`. */
  holds(page: number, frame: number): boolean {
    return this.#own.get(page) === frame;
  }

  /** True where the transaction replaces a committed page under its own number. */
  keeps(page: number): boolean {
    return this.#kept.has(page);
  }

  /** Whether its version of a page may go to disk: one that keeps its number only once the transaction commits. */
  mayWrite(page: number): boolean {
    return this.#committing || !this.#kept.has(page);
  }

  /** Tells that the pages are about to be written and published. */
  beginCommit(): void {
    this.turn++;
    this.#writeSettled();
    this.#committing = true;
  }

  /** Lets written pages be evicted: they move to the shared table, where no one else knows their numbers. */
  shareWritten(): void {
    this.turn++;
    const written: number[] = [];
    this.#own.forEach((_page, frame) => {
      if (this.#cache.state[frame] === CLEAN) written.push(frame);
    });
    for (const frame of written) {
      const page = this.#cache.pageOf[frame];
      this.#own.delete(page);
      this.#cache.table.set(page, frame);
    }
  }

  /** Makes the transaction's pages the committed ones and retires those it took out of use. */
  publish(): void {
    const cache = this.#cache;
    const displaced = this.#store.displaced;
    const unused = new ExtentList();
    for (const page of this.#recycled[0]) unused.add(page, 1);
    for (let i = 0; i < this.#freedStarts.length; i++) {
      const start = this.#freedStarts[i];
      const length = this.#freedLengths[i];
      if (this.#freedBorns[i] < this.tx) {
        if (length === 1) cache.retire(start);
        this.#store.retired.retire(start, length, this.#freedBorns[i], this.tx);
      } else {
        for (let k = 0; k < length; k++) this.#discard(start + k);
        unused.add(start, length);
      }
    }
    this.#own.forEach((page, frame) => {
      this.#displace(page, displaced);
      cache.table.set(page, frame);
    });
    this.#store.free.release(unused);
    this.#end();
  }

  /** Forgets everything: memory and free space are as they were. */
  abandon(): void {
    const frames: number[] = [];
    this.#own.forEach((_page, frame) => {
      frames.push(frame);
    });
    for (const frame of frames) this.#cache.releaseFrame(frame);
    this.#own.clear(OWN_PAGES);
    this.#giveBack(this.#allocated);
    this.#store.free.trimEnd(this.#endBefore);
    this.#end();
  }

  #end(): void {
    forgetPath(this);
    this.#own.clear(OWN_PAGES);
    this.#store.writing = false;
    this.#store.displaced = null;
  }

  /** The committed version of a page leaves the shared table: to the snapshots that still see it, or for good. */
  #displace(page: number, displaced: { table: PageTable; readers: number } | null): void {
    const frame = this.#cache.table.get(page);
    if (frame < 0) return;
    this.#cache.retire(page);
    this.#cache.table.delete(page);
    if (displaced !== null && displaced.readers > 0) displaced.table.set(page, frame);
    else this.#cache.releaseFrame(frame);
  }

  /** A page that this transaction wrote and no longer needs. */
  #discard(page: number): void {
    const frame = this.#own.get(page);
    if (frame >= 0) {
      this.#own.delete(page);
      this.#cache.releaseFrame(frame);
    }
    this.#displace(page, this.#store.displaced);
    this.#cache.forgetMapped(page);
  }

  #giveBack(extents: ExtentList): void {
    for (let i = 0; i < extents.count; i++) {
      for (let k = 0; k < extents.lengths[i]; k++) this.#forget(extents.starts[i] + k);
    }
    this.#store.free.release(extents);
  }

  /** Gives the frame of a page up that no one else knows. */
  #forget(page: number): void {
    const frame = this.#own.get(page);
    if (frame >= 0) {
      this.#own.delete(page);
      this.#cache.releaseFrame(frame);
    }
    this.#cache.drop(page);
  }

  #recycle(page: number): void {
    this.#recycled[this.#recycled.length - 1].push(page);
  }

  /** The frame of a page that is not this transaction's own, loaded so that `reserved` is not what it displaces. */
  #fetchInto(reserved: number, page: number, crc: number): number {
    try {
      return this.#cache.fetch(page, crc);
    } catch (error) {
      this.#cache.releaseFrame(reserved);
      throw error;
    }
  }

  #copyFrame(source: number, target: number): void {
    const cache = this.#cache;
    const from = cache.base(source);
    copyPages(cache.views(source), from, cache.views(target).u8, cache.base(target), this.pageSize);
  }

  /**
   * Whether a committed page may be replaced under its own number: no one else sees it, and no disk holds it or will. A
   * mapped page has no state, and is on disk.
   */
  #keepsNumber(page: number, source: number, born: number): boolean {
    const cache = this.#cache;
    if (this.#epoch > 1 || cache.state[source] !== DIRTY || this.#kept.size * 4 > cache.maxFrames) return false;
    if (born <= this.#horizon || headerTx(cache.views(source), cache.base(source)) <= this.#horizon) return false;
    this.#kept.add(page);
    return true;
  }

  #allocate(): number {
    for (let from = this.#recycled.length - 1; from >= 0; from--) {
      const recycled = this.#recycled[from].pop();
      if (recycled === undefined) continue;
      if (from < this.#recycled.length - 1) this.#borrowed.push({ page: recycled, from });
      return recycled;
    }
    const page = this.#store.free.allocate();
    this.#allocated.add(page, 1);
    this.#cache.forgetMapped(page);
    return page;
  }

  #adopt(page: number, frame: number): void {
    const cache = this.#cache;
    setHeaderIdentity(cache.views(frame), cache.base(frame), page, this.tx);
    cache.pageOf[frame] = page;
    cache.levelOf[frame] = this.#epoch;
    cache.setState(frame, DIRTY);
    this.#own.set(page, frame);
  }

  /** A frame that a reader holds stays as it is; the page goes on in another. */
  #moveAside(page: number, frame: number): number {
    this.turn++;
    const copy = this.#cache.takeFrame();
    this.#copyFrame(frame, copy);
    this.#own.delete(page);
    this.#cache.releaseFrame(frame);
    this.#adopt(page, copy);
    return copy;
  }

  #noteFreed(start: number, length: number, born: number): void {
    this.#freedStarts.push(start);
    this.#freedLengths.push(length);
    this.#freedBorns.push(born);
  }

  #forgetMapped(start: number, length: number): void {
    for (let k = 0; k < length; k++) this.#cache.forgetMapped(start + k);
  }

  #writeSettled(): void {
    const frames = this.#settled;
    if (frames.length === 0) return;
    this.turn++;
    this.#settled = [];
    this.#store.data.writeFrames(this.#cache, frames);
    for (const frame of frames) {
      this.#cache.setState(frame, CLEAN);
      const page = this.#cache.pageOf[frame];
      this.#own.delete(page);
      this.#cache.table.set(page, frame);
    }
  }
}
