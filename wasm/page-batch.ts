/**
 * Leaf pages that lie still somewhere: in the page cache of this thread or of another one, or in a buffer of their own.
 * Guarantees: while a batch is in use no one changes or moves its pages; a copy of one is cut to the range asked for.
 */
import { copyLeaf } from "../engine/leaf-copy.js";
import type { PageViews } from "../pager/page.js";

/** What gives pages, a batch at a time. */
export interface PageSource {
  readonly batch: PageBatch;
  readonly pageSize: number;
  /** The newest transaction that is seen, and its time in microseconds since 1970. */
  readonly tx: number;
  readonly micros: number;
  /** Whether they were built from the bitemporal store. */
  readonly isTemporal: boolean;
  /** Loads the next pages into the batch, at most this many; returns how many, 0 at the end. */
  next(maxPages: number): number;
  /** The value of a key in the same state. */
  get(key: Uint8Array): Uint8Array | undefined;
  /** Whether other threads can read the pages where they lie. */
  readonly isShared: boolean;
  /** Whether this many pages can be kept still at a time. */
  roomFor(pages: number): boolean;
  /** Keeps the pages of the batch still until what is returned is called, whatever comes after. */
  hold(): () => void;
  close(): void;
}

export class PageBatch {
  /** The memory that the pages are in. */
  chunks: readonly PageViews[] = [];
  /** Of each page: its memory, the byte at which it starts there, its first slot and the one after its last. */
  chunkOf = new Int32Array(64);
  bases = new Int32Array(64);
  firsts = new Uint16Array(64);
  ends = new Uint16Array(64);
  count = 0;
  entries = 0;

  clear(): void {
    this.count = 0;
    this.entries = 0;
  }

  add(chunk: number, base: number, first: number, end: number): void {
    const { count } = this;
    if (count === this.bases.length) this.#grow();
    this.chunkOf[count] = chunk;
    this.bases[count] = base;
    this.firsts[count] = first;
    this.ends[count] = end;
    this.entries += end - first;
    this.count = count + 1;
  }

  /** How many entries some of the pages have. */
  entriesOf(from: number, to: number): number {
    let entries = 0;
    for (let i = from; i < to; i++) entries += this.ends[i] - this.firsts[i];
    return entries;
  }

  /** Copies a page to `into[at..at + pageSize)`. */
  copy(index: number, pageSize: number, into: Uint8Array, at: number): void {
    const views = this.chunks[this.chunkOf[index]];
    copyLeaf(views, this.bases[index], pageSize, this.firsts[index], this.ends[index], into, at);
  }

  #grow(): void {
    const length = this.bases.length * 2;
    this.chunkOf = grown(this.chunkOf, new Int32Array(length));
    this.bases = grown(this.bases, new Int32Array(length));
    this.firsts = grown(this.firsts, new Uint16Array(length));
    this.ends = grown(this.ends, new Uint16Array(length));
  }
}

function grown<T extends Int32Array | Uint16Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
