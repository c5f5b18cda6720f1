/**
 * `range`, `keys` and `values`: entries in key order, lazily, of the state of the moment they were asked for.
 */
import { expect, test } from "vitest";
import { openFresh } from "./fresh.js";

test("keys of all types in one order", () => {
  const db = openFresh();
  const map = db.map<never, number>("m");
  const keys = [null, false, true, -1, 0, 0.5, 2n ** 80n, "", "a", "b", Uint8Array.of(0), [], ["a"], ["a", 1]];
  for (const key of keys.toReversed()) map.putSync(key as never, 1);
  expect([...map.keys()]).toEqual(keys);
  expect([...map.keys({ reverse: true })]).toEqual(keys.toReversed());
});

test("bounds, limit, offset and reverse", () => {
  const db = openFresh();
  const map = db.map<number, number>("m");
  db.transactionSync((tx) => {
    for (let i = 0; i < 100; i++) tx.map("m").put(i, i * i);
  });
  expect([...map.range({ gte: 3, lt: 5 })]).toEqual([
    [3, 9],
    [4, 16],
  ]);
  expect([...map.keys({ gt: 3, lte: 5 })]).toEqual([4, 5]);
  expect([...map.values({ gt: 3, gte: 10, lt: 12 })]).toEqual([100, 121]);
  expect([...map.keys({ reverse: true, limit: 3 })]).toEqual([99, 98, 97]);
  expect([...map.keys({ reverse: true, offset: 97 })]).toEqual([2, 1, 0]);
  expect([...map.keys({ offset: 98, limit: 10 })]).toEqual([98, 99]);
  expect([...map.keys({ limit: 0 })]).toEqual([]);
  expect([...map.keys({ offset: 1000 })]).toEqual([]);
  expect([...map.keys({ gte: 50, lt: 20 })]).toEqual([]);
});

test("reads the state of the moment it was called", () => {
  const db = openFresh({ pageSize: 4096 });
  const map = db.map<number, number>("m");
  for (let i = 0; i < 50; i++) map.putSync(i, i);
  const entries = map.keys();
  expect(entries.next().value).toBe(0);
  map.clearSync();
  map.putSync(7.5, 1);
  expect([...entries]).toEqual(Array.from({ length: 49 }, (_, i) => i + 1));
  expect([...map.keys()]).toEqual([7.5]);
});

test("leaving a loop early lets the pages go", () => {
  const db = openFresh();
  db.map("m").putSync(1, 1);
  db.map("m").putSync(2, 1);
  for (const _ of db.map("m").range()) {
    expect(db.stats().openSnapshots).toBe(1);
    break;
  }
  expect(db.stats().openSnapshots).toBe(0);
});

test("inside a transaction it sees what is written ahead of it", () => {
  const db = openFresh();
  const seen = db.transactionSync((tx) => {
    const map = tx.map<number, number>("m");
    map.put(0, 0);
    const keys: number[] = [];
    for (const key of map.keys()) {
      keys.push(key);
      map.delete(key);
      if (key < 50) map.put(key + 1, 0);
      map.put(key - 1, 0);
    }
    return keys;
  });
  expect(seen).toEqual(Array.from({ length: 51 }, (_, i) => i));
});
