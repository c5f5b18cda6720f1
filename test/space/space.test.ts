/**
 * Space: however long a database is written to, its file stays near what lives in it, every page is accounted for, and
 * what is deleted comes back.
 */
import { expect, test } from "vitest";
import { type Database, open, openMemory } from "../../index.js";
import { memoryStorage } from "../../pager/memory-storage.js";
import { expectClean, Random } from "../harness/index.js";

const mapped = { pageSize: 4096, cacheBytes: 8 * 1024 * 1024 } as const;

/** Pages of trees, free pages and the rest add up: nothing is lost that verify() would not see. */
function expectAccounted(db: Database): void {
  expectClean(db);
  const stats = db.stats();
  let inTrees = 0;
  for (const map of Object.values(stats.maps)) inTrees += map.leafPages + map.branchPages + map.overflowPages;
  expect(inTrees + stats.freePages).toBeLessThanOrEqual(stats.pages);
}

test("a million random puts and deletes at constant live size", () => {
  const storage = memoryStorage();
  let db = open("space", { ...mapped, storage });
  const random = new Random(1_000_000);
  const live = new Map<number, number>();
  const changes = 1_000_000;
  const perTransaction = 250;
  let liveBytes = 0;
  for (let done = 0; done < changes; done += perTransaction) {
    db.transactionSync((tx) => {
      const map = tx.map<number, Uint8Array>("live", { values: "bytes" });
      for (let i = 0; i < perTransaction; i++) {
        const key = random.below(40_000);
        const before = live.get(key);
        if (before !== undefined) {
          map.delete(key);
          live.delete(key);
          liveBytes -= before + 4;
        } else {
          const size = random.chance(0.001) ? 8000 : 40 + random.below(160);
          map.put(key, new Uint8Array(size));
          live.set(key, size);
          liveBytes += size + 4;
        }
      }
    });
    if ((done / perTransaction) % 400 !== 399) continue;
    expect(db.stats().fileBytes).toBeLessThan(3 * liveBytes);
    if ((done / perTransaction) % 800 !== 799) continue;
    expectAccounted(db);
    db.closeSync();
    db = open("space", { ...mapped, storage });
    expectAccounted(db);
  }
  expect(db.map("live").count()).toBe(live.size);
  for (const [key, size] of live) expect(db.map<number, Uint8Array>("live").get(key)?.length).toBe(size);
  expect(db.stats().fileBytes).toBeLessThan(3 * liveBytes);
  db.closeSync();
}, 120_000);

test("an emptied map gives its pages back, and compact the file's", async () => {
  for (const empty of ["clear", "delete", "drop"] as const) {
    const db = openMemory({ pageSize: 4096, cacheBytes: 0 });
    db.map("kept").putSync("a", 1);
    db.transactionSync((tx) => {
      const map = tx.map<number, Uint8Array>("gone", { values: "bytes" });
      for (let i = 0; i < 5000; i++) map.put(i, new Uint8Array(i % 100 === 0 ? 20_000 : 100));
    });
    const full = db.stats();
    expect(full.maps.gone).toMatchObject({ entries: 5000 });
    if (empty === "clear") db.map("gone").clearSync();
    if (empty === "drop") await db.dropMap("gone");
    if (empty === "delete") {
      db.transactionSync((tx) => {
        for (let i = 0; i < 5000; i++) tx.map<number>("gone").delete(i);
      });
    }
    if (empty !== "drop") expect(db.stats().maps.gone).toMatchObject({ entries: 0, leafPages: 0, overflowPages: 0 });
    const { after } = await db.compact();
    expect(full.fileBytes).toBeGreaterThan(350 * 4096);
    expect(after).toBeLessThan(20 * 4096);
    expect(db.stats().fileBytes).toBe(after);
    expectAccounted(db);
    expect(db.map("kept").get("a")).toBe(1);
    db.closeSync();
  }
}, 60_000);

