/**
 * Making commits durable. At this stage of the format a commit is durable when a checkpoint holds it: data pages, sync,
 * the other meta page, sync. A log will take the place of `sync` and `requestSync` here; checkpoints stay as they are.
 *
 * Guarantees:
 * - Everything a meta page reaches, and the length of the file, is durable before the meta page is written.
 * - Pages that the other meta page reaches are not reused until a newer one is durable; the file shrinks only after
 *   that.
 * - A checkpoint runs from a pinned state; commits go on meanwhile. Commits that wait at the same time share one.
 * - After a write or sync that failed here the outcome is unknown, and the handle takes no more writes.
 */

import type { PageStore } from "../mvcc/page-store.js";
import { LlmdbError } from "../pager/error.js";
import { ExtentList } from "../pager/extent-list.js";
import { MAX_DESCRIPTOR_BYTES, MAX_EXTENTS, valueExtents } from "../pager/extent-value.js";
import type { Meta } from "../pager/meta.js";
import { FIRST_PAGE, HEADER_BYTES } from "../pager/page.js";
import { PagePointer } from "../pager/page-pointer.js";
import { encodeFreeList, freeListBound } from "./free-list.js";
import type { MapDirectory } from "./map-directory.js";

/** What the checkpointer needs to know of the newest committed state. */
export interface CommittedState {
  readonly directory: MapDirectory;
  readonly lastTx: number;
  readonly lastMicros: number;
  /** Writes every changed page that a state somebody looks at reaches. */
  flush(): void;
}

/** A checkpoint on its way: what the next meta page will say. */
interface Attempt {
  readonly meta: Meta;
  phase: "data" | "meta" | "done";
}

interface Waiter {
  readonly tx: number;
  resolve(): void;
  reject(error: unknown): void;
}

export class Checkpointer {
  readonly #store: PageStore;
  readonly #state: CommittedState;
  /** The newest meta page on disk. */
  #meta: Meta;
  #attempt: Attempt | null = null;
  #running: Promise<void> | null = null;
  #waiters: Waiter[] = [];
  #failure: LlmdbError | null = null;
  /** Pages, written once, that the next list of free pages will be on. */
  #reserved: ExtentList | null = null;
  /** Checkpoints made through this handle. */
  count = 0;

  constructor(store: PageStore, state: CommittedState, meta: Meta) {
    this.#store = store;
    this.#state = state;
    this.#meta = meta;
    store.pins.pin(meta.previousTx);
    store.pins.pin(meta.tx);
  }

  /** The newest transaction that a power cut cannot take. */
  get durableTx(): number {
    return this.#meta.tx;
  }

  /** What the newest meta page on disk says. */
  get meta(): Meta {
    return this.#meta;
  }

  /** Why the handle takes no more writes, or null. */
  get failure(): LlmdbError | null {
    return this.#failure;
  }

