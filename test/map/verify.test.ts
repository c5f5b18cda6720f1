/**
 * `verify`: reads everything; damage is in the report, not thrown.
 */
import { expect, test } from "vitest";
import { open } from "../../index.js";
import { memoryStorage } from "../../pager/memory-storage.js";

test("a sound database, through changes, snapshots and reopening", () => {
  const storage = memoryStorage();
  const db = open("db", { storage, pageSize: 4096 });
  expect(db.verify()).toEqual({ ok: true, pages: 3, problems: [] });
  for (let i = 0; i < 50; i++) db.map("m").putSync(i, "x".repeat(i * 50));
  const snapshot = db.snapshot();
  db.map("m").clearSync({ gte: 10 });
  expect(db.verify()).toMatchObject({ ok: true, problems: [] });
  snapshot.close();
  db.closeSync();
  const again = open("db", { storage, readOnly: true });
  expect(again.verify()).toMatchObject({ ok: true, problems: [] });
  again.closeSync();
});

test("names the map and the page of damage", () => {
  const storage = memoryStorage();
  const db = open("db", { storage, pageSize: 4096 });
  db.transactionSync((tx) => {
    for (let i = 0; i < 500; i++) tx.map<number, string>("m").put(i, "x".repeat(100));
  });
  db.closeSync();
  const file = storage.open("db", "write");
  file.write(Uint8Array.of(1, 2, 3), 0, 3, 5 * 4096 + 1000);
  const damaged = open("db", { storage });
  const report = damaged.verify();
  expect(report.ok).toBe(false);
  expect(report.problems).toContainEqual(expect.objectContaining({ page: 5, map: "m" }));
  expect(report.problems[0].what).toMatch(/page 5 is damaged/);
  damaged.closeSync();
});
