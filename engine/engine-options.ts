/**
 * What an engine is made with. Guarantees: it was checked before, and stays as it is for as long as the engine lives.
 */
import type { CheckedBounds } from "./module-bounds.js";

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
