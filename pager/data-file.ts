/**
 * The data file as numbered pages. Guarantees: writes of many pages go out in page order, neighbours coalesced; the
 * file is grown before a meta page may name the new size; a sync covers everything written before it.
 */
import type { FreeSpace } from "./free-space.js";
import { encodeMeta, type Meta, metaPosition } from "./meta.js";
import type { PageCache, PageSource } from "./page-cache.js";
import type { StorageFile } from "./storage.js";

/** Neighbouring pages go out in writes of up to this size. */
const WRITE_BYTES = 512 * 1024;

export class DataFile implements PageSource {
  readonly file: StorageFile;
  readonly pageSize: number;
  readonly #free: FreeSpace;
  #staging = new Uint8Array(0);

  constructor(file: StorageFile, pageSize: number, free: FreeSpace) {
    this.file = file;
    this.pageSize = pageSize;
    this.#free = free;
  }

  pageCount(): number {
    return this.#free.end;
  }

  readPage(page: number, into: Uint8Array, offset: number): boolean {
    return this.file.read(into, offset, this.pageSize, page * this.pageSize) === this.pageSize;
  }

  /** Writes the pages in `frames`, whose numbers the cache knows. */
  writeFrames(cache: PageCache, frames: number[]): void {
    const { pageSize } = this;
    frames.sort((a, b) => cache.pageOf[a] - cache.pageOf[b]);
    for (let i = 0; i < frames.length; ) {
      const first = cache.pageOf[frames[i]];
      const most = Math.min(frames.length - i, WRITE_BYTES / pageSize);
      let run = 1;
      while (run < most && cache.pageOf[frames[i + run]] === first + run) run++;
      if (run === 1) this.file.write(cache.views(frames[i]).u8, cache.base(frames[i]), pageSize, first * pageSize);
      else this.#writeRun(cache, frames, i, run, first);
      for (let k = 0; k < run; k++) cache.forgetMapped(first + k);
      i += run;
    }
  }

  #writeRun(cache: PageCache, frames: number[], from: number, run: number, first: number): void {
    const { pageSize } = this;
    if (this.#staging.length < run * pageSize)
      this.#staging = new Uint8Array(Math.min(WRITE_BYTES, run * 2 * pageSize));
    for (let k = 0; k < run; k++) {
      const frame = frames[from + k];
      const base = cache.base(frame);
      this.#staging.set(cache.views(frame).u8.subarray(base, base + pageSize), k * pageSize);
    }
    this.file.write(this.#staging, 0, run * pageSize, first * pageSize);
  }

  /** Makes the file long enough for `pages` pages. Durable after the next sync. */
  grow(pages: number): void {
    if (this.file.size() < pages * this.pageSize) this.file.truncate(pages * this.pageSize);
  }

  /** Cuts what lies behind `pages` pages. */
  shrink(pages: number): void {
    if (this.file.size() > pages * this.pageSize) this.file.truncate(pages * this.pageSize);
  }

  writeMeta(meta: Meta): void {
    const bytes = encodeMeta(meta);
    this.file.write(bytes, 0, bytes.length, metaPosition(meta.checkpoint, meta.pageSize));
  }
}
