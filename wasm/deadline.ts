/**
 * Stops what runs in this thread once it has run for long enough. Guarantees: time counts inside slices and nowhere
 * else, however long a caller keeps what came out of one; a slice ends by what is left, a loop without end too; it may
 * be cut off between any two steps, so it touches nothing but what is thrown away then.
 *
 * V8 is asked to stop by the watchdog of `vm.Script`, which is the one way to stop code of the same thread. It takes a
 * thread for each slice, so that slices hold many calls of a module.
 */
import { isNativeError } from "node:util/types";
import { Script } from "node:vm";
import { LlmdbError } from "../pager/error.js";
import { steadyMs } from "../pager/timers.js";

/** Where the script finds what to run: it sees globals and nothing else. A process may have loaded LLMDB twice. */
const SLOT = freeName("llmdb.slice");
const slot: { run: () => unknown } = { run: () => undefined };
Object.defineProperty(globalThis, Symbol.for(SLOT), { value: slot });
const script = new Script(`globalThis[Symbol.for("${SLOT}")].run()`, { filename: "llmdb-slice" });

function freeName(name: string): string {
  return Symbol.for(name) in globalThis ? freeName(`${name} again`) : name;
}

/** The error of a call that took too long. */
export function tooLate(timeoutMs: number): LlmdbError {
  return new LlmdbError(
    "LLMDB_WASM_TIME",
    `the module ran for longer than ${timeoutMs} ms and was stopped; give it more timeoutMs, or less to do`,
    { timeoutMs },
  );
}

export class Deadline {
  readonly timeoutMs: number;
  #leftMs: number;

  constructor(timeoutMs: number) {
    this.timeoutMs = timeoutMs;
    this.#leftMs = timeoutMs;
  }

  /** What slices may still take, all together. */
  get leftMs(): number {
    return this.#leftMs;
  }

  /** Counts what was taken elsewhere, such as by other threads. */
  spend(ms: number): void {
    this.#leftMs -= ms;
  }

  /**
   * Runs a slice.
   *
   * @throws LlmdbError `LLMDB_WASM_TIME`, and what the slice throws
   */
  run(slice: () => void): void {
    if (this.#leftMs <= 0) throw tooLate(this.timeoutMs);
    const outer = slot.run;
    slot.run = slice;
    const startMs = steadyMs();
    try {
      script.runInThisContext({ timeout: Math.ceil(this.#leftMs) });
    } catch (error) {
      throw isTimeout(error) ? tooLate(this.timeoutMs) : error;
    } finally {
      this.spend(steadyMs() - startMs);
      slot.run = outer;
    }
  }
}

function isTimeout(error: unknown): boolean {
  return isNativeError(error) && "code" in error && error.code === "ERR_SCRIPT_EXECUTION_TIMEOUT";
}
