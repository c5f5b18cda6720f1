/**
 * The moment at which a process is killed, found from what it reports. Guarantees: a kill that is meant for a
 * later stage than the opening comes after at least one acknowledged commit; it meets a random point within the
 * operation that follows, however long operations take on this machine.
 */
import { setImmediate, setTimeout } from "node:timers/promises";
import type { Report } from "./job.js";
import { type KillPlan, precedesCommits, type Stage } from "./kill-plan.js";

/** Taken where no operation of the kind was seen yet. */
const ASSUMED_MS = 4;
/** Timers are no finer than this. */
const TIMER_MS = 1;

/** How long each kind of operation took when it was last seen, in any process of a run. */
export class Pace {
  readonly #lastMs = new Map<Stage, number>();

  note(stage: Stage, durationMs: number): void {
    this.#lastMs.set(stage, durationMs);
  }

  /** How long one operation takes. */
  ms(stage: Stage): number {
    return this.#lastMs.get(stage) ?? ASSUMED_MS;
  }
}

export class KillMoment {
  /** Resolves when the process is to be killed. */
  readonly reached: Promise<void>;
  /** Commits that the process has acknowledged. */
  acknowledged = 0;
  /** When it was last heard of, on the clock of `performance.now()`. */
  heardMs = performance.now();
  readonly #plan: KillPlan;
  readonly #pace: Pace;
  readonly #first: Stage;
  readonly #begunMs = new Map<Stage, number>();
  #left: number;
  #resolve = (): void => {};

  /** @param isFirst - Whether there is no database yet. */
  constructor(plan: KillPlan, pace: Pace, isFirst: boolean) {
    this.#plan = plan;
    this.#first = isFirst ? "creation" : "opening";
    this.#pace = pace;
    this.#left = plan.count;
    this.reached = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  /** Takes in what the process says. */
  hear(report: Report): void {
    this.heardMs = performance.now();
    if (report.kind === "opening") this.#begin(this.#first);
    else if (report.kind === "opened") {
      this.#end(this.#first);
      this.#begunMs.set("commits", this.heardMs);
    } else if (report.kind === "begins") this.#begin(report.what);
    else if (report.kind === "ends") this.#end(report.what);
    else if (report.kind === "acknowledged") this.#acknowledge();
  }

  #acknowledge(): void {
    this.acknowledged++;
    this.#end("commits");
    this.#begin("commits");
  }

  #begin(stage: Stage): void {
    this.#begunMs.set(stage, this.heardMs);
    if (stage !== this.#plan.stage || (this.acknowledged === 0 && !precedesCommits(stage))) return;
    if (--this.#left === 0) void pause(this.#plan.share * this.#pace.ms(stage)).then(this.#resolve);
  }

  #end(stage: Stage): void {
    const begunMs = this.#begunMs.get(stage);
    if (begunMs !== undefined) this.#pace.note(stage, this.heardMs - begunMs);
  }
}

/** Waits more finely than a timer can. */
async function pause(durationMs: number): Promise<void> {
  const endMs = performance.now() + durationMs;
  const wholeMs = Math.floor(durationMs - TIMER_MS);
  if (wholeMs >= TIMER_MS) await setTimeout(wholeMs);
  while (performance.now() < endMs) await setImmediate();
}
