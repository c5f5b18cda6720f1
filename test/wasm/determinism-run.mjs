/**
 * Runs modules and prints what they give and use, for determinism.test.ts. Arguments: the URL of the core, and the
 * folder of the example modules.
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const [, , core, examples] = process.argv;
const { openMemory } = await import(core);
let now = Date.UTC(2026, 0, 1);
const db = openMemory({ pageSize: 4096, clock: () => now++, modules: { maxTimeoutMs: 120_000 } });

/** The edges of the number line, over and over. */
const NUMBERS = [0, -0, 1, -1, 0.5, -1.5, 2 ** 24 + 1, 1e300, -1e300, 5e-324, 1e39, Infinity, -Infinity, Number.NaN];
db.transactionSync((tx) => {
  for (let i = 0; i < 3000; i++) {
    const number = NUMBERS[i % NUMBERS.length] * (i % 5 === 0 ? 1 : 1 + i / 3);
    tx.map("m").put(i % 3 === 0 ? i : `key ${i}`, { id: i, amount: number, text: "x".repeat((i * 7) % 90) });
    if (i < 800) tx.put(i, { amount: number });
  }
});

function show(name, bytes, fuelUsed) {
  const hash = createHash("sha256").update(bytes).digest("hex");
  console.log(name, bytes.length, hash.slice(0, 32), fuelUsed);
}

/** Every operation on pairs of numbers; the bits of all results are given out. */
function floatModule() {
  const pairs = [];
  const constants = [
    "(f64.const nan)",
    "(f64.const nan:0x4000000000001)",
    "(f64.const -nan:0xfffffffffffff)",
    "(f64.div (f64.const 0) (f64.const 0))",
    "(f64.sub (f64.const inf) (f64.const inf))",
    "(f64.sqrt (f64.const -1))",
    "(f64.const -0)",
    "(f64.const 0)",
    "(f64.load offset=16 (local.get $in))",
  ];
  for (const a of constants) for (const b of constants) pairs.push([a, b]);
  const stores = [];
  let at = 0;
  const store = (value, type) => {
    stores.push(`(${type}.store offset=${at} (local.get $out) ${value})`);
    at += type === "v128" ? 16 : 8;
  };
  for (const [a, b] of pairs) {
    for (const operation of ["add", "sub", "mul", "div", "min", "max", "copysign"]) {
      store(`(f64.${operation} ${a} ${b})`, "f64");
      store(`(f64.promote_f32 (f32.${operation} (f32.demote_f64 ${a}) (f32.demote_f64 ${b})))`, "f64");
      if (operation === "copysign") continue;
      const [x, y] = [`(f64x2.replace_lane 1 (f64x2.splat ${a}) ${b})`, `(f64x2.splat ${b})`];
      store(`(f64x2.${operation} ${x} ${y})`, "v128");
      store(`(f32x4.${operation} (f32x4.demote_f64x2_zero ${x}) (f32x4.demote_f64x2_zero ${y}))`, "v128");
    }
    for (const operation of ["pmin", "pmax"])
      store(`(f64x2.${operation} (f64x2.splat ${a}) (f64x2.splat ${b}))`, "v128");
  }
  for (const value of constants) {
    for (const operation of ["ceil", "floor", "trunc", "nearest", "sqrt", "abs", "neg"]) {
      store(`(f64.${operation} ${value})`, "f64");
      store(`(f64.promote_f32 (f32.${operation} (f32.demote_f64 ${value})))`, "f64");
      store(`(f64x2.${operation} (f64x2.splat ${value}))`, "v128");
      store(`(f32x4.${operation} (f32x4.demote_f64x2_zero (f64x2.splat ${value})))`, "v128");
    }
    store(`(i64.trunc_sat_f64_s ${value})`, "i64");
  }
  return surface(
    `map_pages`,
    `
    (if (i32.lt_u (local.get $cap) (i32.const ${at})) (then (return (i32.const -2))))
    ${stores.join("\n")} (i32.const ${at})`,
  );
}

