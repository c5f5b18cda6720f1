/**
 * A read-only handle that was refreshed says the same of the database as one that was just opened.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Database, type DatabaseStats, open } from "../../index.js";
import { effort } from "../effort.js";
import { SimulatedDisk } from "../harness/simulated-disk.js";

const PATH = "/agent.llmdb";

/**
 * What a handle did itself is left out: its cache, and where in its memory it put the pages of the log that it did
 * again.
 */
function told(db: Database): Partial<DatabaseStats> {
  const { cacheBytes, cacheHits, cacheMisses, pages, freePages, ...rest } = db.stats();
  return rest;
}

const step = fc.oneof(
  fc.record({ what: fc.constant("put"), from: fc.nat(300), count: fc.integer({ min: 1, max: 80 }) }),
  fc.record({ what: fc.constant("delete"), from: fc.nat(300), count: fc.integer({ min: 1, max: 80 }) }),
  fc.record({ what: fc.constantFrom("checkpoint", "drop", "fact", "refresh", "compact", "reopen") }),
);

test("stats() of a refreshed handle are those of a fresh one, and verify() finds each page once", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const disk = new SimulatedDisk();
      const options = { storage: disk, pageSize: 4096, checkpointBytes: 16 * 1024 } as const;
      let writer = open(PATH, options);
      const reader = open(PATH, { storage: disk, readOnly: true });
      const compare = (): void => {
        expect(reader.refresh()).toBe(writer.stats().lastTx);
        const fresh = open(PATH, { storage: disk, readOnly: true });
        expect(told(reader)).toEqual(told(fresh));
        expect(reader.verify().problems).toEqual([]);
        expect(fresh.verify().problems).toEqual([]);
        fresh.closeSync();
      };
      for (const [i, { what, ...range }] of steps.entries()) {
        const { from = 0, count = 0 } = range as { from?: number; count?: number };
        if (what === "checkpoint") await writer.checkpoint();
        else if (what === "compact") await writer.compact();
        else if (what === "drop") await writer.dropMap("m");
        else if (what === "fact") writer.putSync(i, "a fact");
        else if (what === "refresh") compare();
        else if (what === "reopen") {
          writer.closeSync();
          writer = open(PATH, options);
        } else {
          writer.transactionSync((tx) => {
            const map = tx.map<number, string>("m");
            for (let key = from; key < from + count; key++) what === "put" ? map.put(key, `${i}`) : map.delete(key);
          });
        }
      }
      compare();
      writer.closeSync();
      reader.closeSync();
    }),
    { numRuns: effort(25) },
  );
});

test("durableTx moves on with the checkpoints of the writer", async () => {
  const disk = new SimulatedDisk();
  const writer = open(PATH, { storage: disk });
  writer.putSync("a", 1);
  const reader = open(PATH, { storage: disk, readOnly: true });
  for (let i = 0; i < 20; i++) {
    writer.putSync("a", i);
    await writer.checkpoint();
  }
  reader.refresh();
  expect(reader.stats()).toMatchObject({ lastTx: 21, durableTx: 21 });
  reader.closeSync();
  writer.closeSync();
});
