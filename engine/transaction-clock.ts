/**
 * The time of transactions. Guarantees: the present is never before the last transaction, whatever the clock does, and
 * a time that is given is later than the last transaction and not later than the clock.
 */
import { LlmdbError } from "../pager/error.js";

export class TransactionClock {
  readonly #clock: () => number;

  /** @param clock milliseconds since 1970 UTC */
  constructor(clock: () => number) {
    this.#clock = clock;
  }

  /** The present in microseconds since 1970, where the last transaction was at `lastMicros`. */
  now(lastMicros: number): number {
    return Math.max(this.#read(), lastMicros);
  }

  /**
   * A time that the caller gives a transaction.
   *
   * @throws LlmdbError `LLMDB_TIME_ORDER`
   */
  check(micros: number, lastMicros: number): number {
    const time = micros / 1000;
    if (micros <= lastMicros) {
      throw new LlmdbError(
        "LLMDB_TIME_ORDER",
        "the time of a transaction must be later than that of the last one; import in the order of time",
        { time, lastTime: lastMicros / 1000 },
      );
    }
    if (micros <= this.#read()) return micros;
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
