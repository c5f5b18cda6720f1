/** Terms as they go into an index: short enough for a key, whole characters, counted. */
import { expect, test } from "vitest";
import type { Analyzer } from "../../../models/text/analyzer.js";
import { countTerms, indexTerms } from "../../../models/text/index-terms.js";

/** Each text is one term, as an analyzer of a user's own may have it. */
const whole: Analyzer = { name: "whole", terms: (text) => [text] };

test("a term that is too long for a key is cut, never between the halves of a character", () => {
  const units = [98, 99, 100, 101, 300].map((length) => indexTerms(whole, "x".repeat(length))[0].length);
  expect(units).toEqual([98, 99, 100, 100, 100]);
  expect(indexTerms(whole, `${"x".repeat(98)}😀😀`)).toEqual([`${"x".repeat(98)}😀`]);
  expect(indexTerms(whole, `${"x".repeat(99)}😀`)).toEqual(["x".repeat(99)]);
});

test("terms are counted in the order in which they first occur", () => {
  expect([...countTerms(["b", "a", "b", "__proto__"])]).toEqual([
    ["b", 2],
    ["a", 1],
    ["__proto__", 1],
  ]);
});
