/**
 * The operations of WebAssembly that are accepted (specification 2.0 with extended constants), by number: name, what
 * follows the opcode, how many operands are taken and left. Guarantees: what is not in here is refused; nothing in here
 * can answer differently on another machine, except for the bits of a NaN, and those operations are marked.
 *
 * An operation's number is its opcode; after the prefix 0xFC, 256 and the number after it, after 0xFD, 512 and that.
 */

/** What follows an opcode. */
export type Immediate =
  | "none"
  | "block"
  | "label"
  | "labels"
  | "function"
  | "indirect"
  | "local"
  | "global"
  | "table"
  | "tables"
  | "memory"
  | "memories"
  | "memarg"
  | "memarg lane"
  | "lane"
  | "lanes"
  | "i32"
  | "i64"
  | "f32"
  | "f64"
  | "v128"
  | "reference"
  | "types"
  | "data"
  | "data memory"
  | "element"
  | "element table";

export const BULK = 256;
export const SIMD = 512;
export const OPERATIONS = 768;

/** Opcodes that the scan of a body treats on their own. */
export const NOP = 0x01;
export const BLOCK = 0x02;
export const LOOP = 0x03;
export const IF = 0x04;
export const ELSE = 0x05;
export const END = 0x0b;
export const BR = 0x0c;
export const BR_IF = 0x0d;
export const BR_TABLE = 0x0e;
export const RETURN = 0x0f;
export const CALL = 0x10;
export const CALL_INDIRECT = 0x11;
export const TABLE_GET = 0x25;
export const TABLE_SET = 0x26;
export const MEMORY_GROW = 0x40;
export const DROP = 0x1a;
export const LOCAL_GET = 0x20;
export const LOCAL_SET = 0x21;
export const LOCAL_TEE = 0x22;
export const F32_CONST = 0x43;
export const F64_CONST = 0x44;
export const VECTOR_CONST = SIMD + 12;
export const MEMORY_INIT = BULK + 8;
export const MEMORY_COPY = BULK + 10;
export const MEMORY_FILL = BULK + 11;
export const TABLE_INIT = BULK + 12;
export const TABLE_COPY = BULK + 14;
export const TABLE_GROW = BULK + 15;
export const TABLE_FILL = BULK + 17;

/** Operations that take as long as their last operand says; growing the memory is treated on its own. */
export const BULK_OPERATIONS: ReadonlySet<number> = new Set([
  MEMORY_INIT,
  MEMORY_COPY,
  MEMORY_FILL,
  TABLE_INIT,
  TABLE_COPY,
  TABLE_GROW,
  TABLE_FILL,
]);

/** Which NaN an operation may leave: the type of its lanes; 0 for none. */
export const NAN_F32 = 1;
export const NAN_F64 = 2;
export const NAN_F32X4 = 3;
export const NAN_F64X2 = 4;

export const operationName: string[] = new Array<string>(OPERATIONS).fill("");
export const immediateOf: Immediate[] = new Array<Immediate>(OPERATIONS).fill("none");
/** Operands taken and results left; calls, blocks and branches take and leave what their types say. */
export const popsOf = new Uint8Array(OPERATIONS);
export const pushesOf = new Uint8Array(OPERATIONS);
/** The NaN that it may leave with bits of its own choice. */
export const nanOf = new Uint8Array(OPERATIONS);
/** The NaN whose bits make no difference to it. */
export const ignoresNan = new Uint8Array(OPERATIONS);

const CANONICAL = /^f(32|64)(x4|x2)?\.(ceil|floor|trunc|nearest|sqrt|add|sub|mul|div|min|max|demote.*|promote.*)$/;
const COMPARISON = /^f(32|64)(x4|x2)?\.(eq|ne|lt|gt|le|ge)$/;
/** A NaN traps, or becomes 0, whatever its bits are. */
const TRUNCATION = /^i(32|64)(x4)?\.trunc_/;

/** Defines operations from a number on; "-" leaves one out. */
function define(first: number, pops: number, pushes: number, names: string, immediate: Immediate = "none"): void {
  let number = first;
  for (const name of names.split(/\s+/)) {
    if (name !== "-") defineOne(number, name, pops, pushes, immediate);
    number++;
  }
}

