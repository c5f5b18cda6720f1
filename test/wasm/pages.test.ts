/**
 * Modules over the pages of maps and of the bitemporal store: what they are handed, against reads of the same state,
 * and what ends early. Everything here runs in this thread; other threads are in page-workers.test.ts.
 */
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { encodeMsgpack } from "../../engine/msgpack-writer.js";
import type { CallOptions, Key, PagesOf, Range } from "../../index.js";
import { effort } from "../effort.js";
import { expectClean } from "../harness/index.js";
import { openFresh } from "../map/fresh.js";
import { codeOf, exampleModule, keyBytes, LOG, moduleText, overRecords, PAGE_STEP } from "./module-text.js";

/** Copies whole pages to the stream, after the number of pages that the call had. */
const DUMP = moduleText({
  map_pages: `
    (local.set $n (i32.mul (i32.load offset=4 (local.get $in)) (i32.load offset=8 (local.get $in))))
    (if (i32.gt_u (local.get $n) (local.get $cap)) (then (return (i32.const -2))))
    (memory.copy (local.get $out) (i32.add (local.get $in) (i32.load offset=12 (local.get $in))) (local.get $n))
    (local.get $n)`,
});
/** For each page, how many calls the instance had. */
const STATEFUL = moduleText(
  {
    map_pages: `
      (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
      (i32.store (local.get $out) (global.get $calls))
      (i32.const 4)`,
  },
  { more: "(global $calls (mut i32) (i32.const 0))" },
);

const NAMES = ["", "ab", "abc", "a name that many keys have in common/", "z"];
function keyOf(i: number): Key {
  return i % 5 === 4 ? [NAMES[i % 3], i] : `${NAMES[i % 4]}${i}`;
}
const RECORDS = 4000;
const db = openFresh({ pageSize: 4096 });
db.transactionSync((tx) => {
  for (let i = 0; i < RECORDS; i++) tx.map("m").put(keyOf(i), { id: i, text: "x".repeat((i * 37) % 400) });
  for (let i = 0; i < 1200; i++) tx.put(keyOf(i), { id: i, text: "y".repeat(i % 300) });
});
await db.modules.put(DUMP, { name: "dump" });
await db.modules.put(STATEFUL, { name: "stateful" });
for (const name of ["count-keys", "count-records", "count-records-simd", "first-keys", "filter-prefix", "sum-field"]) {
  await db.modules.put(exampleModule(name), { name });
}
for (const name of ["filter-prefix-as", "sum-field-as"]) await db.modules.put(exampleModule(name), { name });

afterAll(async () => {
  expectClean(db);
  expect(db.stats().openSnapshots).toBe(0);
  expect(db.stats().leakedSnapshots).toBe(0);
  await db.close();
});

/** Keys and values in leaf pages, as bytes; a value that lies outside is null. */
function entriesIn(pages: Buffer): [string, string | null][] {
  const entries: [string, string | null][] = [];
  for (let base = 0; base < pages.length; base += 4096) {
    const page = pages.subarray(base, base + 4096);
    expect(page[0]).toBe(1);
    const prefix = page.subarray(32, 32 + page.readUInt16LE(16));
    const slots = 32 + ((prefix.length + 3) & -4);
    for (let i = 0; i < page.readUInt16LE(2); i++) {
      const [cell, suffix] = [page.readUInt16LE(slots + 8 * i + 4), page.readUInt16LE(slots + 8 * i + 6)];
      const head = Buffer.alloc(4);
      head.writeUInt32BE(page.readUInt32LE(slots + 8 * i));
      const tail = Math.max(0, suffix - 4);
      const key = Buffer.concat([
        prefix,
        head.subarray(0, Math.min(4, suffix)),
        page.subarray(cell + 2, cell + 2 + tail),
      ]);
      const length = page.readUInt16LE(cell);
      const at = cell + 2 + tail;
      entries.push([key.toString("hex"), length >= 0x8000 ? null : page.toString("hex", at, at + length)]);
    }
  }
  return entries;
}

function stored(entries: Iterable<[Key, unknown]>): [string, string | null][] {
  return [...entries].map(([key, value]) => {
    const bytes = Buffer.from(encodeMsgpack(value));
    return [keyBytes(key).toString("hex"), bytes.length > (4096 - 32) / 4 - 24 ? null : bytes.toString("hex")];
  });
}

