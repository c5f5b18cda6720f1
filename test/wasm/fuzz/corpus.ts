/** Modules to mutate: small, valid, and between them of every accepted feature. */
import wabt from "wabt";

const texts = [
  `(module (func (export "straight") (param i32 i64 f32 f64) (result f64)
    (f64.add (f64.promote_f32 (f32.mul (local.get 2) (f32.convert_i32_s (local.get 0))))
      (f64.sub (f64.convert_i64_u (i64.rotl (local.get 1) (i64.const 7))) (f64.sqrt (local.get 3))))))`,
  `(module (func (export "loops") (param i32) (result i32) (local i32 i64)
    (loop $out (local.set 0 (i32.add (local.get 0) (i32.const 1)))
      (loop $in (local.set 1 (i32.add (local.get 1) (i32.const 3)))
        (br_if $in (i32.lt_u (local.get 1) (i32.const 300))))
      (br_if $out (i32.lt_u (local.get 0) (i32.const 50)))) (i32.mul (local.get 0) (local.get 1)))
    (func (export "endless") (loop $l (br $l))))`,
  `(module (func $f (export "recursion") (param i32) (result i32)
    (if (result i32) (i32.eqz (local.get 0)) (then (i32.const 1))
      (else (i32.mul (local.get 0) (call $f (i32.sub (local.get 0) (i32.const 1)))))))
    (func $even (export "even") (param i64) (result i32) (call $odd (i64.add (local.get 0) (i64.const 1))))
    (func $odd (param i64) (result i32) (local f64 f64 f64) (call $even (local.get 0))))`,
  `(module (type $t (func (param i32) (result i32))) (table (export "table") 4 20 funcref) (elem (i32.const 1) $a $b $c)
    (func $a (type $t) (i32.add (local.get 0) (i32.const 1)))
    (func $b (type $t) (call_indirect (type $t) (local.get 0) (i32.const 1)))
    (func $c (type $t) (call_indirect (type $t) (local.get 0) (i32.const 3)))
    (func (export "indirect") (param i32) (result i32) (call_indirect (type $t) (i32.const 5) (local.get 0)))
    (func (export "tables") (param i32) (result i32) (table.set (i32.const 0) (ref.func $a))
      (table.fill (i32.const 0) (ref.null func) (i32.const 1))
      (table.copy (i32.const 2) (i32.const 0) (i32.const 1)) (drop (table.get (i32.const 2)))
      (i32.add (table.size) (table.grow (ref.null func) (local.get 0)))))`,
  `(module (memory (export "memory") 1 8) (data (i32.const 8) "some bytes") (data $d "passive")
    (func (export "memories") (param i32 i32) (result i64)
      (memory.init $d (local.get 0) (i32.const 1) (i32.const 3)) (data.drop $d)
      (memory.fill (local.get 0) (i32.const 7) (local.get 1)) (memory.copy (local.get 1) (local.get 0) (i32.const 64))
      (i64.store offset=4 align=1 (local.get 0) (i64.load16_s (local.get 1))) (i64.load (i32.const 8)))
    (func (export "grow") (param i32) (result i32) (drop (memory.grow (local.get 0)))
      (loop $l (br_if $l (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))) (memory.size)))`,
  `(module (func (export "choose") (param i32) (result i32) (local i32)
    (block $d (block $c (block $b (block $a (br_table $a $b $c $d (local.get 0)))
      (local.set 1 (i32.const 1))) (local.set 1 (i32.add (local.get 1) (i32.const 2))) (br $d))
      (return (i32.const 9))) (select (local.get 1) (i32.const 4) (local.get 0)))
    (func (export "deep") (param i32) (result i32) (block (result i32) (block (result i32) (loop (result i32)
      (br_if 2 (i32.const 1) (local.get 0)) (local.set 0 (i32.add (i32.const 1))) (br 0))))))`,
  `(module (type $two (func (param i32 i32) (result i32 i32))) (func $swap (type $two) (local.get 1) (local.get 0))
    (func (export "several") (param i32) (result i32 i64 f32)
      (call $swap (local.get 0) (i32.const 3)) (if (type $two) (local.get 0) (then (call $swap)) (else (nop)))
      (loop (param i32 i32) (result i32) (br_if 0 (i32.const 1) (local.get 0) (i32.const 0)) (drop) (i32.add)
        (i32.add)) (i64.const -1) (f32.const nan)))`,
  `(module (memory 1) (func (export "vectors") (param i32) (result i32) (local v128 v128)
      (local.set 1 (f32x4.div (f32x4.splat (f32.const 1)) (v128.load (i32.const 0))))
      (local.set 2 (i8x16.shuffle 0 17 2 19 4 21 6 23 8 25 10 27 12 29 14 31 (local.get 1) (v128.const i64x2 1 -1)))
      (v128.store offset=32 (local.get 0) (f64x2.sqrt (f64x2.mul (local.get 1) (local.get 2))))
      (v128.store8_lane 3 (i32.const 5) (local.get 2))
      (i32x4.extract_lane 2 (i32x4.add (local.get 1) (local.get 2)))))`,
  `(module (global $g (export "global") (mut i32) (i32.const 5)) (global $h i64 (i64.const -7)) (start $s)
    (func $s (local i32) (loop $l (global.set $g (i32.mul (global.get $g) (i32.const 3)))
      (br_if $l (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 10)))))
    (func (export "globals") (result i64) (global.set $g (i32.wrap_i64 (global.get $h))) (i64.extend32_s (i64.const 5)))
    (func (export "divide") (param i32 i32) (result i32) (i32.div_s (local.get 0) (local.get 1)))
    (func (export "truncate") (param f64) (result i32) (i32.add (i32.trunc_f64_s (local.get 0))
      (i32.trunc_sat_f64_u (f64.div (local.get 0) (f64.const 0))))) (func (export "stop") (unreachable)))`,
  `(module (import "llmdb" "clock_us" (func $clock (result i64))) (import "llmdb" "log" (func $log (param i32 i32)))
    (import "llmdb" "get" (func $get (param i32 i32 i32 i32) (result i32))) (memory (export "memory") 2)
    (func (export "imports") (param i32) (result i64) (call $log (i32.const 0) (local.get 0))
      (if (i32.lt_s (call $get (i32.const 0) (i32.const 4) (i32.const 64) (local.get 0)) (i32.const 0))
        (then (call $log (i32.const 4) (i32.const 4)))) (i64.add (call $clock) (i64.const 1))))`,
  `(module (func (export "references") (param externref funcref) (result externref) (local externref)
      (local.set 2 (select (result externref) (local.get 0) (ref.null extern) (ref.is_null (local.get 1))))
      (table.set $t (i32.const 2) (local.get 2)) (drop (table.grow $t (local.get 0) (i32.const 3)))
      (table.get $t (i32.const 2))) (table $t 3 externref) (elem declare func 0))`,
];

