/**
 * The way from the root to a leaf in a write transaction. Guarantees: every page on a path is writable in place, its
 * parent points at it with a pending checksum, and entry counts on the path are kept.
 */
import { headerPage, type PageViews } from "../pager/page.js";
import {
  HAS_EXTENTS,
  pointerBorn,
  pointerCrc,
  pointerEntries,
  pointerFlags,
  pointerPage,
  setPointerEntries,
  setPointerFlags,
  setPointerTarget,
} from "../pager/page-pointer.js";
import { boundBytes } from "./bounds.js";
import { cellAt, childSlot, isOnExtents, nodeCount, nodeLevel, requireBoundBytes } from "./node.js";
import type { PageOwner } from "./page-owner.js";
import { MAX_DEPTH, requireLevel, setRoot, type Tree } from "./tree.js";

/** The nodes and slots from the root to a leaf, by level. */
export class Path {
  readonly frames = new Int32Array(MAX_DEPTH);
  readonly slots = new Int32Array(MAX_DEPTH);
}

/** Makes every page from the root to the leaf of a key writable and notes them in `into`. */
export function ownPath(tree: Tree, owner: PageOwner, key: Uint8Array, length: number, into: Path): void {
  const cache = owner.reader.cache;
  const root = tree.root;
  const bounds = boundBytes(tree.bounds);
  let frame = owner.own(root.page, root.crc, root.born);
  setRoot(tree, owner, frame);
  for (let level = tree.depth - 1; level > 0; level--) {
    requireLevel(cache, frame, level);
    const views = cache.views(frame);
    const base = cache.base(frame);
    requireBoundBytes(views, base, bounds);
    const slot = childSlot(views, base, key, length);
    into.frames[level] = frame;
    into.slots[level] = slot;
    frame = ownChild(owner, views, base, slot);
  }
  requireLevel(cache, frame, 0);
  into.frames[0] = frame;
}

/** Whether a path leads to the last leaf. */
export function isRightmost(tree: Tree, owner: PageOwner, path: Path): boolean {
  const cache = owner.reader.cache;
  for (let level = 1; level < tree.depth; level++) {
    const frame = path.frames[level];
    if (path.slots[level] + 1 < nodeCount(cache.views(frame), cache.base(frame))) return false;
  }
  return true;
}

/** Makes the child in a slot of an own branch writable. */
export function ownChild(owner: PageOwner, views: PageViews, base: number, slot: number): number {
  const cache = owner.reader.cache;
  const cell = cellAt(views, base, slot);
  const child = owner.own(pointerPage(views, cell), pointerCrc(views, cell), pointerBorn(views, cell));
  setPointerTarget(views, cell, headerPage(cache.views(child), cache.base(child)), owner.tx);
  return child;
}

/** Adds to the entry counts from the leaf of a path up to the root. */
export function addEntries(tree: Tree, owner: PageOwner, along: Path, added: number): void {
  const cache = owner.reader.cache;
  for (let level = 1; level < tree.depth; level++) {
    const views = cache.views(along.frames[level]);
    const cell = cellAt(views, cache.base(along.frames[level]), along.slots[level]);
    setPointerEntries(views, cell, pointerEntries(views, cell) + added);
  }
  tree.root.entries += added;
}

/** Notes on the way up that a value is on extents. */
export function markExtents(tree: Tree, owner: PageOwner, along: Path): void {
  const cache = owner.reader.cache;
  for (let level = 1; level < tree.depth; level++) {
    const views = cache.views(along.frames[level]);
    const cell = cellAt(views, cache.base(along.frames[level]), along.slots[level]);
    setPointerFlags(views, cell, pointerFlags(views, cell) | HAS_EXTENTS);
  }
  tree.root.flags |= HAS_EXTENTS;
}

/** Entries at or below a node: its slots in a leaf, the sum of its pointers in a branch. */
export function entriesBelow(views: PageViews, base: number): number {
  const count = nodeCount(views, base);
  if (nodeLevel(views, base) === 0) return count;
  let entries = 0;
  for (let slot = 0; slot < count; slot++) entries += pointerEntries(views, cellAt(views, base, slot));
  return entries;
}

/** HAS_EXTENTS where a value at or below a node is on extents. */
export function extentsBelow(views: PageViews, base: number): number {
  const leaf = nodeLevel(views, base) === 0;
  for (let slot = nodeCount(views, base) - 1; slot >= 0; slot--) {
    const cell = cellAt(views, base, slot);
    if (leaf ? isOnExtents(views, cell) : (pointerFlags(views, cell) & HAS_EXTENTS) !== 0) return HAS_EXTENTS;
  }
  return 0;
}
