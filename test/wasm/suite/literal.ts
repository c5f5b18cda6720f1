/**
 * Constants of WebAssembly scripts as bits, and what a result is compared with.
 *
 * Guarantees: floats are exact to the bit; a pattern is a set of bits and a mask of those that matter, so that NaN
 * classes, signs of zero and single lanes of a vector are one comparison.
 */
import { headOf, type List, type Node } from "./sexpr.js";

/** A value that is passed: bits for numbers and vectors, an identity (null, or a number) for references. */
export type Value =
  | { readonly type: "i32" | "i64" | "f32" | "f64" | "v128"; readonly bits: bigint }
  | { readonly type: "externref" | "funcref"; readonly ref: number | null };

/** What a result must be: bits under a mask, or a reference (`any`: not null, whichever). */
export type Pattern =
  | { readonly type: "i32" | "i64" | "f32" | "f64" | "v128"; readonly bits: bigint; readonly mask: bigint }
  | { readonly type: "externref" | "funcref" | "ref"; readonly ref: number | null | "any" };

const widths: Record<string, number> = { i8: 8, i16: 16, i32: 32, i64: 64, f32: 32, f64: 64 };

/** The value of `(i32.const …)` and its like, or undefined for what is not of the accepted features. */
export function constantOf(node: Node): Value | undefined {
  const pattern = patternOf(node);
  if (pattern === undefined || pattern.type === "ref") return undefined;
  if ("bits" in pattern) return { type: pattern.type, bits: pattern.bits };
  return pattern.ref === "any" ? undefined : { type: pattern.type, ref: pattern.ref };
}

/** The pattern that a result form stands for, or undefined for what is not of the accepted features. */
export function patternOf(node: Node): Pattern | undefined {
  if (node.kind !== "list") return undefined;
  const head = headOf(node);
  const words = node.items.slice(1).map((item) => (item.kind === "atom" ? item.text : ""));
  if (head === "v128.const") return vectorOf(words);
  if (/^[if](32|64)\.const$/.test(head)) return numberOf(head.slice(0, 3), words[0]);
  return referenceOf(node, head, words);
}

/** True where the bits that matter are the same. */
export function matches(pattern: Pattern, value: Value): boolean {
  if ("bits" in pattern) {
    return "bits" in value && value.type === pattern.type && ((value.bits ^ pattern.bits) & pattern.mask) === 0n;
  }
  if ("bits" in value || (pattern.type !== "ref" && pattern.type !== value.type)) return false;
  return pattern.ref === "any" ? value.ref !== null : pattern.ref === value.ref;
}

function numberOf(type: string, text: string): Pattern | undefined {
  const lane = laneOf(type, text);
  if (type !== "i32" && type !== "i64" && type !== "f32" && type !== "f64") return undefined;
  return { type, ...lane };
}

function vectorOf([shape, ...lanes]: string[]): Pattern {
  const type = shape.split("x")[0];
  const width = BigInt(widths[type]);
  let bits = 0n;
  let mask = 0n;
  for (let index = lanes.length - 1; index >= 0; index--) {
    const lane = laneOf(type, lanes[index]);
    bits = (bits << width) | lane.bits;
    mask = (mask << width) | lane.mask;
  }
  return { type: "v128", bits, mask };
}

function referenceOf(node: List, head: string, words: readonly string[]): Pattern | undefined {
  if (head === "ref.extern") return { type: "externref", ref: words.length > 0 ? Number(words[0]) : "any" };
  if (head === "ref.func" && node.items.length === 1) return { type: "funcref", ref: "any" };
  if (head !== "ref.null") return undefined;
  if (words[0] === "extern") return { type: "externref", ref: null };
  if (words[0] === "func") return { type: "funcref", ref: null };
  return words.length === 0 ? { type: "ref", ref: null } : undefined;
}

function laneOf(type: string, text: string): { bits: bigint; mask: bigint } {
  const all = (1n << BigInt(widths[type])) - 1n;
  if (type[0] === "i") return { bits: integerOf(text) & all, mask: all };
  const quiet = type === "f32" ? 0x7fc00000n : 0x7ff8000000000000n;
  if (text === "nan:canonical") return { bits: quiet, mask: all >> 1n };
  if (text === "nan:arithmetic") return { bits: quiet, mask: quiet };
  return { bits: floatBits(type, text), mask: all };
}

function integerOf(text: string): bigint {
  const digits = text.replaceAll("_", "").replace(/^[+-]/, "");
  return text[0] === "-" ? -BigInt(digits) : BigInt(digits);
}

/** The bits of a float literal; decimal ones are rounded once, also to 32 bits. */
export function floatBits(type: string, literal: string): bigint {
  const wide = type === "f64";
  const sign = literal[0] === "-" ? 1n << (wide ? 63n : 31n) : 0n;
  const text = literal.replaceAll("_", "").replace(/^[+-]/, "");
  const infinity = wide ? 0x7ff0000000000000n : 0x7f800000n;
  if (text === "inf") return sign | infinity;
  if (text === "nan") return sign | infinity | (wide ? 1n << 51n : 1n << 22n);
  if (text.startsWith("nan:0x")) return sign | infinity | BigInt(text.slice(4));
  const [numerator, denominator] = /^0x/i.test(text) ? hexFraction(text) : decimalFraction(text);
  return sign | roundToBits(numerator, denominator, wide ? 53n : 24n, wide ? -1074n : -149n);
}

function hexFraction(text: string): [bigint, bigint] {
  const [, whole, part = "", power = "0"] = /^0x([0-9a-f]+)\.?([0-9a-f]*)(?:p([+-]?\d+))?$/i.exec(text) ?? [];
  return scaled(BigInt(`0x${whole}${part}`), 2n, BigInt(power) - 4n * BigInt(part.length));
}

function decimalFraction(text: string): [bigint, bigint] {
  const [, whole, part = "", power = "0"] = /^(\d+)\.?(\d*)(?:e([+-]?\d+))?$/i.exec(text) ?? [];
  return scaled(BigInt(whole + part), 10n, BigInt(power) - BigInt(part.length));
}

function scaled(digits: bigint, base: bigint, power: bigint): [bigint, bigint] {
  return power < 0n ? [digits, base ** -power] : [digits * base ** power, 1n];
}

/** Rounds a fraction to the nearest float, ties to even; the bits of that float without its sign. */
function roundToBits(numerator: bigint, denominator: bigint, precision: bigint, lowest: bigint): bigint {
  if (numerator === 0n) return 0n;
  let exponent = BigInt(lengthOf(numerator) - lengthOf(denominator)) - precision;
  if (exponent < lowest) exponent = lowest;
  let mantissa = quotient(numerator, denominator, exponent);
  while (lengthOf(mantissa) > Number(precision)) mantissa = quotient(numerator, denominator, ++exponent);
  if (lengthOf(mantissa) < Number(precision)) return mantissa;
  return ((exponent - lowest) << (precision - 1n)) + mantissa;
}

function quotient(numerator: bigint, denominator: bigint, exponent: bigint): bigint {
  const top = exponent < 0n ? numerator << -exponent : numerator;
  const below = exponent > 0n ? denominator << exponent : denominator;
  const floor = top / below;
  const rest = (top - floor * below) * 2n;
  return rest > below || (rest === below && (floor & 1n) === 1n) ? floor + 1n : floor;
}

function lengthOf(value: bigint): number {
  return value.toString(2).length;
}
