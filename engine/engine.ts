/**
 * The engine of one open database: its committed state, the states that somebody looks at, and the one write
 * transaction. Guarantees: one writer at a time; a transaction becomes visible as a whole or not at all; its pages are
 * written before it becomes visible where it is to be durable, so that a full disk aborts it and changes nothing.
 */
import type { SealTarget } from "../btree/seal.js";
import { sealTree } from "../btree/seal.js";
import type { Tree } from "../btree/tree.js";
import { Flusher } from "../mvcc/flusher.js";
import type { PageStore, SnapshotReader } from "../mvcc/page-store.js";
import { WriteSet } from "../mvcc/write-set.js";
import { LlmdbError } from "../pager/error.js";
import type { Meta } from "../pager/meta.js";
import type { Storage } from "../pager/storage.js";
import { Checkpointer, type CommittedState } from "./checkpointer.js";
import { MapDirectory } from "./map-directory.js";
import { WriteTransaction } from "./write-transaction.js";

export type Durability = "durable" | "buffered";

/** A committed state that somebody looks at: a snapshot or a running range read. */
export interface PinnedView {
  readonly snapshot: SnapshotReader;
  readonly openedMs: number;
  /** Time of its transaction, in microseconds since 1970. */
  readonly micros: number;
  /** Present in a snapshot: all maps. */
  readonly directory: MapDirectory | null;
  /** Present in a range read: one map. */
  readonly tree: Tree | null;
}

/** A time as it is given back: milliseconds since 1970 UTC, with microseconds in the fraction. */
export type Milliseconds = number;

/** What a commit gives back. */
export interface Receipt {
  /** The transaction. Where nothing was written, the newest one before. */
  tx: number;
  /** When it happened. */
  time: Milliseconds;
}

/** Buffered commits reach the disk within so many milliseconds; a process that ends by itself waits for that. */
const BUFFERED_MS = 1000;

export class Engine implements CommittedState {
  readonly storage: Storage;
  readonly store: PageStore;
  readonly readOnly: boolean;
  readonly durability: Durability;
  readonly directory: MapDirectory;
  readonly views = new Set<PinnedView>();
  readonly checkpointer: Checkpointer;
  lastTx: number;
  lastMicros: number;
  /** Counts maps that came or went, so that handles know when to look again. */
  mapChanges = 0;
  closed = false;
  /** Snapshots and range reads that were forgotten instead of closed. */
  leakedSnapshots = 0;
  writer: WriteTransaction | null = null;
  readonly #flusher: Flusher;
  readonly #clock: () => number;
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(
    storage: Storage,
    store: PageStore,
    meta: Meta,
    directory: Tree,
    options: { readOnly: boolean; durability: Durability; clock: () => number },
  ) {
    this.storage = storage;
    this.store = store;
    this.readOnly = options.readOnly;
    this.durability = options.durability;
    this.#clock = options.clock;
    this.directory = new MapDirectory(store.reader, directory);
    this.#flusher = new Flusher(store);
    this.lastTx = meta.tx;
    this.lastMicros = meta.timeMicros;
    this.checkpointer = new Checkpointer(store, this, meta);
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

  /** Runs a body as one transaction and blocks until it is as durable as asked. */
  runBlocking<T>(body: (tx: WriteTransaction) => T, durability: Durability): { value: T; receipt: Receipt } {
    const result = this.#run(body, durability);
    if (durability === "durable" && result.receipt.tx > this.checkpointer.durableTx) this.checkpointer.sync();
    return result;
  }

  /** Runs a body as one transaction at once and resolves when it is as durable as asked. */
  async run<T>(body: (tx: WriteTransaction) => T, durability: Durability): Promise<{ value: T; receipt: Receipt }> {
    const result = this.#run(body, durability);
    if (durability === "durable") await this.checkpointer.requestSync(result.receipt.tx);
    return result;
  }

  #run<T>(body: (tx: WriteTransaction) => T, durability: Durability): { value: T; receipt: Receipt } {
    const writer = this.begin();
    try {
      const value = writer.runBody(body);
      return { value, receipt: this.commit(writer, durability) };
    } catch (error) {
      this.rollback(writer);
      throw error;
    }
  }

