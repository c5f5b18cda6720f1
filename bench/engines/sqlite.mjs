/**
 * What both ways to SQLite have in common. Guarantees: a write-ahead log that is synced at each commit; one table whose
 * primary key is the tree itself.
 */
import { digest, digestObject } from "../data-set.mjs";

/** The most that SQLite maps, unless it was compiled otherwise. */
const MMAP_BYTES = 0x7fff0000;

export const SQL = {
  create: (type) => `CREATE TABLE entries (key TEXT PRIMARY KEY, value ${type} NOT NULL) WITHOUT ROWID`,
  get: "SELECT value FROM entries WHERE key = ?",
  all: "SELECT key, value FROM entries ORDER BY key",
  put: "INSERT OR REPLACE INTO entries (key, value) VALUES (?, ?)",
};

/** @param {number} cacheBytes */
export function pragmasOf(cacheBytes) {
  return [
    "journal_mode = WAL",
    "synchronous = FULL",
    `cache_size = -${Math.ceil(cacheBytes / 1024)}`,
    `mmap_size = ${MMAP_BYTES}`,
  ];
}

export const SETTINGS =
  "WAL, synchronous = FULL, WITHOUT ROWID, cache_size as the caches of the others, mmap_size 2 GiB, " +
  "prepared statements, objects as JSON text";

/**
 * The calls of an engine that its statements come down to.
 *
 * @param {object} statements
 * @param {(key: string) => Uint8Array | string} statements.get
 * @param {(key: string, value: Uint8Array | string) => void} statements.put
 * @param {(body: () => void) => void} statements.transaction
 * @param {boolean} objects
 */
export function callsOf({ get, put, transaction }, objects) {
  const one = objects ? (key) => digestObject(JSON.parse(get(key))) : (key) => digest(get(key));
  const write = objects ? (key, value) => put(key, JSON.stringify(value)) : put;
  return {
    get: one,
    getMany(keys) {
      let sum = 0;
      for (let i = 0; i < keys.length; i++) sum += one(keys[i]);
      return sum;
    },
    load(keys, values) {
      transaction(() => {
        for (let i = 0; i < keys.length; i++) write(keys[i], values[i]);
      });
    },
    commitEach(keys, values, sampleNs) {
      for (let i = 0; i < keys.length; i++) {
        const start = performance.now();
        write(keys[i], values[i]);
        sampleNs.push((performance.now() - start) * 1e6);
      }
    },
    putSync: write,
  };
}
