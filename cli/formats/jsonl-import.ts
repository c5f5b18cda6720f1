/**
 * Import from JSON Lines. Guarantees: a line is imported as a whole or not at all; a line that cannot be is in the
 * report with its number, and the rest is imported; when it ends, what was imported is durable.
 *
 * ```text
 * {"time":...,"meta":...,"changes":[{"op":"put","partition":1,"key":...,"value":...,"validFrom":...,"validTo":...}]}
 * {"key":...,"value":...}              a change that is a transaction of its own
 * {"map":"name","values":"json","key":...,"value":...}                 an entry of a plain map
 * ```
 */
import {
  type Database,
  type Instant,
  type Key,
  LlmdbError,
  type MapOptions,
  type Transaction,
  type TransactionOptions,
} from "../../index.js";
import { asKey, FORMS_DEPTH, fromJson, isObject, property, toJsonText } from "../../models/values/json-forms.js";
import { readJson } from "../../models/values/json-reader.js";
import { isJson } from "../arguments.js";
import { badUsage } from "../failure.js";
import { readInstant } from "../instant-text.js";
import { Fields } from "../writing/fields.js";
import type { ImportFormat, ImportReport, Marks } from "./format.js";
import type { Line } from "./lines.js";

/** A change as a line says it. */
interface Change {
  readonly op: "put" | "delete";
  readonly partition: number;
  readonly key: Key;
  readonly value: unknown;
  readonly validFrom?: Instant;
  readonly validTo?: Instant;
}

interface TransactionLine {
  readonly kind: "transaction";
  readonly options: TransactionOptions;
  readonly changes: readonly Change[];
}

interface EntryLine {
  readonly kind: "entry";
  readonly number: number;
  readonly map: string;
  readonly options: MapOptions;
  readonly key: Key;
  readonly value: unknown;
}

/** How many entries of plain maps are put in one transaction. */
const BATCH = 500;
/** What a line can be the cause of. */
const LINE_CODES = ["LLMDB_INVALID_ARGUMENT", "LLMDB_KEY_TOO_LONG", "LLMDB_VALUE_TOO_LARGE", "LLMDB_TIME_ORDER"];
const CHANGE_PROPERTIES = ["op", "partition", "key", "value", "validFrom", "validTo"];
const TRANSACTION_PROPERTIES = ["time", "meta", "changes"];
const ENTRY_PROPERTIES = ["map", "values", "key", "value"];

export const jsonlImport: ImportFormat = {
  description: "transactions, facts and entries of maps, a line each",
  isByLine: true,
  async read(db, lines, report, marks) {
    const batch = new EntryBatch(db, report, marks);
    const known = knownProblems(marks);
    for await (const line of lines) {
      report.lines++;
      if (line.text?.trim() === "") continue;
      const isDone = line.number <= (marks?.done ?? 0);
      try {
        const problem = known.get(line.number);
        if (problem !== undefined) throw badUsage(problem);
        const parsed = parseLine(line);
        if (isDone) count(report, parsed);
        else if (parsed.kind === "entry") batch.add(parsed);
        else {
          batch.flush();
          importTransaction(db, parsed, (tx) => marks?.mark(tx, line.number, report.problems));
          count(report, parsed);
        }
      } catch (error) {
        requireOfLine(error);
        report.bad(line.number, error);
      }
    }
    batch.flush();
  },
};

/** The lines that were found bad before the import was begun again. */
function knownProblems(marks: Marks | undefined): Map<number, string> {
  const known = Array.isArray(marks?.state) ? marks.state.map((problem) => new Fields(problem)) : [];
  return new Map(known.map((problem) => [problem.requiredNumber("line"), problem.requiredText("message")]));
}

function count(report: ImportReport, line: TransactionLine | EntryLine): void {
  if (line.kind === "entry") {
    report.entries++;
    return;
  }
  report.transactions++;
  report.changes += line.changes.length;
}

function importTransaction(db: Database, { options, changes }: TransactionLine, mark: (tx: Transaction) => void): void {
  db.transactionSync(
    (tx) => {
      for (const change of changes) makeChange(tx, change);
      if (changes.length === 0) makeTrace(tx);
      mark(tx);
    },
    { ...options, durability: "buffered" },
  );
}

function makeChange(tx: Transaction, { op, partition, key, value, validFrom, validTo }: Change): void {
  const store = tx.partition(partition);
  const valid = { ...(validFrom !== undefined && { validFrom }), ...(validTo !== undefined && { validTo }) };
  if (op === "put") store.put(key, value, valid);
  else store.delete(key, valid);
}

/** A transaction without changes would not be noted: this one undoes what it does, on a key that no one has. */
function makeTrace(tx: Transaction): void {
  const key = ["llmdb import", tx.id];
  while (tx.versions(key).length > 0) key.push(0);
  tx.put(key, null);
  tx.delete(key);
}

/** Entries of plain maps, until there are enough for a transaction. */
class EntryBatch {
  readonly #db: Database;
  readonly #report: ImportReport;
  readonly #marks: Marks | undefined;
  #entries: EntryLine[] = [];

  constructor(db: Database, report: ImportReport, marks: Marks | undefined) {
    this.#db = db;
    this.#report = report;
    this.#marks = marks;
  }

