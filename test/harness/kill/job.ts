/**
 * What the parent and its processes tell each other: jobs go down over the IPC channel, reports come up over standard
 * output, one JSON text a line. Guarantees: a report is with the kernel when `tell` returns, so that a kill right after
 * it does not lose it; a line that a kill cut in two is not taken for a report.
 */
// biome-ignore lint/style/noRestrictedImports: the only way to write to standard output that waits.
import { writeSync } from "node:fs";
import type { RecoveryStep } from "../../../index.js";
import type { Workload } from "./workload.js";

const STDOUT = 1;
const RETRY_MS = 1;
const asleep = new Int32Array(new SharedArrayBuffer(4));

/** What runs alongside the commits, or follows them. */
export type Upkeep = "checkpoint" | "compaction" | "closing";

/** Commits until it is killed. */
export interface CommitJob {
  readonly task: "commit";
  readonly path: string;
  readonly workload: Workload;
  readonly pageSize: 4096 | 8192;
  readonly cacheBytes: number;
  readonly checkpointBytes: number;
  /** Decides when checkpoints and compactions run alongside the commits. */
  readonly seed: number;
  /** Steps of each committer before the database is closed. Without it, the commits have no end. */
  readonly closeAfter?: number;
}

/** Opens the database as it was left, checks it, and closes it or waits to be killed. */
export interface CheckJob {
  readonly task: "check";
  readonly path: string;
  readonly workload: Workload;
  /** Of the file, where the kill came before there was one. */
  readonly pageSize: 4096 | 8192;
  readonly readOnly: boolean;
  readonly close: boolean;
}

/** Tries to open a database that another process writes to. */
export interface IntrudeJob {
  readonly task: "intrude";
  readonly path: string;
}

/** Makes a fixed number of commits, the same way every time. */
export interface FixedJob {
  readonly task: "fixed";
  readonly path: string;
  readonly workload: Workload;
  readonly pageSize: 4096 | 8192;
  readonly checkpointBytes: number;
  readonly commits: number;
}

/** Fills a small disk, deletes and compacts so many times, and goes on until it is killed. */
export interface FillJob {
  readonly task: "fill";
  readonly path: string;
  readonly seed: number;
  readonly cycles: number;
}

/** Opens the database that a fill job left, reads it, writes to it, and closes it. */
export interface CheckFullJob {
  readonly task: "check full";
  readonly path: string;
}

/** Writes the ledger until it is told to settle, with readers in the same process. */
export interface WriteLedgerJob {
  readonly task: "write ledger";
  readonly path: string;
  readonly seed: number;
  /** Whether one of the readers is a worker thread with a read-only handle of its own. */
  readonly handles: boolean;
}

/** For the process that writes the ledger: no reader is left, so end your own, go on for a while, and close. */
export interface SettleLedgerJob {
  readonly task: "settle ledger";
}

/** Reads the ledger through a read-only handle until it is killed. */
export interface ReadLedgerJob {
  readonly task: "read ledger";
  readonly path: string;
  readonly seed: number;
  readonly readerSeed: number;
}

export type Job =
  | CommitJob
  | CheckJob
  | IntrudeJob
  | FixedJob
  | FillJob
  | CheckFullJob
  | WriteLedgerJob
  | SettleLedgerJob
  | ReadLedgerJob;

/** What a process says. */
export type Report =
  /** It can take a job. */
  | { readonly kind: "ready" }
  /** Is about to open the database. */
  | { readonly kind: "opening" }
  /** The database is open, and the committers have come this far; `steps` is what opening had to do. */
  | { readonly kind: "opened"; readonly counters: readonly number[]; readonly steps: readonly RecoveryStep[] }
  /** A durable commit was resolved. */
  | { readonly kind: "acknowledged"; readonly committer: number; readonly index: number }
  /** Begins something other than a commit. */
  | { readonly kind: "begins"; readonly what: Upkeep }
  /** And is done with it. */
  | { readonly kind: "ends"; readonly what: Upkeep }
  /** The check is done, and the database closed if it was to be. */
  | {
      readonly kind: "checked";
      readonly counters: readonly number[];
      readonly problems: readonly string[];
      readonly steps: readonly RecoveryStep[];
    }
  /** It was kept out of the database, or was not. */
  | { readonly kind: "intruded"; readonly keptOut: boolean }
  /** A cycle of filling is over, and so many writes were refused in it. */
  | { readonly kind: "cycle"; readonly cycle: number; readonly refusals: number }
  /** So many snapshots were checked since the last time, and this did not hold. */
  | { readonly kind: "checks"; readonly checks: number; readonly anomalies: readonly string[] }
  /** The ledger has come to this step, and its file has this length. */
  | { readonly kind: "ledger"; readonly steps: number; readonly fileBytes: number }
  /** The ledger is as large as it gets, unless somebody holds what is replaced in it; the readers may come. */
  | { readonly kind: "filled" }
  /** A fixed run has come to its end. */
  | { readonly kind: "done" }
  /** An error that should not be. */
  | { readonly kind: "failed"; readonly message: string };

/**
 * Sends a report to the parent. Waits while the parent is too busy to read: `process.stdout` would keep the rest in
 * memory then, and a kill would lose it.
 */
export function tell(report: Report): void {
  const line = new TextEncoder().encode(`${JSON.stringify(report)}\n`);
  for (let told = 0; told < line.length; told += writeSome(line.subarray(told)));
}

function writeSome(bytes: Uint8Array): number {
  try {
    return writeSync(STDOUT, bytes);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EAGAIN")) throw error;
    Atomics.wait(asleep, 0, 0, RETRY_MS);
    return 0;
  }
}

/** Cuts what comes through a pipe into reports. */
export class ReportReader {
  #rest = "";

  /** The reports that `text` completes. */
  read(text: string): Report[] {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    return lines.map(parseReport);
  }
}

function parseReport(line: string): Report {
  const report: Report = JSON.parse(line);
  return report;
}

/** An error as a line of text, with its code where it has one. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = "code" in error ? `${String(error.code)}: ` : "";
  return `${code}${error.message}`;
}
