/**
 * The pages of one database as its transactions share them: cache, free space, pages that wait for readers, and the
 * reader register. Guarantees: a page number is handed out again only when no snapshot and neither meta page on disk
 * can reach its old content, and its old content has left the cache by then.
 */
import { DataFile } from "../pager/data-file.js";
import { ExtentStore } from "../pager/extent-value.js";
import type { FreeSpace } from "../pager/free-space.js";
import { PageCache, type PageSource, type PageValidator } from "../pager/page-cache.js";
import { PageReader } from "../pager/page-reader.js";
import { PageTable } from "../pager/page-table.js";
import type { StorageFile } from "../pager/storage.js";
import { Pins } from "./pins.js";
import { Retired } from "./retired.js";

/** Room for the pages of a small transaction. */
export const OWN_PAGES = 64;

export class PageStore {
  readonly pageSize: number;
  readonly free: FreeSpace;
  readonly data: DataFile;
  readonly extents: ExtentStore;
  readonly cache: PageCache;
  readonly pins = new Pins();
  readonly retired = new Retired(this.pins);
  /** Reads the newest committed state. */
  readonly reader: PageReader;
  /**
   * While a write transaction runs and a snapshot was opened meanwhile: where the committed versions of pages go that
   * the transaction changed under their own numbers.
   */
  displaced: DisplacedPages | null = null;
  writing = false;
  /** The pages of the one running write transaction; empty between two of them. */
  readonly ownPages = new PageTable(OWN_PAGES);

  constructor(
    file: StorageFile,
    pageSize: number,
    cacheBytes: number,
    free: FreeSpace,
    validate: PageValidator,
    source: (data: DataFile) => PageSource,
    isShared = false,
  ) {
    this.pageSize = pageSize;
    this.free = free;
    this.data = new DataFile(file, pageSize, free);
    this.extents = new ExtentStore(file, pageSize, () => free.end);
    this.cache = new PageCache(pageSize, cacheBytes, source(this.data), validate, isShared);
    this.reader = new PageReader(this.cache);
  }

  /** Pins `tx` and returns what reads its pages for as long as it is pinned. */
  openReader(tx: number): SnapshotReader {
    this.pins.pin(tx);
    if (!this.writing) return new SnapshotReader(this, tx, this.reader, null);
    this.displaced ??= new DisplacedPages(this.cache);
    this.displaced.readers++;
    return new SnapshotReader(this, tx, new PageReader(this.cache, this.displaced.table), this.displaced);
  }

  unpin(tx: number): void {
    if (this.pins.unpin(tx)) this.retired.unpinned(tx);
  }

  /** Makes pages free that no one can see any more. */
  reclaim(): void {
    const ready = this.retired.takeReady();
    if (ready.count === 0) return;
    for (let i = 0; i < ready.count; i++) {
      for (let k = 0; k < ready.lengths[i]; k++) this.cache.drop(ready.starts[i] + k);
    }
    this.free.release(ready);
  }
}

/** Committed page versions that only snapshots opened during one write transaction still see. */
export class DisplacedPages {
  readonly table = new PageTable(0);
  readers = 0;
  readonly #cache: PageCache;

  constructor(cache: PageCache) {
    this.#cache = cache;
  }

  /** Drops one reader, and the pages with the last. */
  release(): void {
    if (--this.readers > 0) return;
    this.table.forEach((_page, frame) => {
      this.#cache.releaseFrame(frame);
    });
    this.table.clear(0);
  }
}

/** The pages as one pinned transaction sees them. */
export class SnapshotReader {
  readonly tx: number;
  readonly reader: PageReader;
  readonly store: PageStore;
  readonly #displaced: DisplacedPages | null;
  #open = true;

  constructor(store: PageStore, tx: number, reader: PageReader, displaced: DisplacedPages | null) {
    this.store = store;
    this.tx = tx;
    this.reader = reader;
    this.#displaced = displaced;
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#displaced?.release();
    this.store.unpin(this.tx);
  }
}
