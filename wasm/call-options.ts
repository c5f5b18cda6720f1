/**
 * What a call of a module is given, checked. Guarantees: an unknown option or a value out of range is refused before
 * anything runs.
 */
import { LlmdbError } from "../pager/error.js";
import type { Floats } from "./module-cache.js";

/** What is used of an `AbortSignal`, whose type not every program has. */
export interface StopSignal {
  readonly reason: unknown;
  throwIfAborted(): void;
  addEventListener(type: "abort", listener: () => void): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

/** How a module runs over pages. */
export interface CallOptions {
  /** Handed to the module with every call. Default: none. */
  arg?: Uint8Array;
  /** The most it may use, in units; see docs/wasm-metering.md. Default 10,000,000,000. */
  fuel?: number;
  /** The most memory of an instance, 64 KiB to 64 MiB. Default 64 MiB. */
  memoryBytes?: number;
  /** The most time that it may run, in milliseconds from 1; not while a stream waits for its reader. Default 1,000. */
  timeoutMs?: number;
  /** Stops it: an `AbortSignal`. */
  signal?: StopSignal;
  /** Threads to run in besides this one, 0 to 64; with 0 it runs in this one, in slices. Default 0. */
  workers?: number;
  /** Pages that a call is handed, 1 to 1,024. Default 1. */
  pagesPerCall?: number;
  /** `fast` leaves the bits of a NaN to the machine. Default `canonical`. */
  floats?: Floats;
  /** Takes what the module logs. */
  log?: (text: string) => void;
}

export interface CheckedCall {
  readonly arg: Uint8Array;
  readonly fuel: number;
  readonly memoryBytes: number;
  readonly timeoutMs: number;
  readonly signal: StopSignal | undefined;
  readonly workers: number;
  readonly pagesPerCall: number;
  readonly floats: Floats;
  readonly log: (text: string) => void;
}

export const MAX_MEMORY_BYTES = 64 * 1024 * 1024;
export const MIN_MEMORY_BYTES = 64 * 1024;
export const MAX_FUEL = 2 ** 50;
export const MAX_ARG_BYTES = 64 * 1024;
/** A timer of Node takes no more. */
export const MAX_TIMEOUT_MS = 2 ** 31 - 1;
const NAMES = ["arg", "fuel", "memoryBytes", "timeoutMs", "signal", "workers", "pagesPerCall", "floats", "log"];
const NOTHING = new Uint8Array(0);

/**
 * @throws LlmdbError `LLMDB_INVALID_ARGUMENT`
 */
export function checkCallOptions(options: CallOptions = {}): CheckedCall {
  if (options === null || typeof options !== "object") throw invalid("the options of a call are an object");
  for (const name in options) {
    if (!NAMES.includes(name)) throw invalid(`a call has no option "${name}"; it has ${NAMES.join(", ")}`);
  }
  const { signal, floats = "canonical", log = ignore } = options;
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw invalid("signal is an AbortSignal");
  if (floats !== "canonical" && floats !== "fast") throw invalid('floats is "canonical" or "fast"');
  if (typeof log !== "function") throw invalid("log is a function");
  return {
    arg: requireArg(options.arg),
    fuel: requireWhole("fuel", options.fuel ?? 10_000_000_000, 1, MAX_FUEL),
    memoryBytes: requireWhole(
      "memoryBytes",
      options.memoryBytes ?? MAX_MEMORY_BYTES,
      MIN_MEMORY_BYTES,
      MAX_MEMORY_BYTES,
    ),
    timeoutMs: requireWhole("timeoutMs", options.timeoutMs ?? 1000, 1, MAX_TIMEOUT_MS),
    signal,
    workers: requireWhole("workers", options.workers ?? 0, 0, 64),
    pagesPerCall: requireWhole("pagesPerCall", options.pagesPerCall ?? 1, 1, 1024),
    floats,
    log,
  };
}

function ignore(): void {}

export function requireArg(arg: unknown): Uint8Array {
  if (arg === undefined) return NOTHING;
  if (!(arg instanceof Uint8Array)) throw invalid("arg is a Uint8Array");
  if (arg.length > MAX_ARG_BYTES) throw invalid(`arg has at most ${MAX_ARG_BYTES} bytes`);
  // Not `slice`: that of a Buffer is no copy.
  return new Uint8Array(arg);
}

export function requireWhole(name: string, value: unknown, least: number, most: number): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= least && value <= most) return value;
  throw invalid(`${name} is a whole number from ${least} to ${most}`);
}

export function invalid(message: string): LlmdbError {
  return new LlmdbError("LLMDB_INVALID_ARGUMENT", message);
}
