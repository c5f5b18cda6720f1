/**
 * An ordered map of the memory with the shape of what is in it. Guarantees: keys and values that come out of it have
 * that shape, whatever the file says; anything else is `LLMDB_CORRUPT`, so that code that reads the memory need not
 * doubt what it reads.
 */
import type { Key } from "../engine/key.js";
import type { MapReader } from "../engine/map-reader.js";
import type { MapOptions } from "../engine/options.js";
import type { Range } from "../engine/range.js";
import type { TransactionMap } from "../engine/transaction-map.js";
import { LlmdbError } from "../pager/error.js";
import type { Transaction } from "../temporal/transaction.js";

/** Whether something has a shape. */
export type Shape<T> = (value: unknown) => value is T;

/** Whatever has maps: the database, a snapshot, a transaction. */
export interface MapsOf {
  map<K extends Key = Key, V = unknown>(name: string, options?: MapOptions): MapReader<K, V>;
}

/** A map by its name, with the shapes of its keys and values. */
export class StoredMap<K extends Key, V> {
  readonly name: string;
  readonly isKey: Shape<K>;
  readonly isValue: Shape<V>;
  readonly #options: MapOptions;

  constructor(name: string, isKey: Shape<K>, isValue: Shape<V>, options: MapOptions = {}) {
    this.name = name;
    this.isKey = isKey;
    this.isValue = isValue;
    this.#options = options;
  }

  /** To read it, as the database, a snapshot or a transaction sees it. */
  in(maps: MapsOf): StoredReader<K, V> {
    return new StoredReader(this, maps.map<K, V>(this.name));
  }

  /** To write it as well. */
  of(tx: Transaction): StoredWriter<K, V> {
    return new StoredWriter(this, tx.map<K, V>(this.name, this.#options));
  }
}

/** Reads a map; see `MapReader`. All of it throws `LLMDB_CORRUPT` for an entry of another shape. */
export class StoredReader<K extends Key, V> {
  readonly #map: StoredMap<K, V>;
  readonly #reader: MapReader<K, V>;

  constructor(map: StoredMap<K, V>, reader: MapReader<K, V>) {
    this.#map = map;
    this.#reader = reader;
  }

  get(key: K): V | undefined {
    const value: unknown = this.#reader.get(key);
    return value === undefined ? undefined : this.#value(value);
  }

  has(key: K): boolean {
    return this.#reader.has(key);
  }

  count(range?: Range): number {
    return this.#reader.count(range);
  }

  *range(range?: Range): Generator<[K, V], undefined> {
    for (const [key, value] of this.#reader.range(range)) yield [this.#key(key), this.#value(value)];
    return undefined;
  }

  *keys(range?: Range): Generator<K, undefined> {
    for (const key of this.#reader.keys(range)) yield this.#key(key);
    return undefined;
  }

  *values(range?: Range): Generator<V, undefined> {
    for (const value of this.#reader.values(range)) yield this.#value(value);
    return undefined;
  }

  #key(key: unknown): K {
    if (this.#map.isKey(key)) return key;
    throw damaged(this.#map.name);
  }

  #value(value: unknown): V {
    if (this.#map.isValue(value)) return value;
    throw damaged(this.#map.name);
  }
}

/** Reads and writes a map in a transaction; see `TransactionMap`. */
export class StoredWriter<K extends Key, V> extends StoredReader<K, V> {
  readonly #writer: TransactionMap<K, V>;

  constructor(map: StoredMap<K, V>, writer: TransactionMap<K, V>) {
    super(map, writer);
    this.#writer = writer;
  }

  put(key: K, value: V): void {
    this.#writer.put(key, value);
  }

  delete(key: K): void {
    this.#writer.delete(key);
  }

  clear(range?: Range): void {
    this.#writer.clear(range);
  }
}

function damaged(map: string): LlmdbError {
  return new LlmdbError(
    "LLMDB_CORRUPT",
    `an entry of ${map} has a shape that the memory does not write; restore a backup`,
    { map },
  );
}

/** A text. */
export function isText(value: unknown): value is string {
  return typeof value === "string";
}

/** A whole number from 0. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

export function isBytes(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array;
}

/** This and nothing else. */
export function exactly<const T>(expected: T): Shape<T> {
  return (value): value is T => value === expected;
}

/** A list whose elements have this shape. */
export function listOf<T>(isElement: Shape<T>): Shape<readonly T[]> {
  return (value): value is readonly T[] => Array.isArray(value) && value.every(isElement);
}

/** A list of as many elements as there are shapes, each of its own. */
export function tupleOf<T extends readonly unknown[]>(...shapes: { readonly [I in keyof T]: Shape<T[I]> }): Shape<T> {
  return (value): value is T =>
    Array.isArray(value) && value.length === shapes.length && shapes.every((isOne, i) => isOne(value[i]));
}

/** An object whose fields have these shapes; of those that may be missing, those that are there. */
export function objectOf<T extends object>(
  required: { readonly [N in keyof T as undefined extends T[N] ? never : N]: Shape<T[N]> },
  optional: { readonly [N in keyof T as undefined extends T[N] ? N : never]: Shape<Exclude<T[N], undefined>> },
): Shape<T> {
  const always: [string, Shape<unknown>][] = Object.entries(required);
  const maybe: [string, Shape<unknown>][] = Object.entries(optional);
  return (value): value is T => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
    for (const [name, isOne] of always) if (!isOne(Reflect.get(value, name))) return false;
    for (const [name, isOne] of maybe) {
      const field: unknown = Reflect.get(value, name);
      if (field !== undefined && !isOne(field)) return false;
    }
    return true;
  };
}
