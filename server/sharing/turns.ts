/**
 * Whose request is next. Guarantees: of the lines in which requests wait, each begins one in its turn, so that no one
 * waits for more than one request of each other line that has not begun; between two rounds, what has arrived meanwhile
 * is read; no line has more than a few running, so that a write waits for few writes of others.
 */
import { timers } from "../../pager/timers.js";

/** Enough for commits to share their syncs. */
const MOST_RUNNING = 64;

/** Never rejects. */
type Task = () => Promise<void>;

/** The lines that take turns. */
export class Turns {
  #ready: Line[] = [];

  /** The line has something that it can begin. */
  enter(line: Line): void {
    this.#ready.push(line);
    if (this.#ready.length === 1) timers.setImmediate(() => this.#round());
  }

  #round(): void {
    const lines = this.#ready;
    this.#ready = [];
    for (const line of lines) line.begin();
  }
}

/** What one user of the service wants done, in its order. */
export class Line {
  readonly #turns: Turns;
  readonly #ended: () => void;
  #waiting: Task[] = [];
  #running = 0;
  #isReady = false;
  #drained: (() => void) | undefined;

  /** @param ended called when one of them has ended */
  constructor(turns: Turns, ended: () => void = () => {}) {
    this.#turns = turns;
    this.#ended = ended;
  }

  /** How many wait or run. */
  get length(): number {
    return this.#waiting.length + this.#running;
  }

  add(task: Task): void {
    this.#waiting.push(task);
    this.#enter();
  }

  /** Leaves out what has not begun. */
  clear(): void {
    this.#waiting = [];
  }

  /** Resolves when none waits or runs. */
  async drained(): Promise<void> {
    if (this.length === 0) return;
    await new Promise<void>((resolve) => {
      this.#drained = resolve;
    });
  }

  /** Begins the next one. Called by the turns alone. */
  begin(): void {
    this.#isReady = false;
    const task = this.#waiting.shift();
    if (task === undefined) return;
    this.#running++;
    void task().then(() => this.#end());
    this.#enter();
  }

  #enter(): void {
    if (this.#isReady || this.#waiting.length === 0 || this.#running >= MOST_RUNNING) return;
    this.#isReady = true;
    this.#turns.enter(this);
  }

  #end(): void {
    this.#running--;
    this.#enter();
    this.#ended();
    if (this.length === 0) this.#drained?.();
  }
}
