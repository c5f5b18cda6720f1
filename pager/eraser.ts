/**
 * Overwriting freed pages with zeros. Guarantees: only pages are overwritten that are free, so that neither meta page
 * and no snapshot reaches them; each page that became free since the last time is, or each that is free at all where
 * that is asked for.
 */
import type { DataFile } from "./data-file.js";
import type { FreeSpace } from "./free-space.js";

export class Eraser {
  readonly #free: FreeSpace;
  readonly #data: DataFile;
  readonly #released = new Set<number>();
  /** Whether every free page that is not among the released ones is known to be zero. */
  #isComplete = false;

  /** @param watches whether to note from now on which pages become free */
  constructor(free: FreeSpace, data: DataFile, watches: boolean) {
    this.#free = free;
    this.#data = data;
    if (watches) this.#watch();
  }

  #watch(): void {
    this.#free.onRelease = (start, length) => {
      for (let k = 0; k < length; k++) this.#released.add(start + k);
    };
  }

  /** Overwrites what became free since the last time. Durable after the next sync. */
  eraseReleased(): void {
    if (this.#released.size > 0) this.#eachFree((start, length) => this.#eraseExtent(start, length));
    this.#released.clear();
  }

  /** Overwrites every free page. Durable after the next sync. From then on, only what becomes free has to be. */
  eraseAll(): void {
    if (this.#isComplete) this.eraseReleased();
    else {
      this.#watch();
      this.#eachFree((start, length) => this.#data.zero(start, length));
      this.#released.clear();
      this.#isComplete = true;
    }
  }

  #eachFree(erase: (start: number, length: number) => void): void {
    const { starts, lengths, count } = this.#free.toList();
    for (let i = 0; i < count; i++) erase(starts[i], lengths[i]);
  }

  #eraseExtent(start: number, length: number): void {
    const end = start + length;
    for (let page = start; page < end; ) {
      let run = 0;
      while (page + run < end && this.#released.has(page + run)) run++;
      this.#data.zero(page, run);
      page += run + 1;
    }
  }
}