function defineOne(number: number, name: string, pops: number, pushes: number, immediate: Immediate): void {
  operationName[number] = name;
  popsOf[number] = pops;
  pushesOf[number] = pushes;
  immediateOf[number] = immediate;
  if (CANONICAL.test(name)) nanOf[number] = nanKind(name);
  if (CANONICAL.test(name) || COMPARISON.test(name) || TRUNCATION.test(name)) ignoresNan[number] = operandKind(name);
}

function nanKind(name: string): number {
  if (name.startsWith("f32x4")) return NAN_F32X4;
  if (name.startsWith("f64x2")) return NAN_F64X2;
  return name.startsWith("f32") ? NAN_F32 : NAN_F64;
}

/** Of a conversion, the kind that it converts from. */
function operandKind(name: string): number {
  const from = /_(f32x4|f64x2|f32|f64)/.exec(name);
  return nanKind(from === null ? name : from[1]);
}

define(0x00, 0, 0, "unreachable nop");
define(0x02, 0, 0, "block loop if", "block");
define(0x05, 0, 0, "else");
define(0x0b, 0, 0, "end");
define(0x0c, 0, 0, "br br_if", "label");
define(0x0e, 0, 0, "br_table", "labels");
define(0x0f, 0, 0, "return");
define(0x10, 0, 0, "call", "function");
define(0x11, 0, 0, "call_indirect", "indirect");
define(0x1a, 1, 0, "drop");
define(0x1b, 3, 1, "select");
define(0x1c, 3, 1, "select", "types");
define(0x20, 0, 1, "local.get", "local");
define(0x21, 1, 0, "local.set", "local");
define(0x22, 1, 1, "local.tee", "local");
define(0x23, 0, 1, "global.get", "global");
define(0x24, 1, 0, "global.set", "global");
define(0x25, 1, 1, "table.get", "table");
define(0x26, 2, 0, "table.set", "table");
define(0x28, 1, 1, "i32.load i64.load f32.load f64.load", "memarg");
define(0x2c, 1, 1, "i32.load8_s i32.load8_u i32.load16_s i32.load16_u", "memarg");
define(0x30, 1, 1, "i64.load8_s i64.load8_u i64.load16_s i64.load16_u i64.load32_s i64.load32_u", "memarg");
define(0x36, 2, 0, "i32.store i64.store f32.store f64.store i32.store8 i32.store16", "memarg");
define(0x3c, 2, 0, "i64.store8 i64.store16 i64.store32", "memarg");
define(0x3f, 0, 1, "memory.size", "memory");
define(0x40, 1, 1, "memory.grow", "memory");
define(0x41, 0, 1, "i32.const", "i32");
define(0x42, 0, 1, "i64.const", "i64");
define(0x43, 0, 1, "f32.const", "f32");
define(0x44, 0, 1, "f64.const", "f64");

function lanes(type: string, names: string): string {
  return names
    .split(" ")
    .map((name) => (name === "-" ? name : `${type}.${name}`))
    .join(" ");
}

const INTEGER_COMPARISONS = "eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u";
const FLOAT_COMPARISONS = "eq ne lt gt le ge";
const INTEGER_BINARY = "add sub mul div_s div_u rem_s rem_u and or xor shl shr_s shr_u rotl rotr";
const FLOAT_UNARY = "abs neg ceil floor trunc nearest sqrt";
const FLOAT_BINARY = "add sub mul div min max copysign";

define(0x45, 1, 1, "i32.eqz");
define(0x46, 2, 1, lanes("i32", INTEGER_COMPARISONS));
define(0x50, 1, 1, "i64.eqz");
define(0x51, 2, 1, lanes("i64", INTEGER_COMPARISONS));
define(0x5b, 2, 1, lanes("f32", FLOAT_COMPARISONS));
define(0x61, 2, 1, lanes("f64", FLOAT_COMPARISONS));
define(0x67, 1, 1, "i32.clz i32.ctz i32.popcnt");
define(0x6a, 2, 1, lanes("i32", INTEGER_BINARY));
define(0x79, 1, 1, "i64.clz i64.ctz i64.popcnt");
define(0x7c, 2, 1, lanes("i64", INTEGER_BINARY));
define(0x8b, 1, 1, lanes("f32", FLOAT_UNARY));
define(0x92, 2, 1, lanes("f32", FLOAT_BINARY));
define(0x99, 1, 1, lanes("f64", FLOAT_UNARY));
define(0xa0, 2, 1, lanes("f64", FLOAT_BINARY));
define(0xa7, 1, 1, "i32.wrap_i64 i32.trunc_f32_s i32.trunc_f32_u i32.trunc_f64_s i32.trunc_f64_u");
define(0xac, 1, 1, "i64.extend_i32_s i64.extend_i32_u i64.trunc_f32_s i64.trunc_f32_u i64.trunc_f64_s i64.trunc_f64_u");
define(0xb2, 1, 1, "f32.convert_i32_s f32.convert_i32_u f32.convert_i64_s f32.convert_i64_u f32.demote_f64");
define(0xb7, 1, 1, "f64.convert_i32_s f64.convert_i32_u f64.convert_i64_s f64.convert_i64_u f64.promote_f32");
define(0xbc, 1, 1, "i32.reinterpret_f32 i64.reinterpret_f64 f32.reinterpret_i32 f64.reinterpret_i64");
define(0xc0, 1, 1, "i32.extend8_s i32.extend16_s i64.extend8_s i64.extend16_s i64.extend32_s");
define(0xd0, 0, 1, "ref.null", "reference");
define(0xd1, 1, 1, "ref.is_null");
define(0xd2, 0, 1, "ref.func", "function");

