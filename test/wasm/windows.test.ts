/**
 * What a module does with its windows and its memory: pointers, lengths and answers of every kind end in a typed error
 * or in what they say, and never in a changed page.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { afterAll, expect, test } from "vitest";
import { type Database, open } from "../../index.js";
import { expectClean } from "../harness/index.js";
import { freshPath } from "../map/fresh.js";
import { ALLOC, codeOf, exampleModule, GET, LOG, moduleText, overRecords, PAGE_STEP } from "./module-text.js";

const path = freshPath();
const db = open(path, { pageSize: 4096 });
db.transactionSync((tx) => {
  for (let i = 0; i < 3000; i++) tx.map("m").put(i, `value ${i} ${"x".repeat(i % 90)}`);
  for (let i = 0; i < 500; i++) tx.put(i, i);
});
await db.modules.put(exampleModule("template-tx-hook"), { name: "copies" });
await db.checkpoint();

/** All bytes of the file, and everything that is read through the cache. */
function imageOf(of: Database): string {
  const hash = createHash("sha256").update(readFileSync(path));
  const bytes = of.map("m");
  for (const [key] of bytes.range()) hash.update(`${String(key)}`).update(bytes.getBytes(key) ?? "");
  for (const [key, value] of of.range()) hash.update(`${String(key)} ${String(value)}`);
  return hash.digest("hex");
}

afterAll(async () => {
  expect(db.stats().openSnapshots).toBe(0);
  expectClean(db);
  await db.close();
});

let modules = 0;
/** What a module ends with over pages and in a hook; what it gave out, if it did. */
async function outcome(text: string, memoryBytes?: number): Promise<(string | undefined)[]> {
  const name = `module ${++modules}`;
  const { calls } = await db.modules.put(text, { name, capabilities: ["log", "get"] });
  const options = { fuel: 1e10, timeoutMs: 10_000, ...(memoryBytes !== undefined && { memoryBytes }) };
  const before = imageOf(db);
  const codes: (string | undefined)[] = [];
  for (const pagesPerCall of [1, 8]) {
    if (calls.includes("map_pages")) {
      const call = () => db.modules.mapPages(name, { map: "m" }, { ...options, pagesPerCall }).bytes();
      codes.push(await codeOf(call));
      codes.push(await codeOf(() => db.modules.mapPages(name, { partition: 0 }, options).bytes()));
    }
    if (calls.includes("reduce_pages")) {
      codes.push(await codeOf(() => db.modules.reducePages(name, { map: "m" }, { ...options, pagesPerCall })));
    }
  }
  expect(imageOf(db)).toBe(before);
  return [...new Set(codes)];
}

/** Both calls over pages with one body. */
function both(body: string, around?: Parameters<typeof moduleText>[1]): string {
  return moduleText({ map_pages: body, reduce_pages: body }, around);
}

const allocating = (body: string) =>
  both("(i32.const 0)", { alloc: `(func (export "llmdb_alloc") (param $n i32) (result i32) ${body})` });

test.each<[string, string, string | undefined]>([
  ["0", "(i32.const 0)", "LLMDB_WASM_TRAP"],
  ["behind the memory", "(i32.const 131072)", "LLMDB_WASM_TRAP"],
  ["far behind the memory", "(i32.const -16)", "LLMDB_WASM_TRAP"],
  ["so that the end is behind it", "(i32.sub (i32.const 131080) (local.get $n))", "LLMDB_WASM_TRAP"],
  ["so that the end is its end", "(i32.sub (i32.const 131072) (local.get $n))", undefined],
  ["unaligned", "(i32.const 17)", undefined],
  ["a trap", "unreachable", "LLMDB_WASM_TRAP"],
  ["more memory than it may have", "(drop (memory.grow (i32.const 5000))) (i32.const 16)", "LLMDB_WASM_MEMORY"],
  ["never", "(loop $l (br $l)) unreachable", "LLMDB_WASM_TIME"],
])("llmdb_alloc answers: %s", async (_what, body, code) => {
  const text = allocating(body);
  if (code !== "LLMDB_WASM_TIME") expect(await outcome(text)).toEqual([code]);
  else {
    await db.modules.put(text, { name: "never" });
    const options = { timeoutMs: 10, fuel: 1e15 };
    expect(await codeOf(() => db.modules.reducePages("never", { map: "m" }, options))).toBe(code);
  }
});

