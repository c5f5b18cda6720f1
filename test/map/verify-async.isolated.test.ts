/**
 * `verifyAsync`: the same report as `verify`, in slices, of one state, while everything else goes on.
 */
import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { type Database, open, openMemory, type VerifyProgress } from "../../index.js";
import { memoryStorage } from "../../pager/memory-storage.js";
import { effort } from "../effort.js";

/** Slices end at each look at the clock, so that much happens between few pages. */
vi.mock("../../pager/timers.js", async (original) => {
  let nowMs = 0;
  return { ...(await original<object>()), steadyMs: () => (nowMs += 10) };
});

/** Small enough for pages to be evicted and written while the check runs. */
const TIGHT = { pageSize: 4096, cacheBytes: 64 * 4096, checkpointBytes: 32 * 1024 } as const;

/** A storage that is treated as if it outlived the process: with a log and checkpoints. */
function lastingStorage(): ReturnType<typeof memoryStorage> {
  return Object.assign(memoryStorage(), { volatile: false });
}

function fill(db: Database, entries: number, bytes: number): void {
  db.transactionSync((tx) => {
    for (let i = 0; i < entries; i++) tx.map("m").put(i, "x".repeat(bytes));
    for (let i = 0; i < entries / 10; i++) tx.put(i, "a fact");
  });
}

const change = fc.oneof(
  fc.record({ what: fc.constant("put"), from: fc.nat(400), count: fc.nat(60), bytes: fc.nat(6000) }),
  fc.record({ what: fc.constant("delete"), from: fc.nat(400), count: fc.nat(200) }),
  fc.record({ what: fc.constant("fact"), from: fc.nat(50) }),
  fc.record({ what: fc.constantFrom("checkpoint", "drop", "compact", "verify", "snapshot") }),
);

async function carryOut(db: Database, step: { what: string; from?: number; count?: number; bytes?: number }) {
  const { what, from = 0, count = 0, bytes = 0 } = step;
  if (what === "checkpoint") await db.checkpoint();
  else if (what === "compact") await db.compact();
  else if (what === "drop") await db.dropMap("m");
  else if (what === "verify") expect(db.verify().problems).toEqual([]);
  else if (what === "snapshot") db.snapshot().close();
  else if (what === "fact") await db.put(from, `fact ${count}`);
  else {
    await db.transaction((tx) => {
      const map = tx.map<number, string>("m");
      for (let i = from; i < from + count; i++) what === "put" ? map.put(i, "y".repeat(bytes)) : map.delete(i);
    });
  }
}

test.each([
  ["a file", lastingStorage],
  ["memory", memoryStorage],
])("finds nothing in a sound database in %s, whatever is done meanwhile", async (_name, storageOf) => {
  await fc.assert(
    fc.asyncProperty(fc.array(change, { maxLength: 12 }), async (steps) => {
      const db = open("db", { storage: storageOf(), ...TIGHT });
      fill(db, 300, 800);
      const reports = [db.verifyAsync()];
      for (const step of steps) {
        await carryOut(db, step);
        reports.push(db.verifyAsync());
      }
      for (const report of await Promise.all(reports)) expect(report.problems).toEqual([]);
      expect(db.stats().openSnapshots).toBe(0);
      await db.close();
    }),
    { numRuns: effort(15) },
  );
});

test("reports the same damage as verify", async () => {
  const storage = lastingStorage();
  const db = open("db", { storage, ...TIGHT });
  fill(db, 500, 100);
  db.map("m").putSync("long", "z".repeat(600_000));
  await db.close();
  const file = storage.open("db", "write");
  for (const page of [5, 40]) file.write(Uint8Array.of(1, 2, 3), 0, 3, page * 4096 + 1000);
  const damaged = open("db", { storage });
  const report = damaged.verify();
  expect(report.problems.length).toBeGreaterThan(1);
  expect(await damaged.verifyAsync()).toEqual(report);
  await damaged.close();
  const reader = open("db", { storage, readOnly: true });
  expect((await reader.verifyAsync()).problems).toEqual(reader.verify().problems);
  await reader.close();
});

test("others get their turns, and are told how far it has come", async () => {
  const db = openMemory();
  fill(db, 20_000, 1000);
  db.map("m").putSync("long", "z".repeat(30_000_000));
  let turns = 0;
  const count = (): void => {
    turns++;
    running = setImmediate(count);
  };
  let running = setImmediate(count);
  const told: VerifyProgress[] = [];
  const verifying = db.verifyAsync({ onProgress: (progress) => void told.push(progress) });
  await db.map("m").put("meanwhile", 1);
  expect(await verifying).toMatchObject({ ok: true });
  clearImmediate(running);
  expect(turns).toBeGreaterThan(10);
  expect(told.map(({ phase }) => phase)).toEqual(
    told
      .map(({ phase }) => phase)
      .sort()
      .reverse(),
  );
  for (const [i, { phase, done, total }] of told.entries()) {
    expect(done).toBeLessThanOrEqual(total);
    if (i > 0 && told[i - 1].phase === phase) expect(done).toBeGreaterThanOrEqual(told[i - 1].done);
  }
  const { phase, done, total } = told[told.length - 1];
  expect({ phase, done }).toEqual({ phase: "facts", done: total });
  await db.close();
});

test.each([
  ["that follow each other", (db: Database, i: number) => db.putSync("k", i)],
  ["in other stretches", (db: Database, i: number) => db.putSync("k", i, { validFrom: i * 10, validTo: i * 10 + 5 })],
])("a key with very many versions is not one step: versions %s", async (_name, put) => {
  const db = openMemory();
  const versions = 2000;
  for (let i = 0; i < versions; i++) put(db, i);
  const told: number[] = [];
  let turns = 0;
  const count = (): void => {
    turns++;
    running = setImmediate(count);
  };
  let running = setImmediate(count);
  expect(await db.verifyAsync({ onProgress: ({ done }) => void told.push(done) })).toMatchObject({ ok: true });
  clearImmediate(running);
  const steps = told.map((done, i) => done - (told[i - 1] ?? 0));
  expect(Math.max(...steps)).toBeLessThan(versions / 2);
  // Reading the log, then reading, checking and comparing the slices: each lets others have their turns.
  expect(turns).toBeGreaterThan((versions / 8) * 1.3);
  await db.close();
});

test("a database that is closed meanwhile ends it", async () => {
  const db = openMemory();
  fill(db, 20_000, 1000);
  const verifying = expect(db.verifyAsync()).rejects.toMatchObject({ code: "LLMDB_CLOSED" });
  await db.close();
  await verifying;
  await expect(db.verifyAsync()).rejects.toMatchObject({ code: "LLMDB_CLOSED" });
});

test("what onProgress throws ends it, and nothing is held after that", async () => {
  const db = openMemory();
  fill(db, 100, 100);
  const onProgress = () => {
    throw new Error("enough");
  };
  await expect(db.verifyAsync({ onProgress })).rejects.toThrow("enough");
  expect(db.stats().openSnapshots).toBe(0);
  // @ts-expect-error: no function
  await expect(db.verifyAsync({ onProgress: 1 })).rejects.toMatchObject({ code: "LLMDB_INVALID_ARGUMENT" });
  // @ts-expect-error: no option
  await expect(db.verifyAsync({ progress: () => {} })).rejects.toMatchObject({ code: "LLMDB_INVALID_ARGUMENT" });
  await expect(
    db.transaction(() => {
      db.verifyAsync().catch(() => {});
      db.verify();
    }),
  ).rejects.toMatchObject({ code: "LLMDB_INVALID_ARGUMENT" });
  await db.close();
});
