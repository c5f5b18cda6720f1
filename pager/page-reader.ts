/**
 * Reads pages as one transaction sees them: its own pages first, then the committed ones. Guarantees: for a reader
 * without pages of its own the extra look-up is one comparison. One class serves plain reads, snapshots and write
 * transactions, so that the code above stays monomorphic.
 */
import type { PageCache } from "./page-cache.js";
import { PageTable } from "./page-table.js";

export class PageReader {
  readonly cache: PageCache;
  /** Pages that only this reader sees, or sees in another version. */
  readonly own: PageTable;

  constructor(cache: PageCache, own: PageTable = new PageTable(0)) {
    this.cache = cache;
    this.own = own;
  }

  /** The frame of `page`; loads it, checking it against `crc`, where it is not in memory. */
  fetch(page: number, crc: number): number {
    if (this.own.size > 0) {
      const frame = this.own.get(page);
      if (frame >= 0) return frame;
    }
    return this.cache.fetch(page, crc);
  }

  /** The frame of `page` if it is in memory, or -1. */
  resident(page: number): number {
    if (this.own.size > 0) {
      const frame = this.own.get(page);
      if (frame >= 0) return frame;
    }
    return this.cache.table.get(page);
  }
}
