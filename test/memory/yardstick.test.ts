/** The labelled set is sound, and what is found in it with the analyzer is compared with what MiniSearch finds. */
import MiniSearch from "minisearch";
import { describe, expect, test } from "vitest";
import { openMemory } from "../../index.js";
import { Memory } from "../../memory/memory.js";
import { english, plain } from "../../models/text/analyzer.js";
import { englishStopWords } from "../../models/text/stop-words.js";
import { bm25 } from "./bm25.js";
import { corpus, type LabelledText, measure, queries, type Search } from "./yardstick.js";

/** Queries that another search can be expected to cut into words: all but Japanese, Chinese, Thai and Korean. */
const spaced = queries.filter(({ query }) => !/[\u0e00-\u0e7f\u3000-\ud7ff]/.test(query));

/** MiniSearch as it comes, or without the words that our analyzer leaves out too. */
function miniSearch(options: { prefix?: boolean; fuzzy?: number }, stopWords: ReadonlySet<string> = new Set()): Search {
  const index = new MiniSearch<LabelledText>({
    fields: ["text"],
    processTerm: (term) => (stopWords.has(term.toLowerCase()) ? null : term.toLowerCase()),
  });
  index.addAll(corpus);
  return (query, limit) => {
    const found = index.search(query, options).slice(0, limit);
    return found.map(({ id }) => String(id));
  };
}

const theirs: Record<string, Search> = {
  "MiniSearch, default settings": miniSearch({}),
  "MiniSearch, prefix and fuzzy 0.2": miniSearch({ prefix: true, fuzzy: 0.2 }),
  "MiniSearch, prefix and fuzzy 0.2, our stop words": miniSearch({ prefix: true, fuzzy: 0.2 }, englishStopWords),
};

const memory = new Memory(openMemory());
memory.transactionSync((tx) => {
  for (const { id, text } of corpus) tx.remember({ id: `text/${id}`, text });
});

const ours: Record<string, Search> = {
  "Memory.recall": (query, limit) => memory.recall(query, { limit }).hits.map(({ record }) => record.id.slice(5)),
  "BM25 over plain": bm25(corpus, plain),
  "BM25 over english": bm25(corpus, english),
};

describe("the labelled set", () => {
  test("has texts and queries enough, each once", () => {
    expect(corpus.length).toBeGreaterThanOrEqual(400);
    expect(queries.length).toBeGreaterThanOrEqual(80);
    expect(new Set(corpus.map(({ id }) => id)).size).toBe(corpus.length);
    expect(new Set(corpus.map(({ text }) => text)).size).toBe(corpus.length);
    expect(new Set(queries.map(({ query }) => query)).size).toBe(queries.length);
  });

  test("labels one to five texts that exist for each query", () => {
    const ids = new Set(corpus.map(({ id }) => id));
    for (const { query, relevant } of queries) {
      expect(relevant.length, query).toBeGreaterThanOrEqual(1);
      expect(relevant.length, query).toBeLessThanOrEqual(5);
      expect(
        relevant.filter((id) => !ids.has(id)),
        query,
      ).toEqual([]);
    }
  });
});

test("self-check: figures of searches that are known", () => {
  const asked = [
    { query: "one", relevant: ["a", "b"] },
    { query: "two", relevant: ["c"] },
  ];
  const search: Search = (query) => (query === "one" ? ["x", "a", "y"] : ["z"]);
  expect(measure(search, asked)).toEqual({ recallAt10: 0.25, meanReciprocalRank: 0.25 });
  const eleventh: Search = () => [..."0123456789", "c"];
  expect(measure(eleventh, asked.slice(1))).toEqual({ recallAt10: 0, meanReciprocalRank: 0 });
});

test.each([
  ["all queries", queries],
  ["queries in scripts with spaces", spaced],
])("recall misses no more than MiniSearch and ranks better: %s", (what, asked) => {
  const figures = Object.entries({ ...theirs, ...ours }).map(([name, search]) => ({ name, ...measure(search, asked) }));
  for (const { name, recallAt10, meanReciprocalRank } of figures) {
    console.info(`${what}: ${name}: recall ${recallAt10.toFixed(3)}, MRR ${meanReciprocalRank.toFixed(3)}`);
  }
  const best = measure(ours["Memory.recall"], asked);
  for (const { name, recallAt10, meanReciprocalRank } of figures.slice(0, Object.keys(theirs).length)) {
    expect(best.recallAt10, name).toBeGreaterThanOrEqual(recallAt10 - 1e-9);
    expect(best.meanReciprocalRank, name).toBeGreaterThan(meanReciprocalRank);
  }
  expect(best.recallAt10).toBeGreaterThan(0.93);
  expect(best.meanReciprocalRank).toBeGreaterThan(0.95);
});
