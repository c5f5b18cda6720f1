/**
 * The torture of a full disk: a process fills a small file system, deletes, compacts and goes on, is killed at last,
 * and another process opens what is there. Guarantees: the folder is left empty.
 */
import { setTimeout } from "node:timers/promises";
import { Random } from "../random.js";
import type { CheckFullJob, FillJob, Report } from "./job.js";
import { ScratchFolder } from "./scratch-folder.js";
import { StartedProcess } from "./started-process.js";

/** Where and how long. */
export interface FullDiskTorture {
  seed: number;
  /** A folder on a file system of about 1 MiB that nobody else writes to. */
  folder: string;
  /** Default 50. */
  cycles?: number;
}

/** What was found. */
export interface FullDiskReport {
  cycles: number;
  /** Writes that were refused because the disk was full. */
  refusals: number;
  violations: string[];
}

const FILE = "full.llmdb";
const PATIENCE_MS = 120_000;
const MAX_DELAY_MS = 200;

/** Fills, deletes and compacts for so many cycles, then kills the process and opens the database again. */
export async function tortureFullDisk({ seed, folder, cycles = 50 }: FullDiskTorture): Promise<FullDiskReport> {
  const scratch = new ScratchFolder(folder);
  const report: FullDiskReport = { cycles: 0, refusals: 0, violations: [] };
  const path = scratch.file(FILE);
  try {
    await fillAndKill({ task: "fill", path, seed, cycles }, report);
    if (report.violations.length === 0) await reopen({ task: "check full", path }, report);
  } finally {
    scratch.remove();
  }
  return report;
}

async function fillAndKill(job: FillJob, report: FullDiskReport): Promise<void> {
  const delayMs = new Random(job.seed).below(MAX_DELAY_MS);
  await runProcess(job, report, (told, end) => {
    if (told.kind !== "cycle") return;
    report.cycles = told.cycle;
    report.refusals += told.refusals;
    if (told.cycle === job.cycles) void setTimeout(delayMs).then(end);
  });
}

async function reopen(job: CheckFullJob, report: FullDiskReport): Promise<void> {
  await runProcess(job, report, (told, end) => {
    if (told.kind !== "checked") return;
    report.violations.push(...told.problems);
    end();
  });
}

/** Runs a job until `hear` ends it, and kills its process. */
async function runProcess(
  job: FillJob | CheckFullJob,
  report: FullDiskReport,
  hear: (told: Report, end: () => void) => void,
): Promise<void> {
  const child = new StartedProcess();
  const heard = new Promise<string>((resolve) => {
    void child.begin(job, (told) => {
      if (told.kind === "failed") report.violations.push(told.message);
      else hear(told, () => resolve("heard"));
    });
  });
  const late = setTimeout(PATIENCE_MS, "late", { ref: false });
  const how = await Promise.race([heard, child.ended.then(() => "ended"), late]);
  await child.kill();
  if (child.errors !== "") report.violations.push(child.errors);
  if (how !== "heard" && report.violations.length === 0) report.violations.push(`"${job.task}" came to no end: ${how}`);
}
