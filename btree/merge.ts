/**
 * Giving pages back after removals. Guarantees: an empty node leaves the tree; a node less than half full is merged
 * with a neighbour where both fit on seven eighths of a page (a fuller page would split again at once); the neighbour
 * that is writable already is preferred; a tree that is emptied has no pages.
 */

import { sharedPrefix } from "../pager/bytes.js";
import { HEADER_BYTES, PageViews } from "../pager/page.js";
import {
  HAS_EXTENTS,
  PagePointer,
  pointerBorn,
  pointerCrc,
  pointerEntries,
  pointerFlags,
  pointerPage,
  readPointer,
  setPointerEntries,
  setPointerFlags,
} from "../pager/page-pointer.js";
import { boundBytes, widenBounds } from "./bounds.js";
import { padKey } from "./key-bytes.js";
import {
  cellAt,
  copyKey,
  fixedCellBytes,
  nodeBoundBytes,
  nodeCount,
  nodeLevel,
  requireBoundBytes,
  SLOT_BYTES,
  usedBytes,
} from "./node.js";
import { boundsAt } from "./node-bounds.js";
import { appendEntries, clearNode, entriesBytes, insertEntry, removeEntry, setPrefix } from "./node-edit.js";
import type { PageOwner } from "./page-owner.js";
import { ownChild, type Path } from "./path.js";
import type { Tree } from "./tree.js";

/** The root of an empty tree. */
export const NOWHERE: Readonly<PagePointer> = new PagePointer();
const KEY_BUFFER_BYTES = 16384 + 64;
const separator = new Uint8Array(KEY_BUFFER_BYTES);
const firstKey = new Uint8Array(KEY_BUFFER_BYTES);
const lastKey = new Uint8Array(KEY_BUFFER_BYTES);
/** One page at a time is merged, so one copy of a left neighbour is enough. */
const leftCopy = new PageViews(new ArrayBuffer(65536), 0, 65536);

/** Walks a path up from its leaf, merging or dropping what has become small, and shrinks the root. */
export function rebalance(tree: Tree, owner: PageOwner, path: Path): void {
  const cache = owner.reader.cache;
  for (let level = 0; level + 1 < tree.depth; level++) {
    const views = cache.views(path.frames[level]);
    const base = cache.base(path.frames[level]);
    if (nodeCount(views, base) === 0) dropChild(tree, owner, path, level + 1);
    else if (!isSmall(views, base, owner.pageSize) || !mergeChild(tree, owner, path, level + 1)) break;
  }
  shrinkRoot(tree, owner);
}

function isSmall(views: PageViews, base: number, pageSize: number): boolean {
  return usedBytes(views, base, pageSize) * 2 < pageSize - HEADER_BYTES;
}

/** Takes the empty child of the branch at `level` out of the tree. */
function dropChild(tree: Tree, owner: PageOwner, path: Path, level: number): void {
  const cache = owner.reader.cache;
  const views = cache.views(path.frames[level]);
  const base = cache.base(path.frames[level]);
  freeChild(tree, owner, views, base, path.slots[level]);
  removeEntry(views, base, path.slots[level]);
}

/** Gives the page of a child back; the entry in its parent stays. */
function freeChild(tree: Tree, owner: PageOwner, views: PageViews, base: number, slot: number): void {
  const cell = cellAt(views, base, slot);
  if (nodeLevel(views, base) === 1) tree.leafPages--;
  else tree.branchPages--;
  owner.free(pointerPage(views, cell), pointerBorn(views, cell));
}

/** Merges the child of the branch at `level` with one of its neighbours. Returns false where neither has room. */
function mergeChild(tree: Tree, owner: PageOwner, path: Path, level: number): boolean {
  const cache = owner.reader.cache;
  const views = cache.views(path.frames[level]);
  const base = cache.base(path.frames[level]);
  const slot = path.slots[level];
  const rightFirst = slot + 1 < nodeCount(views, base) && ownsChild(owner, views, base, slot + 1);
  if (rightFirst) return mergePair(tree, owner, path, level, slot) || mergePair(tree, owner, path, level, slot - 1);
  return mergePair(tree, owner, path, level, slot - 1) || mergePair(tree, owner, path, level, slot);
}

function ownsChild(owner: PageOwner, views: PageViews, base: number, slot: number): boolean {
  return owner.owns(pointerPage(views, cellAt(views, base, slot)));
}

