/**
 * Commits of one put each. Guarantees: keys and values are made before the clock starts; every commit that is counted
 * is on the disk when its call returns or its promise resolves.
 */
import { BareFile } from "./bare-file.mjs";
import { randomNumbers } from "./data-set.mjs";
import { median, quantile } from "./numbers.mjs";

/** Commits of the engine, then bare writes, then the engine again: what else the disk does meets both alike. */
const BLOCK = 20;
const BLOCKS = 100;
const WARM_UP_COMMITS = 1000;
const WRITERS = 100;
const WRITERS_COMMITS = 40_000;
const CHECKPOINTS = 3;
const READS_BETWEEN = 20;
/** Of 4 KiB of log each: a checkpoint or two fall into them. */
const STEADY_COMMITS = 30_000;

/** One after the other, beside bare writes. @type {import("./workloads.mjs").Workload["run"]} */
export async function commitOneByOne({ engine, dataSet, round, folder }) {
  const bare = new BareFile(folder);
  const next = randomNumbers(round + 1);
  const sampleNs = [];
  const bareNs = [];
  await commit(engine, dataSet, next, WARM_UP_COMMITS, []);
  bare.write(WARM_UP_COMMITS, []);
  for (let block = 0; block < BLOCKS; block++) {
    await commit(engine, dataSet, next, BLOCK, sampleNs);
    bare.write(BLOCK, bareNs);
  }
  bare.close();
  const operations = sampleNs.length;
  // A disk has moments that would be most of the sum.
  return { operations, ns: median(sampleNs) * operations, sampleNs, bareNs, sum: null };
}

async function commit(engine, dataSet, next, count, sampleNs) {
  const { keys, values } = randomPuts(dataSet, next, count);
  await engine.commitEach(keys, values, sampleNs);
}

/** Entries that are there already, each with the value of another one. */
function randomPuts(dataSet, next, count) {
  const any = () => dataSet.keys[next() % dataSet.keys.length];
  const keys = Array.from({ length: count }, any);
  return { keys, values: keys.map(() => dataSet.value(any())) };
}

/** Many at once, each waiting for its own. @type {import("./workloads.mjs").Workload["run"]} */
export async function commitTogether({ engine, dataSet, round }) {
  if (engine.put === undefined) return undefined;
  const next = randomNumbers(round + 1);
  await writeTogether(engine.put, randomPuts(dataSet, next, WRITERS_COMMITS / 4));
  const puts = randomPuts(dataSet, next, WRITERS_COMMITS);
  const start = performance.now();
  await writeTogether(engine.put, puts);
  const ns = (performance.now() - start) * 1e6;
  return { operations: WRITERS_COMMITS, ns, sampleNs: [ns / WRITERS_COMMITS], sum: null };
}

async function writeTogether(put, { keys, values }) {
  let next = 0;
  const writer = async () => {
    while (next < keys.length) {
      const i = next++;
      await put(keys[i], values[i]);
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, writer));
}

/** Latencies with and without a checkpoint that runs. @type {import("./workloads.mjs").Workload["run"]} */
export async function commitBesideCheckpoints({ engine, dataSet, round }) {
  if (engine.checkpoint === undefined) return undefined;
  const next = randomNumbers(round + 1);
  const alone = { put: [], get: [] };
  const beside = { put: [], get: [] };
  const checkpointNs = [];
  for (let i = 0; i < CHECKPOINTS; i++) {
    const { keys, values } = randomPuts(dataSet, next, dataSet.keys.length / 5);
    await engine.load(keys, values, false);
    let running = true;
    const start = performance.now();
    const done = engine.checkpoint().then(() => {
      running = false;
    });
    while (running) await putAndGet(engine, dataSet, next, beside);
    await done;
    checkpointNs.push((performance.now() - start) * 1e6);
    for (let k = 0; k < 500; k++) await putAndGet(engine, dataSet, next, alone);
  }
  const steady = [];
  await commit(engine, dataSet, next, STEADY_COMMITS, steady);
  const figures = { "checkpoint of a fifth of the entries, from call to durable": median(checkpointNs) };
  for (const [when, { put, get }] of Object.entries({ "no checkpoint runs": alone, "a checkpoint runs": beside })) {
    figures[`awaited put while ${when}, p50`] = median(put);
    figures[`awaited put while ${when}, p99`] = quantile(put, 0.99);
    figures[`get while ${when}, p50`] = median(get);
    figures[`get while ${when}, p99`] = quantile(get, 0.99);
  }
  figures["putSync back to back, checkpoints as they come, p50"] = median(steady);
  figures["putSync back to back, p99"] = quantile(steady, 0.99);
  figures["putSync back to back, p99.9"] = quantile(steady, 0.999);
  figures["putSync back to back, longest"] = quantile(steady, 1);
  figures["putSync back to back, mean"] = steady.reduce((sum, each) => sum + each, 0) / steady.length;
  return { figures };
}

async function putAndGet(engine, dataSet, next, into) {
  const { keys, values } = randomPuts(dataSet, next, READS_BETWEEN);
  const start = performance.now();
  await engine.put(keys[0], values[0]);
  into.put.push((performance.now() - start) * 1e6);
  for (const key of keys) {
    const from = performance.now();
    engine.getMany([key]);
    into.get.push((performance.now() - from) * 1e6);
  }
}
