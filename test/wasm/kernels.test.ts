/**
 * The kernels of the benchmark: what they compute is what the same C computes as a native program, as they are and
 * rewritten; and those for pages say of real pages what is in them.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { encodeKey, KeyBuffer } from "../../engine/key.js";
import { rewriteModule } from "../../wasm/rewrite.js";
import { type WasmGlobal, webAssembly } from "../../wasm/web-assembly.js";
import { root } from "../sources.js";
import { headsIn, leavesOf } from "./leaf-pages.js";
import { ModuleHost } from "./module-host.js";

const folder = join(root, "bench", "kernels");

/** Name, n, and what a native program with it gave; of dot-simd, what it gives by hand. */
const RUNS: readonly (readonly [string, number, number | bigint])[] = [
  ["bodies", 200, -7.281606453129243],
  ["crc32", 20, -1042457458],
  ["distance", 3, 6],
  ["dot-simd", 3, dotProducts(3)],
  ["fibonacci", 18, 2584],
  ["hash-map", 3000, 729216565],
  ["mandelbrot", 40, 33401n],
  ["matches", 3, 52083],
  ["matrix", 40, 71649.375],
  ["quicksort", 5000, -1466270523],
  ["search", 5, 354],
  ["sha256", 50, 934201360],
  ["sieve", 1000, 6413],
  ["trees", 8, 1014315n],
  ["utf8", 30, 314928n],
];

function moduleOf(name: string): Uint8Array {
  return readFileSync(join(folder, `${name}.wasm`));
}

function run(bytes: Uint8Array, n: number): unknown {
  const { exports } = new webAssembly.Instance(new webAssembly.Module(bytes), {});
  const set = (name: string, value: number | bigint): void => {
    const global = exports[name];
    if (global instanceof webAssembly.Global) Object.assign(global, { value } satisfies WasmGlobal);
  };
  set("llmdb:fuel", 1_000_000_000n);
  set("llmdb:stack", 65_536);
  set("llmdb:pages", 1024);
  const called = exports.run;
  if (typeof called !== "function") throw new Error("the kernel exports no run");
  return called(n);
}

test.each(RUNS)("%s(%i) is %s", (name, n, expected) => {
  expect(run(moduleOf(name), n)).toBe(expected);
  expect(run(rewriteModule(moduleOf(name)).bytes, n)).toBe(expected);
});

test("there are these kernels, and each is built", () => {
  const named = (ending: string): string[] =>
    readdirSync(folder)
      .filter((name) => name.endsWith(ending))
      .map((name) => name.slice(0, -ending.length));
  const pages = ["page-copy", "page-field", "page-heads", "page-prefix"];
  expect(named(".c").sort()).toEqual([...RUNS.map(([name]) => name), ...pages].sort());
  expect(named(".wasm").sort()).toEqual(named(".c").sort());
});

/** The lanes are added as f32, the products of a turn too. */
function dotProducts(turns: number): number {
  const a = Float32Array.from({ length: 4096 }, (_, i) => (i % 17) * 0.25 - 2);
  const b = Float32Array.from({ length: 4096 }, (_, i) => (i % 13) * 0.5 - 3);
  let sum = 0;
  for (let turn = 0; turn < turns; turn++) {
    const lanes = new Float32Array(4);
    for (let i = 0; i < 4096; i++) lanes[i % 4] += Math.fround(a[i] * b[i]);
    a[turn] += 0.125;
    sum += Math.fround(Math.fround(Math.fround(lanes[0] + lanes[1]) + lanes[2]) + lanes[3]);
  }
  return sum;
}

const leaves = await leavesOf((db) => {
  db.transactionSync((tx) => {
    const map = tx.map("m");
    for (let i = 0; i < 1200; i++) {
      map.put(`${["a", "bc", "bd"][i % 3]}${i}`, { list: [i, { n: i }], text: "x".repeat(i % 400), n: i * i });
    }
  });
});

function callPages(name: string, call: string, arg: Uint8Array): Buffer {
  const data = Buffer.concat(leaves.pages);
  const { pageSize, pages } = leaves;
  return Buffer.from(new ModuleHost(moduleOf(name)).call(call, { count: pages.length, data, pageSize, arg }));
}

test("page-heads", () => {
  const output = callPages("page-heads", "map_pages", new Uint8Array());
  const expected = leaves.pages.map((page) => BigInt(headsIn(page).reduce((a, b) => a + b, 0)));
  expect(expected.map((_, i) => output.readBigUInt64LE(8 * i))).toEqual(expected);
});

test("page-prefix", () => {
  const key = new KeyBuffer();
  encodeKey("b", key, 100);
  const output = callPages("page-prefix", "map_pages", key.bytes.slice(0, key.length));
  const counts = Array.from({ length: output.length / 4 }, (_, i) => output.readUInt32LE(4 * i));
  expect(counts.length).toBe(leaves.pages.length);
  expect(counts.reduce((a, b) => a + b, 0)).toBe(800);
});

test("page-field", () => {
  const output = callPages("page-field", "reduce_pages", Buffer.from("n"));
  const squares = Array.from({ length: 1200 }, (_, i) => i * i).reduce((a, b) => a + b, 0);
  expect([output.readBigUInt64LE(0), output.readBigUInt64LE(8)]).toEqual([1200n, BigInt(squares)]);
});

test("page-copy", () => {
  const least = Buffer.alloc(4);
  least.writeUInt32LE(300);
  const expected = leaves.entries
    .filter(([, value]) => value.length >= 300)
    .map(([key, value]) => {
      const head = Buffer.alloc(8);
      head.writeUInt32LE(key.length, 0);
      head.writeUInt32LE(value.length, 4);
      return Buffer.concat([head, key, value]);
    });
  expect(expected.length).toBeGreaterThan(100);
  expect(callPages("page-copy", "map_pages", least).equals(Buffer.concat(expected))).toBe(true);
});