  add(entry: EntryLine): void {
    this.#entries.push(entry);
    if (this.#entries.length >= BATCH) this.flush();
  }

  /** Imports what is waiting: together, or where one of them is bad, one by one. */
  flush(): void {
    const entries = this.#entries;
    this.#entries = [];
    if (entries.length === 0) return;
    try {
      this.#put(entries);
    } catch (error) {
      requireOfLine(error);
      for (const entry of entries) this.#putAlone(entry);
    }
  }

  #putAlone(entry: EntryLine): void {
    try {
      this.#put([entry]);
    } catch (error) {
      requireOfLine(error);
      this.#report.bad(entry.number, error);
    }
  }

  #put(entries: readonly EntryLine[]): void {
    let last = 0;
    this.#db.transactionSync(
      (tx) => {
        for (const { number, map, options, key, value } of entries) {
          tx.map(map, options).put(key, value);
          last = number;
        }
        this.#marks?.mark(tx, last, this.#report.problems);
      },
      { durability: "buffered" },
    );
    this.#report.entries += entries.length;
  }
}

/** A full disk is not the fault of a line: going on would leave out all that follow. */
function requireOfLine(error: unknown): void {
  if (!(error instanceof LlmdbError) || !LINE_CODES.includes(error.code)) throw error;
}

function parseLine({ number, text }: Line): TransactionLine | EntryLine {
  if (text === undefined) throw badUsage("it is not UTF-8");
  const json = parseJson(text);
  if (!isObject(json)) throw badUsage("it is not a JSON object");
  if (Object.hasOwn(json, "map")) return parseEntry(json, number);
  const options = optionsOf(json);
  if (Object.hasOwn(json, "changes")) {
    requireKnown(json, TRANSACTION_PROPERTIES);
    const changes = property(json, "changes");
    if (!Array.isArray(changes)) throw badUsage("its changes are not an array");
    return { kind: "transaction", options, changes: changes.map((change) => parseChange(change, CHANGE_PROPERTIES)) };
  }
  if (!Object.hasOwn(json, "key")) throw badUsage('it has neither "changes" nor "key"');
  const change = parseChange(json, [...CHANGE_PROPERTIES, "time", "meta"]);
  return { kind: "transaction", options, changes: [change] };
}

function parseJson(text: string): unknown {
  try {
    return readJson(text, FORMS_DEPTH);
  } catch (error) {
    throw isJson(text) ? error : badUsage("it is not JSON, or only a part of it");
  }
}

function optionsOf(json: object): TransactionOptions {
  const time = instantIn(json, "time");
  if (time === Number.POSITIVE_INFINITY) throw badUsage("its time is null; leave it out to mean now");
  return { ...(time !== undefined && { time }), ...(Object.hasOwn(json, "meta") && { meta: valueIn(json, "meta") }) };
}

function parseChange(json: unknown, known: readonly string[]): Change {
  if (!isObject(json)) throw badUsage("one of its changes is not an object");
  requireKnown(json, known);
  const op = property(json, "op") ?? "put";
  if (op !== "put" && op !== "delete") throw badUsage(`its op is ${toJsonText(op)}; it is "put" or "delete"`);
  if (op === "put" && !Object.hasOwn(json, "value"))
    throw badUsage('a put has a "value"; to remove, say "op":"delete"');
  const partition = property(json, "partition") ?? 0;
  if (typeof partition !== "number") throw badUsage("its partition is not a number");
  const validFrom = instantIn(json, "validFrom", Number.NEGATIVE_INFINITY);
  const validTo = instantIn(json, "validTo");
  return { op, partition, key: keyIn(json), value: valueIn(json, "value"), validFrom, validTo };
}

function parseEntry(json: object, number: number): EntryLine {
  requireKnown(json, ENTRY_PROPERTIES);
  const map = property(json, "map");
  if (typeof map !== "string") throw badUsage("the name of its map is not a string");
  const values = property(json, "values") ?? "msgpack";
  if (values !== "msgpack" && values !== "json" && values !== "bytes" && values !== "string") {
    throw badUsage('its values are "msgpack", "json", "bytes" or "string"');
  }
  if (!Object.hasOwn(json, "value")) throw badUsage('it has no "value"');
  return { kind: "entry", number, map, options: { values }, key: keyIn(json), value: valueIn(json, "value") };
}

/** A misspelt property must not pass for one that is left out. */
function requireKnown(json: object, known: readonly string[]): void {
  const unknown = Object.keys(json).find((name) => !known.includes(name));
  if (unknown !== undefined) throw badUsage(`it has ${JSON.stringify(unknown)}; there is ${known.join(", ")}`);
}

function keyIn(json: object): Key {
  const key = Object.hasOwn(json, "key") ? asKey(fromJson(property(json, "key"))) : undefined;
  if (key !== undefined) return key;
  throw badUsage("it has no key: text, a number, true, false, null, or an array of these");
}

function valueIn(json: object, name: string): unknown {
  return fromJson(property(json, name));
}

/** A time; null is an open end. */
function instantIn(json: object, name: string, open = Number.POSITIVE_INFINITY): Instant | undefined {
  const given = property(json, name);
  if (given === undefined) return undefined;
  if (given === null) return open;
  if (typeof given === "string") return readInstant(given);
  if (typeof given === "number") return given;
  throw badUsage(`its ${name} is no time`);
}
