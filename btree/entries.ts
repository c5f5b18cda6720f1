/**
 * Single entries: put and remove. Guarantees: a change copies the pages of one path (through the `PageOwner`) and
 * touches nothing else; where it throws before the first page is touched, nothing has happened.
 */
import { copyBytes } from "../pager/bytes.js";
import { headerPage, type PageViews } from "../pager/page.js";
import { MAX_BOUND_BYTES, requireFields } from "./bounds.js";
import { rebalance } from "./merge.js";
import { cellAt, isOnExtents, maxInlineBytes, nodeCount, ON_EXTENTS, search, storedLength, valueAt } from "./node.js";
import { entryFields, isBound, refreshAlong, widenAlong } from "./node-bounds.js";
import { addDeadBytes, insertEntry, removeEntry, setStoredLength } from "./node-edit.js";
import type { PageOwner } from "./page-owner.js";
import { addEntries, isRightmost, markExtents, ownPath, Path } from "./path.js";
import { split } from "./split.js";
import { beginChange, findLeaf, setRoot, type Tree } from "./tree.js";

const path = new Path();
/** What `path` is of, as long as the last thing that was done with it was a put that changed nothing else. */
let pathTree: Tree | null = null;
let pathOwner: PageOwner | null = null;
let pathChanges = 0;
let pathTurn = 0;
/** In place of a slot: the key belongs to another leaf, or it is not known. */
const ELSEWHERE = 0x7fffffff;
const descriptor = new Uint8Array(256);
const fields = new Uint8Array(MAX_BOUND_BYTES);

/**
 * Sets the value of a key.
 *
 * @returns true where the key is new
 * @throws LlmdbError `LLMDB_INVALID_ARGUMENT` where the entry does not hold the fields that the tree keeps bounds of
 */
export function put(
  tree: Tree,
  owner: PageOwner,
  key: Uint8Array,
  length: number,
  value: Uint8Array,
  valueLength: number,
): boolean {
  const maxInline = maxInlineBytes(owner.pageSize);
  if (tree.bounds.length > 0) requireFields(tree.bounds, length, valueLength, maxInline);
  const pages = tree.extentPages;
  let stored = value;
  let storedBytes = valueLength;
  let flag = 0;
  if (valueLength > maxInline) {
    stored = descriptor;
    storedBytes = owner.storeValue(value, valueLength, descriptor);
    tree.extentPages += owner.valuePages(descriptor, 0);
    flag = ON_EXTENTS;
  }
  try {
    beginChange(tree);
    return putStored(tree, owner, key, length, stored, storedBytes, flag);
  } catch (error) {
    if (flag !== 0) owner.freeValue(descriptor, 0);
    tree.extentPages = pages;
    throw error;
  }
}

function putStored(
  tree: Tree,
  owner: PageOwner,
  key: Uint8Array,
  length: number,
  stored: Uint8Array,
  storedBytes: number,
  flag: number,
): boolean {
  const cache = owner.reader.cache;
  if (tree.depth === 0) plantRoot(tree, owner);
  entryFields(tree.bounds, key, length, stored, fields);
  let added = 1;
  let slot = searchPath(tree, owner, key, length);
  for (;;) {
    if (slot === ELSEWHERE) ownPath(tree, owner, key, length, path);
    const frame = path.frames[0];
    const views = cache.views(frame);
    const base = cache.base(frame);
    if (slot === ELSEWHERE) slot = search(views, base, key, length);
    if (slot >= 0) {
      added = 0;
      const wasBound = isBound(tree, owner, path, slot);
      if (replaceInPlace(tree, owner, views, base, slot, stored, storedBytes, flag)) {
        if (wasBound) refreshAlong(tree, owner, path);
        break;
      }
      releaseValue(tree, owner, views, base, slot);
      removeEntry(views, base, slot);
      if (wasBound) refreshAlong(tree, owner, path);
      // From here on the key counts as absent, also when the loop comes again after a split.
      addEntries(tree, owner, path, -1);
      added = 1;
      slot = ~slot;
    }
    const at = insertEntry(views, base, owner.pageSize, ~slot, key, length, storedBytes);
    if (at >= 0) {
      copyBytes(stored, 0, views.u8, at, storedBytes);
      setStoredLength(views, base, ~slot, storedBytes | flag);
      tree.lastPage = headerPage(views, base);
      tree.lastSlot = ~slot;
      break;
    }
    split(tree, owner, path, 0, ~slot, key, length);
    slot = ELSEWHERE;
  }
  if (added === 1) addEntries(tree, owner, path, 1);
  widenAlong(tree, owner, path, fields);
  if (flag !== 0) markExtents(tree, owner, path);
  keepPath(tree, owner);
  return added === 1;
}

