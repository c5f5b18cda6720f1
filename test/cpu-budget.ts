/**
 * Ends a run: names the files that cost the most processor time, the seed, and how to run the rest. A file over the
 * budget fails the run, so that the suite stays one that people run.
 */
import type { Reporter, TestModule } from "vitest/node";

/** What a file may take at effort 1, in seconds of processor time; with those of the processes it starts. */
const BUDGET_SECONDS = 30;
const BUDGET_OF_PROCESSES_SECONDS = 45;
const NAMED = 8;

export class CpuBudget implements Reporter {
  readonly #effort: number;
  readonly #seed: number;
  readonly #rest: string;
  #files: { readonly path: string; readonly seconds: number }[] = [];

  /** @param rest what a reader is told about the tests that did not run */
  constructor(effort: number, seed: number, rest: string) {
    this.#effort = Math.max(1, effort);
    this.#seed = seed;
    this.#rest = rest;
  }

  onTestRunStart(): void {
    this.#files = [];
  }

  onTestModuleEnd(module: TestModule): void {
    const seconds = module.meta().cpuSeconds;
    if (seconds !== undefined) this.#files.push({ path: module.relativeModuleId, seconds });
  }

  onTestRunEnd(): void {
    const files = this.#files.sort((a, b) => b.seconds - a.seconds);
    const sum = files.reduce((total, { seconds }) => total + seconds, 0);
    const most = files.slice(0, NAMED).map(({ path, seconds }) => `${path} ${seconds.toFixed(1)}`);
    console.log(`\nseed ${this.#seed}; LLMDB_SEED=${this.#seed} repeats the run`);
    console.log(`${sum.toFixed(0)} s of processor time in ${files.length} files; the most: ${most.join(", ")}`);
    if (this.#rest !== "") console.log(this.#rest);
    const over = files.filter(({ path, seconds }) => seconds > this.#allowedSeconds(path));
    for (const { path, seconds } of over) {
      console.error(
        `${path} took ${seconds.toFixed(1)} s of processor time; ${this.#allowedSeconds(path)} are the limit`,
      );
    }
    if (over.length > 0) process.exitCode = 1;
  }

  #allowedSeconds(path: string): number {
    const isAlone = /\.(process|isolated|long)\.test\.ts$/.test(path);
    return (isAlone ? BUDGET_OF_PROCESSES_SECONDS : BUDGET_SECONDS) * this.#effort;
  }
}
