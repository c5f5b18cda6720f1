/**
 * A service that is opened while the server greets its client. Guarantees: calls wait until it is open; where that
 * fails, they fail with the reason, and the next call tries again.
 */
import type { Callable } from "./service.js";

/** What can be called and closed. */
export interface Closable extends Callable {
  close(): Promise<void>;
}

export class LazyService implements Callable {
  readonly #open: () => Promise<Closable>;
  #opened: Promise<Closable> | undefined;
  #isClosed = false;

  constructor(open: () => Promise<Closable>) {
    this.#open = open;
  }

  /** Opens it, unless that was begun. */
  opened(): Promise<Closable> {
    if (this.#isClosed) return Promise.reject(new Error("the server is ending"));
    this.#opened ??= this.#open().catch((error: unknown) => {
      this.#opened = undefined;
      throw error;
    });
    return this.#opened;
  }

  async call(method: string, params: unknown): Promise<unknown> {
    const service = await this.opened();
    return service.call(method, params);
  }

  /** Ends the calls that were begun, and closes. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const opened = await this.#opened?.catch(() => undefined);
    await opened?.close();
  }
}
