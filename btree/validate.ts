/**
 * Checking the inner structure of a node when it enters the cache. Guarantees: after this check every offset and length
 * in the node stays inside its page, cells fill their area without overlap, keys ascend and pointers lead into the
 * file, so that hot code needs no bounds checks, even on a hostile file whose checksums are right.
 */

import { compareBytes } from "../pager/bytes.js";
import { checkDescriptor } from "../pager/extent-value.js";
import {
  BOUND_BYTES,
  BRANCH,
  CELL_START,
  COUNT,
  DEAD_BYTES,
  FIRST_PAGE,
  LEAF,
  LEVEL,
  type PageViews,
  PREFIX_LENGTH,
  TYPE,
} from "../pager/page.js";
import { PENDING, pointerFlags, pointerPage } from "../pager/page-pointer.js";
import { MAX_BOUND_BYTES } from "./bounds.js";
import {
  cellAt,
  cellBytes,
  fixedCellBytes,
  HEAD_BYTES,
  isOnExtents,
  maxKeyBytes,
  SLOT_BYTES,
  slotsAt,
  storedLength,
  suffixLength,
  valueAt,
} from "./node.js";
import { MAX_DEPTH } from "./tree.js";

/** Returns what is wrong with the node at `base`, or undefined. */
export function validateNode(views: PageViews, base: number, pageSize: number, pageCount: number): string | undefined {
  const { u8, u16, u32 } = views;
  const level = u8[base + LEVEL];
  if (u8[base + TYPE] !== (level === 0 ? LEAF : BRANCH) || level >= MAX_DEPTH) return "it is not a node of a tree";
  const count = u16[(base + COUNT) >>> 1];
  const prefix = u16[(base + PREFIX_LENGTH) >>> 1];
  const cellStart = u32[(base + CELL_START) >>> 2];
  const boundBytes = u16[(base + BOUND_BYTES) >>> 1];
  if (boundBytes > (level === 0 ? 0 : MAX_BOUND_BYTES)) return "its header is out of range";
  if (count === 0 || prefix > maxKeyBytes(pageSize)) return "its header is out of range";
  const slotsEnd = slotsAt(views, base) - base + count * SLOT_BYTES;
  if (slotsEnd > cellStart || cellStart > pageSize) return "its slots and cells overlap";
  let bytes = u32[(base + DEAD_BYTES) >>> 2];
  for (let slot = 0; slot < count; slot++) {
    const problem = checkCell(views, base, pageSize, pageCount, slot, cellStart);
    if (problem !== undefined) return problem;
    bytes += cellBytes(views, base, slot);
  }
  if (bytes !== pageSize - cellStart) return "its cells do not fill their area";
  for (let slot = level === 0 ? 1 : 2; slot < count; slot++) {
    if (compareSlots(views, base, slot - 1, slot) >= 0) return "its keys are out of order";
  }
  return undefined;
}

function checkCell(
  views: PageViews,
  base: number,
  pageSize: number,
  pageCount: number,
  slot: number,
  cellStart: number,
): string | undefined {
  const leaf = views.u8[base + LEVEL] === 0;
  const cell = cellAt(views, base, slot);
  const fixed = fixedCellBytes(views, base);
  if (cell < base + cellStart || cell + fixed > base + pageSize) return "a cell is out of range";
  const suffix = suffixLength(views, base, slot);
  const head = views.u32[(slotsAt(views, base) + slot * SLOT_BYTES) >>> 2];
  if (suffix < HEAD_BYTES && (head & (0xffffffff >>> (suffix * 8))) !== 0) return "the head of a slot is not its key";
  if (suffix + views.u16[(base + PREFIX_LENGTH) >>> 1] > maxKeyBytes(pageSize)) {
    return "a key is too long";
  }
  if (cell + cellBytes(views, base, slot) > base + pageSize) return "a cell is out of range";
  if (leaf) {
    if (!isOnExtents(views, cell)) return undefined;
    return checkDescriptor(views.u8, valueAt(views, base, slot), storedLength(views, cell), pageSize);
  }
  if ((cell & 3) !== 0) return "a cell is not aligned";
  if (slot === 0 && suffix !== 0) return "its first child has a key";
  const page = pointerPage(views, cell);
  if (page < FIRST_PAGE || page >= pageCount) return "a child pointer leads outside of the file";
  if ((pointerFlags(views, cell) & PENDING) !== 0) return "a child pointer has no checksum";
  return undefined;
}

/** Compares the keys of two slots of one node. */
function compareSlots(views: PageViews, base: number, a: number, b: number): number {
  const slots = slotsAt(views, base);
  const headA = views.u32[(slots + a * SLOT_BYTES) >>> 2];
  const headB = views.u32[(slots + b * SLOT_BYTES) >>> 2];
  if (headA !== headB) return headA - headB;
  const lengthA = suffixLength(views, base, a);
  const lengthB = suffixLength(views, base, b);
  if (lengthA <= HEAD_BYTES || lengthB <= HEAD_BYTES) return lengthA - lengthB;
  const fixed = fixedCellBytes(views, base);
  const tailA = cellAt(views, base, a) + fixed;
  const tailB = cellAt(views, base, b) + fixed;
  return compareBytes(views.u8, tailA, lengthA - HEAD_BYTES, views.u8, tailB, lengthB - HEAD_BYTES);
}
