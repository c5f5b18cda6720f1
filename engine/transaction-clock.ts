/**
 * The time of transactions. Guarantees: the present is never before the last transaction, whatever the clock does; a
 * time that is given is later than the last transaction and not later than the clock; no transaction is at a time that
 * was settled, or before it. The clock may be the caller's, and use the database: so it is read before anything else is
 * looked at.
 */
import { LlmdbError } from "../pager/error.js";

/** The newest transaction. */
export interface LastTransaction {
  /** Microseconds since 1970. */
  readonly lastMicros: number;
}

export class TransactionClock {
  readonly #clock: () => number;
  readonly #last: LastTransaction;
  /** The latest time about which an answer was given that must stay. */
  #settledMicros = Number.NEGATIVE_INFINITY;

  /** @param clock milliseconds since 1970 UTC */
  constructor(clock: () => number, last: LastTransaction) {
    this.#clock = clock;
    this.#last = last;
  }

  /** The present in microseconds since 1970. */
  now(): number {
    const present = this.#read();
    return Math.max(present, this.#last.lastMicros);
  }

  /** From now on, transactions are after this time. */
  settle(micros: number): void {
    this.#settledMicros = Math.max(this.#settledMicros, micros);
  }

  /** The time of a transaction that begins now. */
  next(): number {
    const present = this.#read();
    return Math.max(present, this.#last.lastMicros + 1, this.#settledMicros + 1);
  }

  /**
   * A time that the caller gives a transaction.
   *
   * @throws LlmdbError `LLMDB_TIME_ORDER`
   */
  check(micros: number): number {
    const present = this.#read();
    const { lastMicros } = this.#last;
    const time = micros / 1000;
    if (micros <= lastMicros) {
      throw new LlmdbError(
        "LLMDB_TIME_ORDER",
        "the time of a transaction must be later than that of the last one; import in the order of time",
        { time, lastTime: lastMicros / 1000 },
      );
    }
    if (micros <= this.#settledMicros) {
      throw new LlmdbError(
        "LLMDB_TIME_ORDER",
        "what is known at this time or later was asked, and that answer must stay; give a later time",
        { time, askedTime: this.#settledMicros / 1000 },
      );
    }
    if (micros <= present) return micros;
    throw new LlmdbError("LLMDB_TIME_ORDER", "the time of a transaction must not be later than the clock", { time });
  }

  #read(): number {
    // A whole microsecond as a fraction of milliseconds is a little more or less.
    const micros = Math.round(this.#clock() * 1000);
    if (Number.isSafeInteger(micros)) return micros;
    throw new LlmdbError(
      "LLMDB_INVALID_ARGUMENT",
      "the clock gave no number of milliseconds since 1970 (up to the year 2255); mend the clock option",
    );
  }
}
