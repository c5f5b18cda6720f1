/**
 * A B+tree node: one slotted page, read in place (after LeanStore, "B-Trees Are Back", SIGMOD 2025).
 *
 * ```
 * | header 32 | prefix, padded to 4 | slots -> ... free ... <- cells |
 * slot:        u32 head | u16 cell offset | u16 key length beyond the prefix
 * leaf cell:   u16 value length, bit 15: extents | key beyond prefix and head | value or extent descriptor
 * branch cell: pointer, 24 bytes | bounds, see bounds.ts | key beyond prefix and head | padding to 4
 * ```
 *
 * Guarantees: keys ascend through the slots; all keys share the prefix; the head is the next four key bytes as a
 * big-endian number, zero-filled, so that a search compares integers and touches at most a cell or two. In a branch the
 * key of slot 0 is absent: it stands for "below every other".
 */
import { compareBytes, copyBytes } from "../pager/bytes.js";
import {
  BOUND_BYTES,
  CELL_START,
  COUNT,
  DEAD_BYTES,
  HEADER_BYTES,
  headerPage,
  LEVEL,
  type PageViews,
  PREFIX_LENGTH,
} from "../pager/page.js";
import { corruptPage } from "../pager/page-cache.js";
import { POINTER_BYTES } from "../pager/page-pointer.js";

/** Bytes of a slot. */
export const SLOT_BYTES = 8;
/** Bytes of a leaf cell before its key. */
export const LEAF_CELL_BYTES = 2;
/** In the value length of a leaf cell: the value is a descriptor of extents. */
export const ON_EXTENTS = 0x8000;
/** Key bytes that the head of a slot holds. */
export const HEAD_BYTES = 4;

/**
 * The longest key, in encoded bytes, for a page size: two of them with the longest values that stay in a leaf fit on a
 * page.
 */
export function maxKeyBytes(pageSize: number): number {
  return pageSize / 8 + 64;
}

/** The longest value that stays in its leaf: a little under a quarter of the page. */
export function maxInlineBytes(pageSize: number): number {
  return (pageSize - HEADER_BYTES) / 4 - SLOT_BYTES - LEAF_CELL_BYTES - 14;
}

export function nodeLevel(views: PageViews, base: number): number {
  return views.u8[base + LEVEL];
}

export function nodeCount(views: PageViews, base: number): number {
  return views.u16[(base + COUNT) >>> 1];
}

export function prefixLength(views: PageViews, base: number): number {
  return views.u16[(base + PREFIX_LENGTH) >>> 1];
}

/** Bytes of bounds after each pointer of the node; 0 in a leaf. */
export function nodeBoundBytes(views: PageViews, base: number): number {
  return views.u16[(base + BOUND_BYTES) >>> 1];
}

/**
 * Checks that the cells of a branch have the bounds that the tree keeps.
 *
 * @throws LlmdbError `LLMDB_CORRUPT`
 */
export function requireBoundBytes(views: PageViews, base: number, bytes: number): void {
  if (nodeBoundBytes(views, base) !== bytes) {
    throw corruptPage(headerPage(views, base), "its cells carry other bounds than its map keeps");
  }
}

/** Bytes of a cell of the node before the tail of its key. */
export function fixedCellBytes(views: PageViews, base: number): number {
  return views.u8[base + LEVEL] === 0 ? LEAF_CELL_BYTES : POINTER_BYTES + views.u16[(base + BOUND_BYTES) >>> 1];
}

/** The byte at which the slots of the node start. */
export function slotsAt(views: PageViews, base: number): number {
  return base + HEADER_BYTES + ((views.u16[(base + PREFIX_LENGTH) >>> 1] + 3) & ~3);
}

/** The byte at which the cell of `slot` starts. */
export function cellAt(views: PageViews, base: number, slot: number): number {
  return base + views.u16[(slotsAt(views, base) + slot * SLOT_BYTES + 4) >>> 1];
}

/** Length of the key of `slot` beyond the prefix. */
export function suffixLength(views: PageViews, base: number, slot: number): number {
  return views.u16[(slotsAt(views, base) + slot * SLOT_BYTES + 6) >>> 1];
}

export function keyLength(views: PageViews, base: number, slot: number): number {
  return prefixLength(views, base) + suffixLength(views, base, slot);
}

/** Copies the whole key of `slot` into `into` and returns its length. */
export function copyKey(views: PageViews, base: number, slot: number, into: Uint8Array): number {
  const u8 = views.u8;
  const prefix = prefixLength(views, base);
  const slots = slotsAt(views, base);
  const suffix = views.u16[(slots + slot * SLOT_BYTES + 6) >>> 1];
  copyBytes(u8, base + HEADER_BYTES, into, 0, prefix);
  const head = views.u32[(slots + slot * SLOT_BYTES) >>> 2];
  if (suffix > 0) into[prefix] = head >>> 24;
  if (suffix > 1) into[prefix + 1] = head >>> 16;
  if (suffix > 2) into[prefix + 2] = head >>> 8;
  if (suffix > 3) into[prefix + 3] = head;
  if (suffix > HEAD_BYTES) {
    const cell = base + views.u16[(slots + slot * SLOT_BYTES + 4) >>> 1];
    copyBytes(u8, cell + fixedCellBytes(views, base), into, prefix + HEAD_BYTES, suffix - HEAD_BYTES);
  }
  return prefix + suffix;
}

