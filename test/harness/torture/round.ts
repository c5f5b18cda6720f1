/**
 * One round of a torture run: a workload of its own, then its crash points. Guarantees: a round follows from the seed
 * and its number alone, so that any image of it can be judged again by itself.
 */

import { turn } from "../../../pager/timers.js";
import { SimulatedDisk } from "../simulated-disk.js";
import { ImageJudge, type JudgeOptions } from "./image-judge.js";
import { drawSome } from "./image-plan.js";
import { drawPlan } from "./plan.js";
import { type Finding, type PointEffort, PointJudge, type RoundPart } from "./point-judge.js";
import type { RecrashEffort } from "./recrash.js";
import { randomFor } from "./seed.js";
import type { Tally } from "./tally.js";
import { messageOf } from "./violation.js";
import { VirtualTimers } from "./virtual-timers.js";
import { DATABASE_PATH, PAGE_SIZE, Workload } from "./workload.js";
import { WriteOrder } from "./write-order.js";

const STEPS = 40;

/** A part of the possible images at each point, as there are many points. */
const EFFORT: PointEffort = { images: { subsets: 10, whole: 12, torn: 14 }, killedChance: 0.15 };

/** A part of what can happen inside recovery and after it. */
export const SAMPLED_RECRASH: RecrashEffort = {
  recovering: { subsets: 4, whole: 4, torn: 2 },
  later: { subsets: 2, whole: 2, torn: 1 },
  laterChance: 0.15,
};

/** How recovery is crashed again in random rounds. */
export const SAMPLED: Pick<JudgeOptions, "effort" | "killedEffort" | "deepChance"> = {
  effort: SAMPLED_RECRASH,
  killedEffort: SAMPLED_RECRASH,
  deepChance: 0.1,
};

/** Runs a random workload without errors and judges its images; returns the first thing that is wrong. */
export async function runCrashRound(
  part: RoundPart,
  depth: number,
  tally: Tally,
  most = Number.POSITIVE_INFINITY,
): Promise<Finding | undefined> {
  const { seed, round } = part;
  const random = randomFor(seed, round, 0);
  const plan = drawPlan(random, STEPS);
  const disk = (part.makeDisk ?? ((number) => new SimulatedDisk(number)))(random.next());
  disk.syncDelay = async () => {
    for (let turns = random.below(plan.syncTurns + 1); turns > 0; turns--) await turn();
  };
  const timers = new VirtualTimers();
  const order = new WriteOrder(DATABASE_PATH, PAGE_SIZE);
  const judge = new ImageJudge({ ...SAMPLED, depth, checkpointBytes: plan.checkpointBytes, tally });
  timers.install();
  try {
    const workload = new Workload({ plan, disk, timers, branches: tally.branches });
    workload.recorder.order = order;
    const failed = await findingOf(() => workload.run());
    if (failed !== undefined) return failed;
    if (order.violation !== undefined) return { message: `in an ordinary run: ${order.violation.message}` };
    const points = drawSome(workload.recorder.points, most, randomFor(seed, round, 3));
    return new PointJudge(judge, part, EFFORT).run(points);
  } finally {
    timers.uninstall();
    tally.workloads++;
    tally.orderedWrites += order.checkedWrites;
  }
}

/** What went wrong in a run, if anything did. */
export async function findingOf(run: () => Promise<void>): Promise<Finding | undefined> {
  try {
    await run();
    return undefined;
  } catch (error) {
    return { message: `in the run itself: ${messageOf(error)}` };
  }
}