define(BULK, 1, 1, lanes("i32", "trunc_sat_f32_s trunc_sat_f32_u trunc_sat_f64_s trunc_sat_f64_u"));
define(BULK + 4, 1, 1, lanes("i64", "trunc_sat_f32_s trunc_sat_f32_u trunc_sat_f64_s trunc_sat_f64_u"));
define(BULK + 8, 3, 0, "memory.init", "data memory");
define(BULK + 9, 0, 0, "data.drop", "data");
define(BULK + 10, 3, 0, "memory.copy", "memories");
define(BULK + 11, 3, 0, "memory.fill", "memory");
define(BULK + 12, 3, 0, "table.init", "element table");
define(BULK + 13, 0, 0, "elem.drop", "element");
define(BULK + 14, 3, 0, "table.copy", "tables");
define(BULK + 15, 2, 1, "table.grow", "table");
define(BULK + 16, 0, 1, "table.size", "table");
define(BULK + 17, 3, 0, "table.fill", "table");

define(SIMD, 1, 1, lanes("v128", "load load8x8_s load8x8_u load16x4_s load16x4_u load32x2_s load32x2_u"), "memarg");
define(SIMD + 7, 1, 1, lanes("v128", "load8_splat load16_splat load32_splat load64_splat"), "memarg");
define(SIMD + 11, 2, 0, "v128.store", "memarg");
define(SIMD + 12, 0, 1, "v128.const", "v128");
define(SIMD + 13, 2, 1, "i8x16.shuffle", "lanes");
define(SIMD + 14, 2, 1, "i8x16.swizzle");
define(SIMD + 15, 1, 1, "i8x16.splat i16x8.splat i32x4.splat i64x2.splat f32x4.splat f64x2.splat");
define(SIMD + 21, 1, 1, "i8x16.extract_lane_s i8x16.extract_lane_u", "lane");
define(SIMD + 23, 2, 1, "i8x16.replace_lane", "lane");
define(SIMD + 24, 1, 1, "i16x8.extract_lane_s i16x8.extract_lane_u", "lane");
define(SIMD + 26, 2, 1, "i16x8.replace_lane", "lane");
["i32x4", "i64x2", "f32x4", "f64x2"].forEach((type, i) => {
  define(SIMD + 27 + 2 * i, 1, 1, `${type}.extract_lane`, "lane");
  define(SIMD + 28 + 2 * i, 2, 1, `${type}.replace_lane`, "lane");
});
define(SIMD + 35, 2, 1, lanes("i8x16", INTEGER_COMPARISONS));
define(SIMD + 45, 2, 1, lanes("i16x8", INTEGER_COMPARISONS));
define(SIMD + 55, 2, 1, lanes("i32x4", INTEGER_COMPARISONS));
define(SIMD + 65, 2, 1, lanes("f32x4", FLOAT_COMPARISONS));
define(SIMD + 71, 2, 1, lanes("f64x2", FLOAT_COMPARISONS));
define(SIMD + 77, 1, 1, "v128.not");
define(SIMD + 78, 2, 1, "v128.and v128.andnot v128.or v128.xor");
define(SIMD + 82, 3, 1, "v128.bitselect");
define(SIMD + 83, 1, 1, "v128.any_true");
define(SIMD + 84, 2, 1, "v128.load8_lane v128.load16_lane v128.load32_lane v128.load64_lane", "memarg lane");
define(SIMD + 88, 2, 0, "v128.store8_lane v128.store16_lane v128.store32_lane v128.store64_lane", "memarg lane");
define(SIMD + 92, 1, 1, "v128.load32_zero v128.load64_zero", "memarg");
define(SIMD + 94, 1, 1, "f32x4.demote_f64x2_zero f64x2.promote_low_f32x4");
define(SIMD + 96, 1, 1, lanes("i8x16", "abs neg popcnt all_true bitmask"));
define(SIMD + 101, 2, 1, lanes("i8x16", "narrow_i16x8_s narrow_i16x8_u"));
define(SIMD + 103, 1, 1, lanes("f32x4", "ceil floor trunc nearest"));
define(SIMD + 107, 2, 1, lanes("i8x16", "shl shr_s shr_u add add_sat_s add_sat_u sub sub_sat_s sub_sat_u"));
define(SIMD + 116, 1, 1, "f64x2.ceil f64x2.floor");
define(SIMD + 118, 2, 1, lanes("i8x16", "min_s min_u max_s max_u"));
define(SIMD + 122, 1, 1, "f64x2.trunc");
define(SIMD + 123, 2, 1, "i8x16.avgr_u");
define(SIMD + 124, 1, 1, "i16x8.extadd_pairwise_i8x16_s i16x8.extadd_pairwise_i8x16_u");
define(SIMD + 126, 1, 1, "i32x4.extadd_pairwise_i16x8_s i32x4.extadd_pairwise_i16x8_u");
const EXTENSIONS = "extend_low_FROM_s extend_high_FROM_s extend_low_FROM_u extend_high_FROM_u";
const EXTENDED_PRODUCTS = "extmul_low_FROM_s extmul_high_FROM_s extmul_low_FROM_u extmul_high_FROM_u";
["i16x8", "i32x4", "i64x2"].forEach((type, i) => {
  const at = SIMD + 128 + 32 * i;
  const from = ["i8x16", "i16x8", "i32x4"][i];
  define(at, 1, 1, lanes(type, "abs neg"));
  define(at + 3, 1, 1, lanes(type, "all_true bitmask"));
  define(at + 7, 1, 1, lanes(type, EXTENSIONS.replaceAll("FROM", from)));
  define(at + 11, 2, 1, lanes(type, "shl shr_s shr_u add - - sub - - - mul"));
  define(at + 28, 2, 1, lanes(type, EXTENDED_PRODUCTS.replaceAll("FROM", from)));
});
define(SIMD + 130, 2, 1, "i16x8.q15mulr_sat_s");
define(SIMD + 133, 2, 1, "i16x8.narrow_i32x4_s i16x8.narrow_i32x4_u");
define(SIMD + 143, 2, 1, "i16x8.add_sat_s i16x8.add_sat_u - i16x8.sub_sat_s i16x8.sub_sat_u");
define(SIMD + 148, 1, 1, "f64x2.nearest");
define(SIMD + 150, 2, 1, lanes("i16x8", "min_s min_u max_s max_u - avgr_u"));
define(SIMD + 182, 2, 1, lanes("i32x4", "min_s min_u max_s max_u dot_i16x8_s"));
define(SIMD + 214, 2, 1, lanes("i64x2", "eq ne lt_s gt_s le_s ge_s"));
define(SIMD + 224, 1, 1, lanes("f32x4", "abs neg - sqrt"));
define(SIMD + 228, 2, 1, lanes("f32x4", "add sub mul div min max pmin pmax"));
define(SIMD + 236, 1, 1, lanes("f64x2", "abs neg - sqrt"));
define(SIMD + 240, 2, 1, lanes("f64x2", "add sub mul div min max pmin pmax"));
define(SIMD + 248, 1, 1, "i32x4.trunc_sat_f32x4_s i32x4.trunc_sat_f32x4_u");
define(SIMD + 250, 1, 1, "f32x4.convert_i32x4_s f32x4.convert_i32x4_u");
define(SIMD + 252, 1, 1, "i32x4.trunc_sat_f64x2_s_zero i32x4.trunc_sat_f64x2_u_zero");
define(SIMD + 254, 1, 1, "f64x2.convert_low_i32x4_s f64x2.convert_low_i32x4_u");

/** Whether an operation works on vectors. */
export function isVector(number: number): boolean {
  return number >= SIMD;
}
