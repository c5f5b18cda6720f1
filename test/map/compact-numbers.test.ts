/**
 * `compact` moves pages in transactions of its own, of which nobody is told: figures, receipts, snapshots and errors
 * name the last transaction that changed something, also after the file was opened again, by a reader, and in a backup.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Database, LlmdbError, open } from "../../index.js";
import { memoryStorage } from "../../pager/memory-storage.js";
import type { Storage } from "../../pager/storage.js";
import { SimulatedDisk } from "../harness/index.js";
import { Random } from "../harness/random.js";
import { drawCrash } from "../harness/torture/image-plan.js";

const SMALL = { pageSize: 4096, checkpointBytes: 16 * 1024, cacheBytes: 0 } as const;

/** A storage that is treated as if it outlived the process: with a log and checkpoints. */
function lastingStorage(): Storage {
  return Object.assign(memoryStorage(), { volatile: false });
}

/** Leaves holes for `compact` to move pages into. */
async function makeHoles(db: Database): Promise<number> {
  await db.transaction((tx) => {
    for (let i = 0; i < 400; i++) tx.map("m").put(i, "x".repeat(200));
    tx.map("large").put(1, "y".repeat(50_000));
    tx.put("fact", 1);
  });
  await db.checkpoint();
  return (await db.map("m").clear({ gte: 0, lt: 300 })).tx;
}

/** All that says which transaction is the last. */
async function lastOf(db: Database): Promise<unknown> {
  const snapshot = db.snapshot();
  const { tx } = snapshot;
  snapshot.close();
  const last = { stats: db.stats().lastTx, snapshot: tx, refresh: db.refresh(), known: db.asOf({}).knownTx };
  let error: unknown;
  try {
    db.asOf({ tx: last.stats + 1 }).get("fact");
  } catch (thrown) {
    error = thrown instanceof LlmdbError && [thrown.code, thrown.details.lastTx, thrown.message];
  }
  return { ...last, error };
}

function expected(tx: number): unknown {
  const message = `transaction ${tx + 1} has not happened yet; ask about the last, ${tx}, or before`;
  return { stats: tx, snapshot: tx, refresh: tx, known: tx, error: ["LLMDB_FUTURE_TX", tx, message] };
}

test.each([
  ["a file", lastingStorage],
  ["memory", memoryStorage],
])("every face names the last change, in %s", async (_name, storageOf) => {
  const storage = storageOf();
  const db = open("db", { storage, ...SMALL });
  const tx = await makeHoles(db);
  const time = [...db.transactions({ reverse: true, limit: 1 })][0].time;
  const { before, after } = await db.compact();
  expect(after).toBeLessThan(before);
  expect(await lastOf(db)).toEqual(expected(tx));
  expect(db.stats().durableTx).toBe(tx);
  // A transaction without a change gives the receipt of the last one.
  expect((await db.map("m").delete("missing")).tx).toBe(tx);
  expect([...db.transactions({ reverse: true, limit: 1 })][0].time).toBe(time);
  const reader = open("db", { storage, readOnly: true });
  expect(await lastOf(reader)).toEqual(expected(tx));
  for (const compact of [false, true]) {
    const path = `copy ${compact}`;
    await db.backup(path, { compact });
    const copy = open(path, { storage });
    expect(await lastOf(copy)).toEqual(expected(tx));
    expect((await copy.map("m").put("next", 1)).tx).toBeGreaterThan(tx);
    await copy.close();
  }
  await db.compact();
  reader.refresh();
  expect(await lastOf(reader)).toEqual(expected(tx));
  await db.close();
  const again = open("db", { storage });
  expect(await lastOf(again)).toEqual(expected(tx));
  const next = await again.map("m").put("next", 1);
  expect(next.tx).toBeGreaterThan(tx);
  expect(await lastOf(again)).toEqual(expected(next.tx));
  // In memory there is no log that a reader could follow.
  await again.checkpoint();
  reader.refresh();
  expect(await lastOf(reader)).toEqual(expected(next.tx));
  reader.closeSync();
  await again.close();
});

test("what is durable is never a transaction that only moved pages", async () => {
  const db = open("db", { storage: lastingStorage(), ...SMALL });
  const tx = await makeHoles(db);
  await db.compact();
  db.transactionSync((write) => write.map("m").put("buffered", 1), { durability: "buffered" });
  expect(db.stats().durableTx).toBe(tx);
  await db.close();
});

test("an empty database, and a snapshot from before", async () => {
  const db = open("db", { storage: lastingStorage(), ...SMALL });
  await db.compact();
  expect(db.stats()).toMatchObject({ lastTx: 0, durableTx: 0 });
  const tx = await makeHoles(db);
  const snapshot = db.snapshot();
  await db.compact();
  expect(db.stats().oldestSnapshot?.tx).toBe(tx);
  expect(snapshot.asOf({ tx }).get("fact")).toBe(1);
  snapshot.close();
  await db.close();
});

test("whatever a crash leaves of a compaction", async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(1e9), async (seed) => {
      const random = new Random(seed);
      const disk = new SimulatedDisk();
      const db = open("/db", { storage: disk, ...SMALL });
      const tx = await makeHoles(db);
      const compacting = db.compact();
      for (let turns = random.below(60); turns > 0; turns--) await new Promise<void>((done) => setImmediate(done));
      const image = disk.crash(drawCrash(random));
      await compacting;
      await db.close();
      const found = open("/db", { storage: image });
      expect(await lastOf(found)).toEqual(expected(tx));
      expect(found.verify().problems).toEqual([]);
      found.closeSync();
    }),
    { numRuns: 15 },
  );
});
