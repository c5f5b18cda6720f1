/**
 * The program of every process that the torture starts: does one job after the other, until it is killed. Guarantees:
 * it ends when its parent is gone, so that nothing is left running.
 */
import { LlmdbError, open } from "../../../index.js";
import { Random } from "../random.js";
import { commitFor, countersOf } from "./commit-loop.js";
import { runFixed } from "./fixed-run.js";
import { checkFilled, fillAgainAndAgain } from "./full-disk-run.js";
import { type CheckFullJob, type CheckJob, type CommitJob, type FixedJob, type Job, messageOf, tell } from "./job.js";
import { type CheckCount, handleSource, readLedger } from "./ledger-reader.js";
import { LedgerWriter } from "./ledger-writer.js";
import { problemsOf } from "./state-check.js";

/** For a disk of 1 MiB. */
const SMALL = { pageSize: 4096, checkpointBytes: 64 * 1024 } as const;

let writer: LedgerWriter | undefined;

process.on("disconnect", () => process.exit(1));
// An interrupt of the terminal goes to every process; the parent decides when this one ends.
process.on("SIGINT", () => {});
process.on("message", (job: Job) => {
  run(job).catch((error: unknown) => {
    tell({ kind: "failed", message: `${job.task}: ${messageOf(error)}` });
    process.exit(1);
  });
});
tell({ kind: "ready" });

async function run(job: Job): Promise<void> {
  switch (job.task) {
    case "commit":
      return commit(job);
    case "check":
      return check(job);
    case "intrude":
      return intrude(job.path);
    case "fixed":
      return fixed(job);
    case "fill":
      return fillAgainAndAgain(open(job.path, SMALL), job.seed, job.cycles);
    case "check full":
      return checkFull(job);
    case "write ledger":
      writer = new LedgerWriter(job);
      return writer.start();
    case "settle ledger":
      return writer?.settle();
    case "read ledger":
      return readLedger(handleSource(job.path), job.seed, new Random(job.readerSeed), () => true, tellChecks);
  }
}

async function commit(job: CommitJob): Promise<void> {
  const { path, workload, pageSize, cacheBytes, checkpointBytes, seed, closeAfter } = job;
  tell({ kind: "opening" });
  const db = open(path, { pageSize, cacheBytes, checkpointBytes });
  await commitFor(db, workload, seed, closeAfter ?? Number.POSITIVE_INFINITY);
}

async function check({ path, workload, pageSize, readOnly, close }: CheckJob): Promise<void> {
  const db = open(path, readOnly ? { readOnly } : { pageSize });
  const counters = countersOf(db, workload);
  const problems = problemsOf(db, workload);
  if (close) await db.close();
  tell({ kind: "checked", counters, problems, steps: db.recovered.steps });
}

async function intrude(path: string): Promise<void> {
  let keptOut = false;
  try {
    await open(path).close();
  } catch (error) {
    if (!(error instanceof LlmdbError) || error.code !== "LLMDB_LOCKED") throw error;
    keptOut = true;
  }
  tell({ kind: "intruded", keptOut });
}

async function fixed({ path, workload, pageSize, checkpointBytes, commits }: FixedJob): Promise<void> {
  await runFixed(open(path, { pageSize, checkpointBytes }), workload, commits);
}

async function checkFull({ path }: CheckFullJob): Promise<void> {
  const db = open(path, SMALL);
  const problems = await checkFilled(db);
  await db.close();
  tell({ kind: "checked", counters: [], problems, steps: db.recovered.steps });
}

function tellChecks({ checks, anomalies }: CheckCount): void {
  tell({ kind: "checks", checks, anomalies: anomalies.map((anomaly) => `a process: ${anomaly}`) });
}
