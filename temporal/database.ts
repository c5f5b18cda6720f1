/**
 * An open database, as its users hold it: named ordered maps, and the bitemporal store, which is the database itself.
 * Guarantees: every argument is checked before anything happens; a write that resolves is as durable as was asked.
 */
import { Database as MapDatabase } from "../engine/database.js";
import type { Key } from "../engine/key.js";
import type { Committing } from "../engine/map-writes.js";
import type { PinnedView } from "../engine/pinned-view.js";
import type { Range } from "../engine/range.js";
import type { Receipt } from "../engine/receipt.js";
import { wrapBody } from "../engine/transaction.js";
import type { Verification } from "../engine/verify.js";
import type { WriteTransaction } from "../engine/write-transaction.js";
import { type At, requireOptions, type Valid, type Within } from "./at.js";
import type { Difference } from "./diff.js";
import type { Instant } from "./instant.js";
import { type KnownKey, knownKeys } from "./known-keys.js";
import { type ListOptions, listTransactions } from "./listing.js";
import {
  type CheckedTransactionOptions,
  type Committed,
  checkOptions,
  committed,
  type ReceiptOptions,
  type TransactionOptions,
} from "./options.js";
import type { TemporalReads, Version } from "./reads.js";
import { type Forgotten, forgetHistory } from "./retention.js";
import { Snapshot } from "./snapshot.js";
import { CommittedSources, ViewSources } from "./state-sources.js";
import { TemporalStore, type TemporalWrites } from "./store.js";
import { requirePartition } from "./stored-key.js";
import { Transaction } from "./transaction.js";
import type { LoggedTransaction } from "./transaction-log.js";
import { checkStore } from "./verify.js";
import { TemporalWriter } from "./writer.js";

/** An open database: the bitemporal store of partition 0, the other partitions, and named ordered maps. */
export class Database extends MapDatabase implements Committing<TemporalWrites> {
  readonly #sources: CommittedSources;
  readonly #store: TemporalStore;

  /** @internal Use `open`. */
  constructor(...parts: ConstructorParameters<typeof MapDatabase>) {
    super(...parts);
    this.#sources = new CommittedSources(this.engine.state);
    this.#store = new TemporalStore(this.engine, 0, this.#sources);
  }

