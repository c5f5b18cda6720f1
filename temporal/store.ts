/**
 * The bitemporal store of one partition, outside and inside of transactions. Guarantees: outside, each write is a
 * transaction of its own, resolved when it is as durable as the database promises.
 */
import type { Key } from "../engine/key.js";
import type { Committing } from "../engine/map-writes.js";
import type { Receipt } from "../engine/receipt.js";
import type { TransactionRunner } from "../engine/transaction-runner.js";
import type { WriteTransaction } from "../engine/write-transaction.js";
import { LlmdbError } from "../pager/error.js";
import { resolveValid, type Valid } from "./at.js";
import { TemporalReads } from "./reads.js";
import { CommittedSources, TransactionSources } from "./state-sources.js";
import { TemporalWriter } from "./writer.js";

/** Writes of the bitemporal store, inside a transaction. {@link TransactionStore} says what each throws. */
export interface TemporalWrites<V = unknown> {
  /** `value` holds over the stretch, whatever was known about it before. */
  put(key: Key, value: V, valid?: Valid): void;
  /** Applies `change` to each value inside the stretch; gaps stay gaps. */
  update(key: Key, change: (value: V) => V, valid?: Valid): void;
  /** Merges the fields of `part` into each value inside the stretch, and puts `part` in its gaps. */
  patch(key: Key, part: Partial<V>, valid?: Valid): void;
  /** Nothing is known to hold over the stretch any more; history stays. */
  delete(key: Key, valid?: Valid): void;
  /** Removes the key physically, at all times. */
  erase(key: Key): void;
}

/** The store of one partition inside a transaction. */
export class TransactionStore<V = unknown> extends TemporalReads<V> implements TemporalWrites<V> {
  readonly #writer: WriteTransaction;
  readonly #partition: number;

  /** @internal */
  constructor(writer: WriteTransaction, partition: number) {
    super(new TransactionSources(writer), partition);
    this.#writer = writer;
    this.#partition = partition;
  }

