/**
 * The storage port on `node:fs`. Guarantees: reads and writes loop until done, contents are durable once `sync` has
 * returned and names once `syncDirectory` has, and every failure is an `LlmdbError` as `system-error.ts` makes it.
 *
 * Where the platforms differ: on macOS Node's `fdatasync` is `F_FULLFSYNC`, which reaches the medium. Windows has no
 * sync of folders (NTFS journals names itself), so `syncDirectory` does nothing there. Both are written to Node's
 * documentation and untested.
 */

import fs from "node:fs";
import { basename, dirname, isAbsolute, join, sep } from "node:path";
import { microsecondClock } from "./clock.js";
import { LlmdbError } from "./error.js";
import { lockFile } from "./file-lock.js";
import { createFile } from "./file-mode.js";
import { readLockNote, writeLockNote } from "./lock-note.js";
import type { LockHolder, PathKind, Storage, StorageFile, StorageLock } from "./storage.js";
import { closedError, errnoOf, failure, systemError } from "./system-error.js";

const FLAGS = { read: "r", write: "r+" } as const;
const CLOSED = -1;
/** What `fsync` answers for a folder on file systems that cannot sync one. */
const FOLDER_NOT_SYNCABLE = new Set(["EINVAL", "EPERM", "EISDIR", "ENOTSUP"]);

const now = microsecondClock();
const startedAt = new Date(now() - process.uptime() * 1000).toISOString();

class DiskFile implements StorageFile {
  readonly #path: string;
  #descriptor: number;
  /** Asynchronous syncs under way: they hold the descriptor, which must not be reused before they end. */
  #syncing = 0;

  constructor(path: string, descriptor: number) {
    this.#path = path;
    this.#descriptor = descriptor;
  }

  get descriptor(): number | undefined {
    return this.#descriptor === CLOSED ? undefined : this.#descriptor;
  }

