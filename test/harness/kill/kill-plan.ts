/**
 * When a process is killed and what looks at the database afterwards, drawn from a seed. Guarantees: the moment is
 * counted in what the process has done and not in milliseconds, so that it is as far on a busy machine as on an idle
 * one; every stage gets its share: creation, opening and recovering, the steady state, checkpoints, compactions,
 * closing, and several kills in a row with no check in between.
 */
import type { Random } from "../random.js";

/** What a process is killed in. */
export const STAGES = ["creation", "opening", "commits", "checkpoint", "compaction", "closing"] as const;
export type Stage = (typeof STAGES)[number];

/** Whether a process is meant to be killed in this stage before it commits anything. */
export function precedesCommits(stage: Stage): boolean {
  return stage === "creation" || stage === "opening";
}

/** How one process ends, and what comes after it. */
export interface KillPlan {
  readonly stage: Stage;
  /** The kill comes after so many acknowledged commits, or when so many of the other operations have begun. */
  readonly count: number;
  /** And then after this share, 0 to 1, of the time that one of them takes. */
  readonly share: number;
  readonly check: CheckPlan;
}

/** Nothing; a read-only handle; a handle that is closed in order; one that is killed as it stands. */
export type CheckPlan = "none" | "read-only" | "close" | "kill";

/** @param isFirst - Whether there is no database yet. */
export function drawPlan(random: Random, isFirst: boolean): KillPlan {
  const check = drawCheck(random);
  const stage = drawStage(random, isFirst);
  return { stage, count: drawCount(random, stage), share: random.below(1000) / 1000, check };
}

function drawStage(random: Random, isFirst: boolean): Stage {
  const choice = random.below(100);
  if (isFirst && choice < 60) return "creation";
  if (choice < 18) return isFirst ? "creation" : "opening";
  if (choice < 32) return "checkpoint";
  if (choice < 42) return "compaction";
  return choice < 54 ? "closing" : "commits";
}

/** Most kills come early: a process that has only just opened the database is where recovery and commits meet. */
function drawCount(random: Random, stage: Stage): number {
  if (stage === "checkpoint" || stage === "compaction") return 1 + random.below(2);
  if (stage !== "commits") return 1;
  const choice = random.below(100);
  if (choice < 50) return 1 + random.below(8);
  return 1 + random.below(choice < 90 ? 40 : 150);
}

/** After so many steps of each committer, the process closes its database. */
export function drawClosing(random: Random): number {
  return 1 + random.below(20);
}

function drawCheck(random: Random): CheckPlan {
  const choice = random.below(100);
  if (choice < 25) return "none";
  if (choice < 50) return "read-only";
  return choice < 75 ? "close" : "kill";
}
