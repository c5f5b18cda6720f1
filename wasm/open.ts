/**
 * Opening a database with all that it has; see `engine/open.ts`.
 */
import { openAs, openMemoryAs } from "../engine/open.js";
import type { OpenOptions } from "../engine/options.js";
import type { Place } from "../engine/place.js";
import { Database } from "./database.js";

/**
 * Opens a database, and makes it where it is missing. Recovers first where the last process did not close it.
 *
 * @param path the file, as a path or a `file:` URL; its folder must exist. `:memory:` is as {@link openMemory}
 * @throws LlmdbError `LLMDB_NOT_FOUND` (missing folder, or missing file with `create: false` or `readOnly`),
 * `LLMDB_NOT_A_DATABASE`, `LLMDB_FORMAT_VERSION`, `LLMDB_CORRUPT`, `LLMDB_LOCKED`, `LLMDB_INVALID_ARGUMENT`,
 * `LLMDB_UNSUPPORTED`, `LLMDB_IO`
 *
 * @example
 * ```ts
 * const db = open("agent.llmdb");
 * await db.put("report/due", "Friday");
 * await db.put("report/due", "Monday");
 * db.get("report/due", { tx: 1 }); // "Friday"
 * await db.close();
 * ```
 */
export function open(path: Place, options?: OpenOptions): Database {
  return openAs(Database, path, options);
}

/**
 * Opens an empty database in memory, with the same behaviour; it is gone when it is closed.
 *
 * @throws LlmdbError `LLMDB_INVALID_ARGUMENT`
 */
export function openMemory(options?: OpenOptions): Database {
  return openMemoryAs(Database, options);
}
