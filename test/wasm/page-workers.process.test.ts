/**
 * Modules over pages in other threads: the same bytes, the same fuel and the same errors as in this one, whatever a
 * module remembers or does; and what ends early leaves nothing behind.
 */
import { afterAll, expect, test } from "vitest";
import type { CallOptions, Database, PagesOf } from "../../index.js";
import { MORSEL_PAGES } from "../../wasm/morsel.js";
import { builtUrl } from "../built-file.js";
import { effort, isThorough } from "../effort.js";
import { expectClean } from "../harness/index.js";
import { freshPath } from "../map/fresh.js";
import { codeOf, exampleModule, GET, LOG, moduleText } from "./module-text.js";

const core: typeof import("../../index.js") = await import(builtUrl("index.ts"));
const RECORDS = 150_000;
const WORKERS = [0, 1, 2];

function fill(db: Database): void {
  db.transactionSync((tx) => {
    const map = tx.map<string, string>("m", { values: "string" });
    for (let i = 0; i < RECORDS; i++) map.put(`record ${String(i).padStart(7, "0")}`, "v".repeat(80 + ((i * 7) % 60)));
    for (let i = 0; i < 3000; i++) tx.put(i, { id: i, text: "x".repeat(i % 200) });
  });
}

const db = core.open(freshPath(), { pageSize: 4096 });
fill(db);
afterAll(async () => {
  expectClean(db);
  expect(db.stats()).toMatchObject({ openSnapshots: 0, leakedSnapshots: 0 });
  await db.close();
});

const LOOP = (units: number) => `
  (local.set $n (i32.const ${units}))
  (loop $l (local.set $n (i32.sub (local.get $n) (i32.const 1))) (br_if $l (local.get $n)))`;
const COUNTER = "(global $calls (mut i32) (i32.const 0)) (global $pages (mut i32) (i32.const 0))";
const COUNT = `
  (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
  (global.set $pages (i32.add (global.get $pages) (i32.load offset=4 (local.get $in))))`;
const texts = {
  stateful: moduleText(
    {
      map_pages: `${COUNT} (i32.store (local.get $out) (global.get $calls))
        (i32.store offset=4 (local.get $out) (global.get $pages)) (i32.const 8)`,
      reduce_pages: `${COUNT} (i32.store (local.get $out) (global.get $calls)) (i32.const 4)`,
      reduce_merge: `
        (memory.copy (local.get $out) (i32.add (local.get $in) (i32.const 64)) (i32.const 32)) (i32.const 32)`,
    },
    { more: COUNTER },
  ),
  unjoined: moduleText(
    { reduce_pages: `${COUNT} (i32.store (local.get $out) (global.get $calls)) (i32.const 4)` },
    { more: COUNTER },
  ),
  // Fails at the 500th page of a morsel, after some work on each.
  trapping: moduleText(
    {
      map_pages: `${COUNT} ${LOOP(50)}
        (if (i32.eq (global.get $pages) (i32.const 500)) (then unreachable)) (i32.const 0)`,
    },
    { more: COUNTER },
  ),
  // Fails at the 500th page of the second morsel: the prefix of keys has the number of the record in it.
  "trapping later": moduleText(
    {
      map_pages: `${COUNT} ${LOOP(50)}
        (local.set $a (i32.add (local.get $in) (i32.load offset=12 (local.get $in))))
        (if (i32.and (i32.eq (global.get $pages) (i32.const 500))
            (i32.gt_u (i32.load8_u offset=42 (local.get $a)) (i32.const 0x34))) (then unreachable))
        (i32.const 0)`,
    },
    { more: COUNTER },
  ),
  runaway: moduleText({ map_pages: `(loop $l (br $l)) unreachable`, reduce_pages: `(loop $l (br $l)) unreachable` }),
  working: moduleText({ map_pages: `${LOOP(3000)} (i32.const 0)` }),
  merging: moduleText({
    reduce_pages: `(i32.store (local.get $out) (i32.const 7)) (i32.const 4)`,
    reduce_merge: `${LOOP(2_000_000)} (i32.const 0)`,
  }),
  log: moduleText(
    {
      map_pages: `${COUNT}
        (if (i32.eq (global.get $calls) (i32.const 1)) (then (call $log (i32.const 16) (i32.const 5)))) (i32.const 0)`,
    },
    { imports: LOG, more: `${COUNTER} (data (i32.const 16) "hello")` },
  ),
  get: moduleText({ map_pages: `(i32.const 0)` }, { imports: GET }),
};
for (const [name, text] of Object.entries(texts)) {
  await db.modules.put(text, { name, capabilities: ["log", "get"] });
}
const EXAMPLES = [
  "count-keys",
  "first-keys",
  "filter-prefix-as",
  "count-records",
  "count-records-simd",
  "sum-field-as",
];
for (const name of EXAMPLES) await db.modules.put(exampleModule(name), { name });

