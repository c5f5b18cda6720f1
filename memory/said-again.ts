/**
 * What becomes of a fact that is said: since when it holds, and whether it is news. Guarantees: a statement that is
 * believed already keeps its beginning and its age, also when another says it; what is said without a date about a
 * later end moves the end only.
 *
 * A statement is subject, predicate, object and text. Its period is the stretch over which it is believed without a
 * break. Source, confidence and tags are of the whole period, so saying it again with others changes them over all of
 * it, and an explicit `validFrom` inside of it moves nothing.
 */
import { isDeepStrictEqual } from "node:util";
import type { Milliseconds } from "../engine/receipt.js";
import type { Version } from "../temporal/reads.js";
import type { FactValue } from "./record.js";

/** A version of a fact that is known. */
export type KnownFact = Version<FactValue>;

/** When a fact is said to hold, and when it is said; ends that were not given are undefined. */
export interface Said {
  readonly value: FactValue;
  readonly validFrom: Milliseconds | undefined;
  readonly validTo: Milliseconds | undefined;
  readonly now: Milliseconds;
}

/** What there is to write. */
export interface Saying {
  readonly validFrom: Milliseconds;
  readonly validTo: Milliseconds;
  /** The versions of the same statement in the stretch, by valid time; empty where it is news. */
  readonly again: readonly KnownFact[];
  /** The versions of other statements in the stretch, by valid time: they are corrected. */
  readonly others: readonly KnownFact[];
  /** From here up to the end of the period the statement is withdrawn: an earlier end was given. */
  readonly withdrawnTo: Milliseconds | undefined;
}

/**
 * What saying a fact amounts to.
 *
 * @param known the versions that are known now, by valid time
 */
export function sayingOf(said: Said, known: readonly KnownFact[]): Saying {
  const { value, now } = said;
  const same = known.filter((version) => isSameStatement(version.value, value));
  const from = said.validFrom ?? now;
  const to = said.validTo ?? Number.POSITIVE_INFINITY;
  const current = said.validFrom === undefined ? same.find((version) => holdsAt(version, now)) : undefined;
  if (current === undefined) return within(known, same, widened(same, from, to), undefined);
  const period = periodAround(same, current);
  const end = said.validTo === undefined ? period.validTo : to;
  const stretch = widened(same, period.validFrom, end);
  if (end >= period.validTo) return within(known, same, stretch, undefined);
  return within(known, same, { validFrom: period.validFrom, validTo: end }, period.validTo);
}

/** Whether two facts say the same of the same subject, no matter who says it and how surely. */
export function isSameStatement(a: FactValue, b: FactValue): boolean {
  const statement = ({ subject, predicate, object, text }: FactValue) => [subject, predicate, object, text];
  return isDeepStrictEqual(statement(a), statement(b));
}

/** Whether two facts are the same in all that a caller gives. */
export function isSameFact({ firstKnown: _a, ...a }: FactValue, { firstKnown: _b, ...b }: FactValue): boolean {
  return isDeepStrictEqual(a, b);
}

/** Whether a saying adds nothing: all of its stretch is covered by versions that are the same in everything. */
export function isUnchanged({ validFrom, validTo, again, withdrawnTo }: Saying, value: FactValue): boolean {
  if (withdrawnTo !== undefined) return false;
  let covered = validFrom;
  for (const version of again) {
    if (version.validFrom > covered || !isSameFact(version.value, value)) return false;
    covered = version.validTo;
  }
  return covered >= validTo;
}

interface Stretch {
  readonly validFrom: Milliseconds;
  readonly validTo: Milliseconds;
}

function within(
  known: readonly KnownFact[],
  same: readonly KnownFact[],
  { validFrom, validTo }: Stretch,
  withdrawnTo: Milliseconds | undefined,
): Saying {
  const met = known.filter((version) => version.validFrom < validTo && validFrom < version.validTo);
  const again = met.filter((version) => same.includes(version));
  const others = met.filter((version) => !same.includes(version));
  return { validFrom, validTo, again, others, withdrawnTo };
}

/** A stretch with the whole of each period of the statement that it meets. */
function widened(same: readonly KnownFact[], from: Milliseconds, to: Milliseconds): Stretch {
  let [validFrom, validTo] = [from, to];
  for (const version of same) {
    if (version.validFrom >= to || from >= version.validTo) continue;
    const period = periodAround(same, version);
    validFrom = Math.min(validFrom, period.validFrom);
    validTo = Math.max(validTo, period.validTo);
  }
  return { validFrom, validTo };
}

/** The versions before and after one that follow each other without a break. */
function periodAround(same: readonly KnownFact[], version: KnownFact): Stretch {
  const at = same.indexOf(version);
  let [first, last] = [at, at];
  while (first > 0 && same[first - 1].validTo === same[first].validFrom) first--;
  while (last + 1 < same.length && same[last].validTo === same[last + 1].validFrom) last++;
  return { validFrom: same[first].validFrom, validTo: same[last].validTo };
}

function holdsAt({ validFrom, validTo }: KnownFact, instant: Milliseconds): boolean {
  return validFrom <= instant && instant < validTo;
}