async function dump(pages: PagesOf, options?: CallOptions): Promise<[string, string | null][]> {
  return entriesIn(Buffer.from(await db.modules.mapPages("dump", pages, options).bytes()));
}

const bound = fc.nat(RECORDS + 10).map(keyOf);
const range: fc.Arbitrary<Range> = fc.oneof(
  fc.record({ gte: bound, lt: bound }, { requiredKeys: [] }),
  fc.record({ gt: bound, lte: bound }, { requiredKeys: [] }),
  fc.constantFrom<Range>({ prefix: "ab" }, { prefix: "a name" }, { prefix: ["ab"] }, { prefix: "none" }, {}),
);

test("the pages of a map are cut to the range", async () => {
  const map = db.map("m");
  await fc.assert(
    fc.asyncProperty(range, fc.constantFrom(1, 2, 16), async (of, pagesPerCall) => {
      expect(await dump({ map: "m", range: of }, { pagesPerCall })).toEqual(stored(map.range(of)));
      const stream = db.modules.mapPages("count-keys", { map: "m", range: of }, { pagesPerCall });
      await stream.bytes();
      expect(stream.usage.records).toBe(map.count(of));
    }),
    { numRuns: effort(25) },
  );
  expect(await dump({ map: "no such map" })).toEqual([]);
});

test("the facts of a partition at any point are those that a range reads", async () => {
  let now = Date.UTC(2026, 0, 1);
  await using facts = openFresh({ pageSize: 4096, clock: () => now });
  await facts.modules.put(DUMP, { name: "dump" });
  const points: number[] = [];
  for (let round = 0; round < 12; round++) {
    now += 60_000;
    await facts.transaction((tx) => {
      for (let i = round; i < 400; i += 1 + (round % 5)) {
        const validTo = i % 3 === 0 ? now + 3_600_000 : undefined;
        if (i % 11 === round % 11) tx.delete(keyOf(i));
        else tx.put(keyOf(i), { round, text: "x".repeat((i * 7) % 1100) }, validTo === undefined ? {} : { validTo });
        tx.partition(7).put(i, round);
      }
    });
    points.push(facts.stats().lastTx);
  }
  const at = fc.oneof(
    fc.constant(undefined),
    fc.constantFrom(...points).map((tx) => ({ tx })),
    fc.record({
      tx: fc.constantFrom(...points),
      validAt: fc.integer({ min: -5, max: 90 }).map((m) => now + m * 60_000),
    }),
  );
  await fc.assert(
    fc.asyncProperty(range, at, fc.constantFrom(0, 7), async (of, point, partition) => {
      const pages = { partition, range: of, ...(point !== undefined && { at: point }) };
      const found = entriesIn(Buffer.from(await facts.modules.mapPages("dump", pages).bytes()));
      expect(found).toEqual(stored(facts.partition(partition).range(of, point)));
    }),
    { numRuns: effort(25) },
  );
  expect(facts.stats().openSnapshots).toBe(0);
});

test("how many pages a call has, and how a call is cut into slices, changes nothing", async () => {
  for (const name of ["count-keys", "first-keys", "filter-prefix", "filter-prefix-as", "dump"]) {
    const results = [];
    for (const pagesPerCall of [1, 2, 16, 100]) {
      const stream = db.modules.mapPages(name, { map: "m" }, { pagesPerCall });
      results.push([Buffer.from(await stream.bytes()).toString("base64"), stream.usage.pages, stream.usage.records]);
    }
    expect(results).toEqual(Array(4).fill(results[0]));
  }
  for (const name of ["count-records", "count-records-simd", "sum-field", "sum-field-as"]) {
    const arg = Buffer.from("id");
    const results = [];
    for (const pagesPerCall of [1, 2, 16, 100]) {
      const { value, records } = await db.modules.reducePages(name, { map: "m" }, { pagesPerCall, arg });
      results.push([Buffer.from(value).toString("hex"), records]);
    }
    expect(results).toEqual(Array(4).fill(results[0]));
  }
});