  /**
   * `value` holds for `key` over a stretch of valid time, whatever was known about it before; by default from now on.
   *
   * @param value anything MessagePack can hold, at most 1 GiB
   * @param valid half open; an empty or reversed one is `LLMDB_INVALID_ARGUMENT`
   * @throws LlmdbError `LLMDB_INVALID_ARGUMENT`, `LLMDB_KEY_TOO_LONG`, `LLMDB_VALUE_TOO_LARGE`, `LLMDB_CLOSED`,
   * `LLMDB_DISK_FULL`, `LLMDB_IO`, `LLMDB_CORRUPT`
   */
  put(key: Key, value: V, valid?: Valid): void {
    const writer = this.#open();
    writer.put(this.#partition, key, value, resolveValid(valid, writer.now, false));
  }

  /**
   * Applies `change` to each value that holds for a while inside the stretch; gaps stay gaps, and where the value stays
   * the same nothing is written. `change` may not write. Throws as {@link put}, and what `change` throws.
   *
   * @param change from the old value to the new one; it is called once for each slice, in the order of valid time
   */
  update(key: Key, change: (value: V) => V, valid?: Valid): void {
    if (typeof change !== "function") throw invalid("update takes a function from the old value to the new one");
    const writer = this.#open();
    const span = resolveValid(valid, writer.now, false);
    writer.update(this.#partition, key, (value) => change(value as V), span);
  }

  /**
   * Merges the fields of `part` into each value inside the stretch, and puts `part` in its gaps. Throws as `put`.
   *
   * @param part a plain object, as the values it meets have to be; its fields replace theirs, one level deep
   */
  patch(key: Key, part: Partial<V>, valid?: Valid): void {
    const writer = this.#open();
    writer.patch(this.#partition, key, part, resolveValid(valid, writer.now, false));
  }

  /**
   * Nothing is known to hold over the stretch any more; what was known stays in history. Throws as `put`, but an empty
   * stretch is fine and does nothing.
   */
  delete(key: Key, valid?: Valid): void {
    const writer = this.#open();
    writer.delete(this.#partition, key, resolveValid(valid, writer.now, true));
  }

  /**
   * Removes a key physically, at all times, also from answers about the past. Its bytes are gone from file and log
   * after the next checkpoint, unless an open snapshot still sees them. The transaction log keeps that something was
   * erased, and a SHA-256 of the key. Throws as `put`.
   */
  erase(key: Key): void {
    this.#open().erase(this.#partition, key);
  }

  #open(): TemporalWriter {
    this.#writer.requireOpen();
    return TemporalWriter.of(this.#writer);
  }
}

/** The store of one partition. Reads are synchronous and see what is committed; each write is a transaction. */
export class TemporalStore<V = unknown> extends TemporalReads<V> implements Committing<TemporalWrites<V>> {
  readonly #runner: TransactionRunner;
  readonly #partition: number;

  /** @internal Use `db.partition`. */
  constructor(runner: TransactionRunner, partition: number, sources = new CommittedSources(runner.state)) {
    super(sources, partition);
    this.#runner = runner;
    this.#partition = partition;
  }

  /**
   * `value` holds for `key` over a stretch of valid time, whatever was known about it before; by default from now on.
   *
   * @param value anything MessagePack can hold, at most 1 GiB
   * @param valid half open; an empty or reversed one is `LLMDB_INVALID_ARGUMENT`
   * @returns when the write is durable (or applied, where the database is `buffered`)
   * @throws LlmdbError (rejects) `LLMDB_INVALID_ARGUMENT`, `LLMDB_KEY_TOO_LONG`, `LLMDB_VALUE_TOO_LARGE`,
   * `LLMDB_READ_ONLY`, `LLMDB_CLOSED`, `LLMDB_DISK_FULL`, `LLMDB_IO`, `LLMDB_COMMIT_UNKNOWN`, `LLMDB_CORRUPT`
   *
   * @example
   * ```ts
   * await db.put("ada/role", "engineer", { validFrom: "2024-03-01" });
   * await db.put("ada/role", "lead"); // from now on
   * ```
   */
  async put(key: Key, value: V, valid?: Valid): Promise<Receipt> {
    return this.#commit((store) => store.put(key, value, valid));
  }

  /** As {@link put}, blocking. */
  putSync(key: Key, value: V, valid?: Valid): Receipt {
    return this.#commitSync((store) => store.put(key, value, valid));
  }

  /**
   * Applies `change` to each value that holds for a while inside the stretch; gaps stay gaps, and where the value stays
   * the same nothing is written. `change` may not write. Rejects as `put`, and with what `change` throws.
   *
   * @example
   * ```ts
   * const salaries = db.partition<number>(1);
   * await salaries.update("ada", (salary) => salary * 1.03, { validFrom: "2026-01-01" });
   * ```
   */
  async update(key: Key, change: (value: V) => V, valid?: Valid): Promise<Receipt> {
    return this.#commit((store) => store.update(key, change, valid));
  }

  /** As {@link update}, blocking. */
  updateSync(key: Key, change: (value: V) => V, valid?: Valid): Receipt {
    return this.#commitSync((store) => store.update(key, change, valid));
  }

  /**
   * Merges the fields of `part`, a plain object, into each value inside the stretch, one level deep, and puts `part` in
   * the gaps. Rejects as `put`.
   */
  async patch(key: Key, part: Partial<V>, valid?: Valid): Promise<Receipt> {
    return this.#commit((store) => store.patch(key, part, valid));
  }

  /** As {@link patch}, blocking. */
  patchSync(key: Key, part: Partial<V>, valid?: Valid): Receipt {
    return this.#commitSync((store) => store.patch(key, part, valid));
  }

  /**
   * Nothing is known to hold over the stretch any more; what was known stays in history. Rejects as `put`, but an empty
   * stretch is fine and does nothing.
   */
  async delete(key: Key, valid?: Valid): Promise<Receipt> {
    return this.#commit((store) => store.delete(key, valid));
  }

  /** As {@link delete}, blocking. */
  deleteSync(key: Key, valid?: Valid): Receipt {
    return this.#commitSync((store) => store.delete(key, valid));
  }

  /**
   * Removes a key physically, at all times, also from answers about the past. Its bytes are gone from file and log
   * after the next checkpoint, unless an open snapshot still sees them. The transaction log keeps that something was
   * erased, and a SHA-256 of the key. Rejects as `put`.
   */
  async erase(key: Key): Promise<Receipt> {
    return this.#commit((store) => store.erase(key));
  }

  /** As {@link erase}, blocking. */
  eraseSync(key: Key): Receipt {
    return this.#commitSync((store) => store.erase(key));
  }

  async #commit(change: (store: TransactionStore<V>) => void): Promise<Receipt> {
    const body = (tx: WriteTransaction) => change(new TransactionStore<V>(tx, this.#partition));
    return (await this.#runner.run(body, this.#runner.durability)).receipt;
  }

  #commitSync(change: (store: TransactionStore<V>) => void): Receipt {
    const body = (tx: WriteTransaction) => change(new TransactionStore<V>(tx, this.#partition));
    return this.#runner.runBlocking(body, this.#runner.durability).receipt;
  }
}

function invalid(message: string): LlmdbError {
  return new LlmdbError("LLMDB_INVALID_ARGUMENT", message);
}
