/**
 * How a belief came to be: its versions, why it is believed, what changed between two points. Guarantees: answers about
 * the past never change afterwards, except by erasing.
 */
import { type At, requireOptions } from "../temporal/at.js";
import type { Database } from "../temporal/database.js";
import type { LoggedTransaction } from "../temporal/transaction-log.js";
import { checkCount, checkId } from "./input.js";
import { isRecordValue, type MemoryRecord, type RecordKind, type RecordValue } from "./record.js";
import { type FoundRecord, findRecord, idOf, recordEntry } from "./record-name.js";
import { containsScope, relativeScope, resolveScope, type ScopePath } from "./scope.js";
import { notFound } from "./transaction.js";
import { recordOf } from "./version.js";

/** Why something is believed. */
export interface Explanation {
  readonly record: MemoryRecord;
  /** The transaction that wrote this version: its time, and who and why, where that was given. */
  readonly transaction: Pick<LoggedTransaction, "tx" | "time" | "meta">;
  /** Where the fact itself says that it comes from. */
  readonly source: string | undefined;
  /** What was believed until that transaction about the same time. */
  readonly replaced: readonly MemoryRecord[];
  /** How many versions of it are on record. */
  readonly versions: number;
}

/** What became of a record between two points. */
export interface RecordChange {
  readonly id: string;
  readonly kind: RecordKind;
  /** Relative to the memory that was asked; undefined for its own scope. */
  readonly scope: string | undefined;
  /** Missing where nothing was believed at the first point. */
  readonly before?: RecordValue;
  /** Missing where nothing is believed at the second. */
  readonly after?: RecordValue;
}

/** A transaction, as far as it concerns this memory. */
export interface MemoryChange {
  readonly tx: number;
  readonly time: number;
  readonly meta?: unknown;
  readonly changes: readonly { readonly op: string; readonly id: string }[];
}

/** Which transactions to list. */
export interface ChangesOptions {
  /** Above this number. Default 0. */
  after?: number;
  /** Below this number. Default: no limit. */
  before?: number;
  limit?: number;
  /** Newest first. Default false. */
  reverse?: boolean;
}

interface Kept {
  readonly db: Database;
  readonly root: ScopePath;
}

/** All versions of a record, by the transaction that wrote them. */
export function historyOf(memory: Kept, id: string): MemoryRecord[] {
  return versionsOf(memory, found(memory, id));
}

function found({ db, root }: Kept, id: string): FoundRecord {
  checkId(id);
  const record = findRecord(db, root, id);
  if (record === undefined) throw notFound(id);
  return record;
}

function versionsOf({ db, root }: Kept, { key, entry }: FoundRecord): MemoryRecord[] {
  return db.versions(key).map((version) => recordOf(version, entry, root));
}

/** Why a record is believed at a point. */
export function explainRecord(memory: Kept, id: string, at: At): Explanation {
  const { key, entry } = found(memory, id);
  const version = memory.db.version(key, at);
  if (version === undefined) throw notFound(id);
  const history = versionsOf(memory, { key, entry });
  const record = recordOf(version, entry, memory.root);
  const { tx, validFrom, validTo } = record;
  const replaced = history.filter((old) => old.txTo === tx && old.validFrom < validTo && validFrom < old.validTo);
  const source = record.value.kind === "fact" ? record.value.source : undefined;
  return { record, transaction: transactionOf(memory.db, tx), source, replaced, versions: history.length };
}

function transactionOf(db: Database, tx: number): Explanation["transaction"] {
  for (const { time, meta } of db.transactions({ after: tx - 1, limit: 1 })) {
    return meta === undefined ? { tx, time } : { tx, time, meta };
  }
  throw notFound(`transaction ${tx}`);
}

/** What changed between two points in a scope, by id. Lazy. */
export function* diffRecords({ db, root }: Kept, from: At, to: At, scope?: string): Generator<RecordChange, undefined> {
  const within = resolveScope(root, scope);
  for (const { key, before, after } of db.diff(from, to)) {
    const entry = typeof key === "string" ? recordEntry(db, key) : undefined;
    if (typeof key !== "string" || entry === undefined || !containsScope(within, entry.path)) continue;
    if (!isRecordValue(after ?? before)) continue;
    yield {
      id: idOf(key, entry, root),
      kind: entry.kind,
      scope: relativeScope(root, entry.path),
      ...(isRecordValue(before) ? { before } : {}),
      ...(isRecordValue(after) ? { after } : {}),
    };
  }
}

/** The transactions that changed something in the memory's scope, without what else they did. Lazy. */
export function* changesOf({ db, root }: Kept, options: ChangesOptions = {}): Generator<MemoryChange, undefined> {
  requireOptions(options, ["after", "before", "limit", "reverse"], "which transactions");
  const { after = 0, reverse = false } = options;
  const before = checkCount(options.before, "before", Number.POSITIVE_INFINITY);
  let left = checkCount(options.limit, "limit", Number.POSITIVE_INFINITY);
  for (const { tx, time, meta, changes } of db.transactions({ after, reverse })) {
    if (left === 0 || (!reverse && tx >= before)) return;
    if (tx >= before) continue;
    const own: { op: string; id: string }[] = [];
    for (const { op, key, partition } of changes) {
      if (partition !== 0 || typeof key !== "string") continue;
      const entry = recordEntry(db, key);
      if (entry !== undefined && containsScope(root, entry.path)) own.push({ op, id: idOf(key, entry, root) });
    }
    if (own.length === 0) continue;
    left--;
    yield meta === undefined ? { tx, time, changes: own } : { tx, time, meta, changes: own };
  }
}
