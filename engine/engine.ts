/**
 * The engine of one open database: its committed state, the states that somebody looks at, and the one write
 * transaction. Guarantees: one writer at a time; a transaction becomes visible as a whole or not at all; its pages are
 * written before it becomes visible where it is to be durable, so that a full disk aborts it and changes nothing.
 */
import { HashIndex } from "../btree/hash-index.js";
import type { Tree } from "../btree/tree.js";
import { Flusher } from "../mvcc/flusher.js";
import type { PageStore } from "../mvcc/page-store.js";
import { WriteSet } from "../mvcc/write-set.js";
import { isDiskFull, LlmdbError } from "../pager/error.js";
import type { Meta } from "../pager/meta.js";
import type { Storage } from "../pager/storage.js";
import { type Timer, timers } from "../pager/timers.js";
import type { LogRecord } from "../wal/record.js";
import { Checkpointer, type CommittedState } from "./checkpointer.js";
import type { CommitWatcher } from "./commit-watcher.js";
import { DeclaredFormats } from "./declared-formats.js";
import type { Durability, EngineOptions, EngineState } from "./engine-options.js";
import { Journal } from "./journal.js";
import { MapDirectory } from "./map-directory.js";
import type { PinnedView } from "./pinned-view.js";
import type { ReaderPins } from "./reader-slots.js";
import type { Receipt } from "./receipt.js";
import { replayCommit } from "./replay.js";
import { TransactionClock } from "./transaction-clock.js";
import { WriteBack } from "./write-back.js";
import { WriteTransaction } from "./write-transaction.js";

export type { Durability } from "./engine-options.js";

/** Buffered commits reach the disk within so many milliseconds; a process that ends by itself waits for that. */
const BUFFERED_MS = 1000;
/** So long after a commit a checkpoint is made. */
const CHECKPOINT_MS = 60_000;
/** Frames of a small cache that stay free for what one operation touches. */
const LEAST_SPARE_FRAMES = 16;
/** Pages that deleting may need where the disk is full. */
const SPARE_PAGES = 16;

export class Engine implements CommittedState {
  readonly storage: Storage;
  readonly path: string;
  readonly readOnly: boolean;
  readonly durability: Durability;
  /** What modules may use; null: none runs. */
  readonly modules: EngineOptions["modules"];
  /** Of a reader beside a writer, these are replaced when it moves on. */
  store: PageStore;
  directory: MapDirectory;
  checkpointer: Checkpointer;
  readonly journal: Journal;
  readonly views = new Set<PinnedView>();
  /** What handles say of maps that do not exist yet. */
  readonly declared = new DeclaredFormats();
  /** How often a commit waited for a checkpoint, and why. */
  readonly stalls = { logFull: 0, cacheFull: 0, ms: 0 };
  lastTx: number;
  /** The newest that changed something that is seen; those after it only moved pages. This one is told. */
  lastChangeTx: number;
  lastMicros: number;
  /** Counts maps that came or went, so that handles know when to look again. */
  mapChanges = 0;
  closed = false;
  /** Snapshots and range reads that were forgotten instead of closed. */
  leakedSnapshots = 0;
  writer: WriteTransaction | null = null;
  /** Looks at the changes of each transaction that begins from now on. */
  watcher: CommitWatcher | null = null;
  readonly #volatile: boolean;
  #writeBack: WriteBack;
  /** Before which sync of the log it was last seen that the file is still there. */
  #lookedAt = -1;
  readonly #clock: TransactionClock;
  #bufferedTimer: Timer | null = null;
  #checkpointTimer: Timer | null = null;

