/**
 * Periods of time and how two of them lie to each other. All are half open, `[from, to)`. Guarantees: exactly one of
 * the thirteen relations of Allen holds between any two periods; a period that is empty or reversed is an error.
 * Results are in milliseconds; from 1691 to 2248 they are exact to the microsecond.
 *
 * The relations are those of J. F. Allen, "Maintaining Knowledge about Temporal Intervals" (CACM 26, 1983). Three words
 * mean something else in SQL:2011: its PRECEDES also takes in `meets`, its CONTAINS also takes in `startedBy`,
 * `finishedBy` and `equals`, and its OVERLAPS holds wherever the two have an instant in common. Here `overlaps` is that
 * of SQL:2011; Allen's, where each has a part of its own, are `overlapsStart` and `overlapsEnd`.
 *
 * ```text
 *                 a               b
 * precedes        ──                  ──   a ends, time passes, b begins      precededBy is the converse
 * meets           ──                ──     a ends where b begins              metBy
 * overlapsStart   ───                ───   a begins first, b ends last        overlapsEnd
 * starts          ──              ────     begin together, a ends first       startedBy
 * during            ──            ─────    a begins later and ends earlier    contains
 * finishes           ──           ─────    a begins later, end together       finishedBy
 * equals          ───             ───
 * ```
 */
import { LlmdbError } from "../pager/error.js";
import { type Instant, parseInstant, toMilliseconds } from "./instant.js";

/** The time from `from` up to, and without, `to`. */
export interface Period {
  readonly from: Instant;
  readonly to: Instant;
}

/** A period in milliseconds since 1970 UTC; `-Infinity` and `Infinity` are the open ends. */
export interface MillisecondPeriod extends Period {
  readonly from: number;
  readonly to: number;
}

/** A period with what holds over it. */
export interface ValuedPeriod<V> extends Period {
  readonly value: V;
}

/** The names of the thirteen relations; each is a function of this module too. */
export type AllenRelation =
  | "precedes"
  | "meets"
  | "overlapsStart"
  | "finishedBy"
  | "contains"
  | "starts"
  | "equals"
  | "startedBy"
  | "during"
  | "finishes"
  | "overlapsEnd"
  | "metBy"
  | "precededBy";

/** A period in microseconds. */
interface Bounds {
  readonly from: bigint;
  readonly to: bigint;
}

/** The one relation of Allen that holds from `a` to `b`. @throws LlmdbError `LLMDB_INVALID_ARGUMENT` */
export function relation(a: Period, b: Period): AllenRelation {
  return relationOf(bounds(a, "a"), bounds(b, "b"));
}

/** `a` ends before `b` begins, and time is between. @throws LlmdbError `LLMDB_INVALID_ARGUMENT` */
export function precedes(a: Period, b: Period): boolean {
  return relation(a, b) === "precedes";
}

/** `b` ends before `a` begins, and time is between. @throws LlmdbError `LLMDB_INVALID_ARGUMENT` */
export function precededBy(a: Period, b: Period): boolean {
  return relation(a, b) === "precededBy";
}

/** `a` ends where `b` begins. @throws LlmdbError `LLMDB_INVALID_ARGUMENT` */
export function meets(a: Period, b: Period): boolean {
  return relation(a, b) === "meets";
}

/** `b` ends where `a` begins. @throws LlmdbError `LLMDB_INVALID_ARGUMENT` */
export function metBy(a: Period, b: Period): boolean {
  return relation(a, b) === "metBy";
}

/**
 * The two have an instant in common: OVERLAPS of SQL:2011. Holds in nine of the thirteen relations.
 *
 * @throws LlmdbError `LLMDB_INVALID_ARGUMENT`
 */
export function overlaps(a: Period, b: Period): boolean {
  return common(bounds(a, "a"), bounds(b, "b")) !== undefined;
}

/**
 * Allen's "overlaps": `a` begins before `b` and ends inside it.
 *
 * @throws LlmdbError `LLMDB_INVALID_ARGUMENT`
 */
export function overlapsStart(a: Period, b: Period): boolean {
  return relation(a, b) === "overlapsStart";
}

/**
 * Allen's "overlapped by": `a` begins inside `b` and ends after it.
 *
 * @throws LlmdbError `LLMDB_INVALID_ARGUMENT`
 */
export function overlapsEnd(a: Period, b: Period): boolean {
  return relation(a, b) === "overlapsEnd";
}

/** Both begin together and `a` ends first. @throws LlmdbError `LLMDB_INVALID_ARGUMENT` */
export function starts(a: Period, b: Period): boolean {
  return relation(a, b) === "starts";
}

/** Both begin together and `b` ends first. @throws LlmdbError `LLMDB_INVALID_ARGUMENT` */
export function startedBy(a: Period, b: Period): boolean {
  return relation(a, b) === "startedBy";
}

/** `a` begins after `b` and ends before it. @throws LlmdbError `LLMDB_INVALID_ARGUMENT` */
export function during(a: Period, b: Period): boolean {
  return relation(a, b) === "during";
}

/** `b` begins after `a` and ends before it. @throws LlmdbError `LLMDB_INVALID_ARGUMENT` */
export function contains(a: Period, b: Period): boolean {
  return relation(a, b) === "contains";
}

