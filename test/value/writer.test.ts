/** The writer of values: byte for byte what the MessagePack library writes. */
import { isDate } from "node:util/types";
import { Encoder, EXT_TIMESTAMP, ExtData, encodeDateToTimeSpec, encodeTimeSpecToTimestamp } from "@msgpack/msgpack";
import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeMsgpack } from "../../engine/msgpack-reader.js";
import { encodeMsgpack } from "../../engine/msgpack-writer.js";
import { effort } from "../effort.js";

const library = new Encoder({
  ignoreUndefined: true,
  maxDepth: 501,
  extensionCodec: {
    tryToEncode(value: unknown): ExtData | null {
      if (typeof value === "bigint") return new ExtData(1, bigintBytes(value));
      if (isDate(value)) return new ExtData(EXT_TIMESTAMP, encodeTimeSpecToTimestamp(encodeDateToTimeSpec(value)));
      return null;
    },
    decode(): never {
      throw new Error("not used");
    },
  },
});

function bigintBytes(value: bigint): Uint8Array {
  const hex = (value < 0n ? -value : value).toString(16);
  return Buffer.from(`0${value < 0n ? 1 : 0}${hex.padStart(hex.length + (hex.length % 2), "0")}`, "hex");
}

function expectSame(value: unknown): void {
  const bytes = Buffer.from(encodeMsgpack(value));
  if (Buffer.compare(bytes, library.encode(value)) !== 0) expect(bytes).toEqual(Buffer.from(library.encode(value)));
}

test("any value", () => {
  const text = fc.string({ unit: "grapheme", maxLength: 80 });
  const anyValue = fc.anything({
    key: fc.oneof(text, fc.constantFrom("__proto__", "a", "0", "")),
    values: [
      ...[fc.integer(), fc.maxSafeInteger(), fc.double(), fc.bigInt(), fc.boolean(), text, fc.uint8Array()],
      ...[fc.date({ noInvalidDate: true }), fc.constantFrom(null, undefined)],
      fc.string({ unit: "grapheme-ascii", maxLength: 300 }),
    ],
    maxKeys: 20,
  });
  fc.assert(
    fc.property(anyValue, (value) => {
      fc.pre(value !== undefined);
      expectSame(value);
    }),
    { numRuns: effort(5000) },
  );
});

test("numbers around every power of two", () => {
  for (let bit = 0; bit <= 64; bit++) {
    for (const near of [-1.5, -1, 0, 1, 0.5]) for (const sign of [-1, 1]) expectSame(sign * (2 ** bit + near));
  }
  for (const value of [0, -0, Number.NaN, Infinity, -Infinity, 5e-324, Number.MAX_VALUE]) expectSame(value);
});

test("text, bytes and bigints of every length", () => {
  for (let length = 0; length < 300; length++) {
    for (const unit of ["a", "é", "😀", "\ufeff", "\ufffd"]) expectSame({ [unit.repeat(length)]: unit.repeat(length) });
    for (let place = 0; place < Math.min(length, 60); place++) expectSame(`${"a".repeat(place)}ü${"b".repeat(length)}`);
    expectSame([new Uint8Array(length).fill(length), Buffer.alloc(length, 1), (1n << BigInt(8 * length)) - 1n]);
  }
  for (const length of [4095, 4096, 65_535, 65_536, 70_000]) {
    expectSame(["a".repeat(length), "é".repeat(length), new Uint8Array(length), -(1n << BigInt(8 * length))]);
  }
});

test("the first and last character of every length in UTF-8", () => {
  for (const code of [0, 0x7f, 0x80, 0x81, 0xff, 0x7ff, 0x800, 0xd7ff, 0xe000, 0xffff, 0x10000, 0x10ffff]) {
    for (const length of [1, 15, 31, 32, 47, 48, 49, 100]) {
      expectSame(`${"a".repeat(length - 1)}${String.fromCodePoint(code)}`);
    }
  }
});

test.each<[string, unknown]>([
  ["short texts", "a short text"],
  ["other texts", "ein kürzerer Text"],
  ["small numbers", 7],
  ["numbers", 1e12],
  ["floats", 0.1],
  ["dates", new Date(1e12 + 1)],
  ["bigints", 1n << 70n],
  ["bytes", new Uint8Array(5)],
  ["nothing", null],
  ["empty arrays", []],
  ["objects", { a: 1, b: true }],
])("many %s outgrow every buffer", (_, value) => {
  // Ever larger, from the smallest buffer on: what took more than a megabyte is let go before.
  encodeMsgpack(new Uint8Array(2 ** 21));
  for (let count = 512; count < 2 ** 15; count *= 2) expectSame(new Array(count + 1).fill(value));
});

test("a head at the end of the first buffer", () => {
  const array = new Array(16).fill(1);
  for (let length = 4070; length < 4100; length++) {
    encodeMsgpack(new Uint8Array(2 ** 21));
    expectSame(["a".repeat(length), array, { ...array }]);
  }
});

test("arrays and objects of every count, with and without undefined", () => {
  for (const count of [...Array(40).keys(), 65_535, 65_536]) {
    const array = Array.from({ length: count }, (_, i) => (i % 3 === 0 ? undefined : i));
    expectSame(array);
    expectSame({ ...array });
    expectSame({ ...array.map((_, i) => i) });
  }
  expectSame(new Array(3));
  expectSame(Object.assign(Object.create({ inherited: 1 }), { own: 2 }));
});

test.each([1, 15, 16, 40])("a getter that changes its mind, among %i properties", (count) => {
  let calls = 0;
  const value: Record<string, unknown> = {};
  for (let i = 1; i < count; i++) value[`name${i}`] = i;
  Object.defineProperty(value, "moody", { enumerable: true, get: () => (calls++ % 2 === 0 ? 1 : undefined) });
  for (let i = 0; i < 2; i++) expect(Object.keys(Object(decodeMsgpack(encodeMsgpack(value)))).length).toBe(count - i);
});

test("what a value takes past a refusal is forgotten", () => {
  const half = { before: "x".repeat(10_000), bad: () => 1 };
  for (let i = 0; i < 3; i++) {
    expect(() => encodeMsgpack(half)).toThrow("a function");
    expectSame({ a: i });
  }
});
