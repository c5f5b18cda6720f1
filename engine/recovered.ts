/**
 * What opening a database had to do, as its users see it.
 */

/** One thing that opening may have to do. */
export type RecoveryStep =
  | "older-meta"
  | "unfinished-removed"
  | "stale-log-removed"
  | "log-missing"
  | "log-ends-at-gap"
  | "replayed"
  | "wrapped"
  | "restated-used"
  | "restated"
  | "tail-cut";

/** What opening had to do. */
export interface Recovered {
  /** Commits replayed from a log. */
  readonly replayed: number;
  /** Bytes cut from a torn end of a log. */
  readonly cutBytes: number;
  /** One of the three meta pages was not valid, perhaps the newest: the newest valid one was used. */
  readonly olderMeta: boolean;
  /** The log that held commits after the last checkpoint is not there: those commits are not, either. */
  readonly logMissing: boolean;
  /** What was done, in words that stay. */
  readonly steps: readonly RecoveryStep[];
}
