/**
 * `backup()`: a second database file from one snapshot, while writes go on. Guarantees: the copy appears under its name
 * complete and durable or not at all; it has an id of its own; every page is checked as it is read.
 */

import { BulkBuilder } from "../btree/bulk.js";
import { Cursor } from "../btree/cursor.js";
import { keyBuffer, padKey } from "../btree/key-bytes.js";
import {
  cellAt,
  copyKey,
  isOnExtents,
  maxKeyBytes,
  nodeCount,
  nodeLevel,
  storedLength,
  valueAt,
} from "../btree/node.js";
import { Tree } from "../btree/tree.js";
import { validateNode } from "../btree/validate.js";
import { PageStore } from "../mvcc/page-store.js";
import { LlmdbError } from "../pager/error.js";
import { ExtentList } from "../pager/extent-list.js";
import { ExtentStore, MAX_DESCRIPTOR_BYTES, valueExtents } from "../pager/extent-value.js";
import { FreeSpace } from "../pager/free-space.js";
import { encodeMeta, META_PAGES, type Meta, metaPosition } from "../pager/meta.js";
import { FIRST_PAGE, HEADER_BYTES } from "../pager/page.js";
import { corruptPage } from "../pager/page-cache.js";
import { PagePointer, readPointer } from "../pager/page-pointer.js";
import type { PageReader } from "../pager/page-reader.js";
import type { StorageFile } from "../pager/storage.js";
import { turn } from "../pager/timers.js";
import type { CommittedState } from "./committed-state.js";
import { emptyMeta, finishFile, openUnfinishedCopy, unfinishedName } from "./create.js";
import { Engine } from "./engine.js";
import { encodeFreeList, freeListBound } from "./free-list.js";
import { requireDirectory } from "./map-directory.js";
import type { MapState } from "./map-record.js";
import type { PinnedView } from "./pinned-view.js";
import { type Place, pathOfPlace } from "./place.js";

const EVERYTHING = { lower: null, lowerLength: 0, upper: null, upperLength: 0 };
/** After so many bytes others get a turn. */
const TURN_BYTES = 1024 * 1024;
const COPY_CACHE_BYTES = 8 * 1024 * 1024;

/** Makes the copy at `path`, which must not exist. */
export async function backupEngine(engine: Engine, place: Place, compact: boolean): Promise<void> {
  const { storage, views } = engine.state;
  const path = pathOfPlace(place, "backup takes the path of the copy");
  if (storage.kind(path) !== "missing") {
    throw new LlmdbError("LLMDB_INVALID_ARGUMENT", `${path} exists already; back up to a new name`, { path });
  }
  // What the snapshot reaches is written first, so that each pointer in it has its checksum.
  if (!engine.readOnly) engine.writeBack.all();
  const view = views.open(null);
  try {
    const { file, close } = openUnfinishedCopy(storage, path);
    try {
      if (compact) await rebuildInto(engine, view, file);
      else await copyPages(engine.state, view, file);
      file.sync();
      finishFile(storage, path);
    } catch (error) {
      storage.unlink(unfinishedName(path));
      throw error;
    } finally {
      close();
    }
  } finally {
    views.close(view);
  }
}

/** Copies everything the snapshot reaches to the same page numbers. */
async function copyPages(state: CommittedState, view: PinnedView, file: StorageFile): Promise<void> {
  const directory = requireDirectory(view);
  const copy = new PageCopy(state, view, file);
  await copy.tree(directory.tree);
  for (const name of directory.names()) {
    const map = directory.get(name);
    if (map !== undefined) await copy.tree(map.tree);
  }
  copy.finish(directory.tree);
}

class PageCopy {
  readonly #state: CommittedState;
  readonly #view: PinnedView;
  readonly #file: StorageFile;
  readonly #used = new ExtentList();
  readonly #buffer: Uint8Array;
  #sinceTurn = 0;

  constructor(state: CommittedState, view: PinnedView, file: StorageFile) {
    this.#state = state;
    this.#view = view;
    this.#file = file;
    this.#buffer = new Uint8Array(TURN_BYTES);
  }

