/**
 * `put`: sets a value, resolves when it is durable, and tells which transaction it was.
 */
import { expect, test } from "vitest";
import { openFresh } from "./fresh.js";

test("sets and overwrites", async () => {
  const db = openFresh();
  const map = db.map<string, number>("m");
  await map.put("a", 1);
  map.putSync("a", 2);
  expect(map.get("a")).toBe(2);
  expect(map.count()).toBe(1);
});

test("gives a receipt: transactions without gaps, times that rise", async () => {
  let now = 1_000_000;
  const db = openFresh({ clock: () => now });
  const map = db.map("m");
  const first = await map.put("a", 1);
  expect(first).toEqual({ tx: 1, time: 1_000_000 });
  now = 5;
  const second = map.putSync("a", 2);
  expect(second.tx).toBe(2);
  expect(second.time).toBeGreaterThan(first.time);
  expect(db.stats()).toMatchObject({ lastTx: 2, durableTx: 2 });
});

test("many at once share commits, and each is there", async () => {
  const db = openFresh();
  const map = db.map<number, number>("m");
  const receipts = await Promise.all(Array.from({ length: 100 }, (_, i) => map.put(i, i)));
  expect(new Set(receipts.map(({ tx }) => tx)).size).toBe(100);
  expect([...map.values()]).toEqual(Array.from({ length: 100 }, (_, i) => i));
  expect(db.stats().checkpoints).toBeLessThan(10);
  expect(db.stats().durableTx).toBe(100);
});

test("buffered: applied at once, durable later", async () => {
  const db = openFresh({ durability: "buffered" });
  await db.map("m").put("a", 1);
  expect(db.map("m").get("a")).toBe(1);
  expect(db.stats()).toMatchObject({ lastTx: 1, durableTx: 0 });
  await db.checkpoint();
  expect(db.stats().durableTx).toBe(1);
});

test("values grow and shrink over all sizes under one key", () => {
  const db = openFresh({ pageSize: 4096 });
  const map = db.map<string, Uint8Array>("m", { values: "bytes" });
  for (const size of [0, 10, 983, 984, 1000, 5000, 100_000, 4064, 4065, 20, 0, 70_000, 1]) {
    map.putSync("k", new Uint8Array(size).fill(size));
    expect(map.get("k")).toEqual(new Uint8Array(size).fill(size));
    expect(db.verify().problems).toEqual([]);
  }
});
