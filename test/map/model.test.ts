/**
 * Random runs of everything a database can do, compared with sorted arrays. Pages of 4 KiB and a cache of 64 pages, so
 * that splits, merges, overflow, eviction and pages written before their commit come up within a few steps.
 * `LLMDB_TEST_PAGE_SOURCE=mmap` maps real files.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { fileStorage } from "../../pager/file-storage.js";
import { memoryStorage } from "../../pager/memory-storage.js";
import { effort } from "../effort.js";
import { ModelRun, type Step, stepsOf } from "../harness/index.js";
import { compareKeys } from "../key/order.js";
import { mapped } from "./fresh.js";
import { universe } from "./universe.js";

async function inMemory(steps: Step[], cacheBytes: number): Promise<void> {
  const run = new ModelRun(universe, compareKeys, memoryStorage(), "model.llmdb", { pageSize: 4096, cacheBytes });
  await run.run(steps);
}

async function onFiles(steps: Step[], cacheBytes: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "llmdb-model-"));
  try {
    const pageSource = mapped ? "mmap" : "pread";
    const options = { pageSize: 4096, cacheBytes, pageSource } as const;
    await new ModelRun(universe, compareKeys, fileStorage, join(folder, "model.llmdb"), options).run(steps);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function check(
  runs: number,
  maxLength: number,
  run: (steps: Step[], cacheBytes: number) => Promise<void>,
  cacheBytes: number,
): Promise<void> {
  const result = await fc.check(
    fc.asyncProperty(stepsOf(universe, { maxLength, size: "max" }), (steps) => run(steps, cacheBytes)),
    { numRuns: effort(runs) },
  );
  if (!result.failed) return;
  const replay = `LLMDB_SEED=${result.seed} npx vitest run test/map/model.test.ts`;
  const steps = fc.stringify(result.counterexample?.[0]);
  const cause = result.errorInstance instanceof Error ? result.errorInstance.stack : String(result.errorInstance);
  expect.fail(`${replay}\n${result.numShrinks} shrinks to: ${steps}\n${cause}`);
}

/** Commits stay in memory: their pages keep their numbers, and snapshots keep versions that no disk has. */
async function buffered(steps: Step[], cacheBytes: number): Promise<void> {
  const options = { pageSize: 4096, cacheBytes, durability: "buffered" } as const;
  await new ModelRun(universe, compareKeys, memoryStorage(), "model.llmdb", options).run(steps, 25);
}

const timeout = effort(300_000);
const usual = mapped ? onFiles : inMemory;

test("runs of twenty steps, with the smallest cache", () => check(24, 20, usual, 0), timeout);

test("long runs, with the smallest cache", () => check(5, 100, usual, 0), timeout);

test("long runs, with everything in the cache", () => check(5, 100, usual, 64 * 1024 * 1024), timeout);

test("buffered runs, with the smallest cache", () => check(9, 50, buffered, 0), timeout);

test("buffered runs, with everything in the cache", () => check(9, 50, buffered, 64 * 1024 * 1024), timeout);

test("runs on real files", () => check(3, 40, onFiles, 0), timeout);
