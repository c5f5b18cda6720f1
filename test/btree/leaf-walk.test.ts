/** Walking the leaves of a range gives what a cursor gives, leaf by leaf, and loads no page twice without need. */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Bounds } from "../../btree/cursor.js";
import { LeafWalk } from "../../btree/leaf-walk.js";
import { copyKey, nodeCount } from "../../btree/node.js";
import { effort } from "../effort.js";
import { Random } from "../harness/index.js";
import { between, TreeBench } from "./tree-bench.js";

/** The keys that the slots of the leaves lead to. */
function walked(bench: TreeBench, bounds: Bounds): string[] {
  const { reader } = bench.owner;
  const { cache } = reader;
  const walk = new LeafWalk(bench.tree, reader, bounds);
  const key = new Uint8Array(bench.pageSize);
  const found: string[] = [];
  while (walk.next()) {
    expect(walk.end).toBeGreaterThan(walk.first);
    expect(walk.end).toBeLessThanOrEqual(nodeCount(cache.views(walk.frame), cache.base(walk.frame)));
    for (let slot = walk.first; slot < walk.end; slot++) {
      const length = copyKey(cache.views(walk.frame), cache.base(walk.frame), slot, key);
      found.push(Buffer.from(key.subarray(0, length)).toString("latin1"));
    }
  }
  expect(walk.next()).toBe(false);
  return found;
}

const text = fc.tuple(fc.constantFrom("", "a", "ab", "ab".repeat(60), "b", "z"), fc.nat(99_999)).map(([a, i]) => a + i);
const bound = fc.option(text, { nil: null });

test("the leaves of any range of any tree hold the keys that a cursor finds", () => {
  const shape = fc.record({
    count: fc.constantFrom(0, 1, 5, 200, 3000),
    stem: fc.constantFrom("", "ab", "ab".repeat(60)),
    valueBytes: fc.constantFrom(0, 8, 300, 900),
    isBulk: fc.boolean(),
    seed: fc.nat(),
    ranges: fc.array(fc.tuple(bound, bound), { minLength: 6, maxLength: 6 }),
    cleared: fc.tuple(text, text),
  });
  const property = fc.property(shape, ({ count, stem, valueBytes, isBulk, seed, ranges, cleared }) => {
    const bench = new TreeBench();
    const random = new Random(seed);
    const keys = new Set<string>();
    for (let i = 0; i < count; i++) keys.add(`${random.chance(0.2) ? "b" : stem}${random.below(100_000)}`);
    if (isBulk) bench.bulk([...keys].sort(), valueBytes);
    else for (const key of keys) bench.put(key, valueBytes);
    const [low, high] = [...cleared].sort();
    bench.clear(low, high);
    const there = bench.keys();
    const edges = Array.from({ length: 6 }, () => [random.pick(["", ...there]), random.pick(["", ...there])] as const);
    for (const [lower, upper] of [[null, null] as const, ...ranges, ...edges]) {
      const bounds = between(lower, upper);
      expect(walked(bench, bounds)).toEqual(bench.scan(bounds));
    }
  });
  fc.assert(property, { numRuns: effort(60) });
});

test("a walk goes down from the root once for each branch above leaves", () => {
  const bench = new TreeBench();
  const random = new Random(1);
  bench.bulk(
    Array.from({ length: 40_000 }, (_, i) => `${String(i).padStart(8, "0")}${"k".repeat(random.below(60))}`),
    40,
  );
  expect(bench.tree.depth).toBe(3);
  const { cache } = bench.owner.reader;
  const before = cache.fetches;
  expect(walked(bench, between(null, null))).toHaveLength(40_000);
  const { depth, leafPages, branchPages } = bench.tree;
  expect(cache.fetches - before).toBeLessThan(leafPages + 3 * depth * branchPages);
});
