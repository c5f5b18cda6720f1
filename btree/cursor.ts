/**
 * A cursor over the keys of a tree in a half-open range [lower, upper), forward or in reverse.
 *
 * Guarantees: moving within a leaf compares two integers and allocates nothing; the bound is looked up once per leaf. A
 * cursor on a snapshot or a committed tree relies on its pages being retained. A cursor on the tree of a write
 * transaction survives writes: it notes its key before the tree changes and goes on behind (in reverse: before) that
 * key, so that it sees what is written ahead of it.
 */

import { COUNT } from "../pager/page.js";
import { pointerCrc, pointerEntries, pointerPage } from "../pager/page-pointer.js";
import type { PageReader } from "../pager/page-reader.js";
import { padKey } from "./key-bytes.js";
import { cellAt, childSlot, copyKey, nodeCount, search } from "./node.js";
import { MAX_DEPTH, type Place, rank, requireLevel, type Tree } from "./tree.js";

/** A key range as bytes: `lower` inclusive, `upper` exclusive; null is open. Each bound is padded. */
export interface Bounds {
  lower: Uint8Array | null;
  lowerLength: number;
  upper: Uint8Array | null;
  upperLength: number;
}

/** How many keys are in a range, in O(log n). */
export function countRange(tree: Tree, reader: PageReader, bounds: Bounds): number {
  const from = bounds.lower === null ? 0 : rank(tree, reader, bounds.lower, bounds.lowerLength);
  const to = bounds.upper === null ? tree.root.entries : rank(tree, reader, bounds.upper, bounds.upperLength);
  return Math.max(0, to - from);
}

const NOWHERE = -1;

export class Cursor implements Place {
  /** Frame and slot of the current entry; valid until the next call that may load a page. */
  frame = NOWHERE;
  slot = 0;
  /** Counts the leaves that were entered: while it stays, the entries are on one leaf that has not changed. */
  leaves = 0;

  readonly #tree: Tree;
  readonly #reader: PageReader;
  readonly #bounds: Bounds;
  readonly #reverse: boolean;
  /** By level. A plain array: a typed one costs more to make than most range reads take. */
  readonly #slots: number[] = new Array<number>(MAX_DEPTH).fill(0);
  #page = 0;
  /** Forward: one past the last slot of this leaf in the range. Reverse: the first. */
  #stop = 0;
  #started = false;
  #ended = false;
  #saved: Uint8Array | null = null;
  #savedLength = 0;
  #isSaved = false;
  /** The noted key has not been given out yet. */
  #savedIsNext = false;

  constructor(tree: Tree, reader: PageReader, bounds: Bounds, reverse: boolean) {
    this.#tree = tree;
    this.#reader = reader;
    this.#bounds = bounds;
    this.#reverse = reverse;
  }

