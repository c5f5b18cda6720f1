/**
 * Bounds in branch cells, and the cursor that filters by them, against a model: whatever is written, bounds are exactly
 * those of what is below, and the cursor finds exactly what matches.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  areFields,
  type BoundField,
  type BoundFields,
  boundBytes,
  decodeFields,
  encodeFields,
  NO_BOUNDS,
  sameFields,
} from "../../btree/bounds.js";
import { BulkBuilder } from "../../btree/bulk.js";
import { put } from "../../btree/entries.js";
import { FilterCursor } from "../../btree/filter-cursor.js";
import { floor, type LeafPlace } from "../../btree/floor.js";
import { cellAt, copyKey, maxInlineBytes } from "../../btree/node.js";
import { POINTER_BYTES } from "../../pager/page-pointer.js";
import { effort } from "../effort.js";
import { Random } from "../harness/index.js";
import { BoundsBench, KEY_TAIL, KINDS, VALUE_BYTES } from "./bounds-bench.js";
import { between, keyOf, padded, TreeBench } from "./tree-bench.js";

const keyField: fc.Arbitrary<BoundField> = fc
  .tuple(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 0, max: KEY_TAIL - 8 }), fc.boolean())
  .map(([bytes, more, least]) => ({ of: "key", offset: bytes + more, bytes, keeps: least ? "least" : "greatest" }));
const valueField: fc.Arbitrary<BoundField> = fc
  .tuple(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 0, max: VALUE_BYTES - 8 }), fc.boolean())
  .map(([bytes, offset, least]) => ({ of: "value", offset, bytes, keeps: least ? "least" : "greatest" }));
const someFields = fc.array(fc.oneof(keyField, valueField), { minLength: 1, maxLength: 4 });

const step = fc.record({ kind: fc.constantFrom(...KINDS), seed: fc.nat() });

describe("fields", () => {
  test("are read as they were written", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(keyField, valueField), { maxLength: 4 }), (fields) => {
        const bytes = new Uint8Array(20).fill(7);
        encodeFields(fields, bytes, 4);
        const read = decodeFields(bytes, 4);
        expect(read).toEqual(fields);
        expect(read !== undefined && sameFields(read, fields)).toBe(true);
        expect([bytes[3], bytes[16]]).toEqual([7, 7]);
      }),
    );
  });

  test("other bytes are none, or stand for what is written the same", () => {
    const small = fc.array(fc.oneof(fc.nat(7), fc.nat(18), fc.nat(255)), { minLength: 12, maxLength: 12 });
    fc.assert(
      fc.property(small, (numbers) => {
        const fields = decodeFields(Uint8Array.from(numbers), 0);
        if (fields === undefined) return;
        expect(areFields(fields)).toBe(true);
        const again = new Uint8Array(12);
        encodeFields(fields, again, 0);
        expect([...again]).toEqual(numbers);
      }),
    );
    expect(decodeFields(new Uint8Array(12), 0)).toBe(NO_BOUNDS);
    expect(decodeFields(Uint8Array.of(1, 8, 8, 0, 0, 0, 1, 8, 8, 0, 0, 0), 0)).toBeUndefined();
    expect(decodeFields(Uint8Array.of(1, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0), 0)).toBeUndefined();
    expect(decodeFields(Uint8Array.of(3, 0, 17, 0, 0, 0, 0, 0, 0, 0, 0, 0), 0)).toBeUndefined();
  });
});

test("bounds are exact and the filter finds what matches, whatever is written", () => {
  let deepest = 0;
  fc.assert(
    fc.property(someFields, fc.nat(), fc.array(step, { minLength: 3, maxLength: 14 }), (fields, seed, steps) => {
      const bench = new BoundsBench(fields, seed);
      for (const { kind, seed: own } of steps) {
        bench.random.fill(new Uint8Array(own % 64));
        bench.run(kind);
        bench.check();
        bench.compare();
        deepest = Math.max(deepest, bench.tree.depth);
      }
      bench.wipe(null, null);
      expect(bench.pagesInUse).toBe(0);
    }),
    { numRuns: effort(120) },
  );
  expect(deepest).toBeGreaterThan(2);
}, 200_000);

const VERSION: BoundFields = [
  { of: "key", offset: 8, bytes: 8, keeps: "least" },
  { of: "value", offset: 0, bytes: 8, keeps: "greatest" },
];

/** Entries whose fields grow with their keys. */
function rows(count: number): { bench: BoundsBench; names: string[] } {
  const bench = new BoundsBench(VERSION, 1);
  const names: string[] = [];
  for (let i = 0; i < count; i++) {
    const number = String(i).padStart(8, "0");
    names.push(`row/${number}${number}`);
    bench.put(names[i], 40, keyOf(number.padEnd(40, "v")));
    bench.values.set(names[i], keyOf(number.padEnd(40, "v")));
  }
  return { bench, names };
}

test("subtrees in which nothing can match are not read", () => {
  const { bench, names } = rows(20_000);
  bench.commit();
  const limits = keyOf("0001000100010000");
  expect(bench.filtered(null, null, limits, false)).toEqual(names.slice(10_000, 10_002));
  expect(bench.filtered(null, null, limits, true)).toEqual(names.slice(10_000, 10_002).toReversed());
  expect(bench.store.cache.misses).toBeLessThan(12);
});

