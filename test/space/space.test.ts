/**
 * Space: however long a database is written to, its file stays near what lives in it, every page is accounted for, and
 * what is deleted comes back.
 */
import { expect, test } from "vitest";
import { type Database, open, openMemory, type TransactionMap } from "../../index.js";
import { memoryStorage } from "../../pager/memory-storage.js";
import { effort } from "../effort.js";
import { expectClean, expectSame, Random, SimulatedDisk } from "../harness/index.js";

const mapped = { pageSize: 4096, cacheBytes: 8 * 1024 * 1024 } as const;

/** Pages of trees, free pages and the rest add up: nothing is lost that verify() would not see. */
function expectAccounted(db: Database): void {
  expectClean(db);
  const stats = db.stats();
  let inTrees = 0;
  for (const map of Object.values(stats.maps)) inTrees += map.leafPages + map.branchPages + map.overflowPages;
  expect(inTrees + stats.freePages).toBeLessThanOrEqual(stats.pages);
}

/** A map at constant live size under random puts and deletes. */
class Churn {
  readonly live = new Map<number, number>();
  liveBytes = 0;
  readonly #random = new Random(1_000_000);

  change(db: Database, changes: number): void {
    db.transactionSync((tx) => {
      const map = tx.map<number, Uint8Array>("live", { values: "bytes" });
      for (let i = 0; i < changes; i++) this.#flip(map, this.#random.below(40_000));
    });
  }

  #flip(map: TransactionMap<number, Uint8Array>, key: number): void {
    const before = this.live.get(key);
    if (before !== undefined) {
      map.delete(key);
      this.live.delete(key);
      this.liveBytes -= before + 4;
      return;
    }
    const size = this.#random.chance(0.001) ? 8000 : 40 + this.#random.below(160);
    map.put(key, new Uint8Array(size));
    this.live.set(key, size);
    this.liveBytes += size + 4;
  }

  expectSame(db: Database): void {
    const map = db.map<number, Uint8Array>("live");
    expect(map.count()).toBe(this.live.size);
    expect([...this.live].filter(([key, size]) => map.get(key)?.length !== size)).toEqual([]);
  }
}

test(
  "random puts and deletes at constant live size, with a checkpoint after each transaction",
  async () => {
    const storage = memoryStorage();
    let db = open("space", { ...mapped, storage });
    const churn = new Churn();
    // A million changes at effort 10.
    const rounds = Math.ceil(effort(400) / 400) * 400;
    for (let round = 1; round <= rounds; round++) {
      churn.change(db, 250);
      await db.checkpoint();
      if (round % 100 !== 0) continue;
      expect(db.stats().fileBytes).toBeLessThan(3 * churn.liveBytes);
      if (round % 200 !== 0) continue;
      expectAccounted(db);
      await db.close();
      db = open("space", { ...mapped, storage });
      expectAccounted(db);
    }
    churn.expectSame(db);
    expect(db.stats().fileBytes).toBeLessThan(3 * churn.liveBytes);
    await db.close();
  },
  effort(120_000),
);

/**
 * Between checkpoints the log grows, and the pages of four states are kept: what the older meta page reaches, what the
 * newest does, a checkpoint on its way, and now. Behind them lies room that is reserved: a 32nd part, or 8 pages.
 */
test.each(["files", "memory"])("without checkpoints of its own it keeps four states at most (%s)", (kind) => {
  const storage = kind === "memory" ? memoryStorage() : new SimulatedDisk();
  const db = open("space", { ...mapped, storage });
  const churn = new Churn();
  let treePages = 0;
  for (let round = 1; round <= effort(400); round++) {
    churn.change(db, 250);
    if (round % 100 !== 0) continue;
    const { pages, fileBytes, maps } = db.stats();
    const { leafPages, branchPages, overflowPages } = maps.live;
    treePages = Math.max(treePages, leafPages + branchPages + overflowPages);
    expect(treePages * mapped.pageSize).toBeLessThan(1.8 * churn.liveBytes);
    expect(pages).toBeLessThan(4 * treePages);
    expect(fileBytes).toBeLessThanOrEqual((pages + Math.max(8, Math.ceil((4 * treePages) / 32))) * mapped.pageSize);
  }
  expectAccounted(db);
  churn.expectSame(db);
  db.closeSync();
});

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
  const kept = db.map<number | string, Uint8Array>("kept");
  for (let i = 0; i < 3000; i += 3) expectSame(kept.get(i), new Uint8Array(700).fill(i), `${i}`);
  for (let i = 0; i < 3000; i += 50) expectSame(kept.get(`large ${i}`), new Uint8Array(9000).fill(i), `large ${i}`);
  db.closeSync();
});

test("an old snapshot keeps what it sees, and nothing that came after it", async () => {
  const db = openMemory({ pageSize: 4096 });
  const map = db.map<number, Uint8Array>("m", { values: "bytes" });
  db.transactionSync((tx) => {
    for (let i = 0; i < 2000; i++)
      tx.map<number, Uint8Array>("m", { values: "bytes" }).put(i, new Uint8Array(200).fill(1));
  });
  await db.checkpoint();
  const old = db.snapshot();
  const { pages } = db.stats();
  for (let round = 2; round < 60; round++) {
    db.transactionSync((tx) => {
      for (let i = 0; i < 2000; i++) tx.map<number, Uint8Array>("m").put(i, new Uint8Array(200).fill(round));
    });
    await db.checkpoint();
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
  for (const key of [0, 1]) {
    map.putSync(key, new Uint8Array(1));
    await db.checkpoint();
  }
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
