/**
 * `backup` with `compact` makes the smallest file: no page is free, nothing lies behind the last page, and neither
 * `compact` nor another such backup makes it smaller.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Database, open } from "../../index.js";
import { Memory } from "../../memory/index.js";
import { memoryStorage } from "../../pager/memory-storage.js";
import type { Storage } from "../../pager/storage.js";
import { effort } from "../effort.js";
import { exampleModule } from "../wasm/module-text.js";

const META_PAGES = 3;

/** A storage that is treated as if it outlived the process: with a log and checkpoints. */
function lastingStorage(): Storage {
  return Object.assign(memoryStorage(), { volatile: false });
}

const count = fc.nat(300);
const step = fc.oneof(
  fc.record({ what: fc.constant("entries"), map: fc.nat(20), from: count, count, bytes: fc.nat(500) }),
  fc.record({ what: fc.constant("large"), map: fc.nat(20), from: count, count: fc.nat(6), bytes: fc.nat(60_000) }),
  fc.record({ what: fc.constant("clear"), map: fc.nat(20), from: count, count }),
  fc.record({ what: fc.constant("drop"), map: fc.nat(20) }),
  fc.record({ what: fc.constant("facts"), from: count, count: fc.nat(80) }),
  fc.record({ what: fc.constant("memory"), count: fc.nat(12) }),
  fc.record({ what: fc.constantFrom("module", "checkpoint", "compact") }),
);
type Step = { what: string; map?: number; from?: number; count?: number; bytes?: number };

async function carryOut(db: Database, { what, map = 0, from = 0, count = 0, bytes = 0 }: Step): Promise<void> {
  const name = `map ${map}`;
  if (what === "clear") await db.map(name).clear({ gte: from, lt: from + count });
  else if (what === "drop") await db.dropMap(name);
  else if (what === "checkpoint") await db.checkpoint();
  else if (what === "compact") await db.compact();
  else if (what === "module") await db.modules.put(exampleModule("by-field-as"), { name: "by-field" });
  else if (what === "memory") {
    const memory = new Memory(db);
    for (let i = 0; i < count; i++) {
      await memory.remember({
        subject: `Person ${i % 5}`,
        predicate: "met",
        object: `somebody of ${i}`,
        source: "chat",
      });
    }
  } else {
    await db.transaction((tx) => {
      for (let i = from; i < from + count; i++) {
        if (what === "facts") tx.put(i % 40, { i, text: "t".repeat(i) });
        else tx.map<number, string>(name).put(i, "x".repeat(bytes + (i % 7)));
      }
    });
  }
}

async function requireSmallest(db: Database, storage: Storage): Promise<void> {
  await db.backup("small", { compact: true });
  let copy = open("small", { storage });
  const { fileBytes, pages, pageSize, freePages, maps, lastTx } = copy.stats();
  expect(lastTx).toBe(db.stats().lastTx);
  expect(freePages).toBe(0);
  expect(fileBytes).toBe(pages * pageSize);
  const ofMaps = Object.values(maps).reduce((sum, map) => sum + map.leafPages + map.branchPages + map.overflowPages, 0);
  // The rest is the directory of the maps.
  expect(pages - ofMaps - META_PAGES).toBeLessThanOrEqual(Math.ceil(Object.keys(maps).length / 8));
  expect(copy.verify().problems).toEqual([]);
  await copy.backup("again", { compact: true });
  const again = open("again", { storage, readOnly: true });
  expect(again.stats().fileBytes).toBe(fileBytes);
  again.closeSync();
  const { before, after } = await copy.compact();
  expect([before, after]).toEqual([fileBytes, fileBytes]);
  await copy.close();
  copy = open("small", { storage });
  expect(copy.stats().fileBytes).toBe(fileBytes);
  expect(copy.verify().problems).toEqual([]);
  copy.closeSync();
}

test("whatever is in the database", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
      const storage = lastingStorage();
      const db = open("db", { storage, pageSize: 4096 });
      for (const one of steps) await carryOut(db, one);
      await requireSmallest(db, storage);
      db.closeSync();
    }),
    { numRuns: effort(8) },
  );
});

test("a copy that nothing was free in can be written to, and read beside that", async () => {
  const storage = lastingStorage();
  const db = open("db", { storage, pageSize: 4096 });
  for (let i = 0; i < 50; i++) db.map("m").putSync(i, "x".repeat(i * 100));
  await db.backup("small", { compact: true });
  const copy = open("small", { storage });
  const reader = open("small", { storage, readOnly: true });
  for (let i = 0; i < 50; i += 2) copy.map("m").deleteSync(i);
  await copy.checkpoint();
  reader.refresh();
  expect(reader.map("m").count()).toBe(25);
  expect(copy.verify().problems).toEqual([]);
  reader.closeSync();
  await copy.close();
  expect(open("small", { storage }).verify().problems).toEqual([]);
  db.closeSync();
});