  /** Pages that hold the saved list of free pages, and those that wait for the next one. */
  get listPages(): ExtentList {
    const { freeList } = this.#attempt?.meta ?? this.#meta;
    const pages = freeList.length === 0 ? new ExtentList() : valueExtents(freeList, 0);
    if (this.#reserved !== null) pages.addAll(this.#reserved);
    return pages;
  }

  /**
   * Sees to it that the next list of free pages has room on disk, with `more` extents than now. Called before a commit
   * becomes visible, so that a full disk can still abort it.
   *
   * @throws LlmdbError `LLMDB_DISK_FULL`, `LLMDB_IO`; nothing has changed then
   */
  reserveList(more: number): void {
    const { free, retired, extents, pageSize } = this.#store;
    const bytes = freeListBound(free.extents + retired.extents + more + 2 * MAX_EXTENTS);
    const reserved = this.#reserved;
    if (reserved !== null && reserved.pages * pageSize >= bytes + reserved.count * HEADER_BYTES) return;
    // Twice of what is needed, so that a list that grows step by step does not move at each of them.
    const pages = extents.allocate(free, bytes * 2);
    try {
      extents.write(new Uint8Array(bytes * 2), bytes * 2, pages, 0, new Uint8Array(MAX_DESCRIPTOR_BYTES));
    } catch (error) {
      free.release(pages);
      throw error;
    }
    this.#reserved = pages;
    if (reserved !== null) free.release(reserved);
  }

  /** Makes everything committed so far durable; blocks. */
  sync(): void {
    if (this.#failure !== null) throw this.#failure;
    try {
      // A checkpoint that waits for the thread pool is finished here; its own sync comes to nothing.
      if (this.#attempt !== null) this.#finishBlocking(this.#attempt);
      const attempt = this.#begin();
      if (attempt !== null) this.#finishBlocking(attempt);
    } catch (error) {
      throw this.#fail(error);
    }
  }

  /** Resolves when `tx` is durable. Requests that come while a checkpoint runs share the next one. */
  requestSync(tx: number): Promise<void> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    if (tx <= this.durableTx) return Promise.resolve();
    const done = new Promise<void>((resolve, reject) => this.#waiters.push({ tx, resolve, reject }));
    this.#running ??= this.#run();
    return done;
  }

  async #run(): Promise<void> {
    try {
      while (this.#waiters.length > 0) {
        // Everybody who commits in this turn of the event loop comes along.
        await new Promise<void>((resolve) => setImmediate(resolve));
        if (this.#failure !== null) throw this.#failure;
        const attempt = this.#attempt ?? this.#begin();
        if (attempt !== null) await this.#finish(attempt);
        this.#wake();
      }
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#running = null;
    }
  }

  /** Waits until nothing runs any more. */
  async settle(): Promise<void> {
    await this.#running;
  }

  async #finish(attempt: Attempt): Promise<void> {
    const { data } = this.#store;
    if (attempt.phase === "data") {
      await data.file.syncAsync();
      if (attempt.phase === "data") this.#writeMeta(attempt);
    }
    if (attempt.phase === "meta") {
      await data.file.syncAsync();
      if (attempt.phase === "meta") this.#complete(attempt);
    }
  }

  #finishBlocking(attempt: Attempt): void {
    const { data } = this.#store;
    if (attempt.phase === "data") {
      data.file.sync();
      this.#writeMeta(attempt);
    }
    if (attempt.phase === "meta") {
      data.file.sync();
      this.#complete(attempt);
    }
    this.#wake();
  }

  /** Writes what is not written yet and fixes what the next meta page says. Returns null where nothing is new. */
  #begin(): Attempt | null {
    const { lastTx } = this.#state;
    if (lastTx === this.#meta.tx) return null;
    this.#state.flush();
    this.#store.reclaim();
    this.#store.free.trimEnd(FIRST_PAGE);
    const freeList = this.#saveFreeList(lastTx);
    const directory = new PagePointer();
    directory.copyFrom(this.#state.directory.tree.root);
    const meta: Meta = {
      pageSize: this.#meta.pageSize,
      id: this.#meta.id,
      tx: lastTx,
      timeMicros: this.#state.lastMicros,
      pages: this.#store.free.end,
      directory,
      directoryDepth: this.#state.directory.tree.depth,
      previousTx: this.#meta.tx,
      checkpoint: this.#meta.checkpoint + 1,
      freeList,
    };
    this.#store.data.grow(meta.pages);
    this.#store.pins.pin(lastTx);
    this.#attempt = { meta, phase: "data" };
    return this.#attempt;
  }

  /** Saves the free pages as they will be once the checkpoint of `tx` is the newest; returns the descriptor. */
  #saveFreeList(tx: number): Uint8Array {
    const { free, retired, extents } = this.#store;
    const { freeList } = this.#meta;
    const old = freeList.length === 0 ? new ExtentList() : valueExtents(freeList, 0);
    // The pages of the list are taken before the list is computed, so that it does not list itself.
    this.reserveList(0);
    const pages = this.#reserved ?? new ExtentList();
    const list = { free: free.toList(), held: new ExtentList() };
    list.held.addAll(old);
    retired.forEach((start, length, born, freed) => {
      const held = born <= this.#meta.tx && this.#meta.tx < freed;
      (held ? list.held : list.free).add(start, length);
    });
    list.free.normalize();
    list.held.normalize();
    const bytes = encodeFreeList(list);
    const descriptor = new Uint8Array(MAX_DESCRIPTOR_BYTES);
    const length = extents.write(bytes, bytes.length, pages, tx, descriptor);
    this.#reserved = null;
    for (let i = 0; i < old.count; i++) retired.retire(old.starts[i], old.lengths[i], this.#meta.tx, tx);
    return descriptor.slice(0, length);
  }

  #writeMeta(attempt: Attempt): void {
    attempt.phase = "meta";
    this.#store.data.writeMeta(attempt.meta);
  }

  #complete(attempt: Attempt): void {
    attempt.phase = "done";
    this.#attempt = null;
    const previous = this.#meta.previousTx;
    this.#meta = attempt.meta;
    this.count++;
    this.#store.unpin(previous);
    this.#store.reclaim();
    this.#store.data.shrink(Math.max(attempt.meta.pages, this.#store.free.end));
  }

  #wake(): void {
    const waiting = this.#waiters;
    this.#waiters = waiting.filter((waiter) => waiter.tx > this.durableTx);
    for (const waiter of waiting) if (waiter.tx <= this.durableTx) waiter.resolve();
  }

  #fail(error: unknown): LlmdbError {
    this.#failure ??= new LlmdbError(
      "LLMDB_COMMIT_UNKNOWN",
      "a write or sync failed, so it is unknown whether the newest commits are on disk; " +
        "this handle takes no more writes: close it, see to the disk, and open the database again",
      { durableTx: this.durableTx },
      { cause: error },
    );
    const waiting = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiting) waiter.reject(this.#failure);
    return this.#failure;
  }
}
