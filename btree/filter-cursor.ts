/**
 * A cursor over those entries of a key range whose fields are within limits, forward or in reverse: it goes down only
 * to children whose bounds say that something below may match.
 *
 * Guarantees: it gives exactly the matching entries, in order; a step allocates nothing; a page that was evicted is
 * fetched again. It needs no registration: where the tree has changed since the last step, it goes on behind (in
 * reverse: before) the key that it gave out last. A branch whose cells have another form than the tree's is damage.
 */

import { compareBytes } from "../pager/bytes.js";
import { assertInvariant, LlmdbError } from "../pager/error.js";
import type { PageViews } from "../pager/page.js";
import { pointerCrc, pointerPage } from "../pager/page-pointer.js";
import type { PageReader } from "../pager/page-reader.js";
import { boundBytes, withinLimits } from "./bounds.js";
import type { Bounds } from "./cursor.js";
import { KEY_PADDING, keyBuffer, padKey } from "./key-bytes.js";
import { cellAt, childSlot, copyKey, maxKeyBytes, nodeCount, requireBoundBytes, search } from "./node.js";
import { boundsAt, fieldOutside, WITHIN } from "./node-bounds.js";
import { MAX_DEPTH, requireLevel, type Tree } from "./tree.js";

const NOWHERE = -1;
/** No field that leaps; different from every field, and from none. */
const NO_LEAP = -2;
const UNKNOWN = -3;
const LEAP_AFTER = 4;

/** The upper bound of a range may be a byte longer than a key. */
function mostBytes(reader: PageReader): number {
  return maxKeyBytes(reader.cache.pageSize) + 1;
}

export class FilterCursor {
  /** Frame and slot of the current entry; valid until the next call that may load a page. */
  frame = NOWHERE;
  slot = 0;
  /** Entries that the last step looked at. */
  passed = 0;

  #tree: Tree;
  #reader: PageReader;
  #range: Bounds;
  #limits: Uint8Array;
  #reverse: boolean;
  #step: 1 | -1;
  /** By level: the path to the current leaf, the slot taken in each node, and where the range ends in that node. */
  readonly #frames: number[] = new Array<number>(MAX_DEPTH).fill(NOWHERE);
  readonly #pages: number[] = new Array<number>(MAX_DEPTH).fill(0);
  readonly #slots: number[] = new Array<number>(MAX_DEPTH).fill(0);
  readonly #ends: number[] = new Array<number>(MAX_DEPTH).fill(0);
  /** The key that was given out last; a negative length before the first. */
  #last: Uint8Array;
  #lastLength = NOWHERE;
  /** Where `seek` wants to go on; a negative length for nowhere. */
  #target: Uint8Array;
  #targetLength = NOWHERE;
  #leapField = NO_LEAP;
  #leapTarget: Uint8Array;
  /** The change of the tree that the path is of; `NOWHERE` while the path is not whole. */
  #changes = NOWHERE;
  /** The level at which `#find` goes on. */
  #level = 0;
  #ended = false;

  /**
   * @param range its bounds are not copied
   * @param limits one for each field of the tree, in their order, back to back; not copied
   * @param leapField the index of a field of the key that keeps the greatest, by which the entries with equal bytes
   * before it are ordered, as no key begins another: what is below its limit is passed over in one step, forward
   */
  constructor(
    tree: Tree,
    reader: PageReader,
    range: Bounds,
    limits: Uint8Array,
    reverse: boolean,
    leapField = NO_LEAP,
  ) {
    this.#tree = tree;
    this.#reader = reader;
    this.#range = range;
    this.#limits = limits;
    this.#reverse = reverse;
    this.#step = reverse ? -1 : 1;
    const keyBytes = mostBytes(reader);
    this.#last = keyBuffer(keyBytes);
    this.#target = keyBuffer(keyBytes);
    this.#leapTarget = keyBuffer(keyBytes);
    this.#leapField = leapField;
    this.begin(tree, reader, range, limits, reverse);
  }

  /** Begins again, as a new cursor would, without making one. */
  begin(tree: Tree, reader: PageReader, range: Bounds, limits: Uint8Array, reverse: boolean): void {
    // What an empty map keeps bounds of is declared by its first entry.
    if (tree.depth > 0 && limits.length !== boundBytes(tree.bounds)) {
      throw new LlmdbError(
        "LLMDB_INVALID_ARGUMENT",
        "a filter takes one limit for each field of its map, in full length",
      );
    }
    this.#tree = tree;
    this.#reader = reader;
    this.#range = range;
    this.#limits = limits;
    this.#reverse = reverse;
    this.#step = reverse ? -1 : 1;
    const keyBytes = mostBytes(reader);
    if (this.#last.length < keyBytes + KEY_PADDING) {
      this.#last = keyBuffer(keyBytes);
      this.#target = keyBuffer(keyBytes);
      this.#leapTarget = keyBuffer(keyBytes);
    }
    this.#lastLength = NOWHERE;
    this.#targetLength = NOWHERE;
    this.#changes = NOWHERE;
    this.#ended = false;
    this.frame = NOWHERE;
  }

