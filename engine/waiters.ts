/**
 * Promises that wait for a transaction to be durable. Guarantees: each is settled once, in the order in which they
 * came.
 */

interface Waiter {
  readonly tx: number;
  resolve(): void;
  reject(error: unknown): void;
}

export class Waiters {
  #waiting: Waiter[] = [];

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** Resolves when `tx` is durable. */
  add(tx: number): Promise<void> {
    return new Promise((resolve, reject) => this.#waiting.push({ tx, resolve, reject }));
  }

  /** Resolves those up to `durableTx`. */
  wake(durableTx: number): void {
    const waiting = this.#waiting;
    this.#waiting = waiting.filter(({ tx }) => tx > durableTx);
    for (const waiter of waiting) if (waiter.tx <= durableTx) waiter.resolve();
  }

  /** Rejects all. */
  reject(error: unknown): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const waiter of waiting) waiter.reject(error);
  }
}
