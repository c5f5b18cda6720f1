/**
 * Bounds by prefix: after, from, before and up to all keys that begin with something, in every place that takes a
 * range, against a filter of an array that shares nothing with the code. And skip scans, which they are for.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Database, type Key, openMemory, type PrefixBound, type Range } from "../../index.js";
import { effort } from "../effort.js";
import { isInRange } from "../harness/index.js";
import { anyKey, canonical, compareKeys } from "../key/order.js";
import { openFresh } from "./fresh.js";

const runs = effort(40);

/** Few pieces, so that one key often begins another, at the places where encodings change their shape. */
const text = fc.string({ unit: fc.constantFrom("\0", "\u0001", "a", "b", "\uffff", "😀"), maxLength: 3 });
const bytes = fc.array(fc.constantFrom(0, 1, 2, 0xfe, 0xff), { maxLength: 3 }).map((list) => Uint8Array.from(list));
const small: fc.Arbitrary<Key> = fc.oneof(
  text,
  bytes,
  fc.constantFrom<Key>(null, true, 0, 1, 1.5, -1.5, 127, 2n ** 64n),
);
const tuple: fc.Arbitrary<Key> = fc.letrec<{ tuple: Key[] }>((tie) => ({
  tuple: fc.array(fc.oneof({ maxDepth: 2 }, small, tie("tuple")), { maxLength: 3 }),
})).tuple;
const key: fc.Arbitrary<Key> = fc.oneof(text, bytes, tuple, tuple, small, anyKey);

/** What a key begins with. */
function beginningsOf(of: Key): Key[] {
  if (typeof of === "string") return [...of, ""].map((_, i) => [...of].slice(0, i).join(""));
  if (of instanceof Uint8Array) return Array.from(of, (_, i) => of.slice(0, i + 1));
  return Array.isArray(of) ? [...of, null].map((_, i) => of.slice(0, i)) : [];
}

interface Sample {
  readonly keys: readonly Key[];
  readonly ranges: readonly Range[];
}

/** Keys in their order, each once, and ranges that are about them. */
const sample: fc.Arbitrary<Sample> = fc.array(key, { minLength: 4, maxLength: 40 }).chain((given) => {
  const keys = sorted(given);
  const near = fc.constantFrom<Key>("", [], ...keys.flatMap(beginningsOf));
  const bound: fc.Arbitrary<Key | PrefixBound> = fc.oneof(
    { weight: 1, arbitrary: fc.oneof(key, fc.constantFrom(...keys)) },
    { weight: 4, arbitrary: near.map((prefix) => ({ prefix })) },
  );
  const some = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arbitrary, { nil: undefined });
  const low = fc.oneof(fc.record({ gt: some(bound) }), fc.record({ gte: bound }));
  const high = fc.oneof(fc.record({ lt: some(bound) }), fc.record({ lte: bound }));
  const rest = fc.record(
    { prefix: near, reverse: fc.boolean(), limit: fc.nat(9), offset: fc.nat(2) },
    { requiredKeys: [] },
  );
  const all = fc.oneof(rest, fc.constant({}), fc.constant({ reverse: true }));
  const range = fc.tuple(low, high, all).map((parts) => clean(Object.assign({}, ...parts)));
  return fc.array(range, { minLength: 4, maxLength: 12 }).map((ranges) => ({ keys, ranges }));
});

function clean(range: Range): Range {
  return Object.fromEntries(Object.entries(range).filter(([, value]) => value !== undefined));
}

/** The keys in their order, each once. */
function sorted(keys: readonly Key[]): Key[] {
  const all = keys.map(canonical).sort(compareKeys);
  return all.filter((one, i) => i === 0 || compareKeys(all[i - 1], one) !== 0);
}

function expected(keys: readonly Key[], of: Range): Key[] {
  const { offset = 0, limit = Number.POSITIVE_INFINITY } = of;
  const inside = keys.filter((one) => isInRange(one, of, compareKeys));
  if (of.reverse === true) inside.reverse();
  return inside.slice(offset, offset + limit);
}

function keysOf(entries: Iterable<[Key, unknown]>): Key[] {
  return [...entries].map(([one]) => one);
}

