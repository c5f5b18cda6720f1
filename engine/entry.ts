/**
 * Finding one entry and handing its value out. Guarantees: finding allocates nothing; `copyValue` makes bytes that stay
 * valid for ever; small copies share slabs, as Node's own small Buffers do, because an ArrayBuffer each would cost more
 * than the search.
 */
import { markAsUntransferable } from "node:worker_threads";
import type { HashIndex } from "../btree/hash-index.js";
import { HEAD_BYTES, isOnExtents, LEAF_CELL_BYTES, SLOT_BYTES, search, slotsAt, storedLength } from "../btree/node.js";
import { findLeaf, type Tree } from "../btree/tree.js";
import { bytesOnExtents, type ExtentStore } from "../pager/extent-value.js";
import type { PageViews } from "../pager/page.js";
import type { PageReader } from "../pager/page-reader.js";
import type { ValueCodec } from "./value.js";

/** Where the entry that was found last is. */
export class Entry {
  frame = 0;
  slot = 0;
  cell = 0;
  /** Where its value, or the descriptor of its extents, starts. */
  at = 0;
  length = 0;

  /** Points at what an index found. */
  setFound(frame: number, index: HashIndex): void {
    this.frame = frame;
    this.slot = index.slot;
    this.cell = index.cell;
    this.at = index.at;
    this.length = index.length;
  }

  /** Points at a slot of a leaf. */
  set(reader: PageReader, frame: number, slot: number): void {
    const { cache } = reader;
    const views = cache.chunks[frame >>> cache.shift];
    const base = (frame & cache.mask) * cache.pageSize;
    const place = slotsAt(views, base) + slot * SLOT_BYTES;
    const cell = base + views.u16[(place + 4) >>> 1];
    const suffix = views.u16[(place + 6) >>> 1];
    this.frame = frame;
    this.slot = slot;
    this.cell = cell;
    this.at = cell + LEAF_CELL_BYTES + (suffix > HEAD_BYTES ? suffix - HEAD_BYTES : 0);
    this.length = storedLength(views, cell);
  }
}

/** Finds a key; returns false where it is absent. The entry is valid until the next page is loaded. */
export function findEntry(tree: Tree, reader: PageReader, key: Uint8Array, length: number, entry: Entry): boolean {
  if (tree.depth === 0) return false;
  const { cache } = reader;
  const { index } = tree;
  if (index !== null) {
    const hinted = index.find(tree.id, key, length);
    if (hinted >= 0) {
      entry.setFound(hinted, index);
      return true;
    }
  }
  const frame = findLeaf(tree, reader, key, length);
  const slot = search(cache.chunks[frame >>> cache.shift], (frame & cache.mask) * cache.pageSize, key, length);
  if (slot < 0) return false;
  entry.set(reader, frame, slot);
  index?.note(tree.id, frame, slot);
  return true;
}

/** A copy of the value of an entry. */
export function copyValue(reader: PageReader, entry: Entry, extents: ExtentStore): Uint8Array {
  const views = reader.cache.views(entry.frame);
  return isOnExtents(views, entry.cell) ? extents.read(views.u8, entry.at) : copyOut(views, entry.at, entry.length);
}

/** How many bytes the value of an entry has, wherever it lies; nothing else is read. */
export function storedBytes(reader: PageReader, entry: Entry): number {
  const { u8 } = reader.cache.views(entry.frame);
  return u8[entry.cell + 1] >= 0x80 ? bytesOnExtents(u8, entry.at) : entry.length;
}

/** The bytes of a value for the length of one use: a view of the page, or a copy of what lies on extents. */
export function borrowValue(reader: PageReader, entry: Entry, extents: ExtentStore): Uint8Array {
  const { u8 } = reader.cache.views(entry.frame);
  if (u8[entry.cell + 1] >= 0x80) return extents.read(u8, entry.at);
  return u8.subarray(entry.at, entry.at + entry.length);
}

/** The value of an entry as its codec reads it: straight from the page, without a view of it. */
export function decodeValue(reader: PageReader, entry: Entry, extents: ExtentStore, codec: ValueCodec): unknown {
  const { u8 } = reader.cache.views(entry.frame);
  if (u8[entry.cell + 1] >= 0x80) return codec.decode(extents.read(u8, entry.at));
  return codec.decode(u8, entry.at, entry.at + entry.length);
}

const SLAB_BYTES = 64 * 1024;
const SLAB_VALUE_BYTES = 2048;
let slab = new ArrayBuffer(0);
let slabWords = new Uint32Array(slab);
let slabUsed = 0;

/** Transferring one copy to a worker would take its neighbours along, so the slab refuses, as Node's own pool does. */
function openSlab(): void {
  slab = new ArrayBuffer(SLAB_BYTES);
  markAsUntransferable(slab);
  slabWords = new Uint32Array(slab);
  slabUsed = 0;
}

function copyOut(views: PageViews, at: number, length: number): Uint8Array {
  if (length > SLAB_VALUE_BYTES) return views.u8.slice(at, at + length);
  // The copy lies as its source does within a word, so that whole words can be moved.
  const shift = at & 3;
  const words = (shift + length + 3) >>> 2;
  if (slabUsed + words > slabWords.length) openSlab();
  const from = at >>> 2;
  const to = slabUsed;
  const { u32 } = views;
  const into = slabWords;
  let i = 0;
  // Four at a time: the checks of the loop cost as much as the moving.
  for (; i + 4 <= words; i += 4) {
    into[to + i] = u32[from + i];
    into[to + i + 1] = u32[from + i + 1];
    into[to + i + 2] = u32[from + i + 2];
    into[to + i + 3] = u32[from + i + 3];
  }
  for (; i < words; i++) into[to + i] = u32[from + i];
  slabUsed = to + words;
  return new Uint8Array(slab, to * 4 + shift, length);
}
