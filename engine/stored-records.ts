/**
 * The entries of a map as a transaction sees them, by their bytes. Guarantees: lazy, in the order of keys; each entry
 * is handed out in copies of its own. The map itself must not be written meanwhile; others may be.
 */
import { Cursor } from "../btree/cursor.js";
import { copyKey } from "../btree/node.js";
import { copyValue, Entry } from "./entry.js";
import type { WriteTransaction } from "./write-transaction.js";

/** An entry of a map, as it is stored. */
export interface StoredRecord {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

const EVERYTHING = { lower: null, lowerLength: 0, upper: null, upperLength: 0 };

/**
 * @throws LlmdbError `LLMDB_CORRUPT`, `LLMDB_IO`
 */
export function* storedRecords(transaction: WriteTransaction, name: string): Generator<StoredRecord, void> {
  const { tree } = transaction.map(name);
  const { reader } = transaction.writeSet;
  const { extents } = transaction.state.store;
  const key = new Uint8Array(reader.cache.pageSize);
  const entry = new Entry();
  for (const cursor = new Cursor(tree, reader, EVERYTHING, false); cursor.next(); ) {
    const { frame, slot } = cursor;
    const length = copyKey(reader.cache.views(frame), reader.cache.base(frame), slot, key);
    entry.set(reader, frame, slot);
    yield { key: key.slice(0, length), value: copyValue(reader, entry, extents) };
  }
}
