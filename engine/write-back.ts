/**
 * Writing changed pages to the data file, ahead of a checkpoint or for one. Guarantees: a page is written only when no
 * other version of it has its number; no meta page reaches what is written here before a checkpoint says so, and
 * nothing is synced here.
 */
import { type SealTarget, sealTree } from "../btree/seal.js";
import { Flusher, NOTES_ONLY } from "../mvcc/flusher.js";
import type { PageStore } from "../mvcc/page-store.js";
import type { WriteSet } from "../mvcc/write-set.js";
import type { CommittedState } from "./committed-state.js";
import type { PinnedView } from "./pinned-view.js";

/** A running transaction, as far as its pages are concerned. */
export interface RunningPages {
  readonly writeSet: WriteSet;
  /** Seals all its pages, also those that only a savepoint goes back to. */
  seal(flusher: Flusher): void;
}

export class WriteBack {
  readonly #state: CommittedState;
  /** Of the store that it writes. */
  #flusher: Flusher;
  #store: PageStore;

  constructor(state: CommittedState) {
    this.#state = state;
    this.#store = state.store;
    this.#flusher = new Flusher(state.store);
  }

  /** Another one once a reader alongside a writer has moved on to another store. */
  #currentFlusher(): Flusher {
    const { store } = this.#state;
    if (this.#store !== store) {
      this.#store = store;
      this.#flusher = new Flusher(store);
    }
    return this.#flusher;
  }

  /** Every changed page that a state somebody looks at reaches. */
  all(): void {
    const flusher = this.#currentFlusher();
    this.#seal(flusher);
    flusher.write(false);
  }

  /**
   * Some pages of committed states, so that their frames can be evicted: a checkpoint would write all of them at once,
   * and sync.
   *
   * @param running the transaction that runs meanwhile, or null
   * @throws LlmdbError `LLMDB_DISK_FULL`, `LLMDB_IO`; what was not written can be written later
   */
  some(pages: number, running: RunningPages | null): void {
    const { store } = this.#state;
    const flusher = this.#currentFlusher();
    store.data.reserve(store.free.end);
    flusher.writeSet = running?.writeSet ?? null;
    flusher.limit(pages);
    try {
      this.#seal(flusher);
      flusher.write(true);
    } finally {
      flusher.limit(Number.POSITIVE_INFINITY);
      flusher.writeSet = null;
    }
  }

  /** All pages of a transaction, and of the states before it. */
  running(running: RunningPages, committing: boolean): void {
    const flusher = this.#currentFlusher();
    if (committing) running.writeSet.beginCommit();
    flusher.writeSet = running.writeSet;
    try {
      // Readers of older states first: whoever shares a page with the transaction learns its checksum in this pass.
      this.#seal(flusher);
      running.seal(flusher);
      flusher.write(false);
    } finally {
      flusher.writeSet = null;
    }
  }

  /** Seals and writes at most `pages` pages of one state; true once all of it is written. */
  slice(view: PinnedView, pages: number): boolean {
    const flusher = this.#currentFlusher();
    flusher.limit(pages);
    const complete = view.directory?.seal(flusher) ?? true;
    flusher.limit(Number.POSITIVE_INFINITY);
    flusher.write(true);
    return complete;
  }

  /** Lets states that share pages learn the checksums that are known by now. */
  noteChecksums(): void {
    this.#seal(NOTES_ONLY);
  }

  #seal(target: SealTarget): void {
    for (const view of this.#state.views) {
      view.directory?.seal(target);
      if (view.tree !== null) sealTree(view.snapshot.reader, view.tree.root, target);
    }
    this.#state.directory.seal(target);
  }
}
