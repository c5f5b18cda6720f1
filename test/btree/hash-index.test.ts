/**
 * The hash index by itself: what it finds is what a descent finds, hints that name a wrong place are seen through, and
 * what it knows survives growing.
 */
import { describe, expect, test } from "vitest";
import { HashIndex } from "../../btree/hash-index.js";
import { headOf, maxInlineBytes, maxKeyBytes, nodeCount, prefixLength, search, slotsAt } from "../../btree/node.js";
import { insertEntry, rebuildFrom, removeEntry, setStoredLength } from "../../btree/node-edit.js";
import { findLeaf } from "../../btree/tree.js";
import { Entry, findEntry } from "../../engine/entry.js";
import type { PageViews } from "../../pager/page.js";
import { Random } from "../harness/index.js";
import { mapped } from "../map/fresh.js";
import { keyOf, padded, TreeBench } from "./tree-bench.js";

const PAGE_SIZES = [4096, 8192, 16384, 32768, 65536];
const ENTRY_BYTES = 16;

/** An index over a tree whose pages are all committed. */
class IndexBench {
  readonly bench: TreeBench;
  readonly index: HashIndex;
  readonly entry = new Entry();

  constructor(bench: TreeBench) {
    bench.commit();
    this.bench = bench;
    this.index = new HashIndex(bench.store.cache);
    bench.tree.index = this.index;
    bench.tree.id = this.index.nextTreeId();
  }

  /** Finds a key as reads do. */
  read(key: string): boolean {
    const { tree, owner } = this.bench;
    return findEntry(tree, owner.reader, padded(keyOf(key)), key.length, this.entry);
  }

  /** Asks the index alone. */
  hint(key: string, tree = this.bench.tree.id): number {
    return this.index.find(tree, padded(keyOf(key)), key.length);
  }

  /** Where a descent finds a key. */
  place(key: string): { frame: number; slot: number } {
    const { tree, owner, store } = this.bench;
    const bytes = padded(keyOf(key));
    const frame = findLeaf(tree, owner.reader, bytes, key.length);
    return { frame, slot: search(store.cache.views(frame), store.cache.base(frame), bytes, key.length) };
  }

  /** Leaves a hint for a key that names this place, whatever is there. */
  mislead(key: string, frame: number, slot: number): void {
    this.hint(key);
    this.index.note(this.bench.tree.id, frame, slot);
  }

  /** The hint for a key must be all that a descent says. */
  expectHint(key: string): void {
    const { frame, slot } = this.place(key);
    const entry = new Entry();
    entry.set(this.bench.owner.reader, frame, slot);
    const { index } = this;
    const found = { frame: this.hint(key), slot: index.slot, cell: index.cell, at: index.at, length: index.length };
    expect(found).toEqual({ ...entry });
  }
}

/** Takes a key out, or puts it in with a value of another length; or writes the leaf anew, with a prefix. */
function changeLeaf(views: PageViews, base: number, random: Random, keys: readonly string[]): void {
  const key = random.pick(keys);
  const slot = search(views, base, padded(keyOf(key)), key.length);
  if (random.chance(0.005)) {
    const from = random.below(nodeCount(views, base));
    rebuildFrom(views, base, from, random.below(nodeCount(views, base) - from) + from, views, base, 4096);
    return;
  }
  if (slot >= 0) removeEntry(views, base, slot);
  if (slot >= 0 && random.chance()) return;
  const bytes = random.below(60);
  const at = insertEntry(views, base, 4096, slot < 0 ? ~slot : slot, padded(keyOf(key)), key.length, bytes);
  if (at < 0) return;
  // Values that look like keys.
  views.u8.fill(97, at, at + bytes);
  setStoredLength(views, base, slot < 0 ? ~slot : slot, bytes);
}

/** Writes the leaf of a key anew, after which what its keys share is its prefix. */
function giveLeafPrefix(hot: IndexBench, key: string, common: string): void {
  const { cache } = hot.bench.store;
  const { frame } = hot.place(key);
  const views = cache.views(frame);
  const base = cache.base(frame);
  rebuildFrom(views, base, 0, nodeCount(views, base), views, base, hot.bench.pageSize);
  expect(prefixLength(views, base)).toBe(common.length);
}

