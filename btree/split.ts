/**
 * Splitting a node that has no room. Guarantees: the tree is whole after every call; the caller descends again and
 * finds more room than before. Ascending inserts split 100/0, so that a sorted load fills its pages; separators in
 * branches are the shortest that still separate (Bayer and Unterauer, "Prefix B-Trees", 1977).
 */

import { sharedPrefix } from "../pager/bytes.js";
import { headerPage, type PageViews } from "../pager/page.js";
import { PagePointer, PENDING, setPointerEntries, setPointerFlags, writePointer } from "../pager/page-pointer.js";
import { padKey } from "./key-bytes.js";
import { cellAt, cellBytes, copyKey, nodeCount, nodeLevel, SLOT_BYTES } from "./node.js";
import { createNode, setBounds } from "./node-bounds.js";
import { insertEntry, rebuildFrom } from "./node-edit.js";
import type { PageOwner } from "./page-owner.js";
import { entriesBelow, extentsBelow, isRightmost, type Path } from "./path.js";
import { setRoot, type Tree } from "./tree.js";

const KEY_BUFFER_BYTES = 16384 + 64;
const separator = new Uint8Array(KEY_BUFFER_BYTES);
const neighbour = new Uint8Array(KEY_BUFFER_BYTES);
const pointer = new PagePointer();

/**
 * Splits the node of a path at `level` because `key` has no room at `slot`. Where the parent has no room for one more
 * child, the parent is split instead.
 */
export function split(
  tree: Tree,
  owner: PageOwner,
  path: Path,
  level: number,
  slot: number,
  key: Uint8Array,
  length: number,
): void {
  if (level === tree.depth - 1) growRoot(tree, owner, path);
  const cache = owner.reader.cache;
  const frame = path.frames[level];
  const views = cache.views(frame);
  const base = cache.base(frame);
  const from = level === 0 ? leafSplitSlot(tree, owner, path, slot) : branchSplitSlot(views, base, slot);
  const separatorLength = separatorAt(views, base, from, slot, key, length);

  const right = createNode(tree, owner, level);
  const rightViews = cache.views(right);
  const rightBase = cache.base(right);
  const parent = cache.views(path.frames[level + 1]);
  const parentBase = cache.base(path.frames[level + 1]);
  const parentSlot = path.slots[level + 1];
  const cell = insertEntry(parent, parentBase, owner.pageSize, parentSlot + 1, separator, separatorLength, 0);
  if (cell < 0) {
    owner.free(headerPage(rightViews, rightBase), owner.tx);
    // `separator` is overwritten by the parent's own split; its slot there is all that is needed.
    split(tree, owner, path, level + 1, parentSlot + 1, key, length);
    return;
  }
  if (level === 0) tree.leafPages++;
  else tree.branchPages++;
  const count = nodeCount(views, base);
  if (from < count) {
    rebuildFrom(views, base, from, count, rightViews, rightBase, owner.pageSize);
    rebuildFrom(views, base, 0, from, views, base, owner.pageSize);
  }
  pointer.page = headerPage(rightViews, rightBase);
  pointer.born = owner.tx;
  pointer.crc = 0;
  pointer.flags = PENDING | extentsBelow(rightViews, rightBase);
  pointer.entries = entriesBelow(rightViews, rightBase);
  writePointer(parent, cell, pointer);
  const left = cellAt(parent, parentBase, parentSlot);
  setPointerEntries(parent, left, entriesBelow(views, base));
  setPointerFlags(parent, left, PENDING | extentsBelow(views, base));
  setBounds(tree.bounds, parent, parentBase, parentSlot, views, base);
  setBounds(tree.bounds, parent, parentBase, parentSlot + 1, rightViews, rightBase);
}

/** Puts a branch with one child above the root. */
function growRoot(tree: Tree, owner: PageOwner, path: Path): void {
  const cache = owner.reader.cache;
  const frame = createNode(tree, owner, tree.depth);
  const below = path.frames[tree.depth - 1];
  const views = cache.views(frame);
  const base = cache.base(frame);
  const cell = insertEntry(views, base, owner.pageSize, 0, separator, 0, 0);
  writePointer(views, cell, tree.root);
  setBounds(tree.bounds, views, base, 0, cache.views(below), cache.base(below));
  path.frames[tree.depth] = frame;
  path.slots[tree.depth] = 0;
  tree.depth++;
  tree.branchPages++;
  setRoot(tree, owner, frame);
}

/** The first slot that moves to the right leaf: none or all for a run of neighbours, else about the middle by bytes. */
function leafSplitSlot(tree: Tree, owner: PageOwner, path: Path, slot: number): number {
  const cache = owner.reader.cache;
  const views = cache.views(path.frames[0]);
  const base = cache.base(path.frames[0]);
  const count = nodeCount(views, base);
  const inRun = tree.lastPage === headerPage(views, base);
  if (slot === count && (count === 0 || inRun || isRightmost(tree, owner, path))) return count;
  if (slot === 0 && inRun && tree.lastSlot === 0) return 0;
  if (count === 1) return slot;
  return shortestSeparatorNear(views, base, middleByBytes(views, base));
}

/** An entry that comes last opens the next branch, which takes the last child along: no branch may be empty. */
function branchSplitSlot(views: PageViews, base: number, slot: number): number {
  const count = nodeCount(views, base);
  return slot === count ? count - 1 : Math.max(1, middleByBytes(views, base));
}

function middleByBytes(views: PageViews, base: number): number {
  const count = nodeCount(views, base);
  let total = 0;
  for (let slot = 0; slot < count; slot++) total += cellBytes(views, base, slot) + SLOT_BYTES;
  let left = 0;
  let slot = 0;
  while (left * 2 < total) left += cellBytes(views, base, slot++) + SLOT_BYTES;
  return Math.min(count - 1, Math.max(1, slot));
}

/** A few slots to either side cost little balance and may save bytes in every branch page above. */
function shortestSeparatorNear(views: PageViews, base: number, middle: number): number {
  const count = nodeCount(views, base);
  const reach = count >> 4;
  let best = middle;
  let bestShared = Number.POSITIVE_INFINITY;
  for (let distance = 0; distance <= reach; distance++) {
    for (const slot of [middle - distance, middle + distance]) {
      if (slot < 1 || slot >= count) continue;
      const a = copyKey(views, base, slot - 1, neighbour);
      const b = copyKey(views, base, slot, separator);
      const shared = sharedPrefix(neighbour, a, separator, b);
      if (shared < bestShared) {
        bestShared = shared;
        best = slot;
      }
    }
  }
  return best;
}

/**
 * Puts the separator of a split at `from` into `separator` and returns its length. At either end of a leaf the key
 * that is coming takes the place of the missing neighbour.
 */
function separatorAt(
  views: PageViews,
  base: number,
  from: number,
  slot: number,
  key: Uint8Array,
  length: number,
): number {
  const count = nodeCount(views, base);
  let rightLength: number;
  if (from < count) rightLength = copyKey(views, base, from, separator);
  else {
    separator.set(key.subarray(0, length));
    rightLength = length;
  }
  if (nodeLevel(views, base) === 0) {
    let leftLength = length;
    if (from > 0) leftLength = copyKey(views, base, from - 1, neighbour);
    else if (slot === 0) neighbour.set(key.subarray(0, length));
    rightLength = Math.min(rightLength, sharedPrefix(neighbour, leftLength, separator, rightLength) + 1);
  }
  padKey(separator, rightLength);
  return rightLength;
}
