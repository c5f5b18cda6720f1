/** Values as JSON and back: with the forms, each value that can be stored is read as what it was. */
import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { expect, test } from "vitest";
import { fromJson, fromJsonText, toJson, toJsonText } from "../../../models/values/json-forms.js";
import { effort } from "../../effort.js";

const leaf = fc.oneof(
  fc.string(),
  fc.double(),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => Math.trunc(number)),
  fc.constantFrom(2 ** 53, -(2 ** 60), 1e21, 123456789012345680000, -0),
  fc.bigInt(),
  fc.boolean(),
  fc.constant(null),
  fc.uint8Array({ maxLength: 9 }),
  fc.date({ noInvalidDate: true }),
);
const names = fc.oneof(fc.constantFrom("$bytes", "$bigint", "$date", "$number", "$object", "__proto__"), fc.string());
const { value } = fc.letrec((tie) => ({
  value: fc.oneof({ depthSize: "small" }, leaf, fc.array(tie("value")), fc.dictionary(names, tie("value"))),
}));

test("every value is read back from its JSON, by the exact reader and by JSON.parse", () => {
  fc.assert(
    fc.property(value, (given) => {
      const expected = ordinary(given);
      const text = toJsonText(given);
      expect(isDeepStrictEqual(fromJsonText(text), expected)).toBe(true);
      expect(isDeepStrictEqual(fromJson(JSON.parse(text)), expected)).toBe(true);
      expect(toJsonText(fromJsonText(text))).toBe(text);
      expect(isDeepStrictEqual(JSON.parse(text), toJson(given))).toBe(true);
    }),
    { numRuns: effort(500) },
  );
});

/** With the prototype of an ordinary object, which is not stored. */
function ordinary(given: unknown): unknown {
  if (Array.isArray(given)) return given.map(ordinary);
  if (typeof given !== "object" || given === null || given instanceof Uint8Array || given instanceof Date) return given;
  return Object.fromEntries(Object.entries(given).map(([name, inner]) => [name, ordinary(inner)]));
}

test("an integer is what its digits say; a number and a bigint of one size stay apart", () => {
  expect(fromJsonText("[7205759403792793601,1.5]")).toStrictEqual([7205759403792793601n, 1.5]);
  expect(toJsonText([2 ** 60, 2n ** 60n, -0, 1e21])).toBe(
    '[{"$number":"1152921504606847000"},{"$bigint":"1152921504606846976"},{"$number":"-0"},1e+21]',
  );
});

test("forms that are used wrongly are errors", () => {
  const numbers = ["one", "0x10", "", " 1", "1e400", "+1"].map((text) => ({ $number: text }));
  for (const bad of [{ $bytes: "%" }, { $bigint: "1.5" }, { $date: "x" }, { $number: 1 }, { $object: 1 }, ...numbers]) {
    expect(() => fromJson([bad])).toThrow(expect.objectContaining({ code: "LLMDB_INVALID_ARGUMENT" }));
  }
  expect(fromJson({ $bytes: 1, more: 2 })).toEqual({ $bytes: 1, more: 2 });
});

test("a value that is as deep as can be stored is read, each of its objects in a form", () => {
  let deep: unknown = 1n;
  for (let depth = 0; depth < 500; depth++) deep = { $object: deep };
  expect(fromJsonText(toJsonText(deep))).toStrictEqual(deep);
});
