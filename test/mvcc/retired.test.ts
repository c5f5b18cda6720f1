/**
 * Release by interval against its definition: a page born in b and freed in f is free when nothing in [b, f) is pinned.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Pins } from "../../mvcc/pins.js";
import { Retired } from "../../mvcc/retired.js";
import { effort } from "../effort.js";

const step = fc.oneof(
  fc.record({ kind: fc.constant("commit" as const), born: fc.nat(), pages: fc.integer({ min: 1, max: 3 }) }),
  fc.record({ kind: fc.constant("pin" as const) }),
  fc.record({ kind: fc.constant("unpin" as const), which: fc.nat() }),
);

interface Waiting {
  readonly start: number;
  readonly length: number;
  readonly born: number;
  readonly freed: number;
}

describe("Retired", () => {
  test("hands out exactly the pages that no pin can see", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const pins = new Pins();
        const retired = new Retired(pins);
        const pinned: number[] = [];
        let waiting: Waiting[] = [];
        let tx = 1;
        let page = 2;
        for (const one of steps) {
          if (one.kind === "commit") {
            tx++;
            const entry = { start: page, length: one.pages, born: one.born % tx, freed: tx };
            // A gap, so that neighbouring extents are not joined.
            page += one.pages + 1;
            retired.retire(entry.start, entry.length, entry.born, entry.freed);
            waiting.push(entry);
          } else if (one.kind === "pin") {
            pins.pin(tx);
            pinned.push(tx);
          } else if (pinned.length > 0) {
            const [gone] = pinned.splice(one.which % pinned.length, 1);
            if (pins.unpin(gone)) retired.unpinned(gone);
          }
          const isHeld = (entry: Waiting) => pinned.some((pin) => entry.born <= pin && pin < entry.freed);
          const ready = retired.takeReady();
          const expected = waiting.filter((entry) => !isHeld(entry)).map((entry) => entry.start);
          expect([...ready.starts].sort((a, b) => a - b)).toEqual(expected);
          waiting = waiting.filter(isHeld);
          expect(retired.pages).toBe(waiting.reduce((sum, entry) => sum + entry.length, 0));
          expect(pins.newest).toBe(Math.max(-1, ...pinned));
        }
      }),
      { numRuns: effort(500) },
    );
  });
});
