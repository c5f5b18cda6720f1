/**
 * Real processes that commit to a real file and are killed with SIGKILL. It shows what a simulated disk cannot: that
 * the system calls are the right ones, that the lock is free when its holder is gone, and that nothing is left to clean
 * up. What it cannot show is a power cut: what a killed process had written stays in the memory of the system.
 */
import { availableParallelism } from "node:os";
import { Random } from "../random.js";
import { Pace } from "./kill-moment.js";
import { KilledDatabase } from "./killed-database.js";
import { waysThroughNamespaces } from "./namespaces.js";
import { ScratchFolder } from "./scratch-folder.js";
import { ProcessStock } from "./started-process.js";
import { emptyTally, type Tally, weaknessesOf } from "./tally.js";

export { type FullDiskReport, type FullDiskTorture, tortureFullDisk } from "./full-disk.js";
export type { Stage } from "./kill-plan.js";
export { type ReaderReport, type ReaderTorture, tortureReaders } from "./readers.js";
export type { Tally } from "./tally.js";

/** How long the torture goes on, and with what. */
export interface ProcessTorture {
  /** Decides the workload, the options, and when processes are killed. */
  seed: number;
  /** Ends after so many minutes. Default: 1, or no limit where `kills` is given. */
  minutes?: number;
  /** Ends after so many kills. */
  kills?: number;
  /** Concurrent promise committers. Default: 1 and 8, a database each in turn. */
  committers?: number;
  /**
   * Runs the processes in network and process namespaces of their own in turn, as containers have them, and lets one
   * try to write beside another. Linux only. Default false.
   */
  namespaces?: boolean;
  /** Ends the run early, after the kills that are under way; what was found until then is reported. */
  signal?: AbortSignal;
  /** Called after each kill. */
  onProgress?: (progress: { kills: number; commits: number }) => void;
}

/** What the torture found. */
export interface ProcessTortureReport extends Tally {
  seconds: number;
  violations: { message: string; replay: string }[];
  /** Why the run proved little, each with what to do; empty where it proved what it can. */
  weaknesses: string[];
}

/** A database lives for so many kills; then a fresh one follows. */
const MAX_KILLS_EACH = 16;
const MAX_VIOLATIONS = 5;
const MAX_LANES = 4;

/**
 * Kills committing processes until time is up, and checks after each kill that every acknowledged commit is there, that
 * no transaction is there in part, and that `verify()` is clean.
 *
 * The same seed gives the same workloads and the same moments, counted in commits, checkpoints and compactions. When
 * exactly a kill meets a process is up to the system, so a replay makes a violation likely and not certain. Therefore
 * the files are kept: the message says where.
 *
 * @example
 * ```ts
 * const report = await tortureProcesses({ seed: 7, kills: 500 });
 * if (report.violations.length > 0) console.error(report.violations[0].message);
 * ```
 */
export async function tortureProcesses(options: ProcessTorture): Promise<ProcessTortureReport> {
  const torture = new Torture(options);
  const lanes = Math.max(1, Math.min(MAX_LANES, availableParallelism()));
  const ends = await Promise.allSettled(Array.from({ length: lanes }, () => torture.runLane()));
  await torture.close();
  for (const end of ends) if (end.status === "rejected") throw end.reason;
  return torture.report();
}

/** One run: databases are drawn from the seed, and each is tortured by whichever lane is free. */
class Torture {
  readonly #options: ProcessTorture;
  readonly #random: Random;
  readonly #scratch = new ScratchFolder();
  readonly #stock: ProcessStock;
  readonly #missing: string | undefined;
  #endMs: number;
  readonly #tally = emptyTally();
  readonly #pace = new Pace();
  readonly #startedMs = performance.now();
  readonly #violations: ProcessTortureReport["violations"] = [];
  #databases = 0;
  /** Kills that databases were given and may not have done yet. */
  #given = 0;

  constructor(options: ProcessTorture) {
    this.#options = options;
    this.#random = new Random(options.seed);
    const { ways, missing } = options.namespaces === true ? waysThroughNamespaces() : { ways: [[]] };
    this.#stock = new ProcessStock(2, {}, ways);
    this.#missing = missing;
    const minutes = options.minutes ?? (options.kills === undefined ? 1 : Number.POSITIVE_INFINITY);
    this.#endMs = performance.now() + minutes * 60_000;
  }

  /** Takes one database after the other. Rejects where the harness itself fails, and then the other lanes end too. */
  async runLane(): Promise<void> {
    try {
      await this.#tortureDatabases();
    } catch (error) {
      this.#endMs = 0;
      throw error;
    }
  }

  report(): ProcessTortureReport {
    const seconds = (performance.now() - this.#startedMs) / 1000;
    const weaknesses = weaknessesOf(this.#tally);
    if (this.#missing !== undefined) weaknesses.push(`there were no namespaces: ${this.#missing}`);
    return { ...this.#tally, seconds, violations: this.#violations, weaknesses };
  }

  /** Ends what is left over. The files stay where there is something to see in them. */
  async close(): Promise<void> {
    await this.#stock.close();
    if (this.#violations.length === 0) this.#scratch.remove();
  }

  async #tortureDatabases(): Promise<void> {
    for (let kills = this.#takeKills(); kills > 0; kills = this.#takeKills()) {
      const committers = this.#options.committers ?? (this.#databases % 2 === 0 ? 1 : 8);
      this.#databases++;
      const database = new KilledDatabase(
        { seed: this.#random.next(), committers },
        this.#stock,
        this.#scratch,
        this.#tally,
        this.#pace,
      );
      const problems = await database.run(kills, {
        mayGoOn: () => this.#mayGoOn(),
        killed: () => this.#options.onProgress?.({ kills: this.#tally.kills, commits: this.#tally.commits }),
      });
      if (problems.length > 0) this.#violate(database, problems);
    }
  }

  /** How many kills the next database gets; 0 where there is none. */
  #takeKills(): number {
    if (!this.#mayGoOn()) return 0;
    const left = (this.#options.kills ?? Number.POSITIVE_INFINITY) - this.#given;
    const kills = Math.min(left, 1 + this.#random.below(MAX_KILLS_EACH));
    this.#given += kills;
    return kills;
  }

  #mayGoOn(): boolean {
    if (this.#options.signal?.aborted === true) return false;
    return this.#violations.length < MAX_VIOLATIONS && performance.now() < this.#endMs;
  }

  #violate(database: KilledDatabase, problems: readonly string[]): void {
    const { seed, kills = this.#given, committers, namespaces } = this.#options;
    const only = `${committers === undefined ? "" : ` --committers ${committers}`}${namespaces ? " --namespaces" : ""}`;
    this.#violations.push({
      message: `${problems.join("; ")} (files: ${database.folder})`,
      replay: `npx llmdb torture --engine kill --seed ${seed} --kills ${kills}${only}`,
    });
  }
}
