/**
 * Changing a node in place: create, insert, remove, rebuild. Guarantees: a change either fits and is made, or nothing
 * is touched and the caller is told to split; after a rebuild the cells are in key order, because walking memory
 * upwards is what processors prefetch; bytes of a node that belong to nothing are zero: what was removed is not there
 * any more.
 */
import { copyBytes, sharedPrefix, zeroBytes } from "../pager/bytes.js";
import {
  BOUND_BYTES,
  BRANCH,
  CELL_START,
  COUNT,
  DEAD_BYTES,
  HEADER_BYTES,
  LEAF,
  LEVEL,
  PageViews,
  PREFIX_LENGTH,
  TYPE,
} from "../pager/page.js";
import { POINTER_BYTES } from "../pager/page-pointer.js";
import {
  cellAt,
  cellBytes,
  copyKey,
  fixedCellBytes,
  gapBytes,
  HEAD_BYTES,
  headOf,
  LEAF_CELL_BYTES,
  nodeBoundBytes,
  nodeCount,
  nodeLevel,
  prefixLength,
  SLOT_BYTES,
  slotsAt,
} from "./node.js";

const MAX_PAGE_BYTES = 65536;
const MAX_KEY_BUFFER = MAX_PAGE_BYTES / 4;

const scratchPage = new PageViews(new ArrayBuffer(MAX_PAGE_BYTES), 0, MAX_PAGE_BYTES);
const scratchKey = new Uint8Array(MAX_KEY_BUFFER);
const firstKey = new Uint8Array(MAX_KEY_BUFFER);
const lastKey = new Uint8Array(MAX_KEY_BUFFER);

/**
 * Makes the page an empty node, all zeros after its header; page number and transaction in the header stay.
 *
 * @param boundBytes bytes of bounds that each cell of a branch carries; 0 in a leaf
 */
export function clearNode(views: PageViews, base: number, pageSize: number, level: number, boundBytes: number): void {
  views.u8[base + TYPE] = level === 0 ? LEAF : BRANCH;
  views.u8[base + LEVEL] = level;
  views.u16[(base + COUNT) >>> 1] = 0;
  views.u16[(base + PREFIX_LENGTH) >>> 1] = 0;
  views.u16[(base + BOUND_BYTES) >>> 1] = boundBytes;
  views.u32[(base + CELL_START) >>> 2] = pageSize;
  views.u32[(base + DEAD_BYTES) >>> 2] = 0;
  views.u32[(base + DEAD_BYTES + 4) >>> 2] = 0;
  views.u8.fill(0, base + HEADER_BYTES, base + pageSize);
}

/** Copies the prefix of a key into an empty node. */
export function setPrefix(views: PageViews, base: number, key: Uint8Array, length: number): void {
  views.u16[(base + PREFIX_LENGTH) >>> 1] = length;
  copyBytes(key, 0, views.u8, base + HEADER_BYTES, length);
  for (let i = length; (i & 3) !== 0; i++) views.u8[base + HEADER_BYTES + i] = 0;
}

/**
 * Bytes of a cell for a key of `suffix` bytes beyond the prefix; `rest` is the length of the value in a leaf, and that
 * of the bounds in a branch.
 */
function newCellBytes(level: number, suffix: number, rest: number): number {
  const tail = suffix > HEAD_BYTES ? suffix - HEAD_BYTES : 0;
  return level === 0 ? LEAF_CELL_BYTES + tail + rest : (POINTER_BYTES + rest + tail + 3) & ~3;
}

/**
 * Makes room for an entry at `slot` and writes its key. Returns the byte at which its value (in a leaf) or its pointer
 * and bounds (in a branch) have to be written, or -1 where the node has no room. In a branch, the key of slot 0 is left
 * out.
 *
 * @param key padded, as `key-bytes.ts` says
 * @param stored bytes of the value in a leaf cell
 */
