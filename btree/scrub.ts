/**
 * Taking the last bytes of removed keys out of the branches. Separators are copies of keys, cut short, and removals
 * leave them as they are: one may still begin with what only removed keys began with. Guarantees: afterwards no
 * separator is in the range, which must hold no key; none is a beginning of the range's lower bound that no key has;
 * entries stay as they are, and nothing is copied where there is nothing to do.
 *
 * At most one separator is in the range: between two of them would be a leaf with a key in it. A beginning of the
 * lower bound is before the range: a separator between two keys that begin alike outlives both, unless it goes with
 * the second one. What is stale gives way to the shortest separator between the keys that are left on either side.
 * That one is a beginning of a key that is there, and not longer than the old one.
 */

import { compareBytes, sharedPrefix } from "../pager/bytes.js";
import { POINTER_BYTES, pointerCrc, pointerPage } from "../pager/page-pointer.js";
import type { PageReader } from "../pager/page-reader.js";
import type { Bounds } from "./cursor.js";
import { paddedCopy, padKey } from "./key-bytes.js";
import { cellAt, childSlot, copyKey, nodeBoundBytes, nodeCount, nodeLevel } from "./node.js";
import { insertEntry, removeEntry } from "./node-edit.js";
import type { PageOwner } from "./page-owner.js";
import { ownPath, Path } from "./path.js";
import { split } from "./split.js";
import { beginChange, type Tree } from "./tree.js";

const KEY_BUFFER_BYTES = 16384 + 64;
const path = new Path();
const stale = new Uint8Array(KEY_BUFFER_BYTES);
const left = new Uint8Array(KEY_BUFFER_BYTES);
const right = new Uint8Array(KEY_BUFFER_BYTES);
let staleLength = 0;
let leftLength = 0;
let rightLength = 0;

/** Takes the separators out that start with `prefix`, after all entries whose keys start with it are gone. */
export function scrubSeparators(tree: Tree, owner: PageOwner, prefix: Uint8Array, length: number): void {
  const bounds = prefixBounds(prefix, length);
  if (bounds !== null) scrubRange(tree, owner, bounds);
}

/** The keys that start with a prefix; null where no upper bound separates them from what follows, as nothing does. */
export function prefixBounds(prefix: Uint8Array, length: number): Bounds | null {
  let upperLength = length;
  while (upperLength > 0 && prefix[upperLength - 1] === 255) upperLength--;
  if (upperLength === 0) return null;
  const lower = paddedCopy(prefix, length);
  const upper = paddedCopy(prefix, upperLength);
  upper[upperLength - 1]++;
  return { lower, lowerLength: length, upper, upperLength };
}

/** Takes the separators out that are in a range, after all entries in it are gone. */
export function scrubRange(tree: Tree, owner: PageOwner, { lower, lowerLength, upper, upperLength }: Bounds): void {
  // After a separator is a key at or above it, before it one below: with one bound only there is none in the range.
  if (lower === null || upper === null) return;
  for (;;) {
    const level = findStale(tree, owner.reader, lower, lowerLength, upper, upperLength);
    if (level === 0) return;
    const length = shortestBetween();
    beginChange(tree);
    ownPath(tree, owner, lower, lowerLength, path);
    if (replaceSeparator(tree, owner, level, lower, lowerLength, length)) return;
  }
}

/**
 * Finds a stale separator: in the range, or a beginning of its lower bound. Notes it in `stale` and the keys to either
 * side of it in `left` and `right`, and returns the level of its branch, or 0 where there is none. Every branch that
 * may hold it is on the way to `lower`.
 */