  /** Begins the one write transaction; `commit` or `rollback` must follow. */
  begin(): WriteTransaction {
    this.requireWritable();
    this.#makeRoom();
    const micros = Math.max(this.#readClock(), this.lastMicros + 1);
    this.writer = new WriteTransaction(this, new WriteSet(this.store, this.lastTx + 1), micros);
    return this.writer;
  }

  #readClock(): number {
    const micros = Math.floor(this.#clock() * 1000);
    if (Number.isSafeInteger(micros)) return micros;
    throw new LlmdbError(
      "LLMDB_INVALID_ARGUMENT",
      "the clock gave no number of milliseconds since 1970 (up to the year 2255); mend the clock option",
    );
  }

  /** Makes a transaction visible; where it is to be durable, its pages are written first. */
  commit(writer: WriteTransaction, durability: Durability): Receipt {
    const changed = writer.prepare();
    if (changed && durability === "durable") {
      this.#flushWriter(writer, true);
      this.checkpointer.reserveList(writer.writeSet.freedExtents);
    }
    this.writer = null;
    if (changed) this.#publish(writer, durability);
    else writer.writeSet.abandon();
    writer.end();
    return { tx: this.lastTx, time: this.lastMicros / 1000 };
  }

  /** Forgets a transaction, unless it is committed. */
  rollback(writer: WriteTransaction): void {
    if (this.writer !== writer) return;
    this.writer = null;
    writer.abandon();
    writer.end();
  }

  #publish(writer: WriteTransaction, durability: Durability): void {
    writer.writeSet.publish();
    if (writer.publish(this.directory)) this.mapChanges++;
    this.lastTx = writer.writeSet.tx;
    this.lastMicros = writer.micros;
    if (durability === "buffered") this.#scheduleCheckpoint();
  }

  /** Before a transaction: writes dirty pages when they fill half of the cache, so that it has room to work. */
  #makeRoom(): void {
    const { cache } = this.store;
    if (cache.dirtyFrames * 2 > cache.maxFrames) this.flush();
  }

  /** In a transaction, between operations: writes its own pages too when they crowd the cache. */
  relieve(writer: WriteTransaction): void {
    const { cache } = this.store;
    if (cache.dirtyFrames * 4 < cache.maxFrames * 3) return;
    this.#flushWriter(writer, false);
    writer.writeSet.shareWritten();
  }

  flush(): void {
    this.#sealViews(this.#flusher);
    this.#flusher.write();
  }

  #flushWriter(writer: WriteTransaction, committing: boolean): void {
    if (committing) writer.writeSet.beginCommit();
    this.#flusher.writeSet = writer.writeSet;
    try {
      // Readers of older states first: whoever shares a page with the transaction learns its checksum in this pass.
      this.#sealViews(this.#flusher);
      writer.seal(this.#flusher);
      this.#flusher.write();
    } finally {
      this.#flusher.writeSet = null;
    }
  }

  #sealViews(target: SealTarget): void {
    for (const view of this.views) {
      view.directory?.seal(target);
      if (view.tree !== null) sealTree(view.snapshot.reader, view.tree.root, target);
    }
    this.directory.seal(target);
  }

  /** Opens a view of the newest committed state; with `tree`, of one map only. */
  openView(tree: Tree | null): PinnedView {
    const snapshot = this.store.openReader(this.lastTx);
    const directory = tree === null ? new MapDirectory(snapshot.reader, this.directory.tree.share()) : null;
    const openedMs = this.storage.now();
    const view = { snapshot, openedMs, micros: this.lastMicros, directory, tree: tree?.share() ?? null };
    this.views.add(view);
    return view;
  }

  closeView(view: PinnedView): void {
    if (!this.views.delete(view)) return;
    if (!this.closed) view.snapshot.close();
  }

  #scheduleCheckpoint(): void {
    if (this.#timer !== null) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      // A failure is kept by the checkpointer and thrown at the next write.
      if (!this.closed) this.checkpointer.requestSync(this.lastTx).catch(() => {});
    }, BUFFERED_MS);
  }

  /** Refuses everything from here on; the caller makes durable what there is. */
  stop(): void {
    this.closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
