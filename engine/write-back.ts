/**
 * Writing changed pages to the data file, ahead of a checkpoint or for one. Guarantees: a page is written only when no
 * other version of it has its number; no meta page reaches what is written here before a checkpoint says so, and
 * nothing is synced here.
 */
import { type SealTarget, sealTree } from "../btree/seal.js";
import { type Flusher, NOTES_ONLY } from "../mvcc/flusher.js";
import type { Engine } from "./engine.js";
import type { PinnedView } from "./pinned-view.js";
import type { WriteTransaction } from "./write-transaction.js";

export class WriteBack {
  readonly #engine: Engine;
  readonly #flusher: Flusher;

  constructor(engine: Engine, flusher: Flusher) {
    this.#engine = engine;
    this.#flusher = flusher;
  }

  /** Every changed page that a state somebody looks at reaches. */
  all(): void {
    this.#seal(this.#flusher);
    this.#flusher.write(false);
  }

  /**
   * Some pages of committed states, so that their frames can be evicted: a checkpoint would write all of them at once,
   * and sync.
   *
   * @throws LlmdbError `LLMDB_DISK_FULL`, `LLMDB_IO`; what was not written can be written later
   */
  some(pages: number): void {
    const { store, writer } = this.#engine;
    const flusher = this.#flusher;
    store.data.reserve(store.free.end);
    flusher.writeSet = writer?.writeSet ?? null;
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
  writer(writer: WriteTransaction, committing: boolean): void {
    if (committing) writer.writeSet.beginCommit();
    this.#flusher.writeSet = writer.writeSet;
    try {
      // Readers of older states first: whoever shares a page with the transaction learns its checksum in this pass.
      this.#seal(this.#flusher);
      writer.seal(this.#flusher);
      this.#flusher.write(false);
    } finally {
      this.#flusher.writeSet = null;
    }
  }

  /** So many pages of one state; true once all of it is written. */
  slice(view: PinnedView, pages: number): boolean {
    const flusher = this.#flusher;
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
    for (const view of this.#engine.views) {
      view.directory?.seal(target);
      if (view.tree !== null) sealTree(view.snapshot.reader, view.tree.root, target);
    }
    this.#engine.directory.seal(target);
  }
}
