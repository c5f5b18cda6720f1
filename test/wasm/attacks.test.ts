/** Modules that mean harm, at the level of the rewriter: each ends within its limits, or is refused by its name. */
import { expect, test } from "vitest";
import wabt from "wabt";
import { LlmdbError } from "../../pager/error.js";
import { rewriteModule } from "../../wasm/rewrite.js";
import { webAssembly } from "../../wasm/web-assembly.js";
import { functionOf, joined, leb, moduleOf, name, section, times } from "./binary.js";

const assembler = await wabt();
const everything = {
  exceptions: true,
  threads: true,
  function_references: true,
  tail_call: true,
  gc: true,
  memory64: true,
  multi_memory: true,
  relaxed_simd: true,
};

function assemble(text: string): Uint8Array {
  const module = assembler.parseWat("attack", text, everything);
  module.resolveNames();
  const bytes = new Uint8Array(module.toBinary({}).buffer);
  module.destroy();
  return bytes;
}

interface Grant {
  readonly fuel?: bigint;
  readonly pages?: number;
}

/** Which limit ended the call of `f`, or of the start function where there is one. */
function endOf(bytes: Uint8Array, { fuel = 2_000_000n, pages = 16 }: Grant = {}): string {
  const { bytes: rewritten, injected } = rewriteModule(bytes);
  const { exports } = new webAssembly.Instance(new webAssembly.Module(rewritten));
  const meters = [injected.fuel, injected.stack, injected.pages].map((meter) => exports[meter]);
  const [fuelLeft, stackLeft, pagesLeft] = meters.filter((meter) => meter instanceof webAssembly.Global);
  [fuelLeft.value, stackLeft.value, pagesLeft.value] = [fuel, 65_536, pages];
  const run = exports[injected.start ?? "f"];
  if (typeof run !== "function") throw new Error("nothing to call");
  try {
    return `returned ${run()}`;
  } catch (error) {
    if (!(error instanceof webAssembly.RuntimeError)) throw error;
    if (fuelLeft.value < 0n) return "fuel";
    if (stackLeft.value < 0) return "stack";
    return pagesLeft.value < 0 ? "memory" : error.message;
  }
}

/** Why a module was refused; it has to be soon. */
function refusalOf(bytes: Uint8Array): string {
  const begin = performance.now();
  try {
    rewriteModule(bytes);
  } catch (error) {
    if (!(error instanceof LlmdbError) || error.code !== "LLMDB_WASM_REFUSED") throw error;
    expect(performance.now() - begin).toBeLessThan(1000);
    return error.message;
  }
  return "accepted";
}

test.for([
  ["an endless loop", `(loop (br 0))`],
  ["a loop behind a condition", `(loop (br_if 0 (i32.const 1)))`],
  ["a loop by a table", `(loop (br_table 0 0 0 (i32.const 7)))`],
  ["a loop from within blocks", `(loop (block (block (br 2))))`],
  ["a loop in a loop", `(loop (loop (br 1)))`],
  ["a loop of filling nothing", `(loop (memory.fill (i32.const 0) (i32.const 0) (i32.const 0)) (br 0))`],
  ["a loop of copying nothing", `(loop (memory.copy (i32.const 0) (i32.const 0) (i32.const 0)) (br 0))`],
  ["a loop of initialising nothing", `(loop (memory.init $d (i32.const 0) (i32.const 0) (i32.const 0)) (br 0))`],
  ["a loop of table copies of nothing", `(loop (table.copy (i32.const 0) (i32.const 0) (i32.const 0)) (br 0))`],
  ["a loop of growing by nothing", `(loop (drop (memory.grow (i32.const 0))) (br 0))`],
  ["a loop of growing a table by nothing", `(loop (drop (table.grow (ref.null func) (i32.const 0))) (br 0))`],
  ["a loop of filling everything", `(loop (memory.fill (i32.const 0) (i32.const 7) (i32.const 65536)) (br 0))`],
  ["a loop of calls that return", `(loop (call $nothing) (br 0))`],
  ["a loop of calls by a table", `(loop (call_indirect (i32.const 0)) (br 0))`],
])("%s runs out of fuel", ([, code]) => {
  const bytes = assemble(`(module (memory 1) (table 4 100 funcref) (data $d "data") (elem (i32.const 0) $nothing)
    (func $nothing) (func (export "f") ${code}))`);
  expect(endOf(bytes)).toBe("fuel");
});

