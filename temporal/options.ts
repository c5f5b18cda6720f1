/**
 * What a transaction of the store can be given. Guarantees: options are checked, and the metadata encoded, before the
 * body runs.
 */
import type { Durability } from "../engine/durability.js";
import { checkTransactionOptions, type TransactionOptions as MapTransactionOptions } from "../engine/options.js";
import type { Receipt } from "../engine/receipt.js";
import { valueCodec } from "../engine/value.js";
import { LlmdbError } from "../pager/error.js";
import { type Instant, parseInstant } from "./instant.js";

/** How a transaction commits, and what is noted about it. */
export interface TransactionOptions extends MapTransactionOptions {
  /**
   * When it happened, for the import of recorded history: later than the last transaction, not later than the clock.
   */
  time?: Instant;
  /** Who, why: anything MessagePack can hold. Kept in the transaction log. */
  meta?: unknown;
  /** True: also the number and the time of the commit are given back; see {@link Committed}. Default false. */
  receipt?: false;
}

/** The same, for a caller who wants to know which transaction it was. */
export interface ReceiptOptions extends Omit<TransactionOptions, "receipt"> {
  receipt: true;
}

/** What a body returned, with the receipt of its commit. Where nothing was written, that of the newest one before. */
export interface Committed<T> extends Receipt {
  value: T;
}

/** What `transaction` gives back: what the body returned, or that with its receipt. */
export function committed<T>(
  { value, receipt }: { value: T; receipt: Receipt },
  { wantsReceipt }: CheckedTransactionOptions,
): T | Committed<T> {
  return wantsReceipt ? { value, ...receipt } : value;
}

/** The same, checked. */
export interface CheckedTransactionOptions {
  readonly durability: Durability;
  /** Microseconds since 1970. */
  readonly micros: number | undefined;
  /** MessagePack. */
  readonly meta: Uint8Array | null;
  readonly wantsReceipt: boolean;
}

const KNOWN = ["durability", "time", "meta", "receipt"];

/**
 * @throws LlmdbError `LLMDB_INVALID_ARGUMENT`
 */
export function checkOptions(
  options: TransactionOptions | ReceiptOptions | undefined,
  fallback: Durability,
): CheckedTransactionOptions {
  const durability = checkTransactionOptions(options, fallback, KNOWN);
  const { time, meta, receipt = false } = options ?? {};
  if (typeof receipt !== "boolean") throw new LlmdbError("LLMDB_INVALID_ARGUMENT", "receipt is true or false");
  return {
    durability,
    micros: time === undefined ? undefined : parseTime(time),
    meta: meta === undefined ? null : valueCodec("msgpack").encode(meta).slice(),
    wantsReceipt: receipt,
  };
}

function parseTime(time: Instant): number {
  const micros = Number(parseInstant(time, "time"));
  if (Number.isSafeInteger(micros)) return micros;
  throw new LlmdbError("LLMDB_INVALID_ARGUMENT", "the time of a transaction must be between the years 1684 and 2255");
}
