/**
 * An adaptive hash index, after InnoDB's: from keys that were found before to their slots, so that finding one again
 * costs no descent. The reads of page header, slot and cell then do not wait for each other, which matters once the
 * leaves do not fit into the processor's caches.
 *
 * ```
 * an entry, two words:   frame | slot offset / 4        16 bits of the hash | cell offset
 * ```
 *
 * Guarantees:
 * - What it finds is what a descent finds. An entry is only a hint: the frame must be marked as a leaf of the committed
 *   version of the tree, and the slot must hold the whole key. What takes a frame out of that version removes its mark.
 * - An entry is lost at any time without harm: entries overwrite each other, and a small table that grows starts again.
 * - It takes at most a 32nd of the bytes of the page cache, and grows with the number of keys that are found.
 */
import { COUNT, HEADER_BYTES, type PageViews, PREFIX_LENGTH } from "../pager/page.js";
import type { PageCache } from "../pager/page-cache.js";
import { HEAD_BYTES, headOf, LEAF_CELL_BYTES, ON_EXTENTS, prefixLength, SLOT_BYTES, slotsAt } from "./node.js";

const ENTRY_WORDS = 2;
/** Entries of a bucket lie side by side in one line of the processor's cache. */
const BUCKET_WORDS = 2 * ENTRY_WORDS;
const FIRST_BUCKETS = 256;
const SHARE_OF_CACHE = 32;
const TAG_BITS = 16;
const MIX = 0x9e3779b1;

export class HashIndex {
  /** What `find` found: the slot, and the bytes at which its cell and its value start. */
  slot = 0;
  cell = 0;
  at = 0;
  length = 0;
  readonly #cache: PageCache;
  /** A frame number is shifted by this many bits; below it is the offset of the slot, in words of the page. */
  readonly #slotBits: number;
  readonly #slotMask: number;
  readonly #mostFrames: number;
  readonly #mostBuckets: number;
  #words = new Uint32Array(BUCKET_WORDS);
  #bucketMask = 0;
  #hash = 0;
  #trees = 0;
  /** Keys noted since the table has this size. */
  #noted = 0;

  constructor(cache: PageCache) {
    this.#cache = cache;
    this.#slotBits = 32 - Math.clz32(cache.pageSize / 4 - 1);
    this.#slotMask = 2 ** this.#slotBits - 1;
    this.#mostFrames = Math.min(cache.maxFrames, 2 ** (32 - this.#slotBits));
    this.#mostBuckets = (cache.maxFrames * cache.pageSize) / SHARE_OF_CACHE / (BUCKET_WORDS * 4);
  }

  /** Bytes that it takes. */
  get bytes(): number {
    return this.#words.byteLength;
  }

  /** A number for a tree whose leaves are to be found by hash; no frame is marked with it yet. */
  nextTreeId(): number {
    return ++this.#trees;
  }

