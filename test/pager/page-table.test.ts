/**
 * PageTable and FrameIndex against a Map, with page numbers that collide and page numbers of 48 bits.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FrameIndex } from "../../pager/frame-index.js";
import { PageTable } from "../../pager/page-table.js";
import { effort } from "../effort.js";

const page = fc.oneof(
  fc.integer({ min: 1, max: 40 }),
  fc.integer({ min: 1, max: 20 }).map((low) => low * 2 ** 32 + 7),
  fc.integer({ min: 2 ** 24 - 3, max: 2 ** 24 + 3 }),
  fc.constant(2 ** 48 - 1),
);
const step = fc.tuple(fc.constantFrom("set", "delete", "clear"), page, fc.nat(1000));

describe.each([
  ["PageTable", () => new PageTable(0)],
  ["FrameIndex", () => new FrameIndex()],
] as const)("%s", (_name, make) => {
  test("agrees with a Map", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const table = make();
        const model = new Map<number, number>();
        for (const [kind, number, frame] of steps) {
          if (kind === "set") {
            table.set(number, frame);
            model.set(number, frame);
          } else if (kind === "delete") {
            table.delete(number);
            model.delete(number);
          } else if (table instanceof PageTable && frame % 10 === 0) {
            table.clear(frame);
            model.clear();
          }
          expect(table.get(number)).toBe(model.get(number) ?? -1);
        }
        for (const [number, frame] of model) expect(table.get(number)).toBe(frame);
        if (!(table instanceof PageTable)) return;
        expect(table.size).toBe(model.size);
        const seen = new Map<number, number>();
        table.forEach((number, frame) => {
          seen.set(number, frame);
        });
        expect(seen).toEqual(model);
      }),
      { numRuns: effort(500) },
    );
  });
});
