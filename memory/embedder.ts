/**
 * What a caller brings who has vectors: no model comes with the package, and none is downloaded. Guarantees: texts
 * without a vector of the stated length are an error, never a wrong rank.
 */
import { LlmdbError } from "../pager/error.js";

/** Turns texts into vectors whose directions are near where meanings are. */
export interface Embedder {
  /** The length of each vector. */
  readonly dimensions: number;
  /** One vector for each text, in their order. */
  embed(texts: readonly string[]): Promise<readonly ArrayLike<number>[]>;
}

/** Rank fusion as of Cormack, Clarke and Büttcher, SIGIR 2009; the constant is theirs. */
const FUSION = 60;

/**
 * How near each text is to the query: the cosine of their vectors.
 *
 * @throws LlmdbError `LLMDB_INVALID_ARGUMENT` where the embedder does not keep its word
 */
export async function similarities(embedder: Embedder, query: string, texts: readonly string[]): Promise<number[]> {
  const vectors = await embedder.embed([query, ...texts]);
  if (vectors.length !== texts.length + 1 || vectors.some(({ length }) => length !== embedder.dimensions)) {
    throw new LlmdbError(
      "LLMDB_INVALID_ARGUMENT",
      `the embedder did not return one vector of ${embedder.dimensions} numbers for each text`,
    );
  }
  const [first, ...rest] = vectors;
  return rest.map((vector) => cosine(first, vector));
}

function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let dot = 0;
  let aa = 0;
  let bb = 0;
  for (let i = 0; i < a.length; i++) {
    dot += a[i] * b[i];
    aa += a[i] * a[i];
    bb += b[i] * b[i];
  }
  return aa === 0 || bb === 0 ? 0 : dot / Math.sqrt(aa * bb);
}

/** Scores by places in two rankings; `nearness` says how near each of the first ranking is. */
export function fuseRanks(nearness: readonly number[]): number[] {
  const order = nearness.map((_, i) => i).sort((a, b) => nearness[b] - nearness[a] || a - b);
  const fused = nearness.map((_, i) => 1 / (FUSION + i + 1));
  for (const [place, i] of order.entries()) fused[i] += 1 / (FUSION + place + 1);
  return fused;
}
