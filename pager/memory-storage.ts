/**
 * The storage port in plain memory, for databases that end with their process. Guarantees: the behaviour of the real
 * disk, with locks that hold within this storage; opening a path again on the same storage finds the file again. `sync`
 * has nothing to do. Folders are as in `name-table.ts`.
 */
import { microsecondClock } from "./clock.js";
import { LlmdbError } from "./error.js";
import { LockTable } from "./lock-table.js";
import { NameTable } from "./name-table.js";
import { OutOfMemory, SparseBytes } from "./sparse-bytes.js";
import type { LockHolder, PathKind, Storage, StorageFile, StorageLock } from "./storage.js";
import { closedError, failure } from "./system-error.js";

/** As large as the largest page, so that an aligned page never spans two blocks. */
const BLOCK_BYTES = 64 * 1024;

interface Contents {
  readonly identity: string;
  readonly bytes: SparseBytes;
}

class MemoryFile implements StorageFile {
  readonly descriptor = undefined;
  readonly #path: string;
  readonly #contents: Contents;
  readonly #names: NameTable<Contents>;
  readonly #writable: boolean;
  #closed = false;

  constructor(path: string, contents: Contents, names: NameTable<Contents>, writable: boolean) {
    this.#path = path;
    this.#contents = contents;
    this.#names = names;
    this.#writable = writable;
  }

  read(buffer: Uint8Array, offset: number, length: number, position: number): number {
    return this.#open().read(buffer, offset, length, position);
  }

  write(buffer: Uint8Array, offset: number, length: number, position: number): void {
    const bytes = this.#open();
    if (!this.#writable) throw failure("EBADF", "write to", this.#path);
    try {
      bytes.write(buffer, offset, length, position);
    } catch (cause) {
      throw this.#told(cause);
    }
  }

  sync(): void {
    this.#open();
  }

  async syncAsync(): Promise<void> {
    this.#open();
  }

  truncate(fileBytes: number): void {
    const bytes = this.#open();
    if (!this.#writable) throw failure("EBADF", "resize", this.#path);
    try {
      bytes.truncate(fileBytes);
    } catch (cause) {
      throw this.#told(cause);
    }
  }

  size(): number {
    return this.#open().size;
  }

  identity(): string {
    this.#open();
    return this.#contents.identity;
  }

  links(): number {
    this.#open();
    return this.#names.links(this.#contents);
  }

  close(): void {
    this.#closed = true;
  }

  /** Memory that has run out is a full disk here; any other error is what it is. */
  #told(cause: unknown): unknown {
    if (!(cause instanceof OutOfMemory)) return cause;
    const message = `cannot grow ${this.#path}: there is no memory left; delete something or give the process more`;
    return new LlmdbError("LLMDB_DISK_FULL", message, { errno: "ENOMEM", path: this.#path }, { cause });
  }

  #open(): SparseBytes {
    if (this.#closed) throw closedError(this.#path);
    return this.#contents.bytes;
  }
}

class MemoryStorage implements Storage {
  readonly volatile = true;
  readonly now = microsecondClock();
  readonly #names = new NameTable<Contents>();
  readonly #locks = new LockTable();
  readonly #startedAt = new Date(this.now() - process.uptime() * 1000).toISOString();
  #created = 0;

  kind(path: string): PathKind {
    return this.#names.kind(path);
  }

  resolve(path: string): string {
    return path;
  }

  identify(path: string): string | undefined {
    return this.#names.get(path)?.identity;
  }

  open(path: string, mode: "read" | "write" | "create"): StorageFile {
    if (mode !== "create") {
      return new MemoryFile(path, this.#names.require(path, "open"), this.#names, mode === "write");
    }
    if (this.#names.get(path) !== undefined) throw failure("EEXIST", "create", path);
    this.#names.requireFree(path, "create");
    const contents = { identity: `memory:${++this.#created}`, bytes: new SparseBytes(BLOCK_BYTES) };
    this.#names.set(path, contents);
    return new MemoryFile(path, contents, this.#names, true);
  }

  rename(from: string, to: string): void {
    const contents = this.#names.require(from, "rename");
    this.#names.requireFree(to, "rename to");
    this.#names.delete(from);
    this.#names.set(to, contents);
  }

  unlink(path: string): void {
    if (this.#names.kind(path) === "directory") throw failure("EISDIR", "remove", path);
    this.#names.delete(path);
  }

  list(directory: string): string[] {
    return this.#names.list(directory);
  }

  syncDirectory(): void {}

  lock(file: StorageFile, _path?: string, slot = 0): StorageLock | undefined {
    return this.#locks.take(file.identity(), slot);
  }

  /** No one but this process can have a lock here. */
  holder(path: string): LockHolder | undefined {
    const identity = this.identify(path);
    if (identity === undefined || !this.#locks.has(identity, 0)) return undefined;
    return { pid: process.pid, host: "localhost", startedAt: this.#startedAt };
  }

  random(bytes: Uint8Array): void {
    // Loaded when it is needed: a program that opens a database and reads goes without.
    process.getBuiltinModule("node:crypto").randomFillSync(bytes);
  }
}

/** A new storage in memory, with no files. */
export function memoryStorage(): Storage {
  return new MemoryStorage();
}
