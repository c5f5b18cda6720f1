/**
 * Slices and the rules by which a write cuts them, as pure functions that know nothing of storage. After SQL:2011,
 * "for portion of", and Snodgrass, "Developing Time-Oriented Database Applications in SQL" (2000), chapter 7.
 *
 * Guarantees: what `supersede` gives back, together with the new slice, covers exactly what the old slice covered, at
 * every point of valid and transaction time, and no two of its parts overlap.
 */

/** A half-open stretch of valid time, in microseconds. */
export interface Span {
  readonly from: bigint;
  readonly to: bigint;
}

/** What held over [validFrom, validTo) and was known in transactions [txFrom, txTo). */
export interface Slice<T> {
  readonly validFrom: bigint;
  readonly validTo: bigint;
  readonly txFrom: number;
  /** Infinity: still known. */
  readonly txTo: number;
  /** The transaction that first asserted it. */
  readonly origin: number;
  readonly value: T;
}

/** What becomes of a slice. */
export interface Superseded<T> {
  /** The slice as it is kept in history; null where the same transaction wrote it, so that it leaves no trace. */
  readonly closed: Slice<T> | null;
  /** Its parts before and after the stretch that is written. */
  readonly leftovers: readonly Slice<T>[];
}

/** Whether a slice has an instant in common with a span. */
export function meetsSpan(slice: Slice<unknown>, { from, to }: Span): boolean {
  return slice.validFrom < to && from < slice.validTo;
}

/**
 * Writes over `span` in transaction `tx`, where `slice` is known and meets the span.
 *
 * @param share gives the value of a leftover from that of the slice
 */
export function supersede<T>(
  slice: Slice<T>,
  span: Span,
  tx: number,
  share: (value: T, slice: Slice<T>) => T = (value) => value,
): Superseded<T> {
  const leftovers: Slice<T>[] = [];
  const part = (validFrom: bigint, validTo: bigint): void => {
    const value = share(slice.value, slice);
    leftovers.push({ validFrom, validTo, txFrom: tx, txTo: Number.POSITIVE_INFINITY, origin: slice.origin, value });
  };
  if (slice.validFrom < span.from) part(slice.validFrom, span.from);
  if (span.to < slice.validTo) part(span.to, slice.validTo);
  return { closed: slice.txFrom < tx ? { ...slice, txTo: tx } : null, leftovers };
}

/** The part of a slice inside a span that it meets. */
export function clip(slice: Slice<unknown>, span: Span): Span {
  return {
    from: slice.validFrom > span.from ? slice.validFrom : span.from,
    to: slice.validTo < span.to ? slice.validTo : span.to,
  };
}

/** The stretches of a span that slices, disjoint and in the order of time, leave free. */
export function gapsIn(span: Span, slices: readonly Slice<unknown>[]): Span[] {
  const gaps: Span[] = [];
  let from = span.from;
  for (const slice of slices) {
    if (slice.validFrom > from) gaps.push({ from, to: slice.validFrom });
    if (slice.validTo > from) from = slice.validTo;
  }
  if (from < span.to) gaps.push({ from, to: span.to });
  return gaps;
}

/** Earlier valid time first. */
export function byValidFrom(a: Slice<unknown>, b: Slice<unknown>): number {
  return a.validFrom < b.validFrom ? -1 : a.validFrom > b.validFrom ? 1 : 0;
}