function row(i: number): string {
  return `row/${String(i).padStart(7, "0")}`;
}

// Mapped pages are never indexed: then there is nothing to see here.
describe.skipIf(mapped)("finding", () => {
  test.each(PAGE_SIZES)("what a descent finds, pages of %i", (pageSize) => {
    const bench = new TreeBench(pageSize);
    const random = new Random(pageSize);
    const longest = maxKeyBytes(pageSize);
    const sizes = [0, 1, 100, maxInlineBytes(pageSize), maxInlineBytes(pageSize) + 1, pageSize * 3];
    for (let i = 0; i < 300; i++) {
      const keys = ["a".repeat(i), "\0".repeat(i), `a/common/beginning/${"b".repeat(i % 40)}`, row(i)];
      for (const key of keys) bench.put(key, random.below(40));
    }
    for (let i = 0; i < 30; i++) bench.put(`${"x".repeat(i)}${i}`.padEnd(longest, "y"), sizes[i % sizes.length]);
    const hot = new IndexBench(bench);
    for (const key of bench.keys()) {
      expect(hot.read(key)).toBe(true);
      hot.expectHint(key);
    }
    for (const key of bench.keys()) if (hot.hint(key) >= 0) hot.expectHint(key);
    for (const key of bench.keys()) {
      for (const other of [`${key}\0`, key.slice(0, -1), `z${key.slice(1)}`]) {
        if (other.length <= longest) expect(hot.read(other)).toBe(bench.model.has(other));
      }
    }
  });

  test("nothing where a frame is no leaf of the tree any more", () => {
    const bench = new TreeBench();
    bench.put("key");
    const hot = new IndexBench(bench);
    const other = hot.index.nextTreeId();
    hot.read("key");
    const { frame, slot } = hot.place("key");
    expect(hot.hint("key")).toBe(frame);
    const { leafOf } = bench.store.cache;
    leafOf[frame] = 0;
    expect(hot.hint("key")).toBe(-1);
    hot.hint("key", other);
    hot.index.note(bench.tree.id, frame, slot);
    expect(hot.hint("key", other)).toBe(-1);
  });
});

