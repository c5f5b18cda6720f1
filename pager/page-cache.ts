/**
 * The page cache: frames in an arena of a few large buffers, found through an integer table.
 *
 * Guarantees:
 * - A page is checked (length, CRC-32 from its parent, own number, structure) when it enters, and not again.
 * - Frames never number more than `maxFrames`; the clock evicts clean, unpinned ones. A frame index of a clean page is
 *   valid only until the next call that may load a page, unless it is pinned.
 * - Hot code gets (views, byte offset), never an object per page; a mapped page looks like a frame.
 */
import { markAsUntransferable } from "node:worker_threads";
import { crc32 } from "node:zlib";
import { LlmdbError } from "./error.js";
import { FrameIndex } from "./frame-index.js";
import { FIRST_PAGE, headerPage, PageViews } from "./page.js";

/** The page equals what is on disk, or is not needed there. */
export const CLEAN = 0;
/** Changed; its checksum is not known yet. */
export const DIRTY = 1;
/** Changed, its checksum is in its parents; waits to be written. */
export const SEALED = 2;

/** Where pages come from on a miss. */
export interface PageSource {
  /** Pages that exist: a pointer to any other is damage. */
  pageCount(): number;
  /** Reads a whole page; returns false where the file ends before it does. */
  readPage(page: number, into: Uint8Array, offset: number): boolean;
  /** Copies a page that was checked already and may have changed since; returns false for one that is not in memory. */
  copyChecked?(page: number, into: Uint8Array, offset: number): boolean;
  /** Views on the stretch of mapped memory that `chunk` stands for, where pages are mapped. */
  mapChunk?(chunk: number, chunkBytes: number): PageViews | undefined;
}

/** Checks the inner structure of a page; returns what is wrong with it, or undefined. */
export type PageValidator = (views: PageViews, base: number, pageSize: number, pageCount: number) => string | undefined;

const MAX_CHUNK_BYTES = 4 * 1024 * 1024;
const MIN_FRAMES = 64;
const NO_VIEWS = new PageViews(new ArrayBuffer(0), 0, 0);

export class PageCache {
  readonly pageSize: number;
  readonly maxFrames: number;
  /** Frame to chunk: `chunks[frame >>> shift]`, then byte `(frame & mask) * pageSize`. */
  readonly chunks: PageViews[] = [];
  readonly shift: number;
  readonly mask: number;
  /** Committed pages that are in memory. Pages of a running write transaction are in its own table. */
  readonly table = new FrameIndex();
  readonly pageOf: Float64Array;
  readonly state: Uint8Array;
  readonly referenced: Uint8Array;
  readonly crcOf: Uint32Array;
  /**
   * The tree whose newest committed version has this frame as a leaf, as far as a hash index knows it; 0 for any other
   * frame. It goes when the frame takes another page, and when a commit takes the page out of use.
   */
  readonly leafOf: Int32Array;
  /** For frames of a write transaction: the savepoint level that may change the frame in place. */
  readonly levelOf: Int32Array;
  dirtyFrames = 0;
  /** Frames that are pinned at least once. */
  pinnedFrames = 0;
  /**
   * Checksums of pages that a checkpoint has written while newer versions of their parents, still in memory, do not
   * know them yet.
   */
  readonly written = new Map<number, number>();
  /** Pages that reads asked for, and how many of those had to be loaded and checked. */
  fetches = 0;
  misses = 0;

  readonly #pins: Uint16Array;
  readonly #source: PageSource;
  readonly #validate: PageValidator;
  readonly #freeFrames: number[] = [];
  readonly #mappedBase: number;
  readonly #verified = new Map<number, Uint8Array>();
  #usedFrames = 0;
  #hand = 0;

  readonly #isShared: boolean;

  /** @param isShared whether the arena is made of memory that worker threads can be given to read */
  constructor(pageSize: number, cacheBytes: number, source: PageSource, validate: PageValidator, isShared = false) {
    this.pageSize = pageSize;
    this.maxFrames = Math.max(MIN_FRAMES, Math.floor(cacheBytes / pageSize));
    // A small cache grows in steps too: few databases use all that they may.
    const chunkFrames = Math.min(MAX_CHUNK_BYTES / pageSize, Math.ceil(this.maxFrames / 4));
    this.shift = 31 - Math.clz32(chunkFrames);
    this.mask = (1 << this.shift) - 1;
    this.pageOf = new Float64Array(this.maxFrames);
    this.state = new Uint8Array(this.maxFrames);
    this.referenced = new Uint8Array(this.maxFrames);
    this.crcOf = new Uint32Array(this.maxFrames);
    this.leafOf = new Int32Array(this.maxFrames);
    this.levelOf = new Int32Array(this.maxFrames);
    this.#pins = new Uint16Array(this.maxFrames);
    this.#source = source;
    this.#validate = validate;
    this.#isShared = isShared;
    const arenaChunks = Math.ceil(this.maxFrames / (this.mask + 1));
    this.#mappedBase = arenaChunks * (this.mask + 1);
    for (let chunk = 0; chunk < arenaChunks; chunk++) this.chunks.push(NO_VIEWS);
  }