  constructor(storage: Storage, store: PageStore, meta: Meta, directory: Tree, options: EngineOptions) {
    this.storage = storage;
    this.store = store;
    this.path = options.path;
    this.readOnly = options.readOnly;
    this.durability = options.durability;
    this.modules = options.modules;
    this.#clock = new TransactionClock(options.clock);
    this.#volatile = options.isVolatile;
    this.directory = new MapDirectory(store.reader, directory, new HashIndex(store.cache));
    this.#writeBack = new WriteBack(this, new Flusher(store));
    this.lastTx = meta.tx;
    this.lastChangeTx = meta.tx - meta.moves;
    this.lastMicros = meta.timeMicros;
    this.journal = new Journal(storage, options.path, options.checkpointBytes, options.isVolatile);
    this.checkpointer = new Checkpointer(store, this, this.journal, meta, options.eraseFreed);
    this.checkpointer.onFailure = (failure) => this.journal.reject(failure);
    this.journal.checkpointer = this.checkpointer;
  }

  requireOpen(): void {
    if (this.closed) throw new LlmdbError("LLMDB_CLOSED", "the database is closed; open it again");
  }

  requireWritable(): void {
    this.requireOpen();
    if (this.readOnly) {
      throw new LlmdbError("LLMDB_READ_ONLY", "the database was opened read-only; open it without readOnly to write");
    }
    if (this.checkpointer.failure !== null) throw this.checkpointer.failure;
    if (this.writer !== null) {
      throw new LlmdbError(
        "LLMDB_INVALID_ARGUMENT",
        "a write transaction is running; inside its body write through it, and nest with tx.transaction",
      );
    }
  }

  /** The newest transaction that a power cut cannot take. */
  get durableTx(): number {
    return this.#volatile ? this.lastTx : this.journal.durableTx;
  }

  /** Runs a body as one transaction and blocks until it is as durable as asked. */
  runBlocking<T>(
    body: (tx: WriteTransaction) => T,
    durability: Durability,
    micros?: number,
  ): { value: T; receipt: Receipt } {
    const result = this.#run(body, durability, false, micros);
    if (durability === "durable" && result.receipt.tx > this.durableTx) this.journal.syncCommit(result.receipt.tx);
    return result;
  }

  /** Runs a body as one transaction at once and resolves when it is as durable as asked. */
  async run<T>(
    body: (tx: WriteTransaction) => T,
    durability: Durability,
    micros?: number,
  ): Promise<{ value: T; receipt: Receipt }> {
    const result = this.#run(body, durability, true, micros);
    if (durability === "durable" && !this.#volatile) await this.journal.requestSync(result.receipt.tx);
    return result;
  }

  #run<T>(
    body: (tx: WriteTransaction) => T,
    durability: Durability,
    waits: boolean,
    micros: number | undefined,
  ): { value: T; receipt: Receipt } {
    const writer = this.begin(micros);
    try {
      const value = writer.runBody(body);
      return { value, receipt: this.commit(writer, durability, waits) };
    } catch (error) {
      this.rollback(writer);
      throw error;
    }
  }

