/**
 * What a commit gives back, and the unit of its time.
 */

/** A time as it is given back: milliseconds since 1970 UTC, with microseconds in the fraction. */
export type Milliseconds = number;

/** What a commit gives back. */
export interface Receipt {
  /** The transaction. Where nothing was written, the newest one before. */
  tx: number;
  /** When it happened. */
  time: Milliseconds;
}
