/**
 * The options of the public calls, checked. Guarantees: an unknown option or a value out of range is an error that
 * names it, before anything is opened or written.
 */

import { LlmdbError } from "../pager/error.js";
import { PAGE_SIZES } from "../pager/page.js";
import type { Storage } from "../pager/storage.js";
import type { Durability } from "./durability.js";
import { type CheckedBounds, checkModuleBounds, type ModuleBounds } from "./module-bounds.js";
import type { ValueFormat } from "./value.js";
import type { VerifyOptions } from "./verify.js";

/** How to open a database. */
export interface OpenOptions {
  /** Takes no write lock and never changes the database; works on read-only media. Default false. */
  readOnly?: boolean;
  /** Whether a missing file is made. Default true; with false, it is an error. */
  create?: boolean;
  /**
   * Says that no process on another machine or in another container has the database open meanwhile. Then it is opened
   * for writing also where such a process could not be seen: on file systems that machines share (NFS, SMB, FUSE, 9p,
   * virtiofs), in folders that take no Unix sockets, and where the file was mounted without its folder. What can be
   * seen is looked at all the same. Default false.
   */
  alone?: boolean;
  /** Bytes of a page, at creation. Default 8192. */
  pageSize?: 4096 | 8192 | 16384 | 32768 | 65536;
  /** The most bytes of pages in memory; at least 64 pages. Taken as they are needed. Default 256 MiB. */
  cacheBytes?: number;
  /**
   * `pread` reads pages into the cache; `mmap` maps the file and needs the package mmap-io; `auto` maps if it can.
   * Default `pread`.
   */
  pageSource?: "auto" | "pread" | "mmap";
  /**
   * Keeps the cache in shared memory, so that worker threads can read pages where they are. Scans of bytes and writes
   * cost 10 to 20% more. `view` then hands out windows on shared memory: `crypto.subtle` refuses them, and
   * `structuredClone` does not copy them. Pages of a mapped file are not in the cache. Default false.
   */
  sharedCache?: boolean;
  /** What a resolved write promises, unless its transaction says otherwise. Default `durable`. */
  durability?: Durability;
  /** Bytes of log that start a checkpoint. Default 64 MiB. The log file grows to about three times as much. */
  checkpointBytes?: number;
  /**
   * Overwrites pages and log with zeros once nobody needs them: each checkpoint is followed by a second one, after
   * which what was deleted before is nowhere in the files. Costs about twice the writing. Default false.
   */
  eraseFreed?: boolean;
  /**
   * What WebAssembly modules may use in this process, whatever the file says of them; false: none runs, and what they
   * are attached to cannot be written. Default: attachments end after a second at most.
   */
  modules?: false | ModuleBounds;
  /** Milliseconds since 1970 UTC, fractions to the microsecond. Default: the system's clock. */
  clock?: () => number;
  /** The storage port. Default: the file system. */
  storage?: unknown;
}

/** How a transaction commits. */
export interface TransactionOptions {
  /** Default: what the database was opened with. */
  durability?: Durability;
}

/**
 * How the values of a map are stored: fixed when it is first written to (default `msgpack`). Until then the choice of
 * an open handle holds everywhere, and another one is refused.
 */
export interface MapOptions {
  values?: ValueFormat;
}

/** How a backup is made. */
export interface BackupOptions {
  /** Rebuilds the trees, so that the copy is as small as can be. Default false: a copy page by page. */
  compact?: boolean;
}

export interface CheckedOptions {
  readonly readOnly: boolean;
  readonly create: boolean;
  readonly alone: boolean;
  readonly pageSize: number | undefined;
  readonly cacheBytes: number;
  readonly pageSource: "auto" | "pread" | "mmap";
  readonly sharedCache: boolean;
  readonly durability: Durability;
  readonly checkpointBytes: number;
  readonly eraseFreed: boolean;
  /** Null: no module runs. */
  readonly modules: CheckedBounds | null;
  readonly clock: (() => number) | undefined;
  readonly storage: Storage | undefined;
}

const DEFAULT_CACHE_BYTES = 256 * 1024 * 1024;
const DEFAULT_CHECKPOINT_BYTES = 64 * 1024 * 1024;
const MAX_CACHE_BYTES = 2 ** 40;
/** Names of maps that start like this belong to the database itself. */
export const RESERVED_NAMES = "_meta/";
const TRANSACTION_OPTIONS = ["durability"];
const DURABILITIES = ["durable", "buffered"];
const STORAGE_METHODS = [
  "kind",
  "resolve",
  "identify",
  "open",
  "rename",
  "unlink",
  "list",
  "syncDirectory",
  "lock",
  "holder",
  "now",
  "random",
];
const OPEN_OPTIONS = [
  "readOnly",
  "create",
  "alone",
  "pageSize",
  "cacheBytes",
  "pageSource",
  "sharedCache",
  "durability",
  "checkpointBytes",
  "eraseFreed",
  "modules",
  "clock",
  "storage",
];

/**
 * @throws LlmdbError `LLMDB_INVALID_ARGUMENT`
 */
