/**
 * The hash index under everything that takes leaves out of the newest state: runs of random steps in which every key is
 * read again and again. `LLMDB_TEST_RUNS` multiplies the runs, `LLMDB_TEST_SEED` replays one, `LLMDB_TEST_SHRINK=0`
 * leaves a failure as it was found.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Key, OpenOptions } from "../../index.js";
import { SimulatedDisk } from "../harness/simulated-disk.js";
import { freshPath, mapped } from "./fresh.js";
import { HotRun, hotSteps } from "./hot-run.js";
import { universe } from "./universe.js";

const multiplier = Number(process.env.LLMDB_TEST_RUNS ?? "1");
const seed = process.env.LLMDB_TEST_SEED === undefined ? undefined : Number(process.env.LLMDB_TEST_SEED);

/** Every third key, and all that are of another kind than their neighbours. */
const keys: readonly Key[] = universe.keys.filter((key, i) => i % 3 === 0 || typeof key !== "string" || key.length < 8);

async function check(runs: number, maxLength: number, options: OpenOptions): Promise<number> {
  let reads = 0;
  let hits = 0;
  const property = fc.asyncProperty(hotSteps(keys.length, maxLength), async (steps) => {
    const where = mapped ? { pageSource: "mmap" as const } : { storage: new SimulatedDisk() };
    const run = new HotRun(keys, mapped ? freshPath() : "/hot.llmdb", { pageSize: 4096, ...options, ...where });
    await run.run(steps);
    reads += run.reads;
    hits += run.hits;
  });
  await fc.assert(property, {
    numRuns: Math.ceil(runs * multiplier),
    endOnFailure: process.env.LLMDB_TEST_SHRINK === "0",
    ...(seed !== undefined && { seed }),
  });
  return hits / reads;
}

const timeout = 60_000 * Math.max(1, multiplier);

const cases: readonly (readonly [string, number, number, OpenOptions])[] = [
  ["the smallest cache", 40, 30, { cacheBytes: 0 }],
  ["the smallest cache, commits that stay in memory", 40, 30, { cacheBytes: 0, durability: "buffered" }],
  ["everything in the cache", 15, 30, {}],
  ["everything in the cache, commits that stay in memory", 35, 30, { durability: "buffered" }],
  ["long runs, the smallest cache", 6, 120, { cacheBytes: 0 }],
  ["long runs, commits that stay in memory", 6, 120, { cacheBytes: 4096 * 400, durability: "buffered" }],
  ["the largest pages", 6, 30, { cacheBytes: 0, pageSize: 65536 }],
];

test.each(cases)(
  "%s",
  async (_name, runs, maxLength, options) => {
    const hitRatio = await check(runs, maxLength, options);
    // Most reads must go through the index; a mapped page never does.
    if (!mapped) expect(hitRatio).toBeGreaterThan(0.4);
  },
  timeout,
);