  /** Moves to the next entry of the range (the previous one, in reverse). Returns false at its end. */
  next(): boolean {
    if (this.#isSaved || !this.#started || this.#ended) return this.#nextSlowly();
    if (!this.#reader.cache.holds(this.frame, this.#page)) this.#walk();
    if (this.#reverse) return --this.slot >= this.#stop || this.#previousLeaf();
    return ++this.slot < this.#stop || this.#nextLeaf();
  }

  /** Skips the first `entries` entries of the range in O(log n). Only before the first `next`. */
  skip(entries: number): void {
    const tree = this.#tree;
    const { lower, lowerLength, upper, upperLength } = this.#bounds;
    const from = lower === null ? 0 : rank(tree, this.#reader, lower, lowerLength);
    const to = upper === null ? tree.root.entries : rank(tree, this.#reader, upper, upperLength);
    this.#started = true;
    this.#ended = entries >= to - from;
    if (this.#ended) return;
    this.#findIndex(this.#reverse ? to - 1 - entries : from + entries);
    this.saveKey();
    this.#savedIsNext = true;
  }

  /** Notes the current key, because the tree is about to change. */
  saveKey(): void {
    if (this.#isSaved || !this.#started || this.#ended) return;
    const cache = this.#reader.cache;
    if (!cache.holds(this.frame, this.#page)) this.#walk();
    this.#saved ??= new Uint8Array(cache.pageSize);
    this.#noteSaved(copyKey(cache.views(this.frame), cache.base(this.frame), this.slot, this.#saved), false);
  }

  #noteSaved(length: number, isNext: boolean): void {
    if (this.#saved !== null) padKey(this.#saved, length);
    this.#savedLength = length;
    this.#savedIsNext = isNext;
    this.#isSaved = true;
  }

  #nextSlowly(): boolean {
    if (this.#ended) return false;
    if (this.#isSaved) return this.#resume();
    this.#started = true;
    if (this.#tree.depth === 0) return this.#end();
    const { lower, lowerLength, upper, upperLength } = this.#bounds;
    if (this.#reverse) {
      if (upper === null) this.#findEnd(LAST);
      else {
        this.#find(upper, upperLength);
        this.slot--;
      }
      return this.slot >= this.#stop || this.#previousLeaf();
    }
    if (lower === null) this.#findEnd(0);
    else this.#find(lower, lowerLength);
    return this.slot < this.#stop || this.#nextLeaf();
  }

  /** Goes on after the key that was noted, or with it. */
  #resume(): boolean {
    const saved = this.#saved;
    this.#isSaved = false;
    if (saved === null || this.#tree.depth === 0) return this.#end();
    const exact = this.#find(saved, this.#savedLength);
    if (exact && this.#savedIsNext) return true;
    if (this.#reverse) return --this.slot >= this.#stop || this.#previousLeaf();
    if (exact) this.slot++;
    return this.slot < this.#stop || this.#nextLeaf();
  }

  #end(): boolean {
    this.#ended = true;
    return false;
  }

  /**
   * Stands at the slot of a key, or of the first larger one; it may be one past the leaf. Returns whether it is there.
   */
  #find(key: Uint8Array, length: number): boolean {
    const cache = this.#reader.cache;
    let frame = this.#root();
    for (let level = this.#tree.depth - 1; level > 0; level--) {
      const slot = childSlot(cache.views(frame), cache.base(frame), key, length);
      this.#slots[level] = slot;
      frame = this.#child(frame, slot);
    }
    this.#enter(frame);
    const found = search(cache.views(frame), cache.base(frame), key, length);
    this.slot = found < 0 ? ~found : found;
    return found >= 0;
  }

  /** Stands at the first entry of the tree (slot 0 all the way) or at the last. Entry counts play no part in it. */
  #findEnd(slot: 0 | typeof LAST): void {
    this.#slots.fill(slot);
    this.#walk();
    const cache = this.#reader.cache;
    this.slot = slot === 0 ? 0 : nodeCount(cache.views(this.frame), cache.base(this.frame)) - 1;
  }

  /** Goes to the entry with this number of entries before it. */
  #findIndex(index: number): void {
    const cache = this.#reader.cache;
    let before = index;
    let frame = this.#root();
    for (let level = this.#tree.depth - 1; level > 0; level--) {
      const views = cache.views(frame);
      const base = cache.base(frame);
      const last = nodeCount(views, base) - 1;
      let slot = 0;
      for (; slot < last; slot++) {
        const entries = pointerEntries(views, cellAt(views, base, slot));
        if (before < entries) break;
        before -= entries;
      }
      this.#slots[level] = slot;
      frame = this.#child(frame, slot);
    }
    this.#enter(frame);
    this.slot = Math.min(before, nodeCount(cache.views(frame), cache.base(frame)) - 1);
  }

  #nextLeaf(): boolean {
    const cache = this.#reader.cache;
    if (this.#stop < nodeCount(cache.views(this.frame), cache.base(this.frame))) return this.#end();
    const level = this.#turningLevel(1);
    if (level === 0) return this.#end();
    this.#slots[level]++;
    for (let below = 1; below < level; below++) this.#slots[below] = 0;
    this.#walk();
    this.slot = 0;
    return this.slot < this.#stop || this.#end();
  }

  #previousLeaf(): boolean {
    if (this.#stop > 0) return this.#end();
    const level = this.#turningLevel(-1);
    if (level === 0) return this.#end();
    this.#slots[level]--;
    for (let below = 1; below < level; below++) this.#slots[below] = LAST;
    this.#walk();
    const cache = this.#reader.cache;
    this.slot = nodeCount(cache.views(this.frame), cache.base(this.frame)) - 1;
    return this.slot >= this.#stop || this.#end();
  }

  /** The lowest level whose branch has a child one step on, or 0. */
  #turningLevel(step: 1 | -1): number {
    const cache = this.#reader.cache;
    let turning = 0;
    let frame = this.#root();
    for (let level = this.#tree.depth - 1; level > 0; level--) {
      const slot = this.#slots[level] + step;
      if (slot >= 0 && slot < nodeCount(cache.views(frame), cache.base(frame))) turning = level;
      if (level > 1) frame = this.#child(frame, this.#slots[level]);
    }
    return turning;
  }

  /** Walks from the root to the leaf that the slots lead to. */
  #walk(): void {
    const cache = this.#reader.cache;
    let frame = this.#root();
    for (let level = this.#tree.depth - 1; level > 0; level--) {
      if (this.#slots[level] === LAST) this.#slots[level] = nodeCount(cache.views(frame), cache.base(frame)) - 1;
      frame = this.#child(frame, this.#slots[level]);
    }
    this.#enter(frame);
  }

  #root(): number {
    const cache = this.#reader.cache;
    cache.fetches += this.#tree.depth;
    return this.#reader.fetch(this.#tree.root.page, this.#tree.root.crc);
  }

  #child(frame: number, slot: number): number {
    const cache = this.#reader.cache;
    const views = cache.views(frame);
    const cell = cellAt(views, cache.base(frame), slot);
    this.#page = pointerPage(views, cell);
    return this.#reader.fetch(this.#page, pointerCrc(views, cell));
  }

  /** Makes a leaf the current one and looks up where the range ends in it. */
  #enter(frame: number): void {
    const cache = this.#reader.cache;
    if (this.#tree.depth === 1) this.#page = this.#tree.root.page;
    requireLevel(cache, frame, 0);
    this.frame = frame;
    this.leaves++;
    const views = cache.views(frame);
    const base = cache.base(frame);
    const { lower, lowerLength, upper, upperLength } = this.#bounds;
    if (this.#reverse) {
      const found = lower === null ? 0 : search(views, base, lower, lowerLength);
      this.#stop = found < 0 ? ~found : found;
    } else {
      const found = upper === null ? views.u16[(base + COUNT) >>> 1] : search(views, base, upper, upperLength);
      this.#stop = found < 0 ? ~found : found;
    }
  }
}

/** In place of a slot: the last one of its branch. */
const LAST = 0x7fffffff;