export function insertEntry(
  views: PageViews,
  base: number,
  pageSize: number,
  slot: number,
  key: Uint8Array,
  length: number,
  stored: number,
): number {
  const level = nodeLevel(views, base);
  const keyless = level > 0 && slot === 0;
  const prefix = prefixLength(views, base);
  const shared = keyless ? prefix : sharedWithPrefix(views, base, key, length);
  const suffix = keyless ? 0 : length - shared;
  const boundBytes = nodeBoundBytes(views, base);
  const rest = level === 0 ? stored : boundBytes;
  const bytes = newCellBytes(level, suffix, rest);
  if (shared === prefix && gapBytes(views, base) >= bytes + SLOT_BYTES) {
    return placeEntry(views, base, slot, key, prefix, suffix, bytes);
  }
  const count = nodeCount(views, base);
  let common = commonPrefix(views, base, 0, count);
  if (!keyless && common > 0) common = sharedPrefix(firstKey, common, key, length);
  const commonSuffix = keyless ? 0 : length - common;
  const commonBytes = newCellBytes(level, commonSuffix, rest);
  if (entriesBytes(views, base, 0, count, common) + commonBytes + SLOT_BYTES > pageSize - HEADER_BYTES) return -1;
  copyBytes(views.u8, base, scratchPage.u8, 0, pageSize);
  clearNode(views, base, pageSize, level, boundBytes);
  setPrefix(views, base, firstKey, common);
  appendEntries(scratchPage, 0, 0, count, views, base);
  return placeEntry(views, base, slot, key, common, commonSuffix, commonBytes);
}

function placeEntry(
  views: PageViews,
  base: number,
  slot: number,
  key: Uint8Array,
  prefix: number,
  suffix: number,
  bytes: number,
): number {
  const count = nodeCount(views, base);
  const slots = slotsAt(views, base);
  const cell = views.u32[(base + CELL_START) >>> 2] - bytes;
  views.u32[(base + CELL_START) >>> 2] = cell;
  const at = (slots + slot * SLOT_BYTES) >>> 2;
  if (slot < count) views.u32.copyWithin(at + 2, at, (slots + count * SLOT_BYTES) >>> 2);
  views.u16[(base + COUNT) >>> 1] = count + 1;
  views.u16[at * 2 + 2] = cell;
  views.u16[at * 2 + 3] = suffix;
  views.u32[at] = suffix === 0 ? 0 : headOf(key, prefix);
  const fixed = fixedCellBytes(views, base);
  const body = base + cell + fixed;
  const tail = suffix > HEAD_BYTES ? suffix - HEAD_BYTES : 0;
  copyBytes(key, prefix + HEAD_BYTES, views.u8, body, tail);
  if (nodeLevel(views, base) === 0) return body + tail;
  for (let i = fixed + tail; i < bytes; i++) views.u8[base + cell + i] = 0;
  return base + cell;
}

/** Writes the value length of a leaf cell whose value starts at `valueAt`. */
export function setStoredLength(views: PageViews, base: number, slot: number, stored: number): void {
  const cell = cellAt(views, base, slot);
  views.u8[cell] = stored;
  views.u8[cell + 1] = stored >>> 8;
}

/** Takes an entry out. In a branch, the entry that becomes slot 0 loses its key. */
export function removeEntry(views: PageViews, base: number, slot: number): void {
  const bytes = cellBytes(views, base, slot);
  const count = nodeCount(views, base);
  const slots = slotsAt(views, base);
  const cell = cellAt(views, base, slot);
  if (cell === base + views.u32[(base + CELL_START) >>> 2]) {
    views.u32[(base + CELL_START) >>> 2] += bytes;
    zeroBytes(views.u8, cell, bytes);
  } else {
    addDeadBytes(views, base, cell, bytes);
  }
  const at = (slots + slot * SLOT_BYTES) >>> 2;
  const end = (slots + count * SLOT_BYTES) >>> 2;
  views.u32.copyWithin(at, at + 2, end);
  views.u32[end - 2] = 0;
  views.u32[end - 1] = 0;
  views.u16[(base + COUNT) >>> 1] = count - 1;
  if (nodeLevel(views, base) === 0) return;
  if (slot === 0 && count > 1) dropKey(views, base);
  if (count <= 2) dropPrefix(views, base);
}

