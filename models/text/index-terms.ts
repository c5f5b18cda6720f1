/**
 * Terms on their way into an index. Guarantees: whatever an analyzer makes, a term is short enough for a key.
 */
import type { Analyzer } from "./analyzer.js";

/** A term in a key takes at most three bytes for each of them. */
const MAX_TERM_UNITS = 100;

/** The terms of a text as they are in the index: an analyzer may make one that is too long for a key. */
export function indexTerms(analyzer: Analyzer, text: string): string[] {
  return analyzer.terms(text).map((term) => (term.length > MAX_TERM_UNITS ? beginningOf(term) : term));
}

/** Not cut between the halves of a character. */
function beginningOf(term: string): string {
  return term.slice(0, MAX_TERM_UNITS).replace(/[\uD800-\uDBFF]$/, "");
}

/** How often each term occurs. */
export function countTerms(terms: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const term of terms) counts.set(term, (counts.get(term) ?? 0) + 1);
  return counts;
}