test("a bulk build has the same bounds", () => {
  for (const fields of [VERSION, [...VERSION, ...VERSION]]) {
    const bench = new BoundsBench(fields, 3);
    const sorted = new Set<string>();
    while (sorted.size < 3000) sorted.add(bench.newKey());
    const builder = new BulkBuilder(bench.tree, bench.owner);
    for (const key of [...sorted].sort((a, b) => (a < b ? -1 : 1))) {
      const value = keyOf(bench.bytes(VALUE_BYTES));
      builder.add(padded(keyOf(key)), key.length, value, value.length);
      bench.model.set(key, value.length);
      bench.values.set(key, value);
    }
    const last = padded(keyOf("\u00ff".repeat(30)));
    expect(() => builder.add(last, 30, new Uint8Array(20), 7)).toThrow(/bounds of fields/);
    builder.finish();
    bench.check();
    bench.compare();
    bench.commit();
    for (let i = 0; i < 200; i++) bench.change();
    bench.check();
    bench.compare();
  }
});

test("an entry without the fields, or too long for a leaf, is refused before anything is touched", () => {
  const { bench } = rows(500);
  const { changes, extentPages } = bench.tree;
  const key = padded(keyOf("12345678"));
  for (const [keyLength, valueLength] of [
    [7, 8],
    [8, 7],
    [8, maxInlineBytes(4096) + 1],
  ]) {
    expect(() => put(bench.tree, bench.owner, key, keyLength, new Uint8Array(5000), valueLength)).toThrow(
      expect.objectContaining({ code: "LLMDB_INVALID_ARGUMENT" }),
    );
  }
  expect([bench.tree.changes, bench.tree.extentPages]).toEqual([changes, extentPages]);
  put(bench.tree, bench.owner, key, 8, new Uint8Array(8), 8);
  bench.model.set("12345678", 8);
  bench.check();
});

test("a check reports bounds that are not those of what is below", () => {
  const { bench } = rows(500);
  const { cache } = bench.owner.reader;
  const frame = bench.owner.own(bench.tree.root.page, bench.tree.root.crc, bench.tree.root.born);
  const views = cache.views(frame);
  for (const at of [0, 15]) {
    const byte = cellAt(views, cache.base(frame), 3) + POINTER_BYTES + at;
    views.u8[byte] ^= 1;
    expect(bench.problems()).toEqual([expect.stringContaining("bounds")]);
    views.u8[byte] ^= 1;
  }
  expect(bench.problems()).toEqual([]);
});

test("branches and entries of another form than the tree's are damage, not something to read past", () => {
  const corrupt = expect.objectContaining({ code: "LLMDB_CORRUPT" });
  const everything = between(null, null);
  const other: [BoundFields, number][] = [
    [[VERSION[0]], 500],
    [NO_BOUNDS, 500],
    [[{ of: "key", offset: 200, bytes: 16, keeps: "least" }], 3],
    [[{ of: "value", offset: 25, bytes: 16, keeps: "greatest" }], 3],
  ];
  for (const [fields, size] of other) {
    const { bench, names } = rows(size);
    const { tree } = bench;
    tree.bounds = fields;
    const limits = new Uint8Array(boundBytes(fields));
    for (const reverse of [false, true]) {
      const cursor = new FilterCursor(tree, bench.owner.reader, everything, limits, reverse);
      expect(() => cursor.next()).toThrow(corrupt);
      expect(() => cursor.next()).toThrow(corrupt);
    }
    expect(bench.problems()).not.toEqual([]);
    if (size < 500) continue;
    expect(() => bench.remove(names[3])).toThrow(corrupt);
    expect(() => bench.clear(names[3], names[40])).toThrow(corrupt);
  }
  const { bench } = rows(3);
  const filter = () => new FilterCursor(bench.tree, bench.owner.reader, everything, new Uint8Array(15), false);
  expect(filter).toThrow(expect.objectContaining({ code: "LLMDB_INVALID_ARGUMENT" }));
});

test("floor finds the last key that is not above", () => {
  for (const bench of [new TreeBench(), new BoundsBench(VERSION, 5)]) {
    const random = new Random(9);
    const keyOfSome = (): string =>
      `${"k".repeat(random.below(2) * 200)}${String(random.below(9000)).padStart(8, "0")}`;
    for (let i = 0; i < 1500; i++) bench.put(keyOfSome(), 60);
    for (let i = 0; i < 300; i++) bench.remove(random.pick([...bench.model.keys()]));
    const keys = bench.keys();
    const place: LeafPlace = { frame: 0, slot: 0 };
    const copy = new Uint8Array(1000);
    const { reader } = bench.owner;
    for (const key of [...Array.from({ length: 1500 }, keyOfSome), ...keys, "", "z"]) {
      const expected = keys.findLast((one) => one <= key);
      expect(floor(bench.tree, reader, padded(keyOf(key)), key.length, place)).toBe(expected !== undefined);
      if (expected === undefined) continue;
      const length = copyKey(reader.cache.views(place.frame), reader.cache.base(place.frame), place.slot, copy);
      expect(Buffer.from(copy.subarray(0, length)).toString()).toBe(expected);
    }
  }
});
