/**
 * `compact`: gives free space back to the file system, and changes nothing else.
 */
import { expect, test } from "vitest";
import { openFresh } from "./fresh.js";

test("a file shrinks to what lives in it", async () => {
  const db = openFresh({ pageSize: 4096 });
  db.transactionSync((tx) => {
    for (let i = 0; i < 4000; i++) tx.map<number, string>("m").put(i, "x".repeat(200));
  });
  db.transactionSync((tx) => {
    for (let i = 0; i < 4000; i++) if (i % 40 !== 39) tx.map("m").delete(i);
  });
  const entries = [...db.map("m").range()];
  const { before, after } = await db.compact();
  expect(after).toBeLessThan(before);
  expect(after).toBe(db.stats().fileBytes);
  expect([...db.map("m").range()]).toEqual(entries);
  expect(db.verify().problems).toEqual([]);
});

test("with a snapshot open, what it sees stays", async () => {
  const db = openFresh({ pageSize: 4096 });
  db.transactionSync((tx) => {
    for (let i = 0; i < 1000; i++) tx.map<number, string>("m").put(i, "x".repeat(200));
  });
  const snapshot = db.snapshot();
  db.map("m").clearSync();
  await db.compact();
  expect(snapshot.map("m").count()).toBe(1000);
  expect([...snapshot.map("m").values()].every((value) => value === "x".repeat(200))).toBe(true);
  snapshot.close();
  const { after } = await db.compact();
  expect(after).toBeLessThan(20 * 4096);
  expect(db.verify().problems).toEqual([]);
});

test("an empty database", async () => {
  const db = openFresh({ pageSize: 4096 });
  await db.compact();
  expect(db.verify().problems).toEqual([]);
});
