/**
 * A named ordered map of the newest committed state. Guarantees: a read costs one descent of the tree; each write is a
 * transaction of its own, resolved when it is as durable as the database promises.
 */
import type { Key } from "./key.js";
import type { IterationHold } from "./map-iterator.js";
import { MapReader, type MapSource } from "./map-reader.js";
import type { Committing, MapWrites } from "./map-writes.js";
import type { MapOptions } from "./options.js";
import type { Range } from "./range.js";
import type { Receipt } from "./receipt.js";
import { requireFormat, TransactionMap } from "./transaction-map.js";
import type { TransactionRunner } from "./transaction-runner.js";
import { valueCodec } from "./value.js";
import { holdView } from "./view-hold.js";
import type { WriteTransaction } from "./write-transaction.js";

export class OrderedMap<K extends Key = Key, V = unknown>
  extends MapReader<K, V>
  implements Committing<MapWrites<K, V>>
{
  readonly #runner: TransactionRunner;
  readonly #name: string;
  readonly #options: MapOptions | undefined;
  #source: MapSource | undefined;
  #seenMapChanges = -1;

  /** @internal Use `db.map`. */
  constructor(runner: TransactionRunner, name: string, options: MapOptions | undefined) {
    super(runner.state);
    this.#runner = runner;
    this.#name = name;
    this.#options = options;
    if (this.source() === undefined && options?.values !== undefined) this.state.declared.declare(name, options.values);
  }

  /**
   * Sets the value of a key.
   *
   * @returns when the write is durable (or applied, where the database is `buffered`)
   * @throws LlmdbError (rejects) `LLMDB_INVALID_ARGUMENT`, `LLMDB_KEY_TOO_LONG`, `LLMDB_VALUE_TOO_LARGE`,
   * `LLMDB_READ_ONLY`, `LLMDB_CLOSED`, `LLMDB_DISK_FULL`, `LLMDB_IO`, `LLMDB_COMMIT_UNKNOWN`, `LLMDB_CORRUPT`
   */
  async put(key: K, value: V): Promise<Receipt> {
    return this.#commit((map) => map.put(key, value));
  }

  /** As {@link put}, blocking. */
  putSync(key: K, value: V): Receipt {
    return this.#commitSync((map) => map.put(key, value));
  }

  /** Takes a key out; an absent one is fine. Rejects as `put`. */
  async delete(key: K): Promise<Receipt> {
    return this.#commit((map) => map.delete(key));
  }

  /** As {@link delete}, blocking. */
  deleteSync(key: K): Receipt {
    return this.#commitSync((map) => map.delete(key));
  }

  /** Takes a range out; without one, everything. Takes gt, gte, lt, lte and prefix. Rejects as `put`. */
  async clear(range?: Range): Promise<Receipt> {
    return this.#commit((map) => map.clear(range));
  }

  /** As {@link clear}, blocking. */
  clearSync(range?: Range): Receipt {
    return this.#commitSync((map) => map.clear(range));
  }

  async #commit(change: (map: TransactionMap<K, V>) => void): Promise<Receipt> {
    return (await this.#runner.run((tx) => this.#apply(tx, change), this.#runner.durability)).receipt;
  }

  #commitSync(change: (map: TransactionMap<K, V>) => void): Receipt {
    return this.#runner.runBlocking((tx) => this.#apply(tx, change), this.#runner.durability).receipt;
  }

  #apply(tx: WriteTransaction, change: (map: TransactionMap<K, V>) => void): void {
    change(new TransactionMap<K, V>(tx, this.#name, this.#options));
  }

  protected override source(): MapSource | undefined {
    const { state } = this;
    if (state.closed) state.requireOpen();
    if (this.#seenMapChanges !== state.mapChanges) this.#look();
    return this.#source;
  }

  #look(): void {
    const { state } = this;
    const map = state.directory.get(this.#name);
    requireFormat(this.#name, map?.format ?? null, this.#options?.values);
    this.#seenMapChanges = state.mapChanges;
    const { reader, extents } = state.store;
    this.#source = map && { tree: map.tree, reader, extents, codec: valueCodec(map.format) };
  }

  protected override hold(source: MapSource): IterationHold {
    return holdView(this.state, source.tree);
  }
}
