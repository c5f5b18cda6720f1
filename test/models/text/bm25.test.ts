/** BM25: what makes a text the better answer. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { rarityOf, scoreOf } from "../../../models/text/bm25.js";
import { effort } from "../../effort.js";

const size = fc.integer({ min: 1, max: 1_000_000 });

test("a rarer term says more, and each says something", () => {
  fc.assert(
    fc.property(size, size, (a, b) => {
      const [holders, documents] = [Math.min(a, b), Math.max(a, b)];
      expect(rarityOf(holders, documents)).toBeGreaterThan(0);
      expect(rarityOf(holders, documents + 1)).toBeGreaterThan(rarityOf(holders, documents));
      if (holders > 1) expect(rarityOf(holders - 1, documents)).toBeGreaterThan(rarityOf(holders, documents));
    }),
    { numRuns: effort(200) },
  );
});

test("more often is better, up to a limit, and a longer text is worse", () => {
  const count = fc.integer({ min: 1, max: 1000 });
  const rarity = fc.double({ min: 0.01, max: 20, noNaN: true });
  fc.assert(
    fc.property(rarity, count, size, size, (rarity, count, length, meanLength) => {
      const score = scoreOf(rarity, count, length, meanLength);
      expect(score).toBeGreaterThan(0);
      expect(score).toBeLessThan(rarity * 2.2);
      expect(scoreOf(rarity, count + 1, length, meanLength)).toBeGreaterThan(score);
      expect(scoreOf(rarity, count, length + 1, meanLength)).toBeLessThan(score);
    }),
    { numRuns: effort(200) },
  );
});

test("by the published formula", () => {
  // Of 10 texts 3 have the term; a text of 8 terms has it twice; the mean length is 5. By hand, to six digits.
  expect(rarityOf(3, 10)).toBeCloseTo(Math.log(1 + 7.5 / 3.5), 12);
  expect(scoreOf(1, 2, 8, 5)).toBeCloseTo(4.4 / 3.74, 12);
});
