/**
 * `backup`: a second file from one snapshot, while writes go on.
 */
import { expect, test } from "vitest";
import { LlmdbError, open } from "../../index.js";
import { memoryStorage } from "../../pager/memory-storage.js";

test.each([false, true])("compact: %s", async (compact) => {
  const storage = memoryStorage();
  const db = open("db", { storage, pageSize: 4096 });
  db.transactionSync((tx) => {
    for (let i = 0; i < 2000; i++)
      tx.map<number, Uint8Array>("m", { values: "bytes" }).put(i, new Uint8Array(300).fill(i));
    tx.map("large").put("x", "y".repeat(100_000));
  });
  db.map("m").clearSync({ gte: 500, lt: 1500 });
  const entries = [...db.map("m").range()];
  const copying = db.backup("copy", { compact });
  for (let i = 0; i < 100; i++) db.map("m").putSync(i, new Uint8Array(10));
  await copying;
  const copy = open("copy", { storage });
  expect([...copy.map("m").range()]).toEqual(entries);
  expect(copy.map("large").get("x")).toBe("y".repeat(100_000));
  expect(copy.recovered.olderMeta).toBe(false);
  expect(copy.verify().problems).toEqual([]);
  if (compact) expect(copy.stats().freePages).toBeLessThan(10);
  copy.map("m").putSync(1, new Uint8Array(1));
  expect(copy.verify().problems).toEqual([]);
  copy.closeSync();
  expect(db.verify().problems).toEqual([]);
  db.closeSync();
});

test.each([false, true])("of an empty database, compact: %s", async (compact) => {
  const storage = memoryStorage();
  const db = open("db", { storage });
  await db.backup("copy", { compact });
  const copy = open("copy", { storage, create: false });
  expect(copy.mapNames()).toEqual([]);
  copy.map("m").putSync(1, 1);
  expect(copy.verify().problems).toEqual([]);
  copy.closeSync();
  db.closeSync();
});

test("one that fails leaves nothing behind", async () => {
  const storage = memoryStorage();
  const db = open("db", { storage });
  db.map("m").putSync(1, "x".repeat(10_000));
  const copying = db.backup("copy");
  db.closeSync();
  await copying.catch(() => {});
  expect(storage.list("/").filter((name) => name.startsWith("copy-"))).toEqual([]);
});

// As on a shared file system, where a process on another machine may be writing what looks like a leftover.
test("a leftover that may be written elsewhere is named, not removed", async () => {
  const disk = memoryStorage();
  const unseen = (): never => {
    throw new LlmdbError("LLMDB_UNSUPPORTED", "other machines cannot be seen");
  };
  const storage = Object.assign(disk, {
    lock: (...[, , , alone = true]: Parameters<typeof disk.lock>) => (alone ? { release: () => {} } : unseen()),
  });
  const db = open("db", { storage, alone: true });
  const leftover = storage.open("copy.llmdb-unfinished", "create");
  leftover.write(Uint8Array.of(1), 0, 1, 0);
  await expect(db.backup("copy")).rejects.toMatchObject({
    code: "LLMDB_LOCKED",
    message: expect.stringContaining("copy.llmdb-unfinished is left"),
  });
  expect(storage.open("copy.llmdb-unfinished", "read").size()).toBe(1);
  storage.unlink("copy.llmdb-unfinished");
  await db.backup("copy");
  expect(storage.list("/").filter((name) => name.startsWith("copy"))).toEqual(["copy"]);
  db.closeSync();
});
