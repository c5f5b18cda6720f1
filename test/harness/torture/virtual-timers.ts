/**
 * Timers in the hands of a test, so that a run does not depend on how fast the machine is. Guarantees: while they are
 * installed, LLMDB's `setTimeout` fires only when the run says so or waits for nothing else; the order is that of due
 * times.
 */
import { timers, turn } from "../../../pager/timers.js";

interface Timer {
  readonly due: number;
  readonly number: number;
  readonly fire: () => void;
}

/** Turns of the event loop without an end in sight before a wait moves the time, and before it gives up. */
const TURNS_BEFORE_TIME_MOVES = 50;
const TURNS_BEFORE_STUCK = 100_000;

/** What `setTimeout` returns while the time is virtual. */
class TimerHandle {
  readonly timer: Timer;

  constructor(timer: Timer) {
    this.timer = timer;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  hasRef(): boolean {
    return true;
  }

  [Symbol.toPrimitive](): number {
    return this.timer.number;
  }
}

/** Replaces the `setTimeout` and `clearTimeout` that LLMDB uses between `install` and `uninstall`. */
export class VirtualTimers {
  #now = 0;
  #made = 0;
  #timers = new Set<Timer>();
  #uninstall: (() => void) | undefined;

  install(): void {
    const { setTimeout: realSet, clearTimeout: realClear } = timers;
    const set = (callback: (...args: unknown[]) => void, delay = 0, ...args: unknown[]): TimerHandle => {
      const timer = { due: this.#now + Math.max(1, delay), number: ++this.#made, fire: () => callback(...args) };
      this.#timers.add(timer);
      return new TimerHandle(timer);
    };
    const clear = (handle: TimerHandle | NodeJS.Timeout | string | number | undefined): void => {
      if (handle instanceof TimerHandle) this.#timers.delete(handle.timer);
      else realClear(handle);
    };
    Reflect.set(timers, "setTimeout", set);
    Reflect.set(timers, "clearTimeout", clear);
    this.#uninstall = () => {
      timers.setTimeout = realSet;
      timers.clearTimeout = realClear;
    };
  }

  /** Gives the real timers back; what was due later never fires. */
  uninstall(): void {
    this.#uninstall?.();
    this.#uninstall = undefined;
    this.#timers.clear();
  }

  /** Lets the time pass and fires what is due, then lets that run. */
  async advance(milliseconds: number): Promise<void> {
    const end = this.#now + milliseconds;
    for (let next = this.#next(); next !== undefined && next.due <= end; next = this.#next()) {
      this.#fire(next);
      await turn();
    }
    this.#now = end;
  }

  /** Waits for a promise, and moves the time where it waits for that. Rejects as the promise does. */
  async settle<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    const end = (): void => {
      settled = true;
    };
    promise.then(end, end);
    for (let turns = 0; !settled; turns++) {
      await turn();
      if (turns < TURNS_BEFORE_TIME_MOVES || settled) continue;
      const next = this.#next();
      if (next !== undefined) this.#fire(next);
      else if (turns > TURNS_BEFORE_STUCK) throw new Error("a promise never settles");
    }
    return promise;
  }

  #next(): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) {
      if (first === undefined || timer.due < first.due) first = timer;
    }
    return first;
  }

  #fire(timer: Timer): void {
    this.#timers.delete(timer);
    this.#now = Math.max(this.#now, timer.due);
    timer.fire();
  }
}
