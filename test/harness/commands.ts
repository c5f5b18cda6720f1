/**
 * What can be done to a database, as plain data that fast-check draws and shrinks: a run of steps is an array, keys and
 * map names are small numbers into a universe. Guarantees: every step makes sense in every state, so that any part of
 * a failing run is a run.
 */
import fc from "fast-check";
import type { Durability } from "../../engine/durability.js";
import type { Key } from "../../engine/key.js";
import type { Range } from "../../engine/range.js";
import type { ValueFormat } from "../../engine/value.js";

/** The keys and maps that a run uses. */
export interface Universe {
  readonly keys: readonly Key[];
  readonly maps: readonly { readonly name: string; readonly format: ValueFormat }[];
  /** Sizes of values in bytes, small ones first. */
  readonly sizes: readonly number[];
}

/** A change of a map; `map`, `key` and `size` are places in the universe. */
export type Change =
  | { readonly kind: "put"; readonly map: number; readonly key: number; readonly size: number; readonly seed: number }
  | { readonly kind: "fill"; readonly map: number; readonly from: number; readonly to: number; readonly size: number }
  | { readonly kind: "delete"; readonly map: number; readonly key: number }
  | { readonly kind: "thin"; readonly map: number; readonly from: number; readonly to: number; readonly step: number }
  | { readonly kind: "clear"; readonly map: number; readonly range: Range };

/** A question to a map; leaves everything as it is. */
export type Question =
  | { readonly kind: "read"; readonly map: number; readonly key: number }
  | { readonly kind: "scan"; readonly map: number; readonly range: Range; readonly part: "range" | "keys" | "values" }
  | { readonly kind: "count"; readonly map: number; readonly range: Range };

/** What happens inside a transaction. */
export type Inner =
  | Change
  | Question
  /** Walks a range and makes the changes on the way, one for each entry. */
  | { readonly kind: "walk"; readonly map: number; readonly range: Range; readonly changes: readonly Change[] }
  | { readonly kind: "nested"; readonly inner: readonly Inner[]; readonly fails: boolean }
  | { readonly kind: "snapshot" }
  | { readonly kind: "iterate"; readonly map: number; readonly range: Range };

export type Step =
  | { readonly kind: "change"; readonly change: Change; readonly blocking: boolean }
  | Question
  | {
      readonly kind: "transaction";
      readonly inner: readonly Inner[];
      readonly fails: boolean;
      readonly blocking: boolean;
      readonly durability: Durability;
    }
  | { readonly kind: "snapshot" }
  | { readonly kind: "recheck" | "release"; readonly which: number }
  /** Begins to read a range, goes on with one that was begun, or leaves it. */
  | { readonly kind: "iterate"; readonly map: number; readonly range: Range }
  | { readonly kind: "advance"; readonly which: number; readonly entries: number }
  | { readonly kind: "leave"; readonly which: number }
  | { readonly kind: "drop"; readonly map: number }
  | { readonly kind: "backup"; readonly compact: boolean }
  | { readonly kind: "reopen" | "checkpoint" | "compact" };

/** Sequences of steps over a universe. */
export function stepsOf(universe: Universe, constraints: fc.ArrayConstraints): fc.Arbitrary<Step[]> {
  const map = fc.nat(universe.maps.length - 1);
  const key = fc.nat(universe.keys.length - 1);
  const size = fc.nat(universe.sizes.length - 1);
  const which = fc.nat(7);
  const range = rangesOf(universe);
  const bounds = range.map(({ gt, gte, lt, lte, prefix }): Range => clean({ gt, gte, lt, lte, prefix }));

  const change: fc.Arbitrary<Change> = fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant("put" as const), map, key, size, seed: fc.nat(255) }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant("delete" as const), map, key }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("fill" as const), map, from: key, to: key, size }) },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant("thin" as const),
        map,
        from: key,
        to: key,
        step: fc.integer({ min: 1, max: 4 }),
      }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("clear" as const), map, range: bounds }) },
  );
  const question: fc.Arbitrary<Question> = fc.oneof(
    fc.record({ kind: fc.constant("read" as const), map, key }),
    fc.record({
      kind: fc.constant("scan" as const),
      map,
      range,
      part: fc.constantFrom("range" as const, "keys" as const, "values" as const),
    }),
    fc.record({ kind: fc.constant("count" as const), map, range }),
  );
  const inner = fc.letrec<{ inner: Inner; list: Inner[] }>((tie) => ({
    inner: fc.oneof(
      { maxDepth: 2, depthIdentifier: "nested" },
      { weight: 6, arbitrary: change },
      { weight: 3, arbitrary: question },
      {
        weight: 2,
        arbitrary: fc.record({
          kind: fc.constant("walk" as const),
          map,
          range,
          changes: fc.array(change, { maxLength: 4 }),
        }),
      },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("snapshot" as const) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("iterate" as const), map, range }) },
      {
        weight: 2,
        arbitrary: fc.record({ kind: fc.constant("nested" as const), inner: tie("list"), fails: fc.boolean() }),
      },
    ),
    list: fc.array(tie("inner"), { maxLength: 6, depthIdentifier: "nested" }),
  }));
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 8, arbitrary: fc.record({ kind: fc.constant("change" as const), change, blocking: fc.boolean() }) },
    { weight: 3, arbitrary: question },
    {
      weight: 8,
      arbitrary: fc.record({
        kind: fc.constant("transaction" as const),
        inner: inner.list,
        fails: fc.boolean(),
        blocking: fc.boolean(),
        durability: fc.constantFrom("durable" as const, "buffered" as const),
      }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("snapshot" as const) }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom("recheck" as const, "release" as const), which }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("iterate" as const), map, range }) },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant("advance" as const),
        which,
        entries: fc.integer({ min: 1, max: 20 }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("leave" as const), which }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("drop" as const), map }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("backup" as const), compact: fc.boolean() }) },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constantFrom("reopen" as const, "checkpoint" as const, "compact" as const),
      }),
    },
  );
  return fc.array(step, constraints);
}

/** Ranges with every combination of options, over keys of the universe. */
export function rangesOf(universe: Universe): fc.Arbitrary<Range> {
  const key = fc.constantFrom(...universe.keys);
  const prefixes = universe.keys.filter(
    (one) => typeof one === "string" || one instanceof Uint8Array || Array.isArray(one),
  );
  const prefix = fc.constantFrom(...prefixes);
  const bound = fc.oneof(
    { weight: 4, arbitrary: key },
    { weight: 1, arbitrary: prefix.map((one) => ({ prefix: one })) },
  );
  const some = <T>(arbitrary: fc.Arbitrary<T>, weight: number): fc.Arbitrary<T | undefined> =>
    fc.oneof({ weight: 10 - weight, arbitrary: fc.constant(undefined) }, { weight, arbitrary });
  return fc
    .record({
      gt: some(bound, 2),
      gte: some(bound, 3),
      lt: some(bound, 3),
      lte: some(bound, 2),
      prefix: some(prefix, 1),
      reverse: some(fc.boolean(), 6),
      limit: some(fc.nat(30), 2),
      offset: some(fc.nat(30), 2),
    })
    .map(clean);
}

/** Leaves out what is undefined. */
function clean(range: Range): Range {
  return Object.fromEntries(Object.entries(range).filter(([, value]) => value !== undefined));
}
