/**
 * Writing and reading maps of a running transaction by bytes that were encoded elsewhere. Guarantees: nothing is stored
 * that a reader of the map could not read: a key is in its one encoding, a value decodes in the format of the map, and
 * the name is one that a map may have; what is refused is refused before the first page is touched.
 *
 * Keys are padded, as `btree/key-bytes.ts` says.
 */
import { maxKeyBytes } from "../btree/node.js";
import { compareBytes } from "../pager/bytes.js";
import { LlmdbError } from "../pager/error.js";
import { copyValue, Entry, findEntry } from "./entry.js";
import { putEntry, removeEntry } from "./entry-change.js";
import { decodeKey, encodeKey, KeyBuffer } from "./key.js";
import { checkMapOptions, RESERVED_NAMES } from "./options.js";
import { type ValueFormat, valueCodec } from "./value.js";
import { MAX_VALUE_BYTES } from "./value-limits.js";
import type { WorkingMap } from "./working-map.js";
import type { WriteTransaction } from "./write-transaction.js";

const again = new KeyBuffer();
const entry = new Entry();

export class StoredWriter {
  readonly #transaction: WriteTransaction;
  readonly #takesReserved: boolean;
  readonly #maxKeyBytes: number;

  /** @param takesReserved whether maps of the database itself may be named, too */
  constructor(transaction: WriteTransaction, takesReserved = false) {
    this.#transaction = transaction;
    this.#takesReserved = takesReserved;
    this.#maxKeyBytes = maxKeyBytes(transaction.writeSet.pageSize);
  }

  /**
   * Sets the value of a key.
   *
   * @param format how the values of the map are stored, where it does not exist yet; default: as an open handle says
   * @throws LlmdbError `LLMDB_INVALID_ARGUMENT`, `LLMDB_KEY_TOO_LONG`, `LLMDB_VALUE_TOO_LARGE`, `LLMDB_CLOSED`,
   * `LLMDB_DISK_FULL`, `LLMDB_IO`, `LLMDB_CORRUPT`
   */
  put(name: string, key: Uint8Array, keyLength: number, value: Uint8Array, format?: ValueFormat): void {
    const map = this.#map(name);
    const stored = map.format ?? format ?? this.#transaction.state.declared.of(name) ?? "msgpack";
    this.#requireKey(key, keyLength);
    requireValue(name, value, stored);
    putEntry(this.#transaction, map, stored, key, keyLength, value, value.length);
  }

  /** Takes a key out; returns whether it was there. Throws as `put`. */
  delete(name: string, key: Uint8Array, keyLength: number): boolean {
    const map = this.#map(name);
    this.#requireKey(key, keyLength);
    return removeEntry(this.#transaction, map, key, keyLength);
  }

  /**
   * A copy of the stored bytes of a value, as the transaction sees it; undefined where the key or the map is absent.
   * The key may be any bytes.
   *
   * @throws LlmdbError `LLMDB_INVALID_ARGUMENT`, `LLMDB_CLOSED`, `LLMDB_CORRUPT`, `LLMDB_IO`
   */
  read(name: string, key: Uint8Array, keyLength: number): Uint8Array | undefined {
    const { tree } = this.#map(name);
    const { reader } = this.#transaction.writeSet;
    if (!findEntry(tree, reader, key, keyLength, entry)) return undefined;
    return copyValue(reader, entry, this.#transaction.state.store.extents);
  }

  #map(name: string): WorkingMap {
    this.#transaction.requireOpen();
    const isReserved = this.#takesReserved && name.startsWith(RESERVED_NAMES);
    if (!isReserved) checkMapOptions(name, undefined, this.#maxKeyBytes - 1);
    return this.#transaction.map(name);
  }

  /** There is one encoding of a key, and this is it. */
  #requireKey(key: Uint8Array, length: number): void {
    if (length > this.#maxKeyBytes) {
      throw new LlmdbError("LLMDB_KEY_TOO_LONG", `a key has at most ${this.#maxKeyBytes} bytes; use a shorter one`, {
        length,
        limit: this.#maxKeyBytes,
      });
    }
    try {
      encodeKey(decodeKey(key, 0, length), again, this.#maxKeyBytes);
    } catch (cause) {
      throw noKey(cause);
    }
    if (compareBytes(key, 0, length, again.bytes, 0, again.length) !== 0) throw noKey(undefined);
  }
}

function requireValue(name: string, value: Uint8Array, format: ValueFormat): void {
  if (value.length > MAX_VALUE_BYTES) {
    throw new LlmdbError("LLMDB_VALUE_TOO_LARGE", "the value takes more than 1 GiB; store it in parts", {
      limit: MAX_VALUE_BYTES,
    });
  }
  if (format === "bytes") return;
  try {
    valueCodec(format).decode(value, 0, value.length);
  } catch (cause) {
    throw new LlmdbError(
      "LLMDB_INVALID_ARGUMENT",
      `the bytes are no value of map "${name}", which stores its values as ${format}; encode it so`,
      { map: name, stored: format },
      { cause },
    );
  }
}

function noKey(cause: unknown): LlmdbError {
  return new LlmdbError(
    "LLMDB_INVALID_ARGUMENT",
    "the bytes are not the encoding of a key; docs/keys.md says how keys are encoded",
    {},
    { cause },
  );
}