  /** Views on the chunk that holds `frame`. */
  views(frame: number): PageViews {
    return this.chunks[frame >>> this.shift];
  }

  /** The byte at which `frame` starts in its views. */
  base(frame: number): number {
    return (frame & this.mask) * this.pageSize;
  }

  /** Frames that cannot be evicted now, at most: a page that is changed and pinned counts twice. */
  get heldFrames(): number {
    return this.dirtyFrames + this.pinnedFrames;
  }

  /** Bytes of the arena that have been handed out. */
  get bytes(): number {
    return this.#usedFrames * this.pageSize;
  }

  /** The frame of a committed page; loads and checks it if need be. */
  fetch(page: number, crc: number): number {
    const frame = this.table.get(page);
    if (frame < 0) return this.#load(page, crc);
    this.referenced[frame] = 1;
    return frame;
  }

  /** True while `frame` still holds `page`. */
  holds(frame: number, page: number): boolean {
    return frame < this.maxFrames ? this.pageOf[frame] === page : frame - this.#mappedBase === page;
  }

  isDirty(frame: number): boolean {
    return frame < this.maxFrames && this.state[frame] !== CLEAN;
  }

  setState(frame: number, state: number): void {
    this.dirtyFrames += (state === CLEAN ? 0 : 1) - (this.state[frame] === CLEAN ? 0 : 1);
    this.state[frame] = state;
  }

