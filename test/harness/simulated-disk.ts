/**
 * A disk in memory that can lose power. Guarantees: reads show everything written, as a running system does; only
 * what a `sync` covered (names: what a `syncDirectory` covered) is sure to be in a crash image, anything else may be;
 * the same calls on a disk of the same seed give the same results. Nothing is shared between disks but unchanging
 * blocks, so an image can be used, changed and crashed again.
 */
import { LockTable } from "../../pager/lock-table.js";
import { NameTable } from "../../pager/name-table.js";
import { isZero, SparseBytes } from "../../pager/sparse-bytes.js";
import type { LockHolder, PathKind, Storage, StorageFile, StorageLock } from "../../pager/storage.js";
import { closedError, failure } from "../../pager/system-error.js";
import { turn } from "../../pager/timers.js";
import {
  applyNameChange,
  type CrashOptions,
  crashImage,
  type SimulatedContents,
  type UnsyncedChange,
} from "./crash-image.js";
import type { DiskAction, DiskChange, DiskFailure, DiskOperation, DiskWatcher } from "./disk-operation.js";
import { Random } from "./random.js";

/** Small, because after each crash image a changed block is copied. */
const BLOCK_BYTES = 4096;
/** What unsynced writes of nothing but zeros share. */
const ZEROS = new Uint8Array(256 * 1024);

const ERRNO = { io: "EIO", full: "ENOSPC", short: "EIO", sync: "EIO" } as const;

/** Who has the write lock of a file on a simulated disk. */
const HOLDER: LockHolder = { pid: 1, host: "simulated", startedAt: "2020-01-01T00:00:00.000Z" };

function identityOf(contents: SimulatedContents): string {
  return `simulated:${contents.id}`;
}

/** The storage port with power failures, errors, a clock and chance in the hands of a test. */
export class SimulatedDisk implements Storage {
  /** What `now` returns; moves only when a test moves it. */
  time = Date.UTC(2020, 0, 1);
  /** Files that would grow beyond this, all together, find the disk full. */
  capacityBytes = Number.POSITIVE_INFINITY;
  /** Sees every operation. */
  watcher: DiskWatcher | undefined;
  /** How long an asynchronous sync takes. */
  syncDelay: () => Promise<void> = turn;

  #random: Random;
  #names = new NameTable<SimulatedContents>();
  #durableNames = new NameTable<SimulatedContents>();
  #unsynced: UnsyncedChange[] = [];
  #operations = 0;
  #created = 0;
  readonly #failures = new Map<number, DiskFailure>();
  readonly #locks = new LockTable();

  constructor(seed = 1) {
    this.#random = new Random(seed);
  }

  /** How many operations there were: the index of the next one. */
  get operationCount(): number {
    return this.#operations;
  }

  /** The changes that a crash may lose, in the order in which they were made. */
  get unsynced(): DiskChange[] {
    return this.#unsynced.map((entry) => entry.change);
  }

  /** Lets the operation of this index fail, see {@link DiskFailure}. */
  failAt(operationIndex: number, kind: DiskFailure): void {
    this.#failures.set(operationIndex, kind);
  }

  /** What is found when the power comes back: a new disk, without locks, failures or watcher. This one goes on. */
  crash(options: CrashOptions): SimulatedDisk {
    const disk = new SimulatedDisk();
    const random = this.#random.clone();
    disk.#names = crashImage(this.#durableNames, this.#unsynced, options, random);
    disk.#durableNames = new NameTable(disk.#names.entries());
    disk.#random = random;
    disk.#created = this.#created;
    disk.time = this.time;
    disk.capacityBytes = this.capacityBytes;
    disk.syncDelay = this.syncDelay;
    return disk;
  }

  /** What is found when only the process is killed: a new disk with the same unsynced changes, still to be lost. */
  fork(): SimulatedDisk {
    const disk = this.crash({ keep: "none" });
    const copies = new Map<SimulatedContents, SimulatedContents>();
    const copyOf = (contents: SimulatedContents): SimulatedContents => {
      let copy = copies.get(contents);
      if (copy === undefined) {
        copy = { id: contents.id, live: contents.live.fork(), durable: contents.durable.fork() };
        copies.set(contents, copy);
      }
      return copy;
    };
    const copyNames = (names: NameTable<SimulatedContents>): NameTable<SimulatedContents> =>
      new NameTable([...names.entries()].map(([path, contents]) => [path, copyOf(contents)]));
    disk.#names = copyNames(this.#names);
    disk.#durableNames = copyNames(this.#durableNames);
    disk.#unsynced = this.#unsynced.map(({ change, contents }) => ({ change, contents: copyOf(contents) }));
    disk.#operations = this.#operations;
    return disk;
  }

