/**
 * Forgetting history: what was known at a point or later stays as it is, values and all; what was known only before is
 * gone, and asking about it is an error; a crash in between leaves a database that is whole, and calling again ends it.
 */
import { expect, test } from "vitest";
import type { Database } from "../../temporal/database.js";
import { open, openMemory } from "../../temporal/open.js";
import { effort, seeds } from "../effort.js";
import { Random } from "../harness/random.js";
import { SimulatedDisk } from "../harness/simulated-disk.js";
import { TemporalCheck } from "../harness/temporal/check.js";
import { historyOf } from "../harness/temporal/history.js";
import { drawCrash } from "../harness/torture/image-plan.js";
import { compareKeys } from "../key/order.js";

const PATH = "/db";
const HISTORY = "_meta/history";
/** So many rows, or slices, are changed in one transaction. */
const STEP = 1000;
const MOST_IMAGES = effort(4);

function closedSlices(db: Database): number {
  return db.stats().maps[HISTORY]?.entries ?? 0;
}

/** How many closed slices the oracle knows of that were still known at a transaction or later. */
function closedSince(check: TemporalCheck, horizon: number): number {
  const { oracle } = check;
  const versions = oracle
    .partitions()
    .flatMap((partition) => oracle.keys(partition).flatMap((key) => oracle.versions(key, partition)));
  return versions.filter(({ txTo }) => txTo > horizon && txTo !== Number.POSITIVE_INFINITY).length;
}

/** Forgets what was known before a random transaction, and compares everything with the oracle. */
async function forgetSome(db: Database, check: TemporalCheck, random: Random): Promise<void> {
  const { oracle, horizon: earlier } = check;
  const tx = 1 + random.below(oracle.lastTx);
  const isLogged = [...db.transactions()].some((row) => row.tx === tx);
  const later = tx === oracle.lastTx ? oracle.timeOf(tx) : oracle.timeOf(tx + 1) - 1n;
  const closed = closedSlices(db);
  const forgotten = await db.forgetHistory({ before: random.pick([oracle.timeOf(tx), later]) });
  expect(forgotten.tx).toBeLessThanOrEqual(Math.max(tx, earlier));
  expect(forgotten.tx).toBeGreaterThanOrEqual(earlier);
  if (isLogged) expect(forgotten.tx).toBe(Math.max(tx, earlier));
  check.catchUp(db);
  check.horizon = forgotten.tx;
  expect(closed - closedSlices(db)).toBe(forgotten.slices);
  expect(closedSlices(db)).toBe(closedSince(check, forgotten.tx));
  expectWhole(db, check);
}

function expectWhole(db: Database, check: TemporalCheck): void {
  check.compareAll(db);
  check.probe(db, 60);
  expect(db.verify().problems).toEqual([]);
  const before = check.horizon - 1;
  if (before < 0) return;
  expect(() => db.get("a", { tx: before })).toThrow(/forgotten/);
  expect(() => db.partition(7).version("a", { tx: 0 })).toThrow(/forgotten/);
  expect(() => db.range({}, { tx: before })).toThrow(/forgotten/);
  expect(() => db.get("a", { knownAt: check.oracle.timeOf(check.horizon) - 1n })).toThrow(/forgotten/);
  expect(() => db.diff({ tx: before }, {})).toThrow(expect.objectContaining({ code: "LLMDB_NOT_FOUND" }));
}

test.each(seeds(2))("a random history, forgotten again and again, seed %i", { timeout: 120_000 }, async (seed) => {
  const random = new Random(seed + 3);
  const storage = new SimulatedDisk(seed);
  const check = new TemporalCheck(seed, compareKeys);
  const options = { storage, pageSize: 4096 as const, clock: check.clock, durability: "buffered" as const };
  let db = open(PATH, options);
  let made = 0;
  for (const plan of historyOf(seed, { transactions: 90, large: 0.15, erases: 0.02 })) {
    check.run(db, plan);
    check.probe(db, 3);
    if (++made % 20 !== 0) continue;
    await forgetSome(db, check, random);
    if (random.chance()) await db.checkpoint();
    if (random.chance(0.3)) {
      db.closeSync();
      db = open(PATH, options);
      expectWhole(db, check);
    }
  }
  await forgetSome(db, check, random);
  db.closeSync();
});