async function mapped(name: string, pages: PagesOf, options: CallOptions): Promise<unknown[]> {
  const stream = db.modules.mapPages(name, pages, { timeoutMs: 60_000, ...options });
  const bytes = Buffer.from(await stream.bytes());
  return [bytes.length, bytes.toString("base64"), stream.usage];
}

async function reduced(name: string, pages: PagesOf, options: CallOptions): Promise<unknown> {
  const { value, ...usage } = await db.modules.reducePages(name, pages, { timeoutMs: 60_000, ...options });
  return [Buffer.from(value).toString("hex"), usage];
}

const ALL: PagesOf = { map: "m" };
const PAGES: PagesOf[] = [
  ALL,
  { map: "m", range: { gte: "record 0012345", lt: "record 0140000" } },
  { map: "m", range: { prefix: "none" } },
  { partition: 0, range: { gte: 100, lt: 2500 } },
];

test("there are several morsels", async () => {
  const stream = db.modules.mapPages("count-keys", ALL);
  await stream.bytes();
  expect(stream.usage.pages).toBeGreaterThan(MORSEL_PAGES);
  expect(stream.usage.records).toBe(RECORDS);
});

test.each(["count-keys", "first-keys", "filter-prefix-as", "stateful"])("mapPages %s", async (name) => {
  for (const pages of PAGES) {
    for (const pagesPerCall of pages === ALL && isThorough ? [1, 16, 100] : [3]) {
      const arg = Buffer.from([0x20, ...Buffer.from("record 001")]);
      const results = [];
      for (const workers of WORKERS) results.push(await mapped(name, pages, { workers, pagesPerCall, arg }));
      expect(results[1]).toEqual(results[0]);
      expect(results[2]).toEqual(results[0]);
    }
  }
});

test.each(["count-records", "count-records-simd", "sum-field-as", "stateful", "unjoined"])(
  "reducePages %s",
  async (name) => {
    for (const pages of PAGES) {
      for (const pagesPerCall of pages === ALL && isThorough ? [1, 16] : [3]) {
        const results = [];
        for (const workers of WORKERS) {
          results.push(await reduced(name, pages, { workers, pagesPerCall, arg: Buffer.from("id") }));
        }
        expect(results[1]).toEqual(results[0]);
        expect(results[2]).toEqual(results[0]);
      }
    }
  },
);

/** Code, message and details of the error, which is to be the same for any number of threads. */
async function sameError(call: (workers: number) => Promise<unknown>): Promise<string> {
  const errors = [];
  for (const workers of WORKERS) {
    const error = await call(workers).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    if (!(error instanceof core.LlmdbError)) throw new Error("no error of the database", { cause: error });
    errors.push([error.code, error.message, error.details]);
    expect(db.stats().openSnapshots).toBe(0);
  }
  expect(errors[1]).toEqual(errors[0]);
  expect(errors[2]).toEqual(errors[0]);
  return String(errors[0][0]);
}

test("errors are the same in any thread, and what comes next works", async () => {
  expect(await sameError((workers) => mapped("trapping", ALL, { workers }))).toBe("LLMDB_WASM_TRAP");
  const used = await mapped("working", ALL, {});
  const stream = db.modules.mapPages("working", ALL, { timeoutMs: 60_000 });
  await stream.bytes();
  const { fuelUsed } = stream.usage;
  for (const share of [0.01, 0.3, 0.5, 0.7, 0.99]) {
    const fuel = Math.floor(fuelUsed * share);
    expect(await sameError((workers) => mapped("working", ALL, { workers, fuel }))).toBe("LLMDB_WASM_FUEL");
  }
  expect(await mapped("working", ALL, { fuel: fuelUsed, workers: 2 })).toEqual(used);
  expect(await sameError((workers) => mapped("working", ALL, { workers, fuel: fuelUsed - 1 }))).toBe("LLMDB_WASM_FUEL");
  expect(await sameError((workers) => mapped("working", ALL, { workers, memoryBytes: 65536 }))).toBe(
    "LLMDB_WASM_MEMORY",
  );
});

test("which of two ends comes first does not depend on the threads", async () => {
  const codes = new Set<string>();
  expect(await sameError((workers) => mapped("trapping later", ALL, { workers }))).toBe("LLMDB_WASM_TRAP");
  for (let fuel = 1_000_000; fuel < 4_000_000; fuel = Math.floor(fuel * (effort(1) > 1 ? 1.07 : 1.3))) {
    codes.add(await sameError((workers) => mapped("trapping later", ALL, { workers, fuel })));
  }
  expect([...codes].sort()).toEqual(["LLMDB_WASM_FUEL", "LLMDB_WASM_TRAP"]);
});

