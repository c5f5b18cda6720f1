/**
 * Tortures engines with planted bugs, each in a process of its own. Guarantees: a bug counts as found only where the
 * torture itself reported a violation in time that is not there without the bug; a program that dies or hangs is told
 * apart.
 */
import { execFile } from "node:child_process";
import type { TortureOptions, TortureReport } from "../harness/torture/index.js";
import type { PlantedBug } from "./planted-bug.js";
import type { PlantedFolders, RunnableFolder } from "./planted-folder.js";

/** The same for all, so that a run can be repeated. */
export const SEED = 7;
/** A bug has to be found within so much. */
export const LIMIT_SECONDS = 60;
const WHOLE_SECONDS = 600;
/** Few crash points of many workloads: a bug shows in many places or in none. */
const BROAD = { pointsPerRound: 4, faultsPerRound: 40 };
/** So much longer a program may take, to start and for the image that it is at. */
const GRACE_SECONDS = 20;
const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;

/** What became of a bug. */
export interface PlantedOutcome {
  readonly bug: string;
  readonly found: boolean;
  /** The torture ran to its end and found nothing. */
  readonly clean: boolean;
  /** With the start of the program. */
  readonly seconds: number;
  readonly images: number;
  readonly faults: number;
  /** The violation, or why there is none. */
  readonly message: string;
}

/** Plants a bug and looks for it. */
export async function findPlanted(
  folders: PlantedFolders,
  bug: PlantedBug,
  seconds = LIMIT_SECONDS,
): Promise<PlantedOutcome> {
  const started = performance.now();
  const folder = folders.planted(bug);
  try {
    const options = { seed: SEED, minutes: seconds / 60, ...BROAD, ...bug.torture };
    const report = await torture(folder, options, seconds);
    const outcome = outcomeOf(bug.name, report, (performance.now() - started) / 1000);
    if (typeof report === "string" || !outcome.found) return outcome;
    const without = await replayWhole(folders, options, report.violations[0].replay);
    return without === undefined ? outcome : { ...outcome, found: false, message: `also without the bug: ${without}` };
  } finally {
    folder.remove();
  }
}

/** What a violation is about has to be gone without the bug; else it is another one, and this is its message. */
async function replayWhole(
  folders: PlantedFolders,
  options: TortureOptions,
  replay: string,
): Promise<string | undefined> {
  const numberAfter = (flag: string): number | undefined => {
    const match = new RegExp(`--${flag} (\\d+)`).exec(replay);
    return match === null ? undefined : Number(match[1]);
  };
  const [round, image] = [numberAfter("round"), numberAfter("image")];
  const folder = folders.whole();
  try {
    // Without an image it was found while the workload ran, before any image.
    const only = image === undefined ? { round, images: 1 } : { round, image };
    const report = await torture(folder, { ...options, ...only }, LIMIT_SECONDS);
    return typeof report === "string" ? report : report.violations.at(0)?.message;
  } finally {
    folder.remove();
  }
}

/** Tortures the engine as it is, with at least so many images: nothing may be found. */
export async function runWhole(folders: PlantedFolders, images: number): Promise<PlantedOutcome> {
  const started = performance.now();
  const folder = folders.whole();
  try {
    const report = await torture(folder, { seed: SEED, images, minutes: WHOLE_SECONDS / 60, ...BROAD }, WHOLE_SECONDS);
    return outcomeOf("none", report, (performance.now() - started) / 1000);
  } finally {
    folder.remove();
  }
}

/** Runs the torture in a folder; the message instead of a report where there is none. */
export function torture(
  folder: RunnableFolder,
  options: TortureOptions,
  seconds: number,
): Promise<TortureReport | string> {
  const limits = { timeout: (seconds + GRACE_SECONDS) * 1000, maxBuffer: MAX_OUTPUT_BYTES };
  return new Promise((resolve) => {
    const program = [folder.program, JSON.stringify(options)];
    execFile(process.execPath, program, { ...limits, killSignal: "SIGKILL" }, (error, stdout, stderr) => {
      if (error === null) resolve(JSON.parse(lastLine(stdout)));
      else if (error.killed) resolve("it hung");
      else resolve(`it died: ${/^\w*Error.*$/m.exec(stderr)?.[0] ?? error.message}`);
    });
  });
}

function outcomeOf(bug: string, report: TortureReport | string, seconds: number): PlantedOutcome {
  if (typeof report === "string") {
    return { bug, found: false, clean: false, seconds, images: 0, faults: 0, message: report };
  }
  const { images, faults, violations } = report;
  const found = violations.length > 0;
  const message = found ? `${violations[0].message} [${violations[0].replay}]` : "nothing was found";
  return { bug, found, clean: !found, seconds, images, faults, message };
}

function lastLine(text: string): string {
  return text.trimEnd().split("\n").at(-1) ?? "";
}

/** One line of the table of outcomes. */
export function describeOutcome({ bug, found, clean, seconds, images, faults, message }: PlantedOutcome): string {
  const verdict = found ? "found" : clean ? "clean" : "broke";
  const counts = `${String(images).padStart(7)} images ${String(faults).padStart(4)} faults`;
  const effort = `${seconds.toFixed(1).padStart(6)} s ${counts}`;
  return `${verdict} ${effort}  ${bug.padEnd(52)} ${message.slice(0, 160)}`;
}
