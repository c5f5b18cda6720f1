/**
 * Finding the entry at a key, or the last one before it. Guarantees: one descent where the leaf of the key has such an
 * entry, which is nearly always, and a second one to the leaf before it otherwise; nothing is allocated.
 */
import { pointerCrc, pointerPage } from "../pager/page-pointer.js";
import type { PageReader } from "../pager/page-reader.js";
import { cellAt, childSlot, nodeCount, search } from "./node.js";
import { MAX_DEPTH, requireLevel, type Tree } from "./tree.js";

/** Where an entry is: valid until the next page is loaded. */
export interface LeafPlace {
  frame: number;
  slot: number;
}

/** The way of the last descent, by level. */
const slots = new Int32Array(MAX_DEPTH);

/** Finds the entry with the largest key that is not above `key`. Returns false where there is none. */
export function floor(tree: Tree, reader: PageReader, key: Uint8Array, length: number, place: LeafPlace): boolean {
  if (tree.depth === 0) return false;
  const { cache } = reader;
  cache.fetches += tree.depth;
  let turning = 0;
  let frame = reader.fetch(tree.root.page, tree.root.crc);
  for (let level = tree.depth - 1; level > 0; level--) {
    const slot = childSlot(cache.views(frame), cache.base(frame), key, length);
    slots[level] = slot;
    if (slot > 0) turning = level;
    frame = fetchChild(reader, frame, slot);
  }
  requireLevel(cache, frame, 0);
  const found = search(cache.views(frame), cache.base(frame), key, length);
  place.frame = frame;
  place.slot = found < 0 ? ~found - 1 : found;
  return place.slot >= 0 || (turning > 0 && findLastBefore(tree, reader, turning, place));
}

/** Finds the last entry of the leaf before that of the descent; the two ways part at a level. */
function findLastBefore(tree: Tree, reader: PageReader, turning: number, place: LeafPlace): boolean {
  const { cache } = reader;
  cache.fetches += tree.depth;
  let frame = reader.fetch(tree.root.page, tree.root.crc);
  for (let level = tree.depth - 1; level > 0; level--) {
    let slot = slots[level];
    if (level === turning) slot--;
    else if (level < turning) slot = nodeCount(cache.views(frame), cache.base(frame)) - 1;
    frame = fetchChild(reader, frame, slot);
  }
  requireLevel(cache, frame, 0);
  place.frame = frame;
  place.slot = nodeCount(cache.views(frame), cache.base(frame)) - 1;
  return true;
}

function fetchChild(reader: PageReader, frame: number, slot: number): number {
  const { cache } = reader;
  const views = cache.views(frame);
  const cell = cellAt(views, cache.base(frame), slot);
  return reader.fetch(pointerPage(views, cell), pointerCrc(views, cell));
}
