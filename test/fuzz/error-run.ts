/**
 * A life of a database with an error of the system at a random call of the storage port, once or from then on.
 * Guarantees: every error is typed; after the database is opened again `verify()` is clean, nothing acknowledged is
 * lost, and what was erased is in no byte.
 */
import type { Random } from "../harness/random.js";
import { SimulatedDisk } from "../harness/simulated-disk.js";
import { ErrorWorkload } from "./error-workload.js";
import { type FailingCall, FailingStorage, type StorageFault } from "./failing-storage.js";
import { readAll } from "./sample.js";
import type { Trial } from "./trial.js";

const PATH = "failing.llmdb";
const ERRNOS = ["EIO", "ENOSPC", "EDQUOT", "EMFILE", "ENFILE", "EACCES", "EROFS", "ENOMEM", "EPERM", "EBUSY"];
const WRITING: readonly FailingCall[] = ["write", "sync", "truncate", "rename", "unlink", "syncDirectory"];

export async function runWithErrors(random: Random, told: (use: string) => void): Promise<Trial> {
  const disk = new SimulatedDisk(random.next());
  const storage = new FailingStorage(disk);
  const workload = new ErrorWorkload(PATH, random, told);
  const ignore = (): void => {};
  // A rejection that comes after its promise was given up is not what is looked for.
  process.on("unhandledRejection", ignore);
  try {
    if (random.chance(0.8)) await workload.live({ storage }, true);
    storage.fault = drawFault(random);
    const closes = random.chance();
    const left = await workload.live({ storage }, closes);
    storage.fault = undefined;
    const after = left === undefined && closes ? disk : disk.fork();
    await workload.check({ storage: after });
    for (const path of after.list("/").filter((name) => !name.includes(".copy"))) {
      workload.requireErased(readAll(after, path), path);
    }
    await left?.close().catch(ignore);
  } catch (error) {
    workload.problems.push(`after the error: ${error instanceof Error ? error.stack : String(error)}`);
  } finally {
    process.off("unhandledRejection", ignore);
  }
  const { values, typedErrors, problems } = workload;
  return { opened: storage.failed > 0, values, typedErrors, problems };
}

function drawFault(random: Random): StorageFault {
  const choice = random.below(3);
  const calls = choice === 0 ? [] : choice === 1 ? WRITING : [random.pick(WRITING)];
  return {
    index: random.below(calls.length === 1 ? 12 : 60),
    calls,
    errno: random.pick(ERRNOS),
    lasts: random.chance(0.4),
  };
}
