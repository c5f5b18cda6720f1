/**
 * Checkpoints: bringing the data file up to a committed state, beside commits. The pages of the state are sealed and
 * written in slices; then sync, the next meta page, sync.
 *
 * Guarantees:
 * - Everything a meta page reaches, the length of the file and the log up to its anchor are durable before the meta
 *   page is written.
 * - Pages that the meta page before reaches are not reused until a newer one is durable; the file shrinks only after
 *   that; the log gives nothing up that the meta page before needs.
 * - The state is pinned; commits go on meanwhile and never change its pages.
 * - Where the disk is full, the checkpoint is given up and can be made later. After any other write or sync that failed
 *   the outcome is unknown, and the handle takes no more writes.
 */
import type { PageStore } from "../mvcc/page-store.js";
import { assertInvariant, isDiskFull } from "../pager/error.js";
import { ExtentList } from "../pager/extent-list.js";
import { MAX_DESCRIPTOR_BYTES, MAX_EXTENTS, valueExtents } from "../pager/extent-value.js";
import type { Meta } from "../pager/meta.js";
import { FIRST_PAGE, HEADER_BYTES } from "../pager/page.js";
import { PagePointer } from "../pager/page-pointer.js";
import { turn } from "../pager/timers.js";
import type { CommittedState } from "./committed-state.js";
import { Erasure } from "./erasure.js";
import type { Failure } from "./failure.js";
import { encodeFreeList, freeListBound } from "./free-list.js";
import type { PinnedView } from "./pinned-view.js";
import type { ReaderPins } from "./reader-slots.js";
import { Waiters } from "./waiters.js";
import type { WriteBack } from "./write-back.js";

/** What the checkpointer needs of the log. */
export interface CheckpointedLog {
  /** Notes in the log where a checkpoint of `tx` begins; position 0 where the checkpoint has no log after it. */
  anchor(tx: number): { position: number; crc: number };
  /** Whether there is a log that goes on behind the next checkpoint. */
  readonly isOpen: boolean;
  /** Whether one checkpoint may follow another: a log lies beside them, or the next one makes it, or none is needed. */
  readonly mayRepeat: boolean;
  /** Overwrites what is not needed any more. */
  eraseUnused(): void;
  /** Makes the log durable up to its newest anchor. */
  sync(): void;
  syncAsync(): Promise<void>;
  /** The checkpoint is durable; `older` is what the meta page before says. */
  checkpointed(newest: Meta, older: Meta): void;
  /** The checkpoint was given up. */
  abandoned(): void;
}

/** How checkpoints are made. */
export interface CheckpointOptions {
  /** Each checkpoint overwrites what became free before it. */
  readonly eraseFreed: boolean;
  /** What readers in other processes look at; null where there are none. */
  readonly readers: ReaderPins | null;
}

/** A checkpoint on its way: what the next meta page will say. */
interface Attempt {
  readonly meta: Meta;
  readonly view: PinnedView;
  readonly listPages: ExtentList;
  phase: "write" | "sync" | "meta" | "done";
}

/** Bytes of pages that are written in one go, with others getting a turn before the next. */
const SLICE_BYTES = 32 * 1024;
/** What is written beside commits is synced in parts: one sync of all of it would hold theirs up. */
const SYNCED_BYTES = 4 * 1024 * 1024;
/** Pages that are written in one go where everybody waits anyway. */
const BLOCKING_PAGES = 64;

export class Checkpointer {
  readonly #state: CommittedState;
  readonly #store: PageStore;
  readonly #writeBack: WriteBack;
  readonly #log: CheckpointedLog;
  readonly #failure: Failure;
  readonly #readers: ReaderPins | null;
  readonly #erasure: Erasure;
  #attempt: Attempt | null = null;
  #running: Promise<void> | null = null;
  readonly #waiters = new Waiters();
  #wanted = false;
  /** Pages, written once, that the next list of free pages will be on. */
  #reserved: ExtentList | null = null;
  /** Checkpoints made through this handle. */
  count = 0;