/**
 * The head of a key at `at`: its next four bytes, big-endian, zero-filled. The key is padded.
 */
export function headOf(key: Uint8Array, at: number): number {
  return ((key[at] << 24) | (key[at + 1] << 16) | (key[at + 2] << 8) | key[at + 3]) >>> 0;
}

/**
 * Finds a key, which is padded.
 *
 * @returns its slot, or `~slot` of the first larger key
 */
export function search(views: PageViews, base: number, key: Uint8Array, length: number): number {
  const u8 = views.u8;
  const u32 = views.u32;
  const count = views.u16[(base + COUNT) >>> 1];
  const first = u8[base + LEVEL] === 0 ? 0 : 1;
  const prefix = views.u16[(base + PREFIX_LENGTH) >>> 1];
  const prefixAt = base + HEADER_BYTES;
  const compared = prefix < length ? prefix : length;
  for (let i = 0; i < compared; i++) {
    const difference = key[i] - u8[prefixAt + i];
    if (difference !== 0) return difference > 0 ? ~count : ~first;
  }
  if (length < prefix) return ~first;
  const head = headOf(key, prefix);
  const slots = (prefixAt + ((prefix + 3) & ~3)) >>> 2;
  let low = first;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (u32[slots + middle * 2] < head) low = middle + 1;
    else high = middle;
  }
  if (low === count || u32[slots + low * 2] !== head) return ~low;
  return searchTies(views, base, key, length, prefix, head, low, count);
}

/** The rest of a search among slots from `low` on, the first of which has the head of the key. */
function searchTies(
  views: PageViews,
  base: number,
  key: Uint8Array,
  length: number,
  prefix: number,
  head: number,
  first: number,
  count: number,
): number {
  const slots = slotsAt(views, base);
  const tailAt = base + fixedCellBytes(views, base);
  let low = first;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const slot = slots + middle * SLOT_BYTES;
    let order = 1;
    if (views.u32[slot >>> 2] === head) {
      const suffix = views.u16[(slot + 6) >>> 1];
      const rest = length - prefix;
      // Equal heads decide keys of up to four bytes by their lengths: the zero-filled one is the shorter.
      if (suffix <= HEAD_BYTES || rest <= HEAD_BYTES) order = suffix - rest;
      else {
        const tail = tailAt + views.u16[(slot + 4) >>> 1];
        order = compareBytes(views.u8, tail, suffix - HEAD_BYTES, key, prefix + HEAD_BYTES, rest - HEAD_BYTES);
      }
    }
    if (order === 0) return middle;
    if (order < 0) low = middle + 1;
    else high = middle;
  }
  return ~low;
}

/** The slot of the child that a key leads to. */
export function childSlot(views: PageViews, base: number, key: Uint8Array, length: number): number {
  const found = search(views, base, key, length);
  return found >= 0 ? found : ~found - 1;
}

/** Length of the value bytes in a leaf cell, or of its extent descriptor. */
export function storedLength(views: PageViews, cell: number): number {
  return (views.u8[cell] | (views.u8[cell + 1] << 8)) & ~ON_EXTENTS;
}

/** True where a leaf cell holds an extent descriptor. */
export function isOnExtents(views: PageViews, cell: number): boolean {
  return views.u8[cell + 1] >= 0x80;
}

/** The byte at which the value, or the extent descriptor, of leaf slot `slot` starts. */
export function valueAt(views: PageViews, base: number, slot: number): number {
  const suffix = suffixLength(views, base, slot);
  return cellAt(views, base, slot) + LEAF_CELL_BYTES + (suffix > HEAD_BYTES ? suffix - HEAD_BYTES : 0);
}

/** Bytes of the cell of `slot`. */
export function cellBytes(views: PageViews, base: number, slot: number): number {
  const suffix = suffixLength(views, base, slot);
  const tail = suffix > HEAD_BYTES ? suffix - HEAD_BYTES : 0;
  if (nodeLevel(views, base) > 0) return (POINTER_BYTES + nodeBoundBytes(views, base) + tail + 3) & ~3;
  return LEAF_CELL_BYTES + tail + storedLength(views, cellAt(views, base, slot));
}

/** Bytes between the slots and the cells. */
export function gapBytes(views: PageViews, base: number): number {
  return base + views.u32[(base + CELL_START) >>> 2] - slotsAt(views, base) - nodeCount(views, base) * SLOT_BYTES;
}

/** Bytes in use by prefix, slots and live cells. */
export function usedBytes(views: PageViews, base: number, pageSize: number): number {
  const dead = views.u32[(base + DEAD_BYTES) >>> 2];
  return pageSize - HEADER_BYTES - gapBytes(views, base) - dead;
}
