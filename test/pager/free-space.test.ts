/**
 * FreeSpace against a set of page numbers: every page is handed out once, the lowest first, and comes back once.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LlmdbError } from "../../pager/error.js";
import { ExtentList } from "../../pager/extent-list.js";
import { FreeSpace } from "../../pager/free-space.js";
import { effort } from "../effort.js";

type Step =
  | { kind: "one" }
  | { kind: "run"; pages: number; most: number }
  | { kind: "below"; pages: number; limit: number }
  | { kind: "release"; picks: number[] }
  | { kind: "trim"; least: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Step>({ kind: "one" }) },
  fc.record({
    kind: fc.constant("run" as const),
    pages: fc.integer({ min: 1, max: 9 }),
    most: fc.integer({ min: 1, max: 4 }),
  }),
  fc.record({
    kind: fc.constant("below" as const),
    pages: fc.integer({ min: 1, max: 4 }),
    limit: fc.integer({ min: 3, max: 60 }),
  }),
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("release" as const), picks: fc.array(fc.nat(), { maxLength: 12 }) }),
  },
  fc.record({ kind: fc.constant("trim" as const), least: fc.integer({ min: 3, max: 40 }) }),
);

/** The same operations on plain sets. */
class Model {
  readonly free = new Set<number>();
  readonly used = new Set<number>();
  end = 3;

  take(start: number, length: number): void {
    for (let page = start; page < start + length; page++) {
      expect(this.used.has(page)).toBe(false);
      if (page >= this.end) this.end = page + 1;
      else expect(this.free.delete(page)).toBe(true);
      this.used.add(page);
    }
  }
}

function run(space: FreeSpace, model: Model, one: Step): void {
  if (one.kind === "one") {
    const lowest = Math.min(model.end, ...model.free);
    expect(space.lowest).toBe(lowest);
    const page = space.allocate();
    expect(page).toBe(lowest);
    model.take(page, 1);
  } else if (one.kind === "run") {
    const list = new ExtentList();
    space.allocateExtents(one.pages, one.most, list);
    expect(list.pages).toBe(one.pages);
    expect(list.count).toBeLessThanOrEqual(one.most);
    for (let i = 0; i < list.count; i++) model.take(list.starts[i], list.lengths[i]);
  } else if (one.kind === "below") {
    const start = space.allocateBelow(one.pages, one.limit);
    if (start < 0) return;
    expect(start + one.pages).toBeLessThanOrEqual(one.limit);
    model.take(start, one.pages);
  } else if (one.kind === "release") {
    const list = new ExtentList();
    for (const pick of one.picks) {
      const page = [...model.used][pick % Math.max(1, model.used.size)];
      if (page === undefined) continue;
      list.add(page, 1);
      model.used.delete(page);
      model.free.add(page);
    }
    space.release(list);
  } else {
    const end = space.trimEnd(one.least);
    while (model.end > Math.max(one.least, 3) && model.free.has(model.end - 1)) model.free.delete(--model.end);
    expect(end).toBe(model.end);
  }
}

describe("FreeSpace", () => {
  test("agrees with a set of pages", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const space = new FreeSpace();
        const model = new Model();
        for (const one of steps) {
          run(space, model, one);
          expect(space.pages).toBe(model.free.size);
          expect(space.end).toBe(model.end);
          const list = space.toList();
          const pages = list.starts.flatMap((start, i) => Array.from({ length: list.lengths[i] }, (_, k) => start + k));
          expect(pages).toEqual([...model.free].sort((a, b) => a - b));
        }
      }),
      { numRuns: effort(500) },
    );
  });

  test("refuses a page that is free already, and one outside of the file", () => {
    const space = new FreeSpace(10);
    const pages = (...numbers: number[]) => {
      const list = new ExtentList();
      for (const page of numbers) list.add(page, 1);
      return list;
    };
    space.release(pages(4, 7));
    for (const bad of [pages(4), pages(7), pages(1), pages(10), pages(5, 5), pages(3, 9, 4)]) {
      expect(() => space.release(bad)).toThrow(LlmdbError);
    }
  });

  test("hands out page numbers past 2^32 and stops at 2^48", () => {
    expect(new FreeSpace(2 ** 40).allocate()).toBe(2 ** 40);
    const last = new FreeSpace(2 ** 48 - 1);
    expect(last.allocate()).toBe(2 ** 48 - 1);
    expect(() => last.allocate()).toThrow(/2\^48/);
  });
});
