/**
 * The maps that hold the bitemporal store. They are ordinary ordered maps under names of the database's own, shared by
 * all partitions.
 *
 * ```
 * head          partition, key                    the slice that holds now, or the gap; as many entries as keys
 * live          partition, key, validFrom         the other slices that are known now
 * history       partition, key, txTo, validFrom   slices that are closed; they never change
 * values        partition, key, tx, number        values too large to lie in a slice
 * transactions  tx                                time, metadata and operations of a transaction; 0: what is forgotten
 * mentions      partition, key, tx                nothing: the row of tx names the key, of which it changed nothing
 * ```
 *
 * Guarantees: the slices of a key in head and live are disjoint in valid time; branches of history carry bounds of what
 * is below them, so that a question about the past skips what cannot answer it.
 */
import type { BoundFields } from "../btree/bounds.js";
import type { ByteSource } from "../engine/byte-source.js";
import { INSTANT_BYTES } from "./instant.js";

export const HEAD = "_meta/head";
export const LIVE = "_meta/live";
export const HISTORY = "_meta/history";
export const VALUES = "_meta/values";
export const TRANSACTIONS = "_meta/transactions";
export const MENTIONS = "_meta/mentions";

/** Bytes of a transaction in a key. */
export const TX_BYTES = 6;
/** What the key of a closed slice has after the key that it is about. */
export const HISTORY_SUFFIX_BYTES = TX_BYTES + INSTANT_BYTES;

/** In this order stand the limits of a question: txFrom, txTo, validFrom, validTo. */
export const HISTORY_BOUNDS: BoundFields = [
  { of: "value", offset: 1, bytes: TX_BYTES, keeps: "least" },
  { of: "key", offset: HISTORY_SUFFIX_BYTES, bytes: TX_BYTES, keeps: "greatest" },
  { of: "key", offset: INSTANT_BYTES, bytes: INSTANT_BYTES, keeps: "least" },
  { of: "value", offset: 1 + TX_BYTES, bytes: INSTANT_BYTES, keeps: "greatest" },
];

/** Among the slices of one key, txTo orders them. */
export const TX_TO_FIELD = 1;

/** What there is to read; a map that was never written to is undefined. */
export interface TemporalMaps {
  readonly head: ByteSource | undefined;
  readonly live: ByteSource | undefined;
  readonly history: ByteSource | undefined;
  readonly values: ByteSource | undefined;
  readonly transactions: ByteSource | undefined;
  readonly mentions: ByteSource | undefined;
}
