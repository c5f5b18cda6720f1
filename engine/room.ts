/**
 * Room for transactions: in the cache and in the log before one begins, on the disk before its first change, in the
 * cache between its operations. Guarantees: a transaction that finds no room fails before it changes anything, or,
 * where its own pages crowd the cache, writes them; where the disk is full, checkpoints release what was deleted, and a
 * transaction that only deletes may use the pages that are kept for it.
 */
import { isDiskFull } from "../pager/error.js";
import type { Checkpointer } from "./checkpointer.js";
import type { CommittedState } from "./committed-state.js";
import type { Journal } from "./journal.js";
import type { RunningPages, WriteBack } from "./write-back.js";

/** Frames of a small cache that stay free for what one operation touches. */
const LEAST_SPARE_FRAMES = 16;
/** Pages that deleting may need where the disk is full. */
const SPARE_PAGES = 16;

/** A running transaction, and whether it has looked for room on the disk. */
export interface Occupant extends RunningPages {
  hasRoom: boolean;
}

export class Room {
  /** How often a commit waited for a checkpoint, and why. */
  readonly stalls = { logFull: 0, cacheFull: 0, ms: 0 };
  readonly #state: CommittedState;
  readonly #writeBack: WriteBack;
  readonly #journal: Journal;
  readonly #checkpointer: Checkpointer;
  readonly #isVolatile: boolean;

  /** @param isVolatile there is nothing to make durable, and no disk that can be full */
  constructor(
    state: CommittedState,
    writeBack: WriteBack,
    journal: Journal,
    checkpointer: Checkpointer,
    isVolatile: boolean,
  ) {
    this.#state = state;
    this.#writeBack = writeBack;
    this.#journal = journal;
    this.#checkpointer = checkpointer;
    this.#isVolatile = isVolatile;
  }

  /** Before a transaction: moves a checkpoint on, and waits for it where log or cache have no more room. */
  make(): void {
    const { storage, store } = this.#state;
    const { cache } = store;
    const crowded = () => cache.heldFrames * 4 > cache.maxFrames * 3;
    if (this.#isVolatile) {
      if (crowded()) this.#writeBack.all();
      return;
    }
    this.#checkpointer.help();
    if (crowded()) this.#thin(cache.maxFrames >>> 3);
    if (!crowded() && !this.#journal.isFull) return;
    const startMs = storage.now();
    if (crowded()) this.stalls.cacheFull++;
    else this.stalls.logFull++;
    // The second one gives the log back that the meta page before the first still needs.
    try {
      for (let i = 0; i < 2 && (crowded() || this.#journal.isFull); i++) this.#checkpointer.run(i > 0);
    } catch (error) {
      // Where only the log is full, the transaction may still be small enough for what is left.
      if (!isDiskFull(error) || crowded()) throw error;
    }
    this.stalls.ms += Math.max(0, storage.now() - startMs);
  }

  /** Writes some changed pages; where the disk has no room for them, a checkpoint may make some. */
  #thin(pages: number): void {
    try {
      this.#writeBack.some(pages, null);
    } catch (error) {
      if (!isDiskFull(error)) throw error;
    }
  }

  /** In a transaction, before its first change and between operations. */
  relieve(running: Occupant): void {
    if (!running.hasRoom) {
      running.hasRoom = true;
      if (!this.#isVolatile) this.#makeOnDisk(running);
    }
    const { store } = this.#state;
    const { cache } = store;
    const spare = Math.max(LEAST_SPARE_FRAMES, cache.maxFrames >>> 4);
    if (cache.heldFrames + spare <= cache.maxFrames) return;
    if (!this.#isVolatile) this.#writeBack.some(spare, running);
    if (cache.heldFrames + spare <= cache.maxFrames) return;
    store.data.reserve(store.free.end);
    this.#writeBack.running(running, false);
    running.writeSet.shareWritten();
  }

  /**
   * Before the first change of a transaction: sees to it that there is room on the disk for some pages. Where the disk
   * is full, checkpoints release what was deleted, and the log gives its room to the data.
   */
  #makeOnDisk(running: Occupant): void {
    const { store } = this.#state;
    if (!store.data.isTight && store.data.reservedPages >= this.#endWith(SPARE_PAGES)) return;
    try {
      store.data.reserve(this.#endWith(SPARE_PAGES));
      if (!store.data.isTight) return;
    } catch (error) {
      if (!isDiskFull(error)) throw error;
    }
    if (store.retired.pages === 0 && this.#journal.log === null) return;
    try {
      this.#checkpointer.run(true);
      this.#journal.end();
      this.#checkpointer.run(true);
    } catch (error) {
      if (!isDiskFull(error)) throw error;
    }
    running.writeSet.beginAnew();
  }

  /**
   * Before a commit: sees to it that the pages that it took have room on the disk.
   *
   * @param grows whether anything was put: then the pages that deleting may need have to be left
   * @throws LlmdbError `LLMDB_DISK_FULL`, `LLMDB_IO`
   */
  reserve(grows: boolean): void {
    this.#state.store.data.reserve(this.#endWith(grows ? SPARE_PAGES : 0));
  }

  /** Where the file has to end so that `pages` more can be taken. */
  #endWith(pages: number): number {
    const { free } = this.#state.store;
    return free.end + Math.max(0, pages - free.pages);
  }
}
