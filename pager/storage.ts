/**
 * The storage port: the only way the engine reaches the world. Three implementations exist: the file system
 * (`file-storage.ts`), plain memory (`memory-storage.ts`) and the simulated disk of the test harness.
 *
 * Guarantees that every implementation gives:
 * - `read` and `write` loop until everything is done; a short count from the system never reaches the engine.
 * - Failures are `LlmdbError`: `LLMDB_DISK_FULL` where there is no room, `LLMDB_IO` otherwise, with the system's
 *   error as `cause` and its code in `details.errno`.
 * - Nothing is durable before `sync` (file contents and length) or `syncDirectory` (names) has returned.
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
  /** The system's descriptor, where there is one: the mapped page source needs it. */
  readonly descriptor: number | undefined;
  close(): void;
}

/** A held lock. */
export interface StorageLock {
  release(): void;
}

/** What a path leads to. */
export type PathKind = "file" | "directory" | "other" | "missing";

export interface Storage {
  /** What is at `path`, following symbolic links. */
  kind(path: string): PathKind;
  /**
   * Opens a file. `read`: must exist, never changed. `write`: must exist. `create`: must not exist yet.
   *
   * @throws LlmdbError `LLMDB_NOT_FOUND` where the file (or, with `create`, its folder) is missing, `LLMDB_IO`
   * otherwise.
   */
  open(path: string, mode: "read" | "write" | "create"): StorageFile;
  /** Moves a file over another name, atomically. Durable after `syncDirectory`. */
  rename(from: string, to: string): void;
  /** Removes a file; a missing one is fine. Durable after `syncDirectory`. */
  unlink(path: string): void;
  /** The names in a folder, sorted. */
  list(directory: string): string[];
  /** Makes creations, renames and removals in the folder that holds `path` durable. */
  syncDirectory(path: string): void;
  /**
   * Takes the write lock of an open database file for as long as the process lives or until `release`. Returns
   * undefined where another holder has it.
   */
  lock(file: StorageFile, path: string): StorageLock | undefined;
  /** Milliseconds since 1970 UTC, with microseconds in the fraction. */
  now(): number;
  /** Fills `bytes` with random bytes. */
  random(bytes: Uint8Array): void;
}