test("fuel is the same each time, however long slices are", async () => {
  for (const pagesPerCall of [1, 3, 16]) {
    const fuel = new Set<number>();
    const bytes = new Set<string>();
    for (let i = 0; i < 10; i++) {
      const stream = db.modules.mapPages("stateful", { map: "m" }, { pagesPerCall });
      bytes.add(Buffer.from(await stream.bytes()).toString("hex"));
      fuel.add(stream.usage.fuelUsed);
      if (i % 3 === 0) for (const endMs = performance.now() + 20; performance.now() < endMs; );
    }
    expect([fuel.size, bytes.size]).toEqual([1, 1]);
  }
  // With the smallest cache, batches of pages are short.
  const small = openFresh({ pageSize: 4096, cacheBytes: 0 });
  small.transactionSync((tx) => {
    for (let i = 0; i < RECORDS; i++) tx.map("m").put(keyOf(i), { id: i, text: "x".repeat((i * 37) % 400) });
  });
  await small.modules.put(STATEFUL, { name: "stateful" });
  for (const pagesPerCall of [1, 7, 100]) {
    const [here, there] = [db, small].map((of) => of.modules.mapPages("stateful", { map: "m" }, { pagesPerCall }));
    expect(await there.bytes()).toEqual(await here.bytes());
    expect(there.usage).toEqual(here.usage);
  }
  await small.close();
});

test("what is written meanwhile does not show", async () => {
  const writing = openFresh({ pageSize: 4096, checkpointBytes: 64 * 1024, cacheBytes: 0 });
  const fill = (value: string) =>
    writing.transactionSync((tx) => {
      for (let i = 0; i < 2000; i++) tx.map("m").put(i, value);
      for (let i = 0; i < 500; i++) tx.put(i, value);
    });
  fill("old".repeat(30));
  await writing.modules.put(DUMP, { name: "dump" });
  const before = { map: stored(writing.map("m").range()), facts: stored(writing.range()) };
  const map = writing.modules.mapPages("dump", { map: "m" });
  const facts = writing.modules.mapPages("dump", { partition: 0 });
  fill("new".repeat(40));
  const pieces: Uint8Array[] = [];
  writing.map("m").clearSync({ gte: 500 });
  for await (const piece of map) {
    pieces.push(piece);
    fill(`meanwhile ${pieces.length}`);
    await writing.checkpoint();
  }
  expect(entriesIn(Buffer.concat(pieces))).toEqual(before.map);
  expect(entriesIn(Buffer.from(await facts.bytes()))).toEqual(before.facts);
  expect(writing.stats().openSnapshots).toBe(0);
  expectClean(writing);
  await writing.close();
});

test("a stream is gone through once", async () => {
  const stream = db.modules.mapPages("dump", { map: "m" });
  expect(db.stats().openSnapshots).toBe(1);
  const first = await stream.bytes();
  expect(first.length).toBeGreaterThan(4096 * 100);
  expect(await codeOf(() => stream.bytes())).toBe("LLMDB_CLOSED");
  expect(stream.usage.records).toBe(RECORDS);
});

test("leaving early, an error, and a signal release everything", async () => {
  for (const pages of [{ map: "m" }, { partition: 0 }]) {
    for await (const piece of db.modules.mapPages("dump", pages)) {
      expect(piece.length).toBeGreaterThan(0);
      break;
    }
    expect(db.stats().openSnapshots).toBe(0);
    expect(await codeOf(() => db.modules.mapPages("dump", pages, { fuel: 201_000 }).bytes())).toBe("LLMDB_WASM_FUEL");
    expect(db.stats().openSnapshots).toBe(0);
    const reason = new Error("called off");
    const aborted = db.modules.mapPages("dump", pages, { signal: AbortSignal.abort(reason) });
    await expect(aborted.bytes()).rejects.toBe(reason);
    expect(db.stats().openSnapshots).toBe(0);
    const controller = new AbortController();
    const running = db.modules.reducePages("slow", pages, { signal: controller.signal, timeoutMs: 60_000 });
    setTimeout(() => controller.abort(reason), 20);
    await expect(running).rejects.toBe(reason);
    expect(db.stats().openSnapshots).toBe(0);
  }
});

