/**
 * Pages a second through `mapPages` and `reducePages`, beside what the machine copies in the same rounds. Guarantees:
 * the ceiling copies the same pages out of the same page cache with the same copy; what comes out of the modules is
 * checked; a share of the ceiling is of two measurements of one round.
 */

import { once } from "node:events";
import { readFileSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { openMemory } from "../dist/index.js";
import { MapPages } from "../dist/internal/wasm/map-pages.js";
import { copyAll } from "./modules-copier.mjs";
import { group } from "./numbers.mjs";

const PAGE_BYTES = 4096;
const BATCH = 10_000;
/** In the order of their bytes. */
const DIGITS = "-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";
const LEADING = 5;
/** As many values as fit beside them; MessagePack of one has 10 bytes. */
const valueAt = (number) => ({ sum: 65_536 + number });
const VALUE_BYTES = 10;
const MODULES = ["first-keys", "count-records", "count-records-simd"];
const LONG = { timeoutMs: 600_000, fuel: 2 ** 50 };

/** Keys in order, of 31 characters, 32 bytes encoded: spread evenly, so that they share little. */
function keyOf(number, keys) {
  let left = Math.floor((number / keys) * 64 ** LEADING);
  let leading = "";
  for (let i = 0; i < LEADING; i++) {
    leading = DIGITS[left % 64] + leading;
    left = Math.floor(left / 64);
  }
  let tail = "";
  for (let rest = Math.imul(number + 1, 2_654_435_769) >>> 0; tail.length < 26; rest = (rest * 69_069 + 5) % 2 ** 32) {
    tail += DIGITS[rest >>> 26];
  }
  return leading + tail;
}

/** A database in memory with a map "m" of about so many pages, all of them in the page cache. */
async function fill(pages, sharedCache) {
  const keys = pages * 88;
  // A call with two threads keeps four parts of the pages still, in at most a quarter of the cache.
  const cacheBytes = Math.max(256, pages / 64) * 2 ** 20;
  const db = openMemory({ pageSize: PAGE_BYTES, cacheBytes, sharedCache });
  for (let from = 0; from < keys; from += BATCH) {
    db.transactionSync((tx) => {
      const map = tx.map("m");
      for (let i = from; i < Math.min(keys, from + BATCH); i++) map.put(keyOf(i, keys), valueAt(i % 1e6));
    });
  }
  for (const name of MODULES) {
    await db.modules.put(readFileSync(new URL(`../examples/modules/build/${name}.wasm`, import.meta.url)), { name });
  }
  return { db, keys };
}

/** Where the leaves lie in the page cache; nothing is written any more, so they stay there. */
function placesOf(db) {
  const source = new MapPages(db.engine.state, "m", undefined);
  const { batch } = source;
  const places = [];
  while (source.next(64) > 0) {
    for (let i = 0; i < batch.count; i++) places.push(batch.chunkOf[i], batch.bases[i], batch.ends[i]);
  }
  source.close();
  return { chunks: batch.chunks, places: Int32Array.from(places) };
}

/** A leaf of the map, as it lies in the cache. */
export async function samplePage() {
  const { db } = await fill(64, false);
  const { chunks, places } = placesOf(db);
  const page = chunks[places[3]].u8.slice(places[4], places[4] + PAGE_BYTES);
  db.closeSync();
  return { page, entries: places[5] };
}

/** Two threads that copy half of the pages each. */
class Copiers {
  static async start({ chunks, places }, passes) {
    const copiers = new Copiers();
    copiers.gate = new Int32Array(new SharedArrayBuffer(4));
    copiers.round = 0;
    copiers.threads = [0, 1].map(() => new Worker(new URL("modules-copier.mjs", import.meta.url)));
    const memory = chunks.map(({ u8 }) => ({ buffer: u8.buffer, at: u8.byteOffset, bytes: u8.length }));
    const half = Math.ceil(places.length / 6) * 3;
    const ready = copiers.threads.map((thread, self) => {
      const own = self === 0 ? places.slice(0, half) : places.slice(half);
      thread.postMessage({ memory, places: own, pageSize: PAGE_BYTES, passes, gate: copiers.gate });
      return once(thread, "message");
    });
    await Promise.all(ready);
    return copiers;
  }

  /** Nanoseconds until the slower one is done. */
  async run() {
    this.round++;
    for (const thread of this.threads) thread.postMessage({ round: this.round });
    const done = await Promise.all(this.threads.map((thread) => once(thread, "message")));
    return Math.max(...done.map(([{ ns }]) => ns));
  }

  async end() {
    await Promise.all(this.threads.map((thread) => thread.terminate()));
  }
}

/** Nanoseconds, and those of all processors that the process had. */
async function timeOf(body) {
  const start = process.hrtime.bigint();
  const before = process.cpuUsage();
  await body();
  const { user, system } = process.cpuUsage(before);
  return { ns: Number(process.hrtime.bigint() - start), processorNs: (user + system) * 1000 };
}

/**
 * All measurements of one round, by name. One thread goes through a cache of its own, as a database has it by default;
 * several through a shared one.
 */
function measurements({ db: shared, keys }, plain, { chunks, places }, copiers, passes) {
  const pages = places.length / 3;
  const into = new Uint8Array(new WebAssembly.Memory({ initial: 1 }).buffer, 0, PAGE_BYTES);
  const mapped = (workers) => async () => {
    const db = workers === 0 ? plain : shared;
    for (let pass = 0; pass < passes; pass++) {
      const stream = db.modules.mapPages("first-keys", { map: "m" }, { ...LONG, workers });
      let bytes = 0;
      for await (const piece of stream) bytes += piece.length;
      if (bytes !== pages * 8) throw new Error(`${bytes} bytes came out of ${pages} pages`);
    }
  };
  const reduced = (module, workers) => async () => {
    const db = workers === 0 ? plain : shared;
    for (let pass = 0; pass < passes; pass++) {
      const { value } = await db.modules.reducePages(module, { map: "m" }, { ...LONG, workers });
      const records = Number(new DataView(value.buffer, value.byteOffset).getBigUint64(0, true));
      if (records !== keys) throw new Error(`${records} of ${keys} records were counted`);
    }
  };
  return {
    copy1: () => timeOf(() => copyAll(chunks, places, PAGE_BYTES, passes, into)),
    copy2: async () => ({ ns: await copiers.run() }),
    map0: () => timeOf(mapped(0)),
    map1: () => timeOf(mapped(1)),
    map2: () => timeOf(mapped(2)),
    count0: () => timeOf(reduced("count-records", 0)),
    count2: () => timeOf(reduced("count-records", 2)),
    simd0: () => timeOf(reduced("count-records-simd", 0)),
    simd2: () => timeOf(reduced("count-records-simd", 2)),
  };
}

/** @typedef {{ ns: number, processorNs?: number }} Taken */

/** What each measurement took in each round. @returns {Promise<Record<string, Taken[]>>} */
async function inTurns(all, rounds) {
  const names = Object.keys(all);
  const taken = Object.fromEntries(names.map((name) => [name, []]));
  for (const name of names) for (let i = 0; i < 3; i++) await all[name]();
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < names.length; i++) {
      const name = names[(round + i) % names.length];
      taken[name].push(await all[name]());
    }
  }
  return taken;
}

