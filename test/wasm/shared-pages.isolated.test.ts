/**
 * Pages that other threads read: with a shared cache where they lie, kept still until they were read, else in a copy.
 * Either way a thread gives what this one gives, whatever is written meanwhile.
 */
import { expect, test } from "vitest";
import type { Database } from "../../index.js";
import { MapPages } from "../../wasm/map-pages.js";
import { MORSEL_PAGES } from "../../wasm/morsel.js";
import { sharePages } from "../../wasm/shared-pages.js";
import { builtUrl } from "../built-file.js";
import { engineOf } from "../engine-of.js";
import { mapped, openFresh } from "../map/fresh.js";
import { exampleModule } from "./module-text.js";

const RECORDS = 100_000;

function fill(db: Pick<Database, "transactionSync">): void {
  db.transactionSync((tx) => {
    for (let i = 0; i < RECORDS; i++) tx.map<number, string>("m").put(i, "v".repeat(60 + ((i * 7) % 90)));
  });
}

test.skipIf(mapped)("a shared cache hands out its own pages, and keeps them until they are released", () => {
  for (const sharedCache of [true, false]) {
    const db = openFresh({ pageSize: 4096, sharedCache, cacheBytes: 64 << 20 });
    fill(db);
    const { cache } = engineOf(db).state.store;
    const source = new MapPages(engineOf(db).state, "m", undefined);
    const shared = sharePages(source, 100, 4);
    expect(shared.count).toBe(100);
    const own = shared.chunks.every(({ buffer }) => cache.chunks.some(({ u8 }) => u8.buffer === buffer));
    expect(own).toBe(sharedCache);
    // The next batch lets go of what the source itself kept of this one.
    sharePages(source, 10, 4).release();
    source.close();
    expect(cache.pinnedFrames > 0).toBe(sharedCache);
    shared.release();
    expect(cache.pinnedFrames).toBe(0);
    db.closeSync();
  }
});

test("threads give what this one gives while others write", async () => {
  const core: typeof import("../../index.js") = await import(builtUrl("index.ts"));
  const db = core.openMemory({ pageSize: 4096, sharedCache: true });
  fill(db);
  for (const name of ["count-keys", "count-records"]) await db.modules.put(exampleModule(name), { name });
  const before = await db.modules.mapPages("count-keys", { map: "m" }, { timeoutMs: 60_000 }).bytes();
  expect(before.length / 4).toBeGreaterThan(MORSEL_PAGES);
  for (const workers of [1, 2, 3]) {
    const stream = db.modules.mapPages("count-keys", { map: "m" }, { workers, timeoutMs: 60_000 });
    const bytes = stream.bytes();
    for (let i = 0; i < 50; i++) db.map<number, string>("m").putSync(i * 1999, `other ${workers}`);
    expect(Buffer.from(await bytes).equals(before)).toBe(true);
    const here = await db.modules.reducePages("count-records", { map: "m" }, { timeoutMs: 60_000 });
    expect(await db.modules.reducePages("count-records", { map: "m" }, { workers, timeoutMs: 60_000 })).toEqual(here);
    // Sizes of the values change again for the next round.
    fill(db);
  }
  expect(db.stats()).toMatchObject({ openSnapshots: 0, leakedSnapshots: 0 });
  expect(db.verify().ok).toBe(true);
  db.closeSync();
});
