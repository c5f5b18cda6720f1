/**
 * A life of a database on the real disk whose system calls fail: strace puts an error in place of a random call, once
 * or from then on. Guarantees: what {@link ErrorWorkload} demands of errors, in the next process that opens the file;
 * the folder is gone afterwards.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Random } from "../harness/random.js";
import { ErrorWorkload, type WorkloadState } from "./error-workload.js";
import type { Trial } from "./trial.js";

const LIVING_FILE = "living.llmdb";
const PROGRAM_PATH = fileURLToPath(new URL("./system-life.js", import.meta.url));
const CALLS = ["pwrite64", "fdatasync", "fsync", "ftruncate", "rename", "unlink", "fallocate"] as const;
const ERRNOS = ["EIO", "ENOSPC", "EMFILE", "EACCES"];
const MAX_RUN_MS = 120_000;

/** Whether system calls can be made to fail here: it needs strace, and leave to attach it. */
export function hasStrace(): boolean {
  return spawnSync("strace", ["-o", "/dev/null", process.execPath, "-e", "0"]).status === 0;
}

export async function runUnderStrace(random: Random, told: (use: string) => void): Promise<Trial> {
  const folder = mkdtempSync(join(tmpdir(), "llmdb-system-"));
  const workload = new ErrorWorkload(join(folder, LIVING_FILE), random, told);
  try {
    const { state, injected, problem } = live(folder, random, told);
    if (problem !== undefined) workload.problems.push(problem);
    if (state !== undefined) await check(workload, state, folder);
    const { values, typedErrors, problems } = workload;
    return { opened: injected, values, typedErrors, problems };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The life, in a process of its own. Without a state it is told why. */
function live(
  folder: string,
  random: Random,
  told: (use: string) => void,
): { state?: WorkloadState; injected: boolean; problem?: string } {
  const call = random.pick(CALLS);
  const first = 1 + random.below(call === "pwrite64" || call === "fdatasync" ? 30 : 6);
  const when = random.chance(0.4) ? `${first}+` : String(first);
  const fault = `${call}:error=${random.pick(ERRNOS)}:when=${when}`;
  const trace = join(folder, "trace");
  told(fault);
  const flags = ["-f", "-qq", "-o", trace, "-e", `trace=${call}`, "-e", `inject=${fault}`];
  const args = [...flags, process.execPath, PROGRAM_PATH, join(folder, LIVING_FILE), String(random.below(1e9))];
  const env = { ...process.env, UV_THREADPOOL_SIZE: "1" };
  const { stdout, stderr, signal } = spawnSync("strace", args, { encoding: "utf8", env, timeout: MAX_RUN_MS });
  const injected = readFileSync(trace, "latin1").includes("(INJECTED)");
  rmSync(trace);
  if (!stdout.startsWith("{")) return { injected, problem: `with ${fault} it ended with ${signal}: ${stderr}` };
  return { state: JSON.parse(stdout), injected };
}

async function check(workload: ErrorWorkload, state: WorkloadState, folder: string): Promise<void> {
  workload.restore(state);
  try {
    await workload.check({});
    for (const name of readdirSync(folder).filter((other) => !other.includes(".copy"))) {
      workload.requireErased(readFileSync(join(folder, name)), name);
    }
  } catch (error) {
    workload.problems.push(`after the error: ${error instanceof Error ? error.stack : String(error)}`);
  }
}
