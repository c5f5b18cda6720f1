/**
 * lmdb-js. Guarantees: binary values, each transaction flushed before its call returns.
 */
import { Buffer } from "node:buffer";
import { join } from "node:path";
import { open } from "lmdb";
import { digest } from "../data-set.mjs";

export const Bytes = Buffer;

/** @type {import("../engines.mjs").EngineModule["openEngine"]} */
export function openEngine({ folder }) {
  const db = open({
    path: join(folder, "data.mdb"),
    encoding: "binary",
    overlappingSync: false,
    noMemInit: true,
  });
  return {
    settings:
      "encoding: binary, noMemInit: true, overlappingSync: false (transactionSync and putSync return, and " +
      "put resolves, after the flush), " +
      "pageSize 4096 (default)",
    getMany(keys) {
      let sum = 0;
      for (let i = 0; i < keys.length; i++) sum += digest(db.getBinary(keys[i]));
      return sum;
    },
    viewMany(keys) {
      let sum = 0;
      for (let i = 0; i < keys.length; i++) sum += digest(db.getBinaryFast(keys[i]));
      return sum;
    },
    scan() {
      let sum = 0;
      for (const { key, value } of db.getRange()) sum += key.length + digest(value);
      return sum;
    },
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
