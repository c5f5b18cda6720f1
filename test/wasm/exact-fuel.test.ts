/** With one unit for each operation, fuel is what an interpreter counts: on programs by hand and on generated ones. */
import fc from "fast-check";
import { expect, test } from "vitest";
import wabt from "wabt";
import { EXACT_COSTS } from "../../wasm/costs.js";
import { rewriteModule } from "../../wasm/rewrite.js";
import { webAssembly } from "../../wasm/web-assembly.js";
import { effort } from "../effort.js";
import { traceOf } from "./exact/interpreter.js";
import { programs } from "./exact/program.js";
import { bodiesIn, countOf } from "./exact/source-walk.js";
import { outlineOf } from "./suite/outline.js";

const assembler = await wabt();

/** Fuel and counted operations of each export. */
function compare(text: string): { name: string; fuel: number; counted: number }[] {
  const module = assembler.parseWat("program", text);
  const bytes = new Uint8Array(module.toBinary({}).buffer);
  module.destroy();
  const flat = assembler.readWasm(bytes, {});
  const bodies = bodiesIn(flat.toText({ foldExprs: false, inlineExport: false }));
  flat.destroy();
  const fuels = fuelOf(bytes);
  const indices = new Map(outlineOf(bytes).exports.map(({ name, index }) => [name, index]));
  return [...traceOf(bytes)].map(([name, steps]) => {
    const counted = countOf(bodies, indices.get(name) ?? -1, steps);
    return { name, fuel: fuels.get(name) ?? -1, counted };
  });
}

function fuelOf(bytes: Uint8Array): Map<string, number> {
  const { bytes: rewritten, injected } = rewriteModule(bytes, { costs: EXACT_COSTS });
  const { exports } = new webAssembly.Instance(new webAssembly.Module(rewritten));
  const meters = [exports[injected.fuel], exports[injected.stack], exports[injected.pages]];
  const [fuel, stack, pages] = meters.filter((meter) => meter instanceof webAssembly.Global);
  pages.value = 10;
  const used = new Map<string, number>();
  for (const [name, run] of Object.entries(exports)) {
    if (typeof run !== "function") continue;
    fuel.value = 1_000_000_000n;
    stack.value = 65_536;
    run();
    used.set(name, Number(1_000_000_000n - BigInt(fuel.value)));
  }
  return used;
}

function expectSame(text: string): number[] {
  const rows = compare(text);
  expect(rows.length).toBeGreaterThan(0);
  for (const { name, fuel, counted } of rows) expect({ name, fuel }).toEqual({ name, fuel: counted });
  return rows.map(({ counted }) => counted);
}

test("straight code: what stands for nothing costs nothing", () => {
  const counts = expectSame(`(module (func (export "run") (result i32)
    (block (nop) (block (nop))) (loop) (i32.add (i32.const 1) (i32.const 2))))`);
  expect(counts).toEqual([3]);
});

test("loops, branches with values and both branches of an if", () => {
  expectSame(`(module (global $g (mut i32) (i32.const 0))
    (func (export "run") (result i32) (local i32)
      (loop $l (result i32)
        (global.set $g (i32.add (global.get $g) (i32.const 1)))
        (i32.const 7) (br_if $l (i32.lt_s (global.get $g) (i32.const 30))))
      (drop)
      (block $x (result i32) (i32.const 1) (i32.const 2) (br_if $x (i32.const 0)) (drop) (br $x))
      (if (result i32) (then (i32.const 3)) (else (i32.const 4)))
      (local.set 0)
      (if (i32.eqz (local.get 0)) (then (local.set 0 (i32.const 1))) (else (nop)))
      (if (local.get 0) (then (nop) (return (i32.const 8))))
      (unreachable)))`);
});

test("tables of branches, each target and beyond the last", () => {
  expectSame(`(module (func $choose (param i32) (result i32) (local i32)
      (block $two (block $one (block $zero (br_table $zero $one $two (local.get 0)))
        (local.set 1 (i32.const 5)) (br $two))
        (return (i32.add (local.get 0) (i32.const 10))))
      (local.get 1))
    (func (export "run0") (drop (call $choose (i32.const 0))))
    (func (export "run1") (drop (call $choose (i32.const 1))))
    (func (export "run2") (drop (call $choose (i32.const 2))))
    (func (export "run3") (drop (call $choose (i32.const -1))))
    (func (export "run4") (br_table 0 (i32.const 0)))
    (func (export "run5") (result i32)
      (drop (block (result i32) (br_table 1 0 (i32.const 3) (i32.const 0)))) (i32.const 4))
    (func (export "run6") (result i32) (block (br_if 1 (i32.const 3) (i32.const 1)) (drop)) (i32.const 4))
    (func (export "run7") (result i32) (loop (br 1 (i32.const 3))) (i32.const 4)))`);
});

test("calls: recursion, by a table, several results, returns from depth", () => {
  expectSame(`(module (table funcref (elem $a $b)) (type $t (func (param i32) (result i32 i32)))
    (func $fibonacci (param i32) (result i32)
      (if (i32.lt_u (local.get 0) (i32.const 2)) (then (return (local.get 0))))
      (i32.add (call $fibonacci (i32.sub (local.get 0) (i32.const 1)))
               (call $fibonacci (i32.sub (local.get 0) (i32.const 2)))))
    (func $a (type $t) (i32.const 1000) (drop) (i32.const 1) (local.get 0))
    (func $b (type $t) (i32.const 1001) (drop)
      (block (loop (block (br_if 0 (local.get 0)) (i32.const 3) (i32.const 1) (i32.const 2) (return)) (br 1)))
      (i32.const 5) (i32.const 6))
    (func (export "fibonacci") (drop (call $fibonacci (i32.const 9))))
    (func (export "run") (result i32)
      (call_indirect (type $t) (i32.const 9) (i32.const 0)) (i32.add)
      (call_indirect (type $t) (i32.const 9) (i32.const 1)) (i32.add) (i32.add)
      (call_indirect (type $t) (i32.const 0) (i32.const 1)) (i32.add) (i32.add)))`);
});

test("memory, globals, references, wide and vector operations are one each", () => {
  expectSame(`(module (memory 1) (table $t 4 funcref) (global $g (mut i64) (i64.const 1)) (elem declare func $f)
    (func $f)
    (func (export "run") (result i32) (local f64 v128)
      (global.set $g (i64.mul (global.get $g) (i64.const 3)))
      (f64.store offset=8 (i32.const 0) (f64.div (f64.const 1) (f64.convert_i64_s (global.get $g))))
      (local.set 0 (f64.sqrt (f64.load (i32.const 8))))
      (memory.fill (i32.const 0) (i32.const 1) (i32.const 100))
      (memory.copy (i32.const 50) (i32.const 0) (i32.const 10))
      (drop (memory.grow (i32.const 1))) (drop (memory.size))
      (table.set $t (i32.const 1) (ref.func $f)) (drop (ref.is_null (table.get $t (i32.const 1))))
      (local.set 1 (i32x4.add (i32x4.splat (i32.const 1)) (v128.load (i32.const 16))))
      (i32x4.extract_lane 1 (local.get 1))))`);
});

test("generated programs", { timeout: 120_000 }, () => {
  let operations = 0;
  fc.assert(
    fc.property(programs, (text) => {
      for (const count of expectSame(text)) operations += count;
    }),
    { numRuns: effort(4) },
  );
  expect(operations).toBeGreaterThan(200);
});