test.for([
  ["itself", `(func $f (export "f") (call $f))`],
  ["each other", `(func $f (export "f") (call $g)) (func $g (call $h)) (func $h (call $f))`],
  ["by a table", `(table funcref (elem $f)) (func $f (export "f") (call_indirect (i32.const 0)))`],
  ["with much on the stack", `(func $f (export "f") (local v128 v128 v128 v128 i64 i64) (loop (call $f) (br 0)))`],
  ["in branches that are not taken at first", `(func $f (export "f") (if (i32.const 1) (then (call $f))) (call $f))`],
])("functions that call %s run out of stack", ([, code]) => {
  expect(endOf(assemble(`(module ${code})`), { fuel: 1n << 60n })).toBe("stack");
  expect(endOf(assemble(`(module ${code})`), { fuel: 1000n })).toBe("fuel");
});

test("a start function runs when it is asked to, and within its limits", () => {
  const begin = performance.now();
  const endless = assemble(`(module (func $s (loop (br 0))) (start $s))`);
  expect(rewriteModule(endless).info.hasStart).toBe(true);
  expect(endOf(endless)).toBe("fuel");
  expect(endOf(assemble(`(module (func $s (call $s)) (start $s))`))).toBe("stack");
  expect(endOf(assemble(`(module (func $s unreachable) (start $s))`))).toBe("unreachable");
  expect(performance.now() - begin).toBeLessThan(2000);
});

test("memory and tables grow as far as they may", () => {
  const grow = `(loop (drop (memory.grow (i32.const 1))) (br 0))`;
  expect(endOf(assemble(`(module (memory 1) (func (export "f") ${grow}))`), { fuel: 1n << 60n })).toBe("memory");
  expect(endOf(assemble(`(module (memory 1) (func (export "f") ${grow}))`), { fuel: 500_000n })).toBe("fuel");
  const once = `(module (memory 1) (func (export "f") (result i32) (memory.grow (i32.const 65535))))`;
  expect(endOf(assemble(once), { fuel: 1n << 60n, pages: 1024 })).not.toMatch(/^returned [^-]/);
  const own = `(module (memory 1 4) (func (export "f") (result i32) (memory.grow (i32.const 4))))`;
  expect(endOf(assemble(own))).toBe("returned -1");
  const table = (by: number) =>
    `(module (table 1 funcref) (func (export "f") (result i32) (table.grow (ref.null func) (i32.const ${by}))))`;
  expect(endOf(assemble(table(1_000_000)), { fuel: 1n << 60n })).toBe("returned -1");
  expect(endOf(assemble(table(-1)), { fuel: 1n << 60n })).toBe("returned -1");
  expect(endOf(assemble(table(60_000)), { fuel: 1000n })).toBe("fuel");
});

test("operands as large as they can be cost as much, and nothing wraps", () => {
  const code = ["memory.fill", "memory.copy"].map(
    (operation) => `(module (memory 1) (func (export "f") (${operation} (i32.const 0) (i32.const 0) (i32.const -1))))`,
  );
  for (const text of code) {
    expect(endOf(assemble(text), { fuel: 1_000_000n })).toBe("fuel");
    expect(endOf(assemble(text), { fuel: 1n << 60n })).toMatch(/out of bounds/);
  }
});

const constants = (count: number): Uint8Array => times(count, [0x41, 0]);
const drops = (count: number): Uint8Array => times(count, [0x1a]);
const ifs = (count: number): Uint8Array => times(count, [0x41, 0, 0x04, 0x40, 0x0b]);

