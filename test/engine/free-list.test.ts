/**
 * The saved list of free pages: it reads back as written within its bound, and a damaged one is refused or still sound.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeFreeList, encodeFreeList, freeListBound } from "../../engine/free-list.js";
import { LlmdbError } from "../../pager/error.js";
import { ExtentList } from "../../pager/extent-list.js";
import { effort } from "../effort.js";

const part = fc
  .array(fc.tuple(fc.nat(2 ** 30), fc.integer({ min: 1, max: 2 ** 30 })), { maxLength: 20 })
  .map((pairs) => {
    const list = new ExtentList();
    let at = 2;
    for (const [gap, length] of pairs) {
      list.add(at + gap + 1, length);
      at += gap + 1 + length;
    }
    return list;
  });

const end = (list: ExtentList) => (list.starts.at(-1) ?? 2) + (list.lengths.at(-1) ?? 0);

test("reads back as written", () => {
  fc.assert(
    fc.property(part, part, (free, held) => {
      const bytes = encodeFreeList({ free, held });
      expect(bytes.length).toBeLessThanOrEqual(freeListBound(free.count + held.count));
      expect(decodeFreeList(bytes, Math.max(end(free), end(held)))).toEqual({ free, held });
      if (free.count > 0) expect(() => decodeFreeList(bytes, end(free) - 1)).toThrow(LlmdbError);
    }),
  );
});

test("bytes that are no list are refused, or give a list inside of the file", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      try {
        const { free, held } = decodeFreeList(bytes, 1000);
        for (const list of [free, held]) {
          for (let i = 0; i < list.count; i++) {
            expect(list.starts[i]).toBeGreaterThanOrEqual(2);
            expect(list.starts[i] + list.lengths[i]).toBeLessThanOrEqual(1000);
          }
        }
      } catch (error) {
        expect(error).toBeInstanceOf(LlmdbError);
      }
    }),
    { numRuns: effort(1000) },
  );
});
