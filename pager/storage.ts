/**
 * The storage port: the only way the engine reaches the world. Three implementations exist: the file system
 * (`file-storage.ts`), plain memory (`memory-storage.ts`) and the simulated disk of the test harness.
 *
 * Guarantees that every implementation gives:
 * - `read` and `write` loop until everything is done; a short count from the system never reaches the engine.
 * - Failures are `LlmdbError`: `LLMDB_DISK_FULL` where there is no room, `LLMDB_IO` otherwise, with the system's
 *   error as `cause` and its code in `details.errno`.
 * - Nothing is durable before `sync` (file contents and length) or `syncDirectory` (names) has returned.
 * - It uses no database of this process while it is called: that would overwrite what the call has in its buffers.
 */

/** An open file. Positions and lengths are in bytes; positions may pass 2^32. */
export interface StorageFile {
  /**
   * Reads `length` bytes at `position` into `buffer` at `offset`. Returns how many bytes there were: fewer than
   * `length` only where the file ends.
   */
  read(buffer: Uint8Array, offset: number, length: number, position: number): number;
  /** Writes `length` bytes of `buffer` from `offset` at `position`, growing the file if need be. */
  write(buffer: Uint8Array, offset: number, length: number, position: number): void;
  /** Makes the contents and the length durable; blocks. */
  sync(): void;
  /** The same on the thread pool. */
  syncAsync(): Promise<void>;
  /** Sets the length; a longer file is filled with zeros. */
  truncate(fileBytes: number): void;
  /** The length now. */
  size(): number;
  /** Names the file itself, whatever path led to it: device and inode. */
  identity(): string;
  /** How many names (hard links) the file has now; 0 once the last one was removed. */
  links(): number;
  /** The system's descriptor, where there is one: the mapped page source needs it. */
  readonly descriptor: number | undefined;
  close(): void;
}

/** A held lock. */
export interface StorageLock {
  release(): void;
}

/** The process that holds a write lock. */
export interface LockHolder {
  readonly pid: number;
  readonly host: string;
  /** When the process started, as ISO 8601 in UTC. */
  readonly startedAt: string;
  /** True where its number is one of another container's, and means nothing in this one. */
  readonly inContainer?: true;
}

/** How a message names the process that has a lock: it is put before "; close it there" and the like. */
export function holderName(holder: LockHolder | undefined): string {
  if (holder === undefined) {
    return "a process that cannot be named from here (it is of another container or user, or could not write its note)";
  }
  const { pid, host, inContainer } = holder;
  return inContainer === true ? `process ${pid} of another container, on ${host}` : `process ${pid} on ${host}`;
}

/** What a path leads to. */
export type PathKind = "file" | "directory" | "other" | "missing";

export interface Storage {
  /** True where nothing outlives the process, so that nothing is gained by a log. */
  readonly volatile?: boolean;
  /** What is at `path`, following symbolic links. */
  kind(path: string): PathKind;
  /**
   * The path with symbolic links followed, so that what is next to the database is found under one name whatever
   * path led there. Of a missing file: its folder's real path and its name; of a dangling link: the path it points at.
   *
   * @throws LlmdbError `LLMDB_NOT_FOUND` where the folder is missing
   */
  resolve(path: string): string;
  /**
   * Names what is at `path` now as {@link StorageFile.identity} does; undefined where nothing is. Cheap: the engine
   * asks at each commit whether its file is still there.
   */
  identify(path: string): string | undefined;
  /**
   * Opens a file. `read`: must exist, never changed. `write`: must exist. `create`: must not exist yet; it is for its
   * owner alone.
   *
   * @param like - With `create`: a file whose permissions it takes instead, where there is one.
   * @throws LlmdbError `LLMDB_NOT_FOUND` where the file (or, with `create`, its folder) is missing, `LLMDB_IO`
   * otherwise.
   */
  open(path: string, mode: "read" | "write" | "create", like?: string): StorageFile;
  /** Moves a file over another name, atomically. Durable after `syncDirectory`. */
  rename(from: string, to: string): void;
  /** Removes a file; a missing one is fine. Durable after `syncDirectory`. */
  unlink(path: string): void;
  /** The names in a folder, sorted. */
  list(directory: string): string[];
  /** Makes creations, renames and removals in the folder that holds `path` durable. */
  syncDirectory(path: string): void;
  /**
   * Takes a lock of an open file for as long as the thread lives or until `release`. Never waits for a holder. Returns
   * undefined where another one has it. The file stays open until the release: once it is gone, the system may give its
   * identity to another one.
   *
   * @param path - A path of the file, as {@link Storage.resolve} gives it.
   * @param slot - 0, the default, is the write lock. 1 to 255 are further locks, each on its own: readers in other
   * processes show with 1 to 253 that they are alive. Of those alone, one whose holder has ended in another container
   * may count as taken until the event loop has turned.
   * @param alone - Takes the lock also where holders on other machines or in other containers could not be seen.
   * Default: only for slots other than 0.
   * @throws LlmdbError `LLMDB_UNSUPPORTED` where they could not be seen and the caller is not `alone`
   */
  lock(file: StorageFile, path: string, slot?: number, alone?: boolean): StorageLock | undefined;
  /**
   * Who has the write lock of the file, as far as is known. Information for people: only {@link Storage.lock} tells
   * whether somebody has it.
   *
   * @param path - As it was given to `lock`.
   */
  holder(path: string): LockHolder | undefined;
  /** Milliseconds since 1970 UTC, with microseconds in the fraction. */
  now(): number;
  /** Fills `bytes` with random bytes. */
  random(bytes: Uint8Array): void;
}
