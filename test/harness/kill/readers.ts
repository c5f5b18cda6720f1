/**
 * Snapshot readers beside a writer: in its process, in a worker thread, and in processes of their own, which are
 * killed. Guarantees: every check is made on one snapshot and compared to the byte; in the end no reader is left, and
 * the space that they held must be free again.
 */
import { setTimeout } from "node:timers/promises";
import { Random } from "../random.js";
import type { Report } from "./job.js";
import { waysThroughNamespaces } from "./namespaces.js";
import { ScratchFolder } from "./scratch-folder.js";
import { StartedProcess } from "./started-process.js";

/** How long the readers read, and which. */
export interface ReaderTorture {
  seed: number;
  seconds: number;
  /** Processes that read beside the writer. Default 2. */
  processes?: number;
  /** Readers with handles of their own, in a thread and in processes. Default true. */
  handles?: boolean;
  /** Runs the readers in namespaces of their own in turn, as containers have them. Default false. */
  namespaces?: boolean;
  onProgress?: (progress: { checks: number; anomalies: number }) => void;
}

/** What the readers saw. */
export interface ReaderReport {
  /** Snapshots that were checked; a snapshot that is held is checked many times. */
  checks: number;
  /** Transactions that were written meanwhile. */
  commits: number;
  /** Readers that were killed in the middle. */
  kills: number;
  /** Bytes of the compacted file before the readers came, the most that it had beside them, and after they went. */
  fileBytes: { before: number; most: number; after: number };
  anomalies: string[];
}

const FILE = "ledger.llmdb";
const PATIENCE_MS = 60_000;
const MAX_ANOMALIES = 20;
const MAX_LIFE_MS = 1500;
/** However long a machine takes to start so many. */
const LEAST_KILLS = 4;
/** However long a machine takes to make them, within the patience. */
const LEAST_CHECKS = 250;
/** The compacted file may be so many times as large as at the start. */
const MAX_GROWTH = 1.5;
/** What readers hold for a second or two is less than this; what a killed one held for ever would be more. */
const MAX_FILE_BYTES = 64 * 1024 * 1024;

/** Reads beside a writer for so many seconds. */
export async function tortureReaders(options: ReaderTorture): Promise<ReaderReport> {
  const torture = new ReadersRun(options);
  try {
    await torture.run();
  } finally {
    await torture.close();
  }
  return torture.report;
}

class ReadersRun {
  readonly report: ReaderReport = {
    checks: 0,
    commits: 0,
    kills: 0,
    fileBytes: { before: 0, most: 0, after: 0 },
    anomalies: [],
  };
  readonly #options: ReaderTorture;
  readonly #random: Random;
  readonly #scratch = new ScratchFolder();
  readonly #writer = new StartedProcess();
  readonly #ways: readonly (readonly string[])[];
  #started = 0;
  #endMs = 0;

  constructor(options: ReaderTorture) {
    this.#options = options;
    this.#random = new Random(options.seed);
    this.#ways = options.namespaces === true ? waysThroughNamespaces().ways : [[]];
  }

  async run(): Promise<void> {
    const { handles = true, processes = 2, seconds, seed } = this.#options;
    const path = this.#scratch.file(FILE);
    await this.#ask({ task: "write ledger", path, seed, handles }, "filled");
    this.report.fileBytes.before = this.report.fileBytes.after;
    this.#endMs = performance.now() + seconds * 1000;
    const readers = Array.from({ length: handles ? processes : 0 }, () => this.#readAndKill(path));
    await Promise.all([...readers, this.#untilRead(seconds)]);
    const last = await this.#ask({ task: "settle ledger" }, "checked");
    if (last.kind === "checked") this.#note(last.problems);
    const { before, most, after } = this.report.fileBytes;
    if (most > MAX_FILE_BYTES) this.#note([`the file grew to ${most} bytes beside the readers`]);
    if (after > before * MAX_GROWTH) this.#note([`the compacted file grew from ${before} to ${after} bytes`]);
  }

  async close(): Promise<void> {
    await this.#writer.kill();
    this.#scratch.remove();
  }

  /** Waits for the time that was asked for, and on a slow machine for what makes a run worth something. */
  async #untilRead(seconds: number): Promise<void> {
    const giveUpMs = performance.now() + PATIENCE_MS;
    await setTimeout(seconds * 1000);
    while (this.report.checks < LEAST_CHECKS && performance.now() < giveUpMs) await setTimeout(50);
  }

  /** Gives the writer a job and waits for an answer of this kind. */
  async #ask(job: Parameters<StartedProcess["begin"]>[0], kind: Report["kind"]): Promise<Report> {
    const answered = new Promise<Report>((resolve) => {
      void this.#writer.begin(job, (told) => {
        this.#hear(told);
        if (told.kind === kind) resolve(told);
      });
    });
    const failed = Promise.race([
      this.#writer.ended.then(() => `the writer ended: ${this.#writer.errors}`),
      setTimeout(PATIENCE_MS, `the writer hangs in "${job.task}"`, { ref: false }),
    ]).then((message): Report => ({ kind: "failed", message }));
    const answer = await Promise.race([answered, failed]);
    if (answer.kind === "failed") this.#note([answer.message]);
    return answer;
  }

  /** One reader after the other, each killed at some moment: most of them after they have read. */
  async #readAndKill(path: string): Promise<void> {
    while (performance.now() < this.#endMs || this.report.kills < LEAST_KILLS) {
      const reader = new StartedProcess({}, this.#ways[this.#started++ % this.#ways.length]);
      const job = { task: "read ledger", path, seed: this.#options.seed, readerSeed: this.#random.next() } as const;
      const reads = new Promise<void>((resolve) => {
        void reader.begin(job, (told) => {
          this.#hear(told);
          if (told.kind === "checks") resolve();
        });
      });
      const readsFirst = this.#random.chance(3 / 4);
      const lifeMs = this.#random.below(MAX_LIFE_MS);
      await Promise.race([(readsFirst ? reads : reader.ready).then(() => setTimeout(lifeMs)), reader.ended]);
      await reader.kill();
      if (reader.errors !== "") this.#note([reader.errors]);
      this.report.kills++;
    }
  }

  #hear(told: Report): void {
    if (told.kind === "checks") {
      this.report.checks += told.checks;
      this.#note(told.anomalies);
      this.#options.onProgress?.({ checks: this.report.checks, anomalies: this.report.anomalies.length });
    } else if (told.kind === "ledger") {
      this.report.commits = told.steps;
      this.report.fileBytes.after = told.fileBytes;
      this.report.fileBytes.most = Math.max(this.report.fileBytes.most, told.fileBytes);
    } else if (told.kind === "failed") {
      this.#note([told.message]);
    }
  }

  #note(anomalies: readonly string[]): void {
    const room = Math.max(0, MAX_ANOMALIES - this.report.anomalies.length);
    this.report.anomalies.push(...anomalies.slice(0, room));
  }
}
