/**
 * Points and stretches as callers give them. Guarantees: what cannot be answered, because it lies beyond the newest
 * commit or before what was forgotten, is an error and never an answer to another question.
 */
import { LlmdbError } from "../pager/error.js";
import { endOf, type Instant, MINUS_INFINITY, PLUS_INFINITY, parseInstant, toMilliseconds } from "./instant.js";
import { NOW, type Point, type Rectangle } from "./reader.js";
import type { Span } from "./slice.js";
import type { Sources } from "./sources.js";
import { txAt } from "./transaction-log.js";

/** A point on both axes. Default: valid now, known now. Give `tx` or `knownAt`, not both. */
export interface At {
  /** About which time. Default: now. */
  validAt?: Instant;
  /**
   * As known at this time: after the last transaction that was not later. A `Date`, and a string with three decimals,
   * mean the end of their millisecond. Not later than the clock. Default: now.
   */
  knownAt?: Instant;
  /** As known after this transaction; 0 is before the first. */
  tx?: number;
}

/** A stretch of valid time, from `validFrom` up to, but not including, `validTo`. Default: from now on, forever. */
export interface Valid {
  /** Default: now, the time of the transaction. `-Infinity` for an open beginning. */
  validFrom?: Instant;
  /** Default: `Infinity`, an open end. */
  validTo?: Instant;
}

/** All of valid time. */
export const ALWAYS: Valid = { validFrom: Number.NEGATIVE_INFINITY, validTo: Number.POSITIVE_INFINITY };

/**
 * Stretches that slices are to meet, half open: `[from, to)`. Give `known` or `tx`, not both. Default: everything. They
 * may reach beyond what has happened.
 */
export interface Within {
  /** Valid at some instant of these. */
  valid?: [Instant, Instant];
  /** Known at some instant of these; a `Date` as the second means the end of its millisecond. */
  known?: [Instant, Instant];
  /** Known after one of these transactions; the second may be `Infinity`. */
  tx?: [number, number];
}

/**
 * A point as the reader takes it.
 *
 * @throws LlmdbError `LLMDB_INVALID_ARGUMENT`, `LLMDB_FUTURE_TX`, `LLMDB_NOT_FOUND` where it was forgotten
 */
export function resolveAt(at: At | undefined, sources: Sources): Point {
  if (at === undefined) return NOW;
  requireOptions(at, ["validAt", "knownAt", "tx"], "a point in time");
  const { validAt, knownAt, tx } = at;
  if (tx !== undefined && knownAt !== undefined) throw invalid("give tx or knownAt, not both");
  let known = Number.POSITIVE_INFINITY;
  if (tx !== undefined) known = requireKnown(tx, sources);
  if (knownAt !== undefined) {
    known = knownTxAt(knownAt, "knownAt", sources);
    if (known !== Number.POSITIVE_INFINITY) requireKept(known, sources);
  }
  if (validAt === undefined && known === Number.POSITIVE_INFINITY) return NOW;
  return { validAt: validAt === undefined ? null : parseFinite(validAt), tx: known };
}

/** The newest state is asked for by its number too, unless there are newer writes that are not committed. */
function requireKnown(tx: unknown, sources: Sources): number {
  const known = requireTx(tx, "tx");
  const { latestTx, isWriting } = sources;
  if (known > latestTx) {
    throw new LlmdbError(
      "LLMDB_FUTURE_TX",
      `transaction ${known} has not happened yet; ask about the last, ${latestTx}, or before`,
      {
        tx: known,
        lastTx: latestTx,
      },
    );
  }
  requireKept(known, sources);
  return known === latestTx && !isWriting ? Number.POSITIVE_INFINITY : known;
}

const ASK_NOW = ", so the answer could change; leave it out to ask about now";

/**
 * What was known at a time: after which transaction with a row, or with Infinity the newest state and what is being
 * written. A time after the last transaction is settled, so that the answer stays.
 *
 * @param what names the time in the error
 * @param advice what to do instead about a time that is yet to come
 * @throws LlmdbError `LLMDB_INVALID_ARGUMENT`, `LLMDB_FUTURE_TX`
 */
export function knownTxAt(instant: Instant, what: string, sources: Sources, advice = ASK_NOW): number {
  const micros = parseInstant(instant, what);
  const end = endOf(instant, micros);
  const { latestMicros, latestTx, isWriting, ownMicros } = sources;
  if (end > BigInt(latestMicros)) settle(micros, end, what, sources, advice);
  // What a running transaction has written becomes known at its own time.
  if (end >= BigInt(isWriting ? ownMicros : latestMicros)) return Number.POSITIVE_INFINITY;
  return txAt(sources.maps().transactions, end, latestTx);
}

/** Sees to it that nothing becomes known at a time that was asked about, which is after the last transaction. */
function settle(micros: bigint, end: bigint, what: string, sources: Sources, advice: string): void {
  const { state, latestMicros } = sources;
  const times = { [what]: toMilliseconds(micros), lastTime: latestMicros / 1000 };
  if (micros > BigInt(Math.max(state.nowMicros(), latestMicros))) {
    throw new LlmdbError("LLMDB_FUTURE_TX", `${what} is later than the clock${advice}`, times);
  }
  if (sources.isOvertaken(end)) {
    throw new LlmdbError(
      "LLMDB_FUTURE_TX",
      `${what} is at or after a transaction that this snapshot does not see; ask the database, or a new snapshot`,
      times,
    );
  }
  state.settleTime(Number(end));
}

