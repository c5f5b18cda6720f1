/**
 * The iterators over entries, keys and values, as abstract-level wants them. Guarantees: each reads the state of the
 * moment it was made, or of the snapshot it was given; values are only read where they are asked for.
 */
import {
  AbstractIterator,
  type AbstractIteratorOptions,
  AbstractKeyIterator,
  AbstractValueIterator,
} from "abstract-level";
import { type Format, fromBytes } from "./format.js";
import type { LevelRange } from "./range.js";
import { Scan, type ScanItems, type ScanSource } from "./scan.js";

/** What abstract-level makes of the options of an iterator. */
export interface IteratorOptions extends LevelRange, Omit<AbstractIteratorOptions<Format, Format>, keyof LevelRange> {
  readonly keyEncoding: string;
  readonly valueEncoding: string;
}

type Entry = [Format | undefined, Format | undefined];

export class LevelIterator<D> extends AbstractIterator<D, Format, Format> {
  readonly #scan: Scan<unknown, Entry>;

  constructor(db: D, source: ScanSource, options: IteratorOptions) {
    super(db, options);
    this.#scan = scanEntries(source, options);
  }

  protected async _next(): Promise<Entry | undefined> {
    return this.#scan.next();
  }

  protected async _nextv(size: number): Promise<Entry[]> {
    return this.#scan.take(size);
  }

  protected async _all(): Promise<Entry[]> {
    return this.#scan.take(this.limit - this.count);
  }

  protected _seek(target: Format): void {
    this.#scan.seek(target);
  }

  protected async _close(): Promise<void> {
    this.#scan.close();
  }
}

export class LevelKeyIterator<D> extends AbstractKeyIterator<D, Format> {
  readonly #scan: Scan<Uint8Array, Format>;

  constructor(db: D, source: ScanSource, options: IteratorOptions) {
    super(db, options);
    this.#scan = new Scan(source, options, keysIn(options.keyEncoding));
  }

  protected async _next(): Promise<Format | undefined> {
    return this.#scan.next();
  }

  protected async _nextv(size: number): Promise<Format[]> {
    return this.#scan.take(size);
  }

  protected async _all(): Promise<Format[]> {
    return this.#scan.take(this.limit - this.count);
  }

  protected _seek(target: Format): void {
    this.#scan.seek(target);
  }

  protected async _close(): Promise<void> {
    this.#scan.close();
  }
}

export class LevelValueIterator<D> extends AbstractValueIterator<D, Format, Format> {
  readonly #scan: Scan<Uint8Array, Format>;

  constructor(db: D, source: ScanSource, options: IteratorOptions) {
    super(db, options);
    this.#scan = new Scan(source, options, valuesIn(options.valueEncoding));
  }

  protected async _next(): Promise<Format | undefined> {
    return this.#scan.next();
  }

  protected async _nextv(size: number): Promise<Format[]> {
    return this.#scan.take(size);
  }

  protected async _all(): Promise<Format[]> {
    return this.#scan.take(this.limit - this.count);
  }

  protected _seek(target: Format): void {
    this.#scan.seek(target);
  }

  protected async _close(): Promise<void> {
    this.#scan.close();
  }
}

function keysIn(format: string): ScanItems<Uint8Array, Format> {
  return { read: (map, range) => map.keys(range), give: (key) => fromBytes(key, format) };
}

function valuesIn(format: string): ScanItems<Uint8Array, Format> {
  return { read: (map, range) => map.values(range), give: (value) => fromBytes(value, format) };
}

/** Entries, of which the caller may have declined one half. */
function scanEntries(source: ScanSource, options: IteratorOptions): Scan<unknown, Entry> {
  const { keyEncoding, valueEncoding } = options;
  if (options.values === false) {
    const keys = keysIn(keyEncoding);
    return new Scan<Uint8Array, Entry>(source, options, { ...keys, give: (key) => [keys.give(key), undefined] });
  }
  if (options.keys === false) {
    const values = valuesIn(valueEncoding);
    return new Scan<Uint8Array, Entry>(source, options, {
      ...values,
      give: (value) => [undefined, values.give(value)],
    });
  }
  return new Scan<[Uint8Array, Uint8Array], Entry>(source, options, {
    read: (map, range) => map.range(range),
    give: ([key, value]) => [fromBytes(key, keyEncoding), fromBytes(value, valueEncoding)],
  });
}
