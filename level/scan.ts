/**
 * What the three kinds of iterators share: reading a range of one state of the map, and starting again somewhere else
 * in it. Guarantees: reads what was there when it was made, also after `seek`, until it is closed; nothing is read
 * before it is asked for.
 */
import type { Range } from "../engine/range.js";
import type { Snapshot } from "../engine/snapshot.js";
import { type ByteMap, type Format, toBytes } from "./format.js";
import { type ByteRange, byteRange, type LevelRange, rangeFrom } from "./range.js";

/** Where a scan reads: a map of a snapshot, and the snapshot if it is to be closed with the scan. */
export interface ScanSource {
  readonly map: ByteMap;
  readonly own?: Snapshot;
}

/** What a scan hands out: how to read the map, and what to make of an item of it. */
export interface ScanItems<I, T> {
  read(map: ByteMap, range: Range): Iterator<I>;
  give(item: I): T;
}

export class Scan<I, T> {
  readonly #source: ScanSource;
  readonly #items: ScanItems<I, T>;
  readonly #range: ByteRange;
  #target: Uint8Array | undefined;
  #running: Iterator<I> | undefined;

  constructor(source: ScanSource, range: LevelRange, items: ScanItems<I, T>) {
    this.#source = source;
    this.#range = byteRange(range);
    this.#items = items;
  }

  /** The next item; undefined at the end. */
  next(): T | undefined {
    const { done, value } = this.#run().next();
    return done ? undefined : this.#items.give(value);
  }

  /** The next items, at most `size`; fewer only at the end. */
  take(size: number): T[] {
    const running = this.#run();
    const taken: T[] = [];
    while (taken.length < size) {
      const { done, value } = running.next();
      if (done) break;
      taken.push(this.#items.give(value));
    }
    return taken;
  }

  /** Goes so that `next` gives the first item at or after a key, in the direction of the range. */
  seek(target: Format): void {
    this.#target = Uint8Array.from(toBytes(target));
    this.#running = undefined;
  }

  /** Lets the state of the map go. */
  close(): void {
    this.#source.own?.close();
  }

  #run(): Iterator<I> {
    if (this.#running !== undefined) return this.#running;
    const range = this.#target === undefined ? this.#range : rangeFrom(this.#range, this.#target);
    this.#running = this.#items.read(this.#source.map, range);
    return this.#running;
  }
}