/** The end of a stretch of transaction time that may reach beyond what has happened; it is left out itself. */
export function parseKnownTo(instant: Instant, what: string, sources: Sources): bigint {
  const micros = parseInstant(instant, what);
  const end = endOf(instant, micros);
  const to = end > micros ? end + 1n : micros;
  const last = to - 1n;
  const { state, latestMicros } = sources;
  if (last > BigInt(latestMicros) && micros <= BigInt(state.nowMicros())) state.settleTime(Number(last));
  return to;
}

function requireKept(tx: number, sources: Sources): void {
  const horizon = sources.horizon();
  if (tx >= horizon) return;
  throw new LlmdbError(
    "LLMDB_NOT_FOUND",
    `what was known before transaction ${horizon} is forgotten; ask about it or a later one`,
    {
      tx,
      horizon,
    },
  );
}

function requireTx(tx: unknown, what: string): number {
  if (typeof tx === "number" && Number.isSafeInteger(tx) && tx >= 0) return tx;
  throw invalid(`${what} is the number of a transaction: a whole number from 0`);
}

function parseFinite(instant: Instant): bigint {
  const micros = parseInstant(instant, "validAt");
  if (micros !== MINUS_INFINITY && micros !== PLUS_INFINITY) return micros;
  throw invalid("validAt is an instant; at the open ends of time nothing holds");
}

/**
 * The stretch that a write is about.
 *
 * @param now the time of the transaction
 * @param mayBeEmpty whether a stretch without an instant is fine
 * @throws LlmdbError `LLMDB_INVALID_ARGUMENT`
 */
export function resolveValid(valid: Valid | undefined, now: bigint, mayBeEmpty: boolean): Span {
  if (valid === undefined) return { from: now, to: PLUS_INFINITY };
  requireOptions(valid, ["validFrom", "validTo"], "a period");
  const from = valid.validFrom === undefined ? now : parseInstant(valid.validFrom, "validFrom");
  const to = valid.validTo === undefined ? PLUS_INFINITY : parseInstant(valid.validTo, "validTo");
  if (from > to) throw invalid("validFrom is after validTo; a period runs from the earlier to the later");
  if (from === to && !mayBeEmpty) throw invalid("validFrom equals validTo; the period holds no instant");
  return { from, to };
}

/**
 * The stretches of `versions` as a rectangle.
 *
 * @throws LlmdbError `LLMDB_INVALID_ARGUMENT`
 */
export function resolveWithin(within: Within | undefined, sources: Sources): Rectangle {
  const { valid, known, tx } = within ?? {};
  if (within !== undefined) requireOptions(within, ["valid", "known", "tx"], "within");
  if (known !== undefined && tx !== undefined) throw invalid("give known or tx, not both");
  const span = valid === undefined ? { from: MINUS_INFINITY, to: PLUS_INFINITY } : parsePair(valid, "valid");
  const rectangle = { validFrom: span.from, validTo: span.to, txFrom: 0, txTo: Number.POSITIVE_INFINITY };
  if (tx !== undefined) return { ...rectangle, ...txPair(tx) };
  if (known === undefined) return rectangle;
  requirePair(known, "known");
  const from = parseInstant(known[0], "known[0]");
  const to = parseKnownTo(known[1], "known[1]", sources);
  if (from >= to) throw reversed("known");
  const log = sources.maps().transactions;
  // Known at some instant of [from, to): in the state that `from` finds, or written before `to`.
  const txFrom = txAt(log, from, sources.latestTx);
  const txTo = to > BigInt(sources.latestMicros) ? Number.POSITIVE_INFINITY : txAt(log, to - 1n, sources.latestTx) + 1;
  return { ...rectangle, txFrom, txTo };
}

function txPair(pair: [number, number]): { txFrom: number; txTo: number } {
  if (!Array.isArray(pair) || pair.length !== 2) throw invalid("tx is a pair of transactions, [from, to)");
  const txFrom = requireTx(pair[0], "tx[0]");
  const txTo = pair[1] === Number.POSITIVE_INFINITY ? pair[1] : requireTx(pair[1], "tx[1]");
  if (txFrom >= txTo) throw invalid("tx runs from the earlier to the later transaction, which is left out");
  return { txFrom, txTo };
}

function parsePair(pair: [Instant, Instant], what: string): Span {
  requirePair(pair, what);
  const from = parseInstant(pair[0], `${what}[0]`);
  const to = parseInstant(pair[1], `${what}[1]`);
  if (from >= to) throw reversed(what);
  return { from, to };
}

function requirePair(pair: unknown, what: string): void {
  if (!Array.isArray(pair) || pair.length !== 2) throw invalid(`${what} is a pair of instants, [from, to)`);
}

function reversed(what: string): LlmdbError {
  return invalid(`${what} runs from the earlier to the later instant, which is left out`);
}

export function requireOptions(given: object, known: readonly string[], what: string): void {
  if (given === null || typeof given !== "object" || Array.isArray(given)) {
    throw invalid(`${what} is an object such as { ${known[0]}: ... }`);
  }
  for (const option of Object.keys(given)) {
    if (!known.includes(option)) throw invalid(`${what} has no "${option}"; it has ${known.join(", ")}`);
  }
}

function invalid(message: string): LlmdbError {
  return new LlmdbError("LLMDB_INVALID_ARGUMENT", message);
}