  constructor(
    state: CommittedState,
    writeBack: WriteBack,
    log: CheckpointedLog,
    failure: Failure,
    { eraseFreed, readers }: CheckpointOptions,
  ) {
    this.#state = state;
    this.#store = state.store;
    this.#writeBack = writeBack;
    this.#log = log;
    this.#failure = failure;
    this.#readers = readers;
    this.#erasure = new Erasure(state.store, eraseFreed, state.checkpoint);
    failure.rejects(this.#waiters);
    this.#holdForReaders(state.checkpoint.previousTx);
  }

  /** What the newest meta page on disk says. */
  get #meta(): Meta {
    return this.#state.checkpoint;
  }

  /** Whether the next checkpoint overwrites what nobody needs any more. */
  get erases(): boolean {
    return this.#erasure.isActive;
  }

  /** From here on checkpoints overwrite what transactions up to `tx` removed, until all of it is. */
  requireErasure(tx: number): void {
    this.#erasure.require(tx);
  }

  /** Pages that hold the saved list of free pages, and those that wait for the next one. */
  get listPages(): ExtentList {
    const pages = savedList(this.#meta);
    if (this.#attempt !== null) pages.addAll(this.#attempt.listPages);
    if (this.#reserved !== null) pages.addAll(this.#reserved);
    return pages;
  }

  /**
   * Sees to it that the next list of free pages has room on disk, with `more` extents than now.
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
      for (const start of pages.starts) this.#store.data.reserve(start);
      extents.write(new Uint8Array(bytes * 2), bytes * 2, pages, 0, new Uint8Array(MAX_DESCRIPTOR_BYTES));
    } catch (error) {
      free.release(pages);
      throw error;
    }
    this.#reserved = pages;
    if (reserved !== null) free.release(reserved);
  }

  /** Brings the data file up to everything committed so far; blocks. With `anew`, also where it is up to date. */
  run(anew = false): void {
    this.#guard(() => {
      if (this.#attempt !== null) this.#finishBlocking(this.#attempt);
      const attempt = this.#begin(anew || this.#erasure.isRequired);
      if (attempt !== null) this.#finishBlocking(attempt);
      if (attempt !== null) this.#erase();
      this.#waiters.wake(this.#meta.tx);
    });
  }

  /**
   * After a second checkpoint of the same state the meta page before does not need the old pages either, nor the log
   * before the first one: all that is overwritten with zeros.
   */
  #erase(): void {
    const erasure = this.#erasure;
    // Without a log beside the file, the next open would take a checkpoint for durable that may not be.
    if (erasure.isRequired ? !this.#log.mayRepeat : !erasure.always || !this.#log.isOpen) return;
    if (!erasure.isRequired) this.#repeat();
    while (erasure.isRequired && !erasure.isPast(this.#meta)) this.#repeat();
    erasure.overwrite();
    this.#log.eraseUnused();
    this.#store.data.file.sync();
    this.#log.sync();
    erasure.settle();
  }

  #repeat(): void {
    const attempt = this.#begin(true);
    if (attempt !== null) this.#finishBlocking(attempt);
  }

  /** The same beside commits; resolves when a checkpoint holds everything committed by now. */
  async request(anew = false): Promise<void> {
    this.#failure.requireNone();
    if (!anew) {
      const isNew = this.#attempt !== null || this.#state.lastTx > this.#meta.tx;
      if (isNew || this.#erasure.isRequired) await this.#driven(this.#state.lastTx);
      return;
    }
    while (this.#attempt !== null) await this.#driven(this.#attempt.meta.tx);
    const attempt = this.#guard(() => this.#begin(true));
    if (attempt !== null) await this.#driven(attempt.meta.tx);
  }

  /** Resolves when the attempt that runs, or the next one, has brought the file up to `tx`. */
  #driven(tx: number): Promise<void> {
    const done = this.#waiters.add(tx);
    this.#running ??= this.#drive();
    return done;
  }

  /** Starts a checkpoint beside commits, if none runs. What goes wrong shows at the next write. */
  start(): void {
    if (this.#failure.error !== null || this.#wanted) return;
    this.#wanted = true;
    this.request().catch(() => {});
  }

  /** Does a slice of the checkpoint that is wanted: callers that never let others have a turn move it on, too. */
  help(): void {
    if (!this.#wanted) return;
    try {
      this.#guard(() => {
        const attempt = this.#attempt ?? this.#begin(false);
        if (attempt?.phase === "write") this.#writeSlice(attempt, BLOCKING_PAGES);
        else if (attempt === null) this.#wanted = false;
      });
    } catch (error) {
      // The log goes on without it.
      if (!isDiskFull(error)) throw error;
    }
  }

  /** Waits until nothing runs any more. */
  async settle(): Promise<void> {
    while (this.#running !== null) await this.#running;
  }

  async #drive(): Promise<void> {
    try {
      // The loop ends when a checkpoint was given up, too: its waiters are gone then.
      while (!this.#waiters.isEmpty) {
        // Everybody who commits in this turn of the event loop comes along.
        await turn();
        this.#failure.requireNone();
        const attempt = this.#attempt ?? this.#begin(this.#erasure.isRequired);
        if (attempt !== null) await this.#finish(attempt);
        if (attempt !== null) this.#erase();
        this.#waiters.wake(this.#meta.tx);
      }
    } catch (error) {
      this.#giveUp(error);
    } finally {
      this.#running = null;
    }
  }

  /**
   * A blocking caller may finish the attempt while this one waits: each step looks where it stands. Of two syncs that
   * overlap, one is told of an error and the other succeeds: then neither counts.
   */
  async #finish(attempt: Attempt): Promise<void> {
    const { data } = this.#store;
    const pages = Math.max(1, SLICE_BYTES / data.pageSize);
    for (let written = pages; attempt.phase === "write"; written += pages) {
      this.#writeSlice(attempt, pages);
      if (attempt.phase !== "write") break;
      await ((written * data.pageSize) % SYNCED_BYTES === 0 ? data.file.syncAsync() : turn());
      this.#failure.requireNone();
    }
    if (attempt.phase === "sync") {
      const syncs = [data.file.syncAsync()];
      if (attempt.meta.log.position > 0) syncs.push(this.#log.syncAsync());
      await Promise.all(syncs);
      this.#failure.requireNone();
      if (attempt.phase === "sync") this.#writeMeta(attempt);
    }
    if (attempt.phase === "meta") {
      await data.file.syncAsync();
      this.#failure.requireNone();
      if (attempt.phase === "meta") this.#complete(attempt);
    }
  }

  #finishBlocking(attempt: Attempt): void {
    const { data } = this.#store;
    while (attempt.phase === "write") this.#writeSlice(attempt, BLOCKING_PAGES);
    if (attempt.phase === "sync") {
      data.file.sync();
      if (attempt.meta.log.position > 0) this.#log.sync();
      this.#writeMeta(attempt);
    }
    if (attempt.phase === "meta") {
      data.file.sync();
      this.#complete(attempt);
    }
  }

  /** Fixes the state and what the next meta page says of it. Returns null where nothing is new. */
  #begin(anew: boolean): Attempt | null {
    const { lastTx } = this.#state;
    assertInvariant(this.#attempt === null, "one checkpoint at a time");
    if (lastTx === this.#meta.tx && !anew) return null;
    this.#writeBack.noteChecksums();
    this.#store.cache.written.clear();
    this.#store.reclaim();
    this.#store.free.trimEnd(FIRST_PAGE);
    const { descriptor, pages } = this.#saveFreeList(lastTx);
    try {
      const log = this.#log.anchor(lastTx);
      const view = this.#state.views.open(null, true);
      this.#store.pins.pin(lastTx);
      const meta: Meta = {
        pageSize: this.#meta.pageSize,
        id: this.#meta.id,
        tx: lastTx,
        timeMicros: view.micros,
        moves: lastTx - view.changeTx,
        pages: this.#store.free.end,
        directory: new PagePointer(),
        directoryDepth: view.directory?.tree.depth ?? 0,
        previousTx: this.#meta.tx,
        log,
        checkpoint: this.#meta.checkpoint + 1,
        unerased: this.#erasure.isRequired,
        freeList: descriptor,
      };
      this.#attempt = { meta, view, listPages: pages, phase: "write" };
    } catch (error) {
      this.#reserved = pages;
      throw error;
    }
    return this.#attempt;
  }

  /** Saves the free pages as they will be once the checkpoint of `tx` is the newest. */
  #saveFreeList(tx: number): { descriptor: Uint8Array; pages: ExtentList } {
    const { free, retired, extents } = this.#store;
    // The pages of the list are taken before the list is computed, so that it does not list itself.
    this.reserveList(0);
    const pages = this.#reserved ?? new ExtentList();
    const list = { free: free.toList(), held: savedList(this.#meta) };
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
    return { descriptor: descriptor.slice(0, length), pages };
  }

  #writeSlice(attempt: Attempt, pages: number): void {
    if (!this.#writeBack.slice(attempt.view, pages)) return;
    const { directory } = attempt.view;
    if (directory !== null) attempt.meta.directory.copyFrom(directory.tree.root);
    this.#store.data.grow(attempt.meta.pages);
    attempt.phase = "sync";
  }

  #writeMeta(attempt: Attempt): void {
    attempt.phase = "meta";
    this.#store.data.writeMeta(attempt.meta);
  }

  #complete(attempt: Attempt): void {
    attempt.phase = "done";
    this.#attempt = null;
    this.#wanted = false;
    const older = this.#meta;
    this.#state.checkpoint = attempt.meta;
    this.count++;
    this.#state.views.close(attempt.view);
    this.#log.checkpointed(attempt.meta, older);
    const { retired, free, data } = this.#store;
    const old = savedList(older);
    // The older meta page reaches its list for as long as its transaction is pinned.
    const freed = Math.max(attempt.meta.tx, older.tx + 1);
    for (let i = 0; i < old.count; i++) retired.retire(old.starts[i], old.lengths[i], older.tx, freed);
    this.#holdForReaders(older.previousTx);
    this.#store.unpin(older.previousTx);
    this.#store.reclaim();
    const pages = Math.max(attempt.meta.pages, free.end);
    data.shrink(this.#erasure.isActive ? pages : pages + data.slackPages(pages));
  }

  /** Before the pages of a transaction are released: pins what readers in other processes look at. */
  #holdForReaders(releasedTx: number): void {
    this.#readers?.update(
      releasedTx,
      (tx) => this.#store.pins.pin(tx),
      (tx) => this.#store.unpin(tx),
    );
  }

  /** Runs what may end a checkpoint. */
  #guard<T>(action: () => T): T {
    this.#failure.requireNone();
    try {
      return action();
    } catch (error) {
      throw this.#giveUp(error);
    }
  }

  /** A full disk ends the attempt, and nothing is lost; anything else ends all writing. Returns what to throw. */
  #giveUp(error: unknown): unknown {
    if (error === this.#failure.error) return error;
    this.#wanted = false;
    if (!isDiskFull(error) || this.#attempt?.phase === "meta") return this.#failure.fail(error);
    if (this.#attempt !== null) this.#abandon(this.#attempt);
    this.#waiters.reject(error);
    return error;
  }

  #abandon(attempt: Attempt): void {
    attempt.phase = "done";
    this.#attempt = null;
    this.#wanted = false;
    this.#reserved = attempt.listPages;
    this.#log.abandoned();
    this.#state.views.close(attempt.view);
    this.#store.unpin(attempt.meta.tx);
  }
}

/** The pages that the list of free pages of a checkpoint is on. */
function savedList({ freeList }: Meta): ExtentList {
  return freeList.length === 0 ? new ExtentList() : valueExtents(freeList, 0);
}
