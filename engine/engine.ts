/**
 * The engine of one open database: the one write transaction, and what makes it durable. Guarantees: one writer at a
 * time; a transaction becomes visible as a whole or not at all; its pages are written before it becomes visible where
 * it is to be durable, so that a full disk aborts it and changes nothing.
 */
import type { Tree } from "../btree/tree.js";
import type { PageStore } from "../mvcc/page-store.js";
import { WriteSet } from "../mvcc/write-set.js";
import { LlmdbError } from "../pager/error.js";
import type { Meta } from "../pager/meta.js";
import type { Storage } from "../pager/storage.js";
import { type Timer, timers } from "../pager/timers.js";
import { OperationBuffer } from "../wal/operation-buffer.js";
import type { LogRecord } from "../wal/record.js";
import { Checkpointer } from "./checkpointer.js";
import { CommittedState } from "./committed-state.js";
import type { Durability } from "./durability.js";
import type { EngineOptions } from "./engine-options.js";
import { Failure } from "./failure.js";
import { GroupCommit } from "./group-commit.js";
import { Journal } from "./journal.js";
import type { Receipt } from "./receipt.js";
import { replayCommit } from "./replay.js";
import { Room } from "./room.js";
import type { Committed, TransactionRunner } from "./transaction-runner.js";
import { WriteBack } from "./write-back.js";
import { type CommitWatcher, type TransactionHost, WriteTransaction } from "./write-transaction.js";

/** Upper bound on how long a buffered commit stays unsynced; a process that ends by itself waits for that. */
const BUFFERED_MS = 1000;
/** Idle time after a commit before a checkpoint starts. */
const CHECKPOINT_MS = 60_000;

export class Engine implements TransactionHost, TransactionRunner {
  readonly state: CommittedState;
  readonly path: string;
  readonly readOnly: boolean;
  readonly durability: Durability;
  /** What modules may use; null: none runs. */
  readonly modules: EngineOptions["modules"];
  readonly failure: Failure;
  readonly journal: Journal;
  readonly checkpointer: Checkpointer;
  readonly writeBack: WriteBack;
  readonly room: Room;
  /** One buffer for all transactions, one after the other. */
  readonly operations: OperationBuffer;
  writer: WriteTransaction | null = null;
  /** Looks at the changes of each transaction that begins from now on. */
  watcher: CommitWatcher | null = null;
  readonly #isVolatile: boolean;
  readonly #groupCommit: GroupCommit;
  /** Before which sync of the log it was last seen that the file is still there. */
  #lookedAt = -1;
  #bufferedTimer: Timer | null = null;
  #checkpointTimer: Timer | null = null;

  constructor(storage: Storage, store: PageStore, meta: Meta, directory: Tree, options: EngineOptions) {
    const { path, checkpointBytes, isVolatile } = options;
    const state = new CommittedState(storage, store, meta, directory, options.clock);
    this.state = state;
    this.path = path;
    this.readOnly = options.readOnly;
    this.durability = options.durability;
    this.modules = options.modules;
    this.#isVolatile = isVolatile;
    this.failure = new Failure(state);
    this.writeBack = new WriteBack(state);
    this.journal = new Journal(state, path, checkpointBytes, isVolatile);
    this.checkpointer = new Checkpointer(state, this.writeBack, this.journal, this.failure, options);
    this.#groupCommit = new GroupCommit(state, this.journal, this.checkpointer, this.failure);
    this.room = new Room(state, this.writeBack, this.journal, this.checkpointer, isVolatile);
    this.operations = new OperationBuffer(this.journal.maxOperationBytes);
  }

  requireWritable(): void {
    this.state.requireOpen();
    if (this.readOnly) {
      throw new LlmdbError("LLMDB_READ_ONLY", "the database was opened read-only; open it without readOnly to write");
    }
    this.failure.requireNone();
    if (this.writer !== null) {
      throw new LlmdbError(
        "LLMDB_INVALID_ARGUMENT",
        "a write transaction is running; inside its body write through it, and nest with tx.transaction",
      );
    }
  }

  /** The newest transaction that a power cut cannot take. */
  get durableTx(): number {
    return this.#isVolatile ? this.state.lastTx : this.journal.durableTx;
  }

  runBlocking<T>(body: (tx: WriteTransaction) => T, durability: Durability, micros?: number): Committed<T> {
    const result = this.#run(body, durability, false, micros);
    if (durability === "durable" && result.receipt.tx > this.durableTx) this.#groupCommit.sync(result.receipt.tx);
    return result;
  }

