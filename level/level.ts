/**
 * A database of the Level ecosystem that keeps its entries in one ordered map of LLMDB. Guarantees: passes the test
 * suite of abstract-level 3; a batch is one transaction; an iterator reads the state of the moment it was made. Errors
 * of LLMDB keep their type and code; where abstract-level wraps them, they are the `cause`.
 */
import {
  type AbstractClearOptions,
  type AbstractDelOptions,
  AbstractLevel,
  type AbstractPutOptions,
  type AbstractSnapshot,
} from "abstract-level";
import type { Durability } from "../engine/durability.js";
import type { OrderedMap } from "../engine/ordered-map.js";
import type { TransactionMap } from "../engine/transaction-map.js";
import { LlmdbError } from "../pager/error.js";
import { fileStorage } from "../pager/file-storage.js";
import { memoryStorage } from "../pager/memory-storage.js";
import type { Storage } from "../pager/storage.js";
import type { Database } from "../wasm/database.js";
import { open } from "../wasm/open.js";
import { type ByteMap, type Format, readValue, toBytes } from "./format.js";
import { type IteratorOptions, LevelIterator, LevelKeyIterator, LevelValueIterator } from "./iterator.js";
import type { LlmdbLevelOpenOptions, LlmdbLevelOptions, LlmdbLevelWriteOptions } from "./options.js";
import { byteRange, type LevelRange } from "./range.js";
import type { ScanSource } from "./scan.js";
import { LevelSnapshot, type SnapshotOptions } from "./snapshot.js";

/** What is open while the database is. */
interface Opened {
  readonly database: Database;
  readonly map: OrderedMap<Uint8Array, Uint8Array>;
  readonly durability: Durability;
}

/** Options of a private read method. */
interface ReadOptions {
  readonly valueEncoding: string;
  readonly snapshot?: AbstractSnapshot;
}

/** An operation of a batch, encoded. */
type Operation =
  | { readonly type: "put"; readonly key: Format; readonly value: Format }
  | { readonly type: "del"; readonly key: Format };

const IN_MEMORY = ":memory:";
const AS_BYTES = { values: "bytes" } as const;

/**
 * An `abstract-level` database in one LLMDB file.
 *
 * The location is the path of the file; its folder must exist. The location `:memory:` keeps the data in memory
 * instead, with the instance: closing and opening the same instance finds it again. Keys and values are stored as
 * bytes, keys up to about an eighth of a page (1,087 bytes by default; `pageSize` raises that).
 *
 * Writes resolve before they are on the disk, as in LevelDB, unless they say `sync: true` or the database was opened
 * with `durability: "durable"`.
 *
 * @typeParam KDefault - the type of keys, given by `keyEncoding`
 * @typeParam VDefault - the type of values, given by `valueEncoding`
 *
 * @example
 * ```ts
 * const db = new LlmdbLevel<string, { name: string }>("agent.llmdb", { valueEncoding: "json" });
 * await db.put("user:42", { name: "Ada" }, { sync: true });
 * for await (const [key, user] of db.iterator({ gte: "user:", lt: "user;" })) console.log(key, user.name);
 * await db.close();
 * ```
 */
export class LlmdbLevel<KDefault = string, VDefault = string> extends AbstractLevel<Format, KDefault, VDefault> {
  /** The path that it was constructed with. */
  readonly location: string;
  readonly #mapName: string;
  /** Holds the data of `:memory:` over close and open. */
  readonly #memory: Storage | undefined;
  #opened: Opened | undefined;

