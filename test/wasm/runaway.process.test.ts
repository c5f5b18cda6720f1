/**
 * A module that does not end: in a thread of its own it is stopped while this one goes on reading, in this thread it is
 * stopped, too. Times are printed, not asserted.
 */
import { afterAll, expect, test } from "vitest";
import { builtUrl } from "../built-file.js";
import { expectClean } from "../harness/index.js";
import { freshPath } from "../map/fresh.js";
import { codeOf, exampleModule, moduleText } from "./module-text.js";

const core: typeof import("../../index.js") = await import(builtUrl("index.ts"));
const TIMEOUT_MS = 200;
const loop = "(loop $l (br $l)) unreachable";
/** One operation that takes long, and calls without end. */
const runaways: Record<string, string> = {
  "an empty loop": loop,
  "a loop that writes": "(loop $l (memory.fill (local.get $out) (i32.const 7) (i32.const 4096)) (br $l)) unreachable",
  "a division": `(local.set $w (i64.const -1))
    (loop $l (local.set $w (i64.div_u (i64.const -7) (i64.or (local.get $w) (i64.const 1)))) (br $l)) unreachable`,
};

const db = core.open(freshPath(), { pageSize: 4096 });
db.transactionSync((tx) => {
  for (let i = 0; i < 20_000; i++) tx.map("m").put(i, `value ${i} ${"x".repeat(200)}`);
});
for (const [name, body] of Object.entries(runaways)) {
  await db.modules.put(moduleText({ map_pages: body, reduce_pages: body, tx_hook: body, custom_index: body }), {
    name,
  });
}
await db.modules.put(exampleModule("count-records"), { name: "count-records" });

afterAll(async () => {
  expect(db.stats().openSnapshots).toBe(0);
  expectClean(db);
  await db.close();
});

function percentile(sorted: readonly number[], share: number): string {
  return `${(sorted[Math.floor(sorted.length * share)] * 1000).toFixed(1)} us`;
}

test.each(Object.keys(runaways))("%s in a thread: reads here go on", async (name) => {
  // So that no start of a thread is in the figures.
  await db.modules.reducePages("count-records", { map: "m" }, { workers: 1 });
  const startMs = performance.now();
  let endMs = 0;
  const stopped = codeOf(() =>
    db.modules.mapPages(name, { map: "m" }, { workers: 1, timeoutMs: TIMEOUT_MS, fuel: 1e15 }).bytes(),
  ).finally(() => {
    endMs = performance.now();
  });
  const took: number[] = [];
  while (endMs === 0) {
    for (let i = 0; i < 500; i++) {
      const beforeMs = performance.now();
      if (db.map("m").get((took.length * 7919) % 20_000) === undefined) throw new Error("a value is gone");
      took.push(performance.now() - beforeMs);
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(await stopped).toBe("LLMDB_WASM_TIME");
  took.sort((a, b) => a - b);
  const late = (endMs - startMs - TIMEOUT_MS).toFixed(1);
  console.log(
    `${name}: stopped ${late} ms after its deadline; ${took.length} reads, ` +
      `p50 ${percentile(took, 0.5)}, p99 ${percentile(took, 0.99)}`,
  );
  expect(took.length).toBeGreaterThan(1000);
  const { records } = await db.modules.reducePages("count-records", { map: "m" }, { workers: 1 });
  expect(records).toBe(20_000);
});

test.each(Object.keys(runaways))("%s in this thread: it is stopped, and the next call works", async (name) => {
  const calls: Record<string, () => Promise<unknown>> = {
    mapPages: () => db.modules.mapPages(name, { map: "m" }, { timeoutMs: 25, fuel: 1e15 }).bytes(),
    reducePages: () => db.modules.reducePages(name, { map: "m" }, { timeoutMs: 25, fuel: 1e15 }),
    "over facts": () => db.modules.reducePages(name, { partition: 0 }, { timeoutMs: 25, fuel: 1e15 }),
    hook: () => db.map("hooked").put(1, 1),
    index: () => db.map("indexed").put(1, 1),
  };
  await db.modules.attach(name, "hooked", { on: "tx_hook", timeoutMs: 25, fuel: 1e15 });
  await db.modules.attach(name, "indexed", { on: "custom_index", name: "i", timeoutMs: 25, fuel: 1e15 });
  for (const [what, call] of Object.entries(calls)) {
    const startMs = performance.now();
    expect(await codeOf(call), what).toBe("LLMDB_WASM_TIME");
    console.log(`${name}, ${what}: ${(performance.now() - startMs).toFixed(1)} ms with 25 ms to go`);
    expect((await db.modules.reducePages("count-records", { map: "m" })).records).toBe(20_000);
  }
  expect(db.map("hooked").count() + db.map("indexed").count()).toBe(0);
  await db.modules.detach(name, "hooked", { on: "tx_hook" });
  await db.modules.detach(name, "indexed", { on: "custom_index", name: "i" });
});

test("what is attached at a map with records is stopped while it is built", async () => {
  const [name] = Object.keys(runaways);
  const attach = () => db.modules.attach(name, "m", { on: "custom_index", name: "i", timeoutMs: 25, fuel: 1e15 });
  expect(await codeOf(attach)).toBe("LLMDB_WASM_TIME");
  expect(db.modules.attachments()).toEqual([]);
  db.map("m").putSync(0, "value");
});
