/**
 * What a database should hold, in the simplest form: sorted arrays, copied whole for each snapshot. Guarantees: nothing
 * of the engine is used here but its types, so that a mistake there cannot hide itself.
 */
import type { Key } from "../../engine/key.js";
import type { PrefixBound, Range } from "../../engine/range.js";
import type { ValueFormat } from "../../engine/value.js";

/** Negative, zero or positive, as in `Array.prototype.sort`. */
export type CompareKeys = (a: Key, b: Key) => number;

export type ModelEntry = readonly [Key, unknown];

/** One map: entries in key order. */
export class ModelMap {
  readonly format: ValueFormat;
  readonly #compare: CompareKeys;
  #entries: ModelEntry[];

  constructor(format: ValueFormat, compare: CompareKeys, entries: ModelEntry[] = []) {
    this.format = format;
    this.#compare = compare;
    this.#entries = entries;
  }

  get size(): number {
    return this.#entries.length;
  }

  get(key: Key): unknown {
    const place = this.#place(key);
    return this.#holds(place, key) ? this.#entries[place][1] : undefined;
  }

  put(key: Key, value: unknown): void {
    const place = this.#place(key);
    this.#entries.splice(place, this.#holds(place, key) ? 1 : 0, [key, value]);
  }

  delete(key: Key): void {
    const place = this.#place(key);
    if (this.#holds(place, key)) this.#entries.splice(place, 1);
  }

  clear(range: Range): void {
    this.#entries = this.#entries.filter(([key]) => !isInRange(key, range, this.#compare));
  }

  range(range: Range): ModelEntry[] {
    const { offset = 0, limit = Number.POSITIVE_INFINITY } = range;
    const inside = this.#entries.filter(([key]) => isInRange(key, range, this.#compare));
    if (range.reverse === true) inside.reverse();
    return inside.slice(offset, offset + limit);
  }

  /** The first entry of a range behind a key (in reverse: before it). */
  after(key: Key, range: Range): ModelEntry | undefined {
    const { offset: _offset, limit: _limit, ...bounds } = range;
    return this.range(bounds).find(([other]) => {
      const order = this.#compare(other, key);
      return range.reverse === true ? order < 0 : order > 0;
    });
  }

  copy(): ModelMap {
    return new ModelMap(this.format, this.#compare, this.#entries.slice());
  }

  #holds(place: number, key: Key): boolean {
    return place < this.#entries.length && this.#compare(this.#entries[place][0], key) === 0;
  }

  /** The first place whose key is not below. */
  #place(key: Key): number {
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#compare(this.#entries[middle][0], key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Whether a key is in a range, whatever the range says of count and direction. */
export function isInRange(key: Key, { gt, gte, lt, lte, prefix }: Range, compare: CompareKeys): boolean {
  return (
    (gt === undefined || orderOf(key, gt, compare) > 0) &&
    (gte === undefined || orderOf(key, gte, compare) >= 0) &&
    (lt === undefined || orderOf(key, lt, compare) < 0) &&
    (lte === undefined || orderOf(key, lte, compare) <= 0) &&
    (prefix === undefined || startsWith(key, prefix, compare))
  );
}

/** How a key lies to a bound. Those with a prefix are all in one place, that of the prefix itself. */
function orderOf(key: Key, bound: Key | PrefixBound, compare: CompareKeys): number {
  if (!isPrefixBound(bound)) return compare(key, bound);
  return startsWith(key, bound.prefix, compare) ? 0 : compare(key, bound.prefix);
}

function isPrefixBound(bound: Key | PrefixBound): bound is PrefixBound {
  return typeof bound === "object" && bound !== null && Object.keys(bound).join() === "prefix";
}

function startsWith(key: Key, prefix: Key, compare: CompareKeys): boolean {
  if (typeof prefix === "string") return typeof key === "string" && key.startsWith(prefix);
  if (prefix instanceof Uint8Array) {
    return key instanceof Uint8Array && prefix.length <= key.length && prefix.every((byte, i) => key[i] === byte);
  }
  if (!Array.isArray(prefix) || !Array.isArray(key) || key.length < prefix.length) return false;
  return prefix.every((element, i) => compare(key[i], element) === 0);
}

/** All maps of one state. A map exists from its first write until it is dropped. */
export class ModelDatabase {
  readonly #compare: CompareKeys;
  readonly #maps: Map<string, ModelMap>;

  constructor(compare: CompareKeys, maps: Iterable<readonly [string, ModelMap]> = []) {
    this.#compare = compare;
    this.#maps = new Map(maps);
  }

  /** The names of the maps, in order. */
  get names(): string[] {
    return [...this.#maps.keys()].sort();
  }

  map(name: string): ModelMap | undefined {
    return this.#maps.get(name);
  }

  /** The map, for writing: it comes into being. */
  writable(name: string, format: ValueFormat): ModelMap {
    let map = this.#maps.get(name);
    if (map === undefined) {
      map = new ModelMap(format, this.#compare);
      this.#maps.set(name, map);
    }
    return map;
  }

  drop(name: string): void {
    this.#maps.delete(name);
  }

  /** Takes over the state of another. */
  become(other: ModelDatabase): void {
    this.#maps.clear();
    for (const [name, map] of other.#maps) this.#maps.set(name, map.copy());
  }

  copy(): ModelDatabase {
    return new ModelDatabase(
      this.#compare,
      [...this.#maps].map(([name, map]) => [name, map.copy()]),
    );
  }
}
