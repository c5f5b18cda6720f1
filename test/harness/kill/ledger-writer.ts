/**
 * The process that writes the ledger, with readers of its own beside: through its own handle, and in a worker thread.
 * Guarantees: it writes until it is told to settle; then, with all readers gone, it goes on for a while and tells
 * whether the pages that they held are used again.
 */
import { setImmediate } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { type Database, open } from "../../../index.js";
import { Random } from "../random.js";
import { type ReadLedgerJob, tell, type WriteLedgerJob } from "./job.js";
import { startLedger, writeStep } from "./ledger.js";
import { type CheckCount, ownSource, readLedger } from "./ledger-reader.js";

const FILLING_STEPS = 600;
const SETTLING_STEPS = 600;
/** After a short run the file may still grow to what checkpoints in a row take. Held pages would multiply it. */
const MOST_GROWTH = 1.25;
const CHECKPOINT_STEPS = 200;
const DURABLE_STEPS = 10;
const CHECKPOINT_BYTES = 256 * 1024;

export class LedgerWriter {
  readonly #job: WriteLedgerJob;
  readonly #db: Database;
  #settling = false;
  #done: Promise<void> = Promise.resolve();
  #steps = 0;

  constructor(job: WriteLedgerJob) {
    this.#job = job;
    this.#db = open(job.path, { checkpointBytes: CHECKPOINT_BYTES, durability: "buffered", pageSize: 4096 });
  }

  /** Fills the ledger, so that every step from now on replaces what is there; then writes beside the readers. */
  async start(): Promise<void> {
    await this.#db.transaction(startLedger);
    await this.#write(() => this.#steps < FILLING_STEPS);
    await this.#db.compact();
    this.#tellLength();
    tell({ kind: "filled" });
    const worker = this.#job.handles ? this.#startWorker() : undefined;
    const { seed } = this.#job;
    const random = new Random(seed);
    const goesOn = (): boolean => !this.#settling;
    this.#done = Promise.all([
      this.#write(goesOn),
      readLedger(ownSource(this.#db), seed, random, goesOn, (count) => tellChecks("the writer's process", count)),
    ]).then(async () => void (await worker?.terminate()));
  }

  /** Goes on alone for a while, and closes the database. */
  async settle(): Promise<void> {
    this.#settling = true;
    await this.#done;
    const before = this.#db.stats().fileBytes;
    const end = this.#steps + SETTLING_STEPS;
    await this.#write(() => this.#steps < end);
    const after = this.#db.stats().fileBytes;
    await this.#db.compact();
    this.#tellLength();
    const problems = this.#db.verify().problems.map(({ what }) => `verify(): ${what}`);
    if (after > before * MOST_GROWTH) {
      problems.push(`with no reader left the file grew from ${before} to ${after} bytes`);
    }
    await this.#db.close();
    tell({ kind: "checked", counters: [], problems, steps: [] });
  }

  async #write(goesOn: () => boolean): Promise<void> {
    while (goesOn()) {
      const durability = this.#steps % DURABLE_STEPS === 0 ? "durable" : "buffered";
      this.#steps = await this.#db.transaction((tx) => writeStep(tx, this.#job.seed), { durability });
      if (this.#steps % CHECKPOINT_STEPS === 0) {
        await this.#db.checkpoint();
        this.#tellLength();
      }
      await setImmediate();
    }
  }

  #tellLength(): void {
    tell({ kind: "ledger", steps: this.#steps, fileBytes: this.#db.stats().fileBytes });
  }

  #startWorker(): Worker {
    const { path, seed } = this.#job;
    const workerData: ReadLedgerJob = { task: "read ledger", path, seed, readerSeed: seed + 1 };
    const worker = new Worker(new URL("./ledger-worker.js", import.meta.url), { workerData });
    worker.on("message", (count: CheckCount) => tellChecks("a worker thread", count));
    worker.on("error", (error) => tell({ kind: "failed", message: `a worker thread: ${error.message}` }));
    return worker;
  }
}

function tellChecks(where: string, { checks, anomalies }: CheckCount): void {
  tell({ kind: "checks", checks, anomalies: anomalies.map((anomaly) => `${where}: ${anomaly}`) });
}
