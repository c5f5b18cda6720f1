/**
 * The transaction log: which transactions there were, when, and what they did to the store. Guarantees: a transaction
 * that changed the store, or was given metadata or a time, has a row; rows are in the order of their numbers, and so
 * of their times.
 */

import { type Bounds, Cursor } from "../btree/cursor.js";
import { keyBuffer } from "../btree/key-bytes.js";
import { copyKey } from "../btree/node.js";
import { type ByteSource, floorEntry } from "../engine/byte-source.js";
import { borrowValue, copyValue, Entry, findEntry } from "../engine/entry.js";
import { HeldIterator } from "../engine/held-iterator.js";
import type { Key } from "../engine/key.js";
import type { Milliseconds } from "../engine/receipt.js";
import { valueCodec } from "../engine/value.js";
import { LlmdbError } from "../pager/error.js";
import { MINUS_INFINITY, PLUS_INFINITY, toMilliseconds } from "./instant.js";
import { TX_BYTES } from "./maps.js";
import type { HeldSources } from "./sources.js";
import { decodeOnlyKey, readTx, SYSTEM_PARTITION, writeTx } from "./stored-key.js";
import { decodeRow, type LoggedOperation, rowMicros, type TransactionRow } from "./transaction-row.js";

/** One change, as `db.transactions` gives it. */
export interface LoggedChange {
  /**
   * `put`, `update`, `patch`, `delete`, `erase`, or `unchanged`: a put, update or patch of a transaction with metadata
   * said what held already.
   */
  op: string;
  /** 0 to 2^32 - 1. */
  partition: number;
  /** Of a key that was erased since: the SHA-256 of its stored bytes, as a `Uint8Array`. */
  key: Key;
  /** The stretch of the operation, in milliseconds since 1970 UTC; infinities are open ends. */
  validFrom: Milliseconds;
  validTo: Milliseconds;
}

/** A committed transaction, as `db.transactions` gives it. */
export interface LoggedTransaction {
  tx: number;
  /** In milliseconds since 1970 UTC. */
  time: Milliseconds;
  /** What the transaction was given; missing where it was given none. */
  meta?: unknown;
  /** In the order in which they were made; none where it wrote to maps only, or its history was forgotten. */
  changes: LoggedChange[];
}

const key = keyBuffer(TX_BYTES);
const found = new Uint8Array(65536);
const entry = new Entry();
const codec = valueCodec("msgpack");

/** The key of a row, in a buffer of its own. */
export function rowKey(tx: number): Uint8Array {
  const bytes = keyBuffer(TX_BYTES);
  writeTx(tx, bytes, 0);
  return bytes;
}

/** The row of a transaction, or undefined. */
export function readRow(log: ByteSource | undefined, tx: number): TransactionRow | undefined {
  if (log === undefined) return undefined;
  writeTx(tx, key, 0);
  if (!findEntry(log.tree, log.reader, key, TX_BYTES, entry)) return undefined;
  return decodeRow(copyValue(log.reader, entry, log.extents));
}

/** When a transaction with a row happened. */
export function timeOf(log: ByteSource | undefined, tx: number): bigint {
  if (log !== undefined) {
    writeTx(tx, key, 0);
    if (findEntry(log.tree, log.reader, key, TX_BYTES, entry)) {
      return rowMicros(borrowValue(log.reader, entry, log.extents));
    }
  }
  throw new LlmdbError("LLMDB_CORRUPT", `the transaction log has no row of transaction ${tx}; run verify()`, { tx });
}

/** Before this transaction nothing can be asked: the history of it was forgotten. */
export function horizonOf(log: ByteSource | undefined): number {
  if (log === undefined || log.tree.depth === 0) return 0;
  writeTx(0, key, 0);
  if (!findEntry(log.tree, log.reader, key, TX_BYTES, entry)) return 0;
  return readTx(borrowValue(log.reader, entry, log.extents), 0);
}

