/** A bug to be planted into a source file, and how the torture looks for it. */
import type { TortureOptions } from "../harness/torture/index.js";

export interface PlantedBug {
  readonly name: string;
  /** The file, from the top of the repository. */
  readonly file: string;
  /** What stands there, exactly once, */
  readonly find: string;
  /** and what is to stand there instead. */
  readonly replace: string;
  /** What the run needs besides the seed, where the usual workloads do not get there in time. */
  readonly torture?: Omit<Partial<TortureOptions>, "onProgress">;
}
