/**
 * Opening a database. Guarantees: a file that is refused is left byte for byte as it was; a read-only open changes
 * nothing and takes no lock; opening reads the meta pages and the list of free pages, and walks no tree.
 */
import { MAX_DEPTH, Tree } from "../btree/tree.js";
import { validateNode } from "../btree/validate.js";
import { PageStore } from "../mvcc/page-store.js";
import type { DataFile } from "../pager/data-file.js";
import { LlmdbError } from "../pager/error.js";
import { checkDescriptor } from "../pager/extent-value.js";
import { fileStorage } from "../pager/file-storage.js";
import { FreeSpace } from "../pager/free-space.js";
import { choosePageSource } from "../pager/mapped-source.js";
import { memoryStorage } from "../pager/memory-storage.js";
import { type Meta, readNewestMeta } from "../pager/meta.js";
import { FIRST_PAGE } from "../pager/page.js";
import { PENDING } from "../pager/page-pointer.js";
import { holderName, type Storage, type StorageFile, type StorageLock } from "../pager/storage.js";
import { createDatabaseFile, isVacant } from "./create.js";
import { Database } from "./database.js";
import { Engine } from "./engine.js";
import { Follower } from "./follower.js";
import { readFreeList } from "./free-list.js";
import { type CheckedOptions, checkOpenOptions, type OpenOptions } from "./options.js";
import { IN_MEMORY, type Place, pathOfPlace } from "./place.js";
import { ReaderPins } from "./reader-slots.js";
import { Recovery } from "./recovery.js";

const DEFAULT_PAGE_BYTES = 8192;
const WRITE_SLOT = 0;

/**
 * Opens a database, and makes it where it is missing.
 *
 * @param path the file, as a path or a `file:` URL; its folder must exist. `:memory:` is as {@link openMemory}
 * @throws LlmdbError `LLMDB_NOT_FOUND` (missing folder, or missing file with `create: false` or `readOnly`),
 * `LLMDB_NOT_A_DATABASE`, `LLMDB_FORMAT_VERSION`, `LLMDB_CORRUPT`, `LLMDB_LOCKED`, `LLMDB_INVALID_ARGUMENT`,
 * `LLMDB_UNSUPPORTED` (a shared file system without `alone`, among others), `LLMDB_IO`
 *
 * @example
 * ```ts
 * const db = open("agent.llmdb");
 * const notes = db.map<string, string>("notes", { values: "string" });
 * await notes.put("2026-11-23", "the report is due on Friday");
 * await db.close();
 * ```
 */
export function open(path: Place, options?: OpenOptions): Database {
  return openAs(Database, path, options);
}

/** What a handle is made of; see {@link Database}. */
export type DatabaseMaker<D extends Database> = new (...parts: ConstructorParameters<typeof Database>) => D;

/** As {@link open}, for handles of a layer above. */
export function openAs<D extends Database>(make: DatabaseMaker<D>, place: Place, options?: OpenOptions): D {
  const path = pathOfPlace(place, "open takes the path of a file");
  const checked = checkOpenOptions(options);
  const storage = checked.storage ?? (path === IN_MEMORY ? memoryStorage() : fileStorage);
  requireLittleEndian();
  // Lock, log and reader slots lie beside the file itself, so that a symbolic link leads to the same ones.
  const resolved = storage.resolve(path);
  prepareFile(storage, resolved, checked);
  return openFile(make, storage, path, resolved, checked);
}

/**
 * Opens an empty database in memory, with the same behaviour; it is gone when it is closed.
 *
 * @throws LlmdbError `LLMDB_INVALID_ARGUMENT`
 */
export function openMemory(options?: OpenOptions): Database {
  return openMemoryAs(Database, options);
}

/** As {@link openMemory}, for handles of a layer above. */
export function openMemoryAs<D extends Database>(make: DatabaseMaker<D>, options?: OpenOptions): D {
  return openAs(make, IN_MEMORY, { ...options, storage: options?.storage ?? memoryStorage() });
}

/** Sees to it that there is a database file, if there may be. */
function prepareFile(storage: Storage, path: string, options: CheckedOptions): void {
  const kind = storage.kind(path);
  if (kind === "directory" || kind === "other") {
    throw new LlmdbError("LLMDB_NOT_A_DATABASE", `${path} is not a file; give the path of a file`, { path });
  }
  const mayCreate = options.create && !options.readOnly;
  if (kind === "missing" && !mayCreate) {
    throw new LlmdbError("LLMDB_NOT_FOUND", `there is no database at ${path}; check the path, or let open create it`, {
      path,
    });
  }
  if (mayCreate && isVacant(storage, path)) {
    createDatabaseFile(storage, path, options.pageSize ?? DEFAULT_PAGE_BYTES, options.alone);
  }
}

function openFile<D extends Database>(
  make: DatabaseMaker<D>,
  storage: Storage,
  given: string,
  path: string,
  options: CheckedOptions,
): D {
  const opening = options.readOnly ? openToRead : openToWrite;
  return opening(make, storage, given, path, options);
}

function openToWrite<D extends Database>(
  make: DatabaseMaker<D>,
  storage: Storage,
  given: string,
  path: string,
  options: CheckedOptions,
): D {
  const file = storage.open(path, "write");
  let lock: StorageLock | undefined;
  try {
    lock = takeLock(storage, file, path, options.alone);
    const found = readNewestMeta(file, path);
    const { store, directory } = openCheckpoint(file, path, found.meta, options);
    const readers = new ReaderPins(storage, path, file);
    const hasReaders = readers.isAny;
    const engine = makeEngine(storage, path, store, found.meta, directory, options, readers);
    takeFreeList(store, found.meta, hasReaders);
    const recovery = new Recovery(storage, path, file, found);
    recovery.recover(engine);
    const release = () => {
      readers.close();
      // In this order: once the file is gone, the system may give its identity to another one.
      lock?.release();
      file.close();
    };
    return new make(given, engine, recovery.recovered, { release, refresh: () => {} });
  } catch (error) {
    lock?.release();
    file.close();
    throw error;
  }
}

