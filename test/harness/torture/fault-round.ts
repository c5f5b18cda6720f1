/**
 * A round in which the disk fails: a small workload is run again and again, each time with an error at another
 * operation. Guarantees: what the database does about it is checked against the oracle while it runs, and so are crash
 * images of every state of the disk since the error.
 */

import { turn } from "../../../pager/timers.js";
import type { DiskFailure, DiskOperation } from "../disk-operation.js";
import type { Random } from "../random.js";
import { SimulatedDisk } from "../simulated-disk.js";
import { ImageJudge } from "./image-judge.js";
import { drawSome } from "./image-plan.js";
import { drawPlan, type TorturePlan } from "./plan.js";
import { type Finding, type PointEffort, PointJudge, type RoundPart } from "./point-judge.js";
import { findingOf, SAMPLED } from "./round.js";
import { randomFor } from "./seed.js";
import type { Tally } from "./tally.js";
import { VirtualTimers } from "./virtual-timers.js";
import { Workload } from "./workload.js";

const STEPS = 10;

/** How an operation can fail besides `io`; any other kind would be the same as that. */
const OWN_FAILURES: Partial<Record<DiskOperation["kind"], readonly DiskFailure[]>> = {
  read: ["short"],
  write: ["full", "short"],
  truncate: ["full"],
  create: ["full"],
  sync: ["sync"],
};
const EFFORT: PointEffort = { images: { subsets: 3, whole: 4, torn: 2 }, killedChance: 0.1 };

/** Where a workload meets an error. */
interface Fault {
  readonly operation: number;
  readonly kind: DiskFailure;
}

/**
 * Runs the round's workload with some of its possible errors, all of them where `most` allows. Images are numbered
 * through all of these runs.
 */
export async function runFaultRound(
  part: RoundPart,
  tally: Tally,
  most: number,
  mostPoints = Number.POSITIVE_INFINITY,
): Promise<Finding | undefined> {
  const { seed, round } = part;
  const random = randomFor(seed, round, 0);
  const plan = withoutCrashes(drawPlan(random, STEPS));
  const diskSeed = random.next();
  const faults = mixedFaults(await operationsOf(plan, part, diskSeed), random);
  for (const [index, fault] of faults.entries()) {
    const wanted = part.image === undefined ? index < most : Math.floor(part.image / IMAGES_PER_FAULT) === index;
    if (!wanted) continue;
    if (part.stop?.()) return undefined;
    const found = await runFault({ part, plan, diskSeed, fault, index, mostPoints }, tally);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The number of an image says at which fault it was built. */
const IMAGES_PER_FAULT = 1_000_000;

/** A workload with one error. */
interface FaultRun {
  readonly part: RoundPart;
  readonly plan: TorturePlan;
  readonly diskSeed: number;
  readonly fault: Fault;
  /** The number of the error in its round. */
  readonly index: number;
  readonly mostPoints: number;
}

async function runFault(
  { part, plan, diskSeed, fault, index, mostPoints }: FaultRun,
  tally: Tally,
): Promise<Finding | undefined> {
  const disk = makeDisk(part, plan, diskSeed);
  disk.failAt(fault.operation, fault.kind);
  const timers = new VirtualTimers();
  const judge = new ImageJudge({
    ...SAMPLED,
    depth: 1,
    checkpointBytes: plan.checkpointBytes,
    tally,
  });
  const where = `${fault.kind} at operation ${fault.operation}`;
  const first = index * IMAGES_PER_FAULT;
  timers.install();
  try {
    const workload = new Workload({ plan, disk, timers, branches: tally.branches, expectsErrors: true });
    const failed = await findingOf(() => workload.run());
    const rest = { ...part, ...(part.image !== undefined && { image: part.image - first }) };
    // What was before the error is that of any round.
    const points = workload.recorder.points.filter((point) => point.disk.operationCount >= fault.operation);
    const some = drawSome(points, mostPoints, randomFor(part.seed, part.round, 3, index));
    const found = failed ?? new PointJudge(judge, rest, EFFORT).run(some);
    return found && { message: `${where}: ${found.message}`, image: first + (found.image ?? 0) };
  } finally {
    timers.uninstall();
    tally.faults++;
  }
}

/** The operations that the workload takes without an error. */
async function operationsOf(plan: TorturePlan, part: RoundPart, diskSeed: number): Promise<DiskOperation["kind"][]> {
  const disk = makeDisk(part, plan, diskSeed);
  const timers = new VirtualTimers();
  const kinds: DiskOperation["kind"][] = [];
  timers.install();
  try {
    const workload = new Workload({ plan, disk, timers, branches: new Map() });
    workload.recorder.order = {
      start: () => {},
      watch: ({ kind, index }) => {
        kinds[index] = kind;
      },
    };
    await workload.run();
  } finally {
    timers.uninstall();
  }
  return kinds;
}

function makeDisk({ makeDisk: make }: RoundPart, plan: TorturePlan, seed: number): SimulatedDisk {
  const disk = make?.(seed) ?? new SimulatedDisk(seed);
  disk.syncDelay = async () => {
    for (let turns = 0; turns < plan.syncTurns; turns++) await turn();
  };
  return disk;
}

/** Every error that there can be, in a random order in which the kinds of errors take turns. */
function mixedFaults(operations: readonly DiskOperation["kind"][], random: Random): Fault[] {
  const byKind = new Map<DiskFailure, Fault[]>();
  for (const [operation, what] of operations.entries()) {
    for (const kind of ["io", ...(OWN_FAILURES[what] ?? [])] as const) {
      const faults = byKind.get(kind) ?? [];
      byKind.set(kind, faults);
      faults.push({ operation, kind });
    }
  }
  const lists = [...byKind.values()];
  for (const list of lists) shuffle(list, random);
  const most = Math.max(...lists.map(({ length }) => length));
  return Array.from({ length: most }, (_, turn) => lists.flatMap((list) => list.slice(turn, turn + 1))).flat();
}

function shuffle<T>(items: T[], random: Random): void {
  for (let left = items.length; left > 1; left--) {
    const other = random.below(left);
    [items[left - 1], items[other]] = [items[other], items[left - 1]];
  }
}

/** Errors are injected into one disk: the run stays on it. */
function withoutCrashes(plan: TorturePlan): TorturePlan {
  return { ...plan, steps: plan.steps.filter(({ kind }) => kind !== "crash") };
}
