/**
 * Random modules in the text format that run until their fuel is used up, built to cost much: much time for a unit of
 * fuel, or much for the compiler. Guarantees: each is valid by the specification, if not within the limits, and never
 * traps by itself; the same random numbers make the same module.
 */
import type { Random } from "../harness/random.js";
import { joined, leb } from "../wasm/binary.js";
import { sectionsOf } from "../wasm/suite/outline.js";

const CODE_SECTION = 10;
const END = 0x0b;

/** Statements that leave nothing on the stack. `N` is a small number, `B` a length, `A` an address in the memory. */
const STATEMENTS = [
  "(local.set $i (i32.add (local.get $i) (i32.const N)))",
  "(local.set $i (i32.div_u (local.get $i) (i32.const 7)))",
  "(local.set $i (i32.rem_s (i32.const -2147483647) (i32.or (local.get $i) (i32.const 1))))",
  "(local.set $l (i64.div_s (i64.const -9223372036854775807) (i64.or (local.get $l) (i64.const 3))))",
  "(local.set $l (i64.rem_u (local.get $l) (i64.const 12345678901)))",
  "(local.set $l (i64.rotl (i64.popcnt (local.get $l)) (i64.const N)))",
  "(local.set $x (f32.sqrt (f32.div (local.get $x) (f32.const 1e-38))))",
  "(local.set $y (f64.sqrt (f64.div (local.get $y) (f64.const 1e-310))))",
  "(local.set $y (f64.nearest (f64.convert_i64_u (local.get $l))))",
  "(local.set $i (i32.trunc_sat_f64_s (f64.ceil (local.get $y))))",
  "(local.set $x (f32.demote_f64 (f64.copysign (local.get $y) (f64.const nan))))",
  "(i64.store align=1 (i32.const A) (local.get $l))",
  "(local.set $l (i64.load align=1 (i32.and (local.get $i) (i32.const 65535))))",
  "(i32.store8 (i32.and (i32.mul (local.get $i) (i32.const 65599)) (i32.const 0x3ffff)) (local.get $i))",
  "(local.set $i (i32.load (i32.and (i32.mul (local.get $i) (i32.const 69069)) (i32.const 0x3fff0))))",
  "(memory.fill (i32.const A) (i32.const N) (i32.const B))",
  "(memory.copy (i32.const A) (i32.const 1) (i32.const B))",
  "(memory.copy (i32.const 1) (i32.const A) (i32.const B))",
  "(memory.fill (i32.const 0) (i32.const N) (i32.const 0))",
  "(memory.init $d (i32.const A) (i32.const 0) (i32.const 32))",
  "(drop (memory.grow (i32.const 0)))",
  "(drop (memory.grow (i32.const 1)))",
  "(drop (memory.size))",
  "(table.fill $t (i32.const 0) (ref.func $callee) (i32.const 64))",
  "(table.copy $t $t (i32.const 1) (i32.const 0) (i32.const 63))",
  "(table.init $t $e (i32.const 0) (i32.const 0) (i32.const 4))",
  "(drop (table.grow $t (ref.null func) (i32.const 0)))",
  "(drop (table.grow $t (ref.null func) (i32.const 1)))",
  "(table.set $t (i32.and (local.get $i) (i32.const 63)) (ref.func $callee))",
  "(drop (ref.is_null (table.get $t (i32.and (local.get $i) (i32.const 63)))))",
  "(call $callee)",
  "(call $wide (local.get $l) (local.get $y) (local.get $l) (local.get $y) (local.get $l) (local.get $y))",
  "(call $many)",
  "(table.set $t (i32.const 0) (ref.func $callee)) (call_indirect $t (type $void) (i32.const 0))",
  "(global.set $g (i64.add (global.get $g) (i64.const N)))",
  "(local.set $v (i8x16.swizzle (local.get $v) (i8x16.splat (local.get $i))))",
  "(local.set $v (f64x2.sqrt (f64x2.div (local.get $v) (f64x2.splat (local.get $y)))))",
  "(local.set $v (i16x8.q15mulr_sat_s (local.get $v) (v128.load (i32.const A))))",
  "(local.set $v (i32x4.trunc_sat_f64x2_u_zero (f64x2.nearest (local.get $v))))",
  "(v128.store align=1 (i32.const A) (i64x2.mul (local.get $v) (local.get $v)))",
  "(block $a (block $b (block $c (br_table $a $b $c (i32.and (local.get $i) (i32.const 3))))))",
  `(block $a (br_table ${"$a ".repeat(300)} (local.get $i)))`,
  "(if (i32.and (local.get $i) (i32.const N)) (then (nop)) (else (local.set $i (i32.const N))))",
  "(loop $l (br_if $l (i32.and (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const N))))",
  "(local.set $i (select (local.get $i) (i32.const N) (i32.eqz (local.get $i))))",
];