function openToRead<D extends Database>(
  make: DatabaseMaker<D>,
  storage: Storage,
  given: string,
  path: string,
  options: CheckedOptions,
): D {
  const file = storage.open(path, "read");
  let follower: Follower | undefined;
  try {
    const { meta } = readNewestMeta(file, path);
    checkMeta(meta, path, options);
    const reader = new Follower(storage, path, file, (overlay, of) => openCheckpoint(overlay, path, of, options));
    follower = reader;
    const { engine, recovered } = reader.open((store, of, directory) => {
      return makeEngine(storage, path, store, of, directory, options, null);
    });
    const refresh = () => reader.refresh(engine);
    return new make(given, engine, recovered, { release: () => reader.close(), refresh });
  } catch (error) {
    if (follower === undefined) file.close();
    else follower.close();
    throw error;
  }
}

function takeLock(storage: Storage, file: StorageFile, path: string, alone: boolean): StorageLock {
  const lock = storage.lock(file, path, WRITE_SLOT, alone);
  if (lock !== undefined) return lock;
  const holder = storage.holder(path);
  throw new LlmdbError(
    "LLMDB_LOCKED",
    `${path} is open for writing by ${holderName(holder)}; close it there, or open it with readOnly: true`,
    { path, holder },
  );
}

function checkMeta(meta: Meta, path: string, options: CheckedOptions): void {
  if (options.pageSize !== undefined && options.pageSize !== meta.pageSize) {
    throw new LlmdbError(
      "LLMDB_INVALID_ARGUMENT",
      `${path} has pages of ${meta.pageSize} bytes, not ${options.pageSize}; leave pageSize out to open it`,
      { path, pageSize: meta.pageSize },
    );
  }
  const { directory, directoryDepth } = meta;
  const rooted = directory.page >= FIRST_PAGE && directory.page < meta.pages && (directory.flags & PENDING) === 0;
  const list = meta.freeList;
  if (
    directoryDepth > MAX_DEPTH ||
    (directoryDepth === 0 ? directory.page !== 0 : !rooted) ||
    meta.pages < FIRST_PAGE ||
    meta.previousTx > meta.tx ||
    meta.moves > meta.tx ||
    (list.length > 0 && checkDescriptor(list, 0, list.length, meta.pageSize) !== undefined)
  ) {
    throw new LlmdbError("LLMDB_CORRUPT", `the meta page of ${path} contradicts itself; restore a backup`, { path });
  }
}

/** What reads the pages of a checkpoint, and the root of its maps. */
function openCheckpoint(
  file: StorageFile,
  path: string,
  meta: Meta,
  options: CheckedOptions,
): { store: PageStore; directory: Tree } {
  checkMeta(meta, path, options);
  const free = new FreeSpace(meta.pages);
  const { cacheBytes, sharedCache } = options;
  const source = (data: DataFile) => choosePageSource(data, pageSourceFor(options));
  const store = new PageStore(file, meta.pageSize, cacheBytes, free, validateNode, source, sharedCache);
  const directory = new Tree();
  directory.root.copyFrom(meta.directory);
  directory.depth = meta.directoryDepth;
  return { store, directory };
}

function makeEngine(
  storage: Storage,
  path: string,
  store: PageStore,
  meta: Meta,
  directory: Tree,
  options: CheckedOptions,
  readers: ReaderPins | null,
): Engine {
  return new Engine(storage, store, meta, directory, {
    path,
    readOnly: options.readOnly,
    durability: options.durability,
    clock: options.clock,
    checkpointBytes: options.checkpointBytes,
    eraseFreed: options.eraseFreed,
    readers,
    modules: options.modules,
    isVolatile: storage.volatile === true,
  });
}

/**
 * Takes over the saved list of free pages. Where readers are open that an earlier writer knew, it is not known which of
 * the pages they see: then none is used before they are gone or the next checkpoint has found out.
 */
function takeFreeList(store: PageStore, meta: Meta, hasReaders: boolean): void {
  const { free, held } = readFreeList(store.extents, meta);
  if (hasReaders)
    for (let i = 0; i < free.count; i++) store.retired.retire(free.starts[i], free.lengths[i], 0, meta.tx);
  else store.free.release(free);
  // The older meta page reaches them for as long as its transaction is pinned.
  const freed = Math.max(meta.tx, meta.previousTx + 1);
  const born = hasReaders ? 0 : meta.previousTx;
  for (let i = 0; i < held.count; i++) store.retired.retire(held.starts[i], held.lengths[i], born, freed);
}

/** A mapped page is checked once, but beside a writer in another process it may change afterwards. */
function pageSourceFor({ readOnly, pageSource }: CheckedOptions): CheckedOptions["pageSource"] {
  if (!readOnly || pageSource === "pread") return pageSource;
  if (pageSource === "auto") return "pread";
  throw new LlmdbError(
    "LLMDB_UNSUPPORTED",
    'a read-only database cannot be mapped yet, because another process may write to it; use "pread" or "auto"',
  );
}

/** Pages are read through typed arrays, which have the byte order of the machine. */
function requireLittleEndian(): void {
  if (new Uint8Array(Uint32Array.of(1).buffer)[0] === 1) return;
  throw new LlmdbError("LLMDB_UNSUPPORTED", "LLMDB runs on little-endian machines only");
}