/** Gives up `bytes` bytes from `at` inside a cell or of a whole one: they belong to nothing from here on. */
export function addDeadBytes(views: PageViews, base: number, at: number, bytes: number): void {
  views.u32[(base + DEAD_BYTES) >>> 2] += bytes;
  zeroBytes(views.u8, at, bytes);
}

/** Removes the key of slot 0 of a branch. */
function dropKey(views: PageViews, base: number): void {
  const at = slotsAt(views, base);
  const before = cellBytes(views, base, 0);
  views.u32[at >>> 2] = 0;
  views.u16[(at + 6) >>> 1] = 0;
  const after = cellBytes(views, base, 0);
  addDeadBytes(views, base, cellAt(views, base, 0) + after, before - after);
}

/** Removes the prefix of a branch without a key: it is what keys had that are gone. */
function dropPrefix(views: PageViews, base: number): void {
  const from = slotsAt(views, base);
  const to = base + HEADER_BYTES;
  if (from === to) return;
  const end = from + nodeCount(views, base) * SLOT_BYTES;
  views.u32.copyWithin(to >>> 2, from >>> 2, end >>> 2);
  views.u8.fill(0, to + end - from, end);
  views.u16[(base + PREFIX_LENGTH) >>> 1] = 0;
}

/**
 * Rewrites `target` as an empty node followed by the entries of `source` from slot `from` to `to`, without dead bytes,
 * with cells in key order and the longest prefix. The two may be the same node.
 */
export function rebuildFrom(
  source: PageViews,
  sourceBase: number,
  from: number,
  to: number,
  target: PageViews,
  targetBase: number,
  pageSize: number,
): void {
  copyBytes(source.u8, sourceBase, scratchPage.u8, 0, pageSize);
  clearNode(target, targetBase, pageSize, nodeLevel(scratchPage, 0), nodeBoundBytes(scratchPage, 0));
  // The first entry of a branch goes without its key, so the prefix is that of the others.
  const keyed = from + (nodeLevel(scratchPage, 0) > 0 ? 1 : 0);
  const prefix = commonPrefix(scratchPage, 0, keyed, to);
  setPrefix(target, targetBase, firstKey, prefix);
  appendEntries(scratchPage, 0, from, to, target, targetBase);
}

/** How many bytes of a key equal the prefix of the node. */
function sharedWithPrefix(views: PageViews, base: number, key: Uint8Array, length: number): number {
  const prefix = Math.min(prefixLength(views, base), length);
  let i = 0;
  while (i < prefix && views.u8[base + HEADER_BYTES + i] === key[i]) i++;
  return i;
}

/** Bytes that the entries from slot `from` to `to` take in a node whose prefix has `prefix` bytes, prefix included. */
export function entriesBytes(views: PageViews, base: number, from: number, to: number, prefix: number): number {
  const level = nodeLevel(views, base);
  const own = prefixLength(views, base);
  const boundBytes = nodeBoundBytes(views, base);
  const slots = slotsAt(views, base);
  let bytes = (prefix + 3) & ~3;
  for (let slot = from; slot < to; slot++) {
    const suffix = views.u16[(slots + slot * SLOT_BYTES + 6) >>> 1];
    if (level > 0) bytes += SLOT_BYTES + newCellBytes(level, slot === 0 ? 0 : own + suffix - prefix, boundBytes);
    else {
      const tail = suffix > HEAD_BYTES ? suffix - HEAD_BYTES : 0;
      const stored = cellBytes(views, base, slot) - LEAF_CELL_BYTES - tail;
      bytes += SLOT_BYTES + newCellBytes(0, own + suffix - prefix, stored);
    }
  }
  return bytes;
}

/**
 * The longest prefix that the keys from slot `from` to `to` share; in a branch the absent key of slot 0 does not count.
 */
