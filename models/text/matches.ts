/**
 * The scores of the documents that match a question, by document number. Guarantees: no score of one question is seen
 * by another, also of one that is asked in the middle of it or that ended with an error; the best are found without
 * sorting all.
 */
import { LlmdbError } from "../../pager/error.js";

/** A document and its score. */
export interface Match {
  readonly document: number;
  readonly score: number;
}

/** Numbers go up one by one: no memory has that many texts. */
const MOST_DOCUMENTS = 2 ** 28;

const FIRST_DOCUMENTS = 1024;
const RELEASED = new Float64Array(0);
/** All zero: what the last question released, for the next one, because clearing the few that were set is cheaper. */
let spare: Float64Array | null = null;

export class Matches {
  /** By document number, zero where there is none. */
  #scores: Float64Array;
  readonly #documents: number[] = [];

  constructor() {
    this.#scores = spare ?? new Float64Array(FIRST_DOCUMENTS);
    spare = null;
  }

  /** How many documents match. */
  get size(): number {
    return this.#documents.length;
  }

  /** Adds to the score of a document; `score` is above zero. */
  add(document: number, score: number): void {
    if (document >= this.#scores.length) this.#scores = grown(this.#scores, document);
    const scores = this.#scores;
    if (scores[document] === 0) this.#documents.push(document);
    scores[document] += score;
  }

  /** The best documents, best first; of equal ones the newer first. */
  best(count: number): Match[] {
    const scores = this.#scores;
    const heap = new Float64Array(Math.min(count, this.#documents.length));
    let size = 0;
    for (const document of this.#documents) {
      if (size < heap.length) {
        siftUp(scores, heap, size++, document);
      } else if (size > 0 && isBetter(scores, document, heap[0])) {
        heap[0] = document;
        siftDown(scores, heap, size);
      }
    }
    return [...heap.subarray(0, size)]
      .sort((a, b) => scores[b] - scores[a] || b - a)
      .map((document) => ({ document, score: scores[document] }));
  }

  /** Forgets all of them. Call it when the question is answered. */
  release(): void {
    const scores = this.#scores;
    for (const document of this.#documents) scores[document] = 0;
    this.#documents.length = 0;
    this.#scores = RELEASED;
    if (spare === null || spare.length < scores.length) spare = scores;
  }
}

function grown(scores: Float64Array, document: number): Float64Array {
  if (document >= MOST_DOCUMENTS) {
    throw new LlmdbError("LLMDB_CORRUPT", "an index of texts is damaged; run verify(), and restore a backup");
  }
  const larger = new Float64Array(Math.max(document + 1, 2 * scores.length));
  larger.set(scores);
  return larger;
}

function isBetter(scores: Float64Array, a: number, b: number): boolean {
  return scores[a] > scores[b] || (scores[a] === scores[b] && a > b);
}

/** The heap has the worst at its top. */
function siftUp(scores: Float64Array, heap: Float64Array, at: number, document: number): void {
  let place = at;
  while (place > 0) {
    const parent = (place - 1) >> 1;
    if (!isBetter(scores, heap[parent], document)) break;
    heap[place] = heap[parent];
    place = parent;
  }
  heap[place] = document;
}

function siftDown(scores: Float64Array, heap: Float64Array, size: number): void {
  const document = heap[0];
  let place = 0;
  for (;;) {
    let child = 2 * place + 1;
    if (child >= size) break;
    if (child + 1 < size && isBetter(scores, heap[child], heap[child + 1])) child++;
    if (!isBetter(scores, document, heap[child])) break;
    heap[place] = heap[child];
    place = child;
  }
  heap[place] = document;
}
