/**
 * Reads that are narrowed, against the same reads in full: `versions` within stretches, ranges with bounds, limits and
 * offsets at points of the past, transactions by number and time, and views fixed at a point.
 */
import { beforeAll, describe, expect, test } from "vitest";
import type { Key } from "../../engine/key.js";
import type { PrefixBound, Range } from "../../engine/range.js";
import type { At, Within } from "../../temporal/at.js";
import type { Database } from "../../temporal/database.js";
import { openMemory } from "../../temporal/open.js";
import type { LoggedTransaction } from "../../temporal/transaction-log.js";
import { SEED } from "../effort.js";
import { isInRange } from "../harness/model.js";
import { Random } from "../harness/random.js";
import { clockOf, runOnDatabase } from "../harness/temporal/driver.js";
import { historyOf } from "../harness/temporal/history.js";
import { compareKeys } from "../key/order.js";

const RUNS = 400;
const KEYS: readonly Key[] = ["a", ["a", 1], 7, "apple", "b", ["a", 2], ["a", [1, "x"]], -1.5, 2n ** 70n];
const inf = Number.POSITIVE_INFINITY;

let db: Database;
let log: LoggedTransaction[];
/** Every bound of valid time there is. */
let bounds: number[];

beforeAll(() => {
  let now = 0;
  db = openMemory({ clock: () => now, pageSize: 4096 });
  for (const plan of historyOf(SEED, { transactions: 300, keys: KEYS, partitions: [0, 1], large: 0.01, erases: 0 })) {
    now = clockOf(plan);
    runOnDatabase(db, plan);
  }
  log = [...db.transactions()];
  const versions = KEYS.flatMap((key) => db.versions(key));
  bounds = [...new Set(versions.flatMap(({ validFrom, validTo }) => [validFrom, validTo]))];
});

/** A time or a microsecond beside it: the double that is nearest to whole microseconds. */
function near(milliseconds: number, random: Random): number {
  return Math.round(milliseconds * 1000 + random.pick([0, 0, 1, -1])) / 1000;
}

/** A bound, a microsecond beside one, or an open end. */
function instant(random: Random): number {
  return near(random.pick(bounds), random);
}

function pair<T extends number>(random: Random, draw: () => T): [T, T] {
  for (;;) {
    const [a, b] = [draw(), draw()];
    if (a < b) return [a, b];
    if (b < a && random.chance(0.9)) return [b, a];
  }
}

function timeNear(random: Random): number {
  return near(random.pick(log).time, random);
}

function txNear(random: Random): number {
  return random.below(db.stats().lastTx + 3);
}

function pointOf(random: Random): At {
  const validAt = instant(random);
  const valid = Number.isFinite(validAt) && random.chance(0.8) ? { validAt } : {};
  if (random.chance(0.3)) return valid;
  if (random.chance(0.5)) return { ...valid, tx: random.below(db.stats().lastTx + 1) };
  return { ...valid, knownAt: Math.min(timeNear(random), log[log.length - 1].time) };
}

test("versions within stretches are those of all that meet them", () => {
  const random = new Random(SEED);
  let found = 0;
  for (let i = 0; i < RUNS; i++) {
    const key = random.pick(KEYS);
    const within: Within = {};
    if (random.chance(0.7)) within.valid = pair(random, () => instant(random));
    if (random.chance(0.4)) within.tx = pair(random, () => (random.chance(0.1) ? inf : txNear(random)));
    else if (random.chance(0.6)) within.known = pair(random, () => timeNear(random));
    const [validFrom, validTo] = narrowed(within.valid);
    const [txFrom, txTo] = narrowed(within.tx);
    const [knownFrom, knownTo] = narrowed(within.known);
    const expected = db
      .versions(key)
      .filter((one) => one.validFrom < validTo && validFrom < one.validTo)
      .filter((one) => one.txFrom < txTo && txFrom < one.txTo)
      .filter((one) => one.knownFrom < knownTo && knownFrom < one.knownTo);
    expect(db.versions(key, within), JSON.stringify([String(key), within])).toEqual(expected);
    found += expected.length;
  }
  expect(found).toBeGreaterThan(RUNS);
});

function narrowed(stretch: readonly unknown[] | undefined): [number, number] {
  return stretch === undefined ? [-inf, inf] : [Number(stretch[0]), Number(stretch[1])];
}

describe("at random points", () => {
  test("a range is the part of all keys that it says", () => {
    const random = new Random(SEED + 1);
    for (let i = 0; i < RUNS; i++) {
      const at = pointOf(random);
      const range: Range = { reverse: random.chance(0.4), limit: random.below(6), offset: random.below(3) };
      const [low, high] = [boundOf(random), boundOf(random)];
      if (random.chance(0.5)) range[random.pick(["gt", "gte"] as const)] = low;
      if (random.chance(0.5)) range[random.pick(["lt", "lte"] as const)] = high;
      const all = [...db.range({}, at)].filter(([key]) => isInRange(key, range, compareKeys));
      if (range.reverse) all.reverse();
      const expected = all.slice(range.offset, (range.offset ?? 0) + (range.limit ?? inf));
      expect([...db.range(range, at)]).toEqual(expected);
      expect([...db.asOf(at).range(range)]).toEqual(expected);
    }
  });

  test("get, version and the range of a key are one answer", () => {
    const random = new Random(SEED + 2);
    for (let i = 0; i < RUNS; i++) {
      const at = pointOf(random);
      const key = random.pick(KEYS);
      const version = db.version(key, at);
      expect(version?.value).toEqual(db.get(key, at));
      expect([...db.range({ gte: key, lte: key }, at)].map(([, value]) => value)).toEqual(
        version === undefined ? [] : [version.value],
      );
      if (version !== undefined) expect(db.versions(key)).toContainEqual(version);
    }
  });

  test("a difference is that of the two ranges, also in part", () => {
    const random = new Random(SEED + 3);
    for (let i = 0; i < RUNS / 4; i++) {
      const [from, to] = [pointOf(random), pointOf(random)];
      const reverse = random.chance(0.4);
      const all = [...db.diff(from, to)];
      if (reverse) all.reverse();
      const [offset, limit] = [random.below(3), random.below(5)];
      expect([...db.diff(from, to, { reverse, offset, limit })]).toEqual(all.slice(offset, offset + limit));
      const keys = [...db.diff(to, from)].map(({ key, before, after }) => ({ key, before: after, after: before }));
      expect(keys).toEqual([...db.diff(from, to)].map(({ key, before, after }) => ({ key, before, after })));
    }
  });
});

function boundOf(random: Random): Key | PrefixBound {
  return random.chance(0.4)
    ? { prefix: random.pick<Key>(["a", "app", ["a"], ["a", 2], ["a", [1]], []]) }
    : random.pick(KEYS);
}

test("transactions by number, time and count, in both directions", () => {
  const random = new Random(SEED + 4);
  for (let i = 0; i < RUNS; i++) {
    const after = random.chance(0.5) ? random.below(db.stats().lastTx + 2) : 0;
    const [from, to] = [timeNear(random), timeNear(random)];
    const limit = random.chance(0.5) ? random.below(5) : inf;
    const reverse = random.chance();
    const expected = log.filter(({ tx, time }) => tx > after && from <= time && time < to);
    if (reverse) expected.reverse();
    expect([...db.transactions({ after, from, to, limit, reverse })]).toEqual(expected.slice(0, limit));
  }
});