/** Puts come in runs: the path to the leaf of one is often that of the next. */
function keepPath(tree: Tree, owner: PageOwner): void {
  pathTree = tree;
  pathOwner = owner;
  pathChanges = tree.changes;
  pathTurn = owner.turn;
}

/** The transaction is over: nothing here keeps its pages in memory. */
export function forgetPath(owner: PageOwner): void {
  if (pathOwner !== owner) return;
  pathTree = null;
  pathOwner = null;
}

/** Where a key is, or would be, in the leaf of the put before, if that leaf is the right one and still at hand. */
function searchPath(tree: Tree, owner: PageOwner, key: Uint8Array, length: number): number {
  if (pathTree !== tree || pathOwner !== owner || pathTurn !== owner.turn || pathChanges + 1 !== tree.changes) {
    return ELSEWHERE;
  }
  const cache = owner.reader.cache;
  const frame = path.frames[0];
  if (cache.isPinned(frame)) return ELSEWHERE;
  const views = cache.views(frame);
  const base = cache.base(frame);
  const slot = search(views, base, key, length);
  if (slot >= 0 || (~slot > 0 && ~slot < nodeCount(views, base))) return slot;
  return ~slot > 0 && isRightmost(tree, owner, path) ? slot : ELSEWHERE;
}

/**
 * Puts another descriptor in place of that of a value on extents, which must be there; the caller has written the
 * value. The pages of the old one are given back.
 */
export function replaceDescriptor(
  tree: Tree,
  owner: PageOwner,
  key: Uint8Array,
  length: number,
  stored: Uint8Array,
  storedBytes: number,
): void {
  tree.extentPages += owner.valuePages(stored, 0);
  beginChange(tree);
  putStored(tree, owner, key, length, stored, storedBytes, ON_EXTENTS);
}

/** Takes a key out. Nothing is copied where it is absent. Returns true where it was there. */
export function remove(tree: Tree, owner: PageOwner, key: Uint8Array, length: number): boolean {
  if (tree.depth === 0) return false;
  const cache = owner.reader.cache;
  const leaf = findLeaf(tree, owner.reader, key, length);
  if (search(cache.views(leaf), cache.base(leaf), key, length) < 0) return false;
  beginChange(tree);
  pathTree = null;
  ownPath(tree, owner, key, length, path);
  const views = cache.views(path.frames[0]);
  const base = cache.base(path.frames[0]);
  const slot = search(views, base, key, length);
  const wasBound = isBound(tree, owner, path, slot);
  releaseValue(tree, owner, views, base, slot);
  removeEntry(views, base, slot);
  if (wasBound) refreshAlong(tree, owner, path);
  addEntries(tree, owner, path, -1);
  rebalance(tree, owner, path);
  return true;
}

function plantRoot(tree: Tree, owner: PageOwner): void {
  const frame = owner.create(0);
  tree.root.entries = 0;
  tree.root.flags = 0;
  setRoot(tree, owner, frame);
  tree.depth = 1;
  tree.leafPages = 1;
}

/** Overwrites a value that is not longer than the old one. */
function replaceInPlace(
  tree: Tree,
  owner: PageOwner,
  views: PageViews,
  base: number,
  slot: number,
  stored: Uint8Array,
  storedBytes: number,
  flag: number,
): boolean {
  const before = storedLength(views, cellAt(views, base, slot));
  if (storedBytes > before) return false;
  releaseValue(tree, owner, views, base, slot);
  const at = valueAt(views, base, slot);
  copyBytes(stored, 0, views.u8, at, storedBytes);
  setStoredLength(views, base, slot, storedBytes | flag);
  addDeadBytes(views, base, at + storedBytes, before - storedBytes);
  return true;
}

/** Gives back the extents of the value in a leaf slot, if it has any. */
export function releaseValue(tree: Tree, owner: PageOwner, views: PageViews, base: number, slot: number): void {
  if (!isOnExtents(views, cellAt(views, base, slot))) return;
  tree.extentPages -= owner.freeValue(views.u8, valueAt(views, base, slot));
}
