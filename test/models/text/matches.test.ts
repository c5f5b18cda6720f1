/** Scores of one question never meet those of another. */
import { expect, test } from "vitest";
import { Matches } from "../../../models/text/matches.js";

/** The best five, as document and score. */
function best(matches: Matches): [number, number][] {
  return matches.best(5).map(({ document, score }) => [document, score]);
}

test("a question that is asked in the middle of another one", () => {
  const outer = new Matches();
  outer.add(3, 1);
  outer.add(5000, 2);
  const inner = new Matches();
  inner.add(3, 10);
  expect(best(inner)).toEqual([[3, 10]]);
  inner.release();
  const next = new Matches();
  next.add(4, 7);
  outer.add(4, 0.5);
  outer.add(3, 1);
  expect(outer.size).toBe(3);
  expect(best(outer)).toEqual([
    [5000, 2],
    [3, 2],
    [4, 0.5],
  ]);
  expect(best(next)).toEqual([[4, 7]]);
  outer.release();
  next.release();
});

test("a question that ended with an error leaves nothing, and releasing twice is fine", () => {
  new Matches().add(3, 100);
  const matches = new Matches();
  matches.add(3, 1);
  expect(best(matches)).toEqual([[3, 1]]);
  matches.release();
  matches.release();
  const [one, two] = [new Matches(), new Matches()];
  one.add(3, 1);
  two.add(3, 2);
  expect([best(one), best(two)]).toEqual([[[3, 1]], [[3, 2]]]);
});
