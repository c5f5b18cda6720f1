/** Periods: one relation of Allen for each pair, and set operations that agree with counting instants. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LlmdbError } from "../../pager/error.js";
import {
  type AllenRelation,
  coalesce,
  contains,
  containsInstant,
  difference,
  during,
  equals,
  finishedBy,
  finishes,
  intersection,
  meets,
  metBy,
  overlaps,
  overlapsEnd,
  overlapsStart,
  type Period,
  precededBy,
  precedes,
  relation,
  startedBy,
  starts,
  union,
} from "../../temporal/period.js";
import { effort } from "../effort.js";

const runs = { numRuns: effort(500) };
const first = -8;
const last = 8;

/** Each relation with its converse. */
const converses: Readonly<Record<AllenRelation, AllenRelation>> = {
  precedes: "precededBy",
  meets: "metBy",
  overlapsStart: "overlapsEnd",
  finishedBy: "finishes",
  contains: "during",
  starts: "startedBy",
  equals: "equals",
  startedBy: "starts",
  during: "contains",
  finishes: "finishedBy",
  overlapsEnd: "overlapsStart",
  metBy: "meets",
  precededBy: "precedes",
};

const thirteen: Readonly<Record<AllenRelation, (a: Period, b: Period) => boolean>> = {
  precedes,
  meets,
  overlapsStart,
  finishedBy,
  contains,
  starts,
  equals,
  startedBy,
  during,
  finishes,
  overlapsEnd,
  metBy,
  precededBy,
};

/** The relations whose functions say that they hold. */
function holding(a: Period, b: Period): string[] {
  return Object.entries(thirteen).flatMap(([name, holds]) => (holds(a, b) ? [name] : []));
}

interface Small {
  from: number;
  to: number;
}

const small: fc.Arbitrary<Small> = fc
  .tuple(fc.integer({ min: first, max: last - 1 }), fc.integer({ min: 1, max: 6 }))
  .map(([from, length]) => ({ from, to: Math.min(last, from + length) }));

const instants = Array.from({ length: last - first }, (_, i) => first + i);

function inside({ from, to }: Small): Set<number> {
  return new Set(instants.filter((time) => from <= time && time < to));
}

/** The instants of some periods, each counted once. Fails where two of them overlap. */
function insideAll(periods: readonly Small[]): Set<number> {
  const all = periods.flatMap((one) => [...inside(one)]);
  expect(new Set(all).size).toBe(all.length);
  return new Set(all);
}

function refusal(body: () => unknown): string {
  try {
    body();
  } catch (error) {
    if (error instanceof LlmdbError && error.code === "LLMDB_INVALID_ARGUMENT") return error.message;
    throw error;
  }
  throw new Error("nothing was thrown");
}

describe("relations", () => {
  test.each<[AllenRelation, [number, number], [number, number]]>([
    ["precedes", [0, 1], [2, 3]],
    ["meets", [0, 1], [1, 3]],
    ["overlapsStart", [0, 2], [1, 3]],
    ["finishedBy", [0, 3], [1, 3]],
    ["contains", [0, 3], [1, 2]],
    ["starts", [0, 1], [0, 3]],
    ["equals", [0, 3], [0, 3]],
    ["startedBy", [0, 3], [0, 1]],
    ["during", [1, 2], [0, 3]],
    ["finishes", [1, 3], [0, 3]],
    ["overlapsEnd", [1, 3], [0, 2]],
    ["metBy", [1, 3], [0, 1]],
    ["precededBy", [2, 3], [0, 1]],
  ])("%s", (name, [a, b], [c, d]) => {
    expect(relation({ from: a, to: b }, { from: c, to: d })).toBe(name);
  });

  test("of the thirteen, exactly one holds, and its converse the other way round", () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(small, small, (a, b) => {
        const name = relation(a, b);
        expect(holding(a, b)).toEqual([name]);
        expect(holding(b, a)).toEqual([converses[name]]);
        seen.add(name);
      }),
      { numRuns: effort(1000), seed: 1 },
    );
    expect(seen.size).toBe(13);
  });

  test("overlaps is to have an instant in common", () => {
    fc.assert(
      fc.property(small, small, (a, b) => {
        const isShared = [...inside(a)].some((time) => inside(b).has(time));
        expect(overlaps(a, b)).toBe(isShared);
        expect(overlaps(b, a)).toBe(isShared);
      }),
      runs,
    );
  });

  test("containsInstant takes the beginning in and leaves the end out", () => {
    fc.assert(
      fc.property(small, (one) => {
        expect(new Set(instants.filter((time) => containsInstant(one, time)))).toEqual(inside(one));
      }),
      runs,
    );
    expect(containsInstant({ from: 0, to: Infinity }, Infinity)).toBe(false);
    expect(containsInstant({ from: -Infinity, to: 0 }, -Infinity)).toBe(true);
  });

  test("every form of time will do", () => {
    const year: Period = { from: "2020-01-01", to: new Date("2021-01-01T00:00:00Z") };
    expect(during({ from: "2020-02", to: "2020-03" }, year)).toBe(true);
    expect(meets(year, { from: 1_609_459_200_000_000n, to: Infinity })).toBe(true);
    expect(starts(year, { from: "2020", to: Infinity })).toBe(true);
  });
});