  /** Keeps the bytes of a frame as they are until `unpin`, whatever happens to its page. */
  pin(frame: number): void {
    if (frame < this.maxFrames && this.#pins[frame]++ === 0) this.pinnedFrames++;
  }

  unpin(frame: number): void {
    if (frame >= this.maxFrames) return;
    if (--this.#pins[frame] > 0) return;
    this.pinnedFrames--;
    if (this.pageOf[frame] === 0) this.#freeFrames.push(frame);
  }

  isPinned(frame: number): boolean {
    return frame < this.maxFrames && this.#pins[frame] > 0;
  }

  /** A frame that holds nothing and is in no table; its bytes are undefined. May evict a clean page. */
  takeFrame(): number {
    const free = this.#freeFrames.pop();
    if (free !== undefined) return free;
    if (this.#usedFrames < this.maxFrames) return this.#growArena();
    return this.#evict();
  }

  /** Gives a frame back, at once or when its last pin goes. It must be in no table. */
  releaseFrame(frame: number): void {
    this.setState(frame, CLEAN);
    this.pageOf[frame] = 0;
    this.leafOf[frame] = 0;
    if (this.#pins[frame] === 0) this.#freeFrames.push(frame);
  }

  /** A commit takes a page out of use: only older versions of its tree still have it. */
  retire(page: number): void {
    const frame = this.table.get(page);
    if (frame >= 0 && frame < this.maxFrames) this.leafOf[frame] = 0;
  }

  /** Forgets a page, because its number is free again. */
  drop(page: number): void {
    const frame = this.table.get(page);
    if (frame >= 0) {
      this.table.delete(page);
      this.releaseFrame(frame);
    }
    if (this.written.size > 0) this.written.delete(page);
    this.forgetMapped(page);
  }

  /** The next read of a mapped page checks it again, because it is about to be written. */
  forgetMapped(page: number): void {
    const bits = this.#verified.get(Math.floor(page / BLOCK_PAGES));
    if (bits !== undefined) bits[page % BLOCK_PAGES] = 0;
  }

  #load(page: number, parentCrc: number): number {
    const crc = this.written.size === 0 ? parentCrc : (this.written.get(page) ?? parentCrc);
    if (!(page >= FIRST_PAGE && page < this.#source.pageCount())) {
      throw corruptPage(page, "the pointer to it leads outside of the file");
    }
    const mapped = this.#mapped(page, crc);
    if (mapped >= 0) return mapped;
    this.misses++;
    const frame = this.takeFrame();
    const views = this.views(frame);
    const base = this.base(frame);
    try {
      if (this.#source.copyChecked?.(page, views.u8, base) !== true) {
        if (!this.#source.readPage(page, views.u8, base)) throw corruptPage(page, "the file ends before it");
        this.#check(page, crc, views, base);
      }
    } catch (error) {
      this.releaseFrame(frame);
      throw error;
    }
    this.crcOf[frame] = crc;
    this.pageOf[frame] = page;
    this.referenced[frame] = 1;
    this.table.set(page, frame);
    return frame;
  }

  #mapped(page: number, crc: number): number {
    if (this.#source.mapChunk === undefined) return -1;
    const frame = this.#mappedBase + page;
    if (frame > 0x7fffffff) return -1;
    const chunk = frame >>> this.shift;
    let views = this.chunks[chunk];
    if (views === undefined || views.u8.length < this.base(frame) + this.pageSize) {
      const chunkBytes = (this.mask + 1) * this.pageSize;
      const mapped = this.#source.mapChunk(chunk - (this.#mappedBase >>> this.shift), chunkBytes);
      if (mapped === undefined || mapped.u8.length < this.base(frame) + this.pageSize) return -1;
      while (this.chunks.length < chunk) this.chunks.push(NO_VIEWS);
      views = mapped;
      this.chunks[chunk] = views;
    }
    const block = Math.floor(page / BLOCK_PAGES);
    let bits = this.#verified.get(block);
    if (bits === undefined) {
      bits = new Uint8Array(BLOCK_PAGES);
      this.#verified.set(block, bits);
    }
    if (bits[page % BLOCK_PAGES] === 0) {
      this.misses++;
      this.#check(page, crc, views, this.base(frame));
      bits[page % BLOCK_PAGES] = 1;
    }
    return frame;
  }

  #check(page: number, crc: number, views: PageViews, base: number): void {
    if (crc32(views.u8.subarray(base, base + this.pageSize)) !== crc) {
      throw corruptPage(page, "its checksum is not the one its parent holds");
    }
    if (headerPage(views, base) !== page) throw corruptPage(page, "it says it is another page");
    const problem = this.#validate(views, base, this.pageSize, this.#source.pageCount());
    if (problem !== undefined) throw corruptPage(page, problem);
  }

  #growArena(): number {
    const frame = this.#usedFrames++;
    const chunk = frame >>> this.shift;
    if (this.chunks[chunk] === NO_VIEWS) {
      const frames = Math.min(this.mask + 1, this.maxFrames - chunk * (this.mask + 1));
      this.chunks[chunk] = new PageViews(this.#newArena(frames * this.pageSize), 0, frames * this.pageSize);
    }
    return frame;
  }

  #newArena(bytes: number): ArrayBufferLike {
    if (this.#isShared) return new SharedArrayBuffer(bytes);
    const buffer = new ArrayBuffer(bytes);
    // `view` hands out windows on it; transferring one to a worker would take the pages away.
    markAsUntransferable(buffer);
    return buffer;
  }

  /** Second chance: a page that was used since the hand last passed stays for another round. */
  #evict(): number {
    for (let step = this.maxFrames * 2; step > 0; step--) {
      const frame = this.#hand;
      this.#hand = frame + 1 === this.maxFrames ? 0 : frame + 1;
      if (this.state[frame] !== CLEAN || this.#pins[frame] > 0 || this.pageOf[frame] === 0) continue;
      if (this.referenced[frame] === 1) {
        this.referenced[frame] = 0;
        continue;
      }
      this.table.delete(this.pageOf[frame]);
      this.pageOf[frame] = 0;
      this.leafOf[frame] = 0;
      return frame;
    }
    throw new LlmdbError(
      "LLMDB_INVALID_ARGUMENT",
      `the page cache of ${this.maxFrames} pages is full of pages in use; open the database with a larger cacheBytes`,
      { cacheBytes: this.maxFrames * this.pageSize },
    );
  }
}

/** Pages that share one block of "verified" marks. */
const BLOCK_PAGES = 65536;

/** The error for a damaged page. Keys on other pages stay readable. */
export function corruptPage(page: number, what: string): LlmdbError {
  return new LlmdbError(
    "LLMDB_CORRUPT",
    `page ${page} is damaged: ${what}; keys on other pages stay readable; restore a backup, or see verify()`,
    { page },
  );
}
