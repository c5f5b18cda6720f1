/**
 * The tree by itself: splits, merges, prefixes, range deletes, counting and bulk builds, at the edges of what a page
 * holds.
 */
import { describe, expect, test } from "vitest";
import { Cursor, countRange } from "../../btree/cursor.js";
import { copyKey, maxInlineBytes, maxKeyBytes } from "../../btree/node.js";
import { rank } from "../../btree/tree.js";
import { Random } from "../harness/index.js";
import { between, keyOf, padded, TreeBench } from "./tree-bench.js";

const PAGE_SIZES = [4096, 8192, 16384, 32768, 65536];

function row(i: number): string {
  return `row/${String(i).padStart(7, "0")}`;
}

describe("splits", () => {
  test("at every position of a full leaf", () => {
    for (let position = 0; position < 40; position++) {
      const bench = new TreeBench();
      for (let i = 0; i < 36; i++) bench.put(row(i * 10), 90);
      bench.put(row(position * 10 + 5), 900);
      bench.put(row(position * 10 + 6), 900);
      bench.check();
    }
  });

  test("of branches at every position", () => {
    const bench = new TreeBench();
    const random = new Random(1);
    for (let i = 0; i < 3000; i++) bench.put(`${"k".repeat(60)}${random.below(1e6)}${"t".repeat(200)}`, 300);
    expect(bench.tree.depth).toBeGreaterThan(2);
    bench.check();
  });

  test.each(PAGE_SIZES)("with the longest keys and the longest inline values, pages of %i", (pageSize) => {
    const bench = new TreeBench(pageSize);
    const longest = maxKeyBytes(pageSize);
    const random = new Random(pageSize);
    for (let i = 0; i < 120; i++) {
      const start = random.chance() ? "" : "x".repeat(random.below(longest - 10));
      bench.put(`${start}${random.below(1000)}`.padEnd(longest, "y"), maxInlineBytes(pageSize) - random.below(3));
    }
    bench.check();
    for (const key of bench.keys()) {
      bench.remove(key);
      if (bench.model.size % 20 === 0) bench.check();
    }
    expect(bench.pagesInUse).toBe(0);
  });
});

describe("prefixes", () => {
  const common = "a/common/beginning/that/is/long/".repeat(4);

  test("broken at either end, and mended", () => {
    const bench = new TreeBench();
    for (let i = 0; i < 60; i++) bench.put(common + row(i), 20);
    bench.check();
    for (const breaker of ["", "\0", "zzz", common.slice(0, 5), `${common}z`, common]) {
      bench.put(breaker, 20);
      bench.check();
      bench.remove(breaker);
      bench.check();
    }
    for (let i = 60; i < 400; i++) bench.put(common + row(i), 20);
    bench.check();
  });

  test("keys that are beginnings of each other, and zero bytes at their ends", () => {
    const bench = new TreeBench();
    for (let length = 0; length < 300; length++) bench.put("a".repeat(length), 30);
    for (let length = 0; length < 300; length++) bench.put("\0".repeat(length), 30);
    for (let length = 1; length < 9; length++) bench.put(`b${"\0".repeat(length)}`, 1);
    bench.check();
    for (const key of bench.keys()) if (key.length % 3 !== 0) bench.remove(key);
    bench.check();
  });
});

describe("fill", () => {
  test("a sorted load fills its leaves", () => {
    const bench = new TreeBench();
    for (let i = 0; i < 5000; i++) bench.put(row(i), 40);
    bench.check();
    expect(bench.tree.leafPages * 4096 * 0.9).toBeLessThan(5000 * (40 + 2 + 8 + 4));
  });

  test("so does a load sorted the other way", () => {
    const bench = new TreeBench();
    for (let i = 5000; i > 0; i--) bench.put(row(i), 40);
    bench.check();
    expect(bench.tree.leafPages * 4096 * 0.85).toBeLessThan(5000 * (40 + 2 + 8 + 4));
  });

  test("a random load fills two thirds", () => {
    const bench = new TreeBench();
    const random = new Random(3);
    for (let i = 0; i < 5000; i++) bench.put(row(random.below(1e6)), 40);
    bench.check();
    expect(bench.leafFill).toBeGreaterThan(0.55);
  });

  test("a bulk build equals inserts, and is full", () => {
    const keys = Array.from({ length: 4000 }, (_, i) => row(i * 3));
    const [built, grown] = [new TreeBench(), new TreeBench()];
    built.bulk(keys, 60);
    for (const key of keys) grown.put(key, 60);
    built.check();
    grown.check();
    expect(built.scan()).toEqual(grown.scan());
    expect(built.tree.leafPages).toBeLessThanOrEqual(grown.tree.leafPages);
    const ragged = new TreeBench();
    ragged.bulk([...Array.from({ length: 30 }, (_, i) => "q".repeat(i * 17)), ...keys], 2000);
    ragged.check();
    expect(() => new TreeBench().bulk(["b", "a"])).toThrow(/ascending/);
    expect(() => new TreeBench().bulk(["a", "a"])).toThrow(/ascending/);
    const none = new TreeBench();
    none.bulk([]);
    none.check();
  });
});

