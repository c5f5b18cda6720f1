/**
 * Changing the entries of a map in a write transaction, by their bytes: in the tree, in the log, and for whoever
 * watches. Guarantees: an error once pages were touched leaves the transaction to be rolled back; a change that changes
 * nothing leaves no trace. The caller has checked keys, values and the format.
 */
import { clearRange } from "../btree/clear.js";
import type { Bounds } from "../btree/cursor.js";
import { put, remove } from "../btree/entries.js";
import type { OperationBuffer } from "../wal/operation-buffer.js";
import { formatIndex } from "./map-record.js";
import type { ValueFormat } from "./value.js";
import type { WorkingMap } from "./working-map.js";
import type { WriteTransaction } from "./write-transaction.js";

/** Sets the value of a key; a map that does not exist comes to be, with this format. */
export function putEntry(
  transaction: WriteTransaction,
  map: WorkingMap,
  format: ValueFormat,
  key: Uint8Array,
  length: number,
  value: Uint8Array,
  valueLength: number,
): void {
  const { changes } = map.tree;
  transaction.relieve();
  try {
    put(map.tree, transaction.writeSet, key, length, value, valueLength);
    map.format = format;
    map.changed = true;
    transaction.grows = true;
    map.watch?.note(key, length);
    const stored = value.length === valueLength ? value : value.subarray(0, valueLength);
    logOf(transaction, map, format).put(key, length, stored);
  } catch (error) {
    throw failed(transaction, map, error, changes);
  }
}

/** Takes a key out; returns whether it was there. */
export function removeEntry(transaction: WriteTransaction, map: WorkingMap, key: Uint8Array, length: number): boolean {
  const { changes } = map.tree;
  transaction.relieve();
  try {
    if (!remove(map.tree, transaction.writeSet, key, length) || map.format === null) return false;
    map.changed = true;
    map.watch?.note(key, length);
    logOf(transaction, map, map.format).delete(key, length);
    return true;
  } catch (error) {
    throw failed(transaction, map, error, changes);
  }
}

/** Takes a range out. */
export function clearEntries(transaction: WriteTransaction, map: WorkingMap, bounds: Bounds): void {
  const { changes } = map.tree;
  transaction.relieve();
  try {
    if (clearRange(map.tree, transaction.writeSet, bounds) === 0 || map.format === null) return;
    map.changed = true;
    map.watch?.noteRange(bounds);
    const { lower, lowerLength, upper, upperLength } = bounds;
    logOf(transaction, map, map.format).clear(lower, lowerLength, upper, upperLength);
  } catch (error) {
    throw failed(transaction, map, error, changes);
  }
}

/** Where to log the next operation on a map. */
function logOf(transaction: WriteTransaction, map: WorkingMap, format: ValueFormat): OperationBuffer {
  const { operations } = transaction;
  operations.map(map.name, formatIndex(format), map.bounds);
  return operations;
}

function failed(transaction: WriteTransaction, map: WorkingMap, error: unknown, changes: number): unknown {
  if (map.tree.changes !== changes) transaction.broken ??= error;
  return error;
}
