/**
 * `count`: how many entries a range has, in time that does not grow with them.
 */
import { expect, test } from "vitest";
import { openFresh } from "./fresh.js";

test("counts ranges", () => {
  const db = openFresh({ pageSize: 4096 });
  const map = db.map<number, string>("m");
  expect(map.count()).toBe(0);
  db.transactionSync((tx) => {
    for (let i = 0; i < 5000; i++) tx.map<number, string>("m").put(i, "value");
    expect(tx.map("m").count({ gte: 4990 })).toBe(10);
  });
  expect(map.count()).toBe(5000);
  expect(map.count({ gte: 100, lt: 4100 })).toBe(4000);
  expect(map.count({ gt: 100, lte: 4100, reverse: true })).toBe(4000);
  expect(map.count({ gte: 100, limit: 7 })).toBe(7);
  expect(map.count({ gte: 4990, offset: 4 })).toBe(6);
  expect(map.count({ gte: 4990, offset: 40 })).toBe(0);
  expect(map.count({ gte: 10, lt: 5 })).toBe(0);
});

test("reads two ways down the tree, not the entries", () => {
  const db = openFresh({ pageSize: 4096 });
  db.transactionSync((tx) => {
    for (let i = 0; i < 20_000; i++) tx.map<number, string>("m").put(i, "value");
  });
  const before = db.stats();
  expect(db.map("m").count({ gte: 5, lt: 19_995 })).toBe(19_990);
  const after = db.stats();
  const looked = after.cacheHits + after.cacheMisses - before.cacheHits - before.cacheMisses;
  expect(looked).toBeLessThan(20);
});
