/**
 * Measures what each test file costs in processor time, and hands it to the reporter `cpu-budget.ts`. On Linux that of
 * a file that runs in a process includes the processes that it started and waited for.
 */
import { readFileSync } from "node:fs";
import { isMainThread } from "node:worker_threads";
import { afterAll } from "vitest";
import "./effort.js";

declare module "vitest" {
  interface TaskMeta {
    cpuSeconds?: number;
  }
}

/** The kernel counts in ticks of 10 ms. */
const TICKS_A_SECOND = 100;

/** Processor time used so far, in seconds: of the process and its children, or of this thread. */
function cpuSeconds(): number {
  try {
    const stat = readFileSync(isMainThread ? "/proc/self/stat" : "/proc/thread-self/stat", "latin1");
    const fields = stat
      .slice(stat.lastIndexOf(")") + 2)
      .split(" ")
      .slice(11, isMainThread ? 15 : 13);
    return fields.reduce((sum, ticks) => sum + Number(ticks), 0) / TICKS_A_SECOND;
  } catch {
    if (!isMainThread) return performance.eventLoopUtilization().active / 1000;
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  }
}

const before = cpuSeconds();
// biome-ignore lint/correctness/noEmptyPattern: vitest takes the names of the fixtures it hands over from the pattern
afterAll(({}, suite) => {
  suite.file.meta.cpuSeconds = cpuSeconds() - before;
});
