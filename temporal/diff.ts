/**
 * What is different between two points, key by key. Guarantees: lazy; both points are read in one state; values are
 * compared as they are stored, and only those that differ are decoded.
 */
import { HeldIterator } from "../engine/held-iterator.js";
import type { Key } from "../engine/key.js";
import type { ParsedRange } from "../engine/range.js";
import { valueCodec } from "../engine/value.js";
import { compareBytes } from "../pager/bytes.js";
import type { Point } from "./reader.js";
import { isSameValue } from "./same-value.js";
import { SliceScan } from "./scan.js";
import type { HeldSources } from "./sources.js";

const codec = valueCodec("msgpack");

/** A key that is not the same at both points: without `before` it was added, without `after` it was removed. */
export interface Difference<V> {
  key: Key;
  before?: V;
  after?: V;
}

/** One of the two points, with a copy of where it is. */
class Side {
  isAtEnd = false;
  readonly #scan: SliceScan;

  constructor(scan: SliceScan) {
    this.#scan = scan;
  }

  next(): void {
    this.isAtEnd = !this.#scan.next();
    if (!this.isAtEnd) this.#scan.found.keep();
  }

  get key(): Key {
    return this.#scan.key();
  }

  compareTo(other: Side): number {
    if (this.isAtEnd) return other.isAtEnd ? 0 : 1;
    if (other.isAtEnd) return -1;
    const a = this.#scan.found;
    const b = other.#scan.found;
    return compareBytes(a.key, 0, a.stemLength, b.key, 0, b.stemLength);
  }

  bytes(): Uint8Array {
    return this.#scan.valueBytes();
  }
}

export class DiffIterator<V> extends HeldIterator<Difference<V>> {
  readonly #before: Side;
  readonly #after: Side;
  readonly #reverse: boolean;
  #held: HeldSources | null;
  #started = false;
  #left: number;
  #skip: number;

  constructor(held: HeldSources, from: Point, to: Point, range: ParsedRange) {
    super();
    this.#held = held;
    this.#left = range.limit;
    this.#skip = range.offset;
    this.#reverse = range.reverse;
    this.#before = new Side(new SliceScan(held, from, range));
    this.#after = new Side(new SliceScan(held, to, range));
  }

  next(): IteratorResult<Difference<V>, undefined> {
    if (this.#held === null) return { done: true, value: undefined };
    this.#held.requireOpen();
    if (!this.#started) {
      this.#started = true;
      this.#before.next();
      this.#after.next();
    }
    while (this.#left > 0 && !(this.#before.isAtEnd && this.#after.isAtEnd)) {
      const difference = this.#step();
      if (difference === undefined || this.#skip-- > 0) continue;
      this.#left--;
      return { done: false, value: difference };
    }
    return this.return();
  }

  return(): IteratorResult<Difference<V>, undefined> {
    this.#held?.release();
    this.#held = null;
    return { done: true, value: undefined };
  }

  /** Looks at the next key and moves on. */
  #step(): Difference<V> | undefined {
    const order = this.#order();
    let difference: Difference<V> | undefined;
    if (order < 0) difference = { key: this.#before.key, before: decode<V>(this.#before.bytes()) };
    else if (order > 0) difference = { key: this.#after.key, after: decode<V>(this.#after.bytes()) };
    else difference = this.#compare();
    if (order <= 0) this.#before.next();
    if (order >= 0) this.#after.next();
    return difference;
  }

  #order(): number {
    const order = this.#before.compareTo(this.#after);
    const bothThere = !this.#before.isAtEnd && !this.#after.isAtEnd;
    return this.#reverse && bothThere ? -order : order;
  }

  #compare(): Difference<V> | undefined {
    const before = this.#before.bytes();
    const after = this.#after.bytes();
    if (isSameValue(before, after)) return undefined;
    return { key: this.#before.key, before: decode<V>(before), after: decode<V>(after) };
  }
}

function decode<V>(bytes: Uint8Array): V {
  return codec.decode(bytes) as V;
}
