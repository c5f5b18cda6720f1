/**
 * The yardstick for recall: the labelled set, and how well a search answers it. Guarantees: every query counts the
 * same; a search sees nothing but the text of the query and how many answers are wanted.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** A text of the labelled set. */
export interface LabelledText {
  readonly id: string;
  readonly text: string;
}

/** A query of the labelled set, and the ids of the texts that answer it. */
export interface LabelledQuery {
  readonly query: string;
  readonly relevant: readonly string[];
}

/** The ids of the best texts, best first. */
export type Search = (query: string, limit: number) => readonly string[];

/** How well a search answers, from 0 to 1. */
export interface Figures {
  /** The share of the relevant texts that are among the first ten, on average. */
  readonly recallAt10: number;
  /** One over the rank of the first relevant text among the first ten, on average. */
  readonly meanReciprocalRank: number;
}

const folder = join(import.meta.dirname, "labelled");

export const corpus: readonly LabelledText[] = linesOf("corpus.jsonl").map((line) => {
  const { id, text }: LabelledText = JSON.parse(line);
  return { id, text };
});

export const queries: readonly LabelledQuery[] = linesOf("queries.jsonl").map((line) => {
  const { query, relevant }: LabelledQuery = JSON.parse(line);
  return { query, relevant };
});

/** Asks every query and compares the answers with the labels. */
export function measure(search: Search, asked: readonly LabelledQuery[] = queries): Figures {
  let recall = 0;
  let reciprocalRank = 0;
  for (const { query, relevant } of asked) {
    const found = search(query, 10).slice(0, 10);
    const hits = found.map((id) => relevant.includes(id));
    const first = hits.indexOf(true);
    recall += hits.filter(Boolean).length / relevant.length;
    reciprocalRank += first < 0 ? 0 : 1 / (first + 1);
  }
  return { recallAt10: recall / asked.length, meanReciprocalRank: reciprocalRank / asked.length };
}

function linesOf(file: string): string[] {
  return readFileSync(join(folder, file), "utf8").trimEnd().split("\n");
}
