/**
 * `llmdb torture`: runs the torture engines and says what they found. Guarantees: the exit code is 1 where anything was
 * found, and each finding comes with one line that shows it again.
 */
import { Command, InvalidArgumentError, Option } from "commander";
import { type ProcessTortureReport, tortureProcesses } from "../test/harness/kill/index.js";
import { RARE_BRANCHES, type TortureReport, tortureSimulated } from "../test/harness/torture/index.js";
import { FAILED } from "./failure.js";
import { ProgressLine } from "./progress-line.js";
import { Output, type Streams } from "./streams.js";
import { killSummary, simulatedSummary, violationLines } from "./summary.js";

/** The options as commander gives them. */
interface TortureFlags {
  readonly engine: "simulated" | "kill" | "all";
  readonly seed: number;
  readonly minutes?: number;
  readonly images?: number;
  readonly kills?: number;
  readonly workers?: number;
  readonly committers?: number;
  readonly namespaces?: boolean;
  readonly depth?: number;
  readonly exhaustive?: { commits: number; keys: number };
  readonly faults?: number;
  readonly points?: number;
  readonly round?: number;
  readonly image?: number;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** What both engines found. */
interface TortureResult {
  simulated?: TortureReport;
  kill?: ProcessTortureReport;
}

/** A run of this many minutes must have reached every rare branch of recovery. */
const MINUTES_FOR_ALL_BRANCHES = 1;
const DEFAULT_SEED = 7;

/** The command, ready to be added to `llmdb`. */
export function tortureCommand(streams: Streams): Command {
  return new Command("torture")
    .description("crashes databases and looks at what is left: on simulated disks, and with processes that are killed")
    .addOption(new Option("--engine <engine>", "which engine").choices(["simulated", "kill", "all"]).default("all"))
    .option("--minutes <minutes>", "how long, all engines together; an interrupt ends it early (default: 1)", positive)
    .option("--seed <seed>", "what everything follows from", whole, DEFAULT_SEED)
    .option("--images <images>", "simulated: ends after this many crash images", whole)
    .option("--workers <threads>", "simulated: threads (default: as many as the machine runs at once)", whole)
    .option("--depth <depth>", "simulated: 2 crashes recovery again, 3 that recovery too (default: 2)", whole)
    .addOption(
      new Option("--exhaustive [scope]", "simulated: every workload of up to 3 commits over 4 keys")
        .preset("3x4")
        .argParser(scope),
    )
    .option("--faults <faults>", "simulated: errors of the disk for each workload that meets them (default: 60)", whole)
    .option("--points <points>", "simulated: crash points of each random workload (default: all)", whole)
    .option("--round <round>", "simulated: only this round", whole)
    .option("--image <image>", "simulated: only this image of the round", whole)
    .option("--kills <kills>", "kill: ends after this many kills", whole)
    .option("--committers <committers>", "kill: how many commit at once (default: 1 and 8 in turn)", whole)
    .option("--namespaces", "kill: processes in network and process namespaces of their own, as in containers (Linux)")
    .option("--json", "prints the result as JSON")
    .option("--quiet", "shows no progress")
    .action((flags: TortureFlags) => torture(flags, streams));
}

async function torture(flags: TortureFlags, streams: Streams): Promise<void> {
  const line = flags.quiet === true ? undefined : new ProgressLine(streams.stderr);
  const out = new Output(streams.stdout);
  const result: TortureResult = {};
  const { signal, dispose } = interrupts();
  if (flags.engine !== "kill") result.simulated = await runSimulated(flags, signal, line);
  if (flags.engine !== "simulated" && flags.round === undefined && !signal.aborted) {
    result.kill = await runKills(flags, signal, line);
  }
  dispose();
  line?.end();
  const violations = [...(result.simulated?.violations ?? []), ...(result.kill?.violations ?? [])];
  if (flags.json === true) await out.json(result, 2);
  else await out.line(textOf(result));
  await out.flush();
  if (violations.length > 0) streams.exitCode = FAILED;
}

/** The first interrupt ends the run in order, with its summary and without files left; the next ends the process. */
function interrupts(): { signal: AbortSignal; dispose: () => void } {
  const controller = new AbortController();
  const abort = (): void => {
    dispose();
    controller.abort();
  };
  const dispose = (): void => {
    for (const name of ["SIGINT", "SIGTERM"] as const) process.off(name, abort);
  };
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, abort);
  return { signal: controller.signal, dispose };
}

function runSimulated(
  flags: TortureFlags,
  signal: AbortSignal,
  line: ProgressLine | undefined,
): Promise<TortureReport> {
  const { seed, images, workers, depth, exhaustive, faults, points, round, image } = flags;
  const minutes = minutesOf(flags, images ?? exhaustive ?? round);
  const thorough = minutes !== undefined && minutes >= MINUTES_FOR_ALL_BRANCHES && exhaustive === undefined;
  return tortureSimulated({
    seed,
    minutes,
    images,
    workers,
    depth,
    exhaustive,
    faultsPerRound: faults,
    pointsPerRound: points,
    round,
    image,
    requiredBranches: thorough ? RARE_BRANCHES : [],
    signal,
    onProgress: ({ images: done, distinct, workloads, violations, seconds }) => {
      const rate = Math.round(done / seconds);
      line?.show(
        `simulated: ${done} images (${distinct} distinct, ${rate}/s), ${workloads} workloads, ${violations} bad`,
      );
    },
  });
}

function runKills(
  flags: TortureFlags,
  signal: AbortSignal,
  line: ProgressLine | undefined,
): Promise<ProcessTortureReport> {
  const { seed, kills, committers, namespaces } = flags;
  return tortureProcesses({
    seed,
    minutes: minutesOf(flags, kills),
    kills,
    committers,
    namespaces,
    signal,
    onProgress: ({ kills: done, commits }) => line?.show(`kill: ${done} kills, ${commits} commits`),
  });
}

/** The minutes of one engine; without a limit where another one is given. */
function minutesOf({ minutes, engine }: TortureFlags, otherLimit: unknown): number | undefined {
  if (minutes === undefined && otherLimit !== undefined) return undefined;
  return (minutes ?? 1) / (engine === "all" ? 2 : 1);
}

function textOf({ simulated, kill }: TortureResult): string {
  const lines = [];
  if (simulated !== undefined) lines.push(...simulatedSummary(simulated), ...violationLines(simulated.violations));
  if (kill !== undefined) lines.push(...killSummary(kill), ...violationLines(kill.violations));
  return lines.join("\n");
}

function whole(text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 0) throw new InvalidArgumentError("It takes a whole number.");
  return number;
}

function positive(text: string): number {
  const number = Number(text);
  if (!(number > 0 && number < 1e6)) throw new InvalidArgumentError("It takes a number of minutes.");
  return number;
}

function scope(text: string): { commits: number; keys: number } {
  const match = /^([0-4])x([1-9])$/.exec(text);
  if (match === null) throw new InvalidArgumentError("It takes commits and keys, as in 3x4.");
  return { commits: Number(match[1]), keys: Number(match[2]) };
}
