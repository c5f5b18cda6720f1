/**
 * What a torture run has counted so far. Guarantees: tallies of several threads add up to one, as plain data that can
 * be sent between them.
 */
import type { BranchCounts } from "./recovery-steps.js";

/** Counts of a part of a run. */
export interface Tally {
  /** Crash images that were built and judged, also those inside recovery. */
  images: number;
  /** Images that were not like one before in their workload: each was recovered. */
  distinct: number;
  workloads: number;
  /** How often a database was opened. */
  recoveries: number;
  /** Errors that were injected. */
  faults: number;
  /** Writes whose order was checked. */
  orderedWrites: number;
  readonly branches: BranchCounts;
}

/** Nothing counted yet. */
export function emptyTally(): Tally {
  return { images: 0, distinct: 0, workloads: 0, recoveries: 0, faults: 0, orderedWrites: 0, branches: new Map() };
}

/** Adds the counts of another part. */
export function addTally(sum: Tally, part: Tally): void {
  sum.images += part.images;
  sum.distinct += part.distinct;
  sum.workloads += part.workloads;
  sum.recoveries += part.recoveries;
  sum.faults += part.faults;
  sum.orderedWrites += part.orderedWrites;
  for (const [branch, count] of part.branches) sum.branches.set(branch, (sum.branches.get(branch) ?? 0) + count);
}
