/**
 * Making commits durable that are visible: with a sync of the log, or with a checkpoint where they are not in it.
 * Guarantees: promises that wait for the same sync share it; a sync acknowledges only what was written before it began;
 * any failure ends all writing, except where the disk is too full to erase what a checkpoint left.
 */
import { isDiskFull } from "../pager/error.js";
import { turn } from "../pager/timers.js";
import type { Checkpointer } from "./checkpointer.js";
import type { CommittedState } from "./committed-state.js";
import type { Failure } from "./failure.js";
import type { Journal } from "./journal.js";

export class GroupCommit {
  readonly #state: CommittedState;
  readonly #journal: Journal;
  readonly #checkpointer: Checkpointer;
  readonly #failure: Failure;
  #running: Promise<void> | null = null;

  constructor(state: CommittedState, journal: Journal, checkpointer: Checkpointer, failure: Failure) {
    this.#state = state;
    this.#journal = journal;
    this.#checkpointer = checkpointer;
    this.#failure = failure;
    failure.rejects(journal.waiters);
  }

  /** Makes a commit durable; blocks. */
  sync(tx: number): void {
    const { log } = this.#journal;
    this.#failure.requireNone();
    try {
      if (log === null || tx > log.writtenTx) this.#checkpointer.run();
      else log.sync();
    } catch (error) {
      // A commit that is visible and cannot be made durable is a failure, also where the disk is only full.
      if (!this.#isHeld(tx, error)) throw this.#failure.fail(error);
    }
    this.#journal.wake();
  }

  /** Resolves when a commit is durable. Requests that come while a sync runs share the next one. */
  request(tx: number): Promise<void> {
    const { log, waiters } = this.#journal;
    if (tx <= this.#state.checkpoint.tx) return Promise.resolve();
    if (this.#failure.error !== null) return Promise.reject(this.#failure.error);
    if (log === null || tx > log.writtenTx) return this.#requestCheckpoint(tx);
    if (tx <= log.syncedTx) return Promise.resolve();
    const done = waiters.add(tx);
    this.#running ??= this.#drive();
    return done;
  }

  async #requestCheckpoint(tx: number): Promise<void> {
    try {
      await this.#checkpointer.request();
    } catch (error) {
      if (!this.#isHeld(tx, error)) throw this.#failure.fail(error);
    }
  }

  /** Whether a checkpoint holds a commit although erasing after it found the disk full: that is tried again later. */
  #isHeld(tx: number, error: unknown): boolean {
    return isDiskFull(error) && this.#failure.error === null && tx <= this.#state.checkpoint.tx;
  }

  async #drive(): Promise<void> {
    const journal = this.#journal;
    while (!journal.waiters.isEmpty) {
      // Everybody who commits in this turn of the event loop comes along.
      await turn();
      const next = journal.durableTx + 1;
      try {
        if (journal.log === null) await this.#checkpointer.request();
        else await journal.log.syncAsync();
      } catch (error) {
        if (!this.#isHeld(next, error)) this.#failure.fail(error);
      }
      journal.wake();
    }
    this.#running = null;
  }

  /** Waits until no sync runs any more. */
  async settle(): Promise<void> {
    while (this.#running !== null) await this.#running;
  }
}