  /**
   * The bitemporal store of a partition. All partitions share one file and its transactions; their keys are apart.
   *
   * @param id a whole number from 0 to 2^32 - 1; 0 is the database itself
   * @throws LlmdbError `LLMDB_INVALID_ARGUMENT`, `LLMDB_CLOSED`
   */
  partition<V = unknown>(id: number): TemporalStore<V> {
    this.engine.state.requireOpen();
    return new TemporalStore<V>(this.engine, requirePartition(id), this.#sources);
  }

  /** As {@link TemporalStore.put}. */
  put(key: Key, value: unknown, valid?: Valid): Promise<Receipt> {
    return this.#store.put(key, value, valid);
  }

  /** As {@link TemporalStore.putSync}. */
  putSync(key: Key, value: unknown, valid?: Valid): Receipt {
    return this.#store.putSync(key, value, valid);
  }

  /** As {@link TemporalStore.update}. */
  update(key: Key, change: (value: unknown) => unknown, valid?: Valid): Promise<Receipt> {
    return this.#store.update(key, change, valid);
  }

  /** As {@link TemporalStore.updateSync}. */
  updateSync(key: Key, change: (value: unknown) => unknown, valid?: Valid): Receipt {
    return this.#store.updateSync(key, change, valid);
  }

  /** As {@link TemporalStore.patch}. */
  patch(key: Key, part: Partial<unknown>, valid?: Valid): Promise<Receipt> {
    return this.#store.patch(key, part, valid);
  }

  /** As {@link TemporalStore.patchSync}. */
  patchSync(key: Key, part: Partial<unknown>, valid?: Valid): Receipt {
    return this.#store.patchSync(key, part, valid);
  }

  /** As {@link TemporalStore.delete}. */
  delete(key: Key, valid?: Valid): Promise<Receipt> {
    return this.#store.delete(key, valid);
  }

  /** As {@link TemporalStore.deleteSync}. */
  deleteSync(key: Key, valid?: Valid): Receipt {
    return this.#store.deleteSync(key, valid);
  }

  /** As {@link TemporalStore.erase}. */
  erase(key: Key): Promise<Receipt> {
    return this.#store.erase(key);
  }

  /** As {@link TemporalStore.eraseSync}. */
  eraseSync(key: Key): Receipt {
    return this.#store.eraseSync(key);
  }

  /** As {@link TemporalReads.get}. */
  get(key: Key, at?: At): unknown {
    return this.#store.get(key, at);
  }

  /** As {@link TemporalReads.version}. */
  version(key: Key, at?: At): Version<unknown> | undefined {
    return this.#store.version(key, at);
  }

  /** As {@link TemporalReads.range}. */
  range(range?: Range, at?: At): IteratorObject<[Key, unknown], undefined> {
    return this.#store.range(range, at);
  }

  /** As {@link TemporalReads.versions}. */
  versions(key: Key, within?: Within): Version<unknown>[] {
    return this.#store.versions(key, within);
  }

  /** As {@link TemporalReads.diff}. */
  diff(from: At, to: At, range?: Range): IteratorObject<Difference<unknown>, undefined> {
    return this.#store.diff(from, to, range);
  }

  /** As {@link TemporalReads.asOf}. */
  asOf(at: At): TemporalReads {
    return this.#store.asOf(at);
  }

  /**
   * Runs `body` at once as one transaction: its writes become visible together when it returns, and are durable when
   * the promise resolves. An exception rolls everything back and rejects. `body` may not be async. Nest with
   * `tx.transaction`.
   *
   * @returns what `body` returned; with `receipt: true` an object with that as `value`, and the `tx` and `time` of the
   * commit
   * @throws LlmdbError (rejects) `LLMDB_INVALID_ARGUMENT`, `LLMDB_TIME_ORDER` for a time that is not later than the
   * last transaction or later than the clock, `LLMDB_READ_ONLY`, `LLMDB_CLOSED`, `LLMDB_DISK_FULL`, `LLMDB_IO`,
   * `LLMDB_COMMIT_UNKNOWN`, `LLMDB_CORRUPT`
   *
   * @example
   * ```ts
   * const since = { validFrom: "2026-01-01" };
   * await db.transaction((tx) => tx.put("ada/role", "engineer", since), { meta: { by: "import" } });
   * const { tx, time } = await db.transaction((tx) => tx.put("ada/role", "lead"), { receipt: true });
   * ```
   */
  override transaction<T>(body: (tx: Transaction) => T, options: ReceiptOptions): Promise<Committed<T>>;
  override transaction<T>(body: (tx: Transaction) => T, options?: TransactionOptions): Promise<T>;
  override async transaction<T>(
    body: (tx: Transaction) => T,
    options?: TransactionOptions | ReceiptOptions,
  ): Promise<T | Committed<T>> {
    const checked = checkOptions(options, this.engine.durability);
    const run = noting(wrapBody(body, Transaction), checked);
    return committed(await this.engine.run(run, checked.durability, checked.micros), checked);
  }

  /** As {@link transaction}, blocking until the commit is durable. */
  override transactionSync<T>(body: (tx: Transaction) => T, options: ReceiptOptions): Committed<T>;
  override transactionSync<T>(body: (tx: Transaction) => T, options?: TransactionOptions): T;
  override transactionSync<T>(
    body: (tx: Transaction) => T,
    options?: TransactionOptions | ReceiptOptions,
  ): T | Committed<T> {
    const checked = checkOptions(options, this.engine.durability);
    const run = noting(wrapBody(body, Transaction), checked);
    return committed(this.engine.runBlocking(run, checked.durability, checked.micros), checked);
  }

  /** A view of the newest committed state that never changes: maps and partitions. Close it. Throws `LLMDB_CLOSED`. */
  override snapshot(): Snapshot {
    return new Snapshot(this.engine.state);
  }

  /**
   * Committed transactions that changed the store, or were given metadata or a time, oldest first. Lazy. One that only
   * wrote to maps leaves no row.
   *
   * @param within `after`: above this number; `from`, `to`: at times in [from, to), where a `Date` as
   * `to` means the end of its millisecond; `limit`; `reverse`: newest first
   * @returns an iterator of the state of this moment; leaving the loop early releases it
   * @throws LlmdbError `LLMDB_INVALID_ARGUMENT`, `LLMDB_CLOSED`, `LLMDB_CORRUPT`
   */
  transactions(within?: ListOptions): IteratorObject<LoggedTransaction, undefined> {
    return listTransactions(this.#sources, within);
  }

  /**
   * Every key of which anything is known now, about whatever time, in the order of partitions and keys. Lazy. A key
   * that was deleted at all times is not among them, though it has history.
   *
   * @returns an iterator of the state of this moment; leaving the loop early releases it
   * @throws LlmdbError `LLMDB_CLOSED`, `LLMDB_CORRUPT`
   */
  knownKeys(): IteratorObject<KnownKey, undefined> {
    return knownKeys(this.#sources);
  }

  /**
   * Drops the closed slices that were known only before a point, in several transactions. What is still known, and what
   * was known at the point or after it, stays. Asking as of before the point is an error from then on.
   *
   * @param options `before`: the point, which itself can still be asked about; not later than the clock
   * @returns the transaction before which nothing can be asked any more, and how many slices were dropped
   * @throws LlmdbError (rejects) as a write; `LLMDB_FUTURE_TX` for a point later than the clock
   */
  async forgetHistory(options: { before: Instant }): Promise<Forgotten> {
    requireOptions(options, ["before"], "forgetHistory");
    this.engine.requireWritable();
    return forgetHistory(this.engine, this.#sources, options.before);
  }

  /** @internal Pages, trees, and the rules of both time axes. */
  protected override *check(view: PinnedView): Verification {
    const report = yield* super.check(view);
    // What the trees hold is looked at only where they are whole.
    if (!report.ok) return report;
    const { state } = this.engine;
    const sources = new ViewSources(state, view, () => state.requireOpen(), false);
    const problems = yield* checkStore(sources);
    return { ...report, ok: problems.length === 0, problems };
  }
}

/** The body, with what is to be noted about its transaction. */
function noting<T>(
  body: (writer: WriteTransaction) => T,
  { micros, meta }: CheckedTransactionOptions,
): (writer: WriteTransaction) => T {
  if (micros === undefined && meta === null) return body;
  return (writer) => {
    const temporal = TemporalWriter.of(writer);
    temporal.meta = meta;
    temporal.hasTime = micros !== undefined;
    return body(writer);
  };
}