describe.skipIf(mapped)("a hint that leads astray", () => {
  const common = "a/common/beginning/";

  test("to another key", () => {
    const bench = new TreeBench();
    for (const end of ["abcd", "abcdefgh", "abcdefgx", "x", "x\0\0"]) bench.put(common + end);
    const hot = new IndexBench(bench);
    giveLeafPrefix(hot, `${common}x`, common);
    const keys = bench.keys();
    const starts = [common, `A${common.slice(1)}`, `${common.slice(0, -1)}!`, ""];
    const others = starts.flatMap((start) =>
      ["abcd", "abcde", "abcdefgh", "abcdefgy", "abcdefghi", "Abcdefgh", "x", "x\0", "", "abc"].map(
        (end) => start + end,
      ),
    );
    for (const key of keys) {
      const { frame, slot } = hot.place(key);
      for (const other of [...others, ...keys, key.slice(0, 5)]) {
        hot.mislead(other, frame, slot);
        expect(hot.hint(other), `${other} at ${key}`).toBe(other === key ? frame : -1);
      }
    }
  });

  test("to a value that looks like a slot", () => {
    const bench = new TreeBench();
    const value = new Uint8Array(256);
    const fake = new DataView(value.buffer);
    for (let at = 0; at < 256; at += 8) {
      fake.setUint32(at, headOf(padded(keyOf("fake")), 0), true);
      fake.setUint16(at + 4, 4000, true);
      fake.setUint16(at + 6, 4, true);
    }
    // Of all ways to lie within a word, one is that of a slot.
    for (const key of ["a", "bcdefg", "bcdefgh", "bcdefghi", "bcdefghij"]) bench.put(key, 256, value);
    const hot = new IndexBench(bench);
    const { frame } = hot.place("a");
    for (let slot = bench.model.size; slot < 500; slot++) {
      hot.mislead("fake", frame, slot);
      expect(hot.hint("fake")).toBe(-1);
    }
  });

  test("into the prefix", () => {
    const bench = new TreeBench();
    // Its last eight bytes are a slot for "beginning" + "fake": head, cell offset, length beyond the prefix.
    const prefix = "fillings" + "ekaf" + "\x10\x0f" + "\x04\0";
    for (const end of ["a", "b", "c"]) bench.put(prefix + end);
    const hot = new IndexBench(bench);
    giveLeafPrefix(hot, `${prefix}a`, prefix);
    const { frame } = hot.place(`${prefix}a`);
    hot.mislead(`${prefix}fake`, frame, -1);
    expect(hot.hint(`${prefix}fake`)).toBe(-1);
  });

  test("to the middle of a slot", () => {
    const bench = new TreeBench();
    const cell = 4096 - 2 - 8;
    // The head of the second key reads as cell offset and length, where the first key's read as a head.
    const second = String.fromCharCode(0, 4, cell >>> 8, cell & 0xff);
    for (const key of ["\xff", second, "\0\x01"]) bench.put(key);
    const hot = new IndexBench(bench);
    const { frame } = hot.place(second);
    const { cache } = bench.store;
    const views = cache.views(frame);
    const slots = slotsAt(views, cache.base(frame));
    const head = views.u32[(slots + 4) >>> 2];
    const fake = String.fromCharCode(head >>> 24, (head >>> 16) & 0xff, (head >>> 8) & 0xff, head & 0xff);
    hot.mislead(fake, frame, 0.5);
    expect(hot.hint(fake)).toBe(-1);
  });

  test("to a place in a page that has changed since", () => {
    const bench = new TreeBench();
    const starts = ["", "k", "a/common/beginning/", "a/common/beginning/and/more/"];
    const ends = ["", "\0", "a", "ab", "abc", "abcd", "abcde", "abcdx", "abcdefghijkl", "b", "bb", "z"];
    const keys = starts.flatMap((start) => ends.map((end) => start + end));
    for (const key of keys) bench.put(key);
    const hot = new IndexBench(bench);
    const { frame } = hot.place("a");
    const { cache } = bench.store;
    const views = cache.views(frame);
    const base = cache.base(frame);
    const random = new Random(5);
    let hits = 0;
    for (let round = 0; round < 1500; round++) {
      // As if the frame had been taken for another leaf of the tree, and been marked again.
      const changes = random.below(12);
      for (let i = 0; i < changes; i++) changeLeaf(views, base, random, keys);
      for (const key of keys) {
        const { slot } = hot.place(key);
        if (hot.hint(key) >= 0) {
          hits++;
          hot.expectHint(key);
        }
        if (slot >= 0 && random.chance(0.3)) hot.mislead(key, frame, slot);
      }
    }
    expect(hits).toBeGreaterThan(5000);
  });

  test("to a mapped page", () => {
    const bench = new TreeBench();
    bench.put("key");
    const hot = new IndexBench(bench);
    const { cache } = bench.store;
    hot.mislead("key", cache.maxFrames + 5, 0);
    expect(hot.hint("key")).toBe(-1);
    expect(cache.leafOf.every((mark) => mark === 0)).toBe(true);
  });
});

test.skipIf(mapped)("what it knows survives growing, once it is large, and it keeps below its share", () => {
  const bench = new TreeBench();
  const keys = Array.from({ length: 80_000 }, (_, i) => row(i));
  bench.bulk(keys);
  const hot = new IndexBench(bench);
  const large = 2 ** 16 * ENTRY_BYTES;
  const share = (bench.store.cache.maxFrames * bench.pageSize) / 32;
  expect(share).toBe(large * 2);
  const read: string[] = [];
  let sizes = 1;
  for (const key of [...keys, ...keys]) {
    const before = hot.index.bytes;
    hot.read(key);
    if (before === large) read.push(key);
    if (hot.index.bytes === before) continue;
    sizes++;
    expect(hot.index.bytes).toBeLessThanOrEqual(share);
    if (before === large) expect(read.filter((of) => hot.hint(of) >= 0).length).toBeGreaterThan(read.length * 0.85);
  }
  expect(hot.index.bytes).toBe(share);
  expect(sizes).toBe(11);
  let hits = 0;
  for (const [i, key] of keys.entries()) {
    if (hot.hint(key) < 0) continue;
    hits++;
    if (i % 50 === 0) hot.expectHint(key);
  }
  expect(hits).toBeGreaterThan(keys.length * 0.85);
});
