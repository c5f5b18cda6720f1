/**
 * A storage whose calls fail when a test says so, with any error of the system. Guarantees: a call that fails has no
 * effect; what the storage below holds stays as it is.
 */
import type { PathKind, Storage, StorageFile, StorageLock } from "../../pager/storage.js";
import { failure } from "../../pager/system-error.js";

/** The calls that may fail. */
export type FailingCall =
  | "open"
  | "read"
  | "write"
  | "sync"
  | "truncate"
  | "size"
  | "rename"
  | "unlink"
  | "list"
  | "syncDirectory";

/** Which calls fail, and how. */
export interface StorageFault {
  /** The first call that fails, counted over those of these kinds. */
  readonly index: number;
  /** Only these kinds of calls; all where it is empty. */
  readonly calls: readonly FailingCall[];
  readonly errno: string;
  /** All after the first, too. */
  readonly lasts: boolean;
}

export class FailingStorage implements Storage {
  /** Undefined: nothing fails. */
  fault: StorageFault | undefined;
  /** How many calls failed. */
  failed = 0;
  readonly volatile = false;
  readonly #below: Storage;
  #count = 0;

  constructor(below: Storage) {
    this.#below = below;
  }

  now(): number {
    return this.#below.now();
  }

  kind(path: string): PathKind {
    return this.#below.kind(path);
  }

  resolve(path: string): string {
    return this.#below.resolve(path);
  }

  identify(path: string): string | undefined {
    return this.#below.identify(path);
  }

  open(path: string, mode: "read" | "write" | "create"): StorageFile {
    this.enter("open", path);
    return new FailingFile(this, path, this.#below.open(path, mode));
  }

  rename(from: string, to: string): void {
    this.enter("rename", from);
    this.#below.rename(from, to);
  }

  unlink(path: string): void {
    this.enter("unlink", path);
    this.#below.unlink(path);
  }

  list(directory: string): string[] {
    this.enter("list", directory);
    return this.#below.list(directory);
  }

  syncDirectory(path: string): void {
    this.enter("syncDirectory", path);
    this.#below.syncDirectory(path);
  }

  lock(file: StorageFile, path: string, slot?: number): StorageLock | undefined {
    return this.#below.lock(file instanceof FailingFile ? file.below : file, path, slot);
  }

  holder(path: string): ReturnType<Storage["holder"]> {
    return this.#below.holder(path);
  }

  random(bytes: Uint8Array): void {
    this.#below.random(bytes);
  }

  /** Counts a call, and throws where it is to fail. */
  enter(call: FailingCall, path: string): void {
    const { fault } = this;
    if (fault === undefined || (fault.calls.length > 0 && !fault.calls.includes(call))) return;
    const index = this.#count++;
    if (fault.lasts ? index < fault.index : index !== fault.index) return;
    this.failed++;
    throw failure(fault.errno, call, path);
  }
}

class FailingFile implements StorageFile {
  readonly descriptor = undefined;
  readonly below: StorageFile;
  readonly #storage: FailingStorage;
  readonly #path: string;

  constructor(storage: FailingStorage, path: string, below: StorageFile) {
    this.#storage = storage;
    this.#path = path;
    this.below = below;
  }

  read(buffer: Uint8Array, offset: number, length: number, position: number): number {
    this.#storage.enter("read", this.#path);
    return this.below.read(buffer, offset, length, position);
  }

  write(buffer: Uint8Array, offset: number, length: number, position: number): void {
    this.#storage.enter("write", this.#path);
    this.below.write(buffer, offset, length, position);
  }

  sync(): void {
    this.#storage.enter("sync", this.#path);
    this.below.sync();
  }

  async syncAsync(): Promise<void> {
    this.#storage.enter("sync", this.#path);
    await this.below.syncAsync();
  }

  truncate(fileBytes: number): void {
    this.#storage.enter("truncate", this.#path);
    this.below.truncate(fileBytes);
  }

  size(): number {
    this.#storage.enter("size", this.#path);
    return this.below.size();
  }

  identity(): string {
    return this.below.identity();
  }

  links(): number {
    return this.below.links();
  }

  close(): void {
    this.below.close();
  }
}
