/**
 * `view`: the stored bytes without a copy, for the length of a call.
 */
import { expect, test } from "vitest";
import { openFresh } from "./fresh.js";

test("shows the bytes and returns what the function returns", () => {
  const db = openFresh();
  const map = db.map<string, Uint8Array>("m", { values: "bytes" });
  for (const size of [0, 1, 500, 3000, 50_000]) {
    map.putSync("k", new Uint8Array(size).fill(7));
    expect(map.view("k", (bytes) => bytes.reduce((sum, byte) => sum + byte, 0))).toBe(size * 7);
  }
  expect(map.view("absent", () => 1)).toBeUndefined();
});

test("the bytes hold still while the function uses the database", () => {
  const db = openFresh({ pageSize: 4096, cacheBytes: 0 });
  const map = db.map<number, Uint8Array>("m", { values: "bytes" });
  map.putSync(0, new Uint8Array(500).fill(9));
  map.view(0, (bytes) => {
    for (let i = 0; i < 300; i++) map.putSync(i, new Uint8Array(500).fill(1));
    expect(bytes).toEqual(new Uint8Array(500).fill(9));
  });
  expect(map.get(0)).toEqual(new Uint8Array(500).fill(1));
  db.transactionSync((tx) => {
    const inside = tx.map<number, Uint8Array>("m");
    inside.put(0, new Uint8Array(500).fill(4));
    inside.view(0, (bytes) => {
      for (let i = 0; i < 300; i++) inside.put(i, new Uint8Array(500).fill(5));
      expect(bytes).toEqual(new Uint8Array(500).fill(4));
    });
    expect(inside.get(0)).toEqual(new Uint8Array(500).fill(5));
  });
  expect(db.verify().problems).toEqual([]);
});

test("an exception passes through", () => {
  const db = openFresh();
  db.map("m").putSync(1, 1);
  expect(() =>
    db.map("m").view(1, () => {
      throw new Error("mine");
    }),
  ).toThrow("mine");
});