test("joining is within the fuel, too", async () => {
  expect(await sameError((workers) => reduced("merging", ALL, { workers, fuel: 5_000_000 }))).toBe("LLMDB_WASM_FUEL");
  const { fuelUsed } = await db.modules.reducePages("merging", ALL, { timeoutMs: 60_000 });
  expect(await codeOf(() => reduced("merging", ALL, { fuel: fuelUsed }))).toBeUndefined();
  expect(await sameError((workers) => reduced("merging", ALL, { workers, fuel: fuelUsed - 1 }))).toBe(
    "LLMDB_WASM_FUEL",
  );
});

test("time, a signal and leaving early stop threads, and the next call has new ones", async () => {
  for (const workers of [1, 2]) {
    const options = { workers, fuel: 1e12, timeoutMs: 50 };
    expect(await codeOf(() => db.modules.mapPages("runaway", ALL, options).bytes())).toBe("LLMDB_WASM_TIME");
    expect(await codeOf(() => db.modules.reducePages("runaway", ALL, options))).toBe("LLMDB_WASM_TIME");
    expect(db.stats().openSnapshots).toBe(0);
    const controller = new AbortController();
    const reason = new Error("called off");
    const running = db.modules.mapPages("runaway", ALL, { ...options, timeoutMs: 60_000, signal: controller.signal });
    setTimeout(() => controller.abort(reason), 20);
    await expect(running.bytes()).rejects.toBe(reason);
    expect(db.stats().openSnapshots).toBe(0);
    for await (const piece of db.modules.mapPages("count-keys", ALL, { workers })) {
      expect(piece.length).toBe(MORSEL_PAGES * 4);
      break;
    }
    expect(db.stats().openSnapshots).toBe(0);
    expect(await mapped("count-keys", ALL, { workers })).toEqual(await mapped("count-keys", ALL, {}));
  }
});

test("logs come home, and reading by key stays in this thread", async () => {
  for (const workers of WORKERS) {
    const lines: string[] = [];
    await mapped("log", ALL, { workers, log: (line) => lines.push(line) });
    expect(lines).toEqual(["hello", "hello", "hello"].slice(0, lines.length));
    expect(lines.length).toBeGreaterThan(2);
  }
  expect(await codeOf(() => mapped("get", ALL, { workers: 1 }))).toBe("LLMDB_INVALID_ARGUMENT");
  const reason = new Error("no logs");
  const log = () => {
    throw reason;
  };
  for (const workers of WORKERS) await expect(mapped("log", ALL, { workers, log })).rejects.toBe(reason);
  expect(db.stats().openSnapshots).toBe(0);
});

test("calls on databases with pages of other sizes beside each other", async () => {
  const other = core.open(freshPath(), { pageSize: 16384, cacheBytes: 0 });
  fill(other);
  await other.modules.put(exampleModule("count-keys"), { name: "count-keys" });
  const expected = await mapped("count-keys", ALL, {});
  const there = Buffer.from(await other.modules.mapPages("count-keys", ALL, { timeoutMs: 60_000 }).bytes());
  for (let round = 0; round < 4; round++) {
    const calls = Array.from({ length: 6 }, (_, i) =>
      i % 2 === 0
        ? mapped("count-keys", ALL, { workers: 1 + (i % 3) })
        : other.modules.mapPages("count-keys", ALL, { workers: 1 + (i % 3), timeoutMs: 60_000 }).bytes(),
    );
    for (const [i, result] of (await Promise.all(calls)).entries()) {
      if (i % 2 === 0) expect(result).toEqual(expected);
      else expect(result).toEqual(new Uint8Array(there));
    }
  }
  expectClean(other);
  await other.close();
});

test("what is written meanwhile does not show", async () => {
  const own = core.open(freshPath(), { pageSize: 4096, cacheBytes: 4 * 1024 * 1024, checkpointBytes: 1024 * 1024 });
  fill(own);
  await own.modules.put(exampleModule("count-records"), { name: "count-records" });
  const sum = async (workers: number) =>
    Buffer.from((await own.modules.reducePages("count-records", ALL, { workers, timeoutMs: 60_000 })).value).toString(
      "hex",
    );
  const before = await sum(0);
  const running = sum(2);
  for (let i = 0; i < 20; i++) {
    await own.transaction((tx) => {
      for (let k = 0; k < 2000; k++)
        tx.map("m", { values: "string" }).delete(`record ${String(i * 2000 + k).padStart(7, "0")}`);
    });
  }
  expect(await running).toBe(before);
  expect(await sum(2)).toBe(await sum(0));
  expectClean(own);
  await own.close();
});
