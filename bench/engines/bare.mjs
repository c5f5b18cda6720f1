/**
 * No database: the same bytes copied in memory, or written and synced. Guarantees: nothing is found, ordered or
 * checked; a read copies bytes from a random place of as many as all values have.
 */
import { BareFile } from "../bare-file.mjs";
import { randomNumbers } from "../data-set.mjs";

export const Bytes = Uint8Array;

/** What a load writes at once at most, and what a single commit does. */
const MOST_BATCH_BYTES = 24 * 1024 * 1024;
const MOST_KEY_BYTES = 40;
const COMMIT_BYTES = 4096;
/** A scan copies so much at a time. */
const CHUNK_BYTES = 1024 * 1024;

/** @type {import("../engines.mjs").EngineModule["openEngine"]} */
export function openEngine({ folder, entries, valueBytes }) {
  const settings = "copyWithin of a value from a random place; set of 1 MiB at a time; pwrite and fdatasync of a batch";
  if (valueBytes === undefined) return { settings, load() {}, settle() {} };
  return {
    settings,
    ...memoryCalls(entries, valueBytes),
    ...fileCalls(folder, entries * (valueBytes + MOST_KEY_BYTES)),
    settle() {},
  };
}

function memoryCalls(entries, valueBytes) {
  const copied = new Uint8Array(Math.max(CHUNK_BYTES, valueBytes));
  const next = randomNumbers(1);
  /** Made by the first read: a process that only writes needs no memory for it. @type {Uint8Array | undefined} */
  let source;
  const values = () => {
    source ??= new Uint8Array((entries + 1) * valueBytes).fill(1);
    return source;
  };
  const get = () => {
    const all = values();
    const at = (1 + (next() % entries)) * valueBytes;
    return all.copyWithin(0, at, at + valueBytes)[0];
  };
  return {
    get,
    getMany(keys) {
      for (let i = 0; i < keys.length; i++) get();
      return 0;
    },
    scan() {
      const all = values();
      for (let at = 0; at < all.length; at += CHUNK_BYTES) copied.set(all.subarray(at, at + CHUNK_BYTES));
      return 0;
    },
  };
}

function fileCalls(folder, bytes) {
  const batch = new Uint8Array(Math.max(COMMIT_BYTES, Math.min(MOST_BATCH_BYTES, bytes)));
  const file = new BareFile(folder, batch.length);
  return {
    load(keys, values) {
      let at = 0;
      for (let i = 0; i < keys.length; i++) {
        batch.set(values[i], at);
        at += values[i].length + keys[i].length;
      }
      file.writeOne(batch, at);
    },
    putSync() {
      file.writeOne(batch, COMMIT_BYTES);
    },
    commitEach(keys, _values, sampleNs) {
      for (let i = 0; i < keys.length; i++) {
        const start = performance.now();
        file.writeOne(batch, COMMIT_BYTES);
        sampleNs.push((performance.now() - start) * 1e6);
      }
    },
  };
}