test.for<[string, Uint8Array, RegExp]>([
  [
    "49,000 locals and 4,000 blocks",
    functionOf(times(4000, [0x02, 0x40, 0x0b]), { locals: [1, ...leb(49_000), 0x7f] }),
    /more than 1024 locals/,
  ],
  [
    "1,000 locals and 4,000 blocks",
    functionOf(times(4000, [0x02, 0x40, 0x0b]), { locals: [1, ...leb(1000), 0x7f] }),
    /too long to compile/,
  ],
  ["50,000 operands", functionOf(joined([constants(50_000), ifs(15_000), drops(50_000)])), /operands/],
  ["1,000 operands and 15,000 ifs", functionOf(joined([constants(1000), ifs(15_000), drops(1000)])), /too long/],
  [
    "1,000 operands and 15,000 loops",
    functionOf(joined([constants(1000), times(15_000, [0x03, 0x40, 0x0b]), drops(1000)])),
    /too long/,
  ],
  [
    "1,000 operands and 20,000 growths",
    functionOf(joined([constants(1000), times(20_000, [0x41, 0, 0x40, 0, 0x1a]), drops(1000)]), {
      sections: [section(5, [[0, 1]])],
    }),
    /too long/,
  ],
  [
    "1,000 operands and 20,000 calls",
    functionOf(joined([constants(1000), times(20_000, [0x10, 0]), drops(1000)])),
    /too/,
  ],
  [
    "a table of 100,000 branches",
    functionOf(joined([[0x02, 0x40, 0x41, 0, 0x0e], leb(100_000), times(100_001, [0]), [0x0b]])),
    /targets of a branch/,
  ],
  ["2,000 blocks in each other", functionOf(joined([times(2000, [0x02, 0x40]), times(2000, [0x0b])])), /nested/],
  ["1,000 parameters", functionOf([], { type: [0x60, ...leb(1000), ...times(1000, [0x7f]), 0] }), /parameters/],
  ["300 KiB of code", functionOf(times(300_000, [0x01])), /bytes/],
  ["21,000 functions", moduleOf(section(1, [[0x60, 0, 0]]), section(3, Array(21_000).fill([0]))), /functions/],
  ["a million functions by a number only", moduleOf(joined([[3, 3], leb(1_000_000)])), /functions/],
  ["4 billion locals", functionOf([], { locals: [1, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x7f] }), /locals/],
  [
    "2,000 large tables",
    functionOf([], { sections: [section(4, Array(2000).fill([0x70, 0, 0x80, 0x80, 4]))] }),
    /table/,
  ],
  ["a large memory", functionOf([], { sections: [section(5, [[0, ...leb(2000)]])] }), /memory/],
  ["a module of 5 MiB", moduleOf(joined([[0], leb(5_000_000), [0], times(4_999_999, [0])])), /bytes/],
])("%s: refused, and at once", ([, bytes, why]) => {
  expect(refusalOf(bytes)).toMatch(why);
});

test("what comes close to the limits is compiled soon", () => {
  const begin = process.cpuUsage();
  expect(endOf(functionOf(ifs(50_000)))).toMatch(/returned|fuel/);
  expect(endOf(functionOf(joined([constants(150), ifs(6000), drops(150)])))).toMatch(/returned|fuel/);
  expect(endOf(functionOf(joined([constants(1000), drops(1000)])))).toMatch(/returned/);
  expect(endOf(functionOf(joined([[0x43, 0, 0, 0, 0], times(250_000, [0x91]), [0x1a]])))).toMatch(/returned|fuel/);
  const { user, system } = process.cpuUsage(begin);
  // Of this process, its threads that compile in the background among them: others may keep it waiting.
  expect((user + system) / 1000).toBeLessThan(5000);
});

test.for<[string, Uint8Array]>([
  ["a global", functionOf([0x42, 0x00, 0x24, 0x00])],
  [
    "a global behind its own",
    functionOf([0x42, 0x7f, 0x24, 0x01], { sections: [section(6, [[0x7e, 1, 0x42, 0, 0x0b]])] }),
  ],
  ["a local", functionOf([0x42, 0x7f, 0x21, 0x00])],
  ["a type of a block", functionOf([0x41, 0, 0x02, 0x01, 0x0b, 0x1a])],
  ["a function", functionOf([0x10, 0x01])],
  ["a label", functionOf([0x0c, 0x01])],
  ["an export", functionOf([], { exports: [[...name("g"), 3, 0]] })],
])("%s that only the rewriter adds cannot be named", ([, bytes]) => {
  expect(refusalOf(bytes)).not.toBe("accepted");
});

