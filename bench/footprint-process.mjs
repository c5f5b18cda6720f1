/**
 * The larger programs of `footprint.mjs`. Guarantees: keys and values are made as they are needed, so that what the
 * process takes of memory is not the data set; a line of JSON tells that it is done, and then it waits.
 *
 *     node bench/footprint-process.mjs '{"step":"load","path":"x.llmdb", ...}'
 */
import { statSync, writeSync } from "node:fs";
import { open } from "../dist/index.js";
import { randomNumbers } from "./data-set.mjs";

const POOL_BYTES = 1024 * 1024;
const BATCH = 10_000;
const CEILING_BATCH = 1000;
/** A prime number of keys is passed through in steps, which looks random and meets each key once. */
const STEP = 0x9e3779b1;
const pool = new Uint8Array(POOL_BYTES);
const next = randomNumbers(7);
for (let i = 0; i < POOL_BYTES; i++) pool[i] = next() >>> 24;

/** 13 characters. */
function key(i) {
  return `entry/${String(i).padStart(7, "0")}`;
}

function value(bytes) {
  const at = next() % (POOL_BYTES - bytes);
  return pool.subarray(at, at + bytes);
}

/** The i-th of so many numbers, all of them in an order that looks random. */
function shuffled(i, count) {
  let mixed = i;
  do {
    mixed = mix(mixed, count);
  } while (mixed >= count);
  return mixed;
}

/** A permutation of the numbers below the next power of two: a few rounds of multiplying and folding. */
function mix(i, count) {
  const bits = Math.max(2, Math.ceil(Math.log2(count)));
  const mask = 2 ** bits - 1;
  let mixed = i;
  for (let round = 0; round < 3; round++) {
    mixed = (Math.imul(mixed, STEP | 1) + round) & mask;
    mixed ^= mixed >>> (bits >>> 1);
  }
  return mixed;
}

const steps = {
  /** Fills a new file in durable batches, or in one transaction, and closes it. */
  load({ path, entries, valueBytes, order, batch = BATCH, cacheBytes }) {
    const db = open(path, { cacheBytes });
    for (let from = 0; from < entries; from += batch) {
      db.transactionSync((tx) => {
        const map = tx.map("entries", { values: "bytes" });
        for (let i = from; i < Math.min(entries, from + batch); i++) {
          map.put(key(order === "sorted" ? i : shuffled(i, entries)), value(valueBytes));
        }
      });
    }
    db.closeSync();
    return { fileBytes: statSync(path).size, userBytes: entries * (key(0).length + valueBytes) };
  },

  /** The same facts again and again, each time with another value, on both time axes. */
  versions({ path, keys, versions, valueBytes }) {
    const db = open(path);
    for (let version = 0; version < versions; version++) {
      for (let from = 0; from < keys; from += BATCH) {
        db.transactionSync((tx) => {
          for (let i = from; i < Math.min(keys, from + BATCH); i++) tx.put(key(i), value(valueBytes));
        });
      }
    }
    db.closeSync();
    return { fileBytes: statSync(path).size, userBytes: keys * versions * (key(0).length + valueBytes) };
  },

  /** Writes data through a cache that is much smaller, in random order, and reads it back so. */
  ceiling({ path, entries, valueBytes, cacheBytes, reads }) {
    const db = open(path, { cacheBytes });
    for (let from = 0; from < entries; from += CEILING_BATCH) {
      db.transactionSync(
        (tx) => {
          const map = tx.map("entries", { values: "bytes" });
          for (let i = from; i < Math.min(entries, from + CEILING_BATCH); i++) {
            map.put(key(shuffled(i, entries)), value(valueBytes));
          }
        },
        { durability: "buffered" },
      );
    }
    const written = usage(db);
    const map = db.map("entries", { values: "bytes" });
    for (let i = 0; i < reads; i++) {
      if (map.getBytes(key(next() % entries))?.length !== valueBytes) throw new Error("a value is missing");
    }
    return { written, read: usage(db), userBytes: entries * (key(0).length + valueBytes) };
  },
};

/** What of the memory node and the engine know of. */
function usage(db) {
  const { heapTotal, external, arrayBuffers } = process.memoryUsage();
  const { cacheBytes, fileBytes } = db.stats();
  return { heapTotal, external, arrayBuffers, cacheBytes, fileBytes };
}

const { step, ...details } = JSON.parse(process.argv[2]);
writeSync(1, `${JSON.stringify(steps[step](details))}\n`);
setInterval(() => {}, 1e6);
