/**
 * How hard the tests try, and from which seed. Guarantees: every random choice of a run follows from one number, which
 * the run prints; `LLMDB_SEED` repeats it. `LLMDB_EFFORT` multiplies runs, images, mutants and kills: 1 in CI, 10
 * before a release and in `npm run test:long`, 100 for an hour.
 */
import fc from "fast-check";

const factor = Number(process.env.LLMDB_EFFORT ?? 1);
if (!(factor > 0)) throw new Error(`LLMDB_EFFORT is a number above 0, not ${process.env.LLMDB_EFFORT}`);

/** The seed of this run: a whole number from 1 to 2^31 - 1. `vitest.config.ts` draws it where none is given. */
export const SEED = Number(process.env.LLMDB_SEED ?? 1);
if (!Number.isInteger(SEED) || SEED < 1) throw new Error(`LLMDB_SEED is a whole number, not ${process.env.LLMDB_SEED}`);

/** Whether tests run that prove little more than others, and take long: self-checks by planted bugs, and the like. */
export const isThorough = factor >= 10;

/** How often something is done, given how often it is at effort 1. */
export function effort(times: number): number {
  return Math.max(1, Math.ceil(times * factor));
}

/** As many seeds as `effort` says, the run's own first. */
export function seeds(times: number): number[] {
  return Array.from({ length: effort(times) }, (_, index) => SEED + index);
}

fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: SEED });
