/**
 * `clear`: takes a range out, or everything.
 */
import { expect, test } from "vitest";
import { openFresh } from "./fresh.js";

function filled() {
  const db = openFresh({ pageSize: 4096 });
  db.transactionSync((tx) => {
    for (let i = 0; i < 1000; i++) tx.map<number, string>("m").put(i, "x".repeat(40));
  });
  return { db, map: db.map<number, string>("m") };
}

test("everything", async () => {
  const { db, map } = filled();
  await map.clear();
  expect(map.count()).toBe(0);
  expect(db.stats().maps.m).toMatchObject({ entries: 0, depth: 0, leafPages: 0 });
});

test("a range, by every kind of bound", () => {
  const { db, map } = filled();
  map.clearSync({ gte: 10, lt: 20 });
  map.clearSync({ gt: 100, lte: 200 });
  map.clearSync({ gte: 990 });
  map.clearSync({ lt: 5 });
  map.clearSync({ gte: 500, lt: 500 });
  map.clearSync({ gte: 600, lt: 550 });
  expect(map.count()).toBe(1000 - 10 - 100 - 10 - 5);
  for (const [key, there] of [
    [4, false],
    [5, true],
    [9, true],
    [10, false],
    [19, false],
    [20, true],
    [100, true],
  ] as const) {
    expect(map.has(key)).toBe(there);
  }
  expect(db.verify().problems).toEqual([]);
});

test("a prefix", () => {
  const db = openFresh();
  const map = db.map<string | [string, number], number>("m");
  for (const key of ["user", "user/1", "user/2", "users"]) map.putSync(key, 1);
  for (let i = 0; i < 5; i++) map.putSync(["user", i], i);
  map.clearSync({ prefix: "user/" });
  map.clearSync({ prefix: ["user"] as unknown as [string, number] });
  expect([...map.keys()]).toEqual(["user", "users"]);
});
