/**
 * `db.transactions`: the options, checked.
 */
import { LlmdbError } from "../pager/error.js";
import { parseKnownTo, requireOptions } from "./at.js";
import { type Instant, MINUS_INFINITY, PLUS_INFINITY, parseInstant } from "./instant.js";
import { iterate, type Sources } from "./sources.js";
import { type LoggedTransaction, LogIterator } from "./transaction-log.js";

/** Which transactions, in which order. Default: all, oldest first. */
export interface ListOptions {
  /** Above this number. Default 0. */
  after?: number;
  /** At this time or later. */
  from?: Instant;
  /** Before this time; a `Date`, and a string with three decimals, mean the end of their millisecond. */
  to?: Instant;
  /** The most items. Default: all. */
  limit?: number;
  /** Newest first. Default false. */
  reverse?: boolean;
}

/**
 * @throws LlmdbError `LLMDB_INVALID_ARGUMENT`, `LLMDB_CLOSED`
 */
export function listTransactions(
  sources: Sources,
  within: ListOptions | undefined,
): IteratorObject<LoggedTransaction, undefined> {
  const given = within === undefined ? {} : within;
  requireOptions(given, ["after", "from", "to", "limit", "reverse"], "transactions");
  const { after = 0, from, to, limit = Number.POSITIVE_INFINITY, reverse = false } = given;
  if (!Number.isSafeInteger(after) || after < 0) throw invalid("after is the number of a transaction, from 0");
  if (limit !== Number.POSITIVE_INFINITY && !(Number.isSafeInteger(limit) && limit >= 0)) {
    throw invalid("limit is a whole number from 0");
  }
  if (typeof reverse !== "boolean") throw invalid("reverse is true or false");
  const range = {
    after,
    from: from === undefined ? MINUS_INFINITY : parseInstant(from, "from"),
    to: to === undefined ? PLUS_INFINITY : parseKnownTo(to, "to", sources),
    limit,
    reverse,
  };
  return iterate(sources, (held) => new LogIterator(held, range));
}

function invalid(message: string): LlmdbError {
  return new LlmdbError("LLMDB_INVALID_ARGUMENT", message);
}
