/**
 * A database and the oracle side by side: both are told the same, and asked the same at random points. Guarantees: the
 * points lie on, beside and between every bound that was given; what is asked follows from the seed.
 */
import { isDeepStrictEqual } from "node:util";
import type { Key } from "../../../engine/key.js";
import type { Database } from "../../../temporal/database.js";
import { MINUS_INFINITY, PLUS_INFINITY, toMilliseconds } from "../../../temporal/instant.js";
import type { CompareKeys } from "../model.js";
import { Random } from "../random.js";
import { clockOf, runOnDatabase, runOnOracle } from "./driver.js";
import type { PlannedTransaction } from "./history.js";
import { BitemporalOracle } from "./oracle.js";

const MOST_CHARACTERS = 40;

/** An answer of the database that the oracle does not give. */
export class TemporalMismatch extends Error {}

export class TemporalCheck {
  readonly oracle: BitemporalOracle;
  /** How many answers were compared. */
  probes = 0;
  /** What the clock shows. */
  clockMs = 0;
  /** What was known before this transaction was forgotten. */
  horizon = 0;
  readonly #random: Random;

  /** @param oracle where the database is not a new one: what it was told so far */
  constructor(seed: number, compare: CompareKeys, oracle = new BitemporalOracle(compare)) {
    this.oracle = oracle;
    this.#random = new Random(seed + 77_777);
  }

  /** The clock that the database is to be opened with. */
  readonly clock = (): number => this.clockMs;

  /** Makes a transaction on both; returns its number, if it got one. */
  run(db: Database, plan: PlannedTransaction): number | undefined {
    this.clockMs = clockOf(plan);
    const before = db.stats().lastTx;
    runOnDatabase(db, plan);
    const made = db.stats().lastTx > before;
    runOnOracle(this.oracle, plan, () => made);
    this.#expect(db.stats().lastTx, this.oracle.lastTx, "the last transaction");
    return made ? this.oracle.lastTx : undefined;
  }

  /** Tells the oracle of transactions that changed nothing it knows of. */
  catchUp(db: Database): void {
    const { lastTx } = db.stats();
    while (this.oracle.lastTx < lastTx) this.oracle.begin(BigInt(Math.round(this.clockMs * 1000))).commit();
  }

  /** Compares answers at random points. */
  probe(db: Database, count: number): void {
    const { oracle } = this;
    for (const partition of oracle.partitions()) this.#probeScan(db, partition);
    for (let i = 0; i < count; i++) {
      const partition = this.#random.pick(oracle.partitions().length === 0 ? [0] : oracle.partitions());
      const keys = oracle.keys(partition);
      if (keys.length === 0) continue;
      this.#probeKey(db, partition, this.#random.pick(keys));
    }
  }

  /** Compares every slice of every key, as far as it is not forgotten. */
  compareAll(db: Database): void {
    const { oracle } = this;
    for (const partition of oracle.partitions()) {
      for (const key of oracle.keys(partition)) {
        const kept = oracle.versions(key, partition).filter(({ txTo }) => txTo > this.horizon);
        const expected = kept.map(({ from, to, value, origin, txFrom, txTo }) => ({
          validFrom: toMilliseconds(from),
          validTo: toMilliseconds(to),
          value,
          origin,
          txFrom,
          txTo,
          knownFrom: toMilliseconds(oracle.timeOf(txFrom)),
          knownTo: txTo === Number.POSITIVE_INFINITY ? txTo : toMilliseconds(oracle.timeOf(txTo)),
        }));
        const found = db
          .partition(partition)
          .versions(key)
          .map(({ key: _, ...version }) => version);
        this.#expect(sorted(found), sorted(expected), `the versions of ${describe(key)} in partition ${partition}`);
      }
    }
  }

