/**
 * Mentions: transactions whose rows name a key of which they changed nothing, because what they said held already.
 * Guarantees: together with the slices of a key, its mentions lead to every row that names it, so that erasing the key
 * finds them all without reading the log.
 */

import { type Bounds, Cursor } from "../btree/cursor.js";
import { KEY_PADDING, paddedCopy } from "../btree/key-bytes.js";
import { copyKey } from "../btree/node.js";
import type { ByteSource } from "../engine/byte-source.js";
import { type TemporalMaps, TX_BYTES } from "./maps.js";
import { everythingOf } from "./reader.js";
import { readTx, type StoredKey } from "./stored-key.js";
import type { WrittenMaps } from "./written-maps.js";

const EVERYTHING: Bounds = { lower: null, lowerLength: 0, upper: null, upperLength: 0 };
const key = new Uint8Array(65536);

/** One mention: partition and key as they are stored, and the transaction. */
export interface Mention {
  readonly stored: Uint8Array;
  readonly tx: number;
}

/** All mentions, in the order of keys. */
export function* allMentions({ mentions }: TemporalMaps): Generator<Mention, undefined> {
  if (mentions === undefined) return undefined;
  for (const cursor = new Cursor(mentions.tree, mentions.reader, EVERYTHING, false); cursor.next(); ) {
    const length = keyAt(mentions, cursor);
    yield { stored: key.slice(0, length - TX_BYTES), tx: readTx(key, length - TX_BYTES) };
  }
  return undefined;
}

/** The transactions that mention a key. */
export function mentionsOf({ mentions }: TemporalMaps, of: StoredKey): number[] {
  const transactions: number[] = [];
  if (mentions === undefined) return transactions;
  for (const cursor = new Cursor(mentions.tree, mentions.reader, everythingOf(of), false); cursor.next(); ) {
    transactions.push(readTx(key, keyAt(mentions, cursor) - TX_BYTES));
  }
  return transactions;
}

/**
 * Takes out mentions by transactions up to a horizon, whose rows name nothing any more.
 *
 * @param from where to begin
 * @param most how many to look at
 * @returns where to go on, or null
 */
export function forgetMentions(maps: WrittenMaps, from: Uint8Array, horizon: number, most: number): Uint8Array | null {
  const source = maps.mentions.source();
  const lower = paddedCopy(from, from.length);
  const cursor = new Cursor(source.tree, source.reader, { ...EVERYTHING, lower, lowerLength: from.length }, false);
  const gone: Uint8Array[] = [];
  let next: Uint8Array | null = null;
  for (let seen = 0; cursor.next(); seen++) {
    const length = keyAt(source, cursor);
    if (seen === most) {
      next = key.slice(0, length);
      break;
    }
    if (readTx(key, length - TX_BYTES) <= horizon) gone.push(paddedCopy(key, length));
  }
  for (const mention of gone) maps.mentions.delete(mention, mention.length - KEY_PADDING);
  return next;
}

/** Copies the key that a cursor is at; returns its length. */
function keyAt(source: ByteSource, { frame, slot }: Cursor): number {
  const { cache } = source.reader;
  return copyKey(cache.views(frame), cache.base(frame), slot, key);
}
