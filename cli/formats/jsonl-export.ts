/**
 * Export as JSON Lines: a line for each transaction, with its time, its metadata and what it changed; then, where they
 * are wanted, a line for each entry of the plain maps. Guarantees: read into an empty database, the lines give the same
 * slices with the same times and metadata, and exported again the same bytes; constant memory, except for the keys of
 * what is left of forgotten history.
 *
 * The log has no values, and its operations may overlap. So what a transaction did is read off the slices of each key
 * that it names: what it closed and did not write again was deleted, what it was the first to assert was put.
 */
import { isDeepStrictEqual } from "node:util";
import { isUint8Array } from "node:util/types";
import {
  type Database,
  type Key,
  LlmdbError,
  type LoggedChange,
  type LoggedTransaction,
  type MapOptions,
  period,
  type Version,
  type Within,
} from "../../index.js";
import { toJson } from "../../models/values/json-forms.js";
import { instantJson } from "../instant-text.js";
import { safeText } from "../safe-text.js";
import type { ExportFormat, ExportOptions, ExportReport } from "./format.js";

/** A change of one key, as a line has it. */
interface Change {
  readonly op: "put" | "delete";
  readonly partition: number;
  readonly key: Key;
  readonly validFrom: number;
  readonly validTo: number;
  readonly value?: unknown;
}

/** The operations of one transaction on one key. */
interface Touched {
  readonly partition: number;
  readonly key: Key;
  readonly operations: LoggedChange[];
}

/** Keys with slices that are older than what was forgotten, by the transaction that wrote the slice. */
type Remains = ReadonlyMap<number, readonly Touched[]>;

type ValueFormat = NonNullable<MapOptions["values"]>;

const VALUE_FORMATS: readonly ValueFormat[] = ["msgpack", "json", "bytes", "string"];

export const jsonlExport: ExportFormat = {
  description: "the whole history, a line for each transaction",
  isWithoutIndex: true,
  async write(db, options, report, emit) {
    const horizon = horizonOf(db);
    const remains = horizon === 0 ? new Map() : remainsOf(db, horizon);
    for (const transaction of db.transactions()) {
      const changes =
        transaction.tx <= horizon ? remainingChanges(db, transaction.tx, remains) : changesOf(db, transaction);
      report.transactions++;
      report.changes += changes.length;
      await emit(transactionLine(transaction, changes));
    }
    if (options.maps) await writeMaps(db, options, report, emit);
  },
};

function transactionLine(transaction: LoggedTransaction, changes: readonly Change[]): string {
  const { time } = transaction;
  return jsonLine({
    time: instantJson(time),
    ...("meta" in transaction && { meta: toJson(transaction.meta) }),
    changes: changes.map((change) => changeJson(change, time)),
  });
}

function jsonLine(json: object): string {
  return safeText(JSON.stringify(json));
}

/** What is left out: partition 0, a beginning at the time of the transaction, an end that is open. */
function changeJson(change: Change, time: number): object {
  const { op, partition, key, validFrom, validTo } = change;
  return {
    op,
    ...(partition !== 0 && { partition }),
    key: toJson(key),
    ...("value" in change && { value: toJson(change.value) }),
    ...(validFrom !== time && { validFrom: instantJson(validFrom) }),
    ...(Number.isFinite(validTo) && { validTo: instantJson(validTo) }),
  };
}

/** What a transaction did, key by key, in the order in which it first named them. */
function changesOf(db: Database, { tx, changes }: LoggedTransaction): Change[] {
  return touchedBy(changes).flatMap((touched) => onlyChange(db, tx, touched) ?? changesOfKey(db, tx, touched));
}

/** A single put or delete is in the log as it was; so a key with a long history costs no more than another. */
function onlyChange(db: Database, tx: number, { partition, key, operations }: Touched): Change | undefined {
  const [{ op, validFrom, validTo }] = operations;
  if (operations.length > 1 || isUint8Array(key)) return undefined;
  if (op === "delete") return { op, partition, key, validFrom, validTo };
  if ((op !== "put" && op !== "unchanged") || validFrom >= validTo) return undefined;
  const version = db.partition(partition).version(key, { tx, validAt: instantIn(validFrom, validTo) });
  if (version === undefined) return undefined;
  if (op === "put") return { op, partition, key, validFrom, validTo, value: version.value };
  // Put again it changes nothing, and is noted as before. An update may have met other values alongside this one.
  const [from, to] = [Math.max(validFrom, version.validFrom), Math.min(validTo, version.validTo)];
  return { op: "put", partition, key, validFrom: from, validTo: to, value: version.value };
}

function instantIn(validFrom: number, validTo: number): number {
  if (Number.isFinite(validFrom)) return validFrom;
  return Number.isFinite(validTo) ? validTo - 1 : 0;
}

/** What the slices say, in the stretch that the operations are about. */
function changesOfKey(db: Database, tx: number, { partition, key, operations }: Touched): Change[] {
  const hull = hullOf(operations);
  const valid: Within["valid"] = hull.from < hull.to ? [hull.from, hull.to] : undefined;
  const around = db.partition(partition).versions(key, { tx: [tx - 1, tx + 1], valid });
  // Nothing but the hash of a key that was erased.
  if (!around.some(({ txFrom, txTo }) => txFrom === tx || txTo === tx)) return [];
  const [only] = operations;
  const deleted =
    operations.length === 1 && only.op === "delete"
      ? [{ from: only.validFrom, to: only.validTo }]
      : gone(around, tx, hull);
  const puts = around.filter(({ txFrom, origin }) => txFrom === tx && origin === tx);
  const renewed = puts.filter((put) => around.some((old) => old.txTo === tx && isSaidAgain(old, put)));
  return [
    ...[...deleted, ...renewed.map(stretchOf)].map(
      ({ from, to }): Change => ({ op: "delete", partition, key, validFrom: from, validTo: to }),
    ),
    ...puts.map((version) => putOf(partition, version)),
  ];
}