  kind(path: string): PathKind {
    return this.#names.kind(path);
  }

  resolve(path: string): string {
    return path;
  }

  identify(path: string): string | undefined {
    const contents = this.#names.get(path);
    return contents && identityOf(contents);
  }

  open(path: string, mode: "read" | "write" | "create"): StorageFile {
    if (mode !== "create") {
      const contents = this.#names.require(path, "open");
      this.#end(this.#begin({ kind: "open", path, file: contents.id }));
      return this.#handle(path, contents, mode === "write");
    }
    if (this.#names.get(path) !== undefined) throw failure("EEXIST", "create", path);
    this.#names.requireFree(path, "create");
    const id = this.#created + 1;
    const operation = this.#begin({ kind: "create", path, file: id });
    this.#created = id;
    const contents = { id, live: new SparseBytes(BLOCK_BYTES), durable: new SparseBytes(BLOCK_BYTES) };
    this.#names.set(path, contents);
    this.#record(operation, contents);
    this.#end(operation);
    return this.#handle(path, contents, true);
  }

  rename(from: string, to: string): void {
    const contents = this.#names.require(from, "rename");
    this.#names.requireFree(to, "rename to");
    const operation = this.#begin({ kind: "rename", path: from, to, file: contents.id });
    this.#names.delete(from);
    this.#names.set(to, contents);
    this.#record(operation, contents);
    this.#end(operation);
  }

  unlink(path: string): void {
    if (this.#names.kind(path) === "directory") throw failure("EISDIR", "remove", path);
    const contents = this.#names.get(path);
    if (contents === undefined) return;
    const operation = this.#begin({ kind: "unlink", path, file: contents.id });
    this.#names.delete(path);
    this.#record(operation, contents);
    this.#end(operation);
  }

  list(directory: string): string[] {
    const operation = this.#begin({ kind: "list", path: directory });
    const names = this.#names.list(directory);
    this.#end(operation);
    return names;
  }

  /** The files in a folder as programs see them, in the order of their names. That is no operation. */
  *files(directory: string): Generator<{ path: string; id: number; live: SparseBytes }> {
    for (const name of this.#names.list(directory)) {
      const path = `${directory}${name}`;
      const contents = this.#names.get(path);
      if (contents !== undefined) yield { path, id: contents.id, live: contents.live };
    }
  }

  syncDirectory(path: string): void {
    const operation = this.#begin({ kind: "syncDirectory", path });
    this.#unsynced = this.#unsynced.filter(({ change, contents }) => {
      if (change.kind === "write" || change.kind === "truncate") return true;
      if (!NameTable.sameFolder(change.kind === "rename" ? change.to : change.path, path)) return true;
      applyNameChange(change, contents, this.#durableNames);
      return false;
    });
    this.#end(operation);
  }

  lock(file: StorageFile, _path?: string, slot = 0): StorageLock | undefined {
    return this.#locks.take(file.identity(), slot);
  }

  /** All holders of a simulated disk are one process, the same in every run. */
  holder(path: string): LockHolder | undefined {
    const identity = this.identify(path);
    return identity !== undefined && this.#locks.has(identity, 0) ? { ...HOLDER } : undefined;
  }

  now(): number {
    return this.time;
  }

  random(bytes: Uint8Array): void {
    this.#random.fill(bytes);
  }

  #handle(path: string, contents: SimulatedContents, writable: boolean): StorageFile {
    const file = contents.id;
    let closed = false;
    const requireOpen = (): void => {
      if (closed) throw closedError(path);
    };
    const requireWritable = (action: string): void => {
      requireOpen();
      if (!writable) throw failure("EBADF", action, path);
    };
    return {
      descriptor: undefined,
      read: (buffer, offset, length, position) => {
        requireOpen();
        const operation = this.#begin({ kind: "read", path, file, position, length }, "short");
        const there = Math.max(0, Math.min(length, contents.live.size - position));
        const wanted = this.#fails(operation) ? Math.floor(there / 2) : there;
        const count = contents.live.read(buffer, offset, wanted, position);
        this.#end(operation);
        return count;
      },
      write: (buffer, offset, length, position) => {
        requireWritable("write to");
        const end = offset + length;
        const isBlank = length <= ZEROS.length && isZero(buffer, offset, end);
        const bytes = isBlank ? ZEROS.subarray(0, length) : new Uint8Array(buffer.subarray(offset, end));
        this.#write(path, contents, position, bytes);
      },
      truncate: (fileBytes) => {
        requireWritable("resize");
        const operation = this.#begin({ kind: "truncate", path, file, fileBytes });
        if (this.#room(contents, fileBytes) < fileBytes) this.#fail(operation, "ENOSPC");
        contents.live.truncate(fileBytes);
        this.#record(operation, contents);
        this.#end(operation);
      },
      sync: () => {
        requireOpen();
        const operation = this.#begin({ kind: "sync", path, file, async: false }, "sync");
        this.#settle(operation, contents, this.#unsynced);
      },
      syncAsync: async () => {
        requireOpen();
        const operation = this.#begin({ kind: "sync", path, file, async: true }, "sync");
        const covered = [...this.#unsynced];
        await this.syncDelay();
        this.#settle(operation, contents, covered);
      },
      size: () => {
        requireOpen();
        return contents.live.size;
      },
      identity: () => {
        requireOpen();
        return identityOf(contents);
      },
      links: () => {
        requireOpen();
        return this.#names.links(contents);
      },
      close: () => {
        if (closed) return;
        closed = true;
        this.#end(this.#begin({ kind: "close", path, file }));
      },
    };
  }

  #write(path: string, contents: SimulatedContents, position: number, bytes: Uint8Array): void {
    const operation = this.#begin({ kind: "write", path, file: contents.id, position, bytes }, "short");
    const limit = this.#fails(operation) ? Math.floor(bytes.length / 2) : bytes.length;
    const room = this.#room(contents, position + bytes.length) - position;
    const count = Math.max(0, Math.min(limit, room));
    contents.live.write(bytes, 0, count, position);
    if (count > 0) this.#record({ ...operation, bytes: bytes.subarray(0, count) }, contents);
    if (count < bytes.length) this.#fail(operation, "ENOSPC");
    this.#end(operation);
  }

  /** The changes of the file that the sync covers become durable, or never will where the sync is to fail. */
  #settle(operation: DiskOperation, contents: SimulatedContents, covered: readonly UnsyncedChange[]): void {
    const lost = this.#fails(operation);
    const settled = new Set(covered);
    this.#unsynced = this.#unsynced.filter((entry) => {
      const { change } = entry;
      if (entry.contents !== contents || !settled.has(entry)) return true;
      if (change.kind === "write") {
        if (!lost) contents.durable.write(change.bytes, 0, change.bytes.length, change.position);
        return false;
      }
      if (change.kind !== "truncate") return true;
      if (!lost) contents.durable.truncate(change.fileBytes);
      return false;
    });
    if (lost) this.#fail(operation, ERRNO.sync);
    this.#end(operation);
  }

  /** How long the file may become on the way to `wanted`. */
  #room(contents: SimulatedContents, wanted: number): number {
    if (wanted <= contents.live.size || this.capacityBytes === Number.POSITIVE_INFINITY) return wanted;
    let others = 0;
    for (const [, other] of this.#names.entries()) if (other !== contents) others += other.live.size;
    return Math.max(contents.live.size, Math.min(wanted, this.capacityBytes - others));
  }

  /** Numbers the operation, shows it, and lets it fail where a test said so, unless it has a way of its own to fail. */
  #begin<A extends DiskAction>(action: A, ownFailure?: DiskFailure): A & { readonly index: number } {
    const operation = { ...action, index: this.#operations++ };
    this.watcher?.(operation, "before");
    const kind = this.#failures.get(operation.index);
    if (kind !== undefined && kind !== ownFailure) this.#fail(operation, ERRNO[kind]);
    return operation;
  }

  #fails(operation: DiskOperation): boolean {
    return this.#failures.has(operation.index);
  }

  #fail(operation: DiskOperation, errno: string): never {
    this.watcher?.(operation, "failed");
    throw failure(errno, operation.kind, operation.path);
  }

  #end(operation: DiskOperation): void {
    this.watcher?.(operation, "done");
  }

  #record(change: DiskChange, contents: SimulatedContents): void {
    this.#unsynced.push({ change, contents });
  }
}
