/**
 * What metering costs: kernels as they were compiled, rewritten with fast floats (metering alone) and with canonical
 * ones, in turns. And how fast modules are rewritten. Guarantees: each of the three computes the same, or it fails; all
 * of them ran until V8 had optimized them before anything counts.
 */
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { setTimeout as sleep } from "node:timers/promises";
import { rewriteModule } from "../dist/internal/wasm/rewrite.js";
import { median } from "./numbers.mjs";

/** Of each kernel its n: a run of it takes about a millisecond. */
const KERNELS = {
  bodies: 1500,
  crc32: 400,
  distance: 30,
  fibonacci: 24,
  "hash-map": 20_000,
  mandelbrot: 60,
  matches: 30,
  matrix: 100,
  quicksort: 15_000,
  search: 15,
  sha256: 4000,
  sieve: 150_000,
  trees: 14,
  utf8: 600,
};
const PAGE_KERNELS = {
  "page-heads": { call: "map_pages", arg: "" },
  "page-prefix": { call: "map_pages", arg: " 0000000" },
  "page-copy": { call: "map_pages", arg: "" },
  "page-field": { call: "reduce_pages", arg: "sum" },
};
const FORMS = ["original", "fast", "canonical"];
const PAGE_BYTES = 4096;
const CALLS = { map_pages: 1, reduce_pages: 2 };

const kernelBytes = (name) => readFileSync(new URL(`kernels/${name}.wasm`, import.meta.url));

function ns(body) {
  const start = process.hrtime.bigint();
  body();
  return Number(process.hrtime.bigint() - start);
}

/** An instance of a module in one of its forms, with fuel for ever. */
class Form {
  constructor(bytes, form) {
    const isOriginal = form === "original";
    const { bytes: made, injected } = isOriginal ? { bytes } : rewriteModule(bytes, { floats: form, imports: "any" });
    this.exports = new WebAssembly.Instance(new WebAssembly.Module(made), {}).exports;
    this.fill = () => {};
    if (isOriginal) return;
    const [fuel, stack, pages] = [injected.fuel, injected.stack, injected.pages].map((name) => this.exports[name]);
    pages.value = 1024;
    this.fill = () => {
      fuel.value = 1n << 60n;
      stack.value = 65_536;
    };
    this.fill();
  }
}

/** Calls a kernel again and again. */
function computeRun(bytes, n, form) {
  const { exports, fill } = new Form(bytes, form);
  return (times) => {
    let result;
    for (let i = 0; i < times; i++) {
      fill();
      result = exports.run(n);
    }
    return String(result);
  };
}

/** Calls a page kernel on one page in a frame, as the host does. */
function pageRun(bytes, page, { call, arg }, form) {
  const { exports, fill } = new Form(bytes, form);
  const text = Buffer.from(arg);
  const outBytes = 2 * PAGE_BYTES;
  const inAt = (exports.llmdb_alloc(192 + PAGE_BYTES + outBytes) + 15) & ~15;
  const outAt = inAt + 128 + PAGE_BYTES;
  const memory = Buffer.from(exports.memory.buffer);
  const view = new DataView(exports.memory.buffer);
  memory.fill(0, inAt, outAt);
  view.setUint16(inAt, 1, true);
  view.setUint16(inAt + 2, CALLS[call], true);
  for (const [at, value] of [
    [4, 1],
    [8, PAGE_BYTES],
    [12, 128],
    [16, 64],
    [20, text.length],
  ]) {
    view.setUint32(inAt + at, value, true);
  }
  text.copy(memory, inAt + 64);
  memory.set(page, inAt + 128);
  const run = exports[call];
  return (times) => {
    let written = 0;
    fill();
    for (let i = 0; i < times; i++) written = run(inAt, 128 + PAGE_BYTES, outAt, outBytes);
    if (written < 0) throw new Error(`${call} returned ${written}`);
    return memory.toString("hex", outAt, outAt + written);
  };
}

