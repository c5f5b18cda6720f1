/**
 * A map inside a write transaction: reads see the transaction's own writes, writes return nothing. Guarantees:
 * arguments are checked and encoded before the first page is touched; an error after that leaves the transaction to be
 * rolled back.
 */
import type { Cursor } from "../btree/cursor.js";
import { LlmdbError } from "../pager/error.js";
import { clearEntries, putEntry, removeEntry } from "./entry-change.js";
import { encodeKey, type Key, KeyBuffer } from "./key.js";
import type { IterationHold } from "./map-iterator.js";
import { MapReader, type MapSource } from "./map-reader.js";
import type { MapWrites } from "./map-writes.js";
import type { MapOptions } from "./options.js";
import { parseRange, type Range } from "./range.js";
import { type ValueCodec, type ValueFormat, valueCodec } from "./value.js";
import type { WorkingMap } from "./working-map.js";
import type { WriteTransaction } from "./write-transaction.js";

const key = new KeyBuffer();

export class TransactionMap<K extends Key = Key, V = unknown> extends MapReader<K, V> implements MapWrites<K, V> {
  readonly #transaction: WriteTransaction;
  readonly #map: WorkingMap;
  readonly #asked: ValueFormat | undefined;

  constructor(transaction: WriteTransaction, name: string, options: MapOptions | undefined) {
    super(transaction.state);
    this.#transaction = transaction;
    this.#map = transaction.map(name);
    this.#asked = options?.values;
    requireFormat(name, this.#map.format, this.#asked);
    if (this.#map.format === null && this.#asked !== undefined) this.state.declared.require(name, this.#asked);
  }

  /**
   * Sets the value of a key.
   *
   * @throws LlmdbError `LLMDB_INVALID_ARGUMENT`, `LLMDB_KEY_TOO_LONG`, `LLMDB_VALUE_TOO_LARGE`, `LLMDB_CLOSED`,
   * `LLMDB_DISK_FULL`, `LLMDB_IO`, `LLMDB_CORRUPT`
   */
  put(of: K, value: V): void {
    this.#transaction.requireOpen();
    const map = this.#map;
    requireFormat(map.name, map.format, this.#asked);
    const format = map.format ?? this.#chosen();
    const bytes = valueCodec(format).encode(value);
    encodeKey(of, key, this.maxKeyBytes);
    putEntry(this.#transaction, map, format, key.bytes, key.length, bytes, bytes.length);
  }

  /** Takes a key out; an absent one is fine. Throws as `put`. */
  delete(of: K): void {
    this.#transaction.requireOpen();
    encodeKey(of, key, this.maxKeyBytes);
    removeEntry(this.#transaction, this.#map, key.bytes, key.length);
  }

  /**
   * Takes a range out; without one, everything. Subtrees that lie inside are dropped whole. `limit`, `offset` and
   * `reverse` are not supported here. Throws as `put`.
   */
  clear(range?: Range): void {
    this.#transaction.requireOpen();
    const { bounds, limit, offset, reverse } = parseRange(range, this.maxKeyBytes);
    if (limit !== Number.POSITIVE_INFINITY || offset !== 0 || reverse) {
      throw new LlmdbError(
        "LLMDB_INVALID_ARGUMENT",
        "clear takes gt, gte, lt, lte and prefix; delete single keys instead",
      );
    }
    clearEntries(this.#transaction, this.#map, bounds);
  }

  protected override source(): MapSource {
    this.#transaction.requireOpen();
    return {
      tree: this.#map.tree,
      reader: this.#transaction.writeSet.reader,
      extents: this.state.store.extents,
      codec: this.#codec(),
    };
  }

  #codec(): ValueCodec {
    return valueCodec(this.#map.format ?? this.#chosen());
  }

  /** How values are stored where the map does not exist yet: as was asked for here, or by an open handle. */
  #chosen(): ValueFormat {
    return this.#asked ?? this.state.declared.of(this.#map.name) ?? "msgpack";
  }

  protected override hold(source: MapSource): IterationHold {
    const transaction = this.#transaction;
    return {
      tree: source.tree,
      reader: source.reader,
      attach: (_iterator: object, cursor: Cursor) => {
        source.tree.cursors ??= new Set();
        source.tree.cursors.add(cursor);
      },
      requireOpen: () => transaction.requireOpen(),
      release: (cursor: Cursor) => {
        source.tree.cursors?.delete(cursor);
      },
    };
  }
}

/**
 * @throws LlmdbError `LLMDB_INVALID_ARGUMENT` where a map is asked for in another format than it is stored in
 */
export function requireFormat(name: string, stored: ValueFormat | null, asked: ValueFormat | undefined): void {
  if (asked === undefined || stored === null || stored === asked) return;
  throw new LlmdbError(
    "LLMDB_INVALID_ARGUMENT",
    `map "${name}" stores its values as ${stored}, not ${asked}; leave the option out, or copy the map into a new one`,
    { map: name, stored, asked },
  );
}
