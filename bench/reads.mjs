/**
 * Reads of entries that are there. Guarantees: only the engine's own calls are timed, not the making of keys; a round
 * reads the same entries in the same order in every engine.
 */
import { Bench } from "tinybench";
import { entriesInTurn } from "./access.mjs";
import { summaryOf } from "./numbers.mjs";

/** Reads that are timed together: one alone is not much longer than reading the clock. */
const BLOCK = 1000;
/** Of all reads, so many are timed alone, one by one, for the percentiles. */
const ALONE = 1 / 3;

/** @typedef {import("./workloads.mjs").Work} Work */

/**
 * @param {Work} work
 * @param {import("./access.mjs").Access} access
 * @returns {import("./workloads.mjs").Measured | undefined}
 */
export function copies(work, access = "random") {
  return readMany(work, work.engine.getMany, work.engine.get, access);
}

/** @param {Work} work */
export function views(work) {
  return readMany(work, work.engine.viewMany, work.engine.view, "random");
}

function readMany({ dataSet, round, reads }, many, one, access) {
  if (many === undefined) return undefined;
  const next = entriesInTurn(access, dataSet, round + 1);
  const together = inBlocks(dataSet, next, reads, many);
  return { ...together, latency: one && alone(dataSet, next, Math.ceil(reads * ALONE), one) };
}

function inBlocks(dataSet, next, reads, many) {
  // tinybench calls the function once before its hooks, to see whether it is async: that call reads a key, too.
  const block = new Array(Math.min(BLOCK, reads)).fill(dataSet.key(0));
  let sum = 0;
  const bench = new Bench({
    iterations: Math.ceil(reads / BLOCK),
    time: 0,
    warmup: false,
    retainSamples: true,
    throws: true,
  });
  bench.add(
    "read",
    () => {
      sum += many(block);
    },
    {
      beforeEach() {
        for (let i = 0; i < block.length; i++) block[i] = dataSet.key(next());
      },
    },
  );
  bench.runSync();
  const { samples } = bench.tasks[0].result.latency;
  const sampleNs = samples.map((ms) => (ms * 1e6) / block.length);
  const ns = sampleNs.reduce((total, each) => total + each * block.length, 0);
  return { operations: samples.length * block.length, ns, samples: summaryOf(sampleNs), sum };
}

/** Each read by itself, with what reading the clock adds to it. */
function alone(dataSet, next, reads, one) {
  const ns = new Float64Array(reads);
  for (let from = 0; from < reads; from += BLOCK) {
    const keys = Array.from({ length: Math.min(BLOCK, reads - from) }, () => dataSet.key(next()));
    for (let i = 0; i < keys.length; i++) {
      const start = performance.now();
      one(keys[i]);
      ns[from + i] = (performance.now() - start) * 1e6;
    }
  }
  return { ...summaryOf(ns), clock: clockNs() };
}

/** What a measurement of nothing takes, median. */
function clockNs() {
  const ns = new Float64Array(10_000);
  for (let i = 0; i < ns.length; i++) {
    const start = performance.now();
    ns[i] = (performance.now() - start) * 1e6;
  }
  return summaryOf(ns).p50;
}

/** @param {Work} work */
export async function scan({ engine, dataSet }) {
  if (engine.scan === undefined) return undefined;
  const start = performance.now();
  const sum = await engine.scan();
  const ns = (performance.now() - start) * 1e6;
  return { operations: dataSet.entries, ns, samples: summaryOf([ns / dataSet.entries]), sum };
}