/** Merges the children in slots `left` and `left + 1` of the branch at `level`, if both exist and fit together. */
function mergePair(tree: Tree, owner: PageOwner, path: Path, level: number, left: number): boolean {
  const cache = owner.reader.cache;
  const parent = cache.views(path.frames[level]);
  const base = cache.base(path.frames[level]);
  if (left < 0 || left + 1 >= nodeCount(parent, base)) return false;
  const pageSize = owner.pageSize;

  const leftFrame = fetchChild(owner, parent, base, left);
  leftCopy.u8.set(cache.views(leftFrame).u8.subarray(cache.base(leftFrame), cache.base(leftFrame) + pageSize));
  // Loading the right neighbour may evict the left one, hence the copy.
  const rightFrame = fetchChild(owner, parent, base, left + 1);
  const right = cache.views(rightFrame);
  const rightBase = cache.base(rightFrame);
  if (level > 1) {
    requireBoundBytes(leftCopy, 0, boundBytes(tree.bounds));
    requireBoundBytes(right, rightBase, boundBytes(tree.bounds));
  }
  const separatorLength = copyKey(parent, base, left + 1, separator);
  padKey(separator, separatorLength);
  const prefix = mergedPrefix(right, rightBase, separatorLength);
  const rightBytes = entriesBytes(right, rightBase, 0, nodeCount(right, rightBase), prefix);
  const leftBytes = entriesBytes(leftCopy, 0, 0, nodeCount(leftCopy, 0), prefix);
  // The separator comes down with a cell of its own in a branch; its tail may be as long as itself.
  const extra = level > 1 ? separatorLength + fixedCellBytes(right, rightBase) + SLOT_BYTES : 0;
  if (leftBytes + rightBytes + extra > ((pageSize - HEADER_BYTES) * 7) / 8) return false;

  cache.pin(rightFrame);
  try {
    const target = ownChild(owner, parent, base, left);
    joinInto(cache.views(target), cache.base(target), pageSize, prefix, right, rightBase, separatorLength);
  } finally {
    cache.unpin(rightFrame);
  }
  const leftCell = cellAt(parent, base, left);
  const rightCell = cellAt(parent, base, left + 1);
  setPointerEntries(parent, leftCell, pointerEntries(parent, leftCell) + pointerEntries(parent, rightCell));
  setPointerFlags(parent, leftCell, pointerFlags(parent, leftCell) | (pointerFlags(parent, rightCell) & HAS_EXTENTS));
  widenBounds(tree.bounds, parent.u8, boundsAt(parent, base, left), parent.u8, boundsAt(parent, base, left + 1));
  freeChild(tree, owner, parent, base, left + 1);
  removeEntry(parent, base, left + 1);
  return true;
}

function fetchChild(owner: PageOwner, views: PageViews, base: number, slot: number): number {
  const cell = cellAt(views, base, slot);
  return owner.reader.fetch(pointerPage(views, cell), pointerCrc(views, cell));
}

/** The longest prefix that all keys of `leftCopy`, `right` and, in a branch, the separator share. */
function mergedPrefix(right: PageViews, rightBase: number, separatorLength: number): number {
  const branch = nodeLevel(right, rightBase) > 0;
  const leftCount = nodeCount(leftCopy, 0);
  const rightCount = nodeCount(right, rightBase);
  const skip = branch ? 1 : 0;
  let firstLength = separatorLength;
  let lastLength = separatorLength;
  if (leftCount > skip) firstLength = copyKey(leftCopy, 0, skip, firstKey);
  else if (branch) firstKey.set(separator.subarray(0, separatorLength));
  else firstLength = copyKey(right, rightBase, 0, firstKey);
  if (rightCount > skip) lastLength = copyKey(right, rightBase, rightCount - 1, lastKey);
  else if (branch) lastKey.set(separator.subarray(0, separatorLength));
  else lastLength = copyKey(leftCopy, 0, leftCount - 1, lastKey);
  return sharedPrefix(firstKey, firstLength, lastKey, lastLength);
}

/** Rewrites the left node with the entries of both. */
function joinInto(
  target: PageViews,
  targetBase: number,
  pageSize: number,
  prefix: number,
  right: PageViews,
  rightBase: number,
  separatorLength: number,
): void {
  const level = nodeLevel(leftCopy, 0);
  const leftCount = nodeCount(leftCopy, 0);
  const rightCount = nodeCount(right, rightBase);
  clearNode(target, targetBase, pageSize, level, nodeBoundBytes(leftCopy, 0));
  setPrefix(target, targetBase, firstKey, prefix);
  appendEntries(leftCopy, 0, 0, leftCount, target, targetBase);
  if (level === 0) {
    appendEntries(right, rightBase, 0, rightCount, target, targetBase);
    return;
  }
  const cell = insertEntry(target, targetBase, pageSize, leftCount, separator, separatorLength, 0);
  const from = cellAt(right, rightBase, 0);
  for (let i = fixedCellBytes(target, targetBase) - 1; i >= 0; i--) target.u8[cell + i] = right.u8[from + i];
  appendEntries(right, rightBase, 1, rightCount, target, targetBase);
}

/** A root with one child gives way to it; an empty root leaves an empty tree. */
export function shrinkRoot(tree: Tree, owner: PageOwner): void {
  const cache = owner.reader.cache;
  const root = tree.root;
  while (tree.depth > 0) {
    const frame = owner.reader.fetch(root.page, root.crc);
    const views = cache.views(frame);
    const base = cache.base(frame);
    const count = nodeCount(views, base);
    const branch = tree.depth > 1;
    if (count > 1 || (count === 1 && !branch)) return;
    const { page, born } = root;
    if (count === 1) readPointer(views, cellAt(views, base, 0), root);
    else root.copyFrom(NOWHERE);
    tree.depth = count === 1 ? tree.depth - 1 : 0;
    if (branch) tree.branchPages--;
    else tree.leafPages--;
    owner.free(page, born);
  }
}
