/**
 * What a write transaction changes in the maps that somebody watches. Guarantees: the changes are net, between the
 * committed state and that of the transaction at the moment of asking, in the order of the bytes of their keys; what
 * was put and taken out again, or undone by a savepoint, is not among them.
 *
 * Only keys are noted while the transaction runs: committed pages do not change under it, so what was there before can
 * be looked up when it is asked for. Of a range that is cleared, its bounds are noted, and not its keys.
 */

import { type Bounds, Cursor } from "../btree/cursor.js";
import { keyBuffer, paddedCopy, padKey } from "../btree/key-bytes.js";
import { copyKey } from "../btree/node.js";
import type { Tree } from "../btree/tree.js";
import type { PageStore } from "../mvcc/page-store.js";
import type { PageReader } from "../pager/page-reader.js";
import type { ByteSource } from "./byte-source.js";
import { copyValue, Entry, findEntry } from "./entry.js";
import { KeySet } from "./key-set.js";
import type { ValueFormat } from "./value.js";

/** One entry that is not what it was; bytes as they are stored, whole, in copies of their own. */
export interface Change {
  readonly key: Uint8Array;
  /** Null where the key is new. */
  readonly old: Uint8Array | null;
  /** Null where the key is gone. */
  readonly value: Uint8Array | null;
}

/** A map of a transaction, now and in the committed state. */
export interface WatchedMap {
  readonly name: string;
  readonly before: { readonly format: ValueFormat; readonly tree: Tree } | null;
  readonly tree: Tree;
  readonly format: ValueFormat | null;
}

const entry = new Entry();
const key = keyBuffer(65536);

/** What was touched in one map. */
export class MapChanges {
  readonly #map: WatchedMap;
  readonly #store: PageStore;
  readonly #reader: PageReader;
  readonly #keys = new KeySet();
  readonly #ranges: Bounds[] = [];

  /** @param reader sees what the transaction wrote */
  constructor(map: WatchedMap, store: PageStore, reader: PageReader) {
    this.#map = map;
    this.#store = store;
    this.#reader = reader;
  }

  get isTouched(): boolean {
    return this.#keys.count > 0 || this.#ranges.length > 0;
  }

  /** A key was put or taken out. */
  note(key: Uint8Array, length: number): void {
    this.#keys.add(key, length);
  }

  /** A range was cleared: what was put into it before was noted then, so only committed keys are missing. */
  noteRange({ lower, lowerLength, upper, upperLength }: Bounds): void {
    this.#ranges.push({
      lower: padded(lower, lowerLength),
      lowerLength,
      upper: padded(upper, upperLength),
      upperLength,
    });
  }

  /** For a savepoint: how many ranges there are. */
  mark(): number {
    return this.#ranges.length;
  }

  /** What was cleared since the mark is there again. Keys may stay: they are compared in the end. */
  restore(mark: number): void {
    if (mark < this.#ranges.length) this.#ranges.length = mark;
  }

  /**
   * @throws LlmdbError `LLMDB_CORRUPT`, `LLMDB_IO`
   */
  changes(): Change[] {
    const { before, tree, format } = this.#map;
    const { reader, extents } = this.#store;
    const committed = before && { tree: before.tree, reader, extents };
    if (committed !== null) this.#expand(committed);
    const own = { tree, reader: this.#reader, extents };
    const changes: Change[] = [];
    for (const number of this.#keys.sorted()) {
      const length = this.#keys.copy(number, key);
      const old = committed && readValue(committed, length);
      const value = readValue(own, length);
      // In another format the same bytes are another value.
      if (before?.format === format ? !isSame(old, value) : old !== null || value !== null) {
        changes.push({ key: key.slice(0, length), old, value });
      }
    }
    return changes;
  }

  /** Turns the ranges into the committed keys that are in them. */
  #expand({ tree, reader }: ByteSource): void {
    const { cache } = reader;
    for (const bounds of this.#ranges.splice(0)) {
      for (const cursor = new Cursor(tree, reader, bounds, false); cursor.next(); ) {
        const length = copyKey(cache.views(cursor.frame), cache.base(cursor.frame), cursor.slot, key);
        padKey(key, length);
        this.#keys.add(key, length);
      }
    }
  }
}

/** What was touched in all watched maps of a transaction. */
export class ChangeCapture {
  readonly #maps = new Map<string, MapChanges>();

  /** @internal */
  watch(map: WatchedMap, store: PageStore, reader: PageReader): MapChanges {
    const changes = new MapChanges(map, store, reader);
    this.#maps.set(map.name, changes);
    return changes;
  }

  get isTouched(): boolean {
    for (const map of this.#maps.values()) if (map.isTouched) return true;
    return false;
  }

  /** The watched maps in which something was touched so far, by name; it may have come to nothing. */
  touched(): string[] {
    return [...this.#maps].flatMap(([name, map]) => (map.isTouched ? [name] : [])).sort();
  }

  /**
   * How a map differs now from its committed state. May be asked again after further writes; a map that is not watched
   * or was not touched has no changes.
   *
   * @throws LlmdbError `LLMDB_CORRUPT`, `LLMDB_IO`
   */
  changes(map: string): Change[] {
    return this.#maps.get(map)?.changes() ?? [];
  }
}

function padded(bytes: Uint8Array | null, length: number): Uint8Array | null {
  return bytes === null ? null : paddedCopy(bytes, length);
}

function readValue({ tree, reader, extents }: ByteSource, length: number): Uint8Array | null {
  return findEntry(tree, reader, key, length, entry) ? copyValue(reader, entry, extents) : null;
}

function isSame(a: Uint8Array | null, b: Uint8Array | null): boolean {
  if (a === null || b === null) return a === b;
  return a.length === b.length && Buffer.compare(a, b) === 0;
}
