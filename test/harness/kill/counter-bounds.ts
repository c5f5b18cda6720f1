/**
 * How far each committer can have come, seen from outside. Guarantees: a counter below its lower bound means that an
 * acknowledged commit is lost; one above its upper bound means a commit that nobody made, because a committer waits for
 * each durable commit before the next.
 */
import { nextDurable, type Workload } from "./workload.js";

export class CounterBounds {
  readonly #workload: Workload;
  readonly #lower: number[];
  readonly #upper: number[];

  constructor(workload: Workload) {
    this.#workload = workload;
    this.#lower = new Array<number>(workload.committers).fill(0);
    this.#upper = new Array<number>(workload.committers).fill(0);
  }

  /** Commits that must be there. */
  get certain(): number {
    return this.#lower.reduce((a, b) => a + b, 0);
  }

  /** The committers go to work from where they were seen. */
  start(): void {
    for (let committer = 0; committer < this.#workload.committers; committer++) this.#allowNext(committer);
  }

  acknowledge(committer: number, index: number): void {
    this.#lower[committer] = index;
    this.#allowNext(committer);
  }

  /**
   * Compares what the database holds with the bounds. From then on exactly that must stay: what was read once may not
   * change with the next recovery.
   */
  observe(counters: readonly number[]): string[] {
    const problems: string[] = [];
    for (const [committer, count] of counters.entries()) {
      const lower = this.#lower[committer];
      const upper = this.#upper[committer];
      if (count < lower) {
        problems.push(`committer ${committer}: ${count} commits are there, ${lower} were acknowledged or read before`);
      } else if (count > upper) {
        problems.push(`committer ${committer}: ${count} commits are there, at most ${upper} were made`);
      }
      this.#lower[committer] = count;
      this.#upper[committer] = count;
    }
    return problems;
  }

  #allowNext(committer: number): void {
    this.#upper[committer] = nextDurable(this.#workload, committer, this.#lower[committer] + 1);
  }
}
