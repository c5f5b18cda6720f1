/**
 * What V8 compiles at the first call is in no fuel, and nothing interrupts it within a function. So what all functions
 * of a module take together is bounded, and a module that did not run in this process is watched from the start.
 */
import { expect, test } from "vitest";
import { hashOfModule } from "../../catalog/module-catalog.js";
import { LlmdbError } from "../../index.js";
import { ChangeRecords } from "../../wasm/hook-records.js";
import { hostWithoutReads } from "../../wasm/host-imports.js";
import { DEFAULT_LIMITS } from "../../wasm/limits.js";
import { readyModule } from "../../wasm/module-cache.js";
import { rewriteModule } from "../../wasm/rewrite.js";
import { callOnce } from "../../wasm/single-call.js";
import { joined, leb, moduleOf, section, times } from "./binary.js";
import { assemble } from "./metered.js";
import { moduleText } from "./module-text.js";

/** As many functions of the same body. */
function functionsOf(count: number, code: Uint8Array, locals = 0): Uint8Array {
  const groups = locals === 0 ? [0] : [1, ...leb(locals), 0x7f];
  const all = joined([groups, code, [0x0b]]);
  const body = joined([leb(all.length), all]);
  return moduleOf(section(1, [[0x60, 0, 0]]), section(3, Array(count).fill([0])), section(10, Array(count).fill(body)));
}

function refusalOf(bytes: Uint8Array): string {
  try {
    rewriteModule(bytes);
    return "accepted";
  } catch (error) {
    if (error instanceof LlmdbError && error.code === "LLMDB_WASM_REFUSED") return error.message;
    throw error;
  }
}

const loops = joined(Array.from({ length: 900 }, () => [0x03, 0x40, 0x0b]));
const branches = joined([[0x02, 0x40], times(40_000, [0x41, 0, 0x0d, 0]), [0x0b]]);
const tables = joined(
  Array.from({ length: 50 }, () => [0x02, 0x40, 0x41, 0, 0x0e, ...leb(4000), ...times(4001, [0]), 0x0b]),
);
const calls = times(60_000, [0x10, 0]);

test.for<[string, Uint8Array, number, number]>([
  ["loops in functions with many locals", loops, 1000, 480],
  ["branches in a function with many locals", branches, 1000, 1],
  ["tables of branches", tables, 200, 9],
  ["calls in functions with many locals", calls, 1000, 2],
])("%s, each within its limits: refused as too long to compile together", ([, code, locals, count]) => {
  expect(refusalOf(functionsOf(count, code, locals))).toMatch(/too long to compile/);
  expect(refusalOf(functionsOf(1, code.slice(0, 0), locals))).toBe("accepted");
});

test("code is bounded as a whole", () => {
  const code = times(200_000, [0x01]);
  const most = Math.floor(DEFAULT_LIMITS.codeBytes / 200_002);
  expect(refusalOf(functionsOf(most, code))).toBe("accepted");
  expect(refusalOf(functionsOf(most + 1, code))).toMatch(/functions have more than/);
});

test("a module that did not run in this process is watched from the start, and not later", () => {
  const bytes = assemble(moduleText({ tx_hook: "(i32.const 0)" }, { more: "(global i32 (i32.const 4711))" }));
  const module = readyModule(hashOfModule(bytes), "canonical", () => bytes);
  const head = {
    call: "tx_hook",
    pageSize: 0,
    arg: new Uint8Array(0),
    tx: 1,
    micros: 0,
    capabilities: 0,
    flags: 0,
  } as const;
  const grant = { fuel: 10_000_000, memoryBytes: 64 * 65_536 };
  const call = { module, head, grant, timeoutMs: 60_000, host: hostWithoutReads(0, () => {}) };
  const change = { key: new Uint8Array([1]), old: null, value: new Uint8Array([1]) };
  const watched: boolean[] = [];
  for (let i = 0; i < 3; i++) {
    callOnce(
      call,
      new ChangeRecords([change]),
      (isWatched) => watched.push(isWatched),
      () => {},
    );
  }
  expect(watched).toEqual([true, false, false]);
});
