/**
 * Crashes a database again while it recovers, and while it is used after that. Guarantees: an image is taken only where
 * the disk differs from the last time; each comes with what it may hold.
 */
import type { DiskOperation, DiskPhase } from "../disk-operation.js";
import type { Random } from "../random.js";
import type { SimulatedDisk } from "../simulated-disk.js";
import { isChange } from "./disk-change.js";
import { crashOptions, type ImageEffort, type ImagePlan, planImages } from "./image-plan.js";
import { randomFor } from "./seed.js";

/**
 * What the database was at when it crashed again. `recovering`: it had not been opened yet. `opened`: its state had
 * been shown. `committing`: one more commit was under way. `committed`: it was acknowledged.
 */
export type RecrashPhase = "recovering" | "opened" | "committing" | "committed";

/** A crash image of a disk on which a crash image was recovered. */
export interface Recrash {
  /** Undefined where an image that was made in the same way is known. */
  readonly disk: SimulatedDisk | undefined;
  readonly recipe: string | undefined;
  readonly phase: RecrashPhase;
  readonly next: string;
}

/** How much of what happens is crashed again. */
export interface RecrashEffort {
  /** The images at each point inside recovery. */
  readonly recovering: ImageEffort;
  /** The images at each point after it, and the part of those points that is looked at. */
  readonly later: ImageEffort;
  readonly laterChance: number;
}

/** To name fewer images than this costs more than it saves. */
const FEW_IMAGES = 4;

/** What the collector asks about images that are known. */
export interface RecrashMemory {
  recipes(disk: SimulatedDisk): (plan: ImagePlan) => string | undefined;
  /** True where an image of this recipe does not have to be made again. */
  isKnown(recipe: string | undefined): boolean;
}

/** Collects crash images from a disk until it is detached. */
export class RecrashCollector {
  phase: RecrashPhase = "recovering";
  readonly found: Recrash[] = [];
  readonly #disk: SimulatedDisk;
  readonly #effort: RecrashEffort;
  readonly #memory: RecrashMemory;
  readonly #random: Random;
  /** The image that is recovered is known already. */
  #changed = false;

  constructor(disk: SimulatedDisk, effort: RecrashEffort, memory: RecrashMemory, random: Random) {
    this.#disk = disk;
    this.#effort = effort;
    this.#memory = memory;
    this.#random = random;
    disk.watcher = (operation, phase) => this.#watch(operation, phase);
  }

  /** Goes on to the next phase. What the disk holds now is looked at again where more is demanded of it. */
  enter(phase: RecrashPhase): void {
    this.take(`before it is ${phase}`);
    this.phase = phase;
    this.#changed = phase === "committed" || (phase === "opened" && this.#disk.unsynced.length > 0);
  }

  detach(): void {
    this.take("the end");
    this.#disk.watcher = undefined;
  }

  take(next: string): void {
    if (!this.#changed) return;
    this.#changed = false;
    const { recovering, later, laterChance } = this.#effort;
    const inside = this.phase === "recovering" || this.phase === "opened";
    if (!inside && !this.#random.chance(laterChance)) return;
    const unsynced = this.#disk.unsynced.length;
    const plans = planImages(unsynced, inside ? recovering : later, this.#random);
    const recipeOf = plans.length < FEW_IMAGES ? () => undefined : this.#memory.recipes(this.#disk);
    for (const plan of plans) {
      const recipe = recipeOf(plan);
      const known = this.#memory.isKnown(recipe);
      const disk = known ? undefined : this.#disk.crash(crashOptions(plan, randomFor));
      this.found.push({ disk, recipe, phase: this.phase, next });
    }
  }

  #watch(operation: DiskOperation, phase: DiskPhase): void {
    if (!isChange(operation.kind)) return;
    if (phase === "before") this.take(`${operation.kind} ${operation.path}`);
    else this.#changed = true;
  }
}
