/**
 * Overwriting freed pages with zeros. Guarantees: only pages are overwritten that are free, so that neither meta page
 * and no snapshot reaches them; each page that became free since the last time is.
 */
import type { DataFile } from "./data-file.js";
import type { FreeSpace } from "./free-space.js";

export class Eraser {
  readonly #free: FreeSpace;
  readonly #data: DataFile;
  readonly #released = new Set<number>();

  constructor(free: FreeSpace, data: DataFile) {
    this.#free = free;
    this.#data = data;
    free.onRelease = (start, length) => {
      for (let k = 0; k < length; k++) this.#released.add(start + k);
    };
  }

  /** Durable after the next sync. */
  erase(): void {
    if (this.#released.size === 0) return;
    const { starts, lengths, count } = this.#free.toList();
    for (let i = 0; i < count; i++) this.#eraseExtent(starts[i], lengths[i]);
    this.#released.clear();
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
