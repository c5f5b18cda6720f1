/**
 * LLMDB, as built into dist/. Guarantees: a map of bytes, durable commits, the default page size.
 */
import { join } from "node:path";
import { open } from "../../dist/index.js";
import { digest } from "../data-set.mjs";

export const Bytes = Uint8Array;

/** @type {import("../engines.mjs").EngineModule["openEngine"]} */
export function openEngine({ folder, cacheBytes }) {
  const db = open(join(folder, "data.llmdb"), { cacheBytes });
  const map = db.map("entries", { values: "bytes" });
  return {
    settings: `values: "bytes", durability: "durable" (default), cacheBytes: ${cacheBytes}`,
    getMany(keys) {
      let sum = 0;
      for (let i = 0; i < keys.length; i++) sum += digest(map.getBytes(keys[i]));
      return sum;
    },
    viewMany(keys) {
      let sum = 0;
      for (let i = 0; i < keys.length; i++) sum += map.view(keys[i], digest);
      return sum;
    },
    scan() {
      let sum = 0;
      for (const [key, value] of map.range()) sum += key.length + digest(value);
      return sum;
    },
    load(keys, values) {
      db.transactionSync((tx) => {
        const entries = tx.map("entries", { values: "bytes" });
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
