/**
 * Torture by simulated crashes: random workloads, or every small one, on disks that lose power at each operation.
 * Guarantees: everything follows from the seed; whatever is found comes with one command that shows it again.
 */
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import type { SimulatedDisk } from "../simulated-disk.js";
import { type LaneEvents, type LaneOptions, runLane } from "./lane.js";
import { type TortureOptions, type TortureReport, type TortureViolation, weaknessesOf } from "./report.js";
import { countWorkloads } from "./small-scope.js";
import { addTally, emptyTally, type Tally } from "./tally.js";
import type { LaneMessage } from "./torture-worker.js";

const MOST_VIOLATIONS = 5;
const FAULTS_PER_ROUND = 60;
const PROGRESS_MS = 250;

/** The compiled worker; sources that are run as they are have none. */
const WORKER_URL = new URL("./torture-worker.js", import.meta.url);
const isCompiled = import.meta.url.endsWith(".js");

/**
 * Crashes simulated disks until the time or the number of images is reached, or everything in a small scope was seen.
 *
 * @example
 * ```ts
 * const { images, violations } = await tortureSimulated({ seed: 7, images: 100_000 });
 * for (const { message, replay } of violations) console.error(`${message}\n  ${replay}`);
 * ```
 */
export function tortureSimulated(options: TortureOptions): Promise<TortureReport> {
  return new Torture(options).run();
}

/** As {@link tortureSimulated}, in this thread, on disks that a test has made. */
export function tortureDisks(
  options: TortureOptions,
  makeDisk: (seed: number) => SimulatedDisk,
): Promise<TortureReport> {
  return new Torture({ ...options, workers: 0 }, makeDisk).run();
}

class Torture {
  readonly #options: TortureOptions;
  readonly #makeDisk: ((seed: number) => SimulatedDisk) | undefined;
  readonly #tally: Tally = emptyTally();
  readonly #violations: TortureViolation[] = [];
  readonly #started = performance.now();
  /** One word that all threads see: not 0 when they are to stop. */
  readonly #stopped = new Int32Array(new SharedArrayBuffer(4));
  #told = 0;

  constructor(options: TortureOptions, makeDisk?: (seed: number) => SimulatedDisk) {
    this.#options = options;
    this.#makeDisk = makeDisk;
  }

  async run(): Promise<TortureReport> {
    const { round, workers = isCompiled ? availableParallelism() : 0 } = this.#options;
    const threads = round === undefined ? workers : 0;
    if (threads === 0) await runLane(this.#lane(0, 1), this.#events(), this.#makeDisk);
    else await Promise.all(Array.from({ length: threads }, (_, index) => this.#thread(this.#lane(index, threads))));
    this.#requireBranches();
    return this.#report();
  }

  get #seconds(): number {
    return (performance.now() - this.#started) / 1000;
  }

  #lane(first: number, stride: number): LaneOptions {
    const {
      seed,
      depth = 2,
      round,
      image,
      exhaustive,
      faultsPerRound = FAULTS_PER_ROUND,
      pointsPerRound,
    } = this.#options;
    const only = round === undefined ? undefined : { round, ...(image !== undefined && { image }) };
    const points = pointsPerRound !== undefined && { pointsPerRound };
    const parts = { ...(only && { only }), ...(exhaustive && { exhaustive }), ...points };
    return { seed, depth, faultsPerRound, first, stride, ...parts };
  }

  #events(): LaneEvents {
    return {
      counted: (tally) => this.#count(tally),
      violated: (violation) => this.#violate(violation),
      stopped: () => this.#isOver(),
    };
  }

  #thread(lane: LaneOptions): Promise<void> {
    return new Promise((resolve, reject) => {
      const worker = new Worker(fileURLToPath(WORKER_URL), { workerData: { lane, stopped: this.#stopped } });
      worker.on("message", (message: LaneMessage) => {
        if (message.kind === "counted") this.#count(message.tally);
        else this.#violate(message.violation);
        if (this.#isOver()) Atomics.store(this.#stopped, 0, 1);
      });
      worker.on("error", reject);
      worker.on("exit", (code) => (code === 0 ? resolve() : reject(new Error(`a worker ended with code ${code}`))));
    });
  }

  #isOver(): boolean {
    const { minutes, images, exhaustive, round, signal, mostViolations = MOST_VIOLATIONS } = this.#options;
    if (signal?.aborted === true) return true;
    if (this.#violations.length >= mostViolations) return true;
    if (images !== undefined && this.#tally.images >= images) return true;
    const wholly = images !== undefined || exhaustive !== undefined || round !== undefined;
    const limit = minutes ?? (wholly ? Number.POSITIVE_INFINITY : 1);
    return this.#seconds >= limit * 60;
  }

  #count(tally: Tally): void {
    addTally(this.#tally, tally);
    const now = performance.now();
    if (now - this.#told < PROGRESS_MS) return;
    this.#told = now;
    const { images, distinct, workloads } = this.#tally;
    const violations = this.#violations.length;
    this.#options.onProgress?.({ images, distinct, workloads, violations, seconds: this.#seconds });
  }

  #violate(violation: TortureViolation): void {
    this.#violations.push(violation);
  }

  /** A run that never took a branch says nothing about it; one that was ended early was not meant to be complete. */
  #requireBranches(): void {
    if (this.#options.signal?.aborted === true) return;
    const missing = (this.#options.requiredBranches ?? []).filter((branch) => !this.#tally.branches.has(branch));
    if (missing.length === 0 || this.#violations.length > 0) return;
    const { seed } = this.#options;
    const message = `recovery never took these branches: ${missing.join(", ")}`;
    this.#violate({ message, replay: `npx llmdb torture --engine simulated --seed ${seed} (and longer)` });
  }

  #report(): TortureReport {
    const { branches, ...counts } = this.#tally;
    const { seed, exhaustive, round } = this.#options;
    const seconds = this.#seconds;
    const report = {
      seed,
      ...counts,
      imagesPerSecond: Math.round(counts.images / seconds),
      ...(exhaustive && { workloadsInScope: countWorkloads(exhaustive) }),
      branches: Object.fromEntries([...branches].sort()),
      seconds,
      violations: this.#violations,
    };
    // A replay and a scope are about what they name, and about nothing else.
    const isWhole = round === undefined && exhaustive === undefined;
    return { ...report, weaknesses: isWhole ? weaknessesOf(report) : [] };
  }
}
