/**
 * A map by its bytes, for the layers above: they encode keys and values themselves, read with the cursors of the tree,
 * and may have bounds kept of fields of their entries. Guarantees: the same as for a map inside a transaction: what
 * cannot be stored is refused before the first page is touched; an error after that leaves the transaction to be rolled
 * back.
 *
 * Keys are padded, as `btree/key-bytes.ts` says.
 */
import { type BoundFields, NO_BOUNDS, sameFields } from "../btree/bounds.js";
import type { Bounds } from "../btree/cursor.js";
import { maxKeyBytes } from "../btree/node.js";
import type { Tree } from "../btree/tree.js";
import { LlmdbError } from "../pager/error.js";
import { MAX_VALUE_BYTES } from "../pager/extent-value.js";
import type { ByteSource } from "./byte-source.js";
import { clearEntries, putEntry, removeEntry } from "./entry-change.js";
import type { WorkingMap } from "./working-map.js";
import type { WriteTransaction } from "./write-transaction.js";

const FORMAT = "bytes";

/** A map of bytes inside a write transaction. */
export class ByteMapWriter {
  readonly #transaction: WriteTransaction;
  readonly #map: WorkingMap;
  readonly #fields: BoundFields;
  readonly #maxKeyBytes: number;

  /**
   * @param bounds what the map keeps bounds of; it is made so by the first entry
   * @throws LlmdbError `LLMDB_INVALID_ARGUMENT` where the map exists and is another one
   */
  constructor(writer: WriteTransaction, name: string, bounds: BoundFields = NO_BOUNDS) {
    this.#transaction = writer;
    this.#fields = bounds;
    this.#map = writer.map(name, bounds);
    this.#maxKeyBytes = maxKeyBytes(writer.writeSet.pageSize);
    this.#requireFormat();
    if (this.#map.format !== null && !sameFields(this.#map.bounds, bounds)) throw this.#otherMap();
  }

  get tree(): Tree {
    return this.#map.tree;
  }

  /**
   * Sets the value of a key.
   *
   * @throws LlmdbError `LLMDB_INVALID_ARGUMENT`, `LLMDB_KEY_TOO_LONG`, `LLMDB_VALUE_TOO_LARGE`, `LLMDB_CLOSED`,
   * `LLMDB_DISK_FULL`, `LLMDB_IO`, `LLMDB_CORRUPT`
   */
  put(key: Uint8Array, keyLength: number, value: Uint8Array, valueLength: number): void {
    this.#requireFormat();
    this.#requireLengths(keyLength, valueLength);
    this.#transaction.requireOpen();
    // Declared again: the map may have been dropped, or a savepoint taken back, since this writer was made.
    if (this.#map.format === null) this.#map.tree.bounds = this.#fields;
    putEntry(this.#transaction, this.#map, FORMAT, key, keyLength, value, valueLength);
  }

  /** Takes a key out; returns whether it was there. Throws as `put`. */
  delete(key: Uint8Array, keyLength: number): boolean {
    this.#transaction.requireOpen();
    return removeEntry(this.#transaction, this.#map, key, keyLength);
  }

  /** Takes a range out. Throws as `put`. */
  clear(bounds: Bounds): void {
    this.#transaction.requireOpen();
    clearEntries(this.#transaction, this.#map, bounds);
  }

  /** What reads of the map see: the writes of the transaction among it. */
  source(): ByteSource {
    const { writeSet, state } = this.#transaction;
    return { tree: this.#map.tree, reader: writeSet.reader, extents: state.store.extents };
  }

  #requireFormat(): void {
    const { format } = this.#map;
    if (format !== null && format !== FORMAT) throw this.#otherMap();
  }

  #otherMap(): LlmdbError {
    const { name, format } = this.#map;
    return new LlmdbError(
      "LLMDB_INVALID_ARGUMENT",
      `map "${name}" exists with other values or other bounds than are asked for; use another name`,
      { map: name, stored: format },
    );
  }

  #requireLengths(keyLength: number, valueLength: number): void {
    if (keyLength > this.#maxKeyBytes) {
      throw new LlmdbError("LLMDB_KEY_TOO_LONG", `a key has at most ${this.#maxKeyBytes} bytes; use a shorter one`, {
        length: keyLength,
        limit: this.#maxKeyBytes,
      });
    }
    if (valueLength > MAX_VALUE_BYTES) {
      throw new LlmdbError("LLMDB_VALUE_TOO_LARGE", "the value takes more than 1 GiB; store it in parts", {
        limit: MAX_VALUE_BYTES,
      });
    }
  }
}
