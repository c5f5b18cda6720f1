/**
 * Snapshots and range reads that are forgotten instead of closed: found when they are collected, reported, and their
 * pages let go.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { type Database, openMemory } from "../../index.js";
import { expectClean } from "../harness/index.js";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

async function untilCollected(db: Database, wanted: number): Promise<void> {
  for (let i = 0; i < 100 && db.stats().leakedSnapshots < wanted; i++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function forget(db: Database): void {
  for (let i = 0; i < 5; i++) db.snapshot();
  for (let i = 0; i < 5; i++) db.map("m").range().next();
}

test("leaked snapshots and range reads are found", async () => {
  const db = openMemory({ pageSize: 4096 });
  const map = db.map<number, string>("m");
  db.transactionSync((tx) => {
    for (let i = 0; i < 1000; i++) tx.map<number, string>("m").put(i, "x".repeat(50));
  });
  const kept = db.snapshot();
  forget(db);
  expect(db.stats().openSnapshots).toBe(11);
  for (let i = 0; i < 1000; i += 10) map.putSync(i, "changed");
  const { retainedPages } = db.stats().oldestSnapshot!;
  expect(retainedPages).toBeGreaterThan(5);
  await untilCollected(db, 10);
  expect(db.stats()).toMatchObject({ leakedSnapshots: 10, openSnapshots: 1 });
  expect(kept.map("m").get(0)).toBe("x".repeat(50));
  kept.close();
  map.putSync(0, "again");
  expect(db.stats().openSnapshots).toBe(0);
  expectClean(db);
  db.closeSync();
});

test("those that are closed or read to their end are no leak", async () => {
  const db = openMemory();
  db.map("m").putSync(1, 1);
  for (let i = 0; i < 20; i++) {
    db.snapshot().close();
    for (const _ of db.map("m").range()) break;
    expect([...db.map("m").keys()]).toEqual([1]);
  }
  expect(db.stats().openSnapshots).toBe(0);
  await untilCollected(db, 1);
  expect(db.stats().leakedSnapshots).toBe(0);
  db.closeSync();
}, 20_000);
