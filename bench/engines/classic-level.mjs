/**
 * LevelDB through classic-level. Guarantees: synced batches; compacted before it is read.
 */
import { join } from "node:path";
import { ClassicLevel } from "classic-level";
import { digest, digestObject } from "../data-set.mjs";

export const Bytes = Uint8Array;

const WRITE_BUFFER_BYTES = 64 * 1024 * 1024;
/** Files of 2 MiB each: enough for what the largest data set takes. */
const MAX_OPEN_FILES = 10_000;
/** Entries and bytes that one step of a scan asks for. */
const SCAN_ENTRIES = 1000;
const SCAN_BYTES = 1024 * 1024;
const SYNC = { sync: true };

/** @type {import("../engines.mjs").EngineModule["openEngine"]} */
export async function openEngine({ folder, cacheBytes, objects }) {
  const db = new ClassicLevel(join(folder, "data.level"), {
    valueEncoding: objects ? "json" : "view",
    cacheSize: cacheBytes,
    writeBufferSize: WRITE_BUFFER_BYTES,
    maxOpenFiles: MAX_OPEN_FILES,
    compression: false,
  });
  await db.open();
  const read = objects ? digestObject : digest;
  return {
    settings:
      `valueEncoding: view (json for objects), cacheSize as the caches of the others, writeBufferSize: ` +
      `${WRITE_BUFFER_BYTES}, maxOpenFiles: ${MAX_OPEN_FILES}, compression: false (values are random), chained batch ` +
      `and put with sync: true, compactRange before reads, ` +
      `nextv(${SCAN_ENTRIES}) with highWaterMarkBytes: ${SCAN_BYTES}`,
    getMany(keys) {
      let sum = 0;
      for (let i = 0; i < keys.length; i++) sum += read(db.getSync(keys[i]));
      return sum;
    },
    get: (key) => read(db.getSync(key)),
    async scan() {
      let sum = 0;
      const iterator = db.iterator({ highWaterMarkBytes: SCAN_BYTES });
      for (;;) {
        const entries = await iterator.nextv(SCAN_ENTRIES);
        if (entries.length === 0) break;
        for (const [key, value] of entries) sum += key.length + digest(value);
      }
      await iterator.close();
      return sum;
    },
    async load(keys, values) {
      const batch = db.batch();
      for (let i = 0; i < keys.length; i++) batch.put(keys[i], values[i]);
      await batch.write(SYNC);
    },
    async commitEach(keys, values, sampleNs) {
      for (let i = 0; i < keys.length; i++) {
        const start = performance.now();
        await db.put(keys[i], values[i], SYNC);
        sampleNs.push((performance.now() - start) * 1e6);
      }
    },
    put: (key, value) => db.put(key, value, SYNC),
    async settle() {
      await db.compactRange("", "~");
    },
  };
}
