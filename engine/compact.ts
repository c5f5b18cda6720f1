/**
 * `compact()`: moves what lies at the end of the file into free space and cuts the file. Guarantees: it is a row of
 * transactions, so that a crash in between loses nothing and readers go on, and users are told of none of them; pages
 * that a snapshot holds stay; no page is filled up or split, and each keeps its contents.
 */

import { Cursor } from "../btree/cursor.js";
import { replaceDescriptor } from "../btree/entries.js";
import { keyBuffer, padKey } from "../btree/key-bytes.js";
import { cellAt, copyKey, isOnExtents, maxKeyBytes, valueAt } from "../btree/node.js";
import { relocateTree } from "../btree/relocate.js";
import type { Tree } from "../btree/tree.js";
import { MAX_DESCRIPTOR_BYTES, valueExtents } from "../pager/extent-value.js";
import type { Engine } from "./engine.js";
import type { WriteTransaction } from "./write-transaction.js";

/** Each pass can only use the holes that the one before has left. */
const MAX_PASSES = 16;
/** A pass may move much and leave the last page where it is: a value that finds its run free only in the next one. */
const MAX_IDLE_PASSES = 3;
/** The lists of free pages that the checkpoints of a compaction leave: a file is not made longer by them. */
const SPENT_PAGES = 3;
const descriptor = new Uint8Array(MAX_DESCRIPTOR_BYTES);
const EVERYTHING = { lower: null, lowerLength: 0, upper: null, upperLength: 0 };

export async function compactEngine(engine: Engine): Promise<{ before: number; after: number }> {
  const { store } = engine.state;
  const before = store.data.file.size();
  if (pagesToGain(engine) <= SPENT_PAGES) return { before, after: before };
  await releasePages(engine);
  for (let pass = 0, idle = 0; pass < MAX_PASSES && idle < MAX_IDLE_PASSES && store.free.pages > 0; pass++) {
    const size = store.free.end;
    const limit = size - store.free.pages;
    if (store.free.lowest >= size) break;
    const moved = await moveDown(engine, limit);
    await releasePages(engine);
    if (moved === 0) break;
    idle = store.free.end < size ? 0 : idle + 1;
  }
  store.data.shrink(Math.max(engine.state.checkpoint.pages, store.free.end));
  return { before, after: store.data.file.size() };
}

/** How many pages of the file nothing needs, or only what is about to be closed. */
function pagesToGain({ state }: Engine): number {
  const { data, free, retired, pageSize } = state.store;
  const used = free.end - free.pages - retired.pages;
  return Math.max(free.end, data.file.size() / pageSize) - used;
}

/** After two checkpoints neither meta page reaches what was freed before them; the third cuts the file. */
async function releasePages(engine: Engine): Promise<void> {
  for (let i = 0; i < 3; i++) {
    await engine.run((tx) => tx.move(), "buffered");
    await engine.checkpointer.request();
  }
}

/** Moves nodes and values from pages at or above `limit`, a map at a time. */
async function moveDown(engine: Engine, limit: number): Promise<number> {
  let moved = 0;
  for (const name of engine.state.directory.names()) {
    const { value } = await engine.run((tx) => moveMap(tx, name, limit), "buffered");
    moved += value;
  }
  const { value } = await engine.run((tx) => {
    tx.move();
    tx.relieve();
    return relocateTree(tx.directory.tree, tx.writeSet, limit, () => {});
  }, "buffered");
  return moved + value;
}

function moveMap(tx: WriteTransaction, name: string, limit: number): number {
  const map = tx.map(name);
  if (map.format === null) return 0;
  tx.relieve();
  const nodes = relocateTree(map.tree, tx.writeSet, limit, () => tx.relieve());
  const moved = nodes + moveValues(tx, map.tree, limit);
  if (moved === 0) return 0;
  map.changed = true;
  tx.move();
  return moved;
}

/**
 * Moves values on extents that reach above the limit down, each into one run. There may be none below the limit,
 * because nodes leave holes of single pages; so they slide down as far as they can, and further in the next pass.
 */
function moveValues(tx: WriteTransaction, tree: Tree, limit: number): number {
  if (tree.extentPages === 0) return 0;
  const { reader } = tx.writeSet;
  const { cache } = reader;
  const { store } = tx.state;
  const cursor = new Cursor(tree, reader, EVERYTHING, false);
  const key = keyBuffer(maxKeyBytes(store.pageSize));
  tree.cursors ??= new Set();
  tree.cursors.add(cursor);
  let moved = 0;
  while (cursor.next()) {
    const views = cache.views(cursor.frame);
    const base = cache.base(cursor.frame);
    if (!isOnExtents(views, cellAt(views, base, cursor.slot))) continue;
    const at = valueAt(views, base, cursor.slot);
    const extents = valueExtents(views.u8, at);
    const highest = Math.max(...extents.starts);
    if (highest < limit) continue;
    const length = copyKey(views, base, cursor.slot, key);
    padKey(key, length);
    const stored = tx.writeSet.storeValueBelow(store.extents.read(views.u8, at), highest, descriptor);
    if (stored === 0) continue;
    replaceDescriptor(tree, tx.writeSet, key, length, descriptor, stored);
    tx.relieve();
    moved++;
  }
  tree.cursors.delete(cursor);
  return moved;
}
