/**
 * Written cases: steps, each a transaction of its own, and the list of all rows that they leave. Guarantees: the rows
 * are compared whole and in order, and what the store answers at every bound of valid time, and just before it, in
 * every transaction, is what the listed rows say.
 */
import { expect } from "vitest";
import type { Database } from "../../temporal/database.js";
import { type Instant, MINUS_INFINITY, PLUS_INFINITY, parseInstant, toMilliseconds } from "../../temporal/instant.js";
import { openMemory } from "../../temporal/open.js";
import type { Transaction } from "../../temporal/transaction.js";

export const inf = Number.POSITIVE_INFINITY;
export const KEY = "k";

/** What happens in one transaction, or in a part of it. */
export type Step = (tx: Transaction) => void;

/** Value, validFrom, validTo, txFrom, txTo, origin. */
export type Row = readonly [value: unknown, from: Instant, to: Instant, txFrom: number, txTo: number, origin: number];

/** A case: where it comes from, what is done, what there is to be in the end, by (txFrom, validFrom). */
export interface Case {
  readonly name: string;
  readonly steps: readonly Step[];
  readonly rows: readonly Row[];
}

export function put(value: unknown, validFrom: Instant, validTo: Instant): Step {
  return (tx) => tx.put(KEY, value, { validFrom, validTo });
}

/** An update to one value, whatever it was. */
export function update(value: unknown, validFrom: Instant, validTo: Instant): Step {
  return (tx) => tx.update(KEY, () => value, { validFrom, validTo });
}

export function patch(part: object, validFrom: Instant, validTo: Instant): Step {
  return (tx) => tx.patch(KEY, part, { validFrom, validTo });
}

export function remove(validFrom: Instant, validTo: Instant): Step {
  return (tx) => tx.delete(KEY, { validFrom, validTo });
}

/** Steps in one transaction. */
export function together(...steps: readonly Step[]): Step {
  return (tx) => {
    for (const step of steps) step(tx);
  };
}

/** Makes the steps in an empty database. */
export function afterSteps(steps: readonly Step[], clock: () => number = () => Date.parse("2026-01-01")): Database {
  const db = openMemory({ clock });
  for (const step of steps) db.transactionSync(step);
  return db;
}

/** The rows of the key as the store gives them. */
export function rowsOf(db: Database): Row[] {
  return db
    .versions(KEY)
    .map(({ value, validFrom, validTo, txFrom, txTo, origin }) => [value, validFrom, validTo, txFrom, txTo, origin]);
}

export function expectRows(db: Database, rows: readonly Row[]): void {
  const expected = rows.map(([value, from, to, ...rest]) => [value, given(from), given(to), ...rest]);
  expect(rowsOf(db)).toEqual(expected);
  expectReads(db, rows);
  expect(db.verify().problems).toEqual([]);
}

/** Asks at every point that can make a difference. */
function expectReads(db: Database, rows: readonly Row[]): void {
  const bounds = rows.flatMap(([, from, to]) => [parseInstant(from, "from"), parseInstant(to, "to")]);
  const finite = bounds.filter((bound) => bound !== MINUS_INFINITY && bound !== PLUS_INFINITY);
  const instants = new Set([0n, ...finite, ...finite.map((bound) => bound - 1n)]);
  for (let tx = 0; tx <= db.stats().lastTx; tx++) {
    for (const validAt of instants) {
      const expected = rows.filter((row) => holds(row, validAt, tx)).map(([value]) => value);
      const where = `valid at ${toMilliseconds(validAt)}, known in ${tx}`;
      const found = db.get(KEY, { validAt, tx });
      expect(found === undefined ? [] : [found], where).toEqual(expected);
      expect([...db.range({}, { validAt, tx })], where).toEqual(expected.map((value) => [KEY, value]));
    }
  }
}

function holds([, from, to, txFrom, txTo]: Row, validAt: bigint, tx: number): boolean {
  return parseInstant(from, "from") <= validAt && validAt < parseInstant(to, "to") && txFrom <= tx && tx < txTo;
}

function given(instant: Instant): number {
  return toMilliseconds(parseInstant(instant, "a bound"));
}
