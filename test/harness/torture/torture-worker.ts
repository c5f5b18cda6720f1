/** The thread of one lane: tells its counts and violations to the thread that started it. */
import { parentPort, workerData } from "node:worker_threads";
import { type LaneOptions, runLane } from "./lane.js";
import type { TortureViolation } from "./report.js";
import type { Tally } from "./tally.js";

/** What a lane tells. */
export type LaneMessage =
  | { readonly kind: "counted"; readonly tally: Tally }
  | { readonly kind: "violated"; readonly violation: TortureViolation };

/** What the thread is started with. */
interface LaneData {
  readonly lane: LaneOptions;
  readonly stopped: Int32Array;
}

const { lane, stopped }: LaneData = workerData;

function tell(message: LaneMessage): void {
  parentPort?.postMessage(message);
}

if (parentPort !== null) {
  await runLane(lane, {
    counted: (tally) => tell({ kind: "counted", tally }),
    violated: (violation) => tell({ kind: "violated", violation }),
    stopped: () => Atomics.load(stopped, 0) !== 0,
  });
}
