/**
 * The scores of the documents that match a question, by document number. Guarantees: no score of one question is seen
 * by another, as long as each is released; the best are found without sorting all.
 */
import { LlmdbError } from "../../pager/error.js";

/** A document and its score. */
export interface Match {
  readonly document: number;
  readonly score: number;
}

/** Numbers go up one by one: no memory has that many texts. */
const MOST_DOCUMENTS = 2 ** 28;

/** Scores by document number, zero where there is none: reused, because clearing the few that were set is cheaper. */
let scores = new Float64Array(1024);

export class Matches {
  readonly #documents: number[] = [];

  /** How many documents match. */
  get size(): number {
    return this.#documents.length;
  }

  /** Adds to the score of a document; `score` is above zero. */
  add(document: number, score: number): void {
    if (document >= scores.length) grow(document);
    if (scores[document] === 0) this.#documents.push(document);
    scores[document] += score;
  }

  /** The best documents, best first; of equal ones the newer first. */
  best(count: number): Match[] {
    const heap = new Float64Array(Math.min(count, this.#documents.length));
    let size = 0;
    for (const document of this.#documents) {
      if (size < heap.length) {
        siftUp(heap, size++, document);
      } else if (size > 0 && isBetter(document, heap[0])) {
        heap[0] = document;
        siftDown(heap, size);
      }
    }
    return [...heap.subarray(0, size)]
      .sort((a, b) => scores[b] - scores[a] || b - a)
      .map((document) => ({ document, score: scores[document] }));
  }

  /** Forgets all of them. Call it when the question is answered. */
  release(): void {
    for (const document of this.#documents) scores[document] = 0;
    this.#documents.length = 0;
  }
}

function grow(document: number): void {
  if (document >= MOST_DOCUMENTS) {
    throw new LlmdbError("LLMDB_CORRUPT", "an index of texts is damaged; run verify(), and restore a backup");
  }
  const grown = new Float64Array(Math.max(document + 1, 2 * scores.length));
  grown.set(scores);
  scores = grown;
}

function isBetter(a: number, b: number): boolean {
  return scores[a] > scores[b] || (scores[a] === scores[b] && a > b);
}

/** The heap has the worst at its top. */
function siftUp(heap: Float64Array, at: number, document: number): void {
  let place = at;
  while (place > 0) {
    const parent = (place - 1) >> 1;
    if (!isBetter(heap[parent], document)) break;
    heap[place] = heap[parent];
    place = parent;
  }
  heap[place] = document;
}

function siftDown(heap: Float64Array, size: number): void {
  const document = heap[0];
  let place = 0;
  for (;;) {
    let child = 2 * place + 1;
    if (child >= size) break;
    if (child + 1 < size && isBetter(heap[child], heap[child + 1])) child++;
    if (!isBetter(document, heap[child])) break;
    heap[place] = heap[child];
    place = child;
  }
  heap[place] = document;
}