  /**
   * Begins the one write transaction; `commit` or `rollback` must follow.
   *
   * @param given its time, where the caller says when it happened
   */
  begin(given?: number): WriteTransaction {
    this.requireWritable();
    const { lastMicros } = this;
    const micros = given === undefined ? this.#clock.next(lastMicros) : this.#clock.check(given, lastMicros);
    this.#makeRoom();
    this.journal.operations.reset(!this.#volatile);
    this.writer = new WriteTransaction(this, new WriteSet(this.store, this.lastTx + 1), micros);
    this.writer.watcher = this.watcher;
    return this.writer;
  }

  /** The present, which is never before the last transaction, whatever the clock does. */
  nowMicros(): number {
    return this.#clock.now(this.lastMicros);
  }

  /** From now on, transactions are after this time: what was known at it is told, and stays. */
  settleTime(micros: number): void {
    this.#clock.settle(micros);
  }

  /**
   * Makes a transaction visible, once it is sure that nothing but a failing disk can take it. With `waits`, a durable
   * one may be written with the sync that its caller will wait for.
   */
  commit(writer: WriteTransaction, durability: Durability, waits = false): Receipt {
    const changed = writer.prepare();
    if (changed && !this.#volatile) this.#secure(writer, waits && durability === "durable");
    this.writer = null;
    if (changed) this.#publish(writer);
    else writer.writeSet.abandon();
    writer.end();
    if (changed && !this.#volatile) this.#schedule(durability);
    return { tx: this.lastChangeTx, time: this.lastMicros / 1000 };
  }

  /** Finds room on the disk for the pages of the transaction, and writes it into the log, or its pages. */
  #secure(writer: WriteTransaction, isDeferred: boolean): void {
    this.#requireSameFile();
    const { store } = this;
    store.data.reserve(this.#endWithRoomFor(writer.grows ? SPARE_PAGES : 0));
    const { tx } = writer.writeSet;
    const dirtyBytes = store.cache.dirtyFrames * store.pageSize;
    let logged = false;
    try {
      logged = this.journal.append({ tx, micros: writer.micros, isDeferred, dirtyBytes });
    } catch (error) {
      throw this.checkpointer.fail(error);
    }
    if (logged) return;
    this.#writeBack.writer(writer, true);
    this.checkpointer.reserveList(writer.writeSet.freedExtents);
  }

  /** Where the file has to end so that so many pages can be taken. */
  #endWithRoomFor(pages: number): number {
    const { free } = this.store;
    return free.end + Math.max(0, pages - free.pages);
  }

  /** The file may have been removed, or another one moved to its name: then commits would go nowhere. */
  #requireSameFile(): void {
    const syncs = this.journal.log?.syncs ?? -1;
    if (syncs >= 0 && syncs === this.#lookedAt) return;
    const here = this.storage.identify(this.path);
    if (here === this.store.data.identity) {
      this.#lookedAt = syncs;
      return;
    }
    throw new LlmdbError(
      "LLMDB_IO",
      `${this.path} was ${here === undefined ? "removed" : "replaced"} while it was open; nothing was written; ` +
        "move it back, or close the database and open the file that is to be used",
      { path: this.path },
    );
  }

  /** Forgets a transaction, unless it is committed. */
  rollback(writer: WriteTransaction): void {
    if (this.writer !== writer) return;
    this.writer = null;
    writer.abandon();
    writer.end();
  }

  #publish(writer: WriteTransaction): void {
    writer.writeSet.publish();
    if (writer.publish(this.directory)) this.mapChanges++;
    this.lastTx = writer.writeSet.tx;
    this.lastChangeTx = writer.changeTx;
    this.lastMicros = writer.micros;
    if (writer.erases) this.checkpointer.requireErasure(this.lastTx);
  }

  /**
   * Takes over commits that were found in the log, as one transaction.
   *
   * @throws LlmdbError `LLMDB_CORRUPT` where the log or a page that it changes is damaged
   */
  replay(commits: readonly LogRecord[]): void {
    const last = commits.at(-1);
    if (last === undefined) return;
    const writer = new WriteTransaction(this, new WriteSet(this.store, last.tx), last.timeMicros);
    // No checkpoint may come in between: its meta page would say that no log follows.
    writer.hasRoom = true;
    this.writer = writer;
    try {
      writer.changeTx = this.lastChangeTx;
      for (const commit of commits) replayCommit(writer, commit);
      writer.prepare();
      this.writer = null;
      this.#publish(writer);
    } catch (error) {
      this.rollback(writer);
      throw error;
    }
    writer.end();
  }

  /** Gives nothing up that readers in other processes look at. */
  guardReaders(readers: ReaderPins): void {
    const { store } = this;
    this.checkpointer.beforeRelease = (releasedTx) =>
      readers.update(
        releasedTx,
        (tx) => store.pins.pin(tx),
        (tx) => store.unpin(tx),
      );
    this.checkpointer.beforeRelease(this.checkpointer.meta.previousTx);
  }

  /** Of a reader beside a writer: goes over to a newer checkpoint. Returns what `restoreState` takes. */
  replaceState(store: PageStore, meta: Meta, directory: Tree): EngineState {
    const { checkpointer, lastTx, lastChangeTx, lastMicros } = this;
    const position = { lastTx, lastChangeTx, lastMicros };
    const before = {
      store: this.store,
      directory: this.directory,
      writeBack: this.#writeBack,
      checkpointer,
      ...position,
    };
    this.restoreState({
      store,
      directory: new MapDirectory(store.reader, directory, new HashIndex(store.cache)),
      writeBack: new WriteBack(this, new Flusher(store)),
      // It pins what the meta page reaches, and says what is durable.
      checkpointer: new Checkpointer(store, this, this.journal, meta, false),
      lastTx: meta.tx,
      lastChangeTx: meta.tx - meta.moves,
      lastMicros: meta.timeMicros,
    });
    return before;
  }

  restoreState(state: EngineState): void {
    this.store = state.store;
    this.directory = state.directory;
    this.#writeBack = state.writeBack;
    this.checkpointer = state.checkpointer;
    this.journal.checkpointer = state.checkpointer;
    this.lastTx = state.lastTx;
    this.lastChangeTx = state.lastChangeTx;
    this.lastMicros = state.lastMicros;
    this.mapChanges++;
  }

  /** Before a transaction: moves a checkpoint on, and waits for it where log or cache have no more room. */
  #makeRoom(): void {
    const { cache } = this.store;
    const crowded = () => cache.heldFrames * 4 > cache.maxFrames * 3;
    if (this.#volatile) {
      if (crowded()) this.flush();
      return;
    }
    this.checkpointer.help();
    if (crowded()) this.#thin(cache.maxFrames >>> 3);
    if (!crowded() && !this.journal.isFull) return;
    const startMs = this.storage.now();
    if (crowded()) this.stalls.cacheFull++;
    else this.stalls.logFull++;
    // The second one gives the log back that the meta page before the first still needs.
    try {
      for (let i = 0; i < 2 && (crowded() || this.journal.isFull); i++) this.checkpointer.run(i > 0);
    } catch (error) {
      // Where only the log is full, the transaction may still be small enough for what is left.
      if (!isDiskFull(error) || crowded()) throw error;
    }
    this.stalls.ms += Math.max(0, this.storage.now() - startMs);
  }