describe("merges", () => {
  test("an emptied tree gives all pages back, whatever the order", () => {
    for (const order of ["up", "down", "random"] as const) {
      const bench = new TreeBench();
      const random = new Random(7);
      for (let i = 0; i < 2000; i++) bench.put(row(i), i % 100 === 0 ? 3000 : 50);
      bench.commit();
      const keys = bench.keys();
      if (order === "down") keys.reverse();
      if (order === "random") keys.sort(() => (random.chance() ? 1 : -1));
      for (const [i, key] of keys.entries()) {
        bench.remove(key);
        if (i % 400 === 0) bench.check();
      }
      expect(bench.tree).toMatchObject({ depth: 0, leafPages: 0, branchPages: 0, extentPages: 0 });
      expect(bench.tree.root.page).toBe(0);
    }
  });

  test("thinning keeps pages at least a third full", () => {
    const bench = new TreeBench();
    for (let i = 0; i < 6000; i++) bench.put(row(i), 40);
    const before = bench.tree.leafPages;
    for (let i = 0; i < 6000; i++) if (i % 10 !== 0) bench.remove(row(i));
    bench.check();
    expect(bench.tree.leafPages).toBeLessThan(before / 4);
    expect(bench.leafFill).toBeGreaterThan(0.3);
  });

  test("a transaction that is abandoned leaves no page behind", () => {
    const bench = new TreeBench();
    for (let i = 0; i < 2000; i++) bench.put(row(i), i % 50 === 0 ? 5000 : 50);
    bench.clear(row(500), row(1500));
    expect(bench.abandon()).toEqual({ end: 3, free: 0 });
  });
});

describe("ranges", () => {
  test("a range delete drops whole subtrees without reading their leaves", () => {
    const bench = new TreeBench();
    for (let i = 0; i < 20_000; i++) bench.put(row(i), 60);
    const { leafPages, branchPages } = bench.tree;
    bench.commit();
    bench.clear(row(100), row(19_900));
    expect(leafPages).toBeGreaterThan(300);
    expect(bench.store.cache.misses).toBeLessThan(branchPages + 10);
    bench.check();
    expect(bench.tree.leafPages).toBeLessThan(10);
  });

  test("random range deletes", () => {
    const random = new Random(11);
    for (let run = 0; run < 40; run++) {
      const bench = new TreeBench();
      const size = 200 + random.below(1500);
      for (let i = 0; i < size; i++) bench.put(row(i), random.chance(0.02) ? 4000 : random.below(300));
      if (run % 2 === 0) bench.commit();
      for (let i = 0; i < 6; i++) {
        const from = random.chance(0.2) ? null : row(random.below(size));
        const to = random.chance(0.2) ? null : row(random.below(size));
        bench.clear(from, to);
        bench.check();
        for (let k = 0; k < 20; k++) bench.put(row(random.below(size)), random.below(200));
      }
      bench.clear(null, null);
      expect(bench.pagesInUse).toBe(0);
    }
  });

  test("count, rank and offset are those of a sorted array", () => {
    const bench = new TreeBench();
    const random = new Random(5);
    for (let i = 0; i < 3000; i++) bench.put(row(random.below(20_000)), 60);
    const keys = bench.keys();
    const { reader } = bench.owner;
    for (let i = 0; i < 300; i++) {
      const [a, b] = [row(random.below(20_000)), row(random.below(20_000))];
      expect(rank(bench.tree, reader, padded(keyOf(a)), a.length)).toBe(keys.filter((key) => key < a).length);
      const inside = keys.filter((key) => key >= a && key < b);
      expect(countRange(bench.tree, reader, between(a, b))).toBe(inside.length);
      const offset = random.below(inside.length + 3);
      for (const reverse of [false, true]) {
        const cursor = new Cursor(bench.tree, reader, between(a, b), reverse);
        cursor.skip(offset);
        const expected = (reverse ? inside.toReversed() : inside)[offset];
        expect(cursor.next()).toBe(expected !== undefined);
        if (expected === undefined) continue;
        const key = new Uint8Array(100);
        const length = copyKey(reader.cache.views(cursor.frame), reader.cache.base(cursor.frame), cursor.slot, key);
        expect(Buffer.from(key.subarray(0, length)).toString()).toBe(expected);
      }
    }
  });

  test("counting reads no more than two ways down", () => {
    const bench = new TreeBench();
    for (let i = 0; i < 20_000; i++) bench.put(row(i), 60);
    bench.commit();
    expect(countRange(bench.tree, bench.owner.reader, between(row(17), row(19_999)))).toBe(19_982);
    expect(bench.store.cache.misses).toBeLessThanOrEqual(2 * bench.tree.depth);
  });
});

describe("cursors", () => {
  test.each([false, true])("survive writes around them, reverse: %s", (reverse) => {
    const random = new Random(23);
    for (let run = 0; run < 20; run++) {
      const bench = new TreeBench();
      for (let i = 0; i < 400; i++) bench.put(row(random.below(2000)), random.below(200));
      const { reader } = bench.owner;
      const cursor = new Cursor(bench.tree, reader, between(row(100), row(1900)), reverse);
      bench.tree.cursors = new Set([cursor]);
      const inside = (): string[] => bench.keys().filter((key) => key >= row(100) && key < row(1900));
      let expected = reverse ? inside().at(-1) : inside()[0];
      const key = new Uint8Array(100);
      while (cursor.next()) {
        const length = copyKey(reader.cache.views(cursor.frame), reader.cache.base(cursor.frame), cursor.slot, key);
        const found = Buffer.from(key.subarray(0, length)).toString();
        expect(found).toBe(expected);
        for (let i = random.below(4); i > 0; i--) {
          if (random.chance()) bench.put(row(random.below(2000)), random.below(900));
          else bench.remove(row(random.below(2000)));
        }
        if (random.chance(0.02)) bench.clear(row(random.below(2000)), row(random.below(2000)));
        if (random.chance(0.3)) bench.remove(found);
        expected = reverse ? inside().findLast((one) => one < found) : inside().find((one) => one > found);
      }
      expect(expected).toBeUndefined();
      bench.check();
    }
  });
});
