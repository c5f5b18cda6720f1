/**
 * What an engine is made with, which was checked before and never changes; and the part of it that a reader beside a
 * writer exchanges as a whole when it moves on.
 */
import type { PageStore } from "../mvcc/page-store.js";
import type { Checkpointer } from "./checkpointer.js";
import type { MapDirectory } from "./map-directory.js";
import type { CheckedBounds } from "./module-bounds.js";
import type { WriteBack } from "./write-back.js";

export type Durability = "durable" | "buffered";

/** What an engine is made with. */
export interface EngineOptions {
  /** The file, with symbolic links followed. */
  readonly path: string;
  readonly readOnly: boolean;
  readonly durability: Durability;
  readonly clock: () => number;
  readonly checkpointBytes: number;
  readonly eraseFreed: boolean;
  /** What modules may use; null: none runs. */
  readonly modules: CheckedBounds | null;
  /** Nothing outlives the process, or the file is somebody else's matter: there is nothing to make durable. */
  readonly isVolatile: boolean;
}

/** A committed state and what reads it. */
export interface EngineState {
  readonly store: PageStore;
  readonly directory: MapDirectory;
  readonly writeBack: WriteBack;
  readonly checkpointer: Checkpointer;
  readonly lastTx: number;
  readonly lastChangeTx: number;
  readonly lastMicros: number;
}
