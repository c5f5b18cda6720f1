/**
 * Random functions of floats, as text, twice: as it stands, and with the bits of every NaN that an operation makes set
 * by the program itself. Whatever the second stores, the first must store when it was rewritten.
 */
import fc from "fast-check";

/** An expression or statement, in both forms. */
interface Both {
  readonly plain: string;
  readonly closed: string;
}

type Text = fc.Arbitrary<Both>;

const same = (text: string): Both => ({ plain: text, closed: text });

/** Puts parts into a text where it says `$1`, `$2`, ...; an operation that makes a NaN is closed by a function. */
function compose(text: string, parts: readonly Both[], close?: string): Both {
  const fill = (form: keyof Both) =>
    text.replace(/#(\d)/g, (_, number: string) => parts[Number(number) - 1]?.[form] ?? "");
  const closed = fill("closed");
  return { plain: fill("plain"), closed: close === undefined ? closed : `(call ${close} ${closed})` };
}

const slot = fc.nat({ max: 15 }).map((number) => number * 16);
const one = (...texts: string[]): Text => fc.constantFrom(...texts).map(same);

const { f64, f32, v128, condition } = fc.letrec<Record<"f64" | "f32" | "v128" | "condition", Both>>((tie) => {
  const node = (text: string, kinds: readonly ("f64" | "f32" | "v128" | "condition")[], close?: string): Text =>
    fc.tuple(...kinds.map((kind) => tie(kind))).map((parts) => compose(text, parts, close));
  const binary = (type: "f64" | "f32"): Text[] =>
    ["add", "sub", "mul", "div", "min", "max"].map((name) => node(`(${type}.${name} #1 #2)`, [type, type], `$${type}`));
  const scalar = (type: "f64" | "f32", other: "f64" | "f32", consts: string[], lanes: string): Text[] => [
    ...binary(type),
    node(`(${type}.sqrt #1)`, [type], `$${type}`),
    node(`(${type}.nearest #1)`, [type], `$${type}`),
    node(`(${type}.neg #1)`, [type]),
    node(`(${type}.abs #1)`, [type]),
    node(`(${type}.copysign #1 #2)`, [type, type]),
    node(type === "f64" ? "(f64.promote_f32 #1)" : "(f32.demote_f64 #1)", [other], `$${type}`),
    node(`(select #1 #2 #3)`, [type, type, "condition"]),
    node(`(if (result ${type}) #3 (then #1) (else #2))`, [type, type, "condition"]),
    node(`(block $b (result ${type}) (br_if $b #1 #3) drop #2)`, [type, type, "condition"]),
    node(`(local.tee $${type}a #1)`, [type]),
    node(`(local.tee $${type}b #1)`, [type]),
    node(`(call $pass_${type} #1)`, [type]),
    node(`(${lanes}.extract_lane 1 #1)`, ["v128"]),
    node(`(${type}.convert_i32_s #1)`, ["condition"]),
    one(...consts.map((value) => `(${type}.const ${value})`)),
    one(...["a", "b", "c", "p"].map((name) => `(local.get $${type}${name})`)),
    slot.map((at) => same(`(${type}.load (i32.const ${at}))`)),
  ];
  const vectors = ["f32x4", "f64x2"].flatMap((lanes) =>
    ["add", "sub", "mul", "div", "min", "max"].map((name) =>
      node(`(${lanes}.${name} #1 #2)`, ["v128", "v128"], `$${lanes}`),
    ),
  );
  const weighted = (list: Text[]) => fc.oneof({ maxDepth: 4, depthSize: "small", withCrossShrink: true }, ...list);
  return {
    f64: weighted([
      one("(f64.const 1.5)"),
      ...scalar("f64", "f32", ["0", "-0", "inf", "nan:0x4000000000001"], "f64x2"),
    ]),
    f32: weighted([one("(f32.const 2.5)"), ...scalar("f32", "f64", ["0", "-0", "-inf", "-nan:0x200001"], "f32x4")]),
    v128: weighted([
      slot.map((at) => same(`(v128.load (i32.const ${at}))`)),
      ...vectors,
      node("(f64x2.sqrt #1)", ["v128"], "$f64x2"),
      node("(f32x4.abs #1)", ["v128"]),
      node("(v128.xor #1 #2)", ["v128", "v128"]),
      node("(f64x2.splat #1)", ["f64"]),
      node("(f32x4.replace_lane 2 #1 #2)", ["v128", "f32"]),
      node("(local.tee $v128a #1)", ["v128"]),
      one("(local.get $v128a)", "(local.get $v128b)", "(v128.const i64x2 0 0)"),
    ]),
    condition: weighted([
      one("(i32.const 0)", "(i32.const 1)", "(local.get $i)"),
      node("(f64.lt #1 #2)", ["f64", "f64"]),
      node("(f32.ne #1 #2)", ["f32", "f32"]),
      node("(i32.trunc_sat_f64_s #1)", ["f64"]),
    ]),
  };
});

const { statement } = fc.letrec<{ statement: Both }>((tie) => {
  const of = (text: string, ...parts: Text[]): Text => fc.tuple(...parts).map((found) => compose(text, found));
  const many = fc.array(tie("statement"), { maxLength: 4 }).map((list) => ({
    plain: list.map(({ plain }) => plain).join("\n"),
    closed: list.map(({ closed }) => closed).join("\n"),
  }));
  const stored = (text: string, value: Text): Text =>
    fc.tuple(slot, value).map(([at, part]) => compose(text.replace("AT", String(256 + at)), [part]));
  return {
    statement: fc.oneof(
      { maxDepth: 3, depthSize: "small" },
      stored("(f64.store (i32.const AT) #1)", f64),
      stored("(f32.store (i32.const AT) #1)", f32),
      stored("(v128.store (i32.const AT) #1)", v128),
      stored("(i64.store (i32.const AT) (i64.reinterpret_f64 #1))", f64),
      ...["f64a", "f64b", "f64c", "f64p"].map((name) => of(`(local.set $${name} #1)`, f64)),
      ...["f32a", "f32b", "f32c", "f32p"].map((name) => of(`(local.set $${name} #1)`, f32)),
      ...["v128a", "v128b"].map((name) => of(`(local.set $${name} #1)`, v128)),
      one("(local.set $f64a (local.get $f64b))", "(local.set $f64b (local.get $f64c))"),
      one("(local.set $v128b (local.get $v128a))", "(local.set $f32b (local.get $f32a))"),
      of("(global.set $g #1)", f64),
      of("(drop #1)", f64),
      of("(if #1 (then #2) (else #3))", condition, many, many),
      of("(loop $l #1 (local.set $i (call $turn)) (br_if $l (local.get $i)))", many),
    ),
  };
});

const closing = (type: string, nan: string, choose: string) => `
  (func $${type} (param ${type.includes("x") ? "v128" : type}) (result ${type.includes("x") ? "v128" : type})
    (${choose} (${nan}) (local.get 0) (${type}.ne (local.get 0) (local.get 0))))`;

/** A function around statements, which stores what is in its locals at the end. */
export function moduleOf(body: string): string {
  return `(module (memory (export "memory") 1) (global $g (export "g") (mut f64) (f64.const 0))
  ${closing("f64", "f64.const nan", "select")} ${closing("f32", "f32.const nan", "select")}
  ${closing("f32x4", "v128.const i32x4 0x7fc00000 0x7fc00000 0x7fc00000 0x7fc00000", "v128.bitselect")}
  ${closing("f64x2", "v128.const i64x2 0x7ff8000000000000 0x7ff8000000000000", "v128.bitselect")}
  (global $turns (mut i32) (i32.const 20))
  (func $turn (result i32)
    (if (global.get $turns) (then (global.set $turns (i32.sub (global.get $turns) (i32.const 1)))))
    (global.get $turns))
  (func $pass_f64 (param f64) (result f64) (local.get 0)) (func $pass_f32 (param f32) (result f32) (local.get 0))
  (func (export "run") (local $i i32) (local $f64a f64) (local $f64b f64) (local $f64c f64) (local $f32a f32)
    (local $f32b f32) (local $f32c f32) (local $v128a v128) (local $v128b v128)
    (call $body (f64.load (i32.const 8)) (f32.load (i32.const 20))))
  (func $body (param $f64p f64) (param $f32p f32) (local $i i32) (local $f64a f64) (local $f64b f64) (local $f64c f64)
    (local $f32a f32) (local $f32b f32) (local $f32c f32) (local $v128a v128) (local $v128b v128)
    ${body}
    (f64.store (i32.const 600) (local.get $f64a)) (f64.store (i32.const 608) (local.get $f64b))
    (f64.store (i32.const 616) (local.get $f64c)) (f64.store (i32.const 624) (local.get $f64p))
    (f32.store (i32.const 632) (local.get $f32a)) (f32.store (i32.const 636) (local.get $f32b))
    (v128.store (i32.const 640) (local.get $v128a)) (v128.store (i32.const 656) (local.get $v128b))
    (f64.store (i32.const 680) (global.get $g))))`;
}

/** A program in both forms. */
export const floatProgram: Text = fc.array(statement, { minLength: 1, maxLength: 10 }).map((list) => ({
  plain: moduleOf(list.map(({ plain }) => plain).join("\n    ")),
  closed: moduleOf(list.map(({ closed }) => closed).join("\n    ")),
}));
