/**
 * SQLite through better-sqlite3. Guarantees: write-ahead log with a sync at each commit; one table whose primary key is
 * the tree itself.
 */
import { Buffer } from "node:buffer";
import { join } from "node:path";
import Database from "better-sqlite3";
import { digest } from "../data-set.mjs";

export const Bytes = Buffer;

/** @type {import("../engines.mjs").EngineModule["openEngine"]} */
export function openEngine({ folder, cacheBytes }) {
  const db = new Database(join(folder, "data.sqlite"));
  db.pragma("journal_mode = WAL");
  db.pragma("synchronous = FULL");
  db.pragma(`cache_size = -${Math.ceil(cacheBytes / 1024)}`);
  db.pragma(`mmap_size = ${cacheBytes}`);
  db.exec("CREATE TABLE entries (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID");
  const get = db.prepare("SELECT value FROM entries WHERE key = ?").pluck();
  const all = db.prepare("SELECT key, value FROM entries ORDER BY key").raw();
  const put = db.prepare("INSERT OR REPLACE INTO entries (key, value) VALUES (?, ?)");
  const load = db.transaction((keys, values) => {
    for (let i = 0; i < keys.length; i++) put.run(keys[i], values[i]);
  });
  return {
    settings:
      "WAL, synchronous = FULL, WITHOUT ROWID, " +
      `cache_size and mmap_size ${cacheBytes} bytes, prepared statements, pluck() and raw()`,
    getMany(keys) {
      let sum = 0;
      for (let i = 0; i < keys.length; i++) sum += digest(get.get(keys[i]));
      return sum;
    },
    scan() {
      let sum = 0;
      for (const [key, value] of all.iterate()) sum += key.length + digest(value);
      return sum;
    },
    load(keys, values) {
      load(keys, values);
    },
    commitEach(keys, values, sampleNs) {
      for (let i = 0; i < keys.length; i++) {
        const start = performance.now();
        put.run(keys[i], values[i]);
        sampleNs.push((performance.now() - start) * 1e6);
      }
    },
    settle() {
      db.pragma("wal_checkpoint(TRUNCATE)");
    },
  };
}
