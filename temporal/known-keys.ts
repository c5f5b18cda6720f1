/**
 * The keys of the whole store. Guarantees: every key of which anything is known now, about whatever time, in the order
 * of partitions and keys; lazy, and of the state of the moment it began. A key that was deleted at all times is not
 * among them, though it has history.
 */
import { Cursor } from "../btree/cursor.js";
import { copyKey } from "../btree/node.js";
import { HeldIterator } from "../engine/held-iterator.js";
import type { Key } from "../engine/key.js";
import { type HeldSources, iterate, type Sources } from "./sources.js";
import { decodeOnlyKey, readPartition, SYSTEM_PARTITION } from "./stored-key.js";

/** A key with its partition. */
export interface KnownKey {
  partition: number;
  key: Key;
}

const EVERYTHING = { lower: null, lowerLength: 0, upper: null, upperLength: 0 };
const found = new Uint8Array(65536);

/**
 * @throws LlmdbError `LLMDB_CLOSED`, `LLMDB_CORRUPT`
 */
export function knownKeys(sources: Sources): IteratorObject<KnownKey, undefined> {
  return iterate(sources, (held) => new KnownKeyIterator(held));
}

/** Goes through the heads: there is one for each key. */
class KnownKeyIterator extends HeldIterator<KnownKey> {
  readonly #cursor: Cursor | null;
  #held: HeldSources | null;

  constructor(held: HeldSources) {
    super();
    const { head } = held.maps();
    this.#held = held;
    this.#cursor = head === undefined ? null : new Cursor(head.tree, head.reader, EVERYTHING, false);
    if (head !== undefined && this.#cursor !== null) held.track(head.tree, this.#cursor);
  }

  next(): IteratorResult<KnownKey, undefined> {
    if (this.#held === null) return { done: true, value: undefined };
    this.#held.requireOpen();
    const { head } = this.#held.maps();
    const cursor = this.#cursor;
    if (cursor === null || head === undefined || !cursor.next()) return this.return();
    const { cache } = head.reader;
    const length = copyKey(cache.views(cursor.frame), cache.base(cursor.frame), cursor.slot, found);
    const partition = readPartition(found);
    // After all others comes what the database keeps of itself.
    if (partition === SYSTEM_PARTITION) return this.return();
    return { done: false, value: { partition, key: decodeOnlyKey(found, length) } };
  }

  return(): IteratorResult<KnownKey, undefined> {
    this.#held?.release();
    this.#held = null;
    return { done: true, value: undefined };
  }
}