  async run<T>(body: (tx: WriteTransaction) => T, durability: Durability, micros?: number): Promise<Committed<T>> {
    const result = this.#run(body, durability, true, micros);
    if (durability === "durable" && !this.#isVolatile) await this.#groupCommit.request(result.receipt.tx);
    return result;
  }

  #run<T>(
    body: (tx: WriteTransaction) => T,
    durability: Durability,
    waits: boolean,
    micros: number | undefined,
  ): Committed<T> {
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
    const { state } = this;
    const micros = state.nextMicros(given);
    // The clock may be the caller's, and have used the database, or closed it.
    this.requireWritable();
    this.room.make();
    this.operations.reset(!this.#isVolatile);
    this.writer = new WriteTransaction(this, new WriteSet(state.store, state.lastTx + 1), micros);
    this.writer.watcher = this.watcher;
    return this.writer;
  }

  /**
   * Makes a transaction visible, once it is sure that nothing but a failing disk can take it. With `waits`, a durable
   * one may be written with the sync that its caller will wait for.
   */
  commit(writer: WriteTransaction, durability: Durability, waits = false): Receipt {
    const changed = writer.prepare();
    if (changed && !this.#isVolatile) this.#secure(writer, waits && durability === "durable");
    this.writer = null;
    if (changed) this.#publish(writer);
    else writer.writeSet.abandon();
    writer.end();
    if (changed && !this.#isVolatile) this.#schedule(durability);
    return { tx: this.state.lastChangeTx, time: this.state.lastMicros / 1000 };
  }

  /** Finds room on the disk for the pages of the transaction, and writes it into the log, or its pages. */
  #secure(writer: WriteTransaction, isDeferred: boolean): void {
    this.#requireSameFile();
    this.room.reserve(writer.grows);
    const { store } = this.state;
    const { writeSet, operations, micros } = writer;
    const dirtyBytes = store.cache.dirtyFrames * store.pageSize;
    let logged = false;
    try {
      logged = this.journal.append({ operations, tx: writeSet.tx, micros, isDeferred, dirtyBytes });
    } catch (error) {
      throw this.failure.fail(error);
    }
    if (logged) return;
    this.writeBack.running(writer, true);
    this.checkpointer.reserveList(writeSet.freedExtents);
  }

  /** The file may have been removed, or another one moved to its name: then commits would go nowhere. */
  #requireSameFile(): void {
    const syncs = this.journal.log?.syncs ?? -1;
    if (syncs >= 0 && syncs === this.#lookedAt) return;
    const here = this.state.storage.identify(this.path);
    if (here === this.state.store.data.identity) {
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
    const { state } = this;
    const { tx } = writer.writeSet;
    writer.writeSet.publish();
    const isOtherMaps = writer.publish(state.directory);
    state.advance(tx, writer.changeTx, writer.micros, isOtherMaps);
    if (writer.erases) this.checkpointer.requireErasure(tx);
  }

  /**
   * Takes over commits that were found in the log, as one transaction.
   *
   * @throws LlmdbError `LLMDB_CORRUPT` where the log or a page that it changes is damaged
   */
  replay(commits: readonly LogRecord[]): void {
    const last = commits.at(-1);
    if (last === undefined) return;
    this.operations.reset(false);
    const writer = new WriteTransaction(this, new WriteSet(this.state.store, last.tx), last.timeMicros);
    // No checkpoint may come in between: its meta page would say that no log follows.
    writer.hasRoom = true;
    this.writer = writer;
    try {
      writer.changeTx = this.state.lastChangeTx;
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

  /** Sees to it that what was committed gets to the disk, and from the log into the data file. */
  #schedule(durability: Durability): void {
    const { state } = this;
    const { cache } = state.store;
    const isLogged = this.journal.log?.writtenTx === state.lastTx;
    if (!isLogged || this.journal.isDue || cache.dirtyFrames * 2 > cache.maxFrames) this.checkpointer.start();
    this.#checkpointTimer ??= timers
      .setTimeout(() => {
        this.#checkpointTimer = null;
        if (!state.closed && state.lastTx > state.checkpoint.tx) this.checkpointer.start();
      }, CHECKPOINT_MS)
      .unref();
    if (durability === "durable") return;
    this.#bufferedTimer ??= timers.setTimeout(() => {
      this.#bufferedTimer = null;
      // A failure is kept, and thrown at the next write.
      if (!state.closed) this.#groupCommit.request(state.lastTx).catch(() => {});
    }, BUFFERED_MS);
  }

  /** Refuses everything from here on; the caller makes durable what there is. */
  stop(): void {
    // What is to be erased is not kept for views that nobody can use from here on.
    if (this.checkpointer.erases) this.state.views.closeAll();
    this.state.closed = true;
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
    await this.#groupCommit.settle();
    await this.checkpointer.settle();
  }

  /** As `finishBlocking`, without blocking. */
  async finish(): Promise<void> {
    if (this.readOnly) return;
    await this.settle();
    if (this.journal.log === null || this.checkpointer.erases) await this.checkpointer.request();
    if (this.journal.log === null) return;
    this.journal.retire();
    await this.checkpointer.request(true);
  }
}
