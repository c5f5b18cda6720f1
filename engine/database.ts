/**
 * An open database, as its users hold it. Guarantees: every argument is checked before anything happens; a write that
 * resolves is as durable as was asked; after `close` every call is refused.
 */
import { maxKeyBytes } from "../btree/node.js";
import { LlmdbError } from "../pager/error.js";
import { backupEngine } from "./backup.js";
import { compactEngine } from "./compact.js";
import type { Engine } from "./engine.js";
import type { Key } from "./key.js";
import {
  type BackupOptions,
  checkBackupOptions,
  checkMapOptions,
  checkTransactionOptions,
  checkVerifyOptions,
  type MapOptions,
  RESERVED_NAMES,
  type TransactionOptions,
} from "./options.js";
import { OrderedMap } from "./ordered-map.js";
import type { PinnedView } from "./pinned-view.js";
import type { Place } from "./place.js";
import type { Receipt } from "./receipt.js";
import type { Recovered } from "./recovered.js";
import { Snapshot } from "./snapshot.js";
import { type DatabaseStats, engineStats } from "./stats.js";
import { Transaction, wrapBody } from "./transaction.js";
import {
  checkPages,
  type Verification,
  type VerifyOptions,
  type VerifyReport,
  verifyEngine,
  verifyEngineInTurns,
} from "./verify.js";

/** What an open database holds of the system. */
export interface DatabaseFiles {
  /** Closes files and gives locks back. */
  release(): void;
  /** Brings a handle that only reads up to what a writer has committed. */
  refresh(): void;
}

export class Database {
  /** What it was opened with; `:memory:` for one in memory. */
  readonly path: string;
  readonly recovered: Recovered;
  /** @internal */
  protected readonly engine: Engine;
  readonly #files: DatabaseFiles;
  #closing: Promise<void> = Promise.resolve();

  /** @internal Use `open`. */
  constructor(path: string, engine: Engine, recovered: Recovered, files: DatabaseFiles) {
    this.path = path;
    this.recovered = recovered;
    this.engine = engine;
    this.#files = files;
  }

  /**
   * A named ordered map. It comes into being with the first write; until then it reads as empty.
   *
   * @param name at least one character
   * @throws LlmdbError `LLMDB_INVALID_ARGUMENT` for a bad name, an unknown option, or another format than the stored
   * one; `LLMDB_CLOSED`
   *
   * @example
   * ```ts
   * const users = db.map<number, { name: string }>("users");
   * await users.put(42, { name: "Ada" });
   * users.get(42); // { name: "Ada" }
   * ```
   */
  map<K extends Key = Key, V = unknown>(name: string, options?: MapOptions): OrderedMap<K, V> {
    this.engine.state.requireOpen();
    checkMapOptions(name, options, maxKeyBytes(this.engine.state.store.pageSize) - 1);
    return new OrderedMap<K, V>(this.engine, name, options);
  }

  /** The names of all maps, in code point order. Throws `LLMDB_CLOSED`, `LLMDB_CORRUPT`. */
  mapNames(): string[] {
    this.engine.state.requireOpen();
    return this.engine.state.directory.names().filter((name) => !name.startsWith(RESERVED_NAMES));
  }

  /**
   * Removes a map with all that is in it. One that does not exist is fine.
   *
   * @throws LlmdbError (rejects) as a write
   */
  async dropMap(name: string): Promise<Receipt> {
    checkMapOptions(name, undefined, maxKeyBytes(this.engine.state.store.pageSize) - 1);
    return (await this.engine.run((tx) => tx.drop(name), this.engine.durability)).receipt;
  }

  /**
   * Runs `body` at once as one transaction: its writes become visible together when it returns, and are durable when
   * the promise resolves. An exception rolls everything back and rejects. `body` may not be async. Nest with
   * `tx.transaction`.
   *
   * @returns what `body` returned
   * @throws LlmdbError (rejects) `LLMDB_INVALID_ARGUMENT`, `LLMDB_READ_ONLY`, `LLMDB_CLOSED`, `LLMDB_DISK_FULL`,
   * `LLMDB_IO`, `LLMDB_COMMIT_UNKNOWN`, `LLMDB_CORRUPT`
   *
   * @example
   * ```ts
   * await db.transaction((tx) => {
   *   const accounts = tx.map<string, number>("accounts");
   *   accounts.put("a", (accounts.get("a") ?? 0) - 10);
   *   accounts.put("b", (accounts.get("b") ?? 0) + 10);
   * });
   * ```
   */
  async transaction<T>(body: (tx: Transaction) => T, options?: TransactionOptions): Promise<T> {
    const durability = checkTransactionOptions(options, this.engine.durability);
    return (await this.engine.run(wrapBody(body, Transaction), durability)).value;
  }

  /** As {@link transaction}, blocking until the commit is durable. */
  transactionSync<T>(body: (tx: Transaction) => T, options?: TransactionOptions): T {
    const durability = checkTransactionOptions(options, this.engine.durability);
    return this.engine.runBlocking(wrapBody(body, Transaction), durability).value;
  }

  /**
   * A view of the newest committed state that never changes. Close it: while it is open, what it sees takes space.
   *
   * @throws LlmdbError `LLMDB_CLOSED`
   */
  snapshot(): Snapshot {
    return new Snapshot(this.engine.state);
  }

