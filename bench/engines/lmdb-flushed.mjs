/**
 * lmdb-js as it is set by default, for writers that wait for promises. Guarantees: what `put` gives resolves when its
 * transaction was flushed, as that of the other engines.
 */
import { Buffer } from "node:buffer";
import { join } from "node:path";
import { open } from "lmdb";

export const Bytes = Buffer;

/** Only what concurrent writers need. */
export function openEngine({ folder }) {
  const db = open({ path: join(folder, "data.mdb"), encoding: "binary", separateFlushed: true, noMemInit: true });
  return {
    settings:
      "encoding: binary, noMemInit: true, overlappingSync: true (default), separateFlushed: true; " +
      "a writer waits for put(...).flushed",
    load(keys, values) {
      db.transactionSync(() => {
        for (let i = 0; i < keys.length; i++) db.putSync(keys[i], values[i]);
      });
    },
    put: (key, value) => db.put(key, value).flushed,
    async settle() {
      await db.flushed;
    },
  };
}