function rowsOf(title, taken, pages, keys) {
  const rate = (name, count, time = "ns") => taken[name].map((each) => (count * 1000) / each[time]);
  const part = `pages, ${title}`;
  const mapRow = (measure, name, more) => ({ part, measure, unit: "M pages/s", values: rate(name, pages), ...more });
  const shareName = "mapPages, workers 2, over two threads that copy";
  const share = {
    part,
    measure: shareName,
    unit: "×",
    values: taken.copy2.map(({ ns }, i) => ns / taken.map2[i].ns),
    goal: 0.75,
    atMost: false,
  };
  const processorRow = (measure, name) => ({
    part: `pages by processor time of all threads, ${title}`,
    measure,
    unit: "M pages/s",
    values: rate(name, pages, "processorNs"),
  });
  const recordRow = (measure, name) => ({
    part: `records, ${title}`,
    measure,
    unit: "M records/s",
    values: rate(name, keys),
    goal: 300,
    atMost: false,
  });
  return [
    mapRow("copying alone, one thread", "copy1"),
    mapRow("copying alone, two threads", "copy2"),
    mapRow("mapPages, this thread", "map0", { goal: 4, atMost: false }),
    mapRow("mapPages, workers 1", "map1"),
    mapRow("mapPages, workers 2", "map2", { goal: 8, atMost: false, orElse: shareName }),
    share,
    processorRow("copying alone, one thread", "copy1"),
    processorRow("mapPages, this thread", "map0"),
    processorRow("mapPages, workers 1", "map1"),
    processorRow("mapPages, workers 2", "map2"),
    recordRow("count-records, this thread", "count0"),
    recordRow("count-records, workers 2", "count2"),
    recordRow("count-records-simd, this thread", "simd0"),
    recordRow("count-records-simd, workers 2", "simd2"),
  ];
}

/**
 * @param {{ rounds: number, pages: number, passes: number }} sizes passes over the map in a measurement
 * @param {string} where the pages lie, in words
 */
export async function measurePages({ rounds, pages: wanted, passes }, where) {
  const filled = await fill(wanted, true);
  const plain = await fill(wanted, false);
  const found = placesOf(filled.db);
  const pages = found.places.length / 3;
  const copiers = await Copiers.start(found, passes);
  try {
    const all = measurements(filled, plain.db, placesOf(plain.db), copiers, passes);
    const times = passes === 1 ? "" : `, ${passes} times`;
    const perPage = (filled.keys / pages).toFixed(1);
    const title =
      `${group(pages)} pages (${Math.round((pages * PAGE_BYTES) / 1e6)} MB, ${where})${times}: ` +
      `${perPage} entries a page, keys of 32 bytes, values of ${VALUE_BYTES}`;
    const taken = await inTurns(all, rounds);
    return rowsOf(title, taken, pages * passes, filled.keys * passes);
  } finally {
    await copiers.end();
    await filled.db.close();
  }
}
