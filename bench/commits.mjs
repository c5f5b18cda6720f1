/**
 * Commits of one put each. Guarantees: keys and values are made before the clock starts; every commit that is counted
 * is on the disk when its call returns or its promise resolves.
 */
import { entriesInTurn } from "./access.mjs";
import { BareFile } from "./bare-file.mjs";
import { median, summaryOf } from "./numbers.mjs";

/** Commits of the engine, then bare writes, then the engine again: what else the disk does meets both alike. */
const BLOCK = 20;
const BLOCKS = 100;
const WARM_UP_COMMITS = 1000;
const WRITERS = 100;
const WRITERS_COMMITS = 40_000;
/** Of 4 KiB of log each: a checkpoint or two fall into them. */
const STEADY_COMMITS = 30_000;
/** What a quick run does of all these. */
const QUICK_SHARE = 1 / 200;

/** @typedef {import("./workloads.mjs").Work} Work */

/** One after the other, beside bare writes. @param {Work} work */
export async function commitOneByOne(work) {
  const bare = new BareFile(work.folder);
  const next = entriesInTurn("random", work.dataSet, work.round + 1);
  const sampleNs = [];
  const bareNs = [];
  await commit(work, next, sized(work, WARM_UP_COMMITS), []);
  bare.write(sized(work, WARM_UP_COMMITS), []);
  for (let block = 0; block < sized(work, BLOCKS); block++) {
    await commit(work, next, BLOCK, sampleNs);
    bare.write(BLOCK, bareNs);
  }
  bare.close();
  const operations = sampleNs.length;
  // A disk has moments that would be most of the sum.
  const ns = median(sampleNs) * operations;
  const latency = summaryOf(sampleNs);
  return { operations, ns, samples: latency, latency, bare: summaryOf(bareNs), sum: null };
}

/** One after the other, for so long that what the engine puts off comes due. @param {Work} work */
export async function commitSteadily(work) {
  const next = entriesInTurn("random", work.dataSet, work.round + 1);
  const sampleNs = [];
  await commit(work, next, sized(work, WARM_UP_COMMITS), []);
  await commit(work, next, sized(work, STEADY_COMMITS), sampleNs);
  const ns = sampleNs.reduce((sum, each) => sum + each, 0);
  const latency = summaryOf(sampleNs);
  return { operations: sampleNs.length, ns, samples: latency, latency, sum: null };
}

async function commit({ engine, dataSet }, next, count, sampleNs) {
  const { keys, values } = putsOf(dataSet, next, count);
  await engine.commitEach(keys, values, sampleNs);
}

/**
 * Entries that are there already, each with the value of another one.
 *
 * @param {import("./data-set.mjs").DataSet} dataSet
 * @param {() => number} next
 * @param {number} count
 */
export function putsOf(dataSet, next, count) {
  const keys = Array.from({ length: count }, () => dataSet.key(next()));
  return { keys, values: keys.map(() => dataSet.value(next())) };
}

/** @param {Work} work */
function sized({ quick }, count) {
  return quick ? Math.ceil(count * QUICK_SHARE) : count;
}

/** Many at once, each waiting for its own. @param {Work} work */
export async function commitTogether(work) {
  const { engine, dataSet, round } = work;
  if (engine.put === undefined) return undefined;
  const next = entriesInTurn("random", dataSet, round + 1);
  const count = sized(work, WRITERS_COMMITS);
  await writeTogether(engine.put, putsOf(dataSet, next, Math.ceil(count / 4)));
  const puts = putsOf(dataSet, next, count);
  const start = performance.now();
  const sampleNs = await writeTogether(engine.put, puts);
  const ns = (performance.now() - start) * 1e6;
  return { operations: count, ns, samples: summaryOf([ns / count]), latency: summaryOf(sampleNs), sum: null };
}

async function writeTogether(put, { keys, values }) {
  const sampleNs = new Float64Array(keys.length);
  let next = 0;
  const writer = async () => {
    while (next < keys.length) {
      const i = next++;
      const start = performance.now();
      await put(keys[i], values[i]);
      sampleNs[i] = (performance.now() - start) * 1e6;
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, writer));
  return sampleNs;
}
