/**
 * Checking a node when it enters the cache: whatever a node says, its offsets and lengths stay inside the page once it
 * is accepted, so that reading it can do no harm.
 */
import { expect, test } from "vitest";
import { type BoundFields, NO_BOUNDS } from "../../btree/bounds.js";
import { cellAt, cellBytes, copyKey, nodeCount, search, slotsAt } from "../../btree/node.js";
import { validateNode } from "../../btree/validate.js";
import { BOUND_BYTES, COUNT, PageViews } from "../../pager/page.js";
import { effort } from "../effort.js";
import { Random } from "../harness/index.js";
import { TreeBench } from "./tree-bench.js";

const PAGE = 4096;

/** A leaf and a branch, as they are on disk, each in a page of its own. */
function nodes(bounds: BoundFields): { leaf: Uint8Array; branch: Uint8Array } {
  const bench = new TreeBench(PAGE, bounds);
  for (let i = 0; i < 2000; i++)
    bench.put(`common/${String(i * 7).padStart(9, "0")}`, i % 40 === 0 && bounds.length === 0 ? 2000 : 30);
  bench.remove("common/000000014");
  bench.commit();
  const read = (page: number, crc: number): Uint8Array => {
    const frame = bench.store.reader.fetch(page, crc);
    const { cache } = bench.store;
    return cache.views(frame).u8.slice(cache.base(frame), cache.base(frame) + PAGE);
  };
  const branch = read(bench.tree.root.page, bench.tree.root.crc);
  const views = new PageViews(branch.buffer, 0, PAGE);
  const cell = cellAt(views, 0, 0) >>> 2;
  return { branch, leaf: read(views.u32[cell], views.u32[cell + 2]) };
}

const { leaf, branch } = nodes(NO_BOUNDS);
const { branch: bounded } = nodes([
  { of: "key", offset: 9, bytes: 9, keeps: "least" },
  { of: "value", offset: 4, bytes: 12, keeps: "greatest" },
]);
const samples = { leaf, branch, bounded };

function validate(bytes: Uint8Array): string | undefined {
  return validateNode(new PageViews(bytes.slice().buffer, 0, PAGE), 0, PAGE, 10_000);
}

/** Uses an accepted node in every way; throws where it leads out of its page. */
function exercise(bytes: Uint8Array): void {
  // The page stands among others, so that reading beyond it is seen.
  const three = new Uint8Array(PAGE * 3);
  three.set(bytes, PAGE);
  const views = new PageViews(three.buffer, 0, three.length);
  const key = new Uint8Array(PAGE + 8);
  const count = nodeCount(views, PAGE);
  // Thousands of times: `expect` itself would be most of the cost.
  const demand = (holds: boolean, what: string): void => {
    if (!holds) throw new Error(`an accepted node leads out of its page: ${what}`);
  };
  demand(slotsAt(views, PAGE) + count * 8 <= 2 * PAGE, "slots");
  for (let slot = 0; slot < count; slot++) {
    const cell = cellAt(views, PAGE, slot);
    demand(cell >= PAGE, `the start of cell ${slot}`);
    demand(cell + cellBytes(views, PAGE, slot) <= 2 * PAGE, `the end of cell ${slot}`);
    const length = copyKey(views, PAGE, slot, key);
    key.fill(0, length, length + 8);
    if (slot > 0 || bytes === leaf) demand(search(views, PAGE, key, length) === slot, `the key of slot ${slot}`);
  }
}

test("sound nodes are accepted", () => {
  expect(validate(leaf)).toBeUndefined();
  expect(validate(branch)).toBeUndefined();
  expect(validate(bounded)).toBeUndefined();
});

test.each(["leaf", "branch", "bounded"] as const)(
  "a %s with one field changed to extremes is refused, or harmless",
  (type) => {
    const node = samples[type];
    const slots = slotsAt(new PageViews(node.slice().buffer, 0, PAGE), 0);
    let refused = 0;
    for (let at = 0; at < slots + 200; at += 2) {
      // Page number and transaction are compared elsewhere.
      if (at >= 4 && at < 16) continue;
      for (const value of [0, 1, 0x7fff, 0x8000, 0xffff, PAGE - 1, PAGE]) {
        const bytes = node.slice();
        bytes[at] = value;
        bytes[at + 1] = value >>> 8;
        if (validate(bytes) === undefined) exercise(bytes);
        else refused++;
      }
    }
    expect(refused).toBeGreaterThan(300);
  },
);

test.each(["leaf", "branch", "bounded"] as const)("a %s with random bytes changed", (type) => {
  const node = samples[type];
  const random = new Random(type.length);
  for (let i = 0; i < effort(1500); i++) {
    const bytes = node.slice();
    for (let k = random.below(4); k >= 0; k--) bytes[random.below(random.chance() ? 100 : PAGE)] = random.next();
    if (validate(bytes) === undefined) exercise(bytes);
  }
});

test("a leaf has no bounds, and no branch has more than four fields", () => {
  const changed = (node: Uint8Array, bytes: number): string | undefined => {
    const copy = node.slice();
    new DataView(copy.buffer).setUint16(BOUND_BYTES, bytes, true);
    return validate(copy);
  };
  expect(changed(leaf, 1)).toMatch(/header/);
  expect(changed(branch, 65)).toMatch(/header/);
  expect(changed(branch, 4)).toMatch(/area|range/);
  expect(changed(bounded, 0)).toMatch(/area|range/);
});

test("keys out of order, twice the same cell, no entries", () => {
  const swapped = leaf.slice();
  const slots = slotsAt(new PageViews(swapped.buffer, 0, PAGE), 0);
  swapped.copyWithin(slots + 16, slots + 8, slots + 16);
  expect(validate(swapped)).toMatch(/order|area/);
  const empty = leaf.slice();
  empty.fill(0, COUNT, COUNT + 2);
  expect(validate(empty)).toMatch(/header/);
  expect(validate(new Uint8Array(PAGE))).toMatch(/not a node|header/);
});
