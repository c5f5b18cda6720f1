/**
 * Versions of the store as records of the memory.
 */
import { LlmdbError } from "../pager/error.js";
import type { Version } from "../temporal/reads.js";
import type { RecordEntry } from "./maps.js";
import { isRecordValue, type MemoryRecord } from "./record.js";
import { idOf } from "./record-name.js";
import { relativeScope, type ScopePath } from "./scope.js";

/**
 * A version as a record.
 *
 * @throws LlmdbError `LLMDB_CORRUPT` where it is none
 */
export function recordOf(version: Version<unknown>, entry: RecordEntry | undefined, root: ScopePath): MemoryRecord {
  const { key, value, validFrom, validTo, knownFrom, knownTo, txFrom, txTo } = version;
  if (typeof key !== "string" || entry === undefined || !isRecordValue(value)) {
    throw new LlmdbError("LLMDB_CORRUPT", "a record of the memory was changed by other means than the memory");
  }
  const scope = relativeScope(root, entry.path);
  return { id: idOf(key, entry, root), scope, value, validFrom, validTo, knownFrom, tx: txFrom, knownTo, txTo };
}