test.for(["llmdb:fuel", "llmdb:stack", "llmdb:pages", "llmdb:start", "llmdb:other"])(
  "the export %s is kept",
  (kept) => {
    expect(refusalOf(assemble(`(module (func (export "${kept}")))`))).toContain(kept);
    expect(refusalOf(assemble(`(module (global (export "${kept}") (mut i64) (i64.const 9)))`))).toContain(kept);
  },
);

test.for([
  `(import "wasi_snapshot_preview1" "random_get" (func (param i32 i32) (result i32)))`,
  `(import "env" "memory" (memory 1))`,
  `(import "env" "table" (table 1 funcref))`,
  `(import "llmdb" "fuel" (global (mut i64)))`,
  `(import "llmdb" "clock_us" (func (result i32)))`,
  `(import "llmdb" "clock_us" (global i64))`,
  `(import "llmdb" "log" (func (param i32 i32) (result i32)))`,
  `(import "wasm:js-string" "length" (func (param externref) (result i32)))`,
])("%s is refused", (text) => {
  expect(refusalOf(assemble(`(module ${text})`))).toMatch(/refused: .*import/);
});

test.for<[RegExp, Uint8Array]>([
  [/relaxed SIMD/, functionOf([0xfd, 12, ...times(16, [0]), 0xfd, 12, ...times(16, [0]), 0xfd, 0x80, 0x02, 0x1a])],
  [/relaxed SIMD/, functionOf([0xfd, 12, ...times(16, [0]), 0xfd, 0x81, 0x02, 0x1a])],
  [/threads/, functionOf([], { sections: [section(5, [[3, 1, 1]])] })],
  [/threads/, functionOf([0x41, 0, 0xfe, 0x10, 2, 0, 0x1a], { sections: [section(5, [[0, 1]])] })],
  [/threads/, functionOf([0xfe, 0x03, 0])],
  [/exceptions/, functionOf([0x06, 0x40, 0x19, 0x0b])],
  [/exceptions/, functionOf([0x1f, 0x40, 0, 0x0b])],
  [/exceptions/, functionOf([0x08, 0], { sections: [section(13, [[0, 0]])] })],
  [/exceptions/, functionOf([], { type: [0x60, 1, 0x69, 0] })],
  [/tail calls/, functionOf([0x12, 0])],
  [/tail calls/, functionOf([0x41, 0, 0x13, 0, 0], { sections: [section(4, [[0x70, 0, 1]])] })],
  [/garbage collection/, moduleOf(section(1, [[0x5f, 0]]))],
  [/garbage collection/, moduleOf(section(1, [[0x5e, 0x7f, 0]]))],
  [/garbage collection/, moduleOf(section(1, [[0x4e, 1, 0x60, 0, 0]]))],
  [/garbage collection/, functionOf([0x41, 0, 0xfb, 0x1c, 0x1a])],
  [/garbage collection/, functionOf([], { type: [0x60, 1, 0x6e, 0] })],
  [/typed function references/, functionOf([], { type: [0x60, 1, 0x63, 0x70, 0] })],
  [/typed function references/, functionOf([0xd2, 0, 0x14, 0])],
  [/memory64/, functionOf([], { sections: [section(5, [[4, 1]])] })],
  [/memory64/, functionOf([], { sections: [section(4, [[0x70, 4, 1]])] })],
  [
    /multi-memory/,
    functionOf([], {
      sections: [
        section(5, [
          [0, 1],
          [0, 1],
        ]),
      ],
    }),
  ],
  [/custom page sizes/, functionOf([], { sections: [section(5, [[8, 1, 0]])] })],
  [/wide arithmetic/, functionOf([0x42, 0, 0x42, 0, 0x42, 0, 0x42, 0, 0xfc, 19, 0x1a, 0x1a])],
])("%s is refused by its name", ([what, bytes]) => {
  expect(refusalOf(bytes)).toMatch(what);
});

test("self-check: what these modules are built from is accepted", () => {
  expect(refusalOf(functionOf([0x41, 0, 0x1a]))).toBe("accepted");
  expect(refusalOf(assemble(`(module (import "llmdb" "clock_us" (func (result i64))))`))).toBe("accepted");
  expect(endOf(functionOf([0x41, 7], { type: [0x60, 0, 1, 0x7f] }))).toBe("returned 7");
});
