/**
 * The leaves of a tree in a key range, in key order, without looking at their entries.
 *
 * Guarantees: a step is one look at the branch above and one at the head of the leaf; it allocates nothing, and goes
 * down from the root only where the next leaf has another parent or the parent has left the cache. A leaf of which the
 * range leaves nothing is passed over. The pages of the tree must be retained meanwhile: this is for committed trees
 * that a view holds, and not for the tree of a write transaction.
 */
import { LEAF } from "../pager/page.js";
import { pointerCrc, pointerPage } from "../pager/page-pointer.js";
import type { PageReader } from "../pager/page-reader.js";
import type { Bounds } from "./cursor.js";
import { cellAt, childSlot, nodeCount, search } from "./node.js";
import { MAX_DEPTH, requireLevel, type Tree } from "./tree.js";

/** In place of a slot: that to which the lower bound leads. */
const LOWER = -1;

export class LeafWalk {
  /** The current leaf, and which of its slots are in the range; the frame is valid until the next page is loaded. */
  frame = -1;
  first = 0;
  end = 0;

  readonly #tree: Tree;
  readonly #reader: PageReader;
  readonly #bounds: Bounds;
  /** By level, which child the walk is in. */
  readonly #slots: number[] = new Array<number>(MAX_DEPTH).fill(LOWER);
  /** The branch above the current leaf: where it is, how many children it has, which is the last in the range. */
  #branch = -1;
  #branchPage = 0;
  #children = 0;
  #lastChild = 0;
  #started = false;
  #ended = false;

  constructor(tree: Tree, reader: PageReader, bounds: Bounds) {
    this.#tree = tree;
    this.#reader = reader;
    this.#bounds = bounds;
    this.#ended = tree.depth === 0;
  }

  /**
   * Moves to the next leaf of the range. Returns false at its end.
   *
   * @throws LlmdbError `LLMDB_CORRUPT`
   */
  next(): boolean {
    while (!this.#ended) {
      this.#step();
      if (this.end > this.first) return true;
    }
    return false;
  }

  /** Moves on by one leaf, of which the range may leave nothing. */
  #step(): void {
    if (this.#tree.depth < 2) {
      this.#ended = true;
      this.#enter(this.#root(), true, true);
      return;
    }
    const cache = this.#reader.cache;
    let isFirst = false;
    if (this.#started && this.#slots[1] < this.#lastChild) {
      this.#slots[1]++;
      if (!cache.holds(this.#branch, this.#branchPage)) this.#descend();
    } else {
      isFirst = !this.#started;
      if (this.#started && !this.#turn()) {
        this.first = this.end = 0;
        return;
      }
      this.#started = true;
      this.#descend();
    }
    const views = cache.chunks[this.#branch >>> cache.shift];
    const cell = cellAt(views, (this.#branch & cache.mask) * cache.pageSize, this.#slots[1]);
    // Beyond it where the upper bound is below the lower one.
    const isLast = this.#slots[1] >= this.#lastChild;
    cache.fetches++;
    this.#enter(this.#reader.fetch(pointerPage(views, cell), pointerCrc(views, cell)), isFirst, isLast);
  }

  /** Takes the next branch above leaves. Returns false where the range has no more. */
  #turn(): boolean {
    // The upper bound led to a child that is not the last: what follows is after it.
    if (this.#lastChild < this.#children - 1) return this.#end();
    const cache = this.#reader.cache;
    let turning = 0;
    let frame = this.#root();
    for (let level = this.#tree.depth - 1; level > 1; level--) {
      if (this.#slots[level] + 1 < nodeCount(cache.views(frame), cache.base(frame))) turning = level;
      if (level > 2) frame = this.#child(frame, this.#slots[level]);
    }
    if (turning === 0) return this.#end();
    this.#slots[turning]++;
    for (let level = 1; level < turning; level++) this.#slots[level] = 0;
    return true;
  }

  #end(): boolean {
    this.#ended = true;
    return false;
  }

  /** Goes from the root to the branch above the leaf that the slots lead to. */
  #descend(): void {
    const cache = this.#reader.cache;
    const { lower, lowerLength, upper, upperLength } = this.#bounds;
    let page = this.#tree.root.page;
    let frame = this.#root();
    for (let level = this.#tree.depth - 1; ; level--) {
      requireLevel(cache, frame, level);
      const views = cache.views(frame);
      const base = cache.base(frame);
      if (this.#slots[level] === LOWER) {
        this.#slots[level] = lower === null ? 0 : childSlot(views, base, lower, lowerLength);
      }
      if (level === 1) {
        this.#branch = frame;
        this.#branchPage = page;
        this.#children = nodeCount(views, base);
        this.#lastChild = upper === null ? this.#children - 1 : childSlot(views, base, upper, upperLength);
        return;
      }
      page = pointerPage(views, cellAt(views, base, this.#slots[level]));
      frame = this.#child(frame, this.#slots[level]);
    }
  }

  #root(): number {
    const { root } = this.#tree;
    this.#reader.cache.fetches++;
    return this.#reader.fetch(root.page, root.crc);
  }

  #child(frame: number, slot: number): number {
    const cache = this.#reader.cache;
    const views = cache.views(frame);
    const cell = cellAt(views, cache.base(frame), slot);
    cache.fetches++;
    return this.#reader.fetch(pointerPage(views, cell), pointerCrc(views, cell));
  }

  /** Makes a leaf the current one; the bounds can cut only the first leaf, and those at the end of a branch. */
  #enter(frame: number, isFirst: boolean, isLast: boolean): void {
    const cache = this.#reader.cache;
    const views = cache.chunks[frame >>> cache.shift];
    const base = (frame & cache.mask) * cache.pageSize;
    // Type, level and count are the first four bytes: one read of memory that is often not in the processor's cache.
    const head = views.u32[base >>> 2];
    if ((head & 0xffff) !== LEAF) requireLevel(cache, frame, 0);
    const { lower, lowerLength, upper, upperLength } = this.#bounds;
    this.frame = frame;
    this.first = 0;
    this.end = head >>> 16;
    if (isFirst && lower !== null) this.first = slotAtOrAbove(search(views, base, lower, lowerLength));
    if (!isLast || upper === null) return;
    this.end = slotAtOrAbove(search(views, base, upper, upperLength));
    if (this.end < head >>> 16) this.#ended = true;
  }
}

function slotAtOrAbove(found: number): number {
  return found < 0 ? ~found : found;
}