  read(buffer: Uint8Array, offset: number, length: number, position: number): number {
    const descriptor = this.#open();
    let done = 0;
    while (done < length) {
      let count: number;
      try {
        count = fs.readSync(descriptor, buffer, offset + done, length - done, position + done);
      } catch (cause) {
        if (errnoOf(cause) === "EINTR") continue;
        throw systemError(cause, "read", this.#path);
      }
      if (count === 0) break;
      done += count;
    }
    return done;
  }

  write(buffer: Uint8Array, offset: number, length: number, position: number): void {
    const descriptor = this.#open();
    let done = 0;
    while (done < length) {
      let count: number;
      try {
        count = fs.writeSync(descriptor, buffer, offset + done, length - done, position + done);
      } catch (cause) {
        if (errnoOf(cause) === "EINTR") continue;
        throw systemError(cause, "write to", this.#path);
      }
      if (count === 0) throw failure("EIO", "write to", this.#path);
      done += count;
    }
  }

  sync(): void {
    const descriptor = this.#open();
    try {
      fs.fdatasyncSync(descriptor);
    } catch (cause) {
      throw systemError(cause, "sync", this.#path);
    }
  }

  async syncAsync(): Promise<void> {
    const descriptor = this.#open();
    this.#syncing++;
    try {
      await new Promise<void>((resolve, reject) => {
        fs.fdatasync(descriptor, (cause) => (cause ? reject(cause) : resolve()));
      });
    } catch (cause) {
      throw systemError(cause, "sync", this.#path);
    } finally {
      this.#syncing--;
      if (this.#descriptor === CLOSED && this.#syncing === 0) fs.closeSync(descriptor);
    }
  }

  truncate(fileBytes: number): void {
    const descriptor = this.#open();
    try {
      fs.ftruncateSync(descriptor, fileBytes);
    } catch (cause) {
      throw systemError(cause, "resize", this.#path);
    }
  }

  size(): number {
    const descriptor = this.#open();
    try {
      return fs.fstatSync(descriptor).size;
    } catch (cause) {
      throw systemError(cause, "look at", this.#path);
    }
  }

  identity(): string {
    const descriptor = this.#open();
    try {
      return identityOf(fs.fstatSync(descriptor, { bigint: true }));
    } catch (cause) {
      throw systemError(cause, "look at", this.#path);
    }
  }

  links(): number {
    const descriptor = this.#open();
    try {
      return fs.fstatSync(descriptor).nlink;
    } catch (cause) {
      throw systemError(cause, "look at", this.#path);
    }
  }

  /** Closes the file; while an asynchronous sync is under way, the descriptor is given back when that ends. */
  close(): void {
    const descriptor = this.#descriptor;
    if (descriptor === CLOSED) return;
    this.#descriptor = CLOSED;
    if (this.#syncing > 0) return;
    try {
      fs.closeSync(descriptor);
    } catch (cause) {
      throw systemError(cause, "close", this.#path);
    }
  }

  #open(): number {
    if (this.#descriptor === CLOSED) throw closedError(this.#path);
    return this.#descriptor;
  }
}

/** Takes big integers, because inode numbers of some file systems pass 2^53. */
function identityOf({ dev, ino }: fs.BigIntStats): string {
  return `${dev}:${ino}`;
}

function kind(path: string): PathKind {
  try {
    const stats = fs.statSync(path, { throwIfNoEntry: false });
    if (stats === undefined) return "missing";
    if (stats.isFile()) return "file";
    return stats.isDirectory() ? "directory" : "other";
  } catch (cause) {
    if (errnoOf(cause) === "ENOTDIR") return "missing";
    throw systemError(cause, "look at", path);
  }
}

function identify(path: string): string | undefined {
  try {
    const stats = fs.statSync(path, { bigint: true, throwIfNoEntry: false });
    return stats && identityOf(stats);
  } catch (cause) {
    if (errnoOf(cause) === "ENOTDIR") return undefined;
    throw systemError(cause, "look at", path);
  }
}

function resolve(path: string): string {
  try {
    return realPath(path);
  } catch (cause) {
    throw systemError(cause, "follow", path);
  }
}

function realPath(path: string): string {
  try {
    return fs.realpathSync.native(path);
  } catch (cause) {
    if (errnoOf(cause) !== "ENOENT") throw cause;
  }
  const folder = fs.realpathSync.native(dirname(path));
  const place = join(folder, basename(path));
  if (!fs.lstatSync(place, { throwIfNoEntry: false })?.isSymbolicLink()) return place;
  requireTrusted(place, folder);
  const target = fs.readlinkSync(place);
  // Joined as text: to take ".." out of a path whose folders may be links themselves would lead elsewhere. A circle
  // of links does not come here, because it is no ENOENT.
  return realPath(isAbsolute(target) ? target : folder + sep + target);
}

/**
 * A link that leads nowhere would decide where a file is made. So it is followed only where it belongs to this user, or
 * to the owner of its folder, as Linux has it for folders that everyone may write to.
 */
function requireTrusted(link: string, folder: string): void {
  const { uid } = fs.lstatSync(link);
  if (process.platform === "win32" || uid === process.geteuid?.() || uid === fs.statSync(folder).uid) return;
  const advice = "it is a link of another user to a file that does not exist; remove the link, or make the file";
  throw new LlmdbError("LLMDB_IO", `cannot follow ${link}: ${advice}`, { errno: "EACCES", path: link });
}

function open(path: string, mode: "read" | "write" | "create", like?: string): StorageFile {
  // Asked first, because opening a FIFO would block and opening a folder to read would succeed.
  const found = kind(path);
  if (found === "directory" || found === "other") throw failure("EISDIR", "open", path);
  try {
    return new DiskFile(path, mode === "create" ? createFile(path, like) : fs.openSync(path, FLAGS[mode]));
  } catch (cause) {
    throw systemError(cause, mode === "create" ? "create" : "open", path);
  }
}

function syncDirectory(path: string): void {
  if (process.platform === "win32") return;
  const folder = dirname(path);
  let descriptor: number | undefined;
  try {
    descriptor = fs.openSync(folder, "r");
    fs.fsyncSync(descriptor);
  } catch (cause) {
    if (descriptor === undefined || !FOLDER_NOT_SYNCABLE.has(errnoOf(cause) ?? "")) {
      throw systemError(cause, "sync the folder", folder);
    }
  } finally {
    if (descriptor !== undefined) fs.closeSync(descriptor);
  }
}

/** The lock, whose note is removed while it is still held: afterwards it could be the next holder's. */
function withNote(lock: StorageLock, removeNote: () => void): StorageLock {
  let held = true;
  return {
    release() {
      if (held) removeNote();
      held = false;
      lock.release();
    },
  };
}

/** The real disk. */
export const fileStorage: Storage = {
  kind,
  resolve,
  identify,
  open,
  syncDirectory,
  now,

  rename(from: string, to: string): void {
    try {
      fs.renameSync(from, to);
    } catch (cause) {
      throw systemError(cause, `rename to ${to} the file`, from);
    }
  },

  unlink(path: string): void {
    try {
      fs.unlinkSync(path);
    } catch (cause) {
      const errno = errnoOf(cause);
      if (errno !== "ENOENT" && errno !== "ENOTDIR") throw systemError(cause, "remove", path);
    }
  },

  list(directory: string): string[] {
    try {
      return fs.readdirSync(directory).sort();
    } catch (cause) {
      throw systemError(cause, "list", directory);
    }
  },

  lock(file: StorageFile, path: string, slot = 0, alone = slot > 0): StorageLock | undefined {
    const identity = file.identity();
    const lock = lockFile({ identity, path, slot, descriptor: file.descriptor, alone });
    return lock === undefined || slot > 0 ? lock : withNote(lock, writeLockNote(path, identity, startedAt));
  },

  holder(path: string): LockHolder | undefined {
    return readLockNote(path);
  },

  random(bytes: Uint8Array): void {
    // Loaded when it is needed: a program that opens a database and reads goes without.
    process.getBuiltinModule("node:crypto").randomFillSync(bytes);
  },
};
