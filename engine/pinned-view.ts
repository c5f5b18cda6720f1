/**
 * A committed state that is looked at. Guarantees: its pages stay as they are until `Engine.closeView`.
 */
import type { Tree } from "../btree/tree.js";
import type { SnapshotReader } from "../mvcc/page-store.js";
import type { MapDirectory } from "./map-directory.js";

/** A committed state that somebody looks at: a snapshot or a running range read. */
export interface PinnedView {
  readonly snapshot: SnapshotReader;
  readonly openedMs: number;
  /** Time of its transaction, in microseconds since 1970. */
  readonly micros: number;
  /** The newest transaction in it that changed something: its number to those who look. */
  readonly changeTx: number;
  /** Present in a snapshot: all maps. */
  readonly directory: MapDirectory | null;
  /** Present in a range read: one map. */
  readonly tree: Tree | null;
  /** Held by a checkpoint, not by a user. */
  readonly isCheckpoint: boolean;
}
