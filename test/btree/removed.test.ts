/** What was removed is nowhere in the pages of a tree: dead cells, gaps, prefixes and separators. */
import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { copyKey, nodeCount, nodeLevel } from "../../btree/node.js";
import { scrubSeparators } from "../../btree/scrub.js";
import { effort } from "../effort.js";
import { Random } from "../harness/index.js";
import { keyOf, padded, TreeBench } from "./tree-bench.js";
import { unownedBytes } from "./unowned-bytes.js";

/** No node of the tree has a byte that belongs to nothing and is not zero. */
function expectZeros(bench: TreeBench): void {
  for (const { views, base } of bench.nodes()) expect(unownedBytes(views, base, bench.pageSize)).toEqual([]);
}

/** Keys that share beginnings of all lengths, so that prefixes come and go. */
const stem = fc.constantFrom("", "a", "ab", `a${"b".repeat(70)}`, `a${"b".repeat(70)}c`, "b".repeat(200), "\xff\xff");
const key = fc.tuple(stem, fc.integer({ min: 0, max: 300 })).map(([start, i]) => `${start}${i}`);
const change = fc.oneof(
  { weight: 8, arbitrary: fc.tuple(fc.constant("put" as const), key, fc.integer({ min: 0, max: 900 })) },
  { weight: 4, arbitrary: fc.tuple(fc.constant("remove" as const), key) },
  { weight: 1, arbitrary: fc.tuple(fc.constant("clear" as const), key, key) },
  { weight: 1, arbitrary: fc.tuple(fc.constant("commit" as const)) },
);

test("after any changes the bytes of a node that belong to nothing are zero", () => {
  const property = fc.property(fc.array(change, { maxLength: 250, size: "max" }), (changes) => {
    const bench = new TreeBench();
    for (let i = 0; i < 150; i++) bench.put(`${i % 3 === 0 ? "ab" : "b".repeat(200)}${i}`, 50 + i);
    for (const one of changes) {
      if (one[0] === "put") bench.put(one[1], one[2]);
      else if (one[0] === "remove") bench.remove(one[1]);
      else if (one[0] === "commit") bench.commit();
      else bench.clear(one[1] < one[2] ? one[1] : one[2], one[1] < one[2] ? one[2] : one[1]);
    }
    expectZeros(bench);
    bench.check();
  });
  fc.assert(property, { numRuns: effort(24) });
});

test("a branch of one child has no prefix, and a page that is used again nothing of its last life", () => {
  const bench = new TreeBench();
  const random = new Random(5);
  for (let round = 0; round < 4; round++) {
    for (let i = 0; i < 1500; i++) bench.put(`${"k".repeat(60)}${random.below(1e6)}${"t".repeat(200)}`, 300);
    const keys = bench.keys();
    for (const one of keys) if (random.below(100) < 97) bench.remove(one);
    expectZeros(bench);
    for (const { views, base } of bench.nodes()) {
      if (nodeLevel(views, base) > 0 && nodeCount(views, base) === 1) expect(views.u16[(base + 16) >>> 1]).toBe(0);
    }
    bench.check();
  }
});

/** Neither raw nor as a key is there anything that starts with `prefix`, or a run of its last bytes. */
function expectGone(bench: TreeBench, prefix: Uint8Array): void {
  const found = new Uint8Array(bench.pageSize);
  const needle = Buffer.from(prefix).subarray(-6);
  for (const { views, base } of bench.nodes()) {
    const page = Buffer.from(views.u8.buffer, views.u8.byteOffset + base, bench.pageSize);
    expect(page.indexOf(needle)).toBe(-1);
    for (let slot = nodeLevel(views, base) > 0 ? 1 : 0; slot < nodeCount(views, base); slot++) {
      const length = copyKey(views, base, slot, found);
      expect(Buffer.from(found.subarray(0, length)).indexOf(needle)).toBe(-1);
    }
  }
}

const shape = fc.record({
  pageSize: fc.constantFrom(4096, 4096, 8192),
  /** Bytes that the removed keys share with others, before what is theirs alone. */
  common: fc.integer({ min: 0, max: 300 }),
  unique: fc.integer({ min: 8, max: 200 }),
  removed: fc.integer({ min: 1, max: 400 }),
  tail: fc.integer({ min: 0, max: 40 }),
  value: fc.integer({ min: 0, max: 700 }),
  /** Which neighbours there are. */
  others: fc.integer({ min: 0, max: 400 }),
  isCleared: fc.boolean(),
  seed: fc.integer(),
});

