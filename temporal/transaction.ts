/**
 * What the body of a transaction gets: its maps, and the bitemporal store as it sees it. Guarantees: reads see what it
 * has written; now is its own time, read once.
 */
import type { Key } from "../engine/key.js";
import type { Range } from "../engine/range.js";
import { Transaction as MapTransaction, wrapBody } from "../engine/transaction.js";
import type { WriteTransaction } from "../engine/write-transaction.js";
import type { At, Valid, Within } from "./at.js";
import type { Difference } from "./diff.js";
import type { TemporalReads, Version } from "./reads.js";
import { type TemporalWrites, TransactionStore } from "./store.js";
import { requirePartition } from "./stored-key.js";

/** A running transaction; it ends when its body returns, and is of no use after that. */
export class Transaction extends MapTransaction implements TemporalWrites {
  readonly #store: TransactionStore;

  /** @internal Use `db.transaction`. */
  constructor(writer: WriteTransaction) {
    super(writer);
    this.#store = new TransactionStore(writer, 0);
  }

  /**
   * The bitemporal store of a partition, as this transaction sees it.
   *
   * @param id a whole number from 0 to 2^32 - 1; 0 is the one of the transaction itself
   * @throws LlmdbError `LLMDB_INVALID_ARGUMENT`, `LLMDB_CLOSED`
   */
  partition<V = unknown>(id: number): TransactionStore<V> {
    this.writer.requireOpen();
    return new TransactionStore<V>(this.writer, requirePartition(id));
  }

  /** As {@link TransactionStore.put}. */
  put(key: Key, value: unknown, valid?: Valid): void {
    this.#store.put(key, value, valid);
  }

  /** As {@link TransactionStore.update}. */
  update(key: Key, change: (value: unknown) => unknown, valid?: Valid): void {
    this.#store.update(key, change, valid);
  }

  /** As {@link TransactionStore.patch}. */
  patch(key: Key, part: Partial<unknown>, valid?: Valid): void {
    this.#store.patch(key, part, valid);
  }

  /** As {@link TransactionStore.delete}. */
  delete(key: Key, valid?: Valid): void {
    this.#store.delete(key, valid);
  }

  /** As {@link TransactionStore.erase}. */
  erase(key: Key): void {
    this.#store.erase(key);
  }

  /** As {@link TemporalReads.get}. */
  get(key: Key, at?: At): unknown {
    return this.#store.get(key, at);
  }

  /** As {@link TemporalReads.version}. */
  version(key: Key, at?: At): Version<unknown> | undefined {
    return this.#store.version(key, at);
  }

  /** As {@link TemporalReads.range}; sees what is written ahead of it. */
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

  /** Runs a nested transaction: a savepoint. An exception undoes what it did, and is thrown on. */
  override transaction<T>(body: (tx: Transaction) => T): T {
    this.writer.requireOpen();
    return this.writer.nest(wrapBody(body, Transaction));
  }
}
