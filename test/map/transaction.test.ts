/**
 * `transaction`: all of it or nothing, nested ones too.
 */
import { expect, test } from "vitest";
import { openFresh } from "./fresh.js";

test("is visible inside at once, outside when it is over", async () => {
  const db = openFresh();
  const map = db.map<string, number>("m");
  map.putSync("a", 1);
  const result = await db.transaction((tx) => {
    const inside = tx.map<string, number>("m");
    inside.put("a", 2);
    inside.put("b", 3);
    expect(inside.get("a")).toBe(2);
    expect(map.get("a")).toBe(1);
    expect(map.has("b")).toBe(false);
    return "done";
  });
  expect(result).toBe("done");
  expect([...map.range()]).toEqual([
    ["a", 2],
    ["b", 3],
  ]);
});

test("an exception rolls back, also a map that came into being", () => {
  const db = openFresh();
  db.map("m").putSync("a", 1);
  const before = db.stats();
  expect(() =>
    db.transactionSync((tx) => {
      tx.map("m").put("a", 2);
      for (let i = 0; i < 2000; i++) tx.map("new").put(i, "x".repeat(100));
      throw new RangeError("mine");
    }),
  ).toThrow(RangeError);
  expect(db.map("m").get("a")).toBe(1);
  expect(db.mapNames()).toEqual(["m"]);
  expect(db.stats()).toMatchObject({ pages: before.pages, freePages: before.freePages, lastTx: 1 });
  expect(db.verify().problems).toEqual([]);
});

test("nested: an exception undoes the inner one only", () => {
  const db = openFresh();
  db.transactionSync((tx) => {
    const map = tx.map<string, number>("m");
    map.put("outer", 1);
    expect(() =>
      tx.transaction((inner) => {
        inner.map("m").put("outer", 2);
        inner.map("other").put("x", 1);
        inner.transaction((innermost) => innermost.map("m").put("deep", 1));
        expect(map.get("deep")).toBe(1);
        throw new Error("undo");
      }),
    ).toThrow("undo");
    expect([...map.range()]).toEqual([["outer", 1]]);
    tx.transaction((inner) => inner.map("m").put("kept", 3));
  });
  expect([...db.map("m").range()]).toEqual([
    ["kept", 3],
    ["outer", 1],
  ]);
  expect(db.mapNames()).toEqual(["m"]);
});

test("its number and time; one that writes nothing leaves none", () => {
  const db = openFresh({ clock: () => 1234.5 });
  db.transactionSync((tx) => {
    expect(tx).toMatchObject({ id: 1, time: 1234.5 });
    tx.map("m").get("a");
  });
  expect(db.stats().lastTx).toBe(0);
  db.transactionSync((tx) => tx.map("m").put("a", 1));
  expect(db.stats().lastTx).toBe(1);
});

test("a clock that shows a whole microsecond gives that one, however far the time", () => {
  for (const micros of [1_600_000_000_000_003, 2_240_470_817_008_006, 4_417_000_000_000_007]) {
    const db = openFresh({ clock: () => micros / 1000 });
    db.transactionSync((tx) => expect(tx.time).toBe(micros / 1000));
  }
});

test("a wrong argument inside leaves the transaction usable", () => {
  const db = openFresh();
  db.transactionSync((tx) => {
    const map = tx.map<string, unknown>("m");
    map.put("a", 1);
    expect(() => map.put("b", () => 1)).toThrow(/stored/);
    expect(() => map.put("k".repeat(5000), 1)).toThrow(/shorten/);
    map.put("c", 1);
  });
  expect([...db.map("m").keys()]).toEqual(["a", "c"]);
});

test("durability is chosen for each one", async () => {
  const db = openFresh();
  await db.transaction((tx) => tx.map("m").put("a", 1), { durability: "buffered" });
  expect(db.stats()).toMatchObject({ lastTx: 1, durableTx: 0 });
  await db.transaction((tx) => tx.map("m").put("b", 1), { durability: "durable" });
  expect(db.stats()).toMatchObject({ lastTx: 2, durableTx: 2 });
});
