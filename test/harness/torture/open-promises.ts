/**
 * The promises of a database that a run has not waited for yet. Guarantees: each is heard once, in the order in which
 * they settle; after a crash none of those before it is heard.
 */

/** Promises under way, and the first thing that went wrong with one of them. */
export class OpenPromises {
  /** What a `done` or `failed` threw. */
  violation: unknown;
  readonly #open = new Set<Promise<void>>();
  #life = 0;

  /** Hears of a promise later. */
  track(promise: Promise<unknown>, done: () => void, failed: (error: unknown) => void): void {
    const life = this.#life;
    const kept = promise
      .then(
        () => {
          if (life === this.#life) done();
        },
        (error: unknown) => {
          if (life === this.#life) failed(error);
        },
      )
      .catch((error: unknown) => {
        if (life === this.#life) this.violation ??= error;
      })
      .finally(() => this.#open.delete(kept));
    this.#open.add(kept);
  }

  /** Resolves when all that are open now have been heard. */
  async all(): Promise<void> {
    await Promise.all(this.#open);
  }

  /** Forgets them all. */
  abandon(): void {
    this.#life++;
    this.#open.clear();
  }
}