test.each<[string, string, string | undefined]>([
  ["nothing", "(i32.const 0)", undefined],
  ["the whole window", "(local.get $cap)", undefined],
  ["one byte more", "(i32.add (local.get $cap) (i32.const 1))", "LLMDB_WASM_TRAP"],
  ["the largest number", "(i32.const 0x7fffffff)", "LLMDB_WASM_TRAP"],
  ["an abort without a message", "(i32.store (local.get $out) (i32.const 0)) (i32.const -1)", "LLMDB_WASM_ABORT"],
  [
    "an abort with too long a message",
    "(i32.store (local.get $out) (i32.const -1)) (i32.const -1)",
    "LLMDB_WASM_ABORT",
  ],
  ["-3", "(i32.const -3)", "LLMDB_WASM_ABORT"],
  ["the smallest number", "(i32.const 0x80000000)", "LLMDB_WASM_ABORT"],
  ["too small, for ever", "(i32.const -2)", "LLMDB_WASM_MEMORY"],
])("a call answers: %s", async (_what, body, code) => {
  expect(await outcome(both(body))).toEqual([code]);
});

test("a message of an abort, and a code of its own, come with the error", async () => {
  const text = both(
    `(i32.store (local.get $out) (i32.const 8)) (memory.copy (i32.add (local.get $out) (i32.const 4)) (i32.const 16)
      (i32.const 8)) (i32.const -1)`,
    { more: `(data (i32.const 16) "no, th\\c3\\a4")` },
  );
  await db.modules.put(text, { name: "aborting" });
  await expect(db.modules.reducePages("aborting", { map: "m" })).rejects.toMatchObject({
    code: "LLMDB_WASM_ABORT",
    details: { message: "no, thä" },
  });
  await db.modules.put(both("(i32.const -77)"), { name: "code" });
  await expect(db.modules.reducePages("code", { map: "m" })).rejects.toMatchObject({ details: { code: -77 } });
});

test("another version of the convention", async () => {
  expect(await outcome(both("(i32.const 0)", { abi: 2 }))).toEqual(["LLMDB_WASM_TRAP"]);
});

test("a window that is too small grows, with what an accumulator holds", async () => {
  // Each page adds 1,000 bytes; the accumulator is checked whole on the way.
  const text = moduleText({
    reduce_pages: `
      (local.set $c (i32.load offset=48 (local.get $in)))
      ${overRecords(
        `
        (if (i32.gt_u (i32.add (local.get $c) (i32.const 1000)) (local.get $cap)) (then (return (i32.const -2))))
        (memory.fill (i32.add (local.get $out) (local.get $c)) (i32.rem_u (i32.div_u (local.get $c) (i32.const 1000))
          (i32.const 251)) (i32.const 1000))
        (local.set $c (i32.add (local.get $c) (i32.const 1000)))`,
        PAGE_STEP,
      )}
      (local.get $c)`,
  });
  await db.modules.put(text, { name: "growing" });
  for (const pagesPerCall of [1, 7, 1024]) {
    const { value, pages } = await db.modules.reducePages("growing", { map: "m" }, { pagesPerCall });
    expect(value.length).toBe(pages * 1000);
    for (let i = 0; i < value.length; i++) if (value[i] !== Math.floor(i / 1000) % 251) throw new Error(`byte ${i}`);
  }
});

