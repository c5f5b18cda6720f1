/**
 * Judges one workload of the small scope completely. Guarantees: each boundary of operations is a crash point, each
 * subset of up to ten unsynced changes is an image, and so it is for crashes inside its recovery; images that came up
 * in an earlier workload are not recovered again, and points that a shorter workload has are not looked at again.
 */
import { SimulatedDisk } from "../simulated-disk.js";
import { ImageJudge, type JudgeOptions, type Outcome } from "./image-judge.js";
import type { KnownImages } from "./known-images.js";
import type { TorturePlan } from "./plan.js";
import { type Finding, type PointEffort, PointJudge, type RoundPart } from "./point-judge.js";
import type { CrashPoint } from "./recorder.js";
import { findingOf, SAMPLED_RECRASH } from "./round.js";
import type { Tally } from "./tally.js";
import { VirtualTimers } from "./virtual-timers.js";
import { Workload } from "./workload.js";

const EVERY = { subsets: 10, whole: Number.POSITIVE_INFINITY, torn: 2 };
const EFFORT: PointEffort = { images: EVERY, killedChance: 1 };
const RECRASH: Pick<JudgeOptions, "effort" | "killedEffort" | "deepChance"> = {
  effort: { recovering: EVERY, later: { subsets: 2, whole: 2, torn: 0 }, laterChance: 0.1 },
  killedEffort: SAMPLED_RECRASH,
  deepChance: 0.02,
};

/** All disks of the scope draw the same numbers, so that workloads that begin alike have images in common. */
const DISK_SEED = 1;

/** Judges a workload of the small scope; `part.round` is its number. */
export async function runExhaustiveRound(
  part: RoundPart,
  plan: TorturePlan,
  depth: number,
  known: KnownImages<Outcome>,
  tally: Tally,
): Promise<Finding | undefined> {
  const disk = part.makeDisk?.(DISK_SEED) ?? new SimulatedDisk(DISK_SEED);
  const timers = new VirtualTimers();
  const judge = new ImageJudge({ ...RECRASH, depth, checkpointBytes: plan.checkpointBytes, tally, known });
  timers.install();
  try {
    const workload = new Workload({ plan, disk, timers, branches: tally.branches });
    const failed = await findingOf(() => workload.run());
    return failed ?? new PointJudge(judge, part, EFFORT).run(ownPoints(workload, plan));
  } finally {
    timers.uninstall();
    known.trim();
    tally.workloads++;
  }
}

/**
 * The points since the last commit began. All points before that are those of a shorter workload of the scope, which
 * does the same on the same disk up to there.
 */
function ownPoints({ recorder, operationsBefore }: Workload, { steps }: TorturePlan): CrashPoint[] {
  const last = steps.findLastIndex(({ kind }) => kind === "commit");
  if (last < 0) return recorder.points;
  return recorder.points.filter(({ disk }) => disk.operationCount >= operationsBefore[last]);
}
