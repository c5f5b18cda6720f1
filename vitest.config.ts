/**
 * How the tests run, in groups by the name of the file. `*.test.ts`: in threads that many files share, because they
 * only compute and use files of their own. `*.process.test.ts`: in processes that many files share, because they start
 * and kill processes, or change what a process has once and put it back. `*.isolated.test.ts`: each in a process to
 * itself, because they measure it, or change it for good. `*.long.test.ts`: only in `npm run test:long`, which also
 * runs the others with ten times the effort.
 */
import { randomInt } from "node:crypto";
import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import { CpuBudget } from "./test/cpu-budget.js";

const PROCESS = "test/**/*.process.test.ts";
const ISOLATED = "test/**/*.isolated.test.ts";
const LONG = "test/**/*.long.test.ts";

export default defineConfig(({ mode }) => {
  const long = mode === "long";
  const effort = Number(process.env.LLMDB_EFFORT ?? (long ? 10 : 1));
  const seed = Number(process.env.LLMDB_SEED ?? randomInt(1, 2 ** 31));
  const rest = long ? "" : "left out: the long tests, and ten times the effort; npm run test:long";
  const group = {
    setupFiles: ["test/cpu-time.ts"],
    env: { LLMDB_EFFORT: String(effort), LLMDB_SEED: String(seed) },
    testTimeout: 60_000 * Math.max(1, effort),
    hookTimeout: 60_000,
  };
  const forks = { ...group, pool: "forks" as const, globalSetup: ["test/built-package.ts"] };
  return {
    test: {
      reporters: ["default", new CpuBudget(effort, seed, rest)],
      // One more than there are cores: tests also wait, for disks and processes.
      maxWorkers: availableParallelism() + 1,
      projects: [
        {
          test: {
            ...group,
            name: "unit",
            include: ["test/**/*.test.ts"],
            exclude: [PROCESS, ISOLATED, LONG],
            pool: "threads",
            isolate: false,
          },
        },
        { test: { ...forks, name: "process", include: [PROCESS], isolate: false } },
        { test: { ...forks, name: "isolated", include: [ISOLATED] } },
        ...(long ? [{ test: { ...forks, name: "long", include: [LONG] } }] : []),
      ],
      coverage: {
        provider: "v8",
        include: [
          "index.ts",
          "{pager,btree,wal,mvcc,engine,temporal,catalog,wasm,models,memory,level,server,cli}/**/*.ts",
        ],
        reporter: ["text"],
      },
    },
  };
});
