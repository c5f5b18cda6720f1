/**
 * Pages that no longer belong to the newest state, but that somebody may still look at. Release is by interval: a page
 * born in transaction b and freed in f is free again when nothing in [b, f) is pinned, so that one old snapshot keeps
 * only what it can see (as bbolt does). Guarantees: each page waits in the bucket of the newest pin that can see it, so
 * that a pin that goes costs only the pages in its own bucket.
 */
import { ExtentList } from "../pager/extent-list.js";
import type { Pins } from "./pins.js";

interface Bucket {
  readonly starts: number[];
  readonly lengths: number[];
  readonly borns: number[];
  readonly freeds: number[];
  pages: number;
}

export class Retired {
  readonly #pins: Pins;
  readonly #buckets = new Map<number, Bucket>();
  #ready = new ExtentList();
  #readyExtents = 0;
  /** Pages that wait for a pin to go, or for `takeReady`. */
  pages = 0;
  /** Of how many extents they are, at most. */
  extents = 0;

  constructor(pins: Pins) {
    this.#pins = pins;
  }

  /** Notes that transaction `freed` took pages out of use that `born` had written. */
  retire(start: number, length: number, born: number, freed: number): void {
    this.pages += length;
    this.extents++;
    const holder = this.#pins.newestIn(born, freed);
    if (holder < 0) {
      this.#ready.add(start, length);
      this.#readyExtents++;
      return;
    }
    let bucket = this.#buckets.get(holder);
    if (bucket === undefined) {
      bucket = { starts: [], lengths: [], borns: [], freeds: [], pages: 0 };
      this.#buckets.set(holder, bucket);
    }
    bucket.starts.push(start);
    bucket.lengths.push(length);
    bucket.borns.push(born);
    bucket.freeds.push(freed);
    bucket.pages += length;
  }

  /** Looks again at the pages that waited for a pin which is gone. */
  unpinned(tx: number): void {
    const bucket = this.#buckets.get(tx);
    if (bucket === undefined) return;
    this.#buckets.delete(tx);
    this.pages -= bucket.pages;
    this.extents -= bucket.starts.length;
    for (let i = 0; i < bucket.starts.length; i++) {
      this.retire(bucket.starts[i], bucket.lengths[i], bucket.borns[i], bucket.freeds[i]);
    }
  }

  /** Hands out the pages that no one can see any more. */
  takeReady(): ExtentList {
    const ready = this.#ready;
    if (ready.count === 0) return ready;
    this.#ready = new ExtentList();
    this.pages -= ready.pages;
    this.extents -= this.#readyExtents;
    this.#readyExtents = 0;
    return ready;
  }

  /** Pages that wait for the pin on `tx` before any older one. */
  heldBy(tx: number): number {
    return this.#buckets.get(tx)?.pages ?? 0;
  }

  /** Calls `visit` for all extents that wait, with the transactions that wrote and freed them. */
  forEach(visit: (start: number, length: number, born: number, freed: number) => void): void {
    for (let i = 0; i < this.#ready.count; i++) visit(this.#ready.starts[i], this.#ready.lengths[i], 0, 0);
    for (const bucket of this.#buckets.values()) {
      for (let i = 0; i < bucket.starts.length; i++) {
        visit(bucket.starts[i], bucket.lengths[i], bucket.borns[i], bucket.freeds[i]);
      }
    }
  }
}
