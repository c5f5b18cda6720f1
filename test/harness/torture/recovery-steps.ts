/**
 * Which branches recovery took. Guarantees: each name is counted once per opening, so that a run can tell what it never
 * reached.
 */
import type { Database } from "../../../engine/database.js";

/** How often each branch of recovery was taken, by name. */
export type BranchCounts = Map<string, number>;

/** The branches that opening this database took. */
export function recoverySteps(db: Database): readonly string[] {
  const recovered: Database["recovered"] & { readonly steps?: readonly string[] } = db.recovered;
  if (recovered.steps !== undefined) return recovered.steps;
  const steps: string[] = [];
  if (recovered.olderMeta) steps.push("older-meta");
  if (recovered.replayed > 0) steps.push("replayed");
  if (recovered.cutBytes > 0) steps.push("tail-cut");
  return steps;
}

/** Adds the branches that opening this database took. */
export function countSteps(db: Database, counts: BranchCounts): void {
  for (const step of recoverySteps(db)) counts.set(step, (counts.get(step) ?? 0) + 1);
}
