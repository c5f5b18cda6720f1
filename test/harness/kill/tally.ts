/** What a run of kills has counted, and how much that proves. */
import { STAGES, type Stage } from "./kill-plan.js";

/** What is counted over all databases of a run. */
export interface Tally {
  kills: number;
  /** Commits that were found again after the kills. */
  commits: number;
  /** Durable commits that were acknowledged: each of them was found again, or is a violation. */
  acknowledged: number;
  /** Kills of processes that had acknowledged nothing; those in creation and opening are meant to be so. */
  withoutCommits: number;
  /** Processes in other namespaces that tried to write beside another one, and were kept out. */
  keptOut: number;
  /** Kills by what the process was in. */
  readonly stages: Record<Stage, number>;
  /** How often each branch of recovery was taken. */
  readonly branches: Record<string, number>;
}

/** Nothing counted yet. */
export function emptyTally(): Tally {
  const stages = { creation: 0, opening: 0, commits: 0, checkpoint: 0, compaction: 0, closing: 0 };
  return { kills: 0, commits: 0, acknowledged: 0, withoutCommits: 0, keptOut: 0, stages, branches: {} };
}

/** Kills after which every stage and every branch here should have been met, for any seed. */
export const KILLS_FOR_ALL = 200;
/** The branches of recovery that kills lead to. A kill tears no write, so the others are left to simulated crashes. */
export const KILL_BRANCHES: readonly string[] = ["unfinished-removed", "stale-log-removed", "replayed", "wrapped"];
const MOST_WITHOUT_COMMITS = 0.5;

/** Why a run of kills proved little, each with what to do; empty where it proved what it can. */
export function weaknessesOf(tally: Tally): string[] {
  const { kills, acknowledged, withoutCommits, stages, branches } = tally;
  if (kills === 0) return ["nothing was killed: give it more time, with --minutes"];
  const weaknesses: string[] = [];
  const longer = `make at least ${KILLS_FOR_ALL} kills, with --kills or more --minutes`;
  if (acknowledged === 0) weaknesses.push(`no commit was acknowledged before a kill: ${longer}`);
  else if (withoutCommits > kills * MOST_WITHOUT_COMMITS) {
    weaknesses.push(`${withoutCommits} of ${kills} processes were killed before they had committed: ${longer}`);
  }
  const stagesMissed = STAGES.filter((stage) => stages[stage] === 0);
  if (stagesMissed.length > 0) weaknesses.push(`no process was killed in: ${stagesMissed.join(", ")}; ${longer}`);
  const branchesMissed = KILL_BRANCHES.filter((branch) => branches[branch] === undefined);
  if (branchesMissed.length > 0) weaknesses.push(`recovery never took: ${branchesMissed.join(", ")}; ${longer}`);
  return weaknesses;
}