/** The largest transaction with a row whose number is not above `tx`; 0 where there is none. */
function rowAtOrBelow(log: ByteSource, tx: number): number {
  writeTx(tx, key, 0);
  if (!floorEntry(log, key, TX_BYTES, entry)) return 0;
  const { cache } = log.reader;
  copyKey(cache.views(entry.frame), cache.base(entry.frame), entry.slot, found);
  return readTx(found, 0);
}

/** The largest transaction with a row whose time is not later than `micros`; 0 where there is none. */
export function txAt(log: ByteSource | undefined, micros: bigint, latestTx: number): number {
  if (log === undefined) return 0;
  // `row` is the last one up to the number `low`.
  let row = 0;
  let low = 0;
  let high = rowAtOrBelow(log, latestTx);
  while (low < high) {
    const middle = low + Math.ceil((high - low) / 2);
    // It may stand for a run of numbers without one.
    const next = rowAtOrBelow(log, middle);
    if (next > row && timeOf(log, next) > micros) high = rowAtOrBelow(log, next - 1);
    else {
      row = Math.max(row, next);
      low = middle;
    }
  }
  return row;
}

/** Which transactions to list. */
export interface LogRange {
  /** Above this number. */
  readonly after: number;
  /** From this time on, and before that one. */
  readonly from: bigint;
  readonly to: bigint;
  readonly limit: number;
  readonly reverse: boolean;
}

/** Rows one after the other; what it holds is let go at its end, or when the loop is left. */
export class LogIterator extends HeldIterator<LoggedTransaction> {
  readonly #cursor: Cursor | null;
  readonly #log: ByteSource | undefined;
  #held: HeldSources | null;
  #left: number;

  constructor(held: HeldSources, range: LogRange) {
    super();
    this.#held = held;
    this.#left = range.limit;
    this.#log = held.maps().transactions;
    this.#cursor =
      this.#log === undefined
        ? null
        : new Cursor(this.#log.tree, this.#log.reader, boundsOf(range, this.#log, held.latestTx), range.reverse);
    if (this.#log !== undefined && this.#cursor !== null) held.track(this.#log.tree, this.#cursor);
  }

  next(): IteratorResult<LoggedTransaction, undefined> {
    if (this.#held === null) return { done: true, value: undefined };
    this.#held.requireOpen();
    if (this.#left > 0 && this.#cursor !== null && this.#log !== undefined && this.#cursor.next()) {
      this.#left--;
      return { done: false, value: this.#read(this.#cursor, this.#log) };
    }
    return this.return();
  }

  return(): IteratorResult<LoggedTransaction, undefined> {
    this.#held?.release();
    this.#held = null;
    return { done: true, value: undefined };
  }

  #read(cursor: Cursor, log: ByteSource): LoggedTransaction {
    const { cache } = log.reader;
    copyKey(cache.views(cursor.frame), cache.base(cursor.frame), cursor.slot, found);
    const tx = readTx(found, 0);
    entry.set(log.reader, cursor.frame, cursor.slot);
    const row = decodeRow(copyValue(log.reader, entry, log.extents));
    const meta = row.meta !== null && { meta: codec.decode(row.meta) };
    const operations = row.operations.filter(({ partition }) => partition !== SYSTEM_PARTITION);
    return { tx, time: toMilliseconds(row.micros), ...meta, changes: operations.map(changeOf) };
  }
}

/** Times ascend with numbers, so that times become numbers. */
function boundsOf({ after, from, to }: LogRange, log: ByteSource, latestTx: number): Bounds {
  const first = Math.max(after, from === MINUS_INFINITY ? 0 : txAt(log, from - 1n, latestTx)) + 1;
  const last = to === PLUS_INFINITY ? latestTx : txAt(log, to - 1n, latestTx);
  const upper = rowKey(Math.max(last + 1, first));
  return { lower: rowKey(first), lowerLength: TX_BYTES, upper, upperLength: TX_BYTES };
}

function changeOf({ op, partition, key: stored, isHashed, from, to }: LoggedOperation): LoggedChange {
  const decoded = isHashed ? stored : decodeOnlyKey(stored, stored.length);
  return { op, partition, key: decoded, validFrom: toMilliseconds(from), validTo: toMilliseconds(to) };
}
