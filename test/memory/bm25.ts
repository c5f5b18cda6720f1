/**
 * BM25 over texts in memory, as plain as it can be: what an analyzer is judged with. Guarantees: the usual formula with
 * k1 = 1.2 and b = 0.75; texts that score the same come in the order in which they were given.
 */
import type { Analyzer } from "../../models/text/analyzer.js";
import type { LabelledText, Search } from "./yardstick.js";

const k1 = 1.2;
const b = 0.75;

/** A search for the terms of a query. A term that is in the query twice counts once. */
export function bm25(texts: readonly LabelledText[], analyzer: Analyzer): Search {
  const documents = texts.map(({ id, text }) => ({ id, terms: analyzer.terms(text) }));
  const meanLength = documents.reduce((sum, { terms }) => sum + terms.length, 0) / documents.length;
  const postings = new Map<string, Map<number, number>>();
  documents.forEach(({ terms }, at) => {
    for (const term of terms) {
      const counts = postings.get(term) ?? new Map<number, number>();
      postings.set(term, counts.set(at, (counts.get(at) ?? 0) + 1));
    }
  });
  return (query, limit) => {
    const scores = new Map<number, number>();
    for (const term of new Set(analyzer.terms(query))) {
      const counts = postings.get(term);
      if (counts === undefined) continue;
      const weight = Math.log(1 + (documents.length - counts.size + 0.5) / (counts.size + 0.5));
      for (const [at, count] of counts) {
        const length = documents[at].terms.length / meanLength;
        const score = (weight * count * (k1 + 1)) / (count + k1 * (1 - b + b * length));
        scores.set(at, (scores.get(at) ?? 0) + score);
      }
    }
    const ranked = [...scores].sort(([at, score], [otherAt, other]) => other - score || at - otherAt);
    return ranked.slice(0, limit).map(([at]) => documents[at].id);
  };
}
