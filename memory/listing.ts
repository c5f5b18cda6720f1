/**
 * Listing records without searching: by kind, scope, subject, session. Guarantees: records come in the order in
 * which they became known, turns of a session in the order of the session; a cursor goes on where the page before
 * ended, whatever is written meanwhile; a page of a session costs what the session holds.
 */
import { requireOptions } from "../temporal/at.js";
import type { Database } from "../temporal/database.js";
import { scopeNumber, scopesBelow } from "./directory.js";
import { checkCount, checkKind, invalid } from "./input.js";
import { ORDER, TURNS } from "./maps.js";
import { isRecordValue, type MemoryRecord, type RecordKind } from "./record.js";
import { recordEntry } from "./record-name.js";
import { resolveScope, type ScopePath } from "./scope.js";
import { recordOf } from "./version.js";

/** Which records to list. */
export interface RecordsOptions {
  kind: RecordKind;
  /** Below the memory's own scope; it alone, or with `below` all below it too. Default: the memory's own. */
  scope?: string;
  /** Default false. */
  below?: boolean;
  /** Only facts of this subject, and of this predicate. */
  subject?: string;
  predicate?: string;
  /** Only turns of this session. */
  session?: string;
  /** Default 100. */
  limit?: number;
  /** From the page before. */
  cursor?: string;
}

/** A page of records. */
export interface RecordsPage {
  readonly records: readonly MemoryRecord[];
  /** Give it to the next call; undefined: this was the last page. */
  readonly cursor: string | undefined;
}

const OPTIONS = ["kind", "scope", "below", "subject", "predicate", "session", "limit", "cursor"];
const CURSOR = /^(\d{1,15})\.(\d{1,15})$/;

/** The records that hold now and match. Throws `LLMDB_INVALID_ARGUMENT`. */
export function listRecords(db: Database, root: ScopePath, options: RecordsOptions): RecordsPage {
  requireOptions(options, OPTIONS, "which records");
  const { kind, below = false, cursor } = options;
  checkKind(kind);
  if (typeof below !== "boolean") throw invalid("below is true or false");
  const limit = checkCount(options.limit, "limit", 100, 1);
  const path = resolveScope(root, options.scope);
  const own = scopeNumber(db, path);
  const scopes = below ? scopesBelow(db, path).map(([, number]) => number) : own === undefined ? [] : [own];
  const [fromScope, fromPlace] = parseCursor(cursor);
  const records: MemoryRecord[] = [];
  for (const scope of scopes.sort((a, b) => a - b)) {
    if (scope < fromScope) continue;
    const start = scope === fromScope ? fromPlace : 0;
    for (const [id, place] of candidates(db, scope, options, start)) {
      const record = recordNow(db, root, id, options);
      if (record === undefined) continue;
      records.push(record);
      if (records.length === limit) return { records, cursor: `${scope}.${place}` };
    }
  }
  return { records, cursor: undefined };
}

/** The ids of a scope that may match, from a place on, each with the place at which the next page begins. */
function* candidates(
  db: Database,
  scope: number,
  { kind, session }: RecordsOptions,
  start: number,
): IterableIterator<[id: string, place: number]> {
  if (kind === "turn" && session !== undefined) {
    const turns = TURNS.in(db);
    const range = turns.range({ gte: [scope, session, start], prefix: [scope, session] });
    for (const [[, , index], id] of range) yield [id, index + 1];
    return;
  }
  const order = ORDER.in(db);
  for (const [[, , place], id] of order.range({ gt: [scope, kind, start], prefix: [scope, kind] })) yield [id, place];
}

function parseCursor(cursor: string | undefined): [number, number] {
  if (cursor === undefined) return [0, 0];
  const parts = CURSOR.exec(String(cursor));
  if (parts === null) throw invalid("cursor is what the page before returned");
  return [Number(parts[1]), Number(parts[2])];
}

function recordNow(
  db: Database,
  root: ScopePath,
  id: string,
  { subject, predicate, session }: RecordsOptions,
): MemoryRecord | undefined {
  const version = db.version(id);
  if (version === undefined || !isRecordValue(version.value)) return undefined;
  const { value } = version;
  if (subject !== undefined && !(value.kind === "fact" && value.subject === subject)) return undefined;
  if (predicate !== undefined && !(value.kind === "fact" && value.predicate === predicate)) return undefined;
  if (session !== undefined && !(value.kind === "turn" && value.session === session)) return undefined;
  return recordOf(version, recordEntry(db, id), root);
}
