/**
 * What an engine is made with, which was checked before and never changes.
 */
import type { CheckpointOptions } from "./checkpointer.js";
import type { Durability } from "./durability.js";
import type { CheckedBounds } from "./module-bounds.js";

export interface EngineOptions extends CheckpointOptions {
  /** The file, with symbolic links followed. */
  readonly path: string;
  readonly readOnly: boolean;
  readonly durability: Durability;
  /** Milliseconds since 1970 UTC; undefined: the storage's. */
  readonly clock: (() => number) | undefined;
  readonly checkpointBytes: number;
  /** What modules may use; null: none runs. */
  readonly modules: CheckedBounds | null;
  /** Nothing outlives the process, or the file is somebody else's matter: there is nothing to make durable. */
  readonly isVolatile: boolean;
}