  /** Writes some changed pages; where the disk has no room for them, a checkpoint may make some. */
  #thin(pages: number): void {
    try {
      this.#writeBack.some(pages);
    } catch (error) {
      if (!isDiskFull(error)) throw error;
    }
  }

  /**
   * Before the first change of a transaction: sees to it that there is room on the disk for some pages. Where the disk
   * is full, checkpoints release what was deleted, and the log gives its room to the data.
   */
  #makeDiskRoom(writer: WriteTransaction): void {
    const { store, journal, checkpointer } = this;
    if (!store.data.isTight && store.data.reservedPages >= this.#endWithRoomFor(SPARE_PAGES)) return;
    try {
      store.data.reserve(this.#endWithRoomFor(SPARE_PAGES));
      if (!store.data.isTight) return;
    } catch (error) {
      if (!isDiskFull(error)) throw error;
    }
    if (store.retired.pages === 0 && journal.log === null) return;
    try {
      checkpointer.run(true);
      journal.end();
      checkpointer.run(true);
    } catch (error) {
      if (!isDiskFull(error)) throw error;
    }
    writer.writeSet.beginAnew();
  }

  /** In a transaction, between operations: writes its own pages too when they crowd the cache. */
  relieve(writer: WriteTransaction): void {
    if (!writer.hasRoom) {
      writer.hasRoom = true;
      if (!this.#volatile) this.#makeDiskRoom(writer);
    }
    const { cache } = this.store;
    const spare = Math.max(LEAST_SPARE_FRAMES, cache.maxFrames >>> 4);
    if (cache.heldFrames + spare <= cache.maxFrames) return;
    if (!this.#volatile) this.#writeBack.some(spare);
    if (cache.heldFrames + spare <= cache.maxFrames) return;
    this.store.data.reserve(this.store.free.end);
    this.#writeBack.writer(writer, false);
    writer.writeSet.shareWritten();
  }

  /** Writes every changed page that a state somebody looks at reaches. */
  flush(): void {
    this.#writeBack.all();
  }

  noteChecksums(): void {
    this.#writeBack.noteChecksums();
  }

  writeSlice(view: PinnedView, pages: number): boolean {
    return this.#writeBack.slice(view, pages);
  }

  /** Opens a view of the newest committed state; with `tree`, of one map only. */
  openView(tree: Tree | null, isCheckpoint = false): PinnedView {
    const snapshot = this.store.openReader(this.lastTx);
    const directory = tree === null ? new MapDirectory(snapshot.reader, this.directory.tree.share()) : null;
    const openedMs = this.storage.now();
    const told = { micros: this.lastMicros, changeTx: this.lastChangeTx };
    const view = { snapshot, openedMs, ...told, directory, tree: tree?.share() ?? null, isCheckpoint };
    this.views.add(view);
    return view;
  }

  closeView(view: PinnedView): void {
    if (!this.views.delete(view)) return;
    if (!this.closed) view.snapshot.close();
  }

  /** Sees to it that what was committed gets to the disk, and from the log into the data file. */
  #schedule(durability: Durability): void {
    const { cache } = this.store;
    const isLogged = this.journal.log?.writtenTx === this.lastTx;
    if (!isLogged || this.journal.isDue || cache.dirtyFrames * 2 > cache.maxFrames) this.checkpointer.start();
    this.#checkpointTimer ??= timers
      .setTimeout(() => {
        this.#checkpointTimer = null;
        if (!this.closed && this.lastTx > this.checkpointer.meta.tx) this.checkpointer.start();
      }, CHECKPOINT_MS)
      .unref();
    if (durability === "durable") return;
    this.#bufferedTimer ??= timers.setTimeout(() => {
      this.#bufferedTimer = null;
      // A failure is kept by the checkpointer and thrown at the next write.
      if (!this.closed) this.journal.requestSync(this.lastTx).catch(() => {});
    }, BUFFERED_MS);
  }

  /** Refuses everything from here on; the caller makes durable what there is. */
  stop(): void {
    // What is to be erased is not kept for views that nobody can use from here on.
    if (this.checkpointer.erases) for (const view of this.views) if (!view.isCheckpoint) this.closeView(view);
    this.closed = true;
    if (this.#bufferedTimer !== null) timers.clearTimeout(this.#bufferedTimer);
    if (this.#checkpointTimer !== null) timers.clearTimeout(this.#checkpointTimer);
    this.#bufferedTimer = null;
    this.#checkpointTimer = null;
  }

  /** Writes the last checkpoint, after which no log is needed; blocks. */
  finishBlocking(): void {
    if (this.readOnly) return;
    // Freed pages are erased while there is a log; without one, this makes one.
    if (this.journal.log === null || this.checkpointer.erases) this.checkpointer.run();
    if (this.journal.log === null) return;
    this.journal.retire();
    this.checkpointer.run(true);
  }

  /** Waits until no sync runs any more. */
  async settle(): Promise<void> {
    await this.journal.settle();
    await this.checkpointer.settle();
  }

  /** The same, without blocking. */
  async finish(): Promise<void> {
    if (this.readOnly) return;
    await this.settle();
    if (this.journal.log === null || this.checkpointer.erases) await this.checkpointer.request();
    if (this.journal.log === null) return;
    this.journal.retire();
    await this.checkpointer.request(true);
  }
}
