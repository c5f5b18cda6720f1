/**
 * Why a handle takes no more writes: one latch for everything that writes to the disk. Guarantees: the first failure
 * stays, and is what is thrown from then on; those who wait for the disk are rejected with it, in the order in which
 * they were announced.
 */
import { LlmdbError } from "../pager/error.js";
import type { CommittedState } from "./committed-state.js";
import type { Waiters } from "./waiters.js";

export class Failure {
  readonly #state: CommittedState;
  readonly #waiters: Waiters[] = [];
  #error: LlmdbError | null = null;

  constructor(state: CommittedState) {
    this.#state = state;
  }

  /** The failure, or null. */
  get error(): LlmdbError | null {
    return this.#error;
  }

  /** @throws LlmdbError `LLMDB_COMMIT_UNKNOWN` */
  requireNone(): void {
    if (this.#error !== null) throw this.#error;
  }

  /** These are rejected with the failure. */
  rejects(waiters: Waiters): void {
    this.#waiters.push(waiters);
  }

  /** Ends all writing through this handle: it is not known what the disk has. Returns what to throw. */
  fail(cause: unknown): LlmdbError {
    if (this.#error !== null) return this.#error;
    this.#error = new LlmdbError(
      "LLMDB_COMMIT_UNKNOWN",
      "a write or sync failed, so it is unknown whether the newest commits are on disk; " +
        "this handle takes no more writes: close it, see to the disk, and open the database again",
      { checkpointTx: this.#state.checkpoint.tx },
      { cause },
    );
    for (const waiters of this.#waiters) waiters.reject(this.#error);
    return this.#error;
  }
}
