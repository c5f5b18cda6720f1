/**
 * `verify`: reads everything; damage is in the report, not thrown.
 */
import { expect, test } from "vitest";
import { open } from "../../index.js";
import { valueExtents } from "../../pager/extent-value.js";
import { memoryStorage } from "../../pager/memory-storage.js";
import { encodeMeta, metaPosition, readNewestMeta } from "../../pager/meta.js";

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

test("a read-only handle finds pages that nobody uses, and a list of free pages that is damaged", () => {
  const storage = memoryStorage();
  const db = open("db", { storage, pageSize: 4096 });
  db.transactionSync((tx) => {
    for (let i = 0; i < 500; i++) tx.map<number, string>("m").put(i, "x".repeat(100));
  });
  db.closeSync();
  open("db", { storage }).closeSync();
  const file = storage.open("db", "write");
  const problems = () => {
    const reader = open("db", { storage, readOnly: true });
    const found = reader.verify().problems;
    reader.closeSync();
    return found;
  };
  expect(problems()).toEqual([]);
  const { meta } = readNewestMeta(file, "db");
  const { starts } = valueExtents(meta.freeList, 0);
  file.write(Uint8Array.of(255, 255, 255), 0, 3, starts[0] * 4096 + 32);
  expect(problems()).toEqual([{ what: expect.stringMatching(/damaged|checksum/) }]);
  const lost = encodeMeta({ ...meta, checkpoint: meta.checkpoint + 1, freeList: new Uint8Array(0) });
  file.write(lost, 0, lost.length, metaPosition(meta.checkpoint + 1, 4096));
  expect(problems()).not.toEqual([]);
  for (const { what } of problems()) expect(what).toMatch(/^pages \d+ to \d+ are not used$/);
});