  #probeKey(db: Database, partition: number, key: Key): void {
    const { oracle } = this;
    const now = oracle.nowAt(BigInt(Math.round(this.clockMs * 1000)));
    const store = db.partition(partition);
    if (this.#random.chance(0.3)) {
      const expected = oracle.at(key, now, oracle.lastTx, partition);
      this.#expect(store.get(key), expected, `${describe(key)} now`);
      return;
    }
    const validAt = this.#random.chance(0.2) ? undefined : this.#instant(key, partition);
    const tx = this.#random.chance(0.2) ? undefined : this.#transaction();
    const expected = oracle.at(key, validAt ?? now, tx ?? oracle.lastTx, partition);
    const where = `${describe(key)} in partition ${partition} at ${validAt ?? "now"}, known in ${tx ?? "the last"}`;
    const valid = validAt !== undefined && { validAt };
    this.#expect(store.get(key, { ...valid, ...(tx !== undefined && { tx }) }), expected, where);
    if (tx === undefined || tx === 0) return;
    // The same by the time of the transaction, and by any time before the next one.
    const later = tx === oracle.lastTx ? oracle.timeOf(tx) : oracle.timeOf(tx + 1) - 1n;
    const knownAt = this.#random.pick([oracle.timeOf(tx), later]);
    this.#expect(store.get(key, { ...valid, knownAt }), expected, `${where}, by its time`);
    this.#expect(store.asOf({ ...valid, tx }).version(key)?.value, expected, `${where}, as a version`);
  }

  #probeScan(db: Database, partition: number): void {
    const { oracle } = this;
    const keys = oracle.keys(partition);
    if (keys.length === 0) return;
    const now = oracle.nowAt(BigInt(Math.round(this.clockMs * 1000)));
    const validAt = this.#random.chance(0.4) ? undefined : this.#instant(this.#random.pick(keys), partition);
    const tx = this.#random.chance(0.4) ? undefined : this.#transaction();
    const at = { ...(validAt !== undefined && { validAt }), ...(tx !== undefined && { tx }) };
    const reverse = this.#random.chance(0.3);
    const expected = oracle.range(validAt ?? now, tx ?? oracle.lastTx, partition);
    if (reverse) expected.reverse();
    const found = [...db.partition(partition).range({ reverse }, at)];
    this.#expect(found, expected, `partition ${partition} at ${validAt ?? "now"}, known in ${tx ?? "the last"}`);
    this.#probeDiff(db, partition, validAt ?? now, tx ?? oracle.lastTx);
  }

  #probeDiff(db: Database, partition: number, validAt: bigint, tx: number): void {
    const { oracle } = this;
    const to = this.#transaction();
    const before = new Map(oracle.range(validAt, tx, partition).map(([key, value]) => [describe(key), value]));
    const after = new Map(oracle.range(validAt, to, partition).map(([key, value]) => [describe(key), value]));
    const expected = oracle
      .keys(partition)
      .map((key) => ({ key: describe(key), before: before.get(describe(key)), after: after.get(describe(key)) }))
      .filter((difference) => !isDeepStrictEqual(difference.before, difference.after));
    const found = [...db.partition(partition).diff({ validAt, tx }, { validAt, tx: to })];
    const named = found.map((difference) => ({
      key: describe(difference.key),
      before: difference.before,
      after: difference.after,
    }));
    this.#expect(named, expected, `the difference between ${tx} and ${to} in partition ${partition}`);
  }

  /** One whose state can be asked about. */
  #transaction(): number {
    return this.horizon + this.#random.below(this.oracle.lastTx + 1 - this.horizon);
  }

  /** A bound that the key has, or the microsecond before or after it. */
  #instant(key: Key, partition: number): bigint {
    const slices = this.oracle.slices(key, this.#random.below(this.oracle.lastTx + 1), partition);
    const bounds = slices.flatMap(({ from, to }) => [from, to]);
    const finite = bounds.filter((bound) => bound !== MINUS_INFINITY && bound !== PLUS_INFINITY);
    if (finite.length === 0) return this.oracle.timeOf(this.oracle.lastTx);
    return this.#random.pick(finite) + BigInt(this.#random.below(3) - 1);
  }

  #expect(found: unknown, expected: unknown, what: string): void {
    this.probes++;
    if (isDeepStrictEqual(found, expected)) return;
    throw new TemporalMismatch(`${what}: ${describeDifference(found, expected)}`);
  }
}

function sorted<T extends { txFrom: number; validFrom: number }>(versions: readonly T[]): T[] {
  return [...versions].sort((a, b) => a.txFrom - b.txFrom || a.validFrom - b.validFrom);
}

/** Of lists of the same length, the first items that differ. */
function describeDifference(found: unknown, expected: unknown): string {
  if (Array.isArray(found) && Array.isArray(expected) && found.length === expected.length) {
    const index = found.findIndex((item, i) => !isDeepStrictEqual(item, expected[i]));
    return `item ${index} of ${found.length}: ${describeDifference(found[index], expected[index])}`;
  }
  return `found ${show(found)}, expected ${show(expected)}`;
}

function describe(key: Key): string {
  return show(key);
}

function show(value: unknown): string {
  const shorten = (one: unknown): unknown => {
    if (typeof one === "bigint" || typeof one === "number") return String(one);
    return typeof one === "string" && one.length > MOST_CHARACTERS ? `${one.slice(0, MOST_CHARACTERS)}...` : one;
  };
  const text = JSON.stringify(value, (_, one) => shorten(one)) ?? "undefined";
  return text.length > 2000 ? `${text.slice(0, 2000)}...` : text;
}
