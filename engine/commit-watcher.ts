/**
 * What looks at transactions before they commit: it sees what they change in the maps that it watches, and may add
 * writes of its own, or throw. Guarantees: it is asked once a transaction, in the middle of its commit, and only where
 * something in a watched map was touched; what it throws rolls the whole transaction back; it is not asked when the log
 * is done again.
 */
import type { ChangeCapture } from "./change-capture.js";
import type { WriteTransaction } from "./write-transaction.js";

export interface CommitWatcher {
  /** Whether changes of a map are to be noted. Asked once for each map that a transaction looks at. */
  watches(map: string): boolean;
  /**
   * Called when the body of the transaction has returned. It may write maps through `writer` and nest; the bitemporal
   * store has written its row by now and takes no more. It must not be async.
   */
  beforeCommit(writer: WriteTransaction, capture: ChangeCapture): void;
}
