/**
 * Reading a map by its leaves: what is in the batches and in their copies is what the map holds, whatever is written
 * meanwhile, however small the cache; nothing stays pinned.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { expect, test } from "vitest";
import { cellAt, copyKey, nodeCount, storedLength, valueAt } from "../../btree/node.js";
import { decodeKey } from "../../engine/key.js";
import { copyLeaf } from "../../engine/leaf-copy.js";
import { type LeafRun, leavesOf, openLeaves } from "../../engine/leaf-run.js";
import { parseRange, type Range } from "../../engine/range.js";
import { type Database, type OpenOptions, open } from "../../index.js";
import { LEAF, PageViews } from "../../pager/page.js";
import { effort } from "../effort.js";
import { engineOf } from "../engine-of.js";
import { Random } from "../harness/index.js";
import { freshPath, mapped, openFresh } from "./fresh.js";

type Entries = [unknown, Uint8Array][];

const bytes = { values: "bytes" } as const;

function leavesIn(db: Database, range?: Range): LeafRun {
  return openLeaves(engineOf(db).state, "m", parseRange(range, 1000).bounds);
}

/** What the copies of the leaves of a run hold, read from the copies alone; `between` runs after each batch. */
function copied(run: LeafRun, pages: number, at: number, between: () => void = () => {}): Entries {
  const { cache } = run;
  const { pageSize } = cache;
  const views = new PageViews(new ArrayBuffer(at + pageSize), 0, at + pageSize);
  const key = new Uint8Array(pageSize);
  const entries: Entries = [];
  while (run.next(pages) > 0) {
    const { count } = run;
    const before = entries.length;
    between();
    for (let i = 0; i < count; i++) {
      const frame = run.frames[i];
      copyLeaf(cache.views(frame), cache.base(frame), pageSize, run.firsts[i], run.ends[i], views.u8, at);
      for (let slot = 0; slot < nodeCount(views, at); slot++) {
        const length = copyKey(views, at, slot, key);
        const start = valueAt(views, at, slot);
        const value = views.u8.slice(start, start + storedLength(views, cellAt(views, at, slot)));
        entries.push([decodeKey(key, 0, length), value]);
      }
    }
    expect(entries.length - before).toBe(run.entries);
  }
  return entries;
}

function fill(db: Database, random: Random, count: number): void {
  db.transactionSync((tx) => {
    const map = tx.map<string, Uint8Array>("m", bytes);
    for (let i = 0; i < count; i++)
      map.put(`key/${random.below(9999)}`, random.fill(new Uint8Array(random.below(200))));
  });
}

function disturb(db: Database, random: Random): void {
  db.transactionSync((tx) => {
    const map = tx.map<string, Uint8Array>("m", bytes);
    for (let i = 0; i < 20; i++) map.put(`key/${random.below(9999)}`, random.fill(new Uint8Array(random.below(400))));
    for (let i = 0; i < 20; i++) map.delete(`key/${random.below(9999)}`);
    const at = random.below(9999);
    map.clear({ gte: `key/${at}`, lt: `key/${at}5` });
  });
}

const options: OpenOptions[] = [
  { pageSize: 4096, cacheBytes: 0 },
  { pageSize: 4096, cacheBytes: 0, durability: "buffered" },
  { pageSize: 8192 },
];

test("copies of leaves hold a range as it was when the run was opened", () => {
  const bound = fc.option(
    fc.nat(9999).map((i) => `key/${i}`),
    { nil: undefined },
  );
  const shape = fc.record({
    seed: fc.nat(),
    options: fc.constantFrom(...options),
    count: fc.constantFrom(0, 3, 60, 1500),
    gte: bound,
    lt: bound,
    pages: fc.constantFrom(1, 2, 7, 64, 1000),
    at: fc.constantFrom(0, 16, 4096),
    isSnapshot: fc.boolean(),
  });
  const property = fc.property(shape, ({ seed, options, count, gte, lt, pages, at, isSnapshot }) => {
    const db = openFresh(options);
    const random = new Random(seed);
    fill(db, random, count);
    fill(db, random, count >> 2);
    const range = { ...(gte !== undefined && { gte }), ...(lt !== undefined && { lt }) };
    const snapshot = db.snapshot();
    const expected: Entries = [...snapshot.map<string, Uint8Array>("m").range(range)];
    const run = isSnapshot ? leavesOf(snapshot, "m", parseRange(range, 1000).bounds) : leavesIn(db, range);
    expect([run.tx, run.format]).toEqual([snapshot.tx, count === 0 ? null : "bytes"]);
    const { cache } = run;
    const found = copied(run, pages, at, () => {
      expect(cache.pinnedFrames).toBeLessThanOrEqual(Math.max(1, cache.maxFrames / 4));
      disturb(db, random);
      if (random.chance(0.1)) fill(db, random, 300);
    });
    expect(found).toEqual(expected);
    run.close();
    run.close();
    snapshot.close();
    expect(cache.pinnedFrames).toBe(0);
    expect(db.stats().openSnapshots).toBe(0);
    expect(db.verify().problems).toEqual([]);
    db.closeSync();
  });
  fc.assert(property, { numRuns: effort(30) });
});

