/**
 * The fields of the entries in a node, and the bounds in the cells of a branch. Guarantees: fields are read where they
 * lie, wherever that is possible; an entry that does not hold them, as only a file made with ill intent has one, is
 * damage and never read past its end; a branch with cells of another form than the tree's is damage.
 */
import { compareBytes, copyBytes } from "../pager/bytes.js";
import { BOUND_BYTES, HEADER_BYTES, headerPage, type PageViews, PREFIX_LENGTH } from "../pager/page.js";
import { corruptPage } from "../pager/page-cache.js";
import { POINTER_BYTES } from "../pager/page-pointer.js";
import {
  type BoundField,
  type BoundFields,
  boundBytes,
  clearBounds,
  MAX_BOUND_BYTES,
  touchesBounds,
  widenBounds,
} from "./bounds.js";
import {
  cellAt,
  HEAD_BYTES,
  isOnExtents,
  LEAF_CELL_BYTES,
  nodeCount,
  nodeLevel,
  prefixLength,
  SLOT_BYTES,
  slotsAt,
  storedLength,
  suffixLength,
  valueAt,
} from "./node.js";
import type { PageOwner } from "./page-owner.js";
import type { Path } from "./path.js";
import type { Tree } from "./tree.js";

const COMPOSED = -1;
/** A field of a key that lies across prefix, head and tail is put together here. */
const composed = new Uint8Array(MAX_BOUND_BYTES);
const values = new Uint8Array(MAX_BOUND_BYTES);
const bounds = new Uint8Array(MAX_BOUND_BYTES);

/** Makes a new node for a tree, whose branches say how many bytes of bounds they carry. */
export function createNode(tree: Tree, owner: PageOwner, level: number): number {
  const frame = owner.create(level);
  if (level === 0 || tree.bounds.length === 0) return frame;
  const { cache } = owner.reader;
  cache.views(frame).u16[(cache.base(frame) + BOUND_BYTES) >>> 1] = boundBytes(tree.bounds);
  return frame;
}

/** The byte at which the bounds in a branch cell start. */
export function boundsAt(views: PageViews, base: number, slot: number): number {
  return cellAt(views, base, slot) + POINTER_BYTES;
}

/** Puts the fields of an entry that is not in a node yet into `into`; it holds them. */
export function entryFields(
  fields: BoundFields,
  key: Uint8Array,
  length: number,
  value: Uint8Array,
  into: Uint8Array,
): void {
  let to = 0;
  for (let i = 0; i < fields.length; i++) {
    const { of, offset, bytes } = fields[i];
    if (of === "key") copyBytes(key, length - offset, into, to, bytes);
    else copyBytes(value, offset, into, to, bytes);
    to += bytes;
  }
}

/** No field is outside of its limit. */
export const WITHIN = -1;

/**
 * The first field of an entry in a leaf that is outside of its limit, or `WITHIN`. There is one limit for each field,
 * in order. A filtered cursor asks this of entry after entry, so it looks up the cell once, and copies nothing.
 */
export function fieldOutside(
  fields: BoundFields,
  views: PageViews,
  base: number,
  slot: number,
  limits: Uint8Array,
): number {
  const { u8, u16 } = views;
  const prefix = u16[(base + PREFIX_LENGTH) >>> 1];
  const place = base + HEADER_BYTES + ((prefix + 3) & ~3) + slot * SLOT_BYTES;
  const cell = base + u16[(place + 4) >>> 1];
  const suffix = u16[(place + 6) >>> 1];
  const body = cell + LEAF_CELL_BYTES;
  const value = body + (suffix > HEAD_BYTES ? suffix - HEAD_BYTES : 0);
  let passed = 0;
  for (let i = 0; i < fields.length; i++) {
    const { of, offset, bytes, keeps } = fields[i];
    let at = value + offset;
    if (of === "key") {
      const start = suffix - offset;
      if (prefix + start < 0) throw withoutField(views, base);
      at = start >= HEAD_BYTES ? body + start - HEAD_BYTES : COMPOSED;
    } else if (isOnExtents(views, cell) || storedLength(views, cell) < offset + bytes) throw withoutField(views, base);
    let order = 0;
    if (at === COMPOSED) order = compareKeyPart(views, base, place, suffix - offset, body, bytes, limits, passed);
    else for (let k = 0; k < bytes && order === 0; k++) order = u8[at + k] - limits[passed + k];
    if (keeps === "least" ? order > 0 : order < 0) return i;
    passed += bytes;
  }
  return WITHIN;
}

/** Compares bytes of a key that are in the prefix, the head and the tail with a limit. */
function compareKeyPart(
  views: PageViews,
  base: number,
  place: number,
  start: number,
  body: number,
  bytes: number,
  limits: Uint8Array,
  passed: number,
): number {
  const { u8 } = views;
  const head = views.u32[place >>> 2];
  const prefixEnd = base + HEADER_BYTES + views.u16[(base + PREFIX_LENGTH) >>> 1];
  for (let i = 0; i < bytes; i++) {
    const own = start + i;
    let byte = 0;
    if (own < 0) byte = u8[prefixEnd + own];
    else if (own < HEAD_BYTES) byte = (head >>> (24 - 8 * own)) & 0xff;
    else byte = u8[body + own - HEAD_BYTES];
    const order = byte - limits[passed + i];
    if (order !== 0) return order;
  }
  return 0;
}

