/**
 * An index that a module keeps: a map from index keys to the keys of records. Guarantees: it is written in the
 * transaction that writes the records; it can be made again from them at any time.
 *
 * An entry has the key [index key, key of the record] and no value.
 */
import { encodeElement, encodeElementPrefix, type Key, type KeyBuffer, keyAfterPrefix } from "../engine/key.js";
import { TUPLE } from "../engine/key-tags.js";
import { OrderedMap } from "../engine/ordered-map.js";
import { type ParsedRange, parseRangeAs, type Range, type RangeEncoding } from "../engine/range.js";
import type { Receipt } from "../engine/receipt.js";
import type { TransactionRunner } from "../engine/transaction-runner.js";

/** The map of an index. */
export function indexMapName(name: string): string {
  return `_meta/index/${name}`;
}

/** Ranges of index keys, as ranges of entries. */
class IndexEncoding implements RangeEncoding {
  readonly #maxKeyBytes: number;

  constructor(maxKeyBytes: number) {
    this.#maxKeyBytes = maxKeyBytes;
  }

  key(of: Key, into: KeyBuffer): void {
    into.bytes[0] = TUPLE;
    into.finish(encodeElement(of, into, 1, this.#maxKeyBytes));
  }

  prefix(of: Key, into: KeyBuffer): void {
    into.bytes[0] = TUPLE;
    into.finish(encodeElementPrefix(of, into, 1, this.#maxKeyBytes));
  }

  /** After an index key are those of all its records. */
  after(into: KeyBuffer): void {
    keyAfterPrefix(into);
  }
}

/** The entries of an index, in the order of index keys and then of the keys of records. */
class IndexEntries extends OrderedMap<[Key, Key], Uint8Array> {
  protected override parse(range: Range | undefined): ParsedRange {
    return parseRangeAs(range, new IndexEncoding(this.maxKeyBytes));
  }
}

export class ModuleIndex {
  readonly name: string;
  readonly #entries: IndexEntries;
  readonly #rebuild: () => Promise<Receipt>;

  /** @internal Use `db.modules.index`. */
  constructor(runner: TransactionRunner, name: string, rebuild: () => Promise<Receipt>) {
    this.name = name;
    this.#entries = new IndexEntries(runner, indexMapName(name), undefined);
    this.#rebuild = rebuild;
  }

  /**
   * Index keys with the keys of their records, in order. Lazy, of the state of this moment, as a range of a map.
   *
   * @param range of index keys
   * @throws LlmdbError `LLMDB_INVALID_ARGUMENT`, `LLMDB_KEY_TOO_LONG`, `LLMDB_CLOSED`, `LLMDB_CORRUPT`
   *
   * @example
   * ```ts
   * for (const [age, user] of db.modules.index("by-age").range({ gte: 30, lt: 40 })) console.log(age, user);
   * ```
   */
  range(range?: Range): IteratorObject<[Key, Key], undefined> {
    return this.#entries.keys(range);
  }

  /** How many entries a range has, in O(log n). Throws as `range`. */
  count(range?: Range): number {
    return this.#entries.count(range);
  }

  /**
   * Makes the index again from the records of its map, in one transaction.
   *
   * @throws LlmdbError (rejects) as a write, `LLMDB_WASM_*`
   */
  rebuild(): Promise<Receipt> {
    return this.#rebuild();
  }
}