  /**
   * Opens by itself, in the next microtask; operations wait for that.
   *
   * @throws LlmdbError `LLMDB_INVALID_ARGUMENT` for a location that is no path. What goes wrong with opening is the
   * `cause` of the `LEVEL_DATABASE_NOT_OPEN` with which `open()` and the operations reject: the codes of LLMDB's
   * `open`, `LLMDB_LOCKED` among them, and `LLMDB_INVALID_ARGUMENT` for `errorIfExists`.
   */
  constructor(location: string, options?: LlmdbLevelOptions<KDefault, VDefault>) {
    if (typeof location !== "string" || location.length === 0) {
      throw new LlmdbError("LLMDB_INVALID_ARGUMENT", "the location of a database is the path of a file, as a string");
    }
    // Apart, because the types of the manifest lag behind it: they do not know getSync.
    const manifest = {
      encodings: { utf8: true, buffer: true, view: true },
      permanence: location !== IN_MEMORY,
      implicitSnapshots: true,
      explicitSnapshots: true,
      createIfMissing: true,
      errorIfExists: true,
      getSync: true,
      has: true,
      seek: true,
    };
    super(manifest, options);
    this.location = location;
    this.#mapName = options?.map ?? "level";
    this.#memory = location === IN_MEMORY ? memoryStorage() : undefined;
  }

  /**
   * The LLMDB database underneath, for what abstract-level has no method for: other maps, `backup`, `verify`, `stats`.
   * Leave closing it to `close()`.
   *
   * @throws LlmdbError `LLMDB_CLOSED` while it is not open
   */
  get database(): Database {
    return this.#requireOpen().database;
  }

  /** Opens it, or waits until it is open. Options given here go before those of the constructor. */
  override open(options?: LlmdbLevelOpenOptions): Promise<void> {
    return super.open(options!);
  }

  /** Sets the value of a key. Rejects with the errors of LLMDB's `put`. */
  override put(key: KDefault, value: VDefault): Promise<void>;
  override put<K = KDefault, V = VDefault>(
    key: K,
    value: V,
    options: AbstractPutOptions<K, V> & LlmdbLevelWriteOptions,
  ): Promise<void>;
  override put(key: KDefault, value: VDefault, options?: AbstractPutOptions<KDefault, VDefault>): Promise<void> {
    return super.put(key, value, options!);
  }

  /** Takes a key out; an absent one is fine. Rejects as `put`. */
  override del(key: KDefault): Promise<void>;
  override del<K = KDefault>(key: K, options: AbstractDelOptions<K> & LlmdbLevelWriteOptions): Promise<void>;
  override del(key: KDefault, options?: AbstractDelOptions<KDefault>): Promise<void> {
    return super.del(key, options!);
  }

  // `batch` is not overridden: with its type the class would no longer be assignable to AbstractLevel.

  /** Takes a range out, as one transaction; without a range, everything. Rejects as `put`. */
  override clear(): Promise<void>;
  override clear<K = KDefault>(options: AbstractClearOptions<K> & LlmdbLevelWriteOptions): Promise<void>;
  override clear(options?: AbstractClearOptions<KDefault>): Promise<void> {
    return super.clear(options!);
  }

  protected async _open(options: LlmdbLevelOpenOptions): Promise<void> {
    const { location } = this;
    const storage = options.storage ?? this.#memory;
    if (options.errorIfExists && (storage ?? fileStorage).kind(location) !== "missing") {
      throw new LlmdbError("LLMDB_INVALID_ARGUMENT", `${location} exists; open it without errorIfExists`, {
        path: location,
      });
    }
    const durability = options.durability ?? "buffered";
    const database = openDatabase(location, { ...options, storage, durability });
    try {
      this.#opened = { database, map: database.map(this.#mapName, AS_BYTES), durability };
    } catch (error) {
      database.closeSync();
      throw error;
    }
  }

  protected async _close(): Promise<void> {
    const opened = this.#opened;
    this.#opened = undefined;
    await opened?.database.close();
  }

