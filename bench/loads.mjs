/**
 * Many entries in durable transactions. Guarantees: keys and values are made before the clock starts; each transaction
 * is on the disk before the next one begins.
 */
import { entriesInTurn } from "./access.mjs";
import { BareFile } from "./bare-file.mjs";
import { summaryOf } from "./numbers.mjs";

/** Entries in a transaction. */
const BATCH = 10_000;
/** And no more bytes than these: 10,000 values of 64 KiB would be 655 MB. */
const BATCH_BYTES = 16 * 1024 * 1024;
/** Large values come in smaller transactions: what a writer of documents might collect. */
const SUSTAINED_BATCH_BYTES = 4 * 1024 * 1024;
/** Bytes of the engine, then the same of the bare disk, and so on: what else the disk does meets both alike. */
const SUSTAINED_TURN_BYTES = 64 * 1024 * 1024;
const UPDATES = 100_000;

/** @typedef {import("./workloads.mjs").Work} Work */

/**
 * Entries by number, in the order of their numbers, which is no order of their keys.
 *
 * @param {Work} work
 * @param {boolean} sorted in the order of their keys instead
 */
export function load(work, sorted) {
  const order = sorted ? work.dataSet.sorted : undefined;
  return loadAll(work, work.dataSet.entries, (i) => order?.[i] ?? i, sorted);
}

/** Entries that are there get another value; some much more often than others. @param {Work} work */
export function update(work) {
  const { dataSet, round, quick } = work;
  const next = entriesInTurn("zipf", dataSet, round + 1);
  return loadAll(work, quick ? dataSet.entries : UPDATES, () => next(), false);
}

async function loadAll({ engine, dataSet }, count, entryAt, sorted) {
  const size = batchOf(dataSet, BATCH_BYTES);
  const sampleNs = [];
  let ns = 0;
  for (let from = 0; from < count; from += size) {
    const { keys, values } = entriesOf(dataSet, from, Math.min(count, from + size), entryAt);
    const start = performance.now();
    await engine.load(keys, values, sorted);
    const spent = (performance.now() - start) * 1e6;
    ns += spent;
    sampleNs.push(spent / keys.length);
  }
  const bytes = (count / dataSet.entries) * dataSet.bytes;
  return { operations: count, ns, samples: summaryOf(sampleNs), bytes, sum: null };
}

function batchOf({ valueBytes = 0 }, mostBytes) {
  return Math.max(1, Math.min(BATCH, Math.floor(mostBytes / (valueBytes + 1))));
}

function entriesOf(dataSet, from, to, entryAt) {
  const keys = [];
  const values = [];
  for (let at = from; at < to; at++) {
    const i = entryAt(at);
    keys.push(dataSet.key(i));
    values.push(dataSet.value(i));
  }
  return { keys, values };
}

/** One writer until everything is in, in turns with the bare disk. @param {Work} work */
export async function sustain({ engine, dataSet, folder }) {
  const { entries, valueBytes } = dataSet;
  const size = batchOf(dataSet, SUSTAINED_BATCH_BYTES);
  const bare = new BareFile(folder, size * valueBytes);
  const [sampleNs, bareNs] = [[], []];
  let sinceBare = 0;
  for (let from = 0; from < entries; from += size) {
    const { keys, values } = entriesOf(dataSet, from, Math.min(entries, from + size), (i) => i);
    const start = performance.now();
    await engine.load(keys, values, false);
    sampleNs.push((performance.now() - start) * 1e6);
    sinceBare++;
    if (sinceBare * size * valueBytes >= SUSTAINED_TURN_BYTES || from + size >= entries) {
      bare.write(sinceBare, bareNs);
      sinceBare = 0;
    }
  }
  bare.close();
  return {
    operations: entries,
    ns: total(sampleNs),
    samples: summaryOf(sampleNs.map((ns) => ns / size)),
    latency: summaryOf(sampleNs),
    bare: summaryOf(bareNs),
    bareTotalNs: total(bareNs),
    bytes: dataSet.bytes,
    sum: null,
  };
}

function total(values) {
  return values.reduce((sum, each) => sum + each, 0);
}