/** A module without functions, one with custom sections, and one with lengths written longer than needed, by hand. */
const byHand = [
  [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
  [
    0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 0, 5, 4, 0x6e, 0x61, 0x6d, 0x65, 1, 4, 1, 0x60, 0, 0, 0, 3, 1, 0x78, 9, 3, 2, 1, 0,
    10, 4, 1, 2, 0, 0x0b,
  ],
  [
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 0x86, 0x80, 0, 1, 0x60, 1, 0x7f, 1, 0x7f, 3, 0x82, 0, 1, 0],
    ...[
      7, 5, 1, 1, 0x66, 0, 0, 10, 0x8e, 0x80, 0x80, 0, 1, 0x8b, 0, 1, 0x82, 0, 0x7e, 0x20, 0, 0x41, 0x81, 0, 0x6a, 0x0b,
    ],
  ],
];

export async function corpus(): Promise<Uint8Array<ArrayBuffer>[]> {
  const assembler = await wabt();
  const assembled = texts.map((text) => {
    const module = assembler.parseWat("seed", text);
    try {
      module.validate();
      return new Uint8Array(module.toBinary({}).buffer);
    } finally {
      module.destroy();
    }
  });
  return [...assembled, ...byHand.map((bytes) => new Uint8Array(bytes))];
}
