/**
 * Builds and judges the images of all crash points of a workload. Guarantees: images are numbered from 0 in the order
 * in which they are built, whichever of them are judged, so that a number names an image.
 */
import type { Random } from "../random.js";
import type { SimulatedDisk } from "../simulated-disk.js";
import type { ImageJudge } from "./image-judge.js";
import { describeImage, type ImageEffort, planImages } from "./image-plan.js";
import type { CrashPoint } from "./recorder.js";
import { randomFor } from "./seed.js";
import { messageOf } from "./violation.js";

/** Which part of a run is carried out. */
export interface RoundPart {
  readonly seed: number;
  readonly round: number;
  /** Only this image is judged. */
  readonly image?: number;
  /** True ends the round early. */
  readonly stop?: () => boolean;
  /** Makes the disk. A test gives one that breaks its promises. */
  readonly makeDisk?: (seed: number) => SimulatedDisk;
}

/** What was found wrong, and at which image; without one, while the workload ran. */
export interface Finding {
  readonly message: string;
  readonly image?: number;
}

/** How thorough the images of a point are. */
export interface PointEffort {
  readonly images: ImageEffort;
  /** The part of the points that is looked at as after a kill of the process too. */
  readonly killedChance: number;
}

/** Judges points until the first finding. */
export class PointJudge {
  readonly #judge: ImageJudge;
  readonly #part: RoundPart;
  readonly #effort: PointEffort;
  #image = 0;

  constructor(judge: ImageJudge, part: RoundPart, effort: PointEffort) {
    this.#judge = judge;
    this.#part = part;
    this.#effort = effort;
  }

  /** Judges these points; returns the first thing that is wrong. */
  run(points: readonly CrashPoint[]): Finding | undefined {
    const { seed, round, stop } = this.#part;
    for (const [index, point] of points.entries()) {
      if (stop?.()) return undefined;
      const found = this.#runPoint(point, randomFor(seed, round, this.#image, index, 1));
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #runPoint(point: CrashPoint, random: Random): Finding | undefined {
    const { disk } = point;
    const recipeOf = this.#part.image === undefined ? this.#judge.recipes(disk) : () => undefined;
    for (const plan of planImages(disk.unsynced.length, this.#effort.images, random)) {
      const found = this.#judgeNext((own) => this.#judge.judge(disk, plan, recipeOf(plan), point, own));
      if (found !== undefined) return describe(found, describeImage(plan, disk), point);
    }
    if (!random.chance(this.#effort.killedChance)) return undefined;
    const found = this.#judgeNext((own) => this.#judge.judgeKilled(disk.fork(), point, own));
    return found && describe(found, "kill of the process", point);
  }

  /** Numbers an image and judges it, if it is wanted. */
  #judgeNext(judge: (random: Random) => void): Finding | undefined {
    const image = this.#image++;
    const { seed, round, image: wanted } = this.#part;
    if (wanted !== undefined && wanted !== image) return undefined;
    try {
      judge(randomFor(seed, round, image, 2));
      return undefined;
    } catch (error) {
      return { message: messageOf(error), image };
    }
  }
}

function describe(found: Finding, what: string, point: CrashPoint): Finding {
  return { ...found, message: `${what}, before ${point.next}: ${found.message}` };
}