/** Times of each form in each round, in nanoseconds. @returns {Promise<Record<string, number[]>>} */
async function inTurns(runOf, { rounds, kernelMs }) {
  const runs = Object.fromEntries(FORMS.map((form) => [form, runOf(form)]));
  let times = 1;
  while (ns(() => runs.original(times)) < kernelMs * 1e6) times *= 2;
  // Optimized code comes from another thread, and is taken up at the next call.
  for (let i = 0; i < 6; i++) {
    const said = new Set(FORMS.map((form) => runs[form](times)));
    if (said.size > 1) throw new Error(`rewritten, it says something else: ${[...said].join(", ")}`);
    await sleep(kernelMs);
  }
  while (ns(() => runs.original(times)) < kernelMs * 1e6) times *= 2;
  const taken = Object.fromEntries(FORMS.map((form) => [form, []]));
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < FORMS.length; i++) {
      const form = FORMS[(round + i) % FORMS.length];
      taken[form].push(ns(() => runs[form](times)));
    }
  }
  return taken;
}

/** The least time rewritten over the least time as it was; the spread is that of the ratios within rounds. */
function ratioRow(part, measure, taken, form) {
  const values = taken[form].map((time, i) => time / taken.original[i]);
  return { part, measure, unit: "×", values, value: Math.min(...taken[form]) / Math.min(...taken.original) };
}

function meanRow(part, measure, rows, goal) {
  const mean = (numbers) => Math.exp(numbers.reduce((sum, each) => sum + Math.log(each), 0) / numbers.length);
  const values = rows[0].values.map((_, round) => mean(rows.map((row) => row.values[round])));
  return { part, measure, unit: "×", values, value: mean(rows.map(({ value }) => value)), goal, atMost: true };
}

/**
 * @param {{ rounds: number, kernelMs: number }} sizes
 * @param {Uint8Array} page a leaf
 */
export async function measureKernels(sizes, page) {
  const rows = [];
  const group = async (part, names, runOf) => {
    const byForm = { fast: [], canonical: [] };
    for (const name of names) {
      const taken = await inTurns((form) => runOf(name, form), sizes);
      byForm.fast.push(ratioRow(part, `${name}, metering alone`, taken, "fast"));
      byForm.canonical.push(ratioRow(part, `${name}, canonical`, taken, "canonical"));
    }
    rows.push(...names.flatMap((_, i) => [byForm.fast[i], byForm.canonical[i]]));
    if (names.length === 1) return;
    rows.push(meanRow(part, "geometric mean, metering alone", byForm.fast, 1.15));
    rows.push(meanRow(part, "geometric mean, canonical", byForm.canonical, 1.15));
  };
  const compute = (name, form) => computeRun(kernelBytes(name), KERNELS[name] ?? 1500, form);
  await group("compute kernels, rewritten over original", Object.keys(KERNELS), compute);
  await group("SIMD, apart", ["dot-simd"], compute);
  await group("page kernels, rewritten over original", Object.keys(PAGE_KERNELS), (name, form) =>
    pageRun(kernelBytes(name), page, PAGE_KERNELS[name], form),
  );
  return rows;
}

/** SQLite compiled by somebody else, if it is there. */
function sqliteBytes() {
  try {
    return readFileSync(createRequire(import.meta.url).resolve("sql.js/dist/sql-wasm.wasm"));
  } catch {
    return undefined;
  }
}

/** How fast modules are checked and rewritten; compiling them is V8's. @param {{ rounds: number }} sizes */
export function measureRewriting({ rounds }) {
  const part = "rewriting";
  const folder = new URL("../examples/modules/build/", import.meta.url);
  const examples = readdirSync(folder).filter((name) => name.endsWith(".wasm"));
  const sets = [
    [`${examples.length} example modules`, examples.map((name) => readFileSync(new URL(name, folder))), 30],
  ];
  const sqlite = sqliteBytes();
  if (sqlite !== undefined) sets.push([`SQLite of sql.js, ${Math.round(sqlite.length / 1000)} KB`, [sqlite], 1]);
  return sets.map(([measure, modules, times]) => {
    const bytes = modules.reduce((sum, { length }) => sum + length, 0) * times;
    const pass = () => {
      for (let i = 0; i < times; i++) for (const each of modules) rewriteModule(each, { imports: "any" });
    };
    for (let i = 0; i < 3; i++) pass();
    const values = Array.from({ length: rounds }, () => (bytes * 1000) / ns(pass));
    return { part, measure, unit: "MB/s", values, value: median(values), goal: 10, atMost: false };
  });
}