  /**
   * On a read-only handle: moves on to the newest commit of a writer in another process, thread or handle. Snapshots
   * and range reads that are open stay where they are. On a handle that may write there is nothing to do.
   *
   * @returns the newest transaction that the handle sees
   * @throws LlmdbError `LLMDB_CLOSED`, `LLMDB_CORRUPT`, `LLMDB_IO`, `LLMDB_INVALID_ARGUMENT` inside a write transaction
   */
  refresh(): number {
    this.requireIdle("refresh");
    this.#files.refresh();
    return this.engine.state.lastChangeTx;
  }

  /** Figures: sizes, counts, cache, snapshots, maps. Throws `LLMDB_CLOSED`, `LLMDB_CORRUPT`. */
  stats(): DatabaseStats {
    this.engine.state.requireOpen();
    return engineStats(this.engine);
  }

  /**
   * Reads the whole database and reports what is wrong. Damage is in the report, not thrown.
   *
   * @throws LlmdbError `LLMDB_CLOSED`, `LLMDB_INVALID_ARGUMENT` inside a write transaction
   */
  verify(): VerifyReport {
    this.requireIdle("verify");
    return verifyEngine(this.engine, (view) => this.check(view));
  }

  /**
   * As {@link verify}, of the newest committed state, in slices of a few milliseconds: everything else goes on, writes
   * too. Takes somewhat longer.
   *
   * @param options `onProgress`: told how far it has come
   * @throws LlmdbError (rejects) `LLMDB_CLOSED`, also where the database is closed meanwhile; `LLMDB_DISK_FULL` or
   * `LLMDB_IO` where changed pages cannot be written first; `LLMDB_INVALID_ARGUMENT`
   *
   * @example
   * ```ts
   * const { ok, problems } = await db.verifyAsync({
   *   onProgress: ({ phase, done, total }) => console.error(`${phase}: ${done} of ${total}`),
   * });
   * ```
   */
  async verifyAsync(options?: VerifyOptions): Promise<VerifyReport> {
    this.requireIdle("verifyAsync");
    const { onProgress } = checkVerifyOptions(options);
    return verifyEngineInTurns(this.engine, (view) => this.check(view), onProgress);
  }

  /** @internal What is checked of a state. */
  protected check(view: PinnedView): Verification {
    return checkPages(this.engine, view);
  }

  /** Writes everything committed so far into the data file, durably. Rejects as a write. */
  async checkpoint(): Promise<void> {
    this.engine.requireWritable();
    await this.engine.checkpointer.request();
  }

  /**
   * Copies the database as it is now to a new file, while writes go on. With `compact` the copy is rebuilt: each page
   * is filled, none is free, and the file ends with the last one. That is the smallest file with this page size.
   *
   * @param path a path or a `file:` URL; must not exist; its folder must
   * @throws LlmdbError (rejects) `LLMDB_INVALID_ARGUMENT`, `LLMDB_NOT_FOUND`, `LLMDB_DISK_FULL`, `LLMDB_IO`,
   * `LLMDB_CORRUPT`, `LLMDB_CLOSED`
   */
  async backup(path: Place, options?: BackupOptions): Promise<void> {
    this.requireIdle("backup");
    await backupEngine(this.engine, path, checkBackupOptions(options).compact);
  }

  /**
   * Gives free space back to the file system, in place: moves pages and large values from the end of the file into free
   * pages before them, and cuts the end off. What is in the pages stays as it is: those that deleting has left half
   * empty are not filled, so the file is often still larger than it has to be. The smallest file is made by
   * {@link backup} with `compact: true`.
   *
   * It takes about as long as copying what has to move, in several passes. The event loop is blocked while the pages
   * of one map are moved; other reads and writes go on between two maps. Nothing changes that is seen: the last
   * transaction stays the last in `stats`, snapshots and `transactions`. Pages that an open snapshot, iteration or
   * reader sees keep their place until that is closed.
   *
   * @returns the length of the file in bytes, before and after
   * @throws LlmdbError (rejects) as a write
   *
   * @example
   * ```ts
   * const { before, after } = await db.compact();
   * await db.backup("smallest.llmdb", { compact: true });
   * ```
   */
  async compact(): Promise<{ before: number; after: number }> {
    this.engine.requireWritable();
    return compactEngine(this.engine);
  }

  /**
   * Waits for running commits, makes everything durable and closes the file. Closing twice is fine.
   *
   * @throws LlmdbError (rejects) `LLMDB_COMMIT_UNKNOWN` where the newest commits could not be made durable; the
   * database is closed all the same
   */
  async close(): Promise<void> {
    if (!this.engine.state.closed) {
      this.requireIdle("close");
      // From here on every call is refused, so that nothing comes too late for the last checkpoint.
      this.engine.stop();
      this.#closing = this.#finish();
    }
    return this.#closing;
  }

  async #finish(): Promise<void> {
    try {
      await this.engine.finish();
    } finally {
      await this.engine.settle();
      this.#release();
    }
  }

  /** As {@link close}, blocking. */
  closeSync(): void {
    const engine = this.engine;
    if (engine.state.closed) return;
    this.requireIdle("close");
    engine.stop();
    try {
      engine.finishBlocking();
    } finally {
      this.#release();
    }
  }

  [Symbol.dispose](): void {
    this.closeSync();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #release(): void {
    this.engine.journal.close();
    this.#files.release();
  }

  /** @internal */
  protected requireIdle(what: string): void {
    this.engine.state.requireOpen();
    if (this.engine.writer === null) return;
    throw new LlmdbError(
      "LLMDB_INVALID_ARGUMENT",
      `${what} cannot run inside a write transaction; call it after the body`,
    );
  }
}