test("after a scrub no page has anything of a prefix whose keys were removed", () => {
  let replaced = 0;
  const property = fc.property(shape, (plan) => {
    const bench = new TreeBench(plan.pageSize);
    const random = new Random(plan.seed);
    const common = "c".repeat(plan.common);
    const prefix = common + randomBytes(plan.unique).toString("latin1");
    const put = (text: string) => bench.put(text.slice(0, 540), random.below(plan.value + 1));
    for (let i = 0; i < plan.others; i++) {
      put(random.chance() ? `${common}${random.below(1e6)}` : common.slice(0, random.below(plan.common + 1)) + i);
      if (random.below(4) === 0) put(`${prefix.slice(0, random.below(plan.common + 3))}\xff${random.below(1e6)}`);
    }
    for (let i = 0; i < plan.removed; i++) {
      put(prefix + String(i).padStart(4, "0") + "t".repeat(random.below(plan.tail + 1)));
    }
    if (random.chance()) bench.commit();
    if (plan.isCleared) bench.clear(prefix, `${prefix}\xff`);
    else for (const one of bench.keys()) if (one.startsWith(prefix)) bench.remove(one);
    const changes = bench.tree.changes;
    scrubSeparators(bench.tree, bench.owner, padded(keyOf(prefix)), prefix.length);
    if (bench.tree.changes > changes) replaced++;
    bench.check();
    expectGone(bench, keyOf(prefix));
    expectZeros(bench);
  });
  fc.assert(property, { numRuns: effort(50) });
  expect(replaced).toBeGreaterThan(1);
});

test("where each removed key is scrubbed, every separator is a beginning of a key that is there", () => {
  let kept = 0;
  const keys = fc.array(fc.tuple(fc.nat(3), fc.nat(30), fc.nat(9)), { minLength: 60, maxLength: 300 });
  const property = fc.property(keys, fc.array(fc.nat(), { minLength: 40, maxLength: 300 }), (parts, picks) => {
    const bench = new TreeBench(4096);
    // One person has several keys, which begin alike for longer than the keys of two persons do.
    for (const [town, person, i] of parts) bench.put(`${"town".repeat(town)}/${`p${person}`.repeat(40)}/${i}`, 300);
    for (const pick of picks) {
      const known = bench.keys();
      if (known.length === 0) break;
      const victim = known[pick % known.length];
      bench.remove(victim);
      scrubSeparators(bench.tree, bench.owner, padded(keyOf(victim)), victim.length);
    }
    bench.check();
    const known = bench.keys();
    const found = new Uint8Array(bench.pageSize);
    for (const { views, base } of bench.nodes()) {
      for (let slot = 1; nodeLevel(views, base) > 0 && slot < nodeCount(views, base); slot++) {
        const separator = Buffer.from(found.subarray(0, copyKey(views, base, slot, found))).toString("latin1");
        if (!known.some((one) => one.startsWith(separator))) throw new Error(`nothing begins with ${separator}`);
        kept++;
      }
    }
  });
  fc.assert(property, { numRuns: effort(24) });
  expect(kept).toBeGreaterThan(3);
});

test("a branch whose prefix gets shorter is split", () => {
  const bench = new TreeBench();
  const stemOf = "s".repeat(500);
  // Separators of 500 bytes and a little: with their prefix many fit on a page, without it eight.
  for (let i = 0; i < 60; i++) bench.put(`${stemOf}${String(i).padStart(3, "0")}`, 900);
  const prefix = `${stemOf}\xff${randomBytes(20).toString("latin1")}`;
  for (let i = 0; i < 8; i++) bench.put(`${prefix}${i}`, 900);
  bench.put("t", 900);
  bench.put("u", 900);
  bench.check();
  const branches = bench.tree.branchPages;
  for (let i = 0; i < 8; i++) bench.remove(`${prefix}${i}`);
  scrubSeparators(bench.tree, bench.owner, padded(keyOf(prefix)), prefix.length);
  bench.check();
  expectGone(bench, keyOf(prefix));
  expectZeros(bench);
  expect(bench.tree.branchPages).toBeGreaterThanOrEqual(branches);
});

test("an open cursor finds its place again after a scrub, and a tree without such a separator is not touched", () => {
  const bench = new TreeBench();
  for (let i = 0; i < 400; i++) bench.put(`row/${String(i).padStart(4, "0")}`, 100);
  const changes = bench.tree.changes;
  scrubSeparators(bench.tree, bench.owner, padded(keyOf("nothing")), 7);
  scrubSeparators(bench.tree, bench.owner, padded(keyOf("\xff\xff")), 2);
  expect(bench.tree.changes).toBe(changes);
  const empty = new TreeBench();
  scrubSeparators(empty.tree, empty.owner, padded(keyOf("a")), 1);
  expect(empty.tree.depth).toBe(0);
});