  /** The frame of the leaf that holds a key of a tree, with `slot` and `cell`; or -1, where a descent has to tell. */
  find(treeId: number, key: Uint8Array, length: number): number {
    const hash = hashKey(treeId, key, length);
    this.#hash = hash;
    const words = this.#words;
    const bucket = (hash & this.#bucketMask) * BUCKET_WORDS;
    const tag = hash >>> 16;
    const first = words[bucket + 1];
    if (first >>> 16 === tag) {
      const frame = this.#check(treeId, words[bucket], first & 0xffff, key, length);
      if (frame >= 0) return frame;
    }
    const second = words[bucket + 3];
    return second >>> 16 === tag ? this.#check(treeId, words[bucket + 2], second & 0xffff, key, length) : -1;
  }

  /** Whether the slot that a hint names holds the key, in a leaf of the tree. */
  #check(treeId: number, place: number, cellOffset: number, key: Uint8Array, length: number): number {
    const cache = this.#cache;
    const frame = place >>> this.#slotBits;
    if (cache.leafOf[frame] !== treeId) return -1;
    const views = cache.chunks[frame >>> cache.shift];
    const base = (frame & cache.mask) * cache.pageSize;
    const slotAt = base + (place & this.#slotMask) * 4;
    const cell = base + cellOffset;
    // First of all, because this line of memory need not wait for those of the header and the slot.
    const stored = views.u8[cell] | (views.u8[cell + 1] << 8);
    if (!holdsKey(views, base, slotAt, cellOffset, key, length)) return -1;
    cache.fetches++;
    cache.referenced[frame] = 1;
    this.slot = (slotAt - slotsAt(views, base)) >>> 3;
    this.cell = cell;
    this.length = stored & ~ON_EXTENTS;
    this.at = cell + LEAF_CELL_BYTES + Math.max(0, length - prefixLength(views, base) - HEAD_BYTES);
    return frame;
  }

  /** Notes where a descent found the key that `find` was asked for last. */
  note(treeId: number, frame: number, slot: number): void {
    const cache = this.#cache;
    if (frame >= this.#mostFrames) return;
    if (this.#noted > this.#bucketMask) this.#grow();
    const views = cache.chunks[frame >>> cache.shift];
    const base = (frame & cache.mask) * cache.pageSize;
    const slotAt = slotsAt(views, base) + slot * SLOT_BYTES;
    const words = this.#words;
    const bucket = (this.#hash & this.#bucketMask) * BUCKET_WORDS;
    const tag = this.#hash >>> 16;
    if (words[bucket + 1] >>> 16 !== tag) {
      words[bucket + 2] = words[bucket];
      words[bucket + 3] = words[bucket + 1];
      this.#noted++;
    }
    words[bucket] = frame * 2 ** this.#slotBits + (slotAt - base) / 4;
    words[bucket + 1] = (tag << 16) | views.u16[(slotAt + 4) >>> 1];
    cache.leafOf[frame] = treeId;
  }

  /** Doubles the table. An entry has the upper half of its hash: from 2^16 buckets on that tells where it goes. */
  #grow(): void {
    const before = this.#words;
    const buckets = this.#bucketMask + 1;
    const grown = Math.max(FIRST_BUCKETS, buckets * 2);
    this.#noted = 0;
    if (grown > this.#mostBuckets) return;
    this.#bucketMask = grown - 1;
    this.#words = new Uint32Array(grown * BUCKET_WORDS);
    if (buckets < 2 ** TAG_BITS) return;
    for (let at = 0; at < before.length; at += ENTRY_WORDS) {
      if (before[at + 1] === 0) continue;
      const moves = ((before[at + 1] >>> TAG_BITS) & (buckets >>> TAG_BITS)) !== 0;
      const to = at + (moves ? before.length : 0);
      this.#words[to] = before[at];
      this.#words[to + 1] = before[at + 1];
      this.#noted++;
    }
  }
}

/** Whether there is a slot at `slotAt` whose cell is at `cellOffset` and whose key is this one. */
function holdsKey(
  views: PageViews,
  base: number,
  slotAt: number,
  cellOffset: number,
  key: Uint8Array,
  length: number,
): boolean {
  const { u8, u16, u32 } = views;
  if (u16[(slotAt + 4) >>> 1] !== cellOffset) return false;
  const prefix = u16[(base + PREFIX_LENGTH) >>> 1];
  if (u16[(slotAt + 6) >>> 1] !== length - prefix) return false;
  if (u32[slotAt >>> 2] !== headOf(key, prefix)) return false;
  const tail = base + cellOffset + LEAF_CELL_BYTES - prefix - HEAD_BYTES;
  for (let i = prefix + HEAD_BYTES; i < length; i++) if (u8[tail + i] !== key[i]) return false;
  const prefixAt = base + HEADER_BYTES;
  for (let i = 0; i < prefix; i++) if (u8[prefixAt + i] !== key[i]) return false;
  // The bytes of a removed slot may still be there, and those of a prefix or a cell may look like one.
  const offset = slotAt - prefixAt - ((prefix + 3) & ~3);
  return offset >= 0 && (offset & (SLOT_BYTES - 1)) === 0 && offset < u16[(base + COUNT) >>> 1] * SLOT_BYTES;
}

/** The key is padded. */
function hashKey(treeId: number, key: Uint8Array, length: number): number {
  let hash = treeId;
  for (let i = 0; i < length; i += 4) {
    hash = Math.imul(hash ^ (key[i] | (key[i + 1] << 8) | (key[i + 2] << 16) | (key[i + 3] << 24)), MIX);
    hash ^= hash >>> 15;
  }
  hash = Math.imul(hash ^ length, MIX);
  return (hash ^ (hash >>> 13)) >>> 0;
}
