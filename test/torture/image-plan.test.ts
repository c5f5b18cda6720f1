/** Which images are built: all that are promised, and no more than asked for. */
import { expect, test } from "vitest";
import { Random } from "../harness/random.js";
import { type ImagePlan, planImages } from "../harness/torture/image-plan.js";

const EVERY = { subsets: 10, whole: Number.POSITIVE_INFINITY, torn: 0 };

/** The whole images as text: 1 for a change that is kept. */
function textsOf(plans: readonly ImagePlan[]): string[] {
  return plans.map((plan) => (plan.kind === "torn" ? "torn" : plan.keep.map(Number).join("")));
}

test("every subset of up to ten changes, once", () => {
  for (let unsynced = 0; unsynced <= 10; unsynced++) {
    const texts = textsOf(planImages(unsynced, EVERY, new Random(1)));
    expect(new Set(texts).size).toBe(2 ** unsynced);
    expect(texts).toHaveLength(2 ** unsynced);
  }
});

test("of more changes nothing, everything, each prefix and all but one", () => {
  const texts = textsOf(planImages(12, EVERY, new Random(1)));
  const prefixes = Array.from({ length: 13 }, (_, kept) => "1".repeat(kept).padEnd(12, "0"));
  const allButOne = Array.from({ length: 12 }, (_, lost) => `${"1".repeat(lost)}0${"1".repeat(11 - lost)}`);
  expect(new Set(texts)).toEqual(new Set([...prefixes, ...allButOne]));
});

test("where fewer are asked for, nothing and everything stay", () => {
  const texts = textsOf(planImages(8, { subsets: 10, whole: 6, torn: 3 }, new Random(1)));
  expect(texts).toHaveLength(9);
  expect(texts.slice(0, 2)).toEqual(["00000000", "11111111"]);
  expect(texts.filter((text) => text === "torn")).toHaveLength(3);
});

test("the same generator plans the same", () => {
  const effort = { subsets: 10, whole: 20, torn: 5 };
  expect(planImages(9, effort, new Random(3))).toEqual(planImages(9, effort, new Random(3)));
});
