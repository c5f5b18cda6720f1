/**
 * When a process is killed and what looks at the database afterwards, drawn from a seed. Guarantees: every stage gets
 * its share: opening and recovering, the steady state, checkpoints, compactions, and several kills in a row with no
 * check in between.
 */
import type { Random } from "../random.js";

/** How one process ends, and what comes after it. */
export interface KillPlan {
  /** The clock starts when the job is handed over, or when the process begins one of these. */
  readonly after: "start" | "checkpoint" | "compaction";
  readonly delayMs: number;
  /** At the latest, whatever the process does. */
  readonly limitMs: number;
  readonly check: CheckPlan;
}

/** Nothing; a read-only handle; a handle that is closed in order; one that is killed as it stands. */
export type CheckPlan = "none" | "read-only" | "close" | "kill";

const LIMIT_MS = 700;

export function drawPlan(random: Random): KillPlan {
  const choice = random.below(100);
  const check = drawCheck(random);
  if (choice < 15) return { after: "checkpoint", delayMs: milliseconds(random, 4), limitMs: LIMIT_MS, check };
  if (choice < 25) return { after: "compaction", delayMs: milliseconds(random, 12), limitMs: LIMIT_MS, check };
  const delayMs = milliseconds(random, drawSpread(random));
  return { after: "start", delayMs, limitMs: delayMs, check };
}

/** Opening takes a few milliseconds, so that many kills must come early to meet it. */
function drawSpread(random: Random): number {
  const choice = random.below(100);
  if (choice < 40) return 10;
  if (choice < 80) return 80;
  return choice < 97 ? 250 : LIMIT_MS;
}

function drawCheck(random: Random): CheckPlan {
  const choice = random.below(100);
  if (choice < 25) return "none";
  if (choice < 50) return "read-only";
  return choice < 75 ? "close" : "kill";
}

/** Timers are no finer than a millisecond; the scheduler of the system adds the rest. */
function milliseconds(random: Random, limit: number): number {
  return random.below(limit + 1);
}