  async tree(tree: Tree): Promise<void> {
    if (tree.depth > 0) await this.#node(tree.root);
  }

  async #node(pointer: PagePointer): Promise<void> {
    const children = this.#page(pointer, this.#view.snapshot.reader);
    if (this.#sinceTurn >= TURN_BYTES) {
      this.#sinceTurn = 0;
      await turn();
      this.#state.requireOpen();
    }
    for (const child of children) await this.#node(child);
  }

  /** Copies a page and the extents it names; returns pointers to its children. */
  #page(pointer: PagePointer, reader: PageReader): PagePointer[] {
    const { cache } = reader;
    const frame = reader.fetch(pointer.page, pointer.crc);
    const views = cache.views(frame);
    const base = cache.base(frame);
    this.#file.write(views.u8, base, cache.pageSize, pointer.page * cache.pageSize);
    this.#used.add(pointer.page, 1);
    this.#sinceTurn += cache.pageSize;
    const children: PagePointer[] = [];
    for (let slot = 0; slot < nodeCount(views, base); slot++) {
      const cell = cellAt(views, base, slot);
      if (nodeLevel(views, base) > 0) children.push(readPointer(views, cell, new PagePointer()));
      else if (isOnExtents(views, cell)) this.#value(views.u8, valueAt(views, base, slot));
    }
    return children;
  }

  /** Checks a value on extents and copies its pages. */
  #value(descriptor: Uint8Array, at: number): void {
    const { pageSize, extents: values } = this.#state.store;
    let left = values.read(descriptor, at).length;
    const extents = valueExtents(descriptor, at);
    for (let i = 0; i < extents.count; i++) {
      const start = extents.starts[i] * pageSize;
      const dataBytes = Math.min(left, extents.lengths[i] * pageSize - HEADER_BYTES);
      left -= dataBytes;
      this.#bytes(start, start + HEADER_BYTES + dataBytes);
      this.#sinceTurn += extents.lengths[i] * pageSize;
    }
    this.#used.addAll(extents);
  }

  #bytes(start: number, end: number): void {
    const { file } = this.#state.store.data;
    for (let at = start; at < end; ) {
      const wanted = Math.min(this.#buffer.length, end - at);
      const bytes = file.read(this.#buffer, 0, wanted, at);
      if (bytes < wanted) throw corruptPage(Math.floor(at / this.#state.store.pageSize), "the file ends before it");
      this.#file.write(this.#buffer, 0, bytes, at);
      at += bytes;
    }
  }

  /** Writes the list of free pages and the meta pages. */
  finish(directory: Tree): void {
    const { store, storage } = this.#state;
    const gaps = gapsBetween(this.#used.normalize());
    const free = new FreeSpace(gaps.end);
    free.release(gaps.free);
    const extents = new ExtentStore(this.#file, store.pageSize, () => free.end);
    const pages = extents.allocate(free, freeListBound(free.extents + 1));
    const bytes = encodeFreeList({ free: free.toList(), held: new ExtentList() });
    const descriptor = new Uint8Array(MAX_DESCRIPTOR_BYTES);
    const length = extents.write(bytes, bytes.length, pages, this.#view.snapshot.tx, descriptor);
    writeMetas(this.#file, free.end, {
      ...emptyMeta(storage, store.pageSize),
      tx: this.#view.snapshot.tx,
      moves: this.#view.snapshot.tx - this.#view.changeTx,
      timeMicros: this.#view.micros,
      pages: free.end,
      directory: directory.root,
      directoryDepth: directory.depth,
      previousTx: this.#view.snapshot.tx,
      freeList: descriptor.slice(0, length),
    });
  }
}

/** The pages between extents, as free space, and the end of the last extent. */
function gapsBetween(used: ExtentList): { free: ExtentList; end: number } {
  const free = new ExtentList();
  let end = FIRST_PAGE;
  for (let i = 0; i < used.count; i++) {
    if (used.starts[i] > end) free.add(end, used.starts[i] - end);
    end = used.starts[i] + used.lengths[i];
  }
  return { free, end };
}

function writeMetas(file: StorageFile, pages: number, meta: Meta): void {
  if (file.size() < pages * meta.pageSize) file.truncate(pages * meta.pageSize);
  file.sync();
  for (let checkpoint = 0; checkpoint < META_PAGES; checkpoint++) {
    const bytes = encodeMeta({ ...meta, checkpoint });
    file.write(bytes, 0, bytes.length, metaPosition(checkpoint, meta.pageSize));
  }
}

/** Builds all maps anew, full and in order. */
async function rebuildInto(engine: Engine, view: PinnedView, file: StorageFile): Promise<void> {
  const { state } = engine;
  const { pageSize } = state.store;
  const free = new FreeSpace(FIRST_PAGE);
  const store = new PageStore(file, pageSize, COPY_CACHE_BYTES, free, validateNode, (data) => data);
  const tx = view.changeTx;
  if (tx === 0) {
    writeMetas(file, FIRST_PAGE, emptyMeta(state.storage, pageSize));
    return;
  }
  // The copy ends with the transaction of the snapshot; what is built here is that transaction.
  const meta: Meta = { ...emptyMeta(state.storage, pageSize), tx: tx - 1, previousTx: Math.max(0, tx - 1) };
  const target = new Engine(state.storage, store, meta, new Tree(), {
    path: unfinishedName(engine.path),
    readOnly: false,
    durability: "durable",
    clock: () => view.micros / 1000,
    checkpointBytes: 0,
    eraseFreed: false,
    readers: null,
    modules: null,
    isVolatile: true,
  });
  const writer = target.begin();
  const directory = requireDirectory(view);
  for (const name of directory.names()) {
    const source = directory.get(name);
    if (source === undefined) continue;
    const map = writer.map(name, source.bounds);
    map.format = source.format;
    map.changed = true;
    await rebuildMap(state, view, source, new BulkBuilder(map.tree, writer.writeSet));
  }
  writer.touch();
  writer.writeSet.beginCommit();
  target.commit(writer, "durable");
  target.checkpointer.run();
  // All meta pages lead to the whole copy.
  const built = withoutEmptyList(target.state.checkpoint, free);
  writeMetas(file, built.pages, built);
  target.stop();
  // What the file was extended by in advance goes.
  file.truncate(built.pages * pageSize);
}

/** A list of no free pages is left out; it was written last, at the end of the file. */
function withoutEmptyList(meta: Meta, free: FreeSpace): Meta {
  const list = meta.freeList.length === 0 ? new ExtentList() : valueExtents(meta.freeList, 0);
  const isLast = list.count === 1 && list.starts[0] + list.lengths[0] === free.end;
  if (free.pages > 0 || !isLast) return { ...meta, pages: free.end };
  return { ...meta, pages: list.starts[0], freeList: new Uint8Array(0) };
}

async function rebuildMap(state: CommittedState, view: PinnedView, map: MapState, builder: BulkBuilder): Promise<void> {
  const { reader } = view.snapshot;
  const { cache } = reader;
  const cursor = new Cursor(map.tree, reader, EVERYTHING, false);
  const key = keyBuffer(maxKeyBytes(cache.pageSize));
  let sinceTurn = 0;
  while (cursor.next()) {
    const views = cache.views(cursor.frame);
    const base = cache.base(cursor.frame);
    const length = copyKey(views, base, cursor.slot, key);
    padKey(key, length);
    const cell = cellAt(views, base, cursor.slot);
    const at = valueAt(views, base, cursor.slot);
    const value = isOnExtents(views, cell)
      ? state.store.extents.read(views.u8, at)
      : views.u8.subarray(at, at + storedLength(views, cell));
    builder.add(key, length, value, value.length);
    sinceTurn += length + value.length;
    if (sinceTurn < TURN_BYTES) continue;
    sinceTurn = 0;
    await turn();
    state.requireOpen();
  }
  builder.finish();
}
