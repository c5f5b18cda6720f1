/**
 * The databases that are compared. Guarantees: an engine's module is loaded only when it is asked for, so that one that
 * is not installed can be reported and left out.
 */

/**
 * What the workloads need of a database. Each has the loops over many keys in its own module, so that no engine pays
 * for a call that is shared with the others. What reads returns what {@link import("./data-set.mjs").digest} of the
 * value, or of all values, adds up to. A workload whose call is missing leaves the engine out.
 *
 * @typedef {object} Engine
 * @property {string} settings what it was opened with, in words
 * @property {(keys: string[]) => number} [getMany] a copy of the value of each key
 * @property {(key: string) => number} [get] of one
 * @property {(keys: string[]) => number} [viewMany] the same without a copy, where there is such a call
 * @property {(key: string) => number} [view] of one
 * @property {() => number | Promise<number>} [scan] every key and value, in order
 * @property {(keys: string[], values: unknown[], sorted: boolean) => void | Promise<void>} load puts a batch in one
 * transaction and returns when a power cut can't take it; `sorted` says that keys ascend through all batches
 * @property {(keys: string[], values: Uint8Array[], sampleNs: number[]) => void | Promise<void>} commitEach puts each
 * in a transaction of its own, one after the other, each on the disk before the next; adds the time of each
 * @property {(key: string, value: Uint8Array) => Promise<unknown>} [put] resolves when a power cut can't take it
 * @property {(key: string, value: Uint8Array) => void} [putSync] where there is no `put`: returns when it can't
 * @property {() => Promise<void>} [checkpoint] resolves when the data file needs no log
 * @property {() => void | Promise<void>} settle finishes what the engine has put off
 */

/**
 * @typedef {object} OpenRequest
 * @property {string} folder empty, for this database alone
 * @property {number} cacheBytes what every engine with a cache of its own gets
 * @property {boolean} objects whether values are objects, not bytes
 * @property {number} entries that it is going to hold
 * @property {number} [valueBytes] of each
 */

/**
 * @typedef {object} EngineModule
 * @property {(request: OpenRequest) => Engine | Promise<Engine>} openEngine
 * @property {typeof Uint8Array} Bytes the kind of array that the engine takes as it is
 */

/**
 * @typedef {object} Entry
 * @property {string} package "node" where it comes with Node
 * @property {() => Promise<EngineModule>} load
 * @property {string[]} [only] the workloads that it is there for, if not for all
 * @property {boolean} [isLimit] no database, but what none can do in less
 */

/** @type {Record<string, Entry>} */
export const ENGINES = {
  llmdb: { package: "llmdb", load: () => import("./engines/llmdb.mjs") },
  lmdb: { package: "lmdb", load: () => import("./engines/lmdb.mjs") },
  "lmdb-flushed": { package: "lmdb", load: () => import("./engines/lmdb-flushed.mjs"), only: ["writers"] },
  "lmdb-structures": { package: "lmdb", load: () => import("./engines/lmdb-structures.mjs"), only: ["get-object"] },
  "better-sqlite3": { package: "better-sqlite3", load: () => import("./engines/better-sqlite3.mjs") },
  "node-sqlite": { package: "node", load: () => import("./engines/node-sqlite.mjs") },
  "classic-level": { package: "classic-level", load: () => import("./engines/classic-level.mjs") },
  bare: { package: "node", load: () => import("./engines/bare.mjs"), isLimit: true },
};