/** Puts the fields of an entry in a leaf into `into`. */
function slotFields(fields: BoundFields, views: PageViews, base: number, slot: number, into: Uint8Array): void {
  let to = 0;
  for (let i = 0; i < fields.length; i++) {
    const { bytes } = fields[i];
    const at = fieldAt(fields[i], views, base, slot);
    if (at === COMPOSED) copyBytes(composed, 0, into, to, bytes);
    else copyBytes(views.u8, at, into, to, bytes);
    to += bytes;
  }
}

/** Puts the bounds of all that is at or below a node into `into`; those of nothing where it is empty. */
export function nodeBounds(fields: BoundFields, views: PageViews, base: number, into: Uint8Array, at: number): void {
  const count = nodeCount(views, base);
  clearBounds(fields, into, at);
  if (nodeLevel(views, base) > 0) {
    for (let slot = 0; slot < count; slot++) {
      widenBounds(fields, into, at, views.u8, boundsAt(views, base, slot));
    }
    return;
  }
  for (let slot = 0; slot < count; slot++) {
    slotFields(fields, views, base, slot, values);
    widenBounds(fields, into, at, values, 0);
  }
}

/** Writes the bounds of a child, which is in `slot` of a branch, into its cell. */
export function setBounds(
  fields: BoundFields,
  parent: PageViews,
  parentBase: number,
  slot: number,
  child: PageViews,
  childBase: number,
): void {
  if (fields.length > 0) nodeBounds(fields, child, childBase, parent.u8, boundsAt(parent, parentBase, slot));
}

/** Whether bounds may become tighter when the entry in a slot of the leaf of a path goes. */
export function isBound(tree: Tree, owner: PageOwner, along: Path, slot: number): boolean {
  const fields = tree.bounds;
  if (fields.length === 0 || tree.depth < 2) return false;
  const { cache } = owner.reader;
  slotFields(fields, cache.views(along.frames[0]), cache.base(along.frames[0]), slot, values);
  const parent = cache.views(along.frames[1]);
  return touchesBounds(fields, values, 0, parent.u8, boundsAt(parent, cache.base(along.frames[1]), along.slots[1]));
}

/** Widens the bounds on the way up from a leaf by the fields of an entry that came into it. */
export function widenAlong(tree: Tree, owner: PageOwner, along: Path, by: Uint8Array): void {
  const fields = tree.bounds;
  if (fields.length === 0) return;
  const { cache } = owner.reader;
  for (let level = 1; level < tree.depth; level++) {
    const views = cache.views(along.frames[level]);
    const at = boundsAt(views, cache.base(along.frames[level]), along.slots[level]);
    // What did not change here is within what is above.
    if (!widenBounds(fields, views.u8, at, by, 0)) return;
  }
}

/** Computes the bounds on the way up from a leaf again, after something in it went or changed. */
export function refreshAlong(tree: Tree, owner: PageOwner, along: Path): void {
  const fields = tree.bounds;
  const bytes = boundBytes(fields);
  const { cache } = owner.reader;
  for (let level = 1; level < tree.depth; level++) {
    const child = along.frames[level - 1];
    nodeBounds(fields, cache.views(child), cache.base(child), bounds, 0);
    const { u8 } = cache.views(along.frames[level]);
    const at = boundsAt(cache.views(along.frames[level]), cache.base(along.frames[level]), along.slots[level]);
    if (compareBytes(bounds, 0, bytes, u8, at, bytes) === 0) return;
    copyBytes(bounds, 0, u8, at, bytes);
  }
}

/** The byte at which a field of an entry in a leaf starts, or `COMPOSED` where it had to be put together. */
function fieldAt(field: BoundField, views: PageViews, base: number, slot: number): number {
  const { offset, bytes } = field;
  const cell = cellAt(views, base, slot);
  if (field.of === "value") {
    if (isOnExtents(views, cell) || storedLength(views, cell) < offset + bytes) throw withoutField(views, base);
    return valueAt(views, base, slot) + offset;
  }
  const prefix = prefixLength(views, base);
  const start = suffixLength(views, base, slot) - offset;
  if (prefix + start < 0) throw withoutField(views, base);
  if (start >= HEAD_BYTES) return cell + LEAF_CELL_BYTES + start - HEAD_BYTES;
  if (start + bytes <= 0) return base + HEADER_BYTES + prefix + start;
  const head = views.u32[(slotsAt(views, base) + slot * SLOT_BYTES) >>> 2];
  for (let i = 0; i < bytes; i++) {
    const own = start + i;
    if (own < 0) composed[i] = views.u8[base + HEADER_BYTES + prefix + own];
    else if (own < HEAD_BYTES) composed[i] = head >>> (24 - 8 * own);
    else composed[i] = views.u8[cell + LEAF_CELL_BYTES + own - HEAD_BYTES];
  }
  return COMPOSED;
}

function withoutField(views: PageViews, base: number): Error {
  return corruptPage(headerPage(views, base), "an entry does not hold the fields that its map keeps bounds of");
}
