/**
 * Writing changed pages to the data file. Guarantees: pages are sealed from the leaves up and written in page order; a
 * page leaves the dirty state only after its write succeeded, so that a failed write can be repeated; a version that
 * shares its number with another one that is still needed is never written.
 */
import type { SealTarget } from "../btree/seal.js";
import { CLEAN, SEALED } from "../pager/page-cache.js";
import type { PageStore } from "./page-store.js";
import type { WriteSet } from "./write-set.js";

/** Notes checksums that are known already, and seals nothing. */
export const NOTES_ONLY: SealTarget = { mayWrite: () => false, sealed: () => {}, isFull: false };

export class Flusher implements SealTarget {
  readonly #store: PageStore;
  readonly #unwritten = new Set<number>();
  #budget = Number.POSITIVE_INFINITY;
  /** The running write transaction, if its pages are to be sealed too. */
  writeSet: WriteSet | null = null;

  constructor(store: PageStore) {
    this.#store = store;
  }

  get isFull(): boolean {
    return this.#budget <= 0;
  }

  mayWrite(frame: number): boolean {
    return this.#budget > 0 && this.#isWritable(frame);
  }

  sealed(frame: number): void {
    this.#unwritten.add(frame);
    this.#budget--;
  }

  /** From here on takes at most this many pages. */
  limit(pages: number): void {
    this.#budget = pages;
  }

  /**
   * Writes what was sealed, now or before a write that failed. With `partly`, newer versions of the parents, in memory,
   * may not know the checksums yet.
   *
   * @throws LlmdbError `LLMDB_IO`, `LLMDB_DISK_FULL`
   */
  write(partly: boolean): void {
    const cache = this.#store.cache;
    // A frame that was given up meanwhile, or holds another page, is not sealed any more or was sealed again.
    const frames = Array.from(this.#unwritten).filter((frame) => {
      return cache.state[frame] === SEALED && this.#isWritable(frame);
    });
    this.#store.data.writeFrames(cache, frames);
    for (const frame of frames) {
      cache.setState(frame, CLEAN);
      if (partly) cache.written.set(cache.pageOf[frame], cache.crcOf[frame]);
    }
    this.#unwritten.clear();
  }

  #isWritable(frame: number): boolean {
    const cache = this.#store.cache;
    const page = cache.pageOf[frame];
    const writeSet = this.writeSet;
    if (writeSet?.holds(page, frame)) return writeSet.mayWrite(page);
    // A frame that is not the shared one is a displaced version, seen by a few snapshots only.
    return cache.table.get(page) === frame && !writeSet?.keeps(page);
  }
}
