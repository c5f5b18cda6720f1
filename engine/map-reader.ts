/**
 * Reading an ordered map: the same for the newest state, a snapshot and a transaction; they differ in where the tree
 * comes from. Guarantees: point reads allocate nothing but the value they hand out; errors are `LlmdbError`.
 */
import { countRange } from "../btree/cursor.js";
import { maxKeyBytes } from "../btree/node.js";
import { Tree } from "../btree/tree.js";
import type { ExtentStore } from "../pager/extent-value.js";
import type { PageReader } from "../pager/page-reader.js";
import type { CommittedState } from "./committed-state.js";
import { borrowValue, copyValue, decodeValue, Entry, findEntry } from "./entry.js";
import { encodeKey, type Key, KeyBuffer } from "./key.js";
import { type IterationHold, MapIterator, type Part } from "./map-iterator.js";
import { type ParsedRange, parseRange, type Range } from "./range.js";
import { type ValueCodec, valueCodec } from "./value.js";

/** Where reads of a map go. */
export interface MapSource {
  readonly tree: Tree;
  readonly reader: PageReader;
  readonly extents: ExtentStore;
  readonly codec: ValueCodec;
}

const key = new KeyBuffer();
const entry = new Entry();
/** For maps that were never written to: nothing is decoded. */
const NO_CODEC = valueCodec("msgpack");

export abstract class MapReader<K extends Key = Key, V = unknown> {
  protected readonly state: CommittedState;
  protected readonly maxKeyBytes: number;

  constructor(state: CommittedState) {
    this.state = state;
    this.maxKeyBytes = maxKeyBytes(state.store.pageSize);
  }

  /** The tree to read, or undefined where nothing was ever written to the map. Throws where reading is over. */
  protected abstract source(): MapSource | undefined;
  /** What keeps the pages of `source` as they are while an iteration runs. */
  protected abstract hold(source: MapSource): IterationHold;

  /**
   * The value of a key, or undefined.
   *
   * @throws LlmdbError `LLMDB_INVALID_ARGUMENT`, `LLMDB_KEY_TOO_LONG`, `LLMDB_CORRUPT`, `LLMDB_CLOSED`
   */
  get(of: K): V | undefined {
    const source = this.source();
    encodeKey(of, key, this.maxKeyBytes);
    if (source === undefined || !findEntry(source.tree, source.reader, key.bytes, key.length, entry)) return undefined;
    return decodeValue(source.reader, entry, source.extents, source.codec) as V;
  }

  /**
   * The stored bytes of a key's value, as a copy that stays valid; undefined where the key is absent. Throws as `get`.
   */
  getBytes(of: K): Uint8Array | undefined {
    const source = this.source();
    encodeKey(of, key, this.maxKeyBytes);
    if (source === undefined || !findEntry(source.tree, source.reader, key.bytes, key.length, entry)) return undefined;
    return copyValue(source.reader, entry, source.extents);
  }

  /**
   * Calls `read` with the stored bytes without copying them, and returns what it returns. The bytes are a window on the
   * page cache: read them only inside `read`, and never write to them. Throws as `get`.
   */
  view<R>(of: K, read: (bytes: Uint8Array) => R): R | undefined {
    const source = this.source();
    encodeKey(of, key, this.maxKeyBytes);
    if (source === undefined || !findEntry(source.tree, source.reader, key.bytes, key.length, entry)) return undefined;
    const { cache } = source.reader;
    const { frame } = entry;
    const bytes = borrowValue(source.reader, entry, source.extents);
    // `read` may use the database; whatever it does, this page stays as it is until it returns.
    cache.pin(frame);
    try {
      return read(bytes);
    } finally {
      cache.unpin(frame);
    }
  }

  /** Whether a key is there. Throws as `get`. */
  has(of: K): boolean {
    const source = this.source();
    encodeKey(of, key, this.maxKeyBytes);
    return source !== undefined && findEntry(source.tree, source.reader, key.bytes, key.length, entry);
  }

  /**
   * Entries in key order. Lazy: outside of a transaction it reads the state of this moment, whatever is written
   * meanwhile; inside one it sees the transaction's own writes ahead of it. Leaving the loop early releases it.
   *
   * @example
   * ```ts
   * for (const [key, value] of map.range({ prefix: ["user", 42], reverse: true, limit: 10 })) console.log(key, value);
   * ```
   */
  range(range?: Range): IteratorObject<[K, V], undefined> {
    return this.iterate<[K, V]>(range, "entry");
  }

  /** The keys of a range, as `range`. */
  keys(range?: Range): IteratorObject<K, undefined> {
    return this.iterate<K>(range, "key");
  }

  /** The values of a range, as `range`. */
  values(range?: Range): IteratorObject<V, undefined> {
    return this.iterate<V>(range, "value");
  }

  /** How many entries a range has, in O(log n). `limit` and `offset` count; `reverse` makes no difference. */
  count(range?: Range): number {
    const source = this.source();
    const { bounds, limit, offset } = this.parse(range);
    if (source === undefined) return 0;
    return Math.min(limit, Math.max(0, countRange(source.tree, source.reader, bounds) - offset));
  }

  /** What a range means here. */
  protected parse(range: Range | undefined): ParsedRange {
    return parseRange(range, this.maxKeyBytes);
  }

  protected iterate<T>(range: Range | undefined, part: Part): MapIterator<T> {
    const source = this.source();
    const parsed = this.parse(range);
    const { reader, extents } = this.state.store;
    const readable = source ?? { tree: new Tree(), reader, extents, codec: NO_CODEC };
    return new MapIterator<T>(this.hold(readable), readable.codec, readable.extents, parsed, part);
  }
}
