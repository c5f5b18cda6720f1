/**
 * Removing a range of keys. Guarantees: subtrees that lie wholly inside are dropped without reading their leaves,
 * except where those hold values on extents, whose pages have to be found; only the pages along the two ends are
 * rewritten.
 */
import { headerPage, type PageViews } from "../pager/page.js";
import {
  HAS_EXTENTS,
  PENDING,
  pointerBorn,
  pointerCrc,
  pointerFlags,
  pointerPage,
  setPointerEntries,
  setPointerFlags,
} from "../pager/page-pointer.js";
import { boundBytes } from "./bounds.js";
import { type Bounds, countRange } from "./cursor.js";
import { releaseValue } from "./entries.js";
import { NOWHERE, rebalance, shrinkRoot } from "./merge.js";
import { cellAt, childSlot, nodeCount, nodeLevel, requireBoundBytes, search } from "./node.js";
import { setBounds } from "./node-bounds.js";
import { removeEntry } from "./node-edit.js";
import type { PageOwner } from "./page-owner.js";
import { entriesBelow, extentsBelow, ownChild, ownPath, Path } from "./path.js";
import { beginChange, requireLevel, setRoot, type Tree } from "./tree.js";

const path = new Path();

/** Removes the keys of a range and returns how many there were. Nothing is copied where there are none. */
export function clearRange(tree: Tree, owner: PageOwner, bounds: Bounds): number {
  const removed = countRange(tree, owner.reader, bounds);
  if (removed === 0) return 0;
  beginChange(tree);
  const entries = tree.root.entries - removed;
  if (entries === 0) {
    dropSubtree(tree, owner, tree.root.page, tree.root.crc, tree.root.born, tree.root.flags, tree.depth - 1);
    tree.root.copyFrom(NOWHERE);
    tree.depth = 0;
    return removed;
  }
  const root = owner.own(tree.root.page, tree.root.crc, tree.root.born);
  setRoot(tree, owner, root);
  clearNodeRange(tree, owner, root, bounds, bounds.lower !== null, bounds.upper !== null);
  tree.root.entries = entries;
  shrinkRoot(tree, owner);
  if (bounds.lower !== null) rebalanceAt(tree, owner, bounds.lower, bounds.lowerLength);
  if (bounds.upper !== null) rebalanceAt(tree, owner, bounds.upper, bounds.upperLength);
  return removed;
}

/** Both ends of the gap may have left small nodes behind. */
function rebalanceAt(tree: Tree, owner: PageOwner, key: Uint8Array, length: number): void {
  if (tree.depth < 2) return;
  ownPath(tree, owner, key, length, path);
  rebalance(tree, owner, path);
}

/** Clears the range in an own node; `fromLower` and `toUpper` say whether the bound cuts through this node. */
function clearNodeRange(
  tree: Tree,
  owner: PageOwner,
  frame: number,
  bounds: Bounds,
  fromLower: boolean,
  toUpper: boolean,
): void {
  const cache = owner.reader.cache;
  const views = cache.views(frame);
  const base = cache.base(frame);
  const lower = fromLower ? bounds.lower : null;
  const upper = toUpper ? bounds.upper : null;
  if (nodeLevel(views, base) === 0) {
    const from = lower === null ? 0 : slotAtOrAbove(views, base, lower, bounds.lowerLength);
    const to = upper === null ? nodeCount(views, base) : slotAtOrAbove(views, base, upper, bounds.upperLength);
    clearSlots(tree, owner, views, base, from, to);
    return;
  }
  requireBoundBytes(views, base, boundBytes(tree.bounds));
  const first = lower === null ? -1 : childSlot(views, base, lower, bounds.lowerLength);
  const last = upper === null ? nodeCount(views, base) : childSlot(views, base, upper, bounds.upperLength);
  // From right to left, so that slots to the left keep their numbers.
  if (last < nodeCount(views, base)) clearChild(tree, owner, views, base, last, bounds, first === last, true);
  for (let slot = last - 1; slot > first; slot--) {
    const cell = cellAt(views, base, slot);
    dropSubtree(
      tree,
      owner,
      pointerPage(views, cell),
      pointerCrc(views, cell),
      pointerBorn(views, cell),
      pointerFlags(views, cell),
      nodeLevel(views, base) - 1,
    );
    removeEntry(views, base, slot);
  }
  if (first >= 0 && first !== last) clearChild(tree, owner, views, base, first, bounds, true, false);
}

function slotAtOrAbove(views: PageViews, base: number, key: Uint8Array, length: number): number {
  const found = search(views, base, key, length);
  return found < 0 ? ~found : found;
}

function clearSlots(tree: Tree, owner: PageOwner, views: PageViews, base: number, from: number, to: number): void {
  for (let slot = to - 1; slot >= from; slot--) {
    releaseValue(tree, owner, views, base, slot);
    removeEntry(views, base, slot);
  }
}

/** Clears the range in one child and drops the child if that empties it. */
function clearChild(
  tree: Tree,
  owner: PageOwner,
  views: PageViews,
  base: number,
  slot: number,
  bounds: Bounds,
  fromLower: boolean,
  toUpper: boolean,
): void {
  const cache = owner.reader.cache;
  const child = ownChild(owner, views, base, slot);
  clearNodeRange(tree, owner, child, bounds, fromLower, toUpper);
  const childViews = cache.views(child);
  const childBase = cache.base(child);
  if (nodeCount(childViews, childBase) === 0) {
    if (nodeLevel(childViews, childBase) === 0) tree.leafPages--;
    else tree.branchPages--;
    owner.free(headerPage(childViews, childBase), owner.tx);
    removeEntry(views, base, slot);
    return;
  }
  const cell = cellAt(views, base, slot);
  setPointerEntries(views, cell, entriesBelow(childViews, childBase));
  setPointerFlags(views, cell, PENDING | extentsBelow(childViews, childBase));
  setBounds(tree.bounds, views, base, slot, childViews, childBase);
}

/** Gives all pages of a subtree back. Recursion is bounded by the depth of the tree. */
function dropSubtree(
  tree: Tree,
  owner: PageOwner,
  page: number,
  crc: number,
  born: number,
  flags: number,
  level: number,
): void {
  const cache = owner.reader.cache;
  if (level === 0) {
    if ((flags & HAS_EXTENTS) !== 0) {
      const frame = owner.reader.fetch(page, crc);
      const views = cache.views(frame);
      const base = cache.base(frame);
      for (let slot = nodeCount(views, base) - 1; slot >= 0; slot--) releaseValue(tree, owner, views, base, slot);
    }
    tree.leafPages--;
  } else {
    dropChildren(tree, owner, page, crc, level);
    tree.branchPages--;
  }
  owner.free(page, born);
}

function dropChildren(tree: Tree, owner: PageOwner, page: number, crc: number, level: number): void {
  const cache = owner.reader.cache;
  let count = 1;
  for (let slot = 0; slot < count; slot++) {
    // Fetched again each time: what is below may have pushed it out of the cache.
    const frame = owner.reader.fetch(page, crc);
    requireLevel(cache, frame, level);
    const views = cache.views(frame);
    const base = cache.base(frame);
    count = nodeCount(views, base);
    const cell = cellAt(views, base, slot);
    dropSubtree(
      tree,
      owner,
      pointerPage(views, cell),
      pointerCrc(views, cell),
      pointerBorn(views, cell),
      pointerFlags(views, cell),
      level - 1,
    );
  }
}
