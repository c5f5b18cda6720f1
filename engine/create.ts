/**
 * Making an empty database file. Guarantees: the file appears under its name complete and durable or not at all,
 * because it is made under another name and moved: a crash in between leaves a leftover that the next open removes.
 */
import { LlmdbError } from "../pager/error.js";
import { encodeMeta, META_PAGES, type Meta, metaPosition } from "../pager/meta.js";
import { FIRST_PAGE } from "../pager/page.js";
import { PagePointer } from "../pager/page-pointer.js";
import type { Storage, StorageFile, StorageLock } from "../pager/storage.js";

/** Whoever makes a file holds this lock of it; it leaves no note behind, as the write lock does. */
const CREATION_SLOT = 255;

/** The log of a database. */
export function logName(path: string): string {
  return `${path}-wal`;
}

/** The name under which a database file is made before it is moved. */
export function unfinishedName(path: string): string {
  return `${path}.llmdb-unfinished`;
}

/** What the first meta page says. */
export function emptyMeta(storage: Storage, pageSize: number): Meta {
  const id = new Uint8Array(16);
  storage.random(id);
  return {
    pageSize,
    id,
    tx: 0,
    timeMicros: 0,
    moves: 0,
    pages: FIRST_PAGE,
    directory: new PagePointer(),
    directoryDepth: 0,
    previousTx: 0,
    log: { position: 0, crc: 0 },
    checkpoint: META_PAGES - 1,
    unerased: false,
    freeList: new Uint8Array(0),
  };
}

/**
 * Makes an empty database at `path`, where nothing or an empty file is. Where another process has made one meanwhile,
 * that one stays.
 *
 * @throws LlmdbError `LLMDB_LOCKED` where another process is making it right now; `LLMDB_UNSUPPORTED` where that could
 * not be seen, unless the caller is `alone`
 */
export function createDatabaseFile(storage: Storage, path: string, pageSize: number, alone: boolean): void {
  const { file, close } = openUnfinished(storage, path, alone);
  try {
    const meta = emptyMeta(storage, pageSize);
    file.truncate(FIRST_PAGE * pageSize);
    for (let checkpoint = 0; checkpoint < META_PAGES; checkpoint++) {
      const bytes = encodeMeta({ ...meta, checkpoint });
      file.write(bytes, 0, bytes.length, metaPosition(checkpoint, pageSize));
    }
    file.sync();
    // Only one process at a time holds the unfinished file, so nobody gives the name away between these two lines.
    const vacant = isVacant(storage, path);
    const stray = vacant && storage.kind(logName(path)) !== "missing";
    if (vacant && !stray) finishFile(storage, path);
    else storage.unlink(unfinishedName(path));
    if (stray) throw strayLog(path);
  } finally {
    close();
  }
}

/** A log without its database: making a new one here would bury acknowledged commits. */
function strayLog(path: string): LlmdbError {
  const log = logName(path);
  return new LlmdbError(
    "LLMDB_CORRUPT",
    `${log} is the log of a database that is not there any more; put the database back, or move the log away`,
    { path: log },
  );
}

/**
 * As `openUnfinished`, for a copy: it may lie where another machine cannot be seen, but a leftover that may be written
 * there is not removed.
 *
 * @throws LlmdbError `LLMDB_LOCKED` where the copy is being made, or may be
 */
export function openUnfinishedCopy(storage: Storage, path: string): { file: StorageFile; close: () => void } {
  try {
    removeLeftover(storage, path, false);
  } catch (error) {
    if (!(error instanceof LlmdbError) || error.code !== "LLMDB_UNSUPPORTED") throw error;
    throw new LlmdbError(
      "LLMDB_LOCKED",
      `${unfinishedName(path)} is left of a copy that was interrupted, or a process that cannot be seen from here is ` +
        "writing it; if none is, remove that file and try again",
      { path: unfinishedName(path) },
      { cause: error },
    );
  }
  return openUnfinished(storage, path);
}

/** Makes the unfinished file for `path` and locks it, until `close`. Throws `LLMDB_LOCKED` where somebody has it. */
export function openUnfinished(storage: Storage, path: string, alone = true): { file: StorageFile; close: () => void } {
  removeLeftover(storage, path, alone);
  const name = unfinishedName(path);
  const file = createUnfinished(storage, path);
  const lock = lockUnfinished(storage, file, name, alone);
  const close = () => {
    // In this order: once the file is gone, the system may give its identity to another one.
    lock?.release();
    file.close();
  };
  // Between the two lines above, another process may have taken the file for a leftover.
  if (lock !== undefined && storage.identify(name) === file.identity()) return { file, close };
  close();
  throw beingCreated(path);
}

/** The lock of an unfinished file, which is removed where there can be none. */
function lockUnfinished(storage: Storage, file: StorageFile, name: string, alone: boolean): StorageLock | undefined {
  try {
    return storage.lock(file, name, CREATION_SLOT, alone);
  } catch (error) {
    storage.unlink(name);
    file.close();
    throw error;
  }
}

function createUnfinished(storage: Storage, path: string): StorageFile {
  const name = unfinishedName(path);
  try {
    return storage.open(name, "create", path);
  } catch (error) {
    const kind = hasErrno(error, "EEXIST") ? storage.kind(name) : undefined;
    // Another process was faster, and may have finished by now. Anything else in the way has to be seen to.
    throw kind === "file" || kind === "missing" ? beingCreated(path) : error;
  }
}

/** Whether a database may be made at a path: nothing is there, or an empty file, as `mktemp` makes it. */
export function isVacant(storage: Storage, path: string): boolean {
  if (storage.kind(path) === "missing") return true;
  const file = storage.open(path, "read");
  try {
    return file.size() === 0;
  } finally {
    file.close();
  }
}

/**
 * Removes what a crash in the middle of a creation has left. It is told from one that goes on by the lock. Returns
 * whether there was anything.
 *
 * @throws LlmdbError `LLMDB_LOCKED` where it goes on
 */
export function removeLeftover(storage: Storage, path: string, alone = true): boolean {
  const name = unfinishedName(path);
  if (storage.kind(name) !== "file") return false;
  const file = openLeftover(storage, name);
  if (file === undefined) return false;
  let lock: StorageLock | undefined;
  try {
    lock = storage.lock(file, name, CREATION_SLOT, alone);
    // Where the creation ended between the two lines above, the name may be the file of the next one by now.
    if (lock === undefined || storage.identify(name) !== file.identity()) throw beingCreated(path);
    storage.unlink(name);
    return true;
  } finally {
    lock?.release();
    file.close();
  }
}

/** The unfinished file; undefined where it was finished or removed meanwhile. */
function openLeftover(storage: Storage, name: string): StorageFile | undefined {
  try {
    return storage.open(name, "write");
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}

function hasErrno(error: unknown, errno: string): boolean {
  return error instanceof LlmdbError && error.details.errno === errno;
}

function beingCreated(path: string): LlmdbError {
  return new LlmdbError("LLMDB_LOCKED", `${path} is being created by another process; try again`, { path });
}

/** Moves a finished and synced file to its name, durably. */
export function finishFile(storage: Storage, path: string): void {
  storage.rename(unfinishedName(path), path);
  storage.syncDirectory(path);
}