/** Bytes of the code of one function, and of all. */
const MOST_BODY_BYTES = 250_000;
const MOST_CODE_BYTES = 2_000_000;

/** A module of small functions `$f0` to `$fn`, and how often the code of each is to stand in its body. */
export interface CostlyModule {
  readonly text: string;
  readonly repeats: readonly number[];
}

/** A module of random functions. */
export function costlyModule(random: Random): CostlyModule {
  const functions = random.pick([1, 1, 1, 2, 8, 40, 200]);
  const bodies = Array.from({ length: functions }, (_, i) => functionOf(random, i));
  const repeats = bodies.map(() => random.pick([1, 1, 2, 5, 30, 1000, 20_000]));
  return { text: moduleOf(bodies, random.pick([1, 100, 1000])), repeats };
}

/** A module with one function: a statement as often as a body holds it, among locals. */
export function repeatedStatement(statement: string, locals: number): CostlyModule {
  return { text: moduleOf([functionText(0, statement, locals)], 1), repeats: [Number.POSITIVE_INFINITY] };
}

/** Its export `run` calls the functions again and again, and does not end by itself. */
function moduleOf(bodies: readonly string[], calleeLocals: number): string {
  return `(module (type $void (func)) (memory (export "memory") 4 1024) (table $t 64 4096 funcref)
  (global $g (mut i64) (i64.const 1)) (data $d "${"x".repeat(64)}") (elem $e func $callee $callee $callee $callee)
  ${bodies.join("\n")}
  (func $callee) (func $wide (param i64 f64 i64 f64 i64 f64))
  (func $many (local ${"i64 ".repeat(calleeLocals)}))
  (func (export "run") (loop $again ${bodies.map((_, i) => `(call $f${i})`).join("")} (br $again))))`;
}

function functionOf(random: Random, number: number): string {
  const locals = random.pick([0, 0, 0, 30, 900]);
  const length = random.pick([1, 1, 2, 4, 12]);
  const body = Array.from({ length }, () =>
    random.pick(STATEMENTS).replace(/\b[NBA]\b/g, (sign) => {
      if (sign === "N") return String(1 + random.below(63));
      return String(sign === "B" ? random.pick([0, 1, 7, 8, 63, 1000, 65_536]) : random.below(131_072));
    }),
  );
  const nested = random.pick([0, 0, 0, 3, 60]);
  return functionText(number, `${"(block ".repeat(nested)} ${body.join("\n")} ${")".repeat(nested)}`, locals);
}

function functionText(number: number, code: string, locals: number): string {
  return `(func $f${number} (local $i i32) (local $l i64) (local $x f32) (local $y f64) (local $v v128)
    (local ${"i64 ".repeat(locals)}) ${code})`;
}

/** The module with the code of its first functions repeated. */
export function repeatCode(bytes: Uint8Array, repeats: readonly number[]): Uint8Array<ArrayBuffer> {
  const sections = sectionsOf(bytes).map(({ id, start, end }) => {
    const content = bytes.subarray(start, end);
    return joined(id === CODE_SECTION ? sized([id], repeatBodies(content, repeats)) : sized([id], content));
  });
  return joined([bytes.subarray(0, 8), ...sections]);
}

function repeatBodies(content: Uint8Array, repeats: readonly number[]): Uint8Array {
  const reader = new LebReader(content);
  const count = reader.next();
  let left = MOST_CODE_BYTES;
  const bodies = Array.from({ length: count }, (_, i) => {
    const size = reader.next();
    const start = reader.at;
    for (let groups = reader.next(); groups > 0; groups--) {
      reader.next();
      reader.at++;
    }
    const code = content.subarray(reader.at, start + size - 1);
    const most = Math.floor(Math.min(MOST_BODY_BYTES, left) / Math.max(1, code.length));
    const times = Math.max(1, Math.min(repeats[i] ?? 1, most));
    left -= times * code.length;
    const body = joined([content.subarray(start, reader.at), Buffer.concat(Array(times).fill(code)), [END]]);
    reader.at = start + size;
    return joined(sized([], body));
  });
  return joined([leb(count), ...bodies]);
}

function sized(head: readonly number[], content: Uint8Array): [readonly number[], number[], Uint8Array] {
  return [head, leb(content.length), content];
}

class LebReader {
  at = 0;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  next(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.#bytes[this.at++];
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
  }
}
