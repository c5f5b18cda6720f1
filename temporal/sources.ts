/**
 * Where reads of the store go; `state-sources.ts` has the kinds. Guarantees: what is read belongs to one state; an
 * iteration holds the state of the moment it began, except inside a transaction, where it sees what is written ahead of
 * it; what an iteration holds is let go at its end, or where it cannot begin.
 */
import type { Cursor } from "../btree/cursor.js";
import type { Tree } from "../btree/tree.js";
import type { CommittedState } from "../engine/committed-state.js";
import type { TemporalMaps } from "./maps.js";

export interface Sources {
  readonly state: CommittedState;
  /** The newest committed transaction that is seen, and its time. */
  readonly latestTx: number;
  readonly latestMicros: number;
  /** Whether writes of a transaction that is not committed are seen, and its time. */
  readonly isWriting: boolean;
  readonly ownMicros: number;
  /** Throws where reading is over. */
  requireOpen(): void;
  /** What there is to read; throws where reading is over. */
  maps(): TemporalMaps;
  /** Before this transaction nothing can be asked any more. */
  horizon(): number;
  /** The present, in microseconds since 1970. */
  nowMicros(): number;
  /** Whether a transaction that these do not see, because they are of the past, was at a time or before it. */
  isOvertaken(micros: bigint): boolean;
  /** Keeps the state as it is for an iteration. */
  hold(): HeldSources;
}

/** What an iteration reads from, until it lets go. */
export interface HeldSources extends Sources {
  /** The iteration begins: should it be forgotten, what it holds is let go when it is collected. */
  attach(iterator: object): void;
  /** A cursor of the iteration is to survive writes of the transaction. */
  track(tree: Tree, cursor: Cursor): void;
  release(): void;
}

/** Holds the state for an iteration that `make` begins; where that fails, nothing is held. */
export function iterate<T extends object>(sources: Sources, make: (held: HeldSources) => T): T {
  const held = sources.hold();
  try {
    const iterator = make(held);
    held.attach(iterator);
    return iterator;
  } catch (error) {
    held.release();
    throw error;
  }
}
