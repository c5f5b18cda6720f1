/**
 * A B+tree as a value: its root, its depth and its counters, and finding a key from the root down. Guarantees: finding
 * allocates nothing; keys are unique and ordered by bytes. Entries are changed in `entries.ts`, ranges in `cursor.ts`
 * and `clear.ts`.
 *
 * Keys and values are bytes. Keys are padded, as `key-bytes.ts` says.
 */
import { headerPage, LEVEL } from "../pager/page.js";
import { corruptPage, type PageCache } from "../pager/page-cache.js";
import { PagePointer, PENDING, pointerCrc, pointerEntries, pointerPage } from "../pager/page-pointer.js";
import type { PageReader } from "../pager/page-reader.js";
import { type BoundFields, NO_BOUNDS } from "./bounds.js";
import type { HashIndex } from "./hash-index.js";
import { cellAt, childSlot, search } from "./node.js";
import type { PageOwner } from "./page-owner.js";

/** A place in a tree that must note its key before the tree changes under it. */
export interface Place {
  saveKey(): void;
}

/** No tree of 2^48 pages is deeper, and a damaged file must not make us go deeper. */
export const MAX_DEPTH = 24;

export class Tree {
  /** Shared by all who read this version of the tree, so that a checksum that becomes known is known to all of them. */
  root = new PagePointer();
  /** Levels of nodes; 0 for an empty tree. */
  depth = 0;
  leafPages = 0;
  branchPages = 0;
  extentPages = 0;
  /** The fields whose bounds its branches carry. */
  bounds: BoundFields = NO_BOUNDS;
  /** Counts changes, so that a cursor knows when its place is stale. */
  changes = 0;
  /** Where the last new entry went: a run of neighbours in one leaf splits it at its end instead of in the middle. */
  lastPage = 0;
  lastSlot = 0;
  /** Cursors that must note their key before the tree changes under them. */
  cursors: Set<Place> | null = null;

  /** Of a tree that is always the newest committed version: finds keys that were found before. */
  index: HashIndex | null = null;
  /** Its number there. */
  id = 0;

  /** A tree of the same version that goes its own way from here. */
  fork(): Tree {
    const tree = this.share();
    tree.root = new PagePointer();
    tree.root.copyFrom(this.root);
    return tree;
  }

  /** The same version of the tree, for a reader. */
  share(): Tree {
    const tree = new Tree();
    tree.become(this);
    return tree;
  }

  /** Turns into the same version as `other`. */
  become(other: Tree): void {
    this.root = other.root;
    this.depth = other.depth;
    this.leafPages = other.leafPages;
    this.branchPages = other.branchPages;
    this.extentPages = other.extentPages;
    this.bounds = other.bounds;
    this.lastPage = other.lastPage;
    this.lastSlot = other.lastSlot;
    this.changes++;
  }
}

/** The frame of the leaf that would hold a key. The tree must not be empty. */
export function findLeaf(tree: Tree, reader: PageReader, key: Uint8Array, length: number): number {
  const cache = reader.cache;
  const root = tree.root;
  let frame = reader.fetch(root.page, root.crc);
  cache.fetches += tree.depth;
  for (let level = tree.depth - 1; level > 0; level--) {
    const views = cache.chunks[frame >>> cache.shift];
    const base = (frame & cache.mask) * cache.pageSize;
    const cell = cellAt(views, base, childSlot(views, base, key, length));
    frame = reader.fetch(pointerPage(views, cell), pointerCrc(views, cell));
  }
  requireLevel(cache, frame, 0);
  return frame;
}

/**
 * Checks that a node is on the level that the way to it says, which no checksum tells.
 *
 * @throws LlmdbError `LLMDB_CORRUPT`
 */
export function requireLevel(cache: PageCache, frame: number, level: number): void {
  const views = cache.chunks[frame >>> cache.shift];
  const base = (frame & cache.mask) * cache.pageSize;
  if (views.u8[base + LEVEL] !== level)
    throw corruptPage(headerPage(views, base), "it is on another level of its tree");
}

/** How many keys are smaller than `key`: one descent, through the entry counts in branches. */
export function rank(tree: Tree, reader: PageReader, key: Uint8Array, length: number): number {
  if (tree.depth === 0) return 0;
  const cache = reader.cache;
  let smaller = 0;
  let frame = reader.fetch(tree.root.page, tree.root.crc);
  for (let level = tree.depth - 1; level > 0; level--) {
    const views = cache.views(frame);
    const base = cache.base(frame);
    const child = childSlot(views, base, key, length);
    for (let slot = 0; slot < child; slot++) smaller += pointerEntries(views, cellAt(views, base, slot));
    const cell = cellAt(views, base, child);
    frame = reader.fetch(pointerPage(views, cell), pointerCrc(views, cell));
  }
  requireLevel(cache, frame, 0);
  const found = search(cache.views(frame), cache.base(frame), key, length);
  return smaller + (found < 0 ? ~found : found);
}

/** Points the tree at an own root page; entries and flags stay. */
export function setRoot(tree: Tree, owner: PageOwner, frame: number): void {
  const cache = owner.reader.cache;
  tree.root.page = headerPage(cache.views(frame), cache.base(frame));
  tree.root.born = owner.tx;
  tree.root.crc = 0;
  tree.root.flags |= PENDING;
}

/** Notes places of open cursors before entries move. */
export function beginChange(tree: Tree): void {
  if (tree.cursors !== null) for (const cursor of tree.cursors) cursor.saveKey();
  tree.changes++;
}
