/** The options of a level database: those of abstract-level, of LLMDB, and what LevelDB's users know as `sync`. */
import type { AbstractBatchOptions, AbstractDatabaseOptions, AbstractOpenOptions } from "abstract-level";
import type { Durability } from "../engine/durability.js";
import type { OpenOptions } from "../engine/options.js";
import type { Storage } from "../pager/storage.js";

/** How to open the database. `createIfMissing` is LLMDB's `create`. */
export interface LlmdbLevelOpenOptions extends AbstractOpenOptions, Omit<OpenOptions, "create"> {
  /**
   * What a write promises that does not say `sync`. Default `buffered`, which is LevelDB's default; see
   * {@link LlmdbLevelWriteOptions.sync}.
   */
  durability?: Durability;
  /** The storage port. Default: the file system; for the location `:memory:`, memory. */
  storage?: Storage;
}

/** What the constructor takes: encodings, how to open, and where in the file the entries are. */
export interface LlmdbLevelOptions<K, V> extends AbstractDatabaseOptions<K, V>, Omit<LlmdbLevelOpenOptions, "passive"> {
  /** The name of the ordered map that holds the entries. Default `level`. */
  map?: string;
}

/** How a write commits. */
export interface LlmdbLevelWriteOptions {
  /**
   * True: the write resolves when it is durable, on the disk. False: it resolves at once and is on the disk about
   * a second later; a program that ends without `close()` waits for that. Default: what `durability` says.
   *
   * Without `sync` the newest writes may be lost, in order, when the machine loses power and, other than with LevelDB,
   * also when the process is killed or calls `process.exit`. The file is never damaged, and `close()` loses nothing.
   */
  sync?: boolean | undefined;
}

/**
 * How a batch commits. The types of abstract-level refuse `sync` in a literal passed to `batch`, not in a value of this
 * type. A chained batch takes it as it is: `db.batch().put(…).write({ sync: true })`.
 *
 * @example
 * ```ts
 * const durable: LlmdbLevelBatchOptions<string, string> = { sync: true };
 * await db.batch([{ type: "put", key: "a", value: "1" }], durable);
 * ```
 */
export interface LlmdbLevelBatchOptions<K, V> extends AbstractBatchOptions<K, V>, LlmdbLevelWriteOptions {}
