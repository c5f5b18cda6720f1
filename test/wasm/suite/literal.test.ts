/** Self-check of the script reader: floats round as JavaScript's own parser rounds them, forms and NaN classes too. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { constantOf, floatBits, matches, patternOf } from "./literal.js";
import { parseForms } from "./sexpr.js";

const view = new DataView(new ArrayBuffer(8));

function doubleBits(value: number): bigint {
  view.setFloat64(0, value);
  return view.getBigUint64(0);
}

function singleBits(value: number): bigint {
  view.setFloat32(0, value);
  return BigInt(view.getUint32(0));
}

test("decimal doubles have the bits that JavaScript gives them", () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      const text = `${Object.is(value, -0) ? "-0" : value}`;
      expect(floatBits("f64", text)).toBe(doubleBits(value));
    }),
  );
  expect(floatBits("f64", "5e-324")).toBe(1n);
  expect(floatBits("f64", "2.2250738585072014e-308")).toBe(1n << 52n);
});

test("singles keep their bits in decimal and in hexadecimal", () => {
  fc.assert(
    fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (value) => {
      expect(floatBits("f32", Object.is(value, -0) ? "-0" : `${value}`)).toBe(singleBits(value));
    }),
  );
  expect(floatBits("f32", "0x1.fffffep+127")).toBe(0x7f7fffffn);
  expect(floatBits("f32", "-0x1p-149")).toBe(0x80000001n);
  expect(floatBits("f32", "0x1.000001p0")).toBe(0x3f800000n); // halfway, to even
  expect(floatBits("f32", "0x1.000003p0")).toBe(0x3f800002n);
  expect(floatBits("f64", "nan:0x4_0000")).toBe(0x7ff0000000040000n);
});

test("a pattern tells NaN classes, signs of zero and lanes apart", () => {
  const check = (pattern: string, value: string): boolean => {
    const [expected, actual] = parseForms(`${pattern} ${value}`);
    return matches(patternOf(expected)!, constantOf(actual)!);
  };
  expect(check("(f32.const nan:canonical)", "(f32.const -nan)")).toBe(true);
  expect(check("(f32.const nan:canonical)", "(f32.const nan:0x600000)")).toBe(false);
  expect(check("(f32.const nan:arithmetic)", "(f32.const nan:0x600000)")).toBe(true);
  expect(check("(f32.const nan:arithmetic)", "(f32.const nan:0x200000)")).toBe(false);
  expect(check("(f64.const 0)", "(f64.const -0)")).toBe(false);
  expect(check("(v128.const f32x4 1 nan:canonical 3 4)", "(v128.const f32x4 1 -nan 3 4)")).toBe(true);
  expect(check("(v128.const i8x16 1 0 0 0 2 0 0 0 3 0 0 0 4 0 0 0)", "(v128.const i32x4 1 2 3 4)")).toBe(true);
  expect(check("(v128.const i32x4 1 2 3 5)", "(v128.const i32x4 1 2 3 4)")).toBe(false);
});

test("comments, strings and nesting are read", () => {
  const [form] = parseForms(`(a (; x (; y ;) ) ;) "b\\22\\41\\u{e9}" ;; )\n (c))`);
  expect(form).toMatchObject({ kind: "list", items: [{ text: "a" }, { kind: "text" }, { items: [{ text: "c" }] }] });
  if (form.kind === "list" && form.items[1].kind === "text") {
    expect([...form.items[1].bytes]).toEqual([0x62, 0x22, 0x41, 0xc3, 0xa9]);
  }
  expect(() => parseForms("(a")).toThrow("not closed");
  expect(() => parseForms("a)")).toThrow("nothing to close");
});