test("compact moves what is left, values on extents too", async () => {
  const db = openMemory({ pageSize: 4096, cacheBytes: 0 });
  db.transactionSync((tx) => {
    for (let i = 0; i < 3000; i++) {
      tx.map<number, Uint8Array>(i % 3 === 0 ? "kept" : "gone", { values: "bytes" }).put(
        i,
        new Uint8Array(700).fill(i),
      );
      if (i % 50 === 0) tx.map<string, Uint8Array>("kept").put(`large ${i}`, new Uint8Array(9000).fill(i));
    }
  });
  await db.dropMap("gone");
  const { before, after } = await db.compact();
  expect(after).toBeLessThan(before * 0.65);
  expect(db.stats().freePages).toBeLessThan(db.stats().pages / 4);
  expectAccounted(db);
  for (let i = 0; i < 3000; i += 3)
    expect(db.map<number, Uint8Array>("kept").get(i)).toEqual(new Uint8Array(700).fill(i));
  for (let i = 0; i < 3000; i += 50) {
    expect(db.map<string, Uint8Array>("kept").get(`large ${i}`)).toEqual(new Uint8Array(9000).fill(i));
  }
  db.closeSync();
});

test("an old snapshot keeps what it sees, and nothing that came after it", () => {
  const db = openMemory({ pageSize: 4096 });
  const map = db.map<number, Uint8Array>("m", { values: "bytes" });
  db.transactionSync((tx) => {
    for (let i = 0; i < 2000; i++)
      tx.map<number, Uint8Array>("m", { values: "bytes" }).put(i, new Uint8Array(200).fill(1));
  });
  const old = db.snapshot();
  const { pages } = db.stats();
  for (let round = 2; round < 60; round++) {
    db.transactionSync((tx) => {
      for (let i = 0; i < 2000; i++) tx.map<number, Uint8Array>("m").put(i, new Uint8Array(200).fill(round));
    });
  }
  const stats = db.stats();
  expect(stats.pages).toBeLessThan(pages * 4.5);
  expect(stats.oldestSnapshot).toMatchObject({ tx: old.tx });
  expect(stats.oldestSnapshot?.retainedPages).toBeGreaterThan(pages * 0.8);
  expect(stats.oldestSnapshot?.retainedPages).toBeLessThan(pages * 1.2);
  for (let i = 0; i < 2000; i += 17) expect(old.map<number, Uint8Array>("m").get(i)?.[0]).toBe(1);
  expectClean(db);
  old.close();
  expect(db.stats().oldestSnapshot).toBeUndefined();
  map.putSync(0, new Uint8Array(1));
  map.putSync(1, new Uint8Array(1));
  expect(db.stats().freePages).toBeGreaterThan(pages * 1.8);
  expectClean(db);
  db.closeSync();
});

test("snapshots are the same after a thousand commits", () => {
  const db = openMemory({ pageSize: 4096, cacheBytes: 0 });
  const map = db.map<number, string>("m");
  const snapshots = [];
  for (let commit = 0; commit < 1000; commit++) {
    map.putSync(commit % 300, `value ${commit}`);
    if (commit % 100 === 50) snapshots.push({ snapshot: db.snapshot(), entries: [...map.range()] });
  }
  for (const { snapshot, entries } of snapshots) expect([...snapshot.map("m").range()]).toEqual(entries);
  expectClean(db);
  for (const { snapshot } of snapshots.reverse()) snapshot.close();
  expect(db.stats().openSnapshots).toBe(0);
  expectClean(db);
  db.closeSync();
});

test("many savepoints in one transaction use few pages", () => {
  const db = openMemory({ pageSize: 4096, cacheBytes: 0 });
  const put = (count: number): void => {
    db.transactionSync((tx) => {
      for (let i = 0; i < count; i++) {
        tx.transaction((nested) => nested.map<number, string>("m").put((i * 37) % 1000, `value ${i}`));
      }
    });
  };
  put(1000);
  const { pages } = db.stats();
  put(3000);
  expect(db.stats().pages).toBeLessThan(pages * 3);
  expectClean(db);
  db.closeSync();
});
