/**
 * Which crash images are built from one state of a disk. Guarantees: nothing, everything, each prefix, all but one and
 * each subset of up to so many unsynced changes come first, whole; after them torn ones are drawn. The same generator
 * gives the same images.
 */
import type { CrashOptions } from "../crash-image.js";
import type { Random } from "../random.js";

/** How many images are built at a point. */
export interface ImageEffort {
  /** Each subset is built of up to so many unsynced changes. */
  readonly subsets: number;
  /** Of the whole images, at most so many are taken, chosen at random. */
  readonly whole: number;
  /** Images with torn writes, odd lengths and odd names on top of that. */
  readonly torn: number;
}

/** For each image a random part of the possible ones. */
export const SAMPLED: ImageEffort = { subsets: 10, whole: 12, torn: 14 };

/** Every whole image, and some torn ones. */
export const EXHAUSTIVE: ImageEffort = { subsets: 10, whole: Number.POSITIVE_INFINITY, torn: 4 };

/** One image: whole changes survive or not, or it is drawn from a seed of its own. */
export type ImagePlan =
  | { readonly kind: "whole"; readonly keep: readonly boolean[] }
  | { readonly kind: "torn"; readonly seed: number };

/** The images of a point with so many unsynced changes. */
export function planImages(unsynced: number, effort: ImageEffort, random: Random): ImagePlan[] {
  const whole = wholeImages(unsynced, effort.subsets);
  while (whole.length > effort.whole) {
    // The first two, nothing and everything, always stay.
    const leaving = 2 + random.below(whole.length - 2);
    whole[leaving] = whole[whole.length - 1];
    whole.length--;
  }
  const plans = whole.map((keep): ImagePlan => ({ kind: "whole", keep }));
  if (unsynced > 0) for (let i = 0; i < effort.torn; i++) plans.push({ kind: "torn", seed: random.next() });
  return plans;
}

/** Nothing, everything, then every other subset, or prefixes and all but one where those are too many. */
function wholeImages(unsynced: number, most: number): boolean[][] {
  const all = Array.from({ length: unsynced }, () => true);
  const none = all.map(() => false);
  if (unsynced === 0) return [none];
  const images = [none, all];
  if (unsynced <= most) {
    for (let subset = 1; subset < 2 ** unsynced - 1; subset++) {
      images.push(all.map((_, index) => ((subset >>> index) & 1) === 1));
    }
    return images;
  }
  for (let length = 1; length < unsynced; length++) images.push(all.map((_, index) => index < length));
  for (let lost = 0; lost < unsynced - 1; lost++) images.push(all.map((_, index) => index !== lost));
  return images;
}

/** What to crash a disk with for a plan; called once for each image, as it makes new generators. */
export function crashOptions(plan: ImagePlan, randomOf: (seed: number) => Random): CrashOptions {
  return plan.kind === "whole" ? { keep: plan.keep } : drawCrash(randomOf(plan.seed));
}

/** Draws a crash with everything that may go wrong in one. */
export function drawCrash(random: Random): CrashOptions {
  const tear = {
    random,
    unit: random.pick([1, 1, 512, 4096] as const),
    sector: random.pick([512, 512, 4096] as const),
    trash: random.chance(),
  };
  const keep = random.chance(0.4) ? random.below(12) : random;
  const length = random.pick(["exact", "exact", "exact", "zeros", "garbage", "lag"] as const);
  const names = random.pick([undefined, undefined, "lost", "kept"] as const);
  return { keep, tear, length, ...(names !== undefined && { names }) };
}

/** An image in words. */
export function describeImage(
  plan: ImagePlan,
  disk: { readonly unsynced: readonly { readonly kind: string }[] },
): string {
  if (plan.kind === "torn") return `torn image ${plan.seed}`;
  const kinds = disk.unsynced.map(({ kind }) => kind);
  const kept = kinds.filter((_, index) => plan.keep[index]);
  return `image with ${kept.length} of ${kinds.length} unsynced changes (${plan.keep.map(Number).join("")})`;
}

/** At most so many of these, in their order, chosen at random. */
export function drawSome<T>(all: readonly T[], most: number, random: Random): readonly T[] {
  if (all.length <= most) return all;
  let left = most;
  return all.filter((_, index) => {
    if (!random.chance(left / (all.length - index))) return false;
    left--;
    return true;
  });
}
