/**
 * Generators for the parts of a run. Guarantees: each part (a round, a point, an image) has its own stream, so that one
 * of them can be replayed without the others.
 */
import { Random } from "../random.js";

/** The generator of one part, named by numbers: the seed of the run, the round, and so on. */
export function randomFor(...parts: readonly number[]): Random {
  let state = 0x2545f491;
  for (const part of parts) {
    state = Math.imul(state ^ (part | 0), 0x9e3779b1);
    state = Math.imul(state ^ (state >>> 15), 0x85ebca6b);
    state = Math.imul(state ^ (state >>> 13) ^ Math.floor(part / 0x1_0000_0000), 0xc2b2ae35);
    state ^= state >>> 16;
  }
  return new Random(state);
}
