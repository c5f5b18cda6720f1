/**
 * Ten products, their release cycles, and what a public catalogue recorded about each when: `examples/data/` as facts
 * with two times. What was recorded when is transaction time, what holds when is valid time.
 *
 * A key is `[product, attribute, cycle]`, so that all cycles of a product that are, say, supported lie side by side:
 *
 * ```
 * supported   from the release to the end of life   { releaseDate, eol } as recorded
 * active      from the release to the end of active support
 * lts         the time of long term support
 * latest      from the release on                   the newest patch release
 * ```
 *
 * Guarantees: statements recorded at one instant become one transaction at that instant; an assertion replaces whatever
 * was known of its cycle, over all valid time.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Database } from "../../temporal/database.js";
import type { Transaction } from "../../temporal/transaction.js";

/** A date, whether it has happened at an unknown date, or not known. */
export type DateOrState = string | boolean | null;

/** What is asserted of a cycle. */
export interface Facts {
  readonly releaseDate: string | null;
  readonly eol: DateOrState;
  readonly support: DateOrState;
  readonly lts: DateOrState;
  readonly latest: string | null;
}

export interface Statement {
  readonly recordedAt: string;
  readonly product: string;
  readonly cycle: string;
  /** Null: the cycle is withdrawn from the catalogue. */
  readonly facts: Facts | null;
}

export type Attribute = "supported" | "active" | "lts" | "latest";

/** What holds over a stretch of time; undefined bounds are open ends. */
interface Fact {
  readonly value: unknown;
  readonly from: string | undefined;
  readonly to: string | undefined;
}

export const ATTRIBUTES: readonly Attribute[] = ["active", "latest", "lts", "supported"];

/** All statements of all files of a folder, oldest first; those of one instant in the order of files and lines. */
export function readStatements(folder: string): Statement[] {
  const files = readdirSync(folder).filter((name) => name.endsWith(".jsonl"));
  const lines = files.sort().flatMap((name) => readFileSync(join(folder, name), "utf8").trim().split("\n"));
  const statements = lines.map(parseStatement);
  return statements.sort((a, b) => (a.recordedAt < b.recordedAt ? -1 : a.recordedAt > b.recordedAt ? 1 : 0));
}

/** Imports statements, oldest first, each instant as a transaction. Returns how many transactions that were. */
export function importStatements(db: Database, statements: readonly Statement[]): number {
  let transactions = 0;
  for (let from = 0; from < statements.length; transactions++) {
    const { recordedAt } = statements[from];
    let to = from;
    while (to < statements.length && statements[to].recordedAt === recordedAt) to++;
    const together = statements.slice(from, to);
    const meta = { source: "endoflife.date", statements: together.length };
    db.transactionSync((tx) => together.forEach((statement) => void record(tx, statement)), { time: recordedAt, meta });
    from = to;
  }
  return transactions;
}

function record(tx: Transaction, { product, cycle, facts }: Statement): void {
  for (const attribute of ATTRIBUTES) {
    const key = [product, attribute, cycle];
    tx.delete(key, { validFrom: -Infinity });
    const fact = facts && factOf(attribute, facts);
    if (fact === null) continue;
    tx.put(key, fact.value, { validFrom: fact.from ?? -Infinity, validTo: fact.to ?? Infinity });
  }
}

/** What the facts say about an attribute; null where it never holds, or nobody knows when. */
function factOf(attribute: Attribute, { releaseDate, eol, support, lts, latest }: Facts): Fact | null {
  const from = releaseDate ?? undefined;
  if (attribute === "supported") return until({ value: { releaseDate, eol }, from, to: undefined }, eol);
  if (attribute === "latest") return latest === null ? null : { value: latest, from, to: undefined };
  if (attribute === "active") return support === null ? null : until({ value: true, from, to: undefined }, support);
  if (lts === null || lts === false) return null;
  return until({ value: true, from: lts === true ? from : lts, to: undefined }, eol);
}

/** The fact up to a date; null where it is over at an unknown date, or before it begins. */
function until(fact: Fact, end: DateOrState): Fact | null {
  if (end === true) return null;
  if (typeof end !== "string") return fact;
  return fact.from !== undefined && fact.from >= end ? null : { ...fact, to: end };
}

function parseStatement(line: string): Statement {
  const parsed: unknown = JSON.parse(line);
  if (typeof parsed !== "object" || parsed === null) throw new TypeError(`not a statement: ${line}`);
  const fields = new Map<string, unknown>(Object.entries(parsed));
  const text = (name: string): string => {
    const value = fields.get(name);
    if (typeof value === "string") return value;
    throw new TypeError(`${name} is not text: ${line}`);
  };
  const textOrNull = (name: string): string | null => (fields.get(name) === null ? null : text(name));
  const dateOrState = (name: string): DateOrState => {
    const value = fields.get(name);
    return typeof value === "boolean" ? value : textOrNull(name);
  };
  const what = { recordedAt: text("recordedAt"), product: text("product"), cycle: text("cycle") };
  if (text("op") === "retract") return { ...what, facts: null };
  const facts = {
    releaseDate: textOrNull("releaseDate"),
    eol: dateOrState("eol"),
    support: dateOrState("support"),
    lts: dateOrState("lts"),
    latest: textOrNull("latest"),
  };
  return { ...what, facts };
}
