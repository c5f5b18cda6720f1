/**
 * Slices that are known at one time, in the order of valid time. Guarantees: no two of them meet; finding, adding and
 * taking some out is a binary search, not a walk, so that a key with very many slices is no harder than many keys.
 */
import { meetsSpan, type Slice, type Span } from "./slice.js";

export class DisjointSlices<S extends Slice<unknown>> {
  readonly #slices: S[] = [];

  /** All of them. */
  get all(): readonly S[] {
    return this.#slices;
  }

  /** Adds one; false, and nothing is added, where it meets another or covers no time. */
  add(slice: S): boolean {
    const { validFrom: from, validTo: to } = slice;
    const place = this.#firstEndingAfter(from);
    if (from >= to || (place < this.#slices.length && meetsSpan(this.#slices[place], { from, to }))) return false;
    this.#slices.splice(place, 0, slice);
    return true;
  }

  /** Takes one out, if it is there. */
  remove(slice: S): void {
    const place = this.#firstEndingAfter(slice.validFrom);
    if (this.#slices[place] === slice) this.#slices.splice(place, 1);
  }

  /** Takes out those that meet a span. */
  take(span: Span): S[] {
    const first = this.#firstEndingAfter(span.from);
    let end = first;
    while (end < this.#slices.length && meetsSpan(this.#slices[end], span)) end++;
    return this.#slices.splice(first, end - first);
  }

  /** The place of the first that ends after an instant. */
  #firstEndingAfter(instant: bigint): number {
    let low = 0;
    let high = this.#slices.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#slices[middle].validTo > instant) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
