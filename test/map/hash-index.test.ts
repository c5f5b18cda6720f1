/**
 * The hash index under everything that takes leaves out of the newest state: runs of random steps in which every key is
 * read again and again.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Key, OpenOptions } from "../../index.js";
import { effort } from "../effort.js";
import { engineOf } from "../engine-of.js";
import { SimulatedDisk } from "../harness/simulated-disk.js";
import { freshPath, mapped, openFresh } from "./fresh.js";
import { HotRun, hotSteps, strayMarks } from "./hot-run.js";
import { universe } from "./universe.js";

/** Every third key, and all that are of another kind than their neighbours. */
const keys: readonly Key[] = universe.keys.filter((key, i) => i % 3 === 0 || typeof key !== "string" || key.length < 8);

async function check(runs: number, maxLength: number, options: OpenOptions): Promise<number> {
  let reads = 0;
  let hits = 0;
  const property = fc.asyncProperty(hotSteps(keys.length, maxLength), async (steps) => {
    const where = mapped ? { pageSource: "mmap" as const } : { storage: new SimulatedDisk() };
    const run = new HotRun(keys, mapped ? freshPath() : "/hot.llmdb", { pageSize: 4096, ...options, ...where });
    await run.run(steps);
    reads += run.reads;
    hits += run.hits;
  });
  await fc.assert(property, { numRuns: effort(runs) });
  return hits / reads;
}

const timeout = effort(60_000);

const cases: readonly (readonly [string, number, number, OpenOptions])[] = [
  ["the smallest cache", 30, 30, { cacheBytes: 0 }],
  ["the smallest cache, commits that stay in memory", 40, 30, { cacheBytes: 0, durability: "buffered" }],
  ["everything in the cache", 15, 30, {}],
  ["everything in the cache, commits that stay in memory", 35, 30, { durability: "buffered" }],
  ["long runs, the smallest cache", 6, 120, { cacheBytes: 0 }],
  ["long runs, commits that stay in memory", 6, 120, { cacheBytes: 4096 * 400, durability: "buffered" }],
  ["the largest pages", 6, 30, { cacheBytes: 0, pageSize: 65536 }],
];

test.each(cases)(
  "%s",
  async (_name, runs, maxLength, options) => {
    const hitRatio = await check(runs, maxLength, options);
    // Many reads must go through the index, however the runs fall out; a mapped page never does.
    if (!mapped) expect(hitRatio).toBeGreaterThan(0.15);
  },
  timeout,
);

/** A map with one hot key. */
function openHot() {
  const db = openFresh({ pageSize: 4096, durability: "buffered", cacheBytes: 1024 * 1024 });
  const map = db.map<string, number>("m");
  map.putSync("key", 1);
  for (let i = 0; i < 3; i++) expect(map.get("key")).toBe(1);
  return { db, map, stray: () => strayMarks(engineOf(db)) };
}

test("a leaf that goes on under its number is another one, also where a snapshot keeps the old", () => {
  const { db, map, stray } = openHot();
  const snapshot = db.transactionSync((tx) => {
    const opened = db.snapshot();
    tx.map("m").put("key", 2);
    expect(map.get("key")).toBe(1);
    return opened;
  });
  expect(stray()).toEqual([]);
  expect(map.get("key")).toBe(2);
  expect(snapshot.map("m").get("key")).toBe(1);
  expect(map.get("key")).toBe(2);
  snapshot.close();
  db.closeSync();
});

test("a leaf that was copied is out of date, also while it stays in the cache", async () => {
  const { db, map, stray } = openHot();
  const snapshot = db.snapshot();
  map.putSync("key", 2);
  expect(stray()).toEqual([]);
  expect(map.get("key")).toBe(2);
  expect(snapshot.map("m").get("key")).toBe(1);
  await db.checkpoint();
  map.putSync("key", 3);
  expect(stray()).toEqual([]);
  expect(map.get("key")).toBe(3);
  await db.compact();
  expect(stray()).toEqual([]);
  expect(map.get("key")).toBe(3);
  snapshot.close();
  db.closeSync();
});

test("maps that come and go leave nothing behind", async () => {
  const { db, map, stray } = openHot();
  await db.dropMap("m");
  expect(stray()).toEqual([]);
  expect(map.get("key")).toBeUndefined();
  map.putSync("key", 2);
  expect(map.get("key")).toBe(2);
  engineOf(db).runBlocking((tx) => {
    tx.drop("m");
    expect(map.get("key")).toBe(2);
  }, "buffered");
  expect(map.get("key")).toBeUndefined();
  map.clearSync();
  db.closeSync();
});
