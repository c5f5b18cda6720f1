/**
 * The data file as numbered pages. Guarantees: writes of many pages go out in page order, neighbours coalesced; the
 * file is grown before a meta page may name the new size; a sync covers everything written before it.
 */
import { isDiskFull } from "./error.js";
import type { FreeSpace } from "./free-space.js";
import { encodeMeta, type Meta, metaPosition } from "./meta.js";
import type { PageCache, PageSource } from "./page-cache.js";
import type { StorageFile } from "./storage.js";

/** Neighbouring pages go out in writes of up to this size. */
const WRITE_BYTES = 512 * 1024;
/** A file grows by a part of what it has, within these limits. */
const GROWTH_PART = 32;
const MIN_GROWTH_PAGES = 8;
const MAX_GROWTH_BYTES = 1024 * 1024;

export class DataFile implements PageSource {
  readonly file: StorageFile;
  readonly pageSize: number;
  /** Names the file itself. */
  readonly identity: string;
  readonly #free: FreeSpace;
  #staging = new Uint8Array(0);
  /** The file is at least this long, without holes where pages have not been written yet. */
  #reservedBytes = 0;
  /** The disk had not as much room as was asked for last. */
  isTight = false;

  constructor(file: StorageFile, pageSize: number, free: FreeSpace) {
    this.file = file;
    this.identity = file.identity();
    // What a meta page counts was made long enough before it was written; a file that was cut since is not filled up.
    this.#reservedBytes = free.end * pageSize;
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

  /**
   * Sees to it that `pages` pages have room on the disk, so that writing them later cannot find it full. Takes more
   * than is asked for where there is more, because zeros that are written for each page apart would cost a call each.
   *
   * @throws LlmdbError `LLMDB_DISK_FULL`, `LLMDB_IO`; the file may be longer then
   */
  reserve(pages: number): void {
    const least = pages * this.pageSize;
    if (least <= this.#reservedBytes) return;
    const fileBytes = Math.max(this.file.size(), this.#reservedBytes);
    this.#reservedBytes = fileBytes;
    if (least <= fileBytes) return;
    const wanted = (pages + this.slackPages(pages)) * this.pageSize;
    try {
      this.#extend(fileBytes, wanted);
      this.isTight = false;
    } catch (error) {
      this.file.truncate(fileBytes);
      if (!isDiskFull(error)) throw error;
      this.isTight = true;
      this.#extend(fileBytes, least);
    }
  }

  /** Pages that have room on the disk for sure. */
  get reservedPages(): number {
    return Math.floor(this.#reservedBytes / this.pageSize);
  }

  #extend(from: number, to: number): void {
    this.#writeZeros(from, to);
    this.#reservedBytes = to;
  }

  /** Overwrites pages with zeros, as far as the file goes. */
  zero(start: number, pages: number): void {
    if (pages === 0) return;
    const end = Math.min((start + pages) * this.pageSize, this.file.size());
    if (start * this.pageSize < end) this.#writeZeros(start * this.pageSize, end);
  }

  #writeZeros(from: number, to: number): void {
    const zeros = new Uint8Array(Math.min(to - from, WRITE_BYTES));
    for (let at = from; at < to; at += zeros.length) {
      this.file.write(zeros, 0, Math.min(zeros.length, to - at), at);
    }
  }

  /** Makes the file long enough for `pages` pages. Durable after the next sync. */
  grow(pages: number): void {
    if (this.file.size() < pages * this.pageSize) this.file.truncate(pages * this.pageSize);
  }

  /** Cuts what is after `pages` pages. */
  shrink(pages: number): void {
    if (this.file.size() <= pages * this.pageSize) return;
    this.file.truncate(pages * this.pageSize);
    this.#reservedBytes = pages * this.pageSize;
  }

  /** How many pages after `pages` a growing file may keep, so that it need not be extended again at once. */
  slackPages(pages: number): number {
    return Math.ceil(Math.min(Math.max(MIN_GROWTH_PAGES, pages / GROWTH_PART), MAX_GROWTH_BYTES / this.pageSize));
  }

  writeMeta(meta: Meta): void {
    const bytes = encodeMeta(meta);
    this.file.write(bytes, 0, bytes.length, metaPosition(meta.checkpoint, meta.pageSize));
  }
}
