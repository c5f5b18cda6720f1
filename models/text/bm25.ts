/**
 * How well a text answers a question, by the terms that they share: BM25, as Robertson and Zaragoza describe it in "The
 * Probabilistic Relevance Framework" (2009), with the usual parameters. The score of a text is the sum over the terms.
 * Guarantees: pure; a score is above zero.
 */

/** How soon repeating a term stops to matter. */
const K1 = 1.2;
/** How far long texts are marked down. */
const B = 0.75;

/** How much a term says: of all `documents`, `holders` have it. */
export function rarityOf(holders: number, documents: number): number {
  return Math.log(1 + (documents - holders + 0.5) / (holders + 0.5));
}

/** What a term adds to the score of a text of `length` terms that has it `count` times. */
export function scoreOf(rarity: number, count: number, length: number, meanLength: number): number {
  const norm = K1 * (1 - B + (B * length) / meanLength);
  return (rarity * count * (K1 + 1)) / (count + norm);
}