  protected async _get(key: Format, options: ReadOptions): Promise<Format | undefined> {
    return readValue(this.#reading(options.snapshot), toBytes(key), options.valueEncoding);
  }

  protected _getSync(key: Format, options: ReadOptions): Format | undefined {
    return readValue(this.#reading(options.snapshot), toBytes(key), options.valueEncoding);
  }

  protected async _getMany(keys: Format[], options: ReadOptions): Promise<(Format | undefined)[]> {
    const map = this.#reading(options.snapshot);
    return keys.map((key) => readValue(map, toBytes(key), options.valueEncoding));
  }

  protected async _has(key: Format, options: ReadOptions): Promise<boolean> {
    return this.#reading(options.snapshot).has(toBytes(key));
  }

  protected async _hasMany(keys: Format[], options: ReadOptions): Promise<boolean[]> {
    const map = this.#reading(options.snapshot);
    return keys.map((key) => map.has(toBytes(key)));
  }

  protected _put(key: Format, value: Format, options: LlmdbLevelWriteOptions): Promise<void> {
    return this.#write(options, (map) => map.put(toBytes(key), toBytes(value)));
  }

  protected _del(key: Format, options: LlmdbLevelWriteOptions): Promise<void> {
    return this.#write(options, (map) => map.delete(toBytes(key)));
  }

  protected _batch(operations: Operation[], options: LlmdbLevelWriteOptions): Promise<void> {
    return this.#write(options, (map) => {
      for (const operation of operations) {
        if (operation.type === "put") map.put(toBytes(operation.key), toBytes(operation.value));
        else map.delete(toBytes(operation.key));
      }
    });
  }

  protected _clear(options: LevelRange & LlmdbLevelWriteOptions & { snapshot?: AbstractSnapshot }): Promise<void> {
    const { reverse, ...range } = byteRange(options);
    const limit = options.limit < 0 ? Number.POSITIVE_INFINITY : options.limit;
    const kept = options.snapshot && this.#reading(options.snapshot);
    return this.#write(options, (map) => {
      if (kept === undefined && limit === Number.POSITIVE_INFINITY) return map.clear(range);
      for (const key of (kept ?? map).keys({ ...range, reverse, limit })) map.delete(key);
    });
  }

  protected _iterator(options: IteratorOptions): LevelIterator<this> {
    return new LevelIterator(this, this.#scanning(options.snapshot), options);
  }

  protected _keys(options: IteratorOptions): LevelKeyIterator<this> {
    return new LevelKeyIterator(this, this.#scanning(options.snapshot), options);
  }

  protected _values(options: IteratorOptions): LevelValueIterator<this> {
    return new LevelValueIterator(this, this.#scanning(options.snapshot), options);
  }

  protected _snapshot(options: SnapshotOptions): LevelSnapshot {
    return new LevelSnapshot(this.database, this.#mapName, options);
  }

  #requireOpen(): Opened {
    if (this.#opened !== undefined) return this.#opened;
    throw new LlmdbError("LLMDB_CLOSED", `${this.location} is not open; await db.open() first`);
  }

  /** The map that a point read goes to. */
  #reading(snapshot: AbstractSnapshot | undefined): ByteMap {
    const { database, map } = this.#requireOpen();
    return snapshot ? LevelSnapshot.mapOf(snapshot, database) : map;
  }

  /** The map that an iterator goes to. */
  #scanning(snapshot: AbstractSnapshot | undefined): ScanSource {
    const { database } = this.#requireOpen();
    if (snapshot) return { map: LevelSnapshot.mapOf(snapshot, database) };
    const own = database.snapshot();
    return { map: own.map(this.#mapName), own };
  }

  async #write(
    options: LlmdbLevelWriteOptions,
    change: (map: TransactionMap<Uint8Array, Uint8Array>) => void,
  ): Promise<void> {
    const { database, durability: usual } = this.#requireOpen();
    const durability = options.sync === undefined ? usual : options.sync ? "durable" : "buffered";
    await database.transaction((tx) => change(tx.map(this.#mapName, AS_BYTES)), { durability });
  }
}

function openDatabase(location: string, options: LlmdbLevelOpenOptions): Database {
  const { createIfMissing: create, readOnly, pageSize, cacheBytes, pageSource } = options;
  const { durability, checkpointBytes, clock, storage } = options;
  try {
    return open(location, {
      create,
      readOnly,
      pageSize,
      cacheBytes,
      pageSource,
      durability,
      checkpointBytes,
      clock,
      storage,
    });
  } catch (error) {
    if (!(error instanceof LlmdbError) || error.code !== "LLMDB_NOT_FOUND" || create) throw error;
    // The words that programs for LevelDB look for.
    throw new LlmdbError(error.code, `${location} does not exist: ${error.message}`, error.details, { cause: error });
  }
}
