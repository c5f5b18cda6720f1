/**
 * From page number to frame for the pages that all transactions share. Guarantees: for page numbers below 2^24 a
 * look-up is one read of an integer array, because neighbouring pages then share cache lines; beyond, a hash table
 * takes over. The array grows with the largest page number seen, and untouched parts of it take no memory.
 */
import { PageTable } from "./page-table.js";

const DIRECT_PAGES = 2 ** 24;
const FIRST_PAGES = 1024;

export class FrameIndex {
  /** Frame plus one, so that zero means absent. */
  #direct = new Int32Array(FIRST_PAGES);
  readonly #sparse = new PageTable(0);

  /** The frame of `page`, or -1. */
  get(page: number): number {
    const direct = this.#direct;
    return page < direct.length ? direct[page] - 1 : this.#sparse.get(page);
  }

  set(page: number, frame: number): void {
    if (page >= DIRECT_PAGES) {
      this.#sparse.set(page, frame);
      return;
    }
    if (page >= this.#direct.length) this.#grow(page);
    this.#direct[page] = frame + 1;
  }

  delete(page: number): void {
    if (page >= DIRECT_PAGES) this.#sparse.delete(page);
    else if (page < this.#direct.length) this.#direct[page] = 0;
  }

  #grow(page: number): void {
    let pages = this.#direct.length;
    while (pages <= page) pages *= 2;
    const grown = new Int32Array(pages);
    grown.set(this.#direct);
    this.#direct = grown;
  }
}
