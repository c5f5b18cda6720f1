/**
 * Keeps the entries of an index in step with the records of its map. Guarantees: the entries are what the module says
 * of the records, as long as it says the same of the same record; one that does not is noticed where an entry is
 * missing.
 */
import { maxKeyBytes } from "../btree/node.js";
import type { Change } from "../engine/change-capture.js";
import { decodeKey, type Key } from "../engine/key.js";
import { type StoredRecord, storedRecords } from "../engine/stored-records.js";
import { TransactionMap } from "../engine/transaction-map.js";
import { LlmdbError } from "../pager/error.js";
import { type AttachedCall, callAttached } from "./attached-call.js";
import { IndexedRecords, IndexKeys } from "./index-records.js";
import { indexMapName } from "./module-index.js";

const NO_VALUE = new Uint8Array(0);
/** How many bytes of records a rebuild handles at a time. */
const BATCH_BYTES = 1024 * 1024;

type Entries = TransactionMap<Key, Uint8Array>;

/** Returns fuel that was used. */
export function changeIndex(call: AttachedCall, changes: readonly Change[]): number {
  const records: StoredRecord[] = [];
  for (const { key, old, value } of changes) {
    if (old !== null) records.push({ key, value: old });
    if (value !== null) records.push({ key, value });
  }
  const { keys, fuelUsed } = indexKeys(call, records);
  const entries = entriesOf(call);
  let next = 0;
  for (const { key, old, value } of changes) {
    const primary = decodeKey(key, 0, key.length);
    const before = old === null ? [] : keys.of(next++);
    const after = value === null ? [] : keys.of(next++);
    for (const of of before) take(call, entries, [of, primary]);
    for (const of of after) entries.put([of, primary], NO_VALUE);
  }
  return fuelUsed;
}

function take({ attachment }: AttachedCall, entries: Entries, key: Key): void {
  if (!entries.has(key)) {
    throw new LlmdbError(
      "LLMDB_WASM_TRAP",
      `index "${attachment.name}" is out of step: its module does not always say the same of a record; ` +
        "mend the module, detach it and attach it again",
      { index: attachment.name },
    );
  }
  entries.delete(key);
}

/** Makes an index again from the records of its map. Returns fuel that was used. */
export function rebuildIndex(call: AttachedCall): number {
  const entries = entriesOf(call);
  entries.clear();
  let fuelUsed = 0;
  let batch: StoredRecord[] = [];
  let bytes = 0;
  for (const record of storedRecords(call.writer, call.attachment.map)) {
    batch.push(record);
    bytes += record.key.length + record.value.length;
    if (bytes < BATCH_BYTES) continue;
    fuelUsed += addRecords(call, entries, batch);
    batch = [];
    bytes = 0;
  }
  return fuelUsed + addRecords(call, entries, batch);
}

/** Takes away what there is of an index. */
export function clearIndex(index: Pick<AttachedCall, "attachment" | "writer">): void {
  entriesOf(index).clear();
}

function addRecords(call: AttachedCall, entries: Entries, records: readonly StoredRecord[]): number {
  if (records.length === 0) return 0;
  const { keys, fuelUsed } = indexKeys(call, records);
  records.forEach(({ key }, i) => {
    const primary = decodeKey(key, 0, key.length);
    for (const of of keys.of(i)) entries.put([of, primary], NO_VALUE);
  });
  return fuelUsed;
}

function entriesOf({ attachment, writer }: Pick<AttachedCall, "attachment" | "writer">): Entries {
  return new TransactionMap<Key, Uint8Array>(writer, indexMapName(attachment.name), { values: "bytes" });
}

function indexKeys(call: AttachedCall, records: readonly StoredRecord[]): { keys: IndexKeys; fuelUsed: number } {
  const keys = new IndexKeys(maxKeyBytes(call.writer.writeSet.pageSize));
  const fuelUsed = callAttached(
    call,
    new IndexedRecords(records),
    () => keys.clear(),
    (u8, at, bytes, first, end) => keys.read(u8, at, bytes, first, end),
  );
  return { keys, fuelUsed };
}
