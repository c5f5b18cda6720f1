/**
 * Opening a database. Guarantees: a file that is refused is left byte for byte as it was; a read-only open changes
 * nothing and takes no lock; opening reads the meta pages and the list of free pages, and walks no tree.
 */
import { MAX_DEPTH, Tree } from "../btree/tree.js";
import { validateNode } from "../btree/validate.js";
import { PageStore } from "../mvcc/page-store.js";
import { LlmdbError } from "../pager/error.js";
import { checkDescriptor } from "../pager/extent-value.js";
import { fileStorage } from "../pager/file-storage.js";
import { FreeSpace } from "../pager/free-space.js";
import { choosePageSource } from "../pager/mapped-source.js";
import { memoryStorage } from "../pager/memory-storage.js";
import { type Meta, readNewestMeta } from "../pager/meta.js";
import { FIRST_PAGE } from "../pager/page.js";
import { PENDING } from "../pager/page-pointer.js";
import type { Storage, StorageFile, StorageLock } from "../pager/storage.js";
import { createDatabaseFile, isVacant } from "./create.js";
import { Database } from "./database.js";
import { Engine } from "./engine.js";
import { decodeFreeList } from "./free-list.js";
import { type CheckedOptions, checkOpenOptions, type OpenOptions } from "./options.js";
import { Recovery } from "./recovery.js";

const DEFAULT_PAGE_BYTES = 8192;

/**
 * Opens a database, and makes it where it is missing.
 *
 * @param path the file; its folder must exist
 * @throws LlmdbError `LLMDB_NOT_FOUND` (missing folder, or missing file with `create: false` or `readOnly`),
 * `LLMDB_NOT_A_DATABASE`, `LLMDB_FORMAT_VERSION`, `LLMDB_CORRUPT`, `LLMDB_LOCKED`, `LLMDB_INVALID_ARGUMENT`,
 * `LLMDB_UNSUPPORTED`, `LLMDB_IO`
 *
 * @example
 * ```ts
 * const db = open("agent.llmdb");
 * const notes = db.map<string, string>("notes", { values: "string" });
 * await notes.put("2026-11-23", "the report is due on Friday");
 * await db.close();
 * ```
 */
export function open(path: string, options?: OpenOptions): Database {
  if (typeof path !== "string" || path.length === 0) {
    throw new LlmdbError("LLMDB_INVALID_ARGUMENT", "open takes the path of a file as a string");
  }
  const checked = checkOpenOptions(options);
  const storage = checked.storage ?? fileStorage;
  requireLittleEndian();
  // Lock, log and reader slots lie beside the file itself, so that a symbolic link leads to the same ones.
  const resolved = storage.resolve(path);
  prepareFile(storage, resolved, checked);
  return openFile(storage, path, resolved, checked);
}

/**
 * Opens an empty database in memory, with the same behaviour; it is gone when it is closed.
 *
 * @throws LlmdbError `LLMDB_INVALID_ARGUMENT`
 */
export function openMemory(options?: OpenOptions): Database {
  return open(":memory:", { ...options, storage: options?.storage ?? memoryStorage() });
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
    createDatabaseFile(storage, path, options.pageSize ?? DEFAULT_PAGE_BYTES);
  }
}

function openFile(storage: Storage, given: string, path: string, options: CheckedOptions): Database {
  const file = storage.open(path, options.readOnly ? "read" : "write");
  let lock: StorageLock | undefined;
  try {
    if (!options.readOnly) lock = takeLock(storage, file, path);
    const found = readNewestMeta(file, path);
    checkMeta(found.meta, path, options);
    const engine = buildEngine(storage, path, file, found.meta, options);
    const recovery = new Recovery(storage, path, file, found);
    if (options.readOnly) recovery.follow(engine);
    else recovery.recover(engine);
    return new Database(given, engine, lock, recovery.recovered);
  } catch (error) {
    lock?.release();
    file.close();
    throw error;
  }
}

function takeLock(storage: Storage, file: StorageFile, path: string): StorageLock {
  const lock = storage.lock(file, path);
  if (lock !== undefined) return lock;
  const holder = storage.holder(path);
  const by = holder === undefined ? "elsewhere" : `by process ${holder.pid} on ${holder.host}`;
  throw new LlmdbError(
    "LLMDB_LOCKED",
    `${path} is open for writing ${by}; close it there, or open it with readOnly: true`,
    { path, ...(holder !== undefined && { holder }) },
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
    (list.length > 0 && checkDescriptor(list, 0, list.length, meta.pageSize) !== undefined)
  ) {
    throw new LlmdbError("LLMDB_CORRUPT", `the meta page of ${path} contradicts itself; restore a backup`, { path });
  }
}

function buildEngine(
  storage: Storage,
  path: string,
  file: StorageFile,
  meta: Meta,
  options: CheckedOptions,
): Engine {
  const free = new FreeSpace(meta.pages);
  const store = new PageStore(file, meta.pageSize, options.cacheBytes, free, validateNode, (data) =>
    choosePageSource(data, pageSourceFor(options)),
  );
  const directory = new Tree();
  directory.root.copyFrom(meta.directory);
  directory.depth = meta.directoryDepth;
  const engine = new Engine(storage, store, meta, directory, {
    path,
    readOnly: options.readOnly,
    durability: options.durability,
    clock: options.clock ?? (() => storage.now()),
    checkpointBytes: options.checkpointBytes,
    eraseFreed: options.eraseFreed,
    isVolatile: storage.volatile === true,
  });
  if (meta.freeList.length > 0 && !options.readOnly) {
    const list = decodeFreeList(store.extents.read(meta.freeList, 0), meta.pages);
    free.release(list.free);
    for (let i = 0; i < list.held.count; i++) {
      // The older meta page reaches them for as long as its transaction is pinned.
      store.retired.retire(
        list.held.starts[i],
        list.held.lengths[i],
        meta.previousTx,
        Math.max(meta.tx, meta.previousTx + 1),
      );
    }
  }
  return engine;
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
