/**
 * lmdb-js. Guarantees: each transaction is flushed before its call returns or its promise resolves.
 */
import { Buffer } from "node:buffer";
import { join } from "node:path";
import { open } from "lmdb";
import { digest, digestObject } from "../data-set.mjs";

export const Bytes = Buffer;

/** @type {import("../engines.mjs").EngineModule["openEngine"]} */
export function openEngine({ folder, objects }) {
  return openWith(folder, objects, {});
}

/**
 * @param {string} folder
 * @param {boolean} objects
 * @param {object} more options
 * @returns {import("../engines.mjs").Engine}
 */
export function openWith(folder, objects, more) {
  const db = open({
    path: join(folder, "data.mdb"),
    encoding: objects ? "msgpack" : "binary",
    overlappingSync: false,
    noMemInit: true,
    ...more,
  });
  return {
    settings:
      "encoding: binary (msgpack for objects, the default), noMemInit: true, overlappingSync: false (transactionSync " +
      "and putSync return, and put resolves, after the flush), pageSize 4096 (default), no cache of its own",
    ...(objects ? objectReads(db) : byteReads(db)),
    load(keys, values) {
      db.transactionSync(() => {
        for (let i = 0; i < keys.length; i++) db.putSync(keys[i], values[i]);
      });
    },
    commitEach(keys, values, sampleNs) {
      for (let i = 0; i < keys.length; i++) {
        const start = performance.now();
        db.putSync(keys[i], values[i]);
        sampleNs.push((performance.now() - start) * 1e6);
      }
    },
    put: (key, value) => db.put(key, value),
    settle() {},
  };
}

function byteReads(db) {
  return {
    getMany(keys) {
      let sum = 0;
      for (let i = 0; i < keys.length; i++) sum += digest(db.getBinary(keys[i]));
      return sum;
    },
    get: (key) => digest(db.getBinary(key)),
    viewMany(keys) {
      let sum = 0;
      for (let i = 0; i < keys.length; i++) sum += digest(db.getBinaryFast(keys[i]));
      return sum;
    },
    view: (key) => digest(db.getBinaryFast(key)),
    scan() {
      let sum = 0;
      for (const { key, value } of db.getRange()) sum += key.length + digest(value);
      return sum;
    },
  };
}

function objectReads(db) {
  return {
    getMany(keys) {
      let sum = 0;
      for (let i = 0; i < keys.length; i++) sum += digestObject(db.get(keys[i]));
      return sum;
    },
    get: (key) => digestObject(db.get(key)),
  };
}