export function checkOpenOptions(options: OpenOptions | undefined): CheckedOptions {
  const given = requireObject(options, OPEN_OPTIONS, "open");
  return {
    readOnly: optionalBoolean(given.readOnly, "readOnly", false),
    create: optionalBoolean(given.create, "create", true),
    alone: optionalBoolean(given.alone, "alone", false),
    pageSize: given.pageSize === undefined ? undefined : oneOf(given.pageSize, PAGE_SIZES, "pageSize"),
    cacheBytes: optionalBytes(given.cacheBytes, "cacheBytes", DEFAULT_CACHE_BYTES),
    pageSource:
      given.pageSource === undefined ? "pread" : oneOf(given.pageSource, ["auto", "pread", "mmap"], "pageSource"),
    sharedCache: optionalBoolean(given.sharedCache, "sharedCache", false),
    durability: checkDurability(given.durability, "durable"),
    checkpointBytes: optionalBytes(given.checkpointBytes, "checkpointBytes", DEFAULT_CHECKPOINT_BYTES),
    eraseFreed: optionalBoolean(given.eraseFreed, "eraseFreed", false),
    modules: checkModuleBounds(given.modules),
    clock: optionalFunction(given.clock, "clock"),
    storage: checkStorage(given.storage),
  };
}

/**
 * @param known the options there are
 * @throws LlmdbError `LLMDB_INVALID_ARGUMENT`
 */
export function checkTransactionOptions(
  options: TransactionOptions | undefined,
  fallback: Durability,
  known: readonly string[] = TRANSACTION_OPTIONS,
): Durability {
  return checkDurability(requireObject(options, known, "transaction").durability, fallback);
}

/**
 * @throws LlmdbError `LLMDB_INVALID_ARGUMENT`
 */
export function checkMapOptions(name: unknown, options: MapOptions | undefined, maxNameBytes: number): void {
  if (typeof name !== "string" || name.length === 0 || !name.isWellFormed()) {
    throw invalid("the name of a map is a string of at least one character, without lone surrogates");
  }
  if (name.startsWith(RESERVED_NAMES)) {
    throw invalid(`names that start with "${RESERVED_NAMES}" belong to the database itself; choose another one`);
  }
  if (Buffer.byteLength(name) > maxNameBytes) throw invalid(`the name of a map has at most ${maxNameBytes} bytes`);
  const given = requireObject(options, ["values"], "map");
  if (given.values !== undefined) oneOf(given.values, ["msgpack", "json", "bytes", "string"], "values");
}

/**
 * @throws LlmdbError `LLMDB_INVALID_ARGUMENT`
 */
export function checkBackupOptions(options: BackupOptions | undefined): { compact: boolean } {
  const given = requireObject(options, ["compact"], "backup");
  return { compact: optionalBoolean(given.compact, "compact", false) };
}

/**
 * @throws LlmdbError `LLMDB_INVALID_ARGUMENT`
 */
export function checkVerifyOptions(options: VerifyOptions | undefined): Required<VerifyOptions> {
  const { onProgress = () => {} } = requireObject(options, ["onProgress"], "verifyAsync");
  if (typeof onProgress !== "function") throw invalid("onProgress is a function that is told how far it has come");
  return { onProgress };
}

function requireObject<T extends object>(options: T | undefined, known: readonly string[], what: string): Partial<T> {
  if (options === undefined) return {};
  if (options === null || typeof options !== "object" || Array.isArray(options)) {
    throw invalid(`the options of ${what} are an object`);
  }
  for (const option of Object.keys(options)) {
    if (!known.includes(option)) throw invalid(`${what} has no option "${option}"; it has ${known.join(", ")}`);
  }
  return options;
}

function checkDurability(value: unknown, fallback: Durability): Durability {
  if (value === undefined) return fallback;
  if (value === "durable" || value === "buffered") return value;
  throw invalid(`durability is one of ${DURABILITIES.join(", ")}`);
}

function oneOf<T>(value: T, allowed: readonly T[], name: string): T {
  if (allowed.includes(value)) return value;
  throw invalid(`${name} is one of ${allowed.join(", ")}, not ${String(value)}`);
}

function optionalBoolean(value: unknown, name: string, fallback: boolean): boolean {
  if (value === undefined) return fallback;
  if (typeof value !== "boolean") throw invalid(`${name} is true or false`);
  return value;
}

function optionalBytes(value: unknown, name: string, fallback: number): number {
  if (value === undefined) return fallback;
  if (typeof value !== "number" || !(value >= 0 && value <= MAX_CACHE_BYTES)) {
    throw invalid(`${name} is a number of bytes up to 2^40`);
  }
  return value;
}

function optionalFunction(value: (() => number) | undefined, name: string): (() => number) | undefined {
  if (value !== undefined && typeof value !== "function") throw invalid(`${name} is a function`);
  return value;
}

function checkStorage(value: unknown): Storage | undefined {
  if (value === undefined || isStorage(value)) return value;
  throw invalid("storage is an object with the methods of the storage port: open, kind, rename, lock, now, ...");
}

function isStorage(value: unknown): value is Storage {
  if (value === null || typeof value !== "object") return false;
  return STORAGE_METHODS.every((method) => method in value && typeof Reflect.get(value, method) === "function");
}

function invalid(message: string): LlmdbError {
  return new LlmdbError("LLMDB_INVALID_ARGUMENT", message);
}