/** Both end together and `a` begins later. @throws LlmdbError `LLMDB_INVALID_ARGUMENT` */
export function finishes(a: Period, b: Period): boolean {
  return relation(a, b) === "finishes";
}

/** Both end together and `b` begins later. @throws LlmdbError `LLMDB_INVALID_ARGUMENT` */
export function finishedBy(a: Period, b: Period): boolean {
  return relation(a, b) === "finishedBy";
}

/** Both begin and end together. @throws LlmdbError `LLMDB_INVALID_ARGUMENT` */
export function equals(a: Period, b: Period): boolean {
  return relation(a, b) === "equals";
}

/**
 * An instant is in a period: from its beginning, and before its end.
 *
 * @throws LlmdbError `LLMDB_INVALID_ARGUMENT`
 */
export function containsInstant(period: Period, instant: Instant): boolean {
  const { from, to } = bounds(period, "the period");
  const time = parseInstant(instant, "the instant");
  return from <= time && time < to;
}

/** What two periods have in common; undefined where that is nothing. @throws LlmdbError `LLMDB_INVALID_ARGUMENT` */
export function intersection(a: Period, b: Period): MillisecondPeriod | undefined {
  const both = common(bounds(a, "a"), bounds(b, "b"));
  return both && given(both);
}

/**
 * The period that two periods make up together; undefined where time is between them.
 *
 * @throws LlmdbError `LLMDB_INVALID_ARGUMENT`
 */
export function union(a: Period, b: Period): MillisecondPeriod | undefined {
  const [left, right] = [bounds(a, "a"), bounds(b, "b")];
  return touch(left, right) ? given(hull(left, right)) : undefined;
}

/** What of `a` is not in `b`: none, one or two periods, in order. @throws LlmdbError `LLMDB_INVALID_ARGUMENT` */
export function difference(a: Period, b: Period): MillisecondPeriod[] {
  const [whole, cut] = [bounds(a, "a"), bounds(b, "b")];
  const before = { from: whole.from, to: least(whole.to, cut.from) };
  const after = { from: greatest(whole.from, cut.to), to: whole.to };
  return [before, after].filter(({ from, to }) => from < to).map(given);
}

/**
 * Merges periods that meet or overlap and hold equal values, by their beginnings. Periods with other values stay as
 * they are, also where they overlap. The first of the merged values is kept.
 *
 * @throws LlmdbError `LLMDB_INVALID_ARGUMENT`
 */
export function coalesce<V>(
  list: Iterable<ValuedPeriod<V>>,
  equal: (a: V, b: V) => boolean = Object.is,
): (MillisecondPeriod & ValuedPeriod<V>)[] {
  const merged: { from: bigint; to: bigint; readonly value: V }[] = [];
  // Those that a later period can still touch. One at most where the periods are disjoint.
  let reachable: typeof merged = [];
  for (const next of inOrder(list)) {
    reachable = reachable.filter(({ to }) => to >= next.from);
    const earlier = reachable.find(({ value }) => equal(value, next.value));
    if (earlier !== undefined) earlier.to = greatest(earlier.to, next.to);
    else {
      merged.push(next);
      reachable.push(next);
    }
  }
  return merged.map(({ from, to, value }) => ({ ...given({ from, to }), value }));
}

function inOrder<V>(list: Iterable<ValuedPeriod<V>>): { from: bigint; to: bigint; readonly value: V }[] {
  const parsed = Array.from(list, (one, index) => ({ ...bounds(one, `period ${index}`), value: one.value }));
  return parsed.sort((a, b) => (a.from < b.from ? -1 : a.from > b.from ? 1 : 0));
}

function relationOf(a: Bounds, b: Bounds): AllenRelation {
  if (a.to < b.from) return "precedes";
  if (a.to === b.from) return "meets";
  if (b.to < a.from) return "precededBy";
  if (b.to === a.from) return "metBy";
  if (a.from < b.from) return a.to < b.to ? "overlapsStart" : a.to === b.to ? "finishedBy" : "contains";
  if (a.from === b.from) return a.to < b.to ? "starts" : a.to === b.to ? "equals" : "startedBy";
  return a.to < b.to ? "during" : a.to === b.to ? "finishes" : "overlapsEnd";
}

function common(a: Bounds, b: Bounds): Bounds | undefined {
  const both = { from: greatest(a.from, b.from), to: least(a.to, b.to) };
  return both.from < both.to ? both : undefined;
}

function touch(a: Bounds, b: Bounds): boolean {
  return a.from <= b.to && b.from <= a.to;
}

function hull(a: Bounds, b: Bounds): Bounds {
  return { from: least(a.from, b.from), to: greatest(a.to, b.to) };
}

function bounds(period: Period, what: string): Bounds {
  if (typeof period !== "object" || period === null) {
    throw new LlmdbError("LLMDB_INVALID_ARGUMENT", `${what} is not a period; give an object { from, to }`);
  }
  const from = parseInstant(period.from, `from of ${what}`);
  const to = parseInstant(period.to, `to of ${what}`);
  if (from < to) return { from, to };
  throw new LlmdbError(
    "LLMDB_INVALID_ARGUMENT",
    `${what} ${from === to ? "is empty" : "ends before it begins"}; give a period whose from is earlier than its to`,
  );
}

function given({ from, to }: Bounds): MillisecondPeriod {
  return { from: toMilliseconds(from), to: toMilliseconds(to) };
}

function least(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function greatest(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
