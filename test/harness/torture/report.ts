/** What a torture run is asked to do, and what it says at the end. */

/** How to torture; see {@link tortureSimulated}. */
export interface TortureOptions {
  /** Everything follows from it. */
  seed: number;
  /** Ends the run after so many minutes. 1 by default, where `images` is not given. */
  minutes?: number;
  /** Ends the run after so many crash images. */
  images?: number;
  /** Worker threads; by default as many as the machine runs at once. 0: everything in this thread. */
  workers?: number;
  /** 1: images are recovered. 2, the default: recovery is crashed again. 3: a part of those recoveries once more. */
  depth?: number;
  /** Judges every workload of this size, completely, instead of random ones. */
  exhaustive?: { commits: number; keys: number };
  /** Only this round, as a violation names it. */
  round?: number;
  /** Only this image of the round. */
  image?: number;
  /** Of each random workload only so many crash points, chosen at random: more workloads in the same time. */
  pointsPerRound?: number;
  /** One round in six runs a small workload with so many different errors of the disk, one at a time. 60 by default. */
  faultsPerRound?: number;
  /** Branches of recovery that the run must have taken. None by default. */
  requiredBranches?: readonly string[];
  /** Ends the run after so many violations. 5 by default. */
  mostViolations?: number;
  /** Ends the run early; what was found until then is reported. */
  signal?: AbortSignal;
  /** Called now and then. */
  onProgress?: (progress: TortureProgress) => void;
}

/** How far a run has come. */
export interface TortureProgress {
  images: number;
  distinct: number;
  workloads: number;
  violations: number;
  seconds: number;
}

/** Something that must not happen, and the command that shows it again. */
export interface TortureViolation {
  message: string;
  replay: string;
}

/** What a run did and found. */
export interface TortureReport {
  seed: number;
  /** Crash images that were built and judged, those inside recovery among them. */
  images: number;
  /** Images that were not like one before in their workload: these were recovered. */
  distinct: number;
  imagesPerSecond: number;
  workloads: number;
  /** With `exhaustive`: how many workloads those stand for, every name of a key counted. */
  workloadsInScope?: number;
  /** How often a database was opened. */
  recoveries: number;
  /** Errors of the disk that were injected. */
  faults: number;
  /** Writes of ordinary runs whose order was checked. */
  orderedWrites: number;
  /** How often each branch of recovery was taken. */
  branches: Record<string, number>;
  seconds: number;
  violations: TortureViolation[];
  /** Why the run proved little, each with what to do; empty where it proved what it can. */
  weaknesses: string[];
}

/** The branches of recovery that a crash can lead to, and that a run of a minute has to reach. */
export const RARE_BRANCHES: readonly string[] = [
  "older-meta",
  "unfinished-removed",
  "stale-log-removed",
  "replayed",
  "wrapped",
  "restated",
  "restated-used",
  "tail-cut",
];

/** Why a run of simulated crashes proved little, each with what to do; empty where it proved what it can. */
export function weaknessesOf({ distinct, faults, branches }: Omit<TortureReport, "weaknesses">): string[] {
  const longer = "run longer, with --minutes or more --images";
  if (distinct === 0) return [`no crash image was judged: ${longer}`];
  const weaknesses: string[] = [];
  const missing = RARE_BRANCHES.filter((branch) => branches[branch] === undefined);
  if (missing.length > 0) weaknesses.push(`recovery never took: ${missing.join(", ")}; ${longer}`);
  if (faults === 0) weaknesses.push(`no workload met an error of the disk: ${longer}`);
  return weaknesses;
}
