/**
 * Which removals are still to be erased, and overwriting what they left. Guarantees: a request stays until all of it is
 * done: the two newest meta pages are past it, every free page, the room behind the pages and the unused part of the
 * log are zeros, and no snapshot and no reader in another process keeps a page that was freed before.
 */
import type { PageStore } from "../mvcc/page-store.js";
import { Eraser } from "../pager/eraser.js";
import type { Meta } from "../pager/meta.js";

const NOTHING = -1;

export class Erasure {
  /** Each checkpoint erases what became free before it, without being asked. */
  readonly always: boolean;
  readonly #store: PageStore;
  readonly #eraser: Eraser;
  /** What transactions up to this one removed is to be erased. */
  #requiredTx: number;

  /** @param meta the newest meta page: an earlier process may not have come to an end */
  constructor(store: PageStore, always: boolean, meta: Meta) {
    this.always = always;
    this.#store = store;
    this.#eraser = new Eraser(store.free, store.data, always);
    this.#requiredTx = meta.unerased ? meta.tx : NOTHING;
  }

  /** Asks for what the transactions up to `tx` removed. */
  require(tx: number): void {
    this.#requiredTx = Math.max(this.#requiredTx, tx);
  }

  get isRequired(): boolean {
    return this.#requiredTx !== NOTHING;
  }

  /** Whether checkpoints leave nothing behind the pages of the file. */
  get isActive(): boolean {
    return this.always || this.isRequired;
  }

  /**
   * Whether neither the newest meta page nor the one before leads to what was removed. The oldest of the three may lead
   * anywhere: what only that one reaches is free, and it is never read where the other two are whole.
   */
  isPast(newest: Meta): boolean {
    return newest.previousTx >= this.#requiredTx;
  }

  /** Overwrites pages. Durable after the next sync. */
  overwrite(): void {
    this.#store.reclaim();
    if (this.isRequired) {
      this.#eraser.eraseAll();
      this.#overwriteUnwritten();
    } else this.#eraser.eraseReleased();
  }

  /** A page that only a snapshot sees, and that was never written, has the bytes of an earlier page on the disk. */
  #overwriteUnwritten(): void {
    const { cache, data, retired } = this.#store;
    retired.forEach((start, length) => {
      for (let page = start; page < start + length; page++) {
        const frame = cache.table.get(page);
        if (frame >= 0 && cache.isDirty(frame)) data.zero(page, 1);
      }
    });
  }

  /** What was overwritten is durable: the request is done, unless somebody keeps pages that were freed before it. */
  settle(): void {
    let isKept = false;
    this.#store.retired.forEach((_start, _length, _born, freed) => {
      if (freed <= this.#requiredTx) isKept = true;
    });
    if (!isKept) this.#requiredTx = NOTHING;
  }
}
