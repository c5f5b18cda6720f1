/** `DisjointSlices` against a plain list, and how often it looks at a slice. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { DisjointSlices } from "../../temporal/disjoint-slices.js";
import { byValidFrom, meetsSpan, type Slice } from "../../temporal/slice.js";

function sliceOf(from: number, to: number): Slice<unknown> {
  const times = { validFrom: BigInt(from), validTo: BigInt(to) };
  return { ...times, txFrom: 1, txTo: Number.POSITIVE_INFINITY, origin: 1, value: undefined };
}

test("does what a list does that is looked through", () => {
  const step = fc.record({
    what: fc.constantFrom("add", "add", "add", "take", "remove"),
    at: fc.nat(60),
    to: fc.nat(60),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const slices = new DisjointSlices<Slice<unknown>>();
      let list: Slice<unknown>[] = [];
      for (const { what, at, to } of steps) {
        const slice = sliceOf(at, to);
        const span = { from: BigInt(at), to: BigInt(to) };
        if (what === "add") {
          const fits = at < to && !list.some((other) => meetsSpan(other, span));
          if (fits) list.push(slice);
          expect(slices.add(slice)).toBe(fits);
        } else if (what === "take") {
          const taken = at < to ? list.filter((other) => meetsSpan(other, span)) : [];
          if (at < to) expect(slices.take(span)).toEqual(taken.sort(byValidFrom));
          list = list.filter((other) => !taken.includes(other));
        } else {
          const gone = list[at % Math.max(1, list.length)] ?? slice;
          slices.remove(gone);
          slices.remove(slice);
          list = list.filter((other) => other !== gone);
        }
        expect(slices.all).toEqual(list.sort(byValidFrom));
      }
    }),
  );
});

test("looks at few slices, however many there are", () => {
  let looks = 0;
  const slices = new DisjointSlices<Slice<unknown>>();
  const count = 4096;
  for (let i = 0; i < count; i++) {
    const slice = sliceOf(i * 10, i * 10 + 10);
    slices.add(
      Object.defineProperty({ ...slice }, "validTo", {
        get: () => {
          looks++;
          return slice.validTo;
        },
      }),
    );
    slices.take({ from: BigInt(i * 10 - 25), to: BigInt(i * 10 - 20) });
    slices.add(sliceOf(i * 10 - 25, i * 10 - 20));
  }
  expect(looks).toBeLessThan(count * 3 * (Math.log2(count) + 3));
});