test("what the batch holds stays where it is until the next one", () => {
  const db = openFresh({ pageSize: 4096, cacheBytes: 0 });
  const random = new Random(3);
  fill(db, random, 4000);
  const run = leavesIn(db);
  const { cache } = run;
  expect(run.next(1000)).toBe(mapped ? run.count : cache.maxFrames / 4);
  const before = Array.from({ length: run.count }, (_, i) => page(run, i));
  for (let i = 0; i < 40; i++) disturb(db, random);
  expect([...db.map("m").values()].length).toBeGreaterThan(0);
  expect(Array.from({ length: run.count }, (_, i) => page(run, i))).toEqual(before);
  run.release();
  expect([run.count, run.entries, cache.pinnedFrames]).toEqual([0, 0, 0]);
  run.close();
});

function page(run: LeafRun, i: number): Uint8Array {
  const { cache } = run;
  const base = cache.base(run.frames[i]);
  return cache.views(run.frames[i]).u8.slice(base, base + cache.pageSize);
}

test("many runs share the quarter of the cache, and each gets on", () => {
  const db = openFresh({ pageSize: 4096, cacheBytes: 0 });
  fill(db, new Random(4), 4000);
  const runs = Array.from({ length: 12 }, () => leavesIn(db));
  const counts = runs.map(() => 0);
  for (let going = true; going; ) {
    going = false;
    for (const [i, run] of runs.entries()) {
      if (run.next(10) > 0) going = true;
      counts[i] += run.entries;
      expect(run.cache.pinnedFrames).toBeLessThan(32);
    }
  }
  expect(new Set(counts)).toEqual(new Set([db.map("m").count()]));
  for (const run of runs) run.close();
  db.closeSync();
});

test("a run is refused after the snapshot or the database is closed", () => {
  const db = openFresh();
  fill(db, new Random(5), 100);
  const snapshot = db.snapshot();
  const ofSnapshot = leavesOf(snapshot, "m", parseRange(undefined, 1000).bounds);
  expect(ofSnapshot.next(1)).toBe(1);
  snapshot.close();
  const closed = expect.objectContaining({ code: "LLMDB_CLOSED" });
  expect(() => ofSnapshot.next(1)).toThrow(closed);
  expect(ofSnapshot.count).toBe(0);
  expect(() => leavesOf(snapshot, "m", parseRange(undefined, 1000).bounds)).toThrow(closed);
  const run = leavesIn(db);
  expect(run.next(1)).toBe(1);
  db.closeSync();
  expect(() => run.next(1)).toThrow(closed);
  run.close();
  expect(() => leavesIn(db)).toThrow(closed);
});

test("a damaged page ends the batch with an error, and nothing stays pinned", () => {
  const path = freshPath();
  const before = open(path, { pageSize: 4096 });
  fill(before, new Random(7), 2000);
  before.closeSync();
  const file = readFileSync(path);
  // The leaf of the directory has one entry.
  const isOfMap = (n: number): boolean => n > 2 && file[n * 4096] === LEAF && file[n * 4096 + 2] > 1;
  const page = [...Array(file.length / 4096).keys()].filter(isOfMap).at(-1) ?? 0;
  file[page * 4096 + 4000] ^= 1;
  writeFileSync(path, file);
  const db = open(path);
  const run = leavesIn(db);
  expect(() => {
    while (run.next(16) > 0);
  }).toThrow(expect.objectContaining({ code: "LLMDB_CORRUPT" }));
  expect([run.count, run.entries, run.cache.pinnedFrames]).toEqual([0, 0, 0]);
  run.close();
  db.closeSync();
});

test("a map that does not exist has no leaves", () => {
  const db = openFresh();
  const run = leavesIn(db);
  expect([run.next(5), run.format, run.entries]).toEqual([0, null, 0]);
  run.close();
});

test("a forgotten run lets its pages and its state go", async () => {
  setFlagsFromString("--expose-gc");
  const collect: unknown = runInNewContext("gc");
  if (typeof collect !== "function") return;
  const db = openFresh();
  fill(db, new Random(6), 500);
  const { cache } = engineOf(db).state.store;
  const forget = (): void => {
    expect(leavesIn(db).next(4)).toBe(4);
  };
  forget();
  expect([cache.pinnedFrames > 0 || mapped, db.stats().openSnapshots]).toEqual([true, 1]);
  for (let i = 0; i < 50 && db.stats().openSnapshots > 0; i++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  expect([cache.pinnedFrames, db.stats().openSnapshots]).toEqual([0, 0]);
});
