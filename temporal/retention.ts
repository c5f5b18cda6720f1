/**
 * Forgetting history: closed slices that were known only before a point are dropped. Guarantees: what is known, and
 * what was known at the point or after it, stays and keeps its value; from the first of the transactions on, questions
 * about what is being forgotten are refused; after a crash in between, calling it again goes on.
 */

import { type Bounds, Cursor } from "../btree/cursor.js";
import { paddedCopy } from "../btree/key-bytes.js";
import { copyKey } from "../btree/node.js";
import type { ByteSource } from "../engine/byte-source.js";
import { copyValue, Entry } from "../engine/entry.js";
import type { TransactionRunner } from "../engine/transaction-runner.js";
import { knownTxAt } from "./at.js";
import { FoundSlice } from "./found-slice.js";
import { type Instant, MINUS_INFINITY, PLUS_INFINITY } from "./instant.js";
import { TX_BYTES } from "./maps.js";
import { forgetMentions } from "./mention.js";
import { closedSlices, knownSlices, type Rectangle, valueBytes } from "./reader.js";
import { RecordBuffer, type RecordKind, type StoredSlice, StoredValue } from "./slice-record.js";
import type { CommittedSources } from "./state-sources.js";
import { readTx, StoredKey, writeTx } from "./stored-key.js";
import { horizonOf, rowKey, txAt } from "./transaction-log.js";
import { decodeRow, encodeRow } from "./transaction-row.js";
import { WrittenMaps } from "./written-maps.js";

/** What was forgotten. */
export interface Forgotten {
  /** What was known before this transaction cannot be asked any more. */
  tx: number;
  /** Slices that were dropped. */
  slices: number;
}

/** Changes of one transaction. */
const STEP_CHANGES = 1000;
const UP_TO_NOW = "; history can be forgotten up to the last commit, not beyond it";
const EVERYTHING: Bounds = { lower: null, lowerLength: 0, upper: null, upperLength: 0 };

const found = new FoundSlice();
const entry = new Entry();
const record = new RecordBuffer();
const key = new Uint8Array(65536);

export async function forgetHistory(
  runner: TransactionRunner,
  sources: CommittedSources,
  before: Instant,
): Promise<Forgotten> {
  const known = knownTxAt(before, "before", sources, UP_TO_NOW);
  const { transactions } = sources.maps();
  const last = known === Number.POSITIVE_INFINITY ? txAt(transactions, PLUS_INFINITY, runner.state.lastTx) : known;
  const horizon = Math.max(last, horizonOf(transactions));
  if (horizon === 0) return { tx: 0, slices: 0 };
  await runner.run((writer) => {
    const bytes = new Uint8Array(TX_BYTES);
    writeTx(horizon, bytes, 0);
    new WrittenMaps(writer).transactions.put(rowKey(0), TX_BYTES, bytes, TX_BYTES);
  }, runner.durability);
  // The rows first: erasing a key finds the rows that name it through its slices.
  for (let tx = 1; tx <= horizon; ) {
    const from = tx;
    const step = await runner.run((writer) => forgetOperations(new WrittenMaps(writer), from, horizon), "buffered");
    tx = step.value;
  }
  for (let after: Uint8Array | null = new Uint8Array(0); after !== null; ) {
    const from: Uint8Array = after;
    const step = await runner.run(
      (writer) => forgetMentions(new WrittenMaps(writer), from, horizon, STEP_CHANGES),
      "buffered",
    );
    after = step.value;
  }
  let slices = 0;
  for (let after: Uint8Array | null = new Uint8Array(0); after !== null; ) {
    const from: Uint8Array = after;
    const { value } = await runner.run(
      (writer) => dropSlices(new WrittenMaps(writer), from, horizon),
      runner.durability,
    );
    slices += value.dropped;
    after = value.next;
  }
  return { tx: horizon, slices };
}

/** Takes the operations out of rows, from one up to the horizon; returns where to go on. */
function forgetOperations(maps: WrittenMaps, from: number, horizon: number): number {
  const { transactions } = maps;
  const log = transactions.source();
  const bounds = { lower: rowKey(from), lowerLength: TX_BYTES, upper: rowKey(horizon + 1), upperLength: TX_BYTES };
  const rows: { tx: number; bytes: Uint8Array }[] = [];
  const cursor = new Cursor(log.tree, log.reader, bounds, false);
  let next = horizon + 1;
  for (let seen = 0; cursor.next(); seen++) {
    const tx = txUnder(log, cursor);
    if (seen === STEP_CHANGES) {
      next = tx;
      break;
    }
    entry.set(log.reader, cursor.frame, cursor.slot);
    const row = decodeRow(copyValue(log.reader, entry, log.extents));
    if (row.operations.length > 0) rows.push({ tx, bytes: encodeRow({ ...row, operations: [] }) });
  }
  for (const row of rows) transactions.put(rowKey(row.tx), TX_BYTES, row.bytes, row.bytes.length);
  return next;
}

