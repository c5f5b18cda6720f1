/**
 * A disk that is full while a transaction commits: the transaction is gone, everything before it stays, also for
 * snapshots that are opened in the middle of the next one.
 */
import { expect, test } from "vitest";
import { LlmdbError, type OrderedMap, open } from "../../index.js";
import { SimulatedDisk } from "../harness/simulated-disk.js";

const PATH = "/agent.llmdb";

test("a snapshot opened inside a transaction stays right after a commit before it failed", () => {
  const disk = new SimulatedDisk();
  const db = open(PATH, { storage: disk, pageSize: 4096, cacheBytes: 64 * 4096 });
  const big = db.map<number, string>("big");
  db.transactionSync((tx) => {
    for (let i = 0; i < 3000; i++) tx.map<number, string>("big").put(i, "x".repeat(100));
  });
  const map = db.map<string, number>("m");
  db.transactionSync((tx) => tx.map("m").put("a", 1), { durability: "buffered" });
  disk.capacityBytes = 0;
  const large = () =>
    db.transactionSync((tx) => {
      for (let i = 0; i < 3000; i++) tx.map<number, string>("other").put(i, "z".repeat(100));
    });
  expect(large).toThrow(expect.objectContaining({ code: "LLMDB_DISK_FULL" }));
  disk.capacityBytes = Number.POSITIVE_INFINITY;
  expect(db.mapNames()).toEqual(["big", "m"]);
  const snapshot = db.transactionSync((tx) => {
    tx.map("m").put("a", 2);
    return db.snapshot();
  });
  // Reads that push everything evictable out of the cache.
  for (let i = 0; i < 3000; i += 7) big.get(i);
  expect([...snapshot.map("m").range()]).toEqual([["a", 1]]);
  expect(map.get("a")).toBe(2);
  snapshot.close();
  expect(db.verify().problems).toEqual([]);
  db.closeSync();
});

test("a write that fails at any operation of a commit leaves the state before or after it", () => {
  const whole = prepared();
  const before = whole.disk.operationCount;
  change(whole.db);
  const operations = whole.disk.operationCount - before;
  expect(operations).toBeGreaterThanOrEqual(3);
  for (let k = 0; k < operations; k++) {
    for (const kind of ["io", "full", "short", "sync"] as const) {
      const { disk, db } = prepared();
      disk.failAt(disk.operationCount + k, kind);
      let failed: unknown = null;
      try {
        change(db);
      } catch (error) {
        failed = error;
        expect(error).toBeInstanceOf(LlmdbError);
      }
      const state = db.map("m").get("k0");
      expect(["before", "after"]).toContain(state);
      expect(db.map("m").count({ lt: "k9999" })).toBe(state === "after" ? 300 : 200);
      if (failed === null) expect(state).toBe("after");
      try {
        db.closeSync();
      } catch (error) {
        expect(error).toMatchObject({ code: "LLMDB_COMMIT_UNKNOWN" });
      }
      const again = open(PATH, { storage: disk.crash({ keep: "none" }) });
      expect(again.verify().problems).toEqual([]);
      const durable = again.map("m").get("k0");
      expect(["before", "after"]).toContain(durable);
      if (failed === null) expect(durable).toBe("after");
      again.closeSync();
    }
  }
});

function prepared() {
  const disk = new SimulatedDisk();
  const db = open(PATH, { storage: disk, pageSize: 4096 });
  db.transactionSync((tx) => {
    for (let i = 0; i < 200; i++) tx.map("m").put(`k${i}`, "before");
  });
  return { disk, db };
}

function change(db: ReturnType<typeof open>): void {
  db.transactionSync((tx) => {
    for (let i = 0; i < 300; i++) tx.map("m").put(`k${i}`, "after");
    tx.map("m").put("large", "y".repeat(9000));
  });
}

test("fill, read, delete, go on, ten times over", () => {
  const disk = new SimulatedDisk();
  disk.capacityBytes = 1024 * 1024;
  const db = open(PATH, { storage: disk, pageSize: 4096 });
  const map = db.map<number, string>("m");
  for (let cycle = 0; cycle < 10; cycle++) {
    const committed = fill(map, cycle);
    expect(committed).toBeGreaterThan(50);
    for (let i = 0; i < committed; i++) expect(map.get(i)).toBe(`${cycle} ${i} `.padEnd(2000, "x"));
    expect(map.count()).toBe(committed);
    expect(db.verify().problems).toEqual([]);
    for (let i = committed - 1; i >= 0; i -= 10) map.deleteSync(i);
    map.clearSync();
    expect(db.verify().problems).toEqual([]);
  }
  db.closeSync();
  expect(open(PATH, { storage: disk }).map("m").count()).toBe(0);
});

/** Puts until the disk is full; returns how many puts went through. */
function fill(map: OrderedMap<number, string>, cycle: number): number {
  for (let i = 0; i < 10_000; i++) {
    try {
      map.putSync(i, `${cycle} ${i} `.padEnd(2000, "x"));
    } catch (error) {
      expect(error).toMatchObject({ code: "LLMDB_DISK_FULL" });
      return i;
    }
  }
  throw new Error("the disk never filled up");
}