test("in maps, snapshots, transactions and the bitemporal store, in both directions", () => {
  let met = 0;
  fc.assert(
    fc.property(sample, ({ keys, ranges }) => {
      using db = openMemory({ pageSize: 4096 });
      db.transactionSync((tx) => {
        for (const one of keys) {
          tx.map("m").put(one, 1);
          tx.put(one, 1);
          tx.partition(300).put(one, 1);
        }
      });
      const tx = db.stats().lastTx;
      using snapshot = db.snapshot();
      const within = (of: Range): Key[][] =>
        db.transactionSync((inner) => [
          [...inner.map("m").keys(of)],
          keysOf(inner.range(of)),
          keysOf(inner.partition(300).range(of)),
        ]);
      for (const of of ranges) {
        const list = expected(keys, of);
        met += list.length;
        expect([...db.map("m").keys(of)]).toEqual(list);
        expect(db.map("m").count(of)).toBe(list.length);
        expect([...snapshot.map("m").keys(of)]).toEqual(list);
        expect(keysOf(db.range(of))).toEqual(list);
        expect(keysOf(db.partition(300).range(of, { tx }))).toEqual(list);
        expect(keysOf(snapshot.range(of, { validAt: "2999-01-01" }))).toEqual(list);
        expect([...db.diff({ validAt: "1999-01-01" }, {}, of)].map((one) => one.key)).toEqual(list);
        expect(within(of)).toEqual([list, list, list]);
      }
    }),
    { numRuns: runs },
  );
  expect(met).toBeGreaterThan(runs * 10);
});

test("clear takes out what they say and nothing else", () => {
  fc.assert(
    fc.property(sample, ({ keys, ranges }) => {
      using db = openMemory({ pageSize: 4096 });
      for (const { reverse: _reverse, limit: _limit, offset: _offset, ...of } of ranges) {
        db.transactionSync((tx) => {
          for (const one of keys) tx.map("m").put(one, 1);
        });
        db.map("m").clearSync(of);
        expect([...db.map("m").keys()]).toEqual(keys.filter((one) => !isInRange(one, of, compareKeys)));
      }
    }),
    { numRuns: runs },
  );
});

/** The first elements of tuples, each met once: as many steps as there are. */
function firstElements(db: Database, reverse: boolean): { found: Key[]; steps: number } {
  const map = db.map<[string, number, number], number>("visits");
  const found: Key[] = [];
  let past: Range = {};
  for (let steps = 1; steps < 100; steps++) {
    const [next] = map.keys({ ...past, reverse, limit: 1 });
    if (next === undefined) return { found, steps };
    const [user, page] = next;
    found.push(`${user} ${page}`);
    past = { [reverse ? "lt" : "gt"]: { prefix: [user, page] } };
  }
  throw new Error("it does not move on");
}

test("a skip scan looks at one entry of each beginning, in both directions", () => {
  using db = openFresh({ pageSize: 4096 });
  db.transactionSync((tx) => {
    for (const user of ["ada", "ada\0", "bob"]) {
      for (let page = -2; page < 3; page++) {
        for (let time = 0; time < 500; time++) tx.map("visits").put([user, page, time], 1);
      }
    }
  });
  const all = ["ada", "ada\0", "bob"].flatMap((user) => [-2, -1, 0, 1, 2].map((page) => `${user} ${page}`));
  expect(firstElements(db, false)).toEqual({ found: all, steps: 16 });
  expect(firstElements(db, true)).toEqual({ found: all.toReversed(), steps: 16 });
});

test("what is no prefix is refused, in every place, before anything is done", () => {
  using db = openMemory();
  db.map("m").putSync(1, 1);
  db.putSync(1, 1);
  const bad: unknown[] = [
    { prefix: 1 },
    { prefix: 2n },
    { prefix: null },
    { prefix: true },
    { prefix: undefined },
    { prefix: new Date(0) },
    { prefix: { prefix: "a" } },
    { prefix: ["a", { prefix: "a" }] },
    { prefix: ["a", Number.NaN] },
    { prefix: "\ud800" },
    { prefix: "a", suffix: "b" },
    { prefx: "a" },
    {},
    new Map([["prefix", "a"]]),
  ];
  for (const option of ["gt", "gte", "lt", "lte"]) {
    for (const one of bad) {
      const of = { [option]: one } as Range;
      const uses: (() => unknown)[] = [
        () => db.map("m").keys(of),
        () => db.map("m").count(of),
        () => db.map("m").clearSync(of),
        () => db.range(of),
        () => db.diff({}, {}, of),
        () => db.transactionSync((tx) => [...tx.map("m").range(of)]),
        () => db.snapshot().range(of),
      ];
      for (const use of uses) expect(use).toThrow(expect.objectContaining({ code: "LLMDB_INVALID_ARGUMENT" }));
    }
  }
  const long = { gt: { prefix: "x".repeat(100_000) } };
  expect(() => db.map("m").keys(long)).toThrow(expect.objectContaining({ code: "LLMDB_KEY_TOO_LONG" }));
  expect(() => db.map("m").get({ prefix: "a" } as never)).toThrow(/cannot be a key/);
  expect(() => db.map("m").keys({ gt: ["a", { prefix: "b" }] as never })).toThrow(/cannot be a key/);
  expect(db.map("m").count()).toBe(1);
});