function txUnder(log: ByteSource, cursor: Cursor): number {
  const { cache } = log.reader;
  copyKey(cache.views(cursor.frame), cache.base(cursor.frame), cursor.slot, key);
  return readTx(key, 0);
}

/** Drops slices of some keys, from a place in history on; returns where to go on, or null. */
function dropSlices(
  maps: WrittenMaps,
  from: Uint8Array,
  horizon: number,
): { dropped: number; next: Uint8Array | null } {
  let dropped = 0;
  for (let stem = nextStem(maps.history.source(), from); stem !== null; ) {
    dropped += new KeyRetention(maps, stem, horizon).run();
    const after = stem.end();
    const next = after.bytes.slice(0, after.length);
    if (dropped >= STEP_CHANGES) return { dropped, next };
    stem = nextStem(maps.history.source(), next);
  }
  return { dropped, next: null };
}

/** The first key in history at a place or after it. */
function nextStem(history: ByteSource, from: Uint8Array): StoredKey | null {
  const lower = paddedCopy(from, from.length);
  const cursor = new Cursor(history.tree, history.reader, { ...EVERYTHING, lower, lowerLength: from.length }, false);
  if (!cursor.next()) return null;
  found.at(history, cursor.frame, cursor.slot, "history");
  const stem = new StoredKey();
  stem.copy(found.key, found.stemLength);
  return stem;
}

/** Forgetting what was known of one key. */
class KeyRetention {
  readonly #maps: WrittenMaps;
  readonly #key: StoredKey;
  readonly #horizon: number;

  constructor(maps: WrittenMaps, stem: StoredKey, horizon: number) {
    this.#maps = maps;
    this.#key = stem;
    this.#horizon = horizon;
  }

  /** Returns how many slices it dropped. */
  run(): number {
    const { sources } = this.#maps;
    const all: Rectangle = { validFrom: MINUS_INFINITY, validTo: PLUS_INFINITY, txFrom: 0, txTo: Infinity };
    const closed = closedSlices(sources, this.#key, all);
    const gone = closed.filter(({ txTo }) => txTo <= this.#horizon);
    if (gone.length === 0) return 0;
    const kept = closed.filter(({ txTo }) => txTo > this.#horizon);
    const known = knownSlices(sources, this.#key);
    for (const slice of kept) this.#takeValue(slice, "history");
    for (const slice of known) this.#takeValue(slice, "live");
    for (const { txTo, validFrom } of gone) {
      this.#maps.history.delete(this.#key.bytes, this.#key.history(txTo, validFrom));
    }
    this.#dropValues(gone, [...kept, ...known]);
    return gone.length;
  }

  /** A slice whose value is in one that goes takes the value itself. */
  #takeValue(slice: StoredSlice, kind: RecordKind): void {
    const { shared } = slice.value;
    if (shared === null || shared.txTo > this.#horizon) return;
    const value = new StoredValue(valueBytes(this.#maps.sources, this.#key, slice.value), null, null);
    const length = record.write({ ...slice, value }, kind);
    if (kind === "live") {
      this.#maps.live.put(this.#key.bytes, this.#key.live(slice.validFrom), record.bytes, length);
    } else {
      this.#maps.history.put(this.#key.bytes, this.#key.history(slice.txTo, slice.validFrom), record.bytes, length);
    }
  }

  /** Large values go with the last slice that has them. */
  #dropValues(gone: readonly StoredSlice[], left: readonly StoredSlice[]): void {
    const nameOf = ({ value: { large } }: StoredSlice) => (large === null ? "" : `${large.tx}:${large.number}`);
    const used = new Set(left.map(nameOf));
    for (const slice of gone) {
      const { large } = slice.value;
      if (large === null || used.has(nameOf(slice))) continue;
      used.add(nameOf(slice));
      this.#maps.values.delete(this.#key.bytes, this.#key.value(large.tx, large.number));
    }
  }
}