/** Whether a put of what held already replaced it all the same, because it had been taken out in between. */
function isSaidAgain(old: Version<unknown>, put: Version<unknown>): boolean {
  const meets = old.validFrom < put.validTo && put.validFrom < old.validTo;
  return meets && isDeepStrictEqual(old.value, put.value);
}

function hullOf(operations: readonly LoggedChange[]): { from: number; to: number } {
  return operations.reduce(
    ({ from, to }, { validFrom, validTo }) => ({ from: Math.min(from, validFrom), to: Math.max(to, validTo) }),
    { from: Number.POSITIVE_INFINITY, to: Number.NEGATIVE_INFINITY },
  );
}

/** Where something was known before a transaction, and nothing after it. */
function gone(
  around: readonly Version<unknown>[],
  tx: number,
  hull: { from: number; to: number },
): { from: number; to: number }[] {
  const closed = around.filter(({ txTo }) => txTo === tx).map(stretchOf);
  const clipped = closed.map((one) => ({
    ...one,
    from: Math.max(one.from, hull.from),
    to: Math.min(one.to, hull.to),
  }));
  let left = period.coalesce(clipped.filter(({ from, to }) => from < to));
  for (const kept of around.filter(({ txFrom }) => txFrom === tx).map(stretchOf)) {
    left = left.flatMap((one) => period.difference(one, kept).map((part) => ({ ...part, value: 0 })));
  }
  return left;
}

function stretchOf({ validFrom, validTo }: Version<unknown>): { from: number; to: number; value: number } {
  return { from: validFrom, to: validTo, value: 0 };
}

function putOf(partition: number, { key, value, validFrom, validTo }: Version<unknown>): Change {
  return { op: "put", partition, key, validFrom, validTo, value };
}

/** The keys that a transaction names. An erased one is named by its hash, under which nothing is found. */
function touchedBy(changes: readonly LoggedChange[]): Touched[] {
  const touched = new Map<string, Touched>();
  for (const change of changes) {
    const { op, partition, key } = change;
    if (op === "erase") continue;
    const name = nameOf(partition, key);
    const known = touched.get(name);
    if (known === undefined) touched.set(name, { partition, key, operations: [change] });
    else known.operations.push(change);
  }
  return [...touched.values()];
}

function nameOf(partition: number, key: Key): string {
  return `${partition} ${JSON.stringify(toJson(key))}`;
}

/** The transaction before which nothing can be asked any more; 0 where nothing was forgotten. */
function horizonOf(db: Database): number {
  try {
    db.version(null, { tx: 0 });
  } catch (error) {
    if (!(error instanceof LlmdbError) || error.code !== "LLMDB_NOT_FOUND") throw error;
    if (typeof error.details.horizon === "number") return error.details.horizon;
  }
  return 0;
}

/** Rows up to the horizon name no keys any more: they are found among what is known, and what was changed since. */
function remainsOf(db: Database, horizon: number): Remains {
  const keys = new Map<string, Touched>();
  const add = (partition: number, key: Key) => keys.set(nameOf(partition, key), { partition, key, operations: [] });
  for (const { partition, key } of db.knownKeys()) add(partition, key);
  for (const { changes } of db.transactions({ after: horizon })) {
    for (const { partition, key } of touchedBy(changes)) add(partition, key);
  }
  const remains = new Map<number, Touched[]>();
  for (const touched of keys.values()) {
    const versions = db.partition(touched.partition).versions(touched.key, { tx: [horizon, horizon + 1] });
    for (const tx of new Set(versions.map(({ txFrom }) => txFrom))) {
      const others = remains.get(tx);
      if (others === undefined) remains.set(tx, [touched]);
      else others.push(touched);
    }
  }
  return remains;
}

/** What is still known as of the horizon, and was written by this transaction. */
function remainingChanges(db: Database, tx: number, remains: Remains): Change[] {
  return (remains.get(tx) ?? []).flatMap(({ partition, key }) => {
    const versions = db.partition(partition).versions(key, { tx: [tx, tx + 1] });
    return versions.filter(({ txFrom }) => txFrom === tx).map((version) => putOf(partition, version));
  });
}

async function writeMaps(
  db: Database,
  _options: ExportOptions,
  report: ExportReport,
  emit: (line: string) => Promise<void>,
): Promise<void> {
  for (const map of db.mapNames()) {
    const values = valueFormatOf(db, map);
    for (const [key, value] of db.map(map, { values }).range()) {
      report.entries++;
      await emit(jsonLine({ map, ...(values !== "msgpack" && { values }), key: toJson(key), value: toJson(value) }));
    }
  }
}

/** How the values of a map are stored: all others are refused. */
function valueFormatOf(db: Database, map: string): ValueFormat {
  for (const values of VALUE_FORMATS) {
    try {
      db.map(map, { values });
      return values;
    } catch (error) {
      if (!(error instanceof LlmdbError) || error.code !== "LLMDB_INVALID_ARGUMENT") throw error;
    }
  }
  throw new LlmdbError("LLMDB_UNSUPPORTED", `the map ${map} stores its values in a form that is not known here`);
}
