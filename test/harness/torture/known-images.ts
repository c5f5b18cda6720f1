/**
 * The images that were judged already. Guarantees: an image is known again by its bytes, or by how it was made: from
 * which durable bytes, with which changes. The second way is found without making it.
 */
import { createHash } from "node:crypto";
import type { DiskChange } from "../disk-operation.js";
import type { SimulatedDisk } from "../simulated-disk.js";
import { hashDisk } from "./image-hash.js";
import type { ImagePlan } from "./image-plan.js";

/** More recipes than this are forgotten, not the images. */
const MOST_RECIPES = 1_000_000;

/** What is known of images, by their bytes and by their recipes. */
export class KnownImages<T> {
  readonly #byHash = new Map<string, T>();
  readonly #byRecipe = new Map<string, T>();
  /** Short numbers for long hashes, as recipes are made of many. */
  readonly #numbers = new Map<string, number>();
  readonly #changeNumbers = new WeakMap<DiskChange, number>();

  /** What is known of an image with these bytes. */
  get(hash: string): T | undefined {
    return this.#byHash.get(hash);
  }

  set(hash: string, value: T): void {
    this.#byHash.set(hash, value);
  }

  /** What is known of an image that was made like this. */
  getMade(recipe: string | undefined): T | undefined {
    return recipe === undefined ? undefined : this.#byRecipe.get(recipe);
  }

  setMade(recipe: string | undefined, value: T): void {
    if (recipe !== undefined) this.#byRecipe.set(recipe, value);
  }

  /** To be called between workloads: keeps the memory bounded. */
  trim(): void {
    if (this.#byRecipe.size > MOST_RECIPES) this.#byRecipe.clear();
  }

  /**
   * Names the images of a disk as it is now. A torn image has no recipe, and none has one while names are not durable,
   * as then not all durable bytes have a name.
   */
  recipes(disk: SimulatedDisk): (plan: ImagePlan) => string | undefined {
    const changes = disk.unsynced;
    if (changes.some(({ kind }) => kind !== "write" && kind !== "truncate")) return () => undefined;
    const base = this.#numberOf(`disk ${hashDisk(disk.crash({ keep: "none" }), { numbers: true })}`);
    const numbers = changes.map((change) => this.#numberOfChange(change));
    return (plan) => {
      if (plan.kind === "torn") return undefined;
      return `${base}:${numbers.filter((_, index) => plan.keep[index]).join()}`;
    };
  }

  #numberOfChange(change: DiskChange): number {
    const known = this.#changeNumbers.get(change);
    if (known !== undefined) return known;
    const hash = createHash("sha1");
    if (change.kind === "write") hash.update(`write ${change.file} ${change.position} `).update(change.bytes);
    else if (change.kind === "truncate") hash.update(`truncate ${change.file} ${change.fileBytes}`);
    const number = this.#numberOf(hash.digest("base64"));
    this.#changeNumbers.set(change, number);
    return number;
  }

  #numberOf(text: string): number {
    const number = this.#numbers.get(text) ?? this.#numbers.size;
    this.#numbers.set(text, number);
    return number;
  }
}
