/**
 * LLMDB, as built into dist/. Guarantees: one ordered map, durable commits, the default page size.
 */
import { join } from "node:path";
import { open } from "../../dist/index.js";
import { digest, digestObject } from "../data-set.mjs";

export const Bytes = Uint8Array;

/** @type {import("../engines.mjs").EngineModule["openEngine"]} */
export function openEngine({ folder, cacheBytes, objects }) {
  const db = open(join(folder, "data.llmdb"), { cacheBytes });
  const options = { values: objects ? "msgpack" : "bytes" };
  const map = db.map("entries", options);
  return {
    settings: 'map of values: "bytes" ("msgpack" for objects), durability: "durable" (default)',
    ...(objects ? objectReads(map) : byteReads(map)),
    load(keys, values) {
      db.transactionSync((tx) => {
        const entries = tx.map("entries", options);
        for (let i = 0; i < keys.length; i++) entries.put(keys[i], values[i]);
      });
    },
    commitEach(keys, values, sampleNs) {
      for (let i = 0; i < keys.length; i++) {
        const start = performance.now();
        map.putSync(keys[i], values[i]);
        sampleNs.push((performance.now() - start) * 1e6);
      }
    },
    put: (key, value) => map.put(key, value),
    checkpoint: () => db.checkpoint(),
    settle() {},
  };
}

function byteReads(map) {
  return {
    getMany(keys) {
      let sum = 0;
      for (let i = 0; i < keys.length; i++) sum += digest(map.getBytes(keys[i]));
      return sum;
    },
    get: (key) => digest(map.getBytes(key)),
    viewMany(keys) {
      let sum = 0;
      for (let i = 0; i < keys.length; i++) sum += map.view(keys[i], digest);
      return sum;
    },
    view: (key) => map.view(key, digest),
    scan() {
      let sum = 0;
      for (const [key, value] of map.range()) sum += key.length + digest(value);
      return sum;
    },
  };
}

function objectReads(map) {
  return {
    getMany(keys) {
      let sum = 0;
      for (let i = 0; i < keys.length; i++) sum += digestObject(map.get(keys[i]));
      return sum;
    },
    get: (key) => digestObject(map.get(key)),
  };
}