/** Takes some milliseconds for each page. */
const SLOW = moduleText({
  reduce_pages: `
    (local.set $n (i32.const 3000000))
    (loop $l (local.set $n (i32.sub (local.get $n) (i32.const 1))) (br_if $l (local.get $n)))
    (i32.const 0)`,
});
await db.modules.put(SLOW, { name: "slow" });

test("time", async () => {
  expect(await codeOf(() => db.modules.reducePages("slow", { map: "m" }, { timeoutMs: 10 }))).toBe("LLMDB_WASM_TIME");
  expect(db.stats().openSnapshots).toBe(0);
  expect((await db.modules.reducePages("count-records", { map: "m" })).records).toBe(RECORDS);
});

test("what a module logs comes to who called it", async () => {
  const text = moduleText(
    { map_pages: `(call $log (i32.const 16) (i32.const 5)) (i32.const 0)` },
    { imports: LOG, more: `(data (i32.const 16) "hello")` },
  );
  await db.modules.put(text, { name: "log", capabilities: ["log"] });
  const texts: string[] = [];
  await db.modules.mapPages("log", { map: "m" }, { pagesPerCall: 1000, log: (one) => texts.push(one) }).bytes();
  expect(texts).toEqual(["hello"]);
  // Whoever takes it may write, and is not cut off.
  const noisy = moduleText(
    { map_pages: `(loop $l (call $log (i32.const 16) (i32.const 5)) (br $l)) unreachable` },
    { imports: LOG, more: `(data (i32.const 16) "hello")` },
  );
  await db.modules.put(noisy, { name: "noisy", capabilities: ["log"] });
  let written = 0;
  let lines = 0;
  const log = () => {
    lines++;
    if (written < 300) db.map("texts").putSync(written++, "x".repeat(3000));
  };
  const call = () => db.modules.mapPages("noisy", { map: "m" }, { timeoutMs: 3, log, fuel: 1e12 }).bytes();
  expect(await codeOf(call)).toBe("LLMDB_WASM_TIME");
  expect(db.map("texts").count()).toBe(written);
  expect(lines).toBeLessThan(2 ** 20 / 64);
});

test("the frame says what state and which call it is", async () => {
  const text = moduleText({
    map_pages: `(memory.copy (local.get $out) (local.get $in) (i32.const 80)) (i32.const 80)`,
    reduce_pages: `(memory.copy (local.get $out) (local.get $in) (i32.const 80)) (i32.const 80)`,
  });
  await db.modules.put(text, { name: "frame" });
  const arg = Buffer.from("0123456789");
  const { lastTx } = db.stats();
  const map = Buffer.from(await db.modules.mapPages("frame", { map: "m" }, { arg, pagesPerCall: 1024 }).bytes());
  expect([map.readUInt16LE(0), map.readUInt16LE(2), map.readUInt32LE(8)]).toEqual([1, 1, 4096]);
  expect(map.readUInt32LE(12) % 16).toBe(0);
  expect(map.toString("latin1", map.readUInt32LE(16), map.readUInt32LE(16) + 10)).toBe("0123456789");
  expect([map.readUInt32LE(20), map.readBigUInt64LE(24), map.readUInt32LE(44)]).toEqual([10, BigInt(lastTx), 0]);
  const options = { floats: "fast", pagesPerCall: 32 } as const;
  // Of the last of two calls.
  const facts = Buffer.from((await db.modules.reducePages("frame", { partition: 0 }, options)).value);
  expect([facts.readUInt16LE(2), facts.readUInt32LE(44), facts.readUInt32LE(48)]).toEqual([2, 3, 80]);
});

test("a page is handed over whole: overRecords finds each", async () => {
  const text = moduleText({
    reduce_pages: `
      ${overRecords(`(local.set $c (i32.add (local.get $c) (i32.load16_u offset=2 (local.get $a))))`, PAGE_STEP)}
      (i32.store (local.get $out)
        (i32.add (local.get $c) (if (result i32) (i32.load offset=48 (local.get $in))
          (then (i32.load (local.get $out))) (else (i32.const 0)))))
      (i32.const 4)`,
  });
  await db.modules.put(text, { name: "sum" });
  for (const pagesPerCall of [1, 5, 1024]) {
    const { value } = await db.modules.reducePages("sum", { map: "m" }, { pagesPerCall });
    expect(Buffer.from(value).readUInt32LE()).toBe(RECORDS);
  }
});
