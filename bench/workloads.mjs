/**
 * What is measured. Guarantees: in a round every engine does the same work in the same order, and only the engine's own
 * calls are timed, not the making of keys and values.
 */
import { Bench } from "tinybench";
import { commitBesideCheckpoints, commitOneByOne, commitTogether } from "./commits.mjs";
import { randomNumbers } from "./data-set.mjs";

/**
 * @typedef {object} Measured
 * @property {number} operations
 * @property {number} ns of all operations together
 * @property {number[]} sampleNs of one operation each, on average over a block or a batch
 * @property {number[]} [bareNs] of bare writes with a sync, done in between
 * @property {number | null} sum what was read, to be the same in every engine
 */

/**
 * Of a workload that is there for information: nanoseconds by what they are the time of.
 *
 * @typedef {object} Observed
 * @property {Record<string, number>} figures
 */

/** @typedef {Measured | Observed | undefined} Outcome undefined where the engine has no such call */

/**
 * @typedef {object} Work
 * @property {import("./engines.mjs").Engine} engine
 * @property {import("./data-set.mjs").DataSet} dataSet
 * @property {number} round
 * @property {number} reads
 * @property {string} folder of the process, on the disk to measure
 */

/**
 * @typedef {object} Workload
 * @property {string} title
 * @property {"read" | "loaded" | "empty" | "killed"} start what it finds: a database that
 * stays open for all rounds and was
 * read once, or in each round a process of its own with a database that was loaded or is empty; or it brings its own
 * @property {number} [entries] the most entries of its database
 * @property {(work: Work) => Outcome | Promise<Outcome>} run
 */

/** Reads that are timed together: one alone is as short as reading the clock. */
const BLOCK = 1000;
/** Entries in a transaction of a load. */
export const BATCH = 10_000;
/** Entries of a database that single commits go to. */
const COMMIT_ENTRIES = 100_000;

/** @type {Record<string, Workload>} */
export const WORKLOADS = {
  get: {
    title: "random read, value copied",
    start: "read",
    run: (work) => randomReads(work, work.engine.getMany),
  },
  view: {
    title: "random read, value in place",
    start: "read",
    run: (work) => randomReads(work, work.engine.viewMany),
  },
  scan: {
    title: "full scan, keys and values",
    start: "read",
    run: scan,
  },
  "load-sorted": {
    title: "sorted load, durable batches of 10,000",
    start: "empty",
    run: (work) => load(work, true),
  },
  "load-random": {
    title: "random load, durable batches of 10,000",
    start: "empty",
    run: (work) => load(work, false),
  },
  commit: {
    title: "one durable commit of one put",
    start: "loaded",
    entries: COMMIT_ENTRIES,
    run: commitOneByOne,
  },
  writers: {
    title: "durable commits of one put, 100 promises at once",
    start: "loaded",
    entries: COMMIT_ENTRIES,
    run: commitTogether,
  },
  checkpoint: {
    title: "beside checkpoints",
    start: "loaded",
    entries: COMMIT_ENTRIES,
    run: commitBesideCheckpoints,
  },
  reopen: {
    title: "open after kill -9, log of 64 MiB",
    start: "killed",
    run: () => undefined,
  },
};

/**
 * @param {Work} work
 * @param {((keys: string[]) => number) | undefined} read
 */
function randomReads({ dataSet, round, reads }, read) {
  if (read === undefined) return undefined;
  const { keys } = dataSet;
  const next = randomNumbers(round + 1);
  // tinybench calls the function once before its hooks, to see whether it is async: that call reads a key, too.
  const block = new Array(Math.min(BLOCK, reads)).fill(keys[0]);
  const blocks = Math.ceil(reads / BLOCK);
  let sum = 0;
  const bench = new Bench({ iterations: blocks, time: 0, warmup: false, retainSamples: true, throws: true });
  bench.add(
    "read",
    () => {
      sum += read(block);
    },
    {
      beforeEach() {
        for (let i = 0; i < block.length; i++) block[i] = keys[next() % keys.length];
        // A program that asks for a key has just made it: it is in the processor's cache.
        for (let i = 0; i < block.length; i++) if (block[i].charCodeAt(0) === 0) throw new Error("no key starts so");
      },
    },
  );
  bench.runSync();
  const { samples } = bench.tasks[0].result.latency;
  const sampleNs = samples.map((ms) => (ms * 1e6) / block.length);
  const ns = sampleNs.reduce((total, each) => total + each * block.length, 0);
  return { operations: samples.length * block.length, ns, sampleNs, sum };
}

/** @param {Work} work */
async function scan({ engine, dataSet }) {
  const start = performance.now();
  const sum = await engine.scan();
  const ns = (performance.now() - start) * 1e6;
  const operations = dataSet.keys.length;
  return { operations, ns, sampleNs: [ns / operations], sum };
}

/**
 * @param {Work} work
 * @param {boolean} sorted
 */
export async function load({ engine, dataSet }, sorted) {
  const keys = sorted ? [...dataSet.keys].sort() : dataSet.keys;
  const sampleNs = [];
  let ns = 0;
  for (let from = 0; from < keys.length; from += BATCH) {
    const batch = keys.slice(from, from + BATCH);
    const values = batch.map((key) => dataSet.value(key));
    const start = performance.now();
    await engine.load(batch, values, sorted);
    const spent = (performance.now() - start) * 1e6;
    ns += spent;
    sampleNs.push(spent / batch.length);
  }
  return { operations: keys.length, ns, sampleNs, sum: null };
}
