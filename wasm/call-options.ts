/**
 * What a call of a module is given, checked. Guarantees: an unknown option or a value out of range is refused before
 * anything runs.
 */
import { MAX_ARG_BYTES, MAX_FUEL, MAX_MEMORY_BYTES, MAX_TIMEOUT_MS, MIN_MEMORY_BYTES } from "../catalog/stored-fact.js";
import type { CheckedBounds } from "../engine/module-bounds.js";
import { LlmdbError } from "../pager/error.js";
import type { Floats } from "./module-cache.js";
import { refusal } from "./refusal.js";

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

const NAMES = ["arg", "fuel", "memoryBytes", "timeoutMs", "signal", "workers", "pagesPerCall", "floats", "log"];
const NOTHING = new Uint8Array(0);

/**
 * @param bounds what this process allows
 * @throws LlmdbError `LLMDB_INVALID_ARGUMENT`
 */
export function checkCallOptions(options: CallOptions = {}, bounds: CheckedBounds = {}): CheckedCall {
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
    fuel: withDefault("fuel", options.fuel, 10_000_000_000, bounds.maxFuel ?? MAX_FUEL),
    memoryBytes: requireWhole(
      "memoryBytes",
      options.memoryBytes ?? MAX_MEMORY_BYTES,
      MIN_MEMORY_BYTES,
      MAX_MEMORY_BYTES,
    ),
    timeoutMs: withDefault("timeoutMs", options.timeoutMs, 1000, bounds.maxTimeoutMs ?? MAX_TIMEOUT_MS),
    signal,
    workers: requireWhole("workers", options.workers ?? 0, 0, 64),
    pagesPerCall: requireWhole("pagesPerCall", options.pagesPerCall ?? 1, 1, 1024),
    floats,
    log,
  };
}

/**
 * What modules may use in a process, where they may run.
 *
 * @throws LlmdbError `LLMDB_WASM_REFUSED`
 */
export function requireRuns(bounds: CheckedBounds | null): CheckedBounds {
  if (bounds !== null) return bounds;
  throw refusal("the database was opened with modules: false, so that none runs; open it without that, or detach it");
}

/** What is left out is no more than is allowed. */
function withDefault(name: string, value: unknown, usual: number, most: number): number {
  return requireWhole(name, value ?? Math.min(usual, most), 1, most);
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
