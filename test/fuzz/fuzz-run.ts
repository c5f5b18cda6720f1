/**
 * A run of a fuzzer: mutants in processes with a small heap, which are watched. Guarantees: a process that dies, hangs
 * or runs out of memory is a problem of the mutant that it was at, and the run goes on after it; every problem comes
 * with the command that shows it again.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Target } from "./target.js";
import type { Trial } from "./trial.js";

const PROGRAM_PATH = fileURLToPath(new URL("./fuzz-process.js", import.meta.url));
const HEAP_MB = 512;
/** A process that says nothing for so long hangs. Calls are held to a second of processor time by themselves. */
const PATIENCE_MS = 60_000;
const MOST_PROBLEMS = 20;
/** Mutants that one process takes, so that what one leaves behind does not pile up. */
const EACH_PROCESS = 2000;

/** What to fuzz, and for how long. */
export interface FuzzOptions {
  readonly target: Target;
  readonly seed: number;
  /** The number of the first mutant. Default 0. */
  readonly first?: number;
  /** The most mutants of the run. */
  readonly mutants?: number;
  /** The most minutes that the run takes. */
  readonly minutes?: number;
  /** Where the modules of the sample are. */
  readonly modules: string;
  readonly onProgress?: (report: FuzzReport) => void;
}

/** What was found. */
export interface FuzzReport {
  readonly target: Target;
  readonly seed: number;
  mutants: number;
  /** Mutants that were opened; of errors of the system: that met one. */
  opened: number;
  values: number;
  typedErrors: number;
  readonly problems: { message: string; replay: string }[];
}

/** Tries mutants until their number, the time or the most problems are reached. */
export async function fuzz(options: FuzzOptions): Promise<FuzzReport> {
  const { target, seed, first = 0, mutants = Number.POSITIVE_INFINITY, minutes = Number.POSITIVE_INFINITY } = options;
  const report: FuzzReport = { target, seed, mutants: 0, opened: 0, values: 0, typedErrors: 0, problems: [] };
  const endMs = performance.now() + minutes * 60_000;
  let next = first;
  while (next < first + mutants && performance.now() < endMs && report.problems.length < MOST_PROBLEMS) {
    const count = Math.min(EACH_PROCESS, first + mutants - next);
    next = await new FuzzedProcess(options, report, endMs).run(next, count);
  }
  return report;
}

class FuzzedProcess {
  readonly #options: FuzzOptions;
  readonly #report: FuzzReport;
  readonly #endMs: number;
  #number: number | undefined;
  #use = "";
  #heardMs = performance.now();

  constructor(options: FuzzOptions, report: FuzzReport, endMs: number) {
    this.#options = options;
    this.#report = report;
    this.#endMs = endMs;
  }

  /** Tries mutants from `first` on; returns the next number. */
  async run(first: number, count: number): Promise<number> {
    const { target, seed, modules } = this.#options;
    const args = [target, seed, first, count, modules].map(String);
    const child = spawn(process.execPath, [`--max-old-space-size=${HEAP_MB}`, PROGRAM_PATH, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    let errors = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      errors = (errors + text).slice(-4000);
    });
    const watch = setInterval(() => this.#look(child), 1000);
    const ended = new Promise<NodeJS.Signals | number | null>((resolve) => {
      child.on("close", (code, signal) => resolve(signal ?? code));
    });
    let done = first;
    for await (const line of createInterface({ input: child.stdout })) {
      done = this.#hear(line, done);
      if (performance.now() > this.#endMs || this.#report.problems.length >= MOST_PROBLEMS) child.kill("SIGKILL");
    }
    const how = await ended;
    clearInterval(watch);
    if (how === 0 || (how === "SIGKILL" && this.#isOver())) return done;
    this.#report.mutants++;
    this.#note(this.#number ?? first, `the process ended with ${how} in "${this.#use}": ${errors}`);
    return (this.#number ?? first) + 1;
  }

  #isOver(): boolean {
    return performance.now() > this.#endMs || this.#report.problems.length >= MOST_PROBLEMS;
  }

  #hear(line: string, done: number): number {
    this.#heardMs = performance.now();
    const rest = line.slice(2);
    if (line.startsWith("# ")) this.#number = Number(rest);
    else if (line.startsWith(". ")) this.#use = rest;
    else if (line.startsWith("= ") && this.#number !== undefined) {
      this.#count(JSON.parse(rest), this.#number);
      return this.#number + 1;
    }
    return done;
  }

  #count(trial: Trial, number: number): void {
    const report = this.#report;
    report.mutants++;
    report.values += trial.values;
    report.typedErrors += trial.typedErrors;
    if (trial.opened) report.opened++;
    for (const problem of trial.problems) this.#note(number, problem);
    this.#options.onProgress?.(report);
  }

  #note(number: number, message: string): void {
    const { target, seed } = this.#options;
    const replay = `npm run fuzz -- --target ${target} --seed ${seed} --first ${number} --mutants 1`;
    this.#report.problems.push({ message, replay });
  }

  #look(child: ChildProcess): void {
    if (performance.now() - this.#heardMs > PATIENCE_MS) child.kill("SIGKILL");
  }
}