export function commonPrefix(views: PageViews, base: number, from: number, to: number): number {
  const first = nodeLevel(views, base) > 0 && from === 0 ? 1 : from;
  if (first >= to) return 0;
  const firstLength = copyKey(views, base, first, firstKey);
  const lastLength = copyKey(views, base, to - 1, lastKey);
  return sharedPrefix(firstKey, firstLength, lastKey, lastLength);
}

/**
 * Appends the entries from slot `from` to `to` of one node to another, which must have room, a prefix that all of them
 * share, and be smaller than all of them. When the target is an empty branch, its slot 0 goes without a key.
 */
export function appendEntries(
  source: PageViews,
  sourceBase: number,
  from: number,
  to: number,
  target: PageViews,
  targetBase: number,
): void {
  const level = nodeLevel(target, targetBase);
  const prefix = prefixLength(target, targetBase);
  const samePrefix = prefix === prefixLength(source, sourceBase);
  const had = nodeCount(target, targetBase);
  const slots = slotsAt(target, targetBase);
  const sourceSlots = slotsAt(source, sourceBase);
  let cell = target.u32[(targetBase + CELL_START) >>> 2];
  for (let slot = to - 1; slot >= from; slot--) {
    const index = had + slot - from;
    const at = slots + index * SLOT_BYTES;
    if (samePrefix && (level === 0 || index > 0)) {
      const bytes = cellBytes(source, sourceBase, slot);
      cell -= bytes;
      copyBytes(source.u8, cellAt(source, sourceBase, slot), target.u8, targetBase + cell, bytes);
      target.u32[at >>> 2] = source.u32[(sourceSlots + slot * SLOT_BYTES) >>> 2];
      target.u16[(at + 6) >>> 1] = source.u16[(sourceSlots + slot * SLOT_BYTES + 6) >>> 1];
    } else {
      cell -= appendRekeyed(source, sourceBase, slot, target, targetBase, at, cell, prefix, level > 0 && index === 0);
    }
    target.u16[(at + 4) >>> 1] = cell;
  }
  target.u32[(targetBase + CELL_START) >>> 2] = cell;
  target.u16[(targetBase + COUNT) >>> 1] = had + to - from;
}

/** Writes slot and cell of one entry below byte `cellEnd` under another prefix; returns the bytes of the cell. */
function appendRekeyed(
  source: PageViews,
  sourceBase: number,
  slot: number,
  target: PageViews,
  targetBase: number,
  at: number,
  cellEnd: number,
  prefix: number,
  keyless: boolean,
): number {
  const level = nodeLevel(target, targetBase);
  const length = copyKey(source, sourceBase, slot, scratchKey);
  scratchKey.fill(0, length, length + HEAD_BYTES);
  const suffix = keyless ? 0 : length - prefix;
  const tail = suffix > HEAD_BYTES ? suffix - HEAD_BYTES : 0;
  const sourceCell = cellAt(source, sourceBase, slot);
  const sourceBytes = cellBytes(source, sourceBase, slot);
  let rest = nodeBoundBytes(target, targetBase);
  if (level === 0) {
    const own = length - prefixLength(source, sourceBase);
    rest = sourceBytes - LEAF_CELL_BYTES - (own > HEAD_BYTES ? own - HEAD_BYTES : 0);
  }
  const bytes = newCellBytes(level, suffix, rest);
  const cell = targetBase + cellEnd - bytes;
  const fixed = fixedCellBytes(target, targetBase);
  copyBytes(source.u8, sourceCell, target.u8, cell, fixed);
  copyBytes(scratchKey, prefix + HEAD_BYTES, target.u8, cell + fixed, tail);
  if (level === 0) copyBytes(source.u8, sourceCell + sourceBytes - rest, target.u8, cell + fixed + tail, rest);
  else for (let i = fixed + tail; i < bytes; i++) target.u8[cell + i] = 0;
  target.u32[at >>> 2] = suffix === 0 ? 0 : headOf(scratchKey, prefix);
  target.u16[(at + 6) >>> 1] = suffix;
  return bytes;
}
