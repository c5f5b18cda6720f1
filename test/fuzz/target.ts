/**
 * What is fuzzed: one mutant of one target, made and tried. Guarantees: the same target, seed and number make the same
 * mutant, in any process; whatever is no typed error is told as a problem.
 */
import { memoryStorage } from "../../pager/memory-storage.js";
import { Random } from "../harness/random.js";
import { SimulatedDisk } from "../harness/simulated-disk.js";
import { useDatabase } from "./database-use.js";
import { runWithErrors } from "./error-run.js";
import { MutableFile } from "./file-mutation.js";
import { MEMORY_USES, recordsSample } from "./memory-use.js";
import { timeMutant } from "./module-time.js";
import { mutateRecords } from "./record-mutation.js";
import { RepairedLog } from "./repaired-log.js";
import { closedSample, killedSample, type ModuleFolder, SAMPLE_PATH } from "./sample.js";
import { runUnderStrace } from "./system-run.js";
import type { Trial } from "./trial.js";

/**
 * What is fuzzed: hostile data files; hostile logs; whole files whose records are hostile; errors at random calls of
 * the storage port; errors of the system at random system calls, which needs strace; modules that cost much time.
 */
export const TARGETS = ["files", "logs", "records", "errors", "system", "modules"] as const;
export type Target = (typeof TARGETS)[number];

/** Tries a mutant; `told` hears each call before it is made. */
export type Trier = (number: number, told: (use: string) => void) => Promise<Trial>;

/** Makes what the mutants of a target are made from. */
export async function trierOf(target: Target, seed: number, modules: ModuleFolder): Promise<Trier> {
  if (target === "errors") return (number, told) => runWithErrors(randomOf(seed, number), told);
  if (target === "modules") return (number, told) => timeMutant(randomOf(seed, number), told);
  if (target === "system") return (number, told) => runUnderStrace(randomOf(seed, number), told);
  if (target === "files") {
    const file = new MutableFile(await closedSample(new SimulatedDisk(1), modules));
    return (number, told) => useFiles({ file: file.mutant(seed, number) }, told);
  }
  if (target === "records") {
    const sample = await recordsSample(new SimulatedDisk(1));
    return async (number, told) => {
      const storage = memoryStorage();
      const file = await mutateRecords(sample, randomOf(seed, number));
      storage.open(SAMPLE_PATH, "create").write(file, 0, file.length, 0);
      return useDatabase(storage, told, MEMORY_USES);
    };
  }
  const { file, log } = await killedSample(new SimulatedDisk(1), modules);
  return (number, told) => useFiles({ file, log: new RepairedLog(log).mutate(randomOf(seed, number)) }, told);
}

function randomOf(seed: number, number: number): Random {
  return new Random(Math.imul(seed, 0x9e3779b1) ^ number);
}

function useFiles(files: { file: Uint8Array; log?: Uint8Array }, told: (use: string) => void): Promise<Trial> {
  const storage = memoryStorage();
  storage.open(SAMPLE_PATH, "create").write(files.file, 0, files.file.length, 0);
  if (files.log !== undefined) storage.open(`${SAMPLE_PATH}-wal`, "create").write(files.log, 0, files.log.length, 0);
  return useDatabase(storage, told);
}