test("memory", async () => {
  const growing = (pages: number) =>
    both(
      `(drop (memory.grow (i32.const ${pages}))) (i32.store (i32.sub (i32.shl (memory.size) (i32.const 16))
      (i32.const 4)) (i32.const 1)) (i32.const 0)`,
      { alloc: ALLOC },
    );
  expect(await outcome(growing(1), 3 * 65536)).toEqual(["LLMDB_WASM_MEMORY"]);
  expect(await outcome(growing(1), 64 * 65536 * 4)).toEqual([undefined]);
  expect(await outcome(growing(5000))).toEqual(["LLMDB_WASM_MEMORY"]);
  expect(await outcome(both("(i32.const 0)"), 65536)).toEqual(["LLMDB_WASM_MEMORY"]);
  // Windows that cannot fit are not asked for.
  await db.modules.put(
    both("(i32.const 0)", {
      alloc: `(func (export "llmdb_alloc") (param i32) (result i32)
    unreachable)`,
    }),
    { name: "trapping" },
  );
  const wide = { pagesPerCall: 1024, memoryBytes: 2 ** 20 };
  expect(await codeOf(() => db.modules.reducePages("trapping", { map: "m" }, wide))).toBe("LLMDB_WASM_MEMORY");
  await db.modules.attach("copies", "hooked", { on: "tx_hook", writes: ["w"] });
  expect(await codeOf(() => db.map("hooked").put(1, "x".repeat(70_000_000)))).toBe("LLMDB_WASM_MEMORY");
  expect(await codeOf(() => db.map("hooked").put(1, "x"))).toBeUndefined();
});

test("the whole of its memory is its own to damage", async () => {
  const filling = both(
    `(memory.fill (i32.const 0) (i32.const 0xff) (i32.shl (memory.size) (i32.const 16))) (i32.const 16)`,
  );
  expect(await outcome(filling)).toEqual([undefined]);
  // The frame says anything, then the window is too small.
  const lying = both(
    `(memory.fill (local.get $in) (i32.const 0xff) (local.get $len))
     (if (result i32) (i32.lt_u (local.get $cap) (i32.const 100000)) (then (i32.const -2)) (else (i32.const 0)))`,
  );
  expect(await outcome(lying)).toEqual([undefined]);
});

test.each<[string, string, string | undefined]>([
  ["a log behind the memory", "(call $log (i32.const 131072) (i32.const 1))", "LLMDB_WASM_TRAP"],
  ["a log that wraps", "(call $log (i32.const -4) (i32.const 8))", "LLMDB_WASM_TRAP"],
  ["a log of nothing at its end", "(call $log (i32.shl (memory.size) (i32.const 16)) (i32.const 0))", undefined],
  ["a log of everything", "(call $log (i32.const 0) (i32.shl (memory.size) (i32.const 16)))", undefined],
  [
    "a key behind the memory",
    "(drop (call $get (i32.const -4) (i32.const 8) (i32.const 0) (i32.const 0)))",
    "LLMDB_WASM_TRAP",
  ],
  [
    "a key of everything",
    "(drop (call $get (i32.const 0) (i32.shl (memory.size) (i32.const 16)) (i32.const 0) (i32.const 0)))",
    undefined,
  ],
  ["no key", "(drop (call $get (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))", undefined],
])("%s", async (_what, body, code) => {
  expect(await outcome(both(`${body} (i32.const 0)`, { imports: `${GET} ${LOG}` }))).toEqual([code]);
});

test("what it runs first is within its limits", async () => {
  const starting = (body: string) => both("(i32.const 0)", { more: `(func $start ${body}) (start $start)` });
  expect(await outcome(starting("unreachable"))).toEqual(["LLMDB_WASM_TRAP"]);
  expect(await outcome(starting("(call $start)"))).toEqual(["LLMDB_WASM_STACK"]);
  expect(await outcome(starting("(drop (memory.grow (i32.const 9999)))"))).toEqual(["LLMDB_WASM_MEMORY"]);
  await db.modules.put(starting("(loop $l (br $l))"), { name: "starting" });
  const options = { timeoutMs: 10, fuel: 1e15 };
  expect(await codeOf(() => db.modules.reducePages("starting", { map: "m" }, options))).toBe("LLMDB_WASM_TIME");
  expect(await codeOf(() => db.modules.reducePages("starting", { map: "m" }, { fuel: 1e6 }))).toBe("LLMDB_WASM_FUEL");
  expect(await outcome(both("(i32.const 0)", { more: `(data (i32.const 131070) "abc")` }))).toEqual([
    "LLMDB_WASM_TRAP",
  ]);
});