  /** Moves to the next matching entry of the range (the previous one, in reverse). Returns false at the end. */
  next(): boolean {
    if (this.#ended) return false;
    this.passed = 0;
    const found = this.#advance() && this.#find();
    if (!found) this.#ended = true;
    else this.#noteEntry();
    return found;
  }

  /** Forward only: goes on at the first matching entry at or above a key, unless it is there or further already. */
  seek(key: Uint8Array, length: number): void {
    assertInvariant(!this.#reverse && length + KEY_PADDING <= this.#target.length, "only a cursor forward seeks a key");
    const { lower, lowerLength } = this.#range;
    if (this.#lastLength >= 0) {
      if (compareBytes(key, 0, length, this.#last, 0, this.#lastLength) <= 0) return;
    } else if (lower !== null && compareBytes(key, 0, length, lower, 0, lowerLength) <= 0) return;
    const target = this.#target;
    if (this.#targetLength >= 0 && compareBytes(key, 0, length, target, 0, this.#targetLength) <= 0) return;
    for (let i = 0; i < length; i++) target[i] = key[i];
    padKey(target, length);
    this.#targetLength = length;
  }

  /** Goes to the first place that is to be looked at. Returns false where there is none. */
  #advance(): boolean {
    const tree = this.#tree;
    const isStale = this.#changes !== tree.changes;
    this.#changes = NOWHERE;
    if (tree.depth === 0) return false;
    if (this.#targetLength >= 0) {
      const length = this.#targetLength;
      if (isStale || !this.#seekInLeaf(length)) this.#descend(this.#target, length, false);
    } else if (!isStale) {
      this.#frameAt(0);
      this.#slots[0] += this.#step;
      this.#level = 0;
    } else if (this.#lastLength >= 0) {
      padKey(this.#last, this.#lastLength);
      this.#descend(this.#last, this.#lastLength, true);
    } else this.#start();
    return true;
  }

  #start(): void {
    const { lower, lowerLength, upper, upperLength } = this.#range;
    const key = this.#reverse ? upper : lower;
    if (key !== null) this.#descend(key, this.#reverse ? upperLength : lowerLength, false);
    else {
      this.#level = this.#tree.depth - 1;
      this.#enter(this.#level, this.#fetchRoot());
      this.#toFirstSlot(this.#level);
    }
  }

  /** Stands at a key that lies within the current leaf, if it does and there is one. */
  #seekInLeaf(length: number): boolean {
    const { cache } = this.#reader;
    const frame = this.#frameAt(0);
    const found = search(cache.views(frame), cache.base(frame), this.#target, length);
    const slot = found < 0 ? ~found : found;
    if (slot === nodeCount(cache.views(frame), cache.base(frame))) return false;
    this.#slots[0] = slot;
    this.#level = 0;
    return true;
  }

  /**
   * Goes down towards a key, as far as bounds allow, and stops at it or at the first larger one; with `isPast` only at
   * a larger one. In reverse it stops at the last smaller one.
   */
  #descend(key: Uint8Array, length: number, isPast: boolean): void {
    const { cache } = this.#reader;
    let level = this.#tree.depth - 1;
    let frame = this.#fetchRoot();
    for (; level > 0; level--) {
      this.#enter(level, frame);
      this.#slots[level] = childSlot(cache.views(frame), cache.base(frame), key, length);
      if (!this.#mayMatch(level)) {
        this.#level = level;
        return;
      }
      frame = this.#fetchChild(level);
    }
    this.#enter(0, frame);
    const found = search(cache.views(frame), cache.base(frame), key, length);
    const slot = found < 0 ? ~found : found;
    if (this.#reverse) this.#slots[0] = slot - 1;
    else this.#slots[0] = isPast && found >= 0 ? slot + 1 : slot;
    this.#level = 0;
  }

  /** Looks from the place it is at for the next match, up and down the tree. */
  #find(): boolean {
    const top = this.#tree.depth;
    let level = this.#level;
    while (level < top) {
      if (!this.#scan(level)) {
        level++;
        if (level < top) this.#slots[level] += this.#step;
      } else if (level === 0) return true;
      else {
        const child = this.#fetchChild(level);
        level--;
        this.#enter(level, child);
        this.#toFirstSlot(level);
      }
    }
    return false;
  }

  /** Moves within a node to the next slot that matches, or may. Returns false where the range ends or the node does. */
  #scan(level: number): boolean {
    const { cache } = this.#reader;
    const frame = this.#frameAt(level);
    const views = cache.views(frame);
    const base = cache.base(frame);
    const fields = this.#tree.bounds;
    if (level === 0 && !this.#reverse && this.#ends[0] === UNKNOWN && this.#answersAtOnce(views, base)) return true;
    const end = this.#endOf(level);
    const step = this.#step;
    let slot = this.#slots[level];
    let below = 0;
    for (; (end - slot) * step > 0; slot += step) {
      if (level > 0) {
        if (!withinLimits(fields, views.u8, boundsAt(views, base, slot), this.#limits)) continue;
      } else {
        const outside = fieldOutside(fields, views, base, slot, this.#limits);
        this.passed++;
        // A few entries are passed sooner one by one.
        if (outside === this.#leapField && step === 1 && ++below > LEAP_AFTER) {
          slot = this.#leap(views, base, slot) - 1;
          below = 0;
        }
        if (outside !== WITHIN) continue;
      }
      this.#slots[level] = slot;
      return true;
    }
    this.#slots[level] = slot;
    return false;
  }

  /** The first slot of a leaf at or after the place where the field that leaps reaches its limit. */
  #leap(views: PageViews, base: number, slot: number): number {
    const fields = this.#tree.bounds;
    const { offset, bytes } = fields[this.#leapField];
    let passed = 0;
    for (let i = 0; i < this.#leapField; i++) passed += fields[i].bytes;
    const target = this.#leapTarget;
    const at = copyKey(views, base, slot, target) - offset;
    for (let i = 0; i < bytes; i++) target[at + i] = this.#limits[passed + i];
    padKey(target, at + bytes);
    const found = search(views, base, target, at + bytes);
    return found < 0 ? ~found : found;
  }

  /** Whether something may match below the slot taken in a branch that was just entered. */
  #mayMatch(level: number): boolean {
    const { cache } = this.#reader;
    const frame = this.#frames[level];
    const views = cache.views(frame);
    const at = boundsAt(views, cache.base(frame), this.#slots[level]);
    return withinLimits(this.#tree.bounds, views.u8, at, this.#limits);
  }

  #toFirstSlot(level: number): void {
    const { cache } = this.#reader;
    const frame = this.#frames[level];
    this.#slots[level] = this.#reverse ? nodeCount(cache.views(frame), cache.base(frame)) - 1 : 0;
  }

  /** Takes a node into the path, once it is the kind of node that belongs there. */
  #enter(level: number, frame: number): void {
    const { cache } = this.#reader;
    requireLevel(cache, frame, level);
    const views = cache.views(frame);
    const base = cache.base(frame);
    if (level > 0) requireBoundBytes(views, base, this.#limits.length);
    this.#frames[level] = frame;
    this.#ends[level] = UNKNOWN;
  }

  /** Looks up where the range ends in a node of the path; most questions are answered before that matters. */
  #endOf(level: number): number {
    const known = this.#ends[level];
    if (known !== UNKNOWN) return known;
    const { cache } = this.#reader;
    const frame = this.#frameAt(level);
    const views = cache.views(frame);
    const base = cache.base(frame);
    const { lower, lowerLength, upper, upperLength } = this.#range;
    const key = this.#reverse ? lower : upper;
    const length = this.#reverse ? lowerLength : upperLength;
    let end = this.#reverse ? -1 : nodeCount(views, base);
    if (key !== null && level > 0) end = childSlot(views, base, key, length) + this.#step;
    else if (key !== null) {
      const found = search(views, base, key, length);
      end = (found < 0 ? ~found : found) - (this.#reverse ? 1 : 0);
    }
    this.#ends[level] = end;
    return end;
  }

  /** Whether the entry stood at answers, when it is not known yet where the range ends. */
  #answersAtOnce(views: PageViews, base: number): boolean {
    const slot = this.#slots[0];
    if (slot < 0 || slot >= nodeCount(views, base)) return false;
    if (fieldOutside(this.#tree.bounds, views, base, slot, this.#limits) !== WITHIN) return false;
    const { upper, upperLength } = this.#range;
    if (upper === null) return true;
    const length = copyKey(views, base, slot, this.#last);
    return compareBytes(this.#last, 0, length, upper, 0, upperLength) < 0;
  }

  /** The frame of the path at a level, fetched again where it was evicted. */
  #frameAt(level: number): number {
    const frame = this.#frames[level];
    if (this.#reader.cache.holds(frame, this.#pages[level])) return frame;
    const again = level === this.#tree.depth - 1 ? this.#fetchRoot() : this.#fetchChild(level + 1);
    this.#frames[level] = again;
    return again;
  }

  #fetchRoot(): number {
    const { root, depth } = this.#tree;
    this.#reader.cache.fetches++;
    this.#pages[depth - 1] = root.page;
    return this.#reader.fetch(root.page, root.crc);
  }

  /** The frame of the child in the slot taken at a level. */
  #fetchChild(level: number): number {
    const { cache } = this.#reader;
    const frame = this.#frameAt(level);
    const views = cache.views(frame);
    const cell = cellAt(views, cache.base(frame), this.#slots[level]);
    cache.fetches++;
    this.#pages[level - 1] = pointerPage(views, cell);
    return this.#reader.fetch(this.#pages[level - 1], pointerCrc(views, cell));
  }

  #noteEntry(): void {
    const { cache } = this.#reader;
    this.frame = this.#frames[0];
    this.slot = this.#slots[0];
    this.#lastLength = copyKey(cache.views(this.frame), cache.base(this.frame), this.slot, this.#last);
    this.#targetLength = NOWHERE;
    this.#changes = this.#tree.changes;
  }
}