function findStale(
  tree: Tree,
  reader: PageReader,
  lower: Uint8Array,
  lowerLength: number,
  upper: Uint8Array,
  upperLength: number,
): number {
  const { cache } = reader;
  let { page, crc } = tree.root;
  for (let level = tree.depth - 1; level > 0; level--) {
    const frame = reader.fetch(page, crc);
    const views = cache.views(frame);
    const base = cache.base(frame);
    const child = childSlot(views, base, lower, lowerLength);
    for (let slot = Math.max(1, child); slot <= child + 1 && slot < nodeCount(views, base); slot++) {
      staleLength = copyKey(views, base, slot, stale);
      if (compareBytes(stale, 0, staleLength, upper, 0, upperLength) >= 0) continue;
      const isBelow = compareBytes(stale, 0, staleLength, lower, 0, lowerLength) < 0;
      if (isBelow && !isStaleBeginningOf(lower, lowerLength)) continue;
      noteNeighbours(reader, page, crc, slot);
      if (isBelow && isStaleBeginningOf(right, rightLength)) continue;
      // What is there may be the shortest one already, where the range is not that of a prefix.
      return compareBytes(stale, 0, staleLength, right, 0, shortestBetween()) === 0 ? 0 : level;
    }
    const cell = cellAt(views, base, child);
    page = pointerPage(views, cell);
    crc = pointerCrc(views, cell);
  }
  return 0;
}

/** Notes the greatest key before a separator and the least one after it. */
function noteNeighbours(reader: PageReader, page: number, crc: number, slot: number): void {
  leftLength = edgeKey(reader, page, crc, slot - 1, true, left);
  rightLength = edgeKey(reader, page, crc, slot, false, right);
}

/** Copies the greatest or the least key below a child of a branch and returns its length. */
function edgeKey(
  reader: PageReader,
  page: number,
  crc: number,
  slot: number,
  greatest: boolean,
  into: Uint8Array,
): number {
  const { cache } = reader;
  let frame = reader.fetch(page, crc);
  let at = slot;
  while (nodeLevel(cache.views(frame), cache.base(frame)) > 0) {
    const cell = cellAt(cache.views(frame), cache.base(frame), at);
    frame = reader.fetch(pointerPage(cache.views(frame), cell), pointerCrc(cache.views(frame), cell));
    at = greatest ? nodeCount(cache.views(frame), cache.base(frame)) - 1 : 0;
  }
  return copyKey(cache.views(frame), cache.base(frame), at, into);
}

/** How much of `right` it takes to be above `left`. */
function shortestBetween(): number {
  return Math.min(rightLength, sharedPrefix(left, leftLength, right, rightLength) + 1);
}

/**
 * Puts the beginning of `right` in place of `stale` in the branch of an own path. Without the old separator the prefix
 * of the branch may be shorter, and the others too long for the page: then the branch is split, and false returned.
 */
function replaceSeparator(
  tree: Tree,
  owner: PageOwner,
  level: number,
  lower: Uint8Array,
  lowerLength: number,
  length: number,
): boolean {
  const { cache } = owner.reader;
  const views = cache.views(path.frames[level]);
  const base = cache.base(path.frames[level]);
  const child = childSlot(views, base, lower, lowerLength);
  const slot = child > 0 && isStale(left, copyKey(views, base, child, left)) ? child : child + 1;
  const before = views.u8.slice(base, base + owner.pageSize);
  const pointer = cellAt(views, base, slot) - base;
  removeEntry(views, base, slot);
  padKey(right, length);
  const cell = insertEntry(views, base, owner.pageSize, slot, right, length, 0);
  if (cell >= 0) {
    const bytes = POINTER_BYTES + nodeBoundBytes(views, base);
    for (let i = 0; i < bytes; i++) views.u8[cell + i] = before[pointer + i];
    return true;
  }
  views.u8.set(before, base);
  split(tree, owner, path, level, slot, right, length);
  return false;
}

function isStaleBeginningOf(key: Uint8Array, length: number): boolean {
  return sharedPrefix(stale, staleLength, key, length) === staleLength;
}

function isStale(key: Uint8Array, length: number): boolean {
  return compareBytes(key, 0, length, stale, 0, staleLength) === 0;
}