describe("set operations", () => {
  test("intersection", () => {
    fc.assert(
      fc.property(small, small, (a, b) => {
        const both = intersection(a, b);
        const expected = [...inside(a)].filter((time) => inside(b).has(time));
        expect(both === undefined ? new Set() : inside(both)).toEqual(new Set(expected));
      }),
      runs,
    );
  });

  test("union", () => {
    fc.assert(
      fc.property(small, small, (a, b) => {
        const both = union(a, b);
        expect(both === undefined).toBe(["precedes", "precededBy"].includes(relation(a, b)));
        if (both !== undefined) expect(inside(both)).toEqual(new Set([...inside(a), ...inside(b)]));
      }),
      runs,
    );
  });

  test("difference", () => {
    fc.assert(
      fc.property(small, small, (a, b) => {
        const expected = [...inside(a)].filter((time) => !inside(b).has(time));
        const rest = difference(a, b);
        expect(insideAll(rest)).toEqual(new Set(expected));
        expect(rest.length).toBeLessThanOrEqual(2);
        if (rest.length === 2) expect(precedes(rest[0], rest[1])).toBe(true);
      }),
      runs,
    );
  });

  test("give milliseconds, with fractions and open ends", () => {
    const all = { from: -Infinity, to: Infinity };
    expect(intersection(all, { from: "1970-01-01", to: 1500n })).toEqual({ from: 0, to: 1.5 });
    expect(difference(all, { from: 0, to: 1 })).toEqual([
      { from: -Infinity, to: 0 },
      { from: 1, to: Infinity },
    ]);
    expect(union({ from: -Infinity, to: 3 }, { from: 3, to: Infinity })).toEqual(all);
    expect(difference({ from: 0, to: 1 }, all)).toEqual([]);
  });
});

describe("coalesce", () => {
  test("merges what meets or overlaps with an equal value, in any order", () => {
    const list = [
      { from: 5, to: 7, value: "a" },
      { from: 0, to: 2, value: "a" },
      { from: 2, to: 4, value: "a" },
      { from: 4, to: 5, value: "b" },
      { from: 6, to: 9, value: "a" },
      { from: 10, to: 11, value: "a" },
    ];
    expect(coalesce(list)).toEqual([
      { from: 0, to: 4, value: "a" },
      { from: 4, to: 5, value: "b" },
      { from: 5, to: 9, value: "a" },
      { from: 10, to: 11, value: "a" },
    ]);
    expect(list[0]).toEqual({ from: 5, to: 7, value: "a" });
  });

  test("asks what is equal", () => {
    const list = [
      { from: "2020", to: "2021", value: { n: 1 } },
      { from: "2021", to: "2022", value: { n: 1 } },
    ];
    expect(coalesce(list)).toHaveLength(2);
    expect(coalesce(list, (a, b) => a.n === b.n)).toEqual([
      { from: Date.UTC(2020), to: Date.UTC(2022), value: { n: 1 } },
    ]);
    expect(coalesce([])).toEqual([]);
  });

  test("keeps what holds when, and leaves nothing to merge", () => {
    const valued = fc.tuple(small, fc.constantFrom("a", "b")).map(([one, value]) => ({ ...one, value }));
    fc.assert(
      fc.property(fc.array(valued, { maxLength: 8 }), (list) => {
        const merged = coalesce(list);
        for (const value of ["a", "b"]) {
          const before = new Set(list.filter((one) => one.value === value).flatMap((one) => [...inside(one)]));
          const after = merged.filter((one) => one.value === value);
          expect(insideAll(after)).toEqual(before);
          for (const [i, one] of after.slice(1).entries()) expect(precedes(after[i], one)).toBe(true);
        }
        expect(merged.map(({ from }) => from)).toEqual(merged.map(({ from }) => from).sort((a, b) => a - b));
      }),
      runs,
    );
  });
});

test("empty, reversed and other things are no periods", () => {
  const good = { from: 0, to: 1 };
  const calls = [...Object.values(thirteen), relation, overlaps, intersection, union, difference];
  for (const call of calls) {
    expect(refusal(() => call({ from: 1, to: 1 }, good))).toBe(
      "a is empty; give a period whose from is earlier than its to",
    );
    expect(refusal(() => call(good, { from: 2, to: 1 }))).toContain("b ends before it begins");
    expect(refusal(() => call({ from: "x", to: 1 }, good))).toContain('from of a is "x"');
  }
  expect(refusal(() => containsInstant({ from: Infinity, to: Infinity }, 0))).toContain("the period is empty");
  expect(refusal(() => containsInstant(good, Number.NaN))).toContain("the instant is NaN");
  expect(
    refusal(() =>
      coalesce([
        { ...good, value: 1 },
        { from: 0.0001, to: 0.0002, value: 1 },
      ]),
    ),
  ).toContain("period 1");
  expect(refusal(() => Reflect.apply(relation, undefined, [null, good]))).toContain("a is not a period");
});
