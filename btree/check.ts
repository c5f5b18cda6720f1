/**
 * Checking a whole tree: what `verify()` says about one. Guarantees: every page and every value is read; order,
 * separators, levels, entry counts, bounds, flags and page counters are compared with what is there; each page is
 * reported once to `visit`, so that the caller can find pages that are in two places or nowhere. A damaged subtree is
 * reported and left. The check can be left between two steps and gone on with, as long as what the root reaches stays.
 */
import { compareBytes } from "../pager/bytes.js";
import { LlmdbError } from "../pager/error.js";
import { valueExtents } from "../pager/extent-value.js";
import { headerTx, type PageViews } from "../pager/page.js";
import { HAS_EXTENTS, PagePointer, readPointer } from "../pager/page-pointer.js";
import { type BoundFields, boundBytes } from "./bounds.js";
import { cellAt, copyKey, isOnExtents, nodeCount, nodeLevel, requireBoundBytes, valueAt } from "./node.js";
import { boundsAt, nodeBounds } from "./node-bounds.js";
import type { Tree } from "./tree.js";

export interface TreeCheck {
  /** Finds a page and says where it is; throws where it is damaged. */
  locate(page: number, crc: number): { views: PageViews; base: number; pageSize: number };
  /** A run of pages that the tree uses. */
  visit(start: number, length: number): void;
  /** Something that is wrong, at a page where that is known. */
  problem(what: string, page?: number): void;
  /** Reads the value on extents at `descriptor` and yields pages that were read; throws where it is damaged. */
  readValue(descriptor: Uint8Array, at: number): Iterable<number>;
  /** Whether the tree's counters of pages are kept. */
  readonly countsPages: boolean;
}

/** What was counted so far, and the fields whose bounds are compared. */
interface Totals {
  readonly fields: BoundFields;
  leafPages: number;
  branchPages: number;
  extentPages: number;
}

/** Reads the whole tree and reports. Yields how many pages each step has read. */
export function* checkTree(tree: Tree, check: TreeCheck): Generator<number, void> {
  const totals: Totals = { fields: tree.bounds, leafPages: 0, branchPages: 0, extentPages: 0 };
  if (tree.depth > 0) yield* checkNode(tree.root, tree.depth - 1, null, null, null, check, totals);
  else if (tree.root.page !== 0 || tree.root.entries !== 0) check.problem("an empty tree has a root");
  if (!check.countsPages) return;
  for (const counter of ["leafPages", "branchPages", "extentPages"] as const) {
    if (totals[counter] !== tree[counter]) check.problem(`${counter} is ${tree[counter]}, counted ${totals[counter]}`);
  }
}

function* checkNode(
  pointer: PagePointer,
  level: number,
  lower: Uint8Array | null,
  upper: Uint8Array | null,
  bounds: Uint8Array | null,
  check: TreeCheck,
  totals: Totals,
): Generator<number, void> {
  let node: NodeCopy;
  try {
    node = readNode(pointer, check, totals);
  } catch (error) {
    if (!(error instanceof LlmdbError)) throw error;
    check.visit(pointer.page, 1);
    check.problem(error.message, pointer.page);
    return;
  }
  check.visit(pointer.page, 1);
  yield 1;
  for (const descriptor of node.descriptors) yield* checkValue(descriptor, pointer.page, check, totals);
  if (node.level !== level) {
    check.problem(`it is on level ${node.level} where level ${level} belongs`, pointer.page);
    return;
  }
  if (node.born !== pointer.born) check.problem("its transaction is not the one its parent names", pointer.page);
  const keys = node.keys;
  for (let i = level > 0 ? 1 : 0; i < keys.length; i++) {
    const inside = (lower === null || compare(keys[i], lower) >= 0) && (upper === null || compare(keys[i], upper) < 0);
    if (!inside) check.problem(`the key in slot ${i} is outside the range of its separators`, pointer.page);
    if (i > 0 && !(level > 0 && i === 1) && compare(keys[i - 1], keys[i]) >= 0)
      check.problem(`keys ${i - 1} and ${i} are out of order`, pointer.page);
  }
  if (node.entries !== pointer.entries) {
    check.problem(`its parent counts ${pointer.entries} entries, it has ${node.entries}`, pointer.page);
  }
  if ((node.flags & HAS_EXTENTS) > (pointer.flags & HAS_EXTENTS)) {
    check.problem("its parent does not know of its values on extents", pointer.page);
  }
  if (bounds !== null && compare(bounds, node.bounds) !== 0) {
    check.problem("the bounds that its parent carries are not those of what is below", pointer.page);
  }
  if (level === 0) totals.leafPages++;
  else totals.branchPages++;
  for (let i = 0; i < node.children.length; i++) {
    const from = i === 0 ? lower : keys[i];
    const to = i + 1 < node.children.length ? keys[i + 1] : upper;
    yield* checkNode(node.children[i], level - 1, from, to, node.childBounds[i], check, totals);
  }
}

/** What a check needs of a node, taken out of the cache, because reading its children may evict it. */
interface NodeCopy {
  level: number;
  born: number;
  entries: number;
  flags: number;
  keys: Uint8Array[];
  children: PagePointer[];
  /** Of all that its cells say is below. */
  bounds: Uint8Array;
  childBounds: Uint8Array[];
  /** Of values on extents. */
  descriptors: Uint8Array[];
}

function readNode(pointer: PagePointer, check: TreeCheck, totals: Totals): NodeCopy {
  const { views, base, pageSize } = check.locate(pointer.page, pointer.crc);
  const count = nodeCount(views, base);
  const bytes = boundBytes(totals.fields);
  const node: NodeCopy = {
    level: nodeLevel(views, base),
    born: headerTx(views, base),
    entries: 0,
    flags: 0,
    keys: [],
    children: [],
    bounds: new Uint8Array(bytes),
    childBounds: [],
    descriptors: [],
  };
  if (node.level > 0) requireBoundBytes(views, base, bytes);
  nodeBounds(totals.fields, views, base, node.bounds, 0);
  const key = new Uint8Array(pageSize);
  for (let slot = 0; slot < count; slot++) {
    node.keys.push(key.slice(0, copyKey(views, base, slot, key)));
    const cell = cellAt(views, base, slot);
    if (node.level > 0) {
      const child = readPointer(views, cell, new PagePointer());
      node.children.push(child);
      const at = boundsAt(views, base, slot);
      node.childBounds.push(views.u8.slice(at, at + bytes));
      node.entries += child.entries;
      node.flags |= child.flags & HAS_EXTENTS;
    } else {
      node.entries++;
      if (isOnExtents(views, cell)) {
        node.flags |= HAS_EXTENTS;
        const at = valueAt(views, base, slot);
        node.descriptors.push(views.u8.slice(at, at + 256));
      }
    }
  }
  return node;
}

function* checkValue(descriptor: Uint8Array, page: number, check: TreeCheck, totals: Totals): Generator<number, void> {
  const extents = valueExtents(descriptor, 0);
  totals.extentPages += extents.pages;
  for (let i = 0; i < extents.count; i++) check.visit(extents.starts[i], extents.lengths[i]);
  try {
    yield* check.readValue(descriptor, 0);
  } catch (error) {
    if (!(error instanceof LlmdbError)) throw error;
    check.problem(error.message, page);
  }
}

function compare(a: Uint8Array, b: Uint8Array): number {
  return compareBytes(a, 0, a.length, b, 0, b.length);
}
