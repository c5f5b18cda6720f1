/**
 * 128 TB can be addressed: at the default page size of 8 KiB that is 2^34 pages, and page numbers go on beyond. The
 * trees here are real, their pages are written, read back, checked and recovered past that number; the empty pages
 * before them take no memory, because both storages are sparse.
 */
import { expect, test } from "vitest";
import { open } from "../../index.js";
import { memoryStorage } from "../../pager/memory-storage.js";
import { readNewestMeta } from "../../pager/meta.js";
import type { Storage } from "../../pager/storage.js";
import { SimulatedDisk } from "../harness/index.js";
import { makeFarDatabase } from "./far-database.js";

const PAGE_BYTES = 8192;
const ENTRIES = 3000;
const LARGE = 40_000;
const TERABYTES_128 = 128 * 2 ** 40;

/** The value of an entry in a round: mostly small ones, and some that take pages of their own. */
function valueIn(key: number, round: number): Uint8Array {
  return new Uint8Array(key % 100 === 0 ? LARGE : 120).fill(key * 7 + round);
}

/** Puts every entry whose number is divisible, as of this round. */
function putRound(storage: Storage, round: number): void {
  const db = open("far", { storage, cacheBytes: 0 });
  db.transactionSync((tx) => {
    const map = tx.map<number, Uint8Array>("map", { values: "bytes" });
    for (let key = 0; key < ENTRIES; key += round) map.put(key, valueIn(key, round));
  });
  db.putSync("fact", { round });
  db.closeSync();
}

function expectRounds(storage: Storage, rounds: number, pages: number): void {
  const db = open("far", { storage, cacheBytes: 0 });
  const map = db.map<number, Uint8Array>("map");
  expect(map.count()).toBe(ENTRIES);
  let key = 0;
  for (const [found, value] of map.range()) {
    expect(found).toBe(key);
    let newest = rounds;
    while (key % newest !== 0) newest--;
    expect(Buffer.compare(value, valueIn(key, newest))).toBe(0);
    key++;
  }
  expect(db.get("fact")).toEqual({ round: rounds });
  expect(db.versions("fact")).toHaveLength(rounds * 2 - 1);
  expect(db.verify().problems).toEqual([{ page: 3, what: `pages 3 to ${pages - 1} are not used` }]);
  db.closeSync();
}

/** The page that the newest meta page leads to, and the number of pages. */
function rootOf(storage: Storage): { root: number; pages: number } {
  const file = storage.open("far", "read");
  const { meta } = readNewestMeta(file, "far");
  file.close();
  return { root: meta.directory.page, pages: meta.pages };
}

test.each([
  ["across 2^34", 2 ** 34 - 50],
  ["past 2^34", 2 ** 34],
  // Byte positions are exact up to 2^53, which is page 2^40 at 8 KiB.
  ["up to the last position that a double holds", 2 ** 40 - 4096],
])(
  "a tree whose page numbers go %s",
  (_where, pages) => {
    const storage = memoryStorage();
    makeFarDatabase(storage, "far", pages, PAGE_BYTES);
    for (const round of [1, 2, 3]) {
      putRound(storage, round);
      expectRounds(storage, round, pages);
      const reached = rootOf(storage);
      expect(reached.root).toBeGreaterThanOrEqual(pages);
      expect(reached.pages * PAGE_BYTES).toBeGreaterThan(TERABYTES_128);
    }
  },
  60_000,
);

test("a commit at 128 TB survives a crash", async () => {
  const disk = new SimulatedDisk();
  makeFarDatabase(disk, "far", 2 ** 34, PAGE_BYTES);
  putRound(disk, 1);
  const db = open("far", { storage: disk, cacheBytes: 0 });
  const map = db.map<number, Uint8Array>("map");
  for (let key = 0; key < 50; key++) map.putSync(key, valueIn(key, 2));
  await db.checkpoint();
  for (let key = 50; key < 100; key++) map.putSync(key, valueIn(key, 2));
  const crashed = disk.crash({ keep: "none" });
  const after = open("far", { storage: crashed, cacheBytes: 0 });
  expect(after.recovered.replayed).toBe(50);
  const found = after.map<number, Uint8Array>("map");
  for (let key = 0; key < 200; key++) {
    expect(Buffer.compare(found.getBytes(key)!, valueIn(key, key < 100 ? 2 : 1))).toBe(0);
  }
  after.closeSync();
  expect(rootOf(crashed).root).toBeGreaterThanOrEqual(2 ** 34);
  db.closeSync();
}, 60_000);