/** Long enough for the optimising compiler to take over in the middle of it. */
const LONG = surface(
  "map_pages",
  `
  (local $n i32) (local $x f64) (local $y f32)
  (local.set $n (i32.const 300000))
  (local.set $x (f64.const 0.1))
  (loop $l
    (local.set $x (f64.add (f64.mul (local.get $x) (f64.const 1.0000001)) (f64.div (f64.const 1) (local.get $x))))
    (local.set $x (f64.sub (local.get $x) (f64.sqrt (f64.sub (local.get $x) (f64.const 3)))))
    (if (f64.ne (local.get $x) (local.get $x))
      (then (local.set $x
        (f64.convert_i64_u (i64.and (i64.reinterpret_f64 (local.get $x)) (i64.const 0xffff7ffffffff))))))
    (local.set $y (f32.add (local.get $y) (f32.demote_f64 (local.get $x))))
    (local.set $n (i32.sub (local.get $n) (i32.const 1)))
    (br_if $l (local.get $n)))
  (f64.store (local.get $out) (local.get $x))
  (f32.store offset=8 (local.get $out) (local.get $y))
  (i32.const 12)`,
);

function surface(call, body) {
  return `(module (memory (export "memory") 4)
    (func (export "llmdb_abi_v1") (result i32) (i32.const 1))
    (global $at (mut i32) (i32.const 16))
    (func (export "llmdb_alloc") (param $n i32) (result i32) (local $p i32)
      (local.set $p (global.get $at)) (global.set $at (i32.add (global.get $at) (local.get $n))) (local.get $p))
    (func (export "${call}") (param $in i32) (param $len i32) (param $out i32) (param $cap i32) (result i32) ${body}))`;
}

const modules = readdirSync(examples)
  .filter((name) => name.endsWith(".wasm"))
  .sort();
const sources = modules.map((name) => [name, readFileSync(join(examples, name))]);
sources.push(["floats", floatModule()], ["long", LONG]);
const arg = Buffer.from("amount");
const capabilities = ["clock", "log", "get"];
for (const [name, source] of sources) {
  const { hash, calls } = await db.modules.put(source, { name, capabilities });
  for (const pages of [{ map: "m" }, { map: "m", range: { gte: 5, lt: "key 2" } }, { partition: 0 }]) {
    const kind = JSON.stringify(pages);
    const range = name === "floats" || name === "long" ? { map: "m", range: { gte: 5, lt: 40 } } : pages;
    const options = { arg, timeoutMs: 120_000 };
    if (calls.includes("map_pages")) {
      const stream = db.modules.mapPages(hash, range, options);
      show(`${name} map ${kind}`, await stream.bytes(), stream.usage.fuelUsed);
    }
    if (calls.includes("reduce_pages")) {
      const { value, fuelUsed } = await db.modules.reducePages(hash, range, options);
      show(`${name} reduce ${kind}`, value, fuelUsed);
    }
  }
  if (calls.includes("tx_hook")) {
    const isEdges = name.startsWith("reverse");
    await db.modules.attach(hash, name, { on: "tx_hook", writes: [`${name} 1`, `${name} 2`], arg, timeoutMs: 120_000 });
    for (let round = 0; round < 3; round++) {
      db.transactionSync((tx) => {
        for (let i = round; i < 300; i += 1 + round) {
          tx.map(name).put(isEdges ? [i, i % 7] : i, isEdges ? round : { amount: Math.abs(NUMBERS[(i + round) % 13]) });
        }
      });
      const derived = [1, 2].map((n) => [...db.map(`${name} ${n}`).range()]);
      show(`${name} hook ${round}`, Buffer.from(JSON.stringify(derived)), db.modules.hookFuelUsed);
    }
  }
  if (calls.includes("custom_index")) {
    await db.modules.attach(hash, name, { on: "custom_index", name, arg, timeoutMs: 120_000 });
    for (let round = 0; round < 3; round++) {
      db.transactionSync((tx) => {
        for (let i = round; i < 300; i += 1 + round) tx.map(name).put(i, { amount: NUMBERS[(i + round) % 13] });
      });
      const entries = [...db.modules.index(name).range()].map((entry) => entry.map(String).join());
      show(`${name} index ${round}`, Buffer.from(entries.join("\n")), db.modules.hookFuelUsed);
    }
  }
}
await db.close();