/** A long history of short slices that share their values, on a buffered database. */
function fill(db: Database, transactions: number): void {
  const value = "a value that is long enough to be shared between slices";
  for (let i = 0; i < transactions; i++) {
    db.transactionSync((tx) => {
      tx.put(`k${i % 7}`, `${value} ${i % 5}`, { validFrom: i * 1000, validTo: (i + 40) * 1000 });
      tx.put(`m${i % 3}`, { text: `${value} ${i}`.repeat(i % 50 === 0 ? 60 : 1) }, { validFrom: 0 });
      tx.put(`n${i % 3}`, i, { validFrom: (i % 20) * 1000, validTo: (i % 20) * 1000 + 500 });
    });
  }
}

/** All that is known of all keys from a transaction on. */
function versionsSince(db: Database, horizon: number): unknown[] {
  const names = ["k0", "k1", "k2", "k3", "k4", "k5", "k6", "m0", "m1", "m2", "n0", "n1", "n2"];
  return names.map((key) => db.versions(key).filter(({ txTo }) => txTo > horizon));
}

test("a crash on the way leaves everything whole, and calling again ends it", { timeout: 120_000 }, async () => {
  const random = new Random(11);
  const disk = new SimulatedDisk(3);
  const options = { pageSize: 4096 as const, checkpointBytes: 256 * 1024 };
  const filled = open(PATH, { storage: disk, durability: "buffered", ...options });
  fill(filled, STEP + 300);
  filled.closeSync();
  const db = open(PATH, { storage: disk, ...options });
  const before = [...db.transactions({ after: STEP + 199, limit: 1 })][0].time;
  const horizon = STEP + 200;
  const expected = versionsSince(db, horizon);
  const images: SimulatedDisk[] = [];
  disk.watcher = ({ kind }, when) => {
    if (when !== "before" || (kind !== "write" && kind !== "sync") || !random.chance()) return;
    images.push(random.chance(0.3) ? disk.fork() : disk.crash(drawCrash(random)));
  };
  const firstTx = db.stats().lastTx;
  const result = await db.forgetHistory({ before });
  expect(result.tx).toBe(horizon);
  expect(db.stats().lastTx - firstTx).toBeGreaterThan(4);
  disk.watcher = undefined;
  expect(images.length).toBeGreaterThan(4);
  const reached = new Set<number>();
  while (images.length > MOST_IMAGES) images.splice(random.below(images.length), 1);
  for (const image of images) {
    const found = open(PATH, { storage: image, ...options });
    reached.add(found.stats().lastTx);
    expect(found.verify().problems).toEqual([]);
    expect(versionsSince(found, horizon)).toEqual(expected);
    found.putSync("later", 1);
    expect((await found.forgetHistory({ before })).tx).toBe(horizon);
    expect(versionsSince(found, horizon)).toEqual(expected);
    expect(() => found.get("m0", { tx: horizon - 1 })).toThrow(/forgotten/);
    expect(closedSlices(found)).toBe(closedSlices(db));
    expect(found.verify().problems).toEqual([]);
    found.closeSync();
  }
  expect(reached.size).toBeGreaterThan(2);
  db.closeSync();
});

test.each([STEP - 1, STEP, STEP + 1, STEP + 2])(
  "the operations of all rows up to the point are gone, where there are %i",
  async (count) => {
    const db = openMemory({ durability: "buffered" });
    for (let i = 0; i < count - 1; i++) db.putSync("k", i, { validFrom: 0 });
    db.deleteSync("k", { validFrom: 0 });
    const { time } = db.putSync("other", 1);
    await db.forgetHistory({ before: time - 0.001 });
    const named = [...db.transactions()].filter(({ changes }) => changes.length > 0).map(({ tx }) => tx);
    expect(named).toEqual([count + 1]);
    expect(db.verify().problems).toEqual([]);
    expect(db.versions("k")).toEqual([]);
    db.closeSync();
  },
);

test("what is beyond the last commit cannot be forgotten, nor what was forgotten", async () => {
  const db = openMemory({ clock: () => 1000 });
  expect(await db.forgetHistory({ before: 0 })).toEqual({ tx: 0, slices: 0 });
  db.putSync("a", 1);
  db.putSync("a", 2);
  await expect(db.forgetHistory({ before: 2000 })).rejects.toMatchObject({ code: "LLMDB_FUTURE_TX" });
  expect(await db.forgetHistory({ before: 0 })).toEqual({ tx: 0, slices: 0 });
  expect(await db.forgetHistory({ before: 1000.001 })).toEqual({ tx: 2, slices: 1 });
  expect(await db.forgetHistory({ before: 1000 })).toEqual({ tx: 2, slices: 0 });
  expect(db.get("a")).toBe(2);
  expect(db.get("a", { tx: 2 })).toBe(2);
  expect(() => db.get("a", { tx: 1 })).toThrow(/forgotten/);
  db.closeSync();
});
