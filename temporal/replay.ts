/**
 * Doing again what the transaction log says, and comparing that with the slices that are stored. Guarantees: a slice
 * that no operation explains, and an operation whose slices are missing, are found; keys that were erased, and what was
 * forgotten, are left out.
 */
import { Cursor } from "../btree/cursor.js";
import { copyKey } from "../btree/node.js";
import type { ByteSource } from "../engine/byte-source.js";
import { copyValue, Entry } from "../engine/entry.js";
import { DisjointSlices } from "./disjoint-slices.js";
import { TX_BYTES } from "./maps.js";
import type { Mention } from "./mention.js";
import { type Slice, type Span, supersede } from "./slice.js";
import { readTx, type StoredKey } from "./stored-key.js";
import { horizonOf, rowKey } from "./transaction-log.js";
import { type LoggedOperation, readRow } from "./transaction-row.js";

interface Replayed {
  readonly tx: number;
  readonly operation: LoggedOperation;
}

/** How many operations of one row are read between two yields. */
const STEP_OPERATIONS = 16;
const entry = new Entry();
const keyBytes = new Uint8Array(65536);

export class LogReplay {
  readonly #log: ByteSource | undefined;
  readonly #horizon: number;
  /** Operations by key, in order. */
  readonly #operations = new Map<string, Replayed[]>();
  /** Which transactions said what held already, by key. */
  readonly #unchanged = new Set<string>();
  readonly #problem: (what: string) => void;

  constructor(log: ByteSource | undefined, problem: (what: string) => void) {
    this.#log = log;
    this.#horizon = horizonOf(log);
    this.#problem = problem;
  }

  /** Reads the log, some operations between two yields; each tells how many rows it has ended. */
  *read(latestTx: number): Generator<number, void> {
    const log = this.#log;
    if (log === undefined) return;
    const lower = rowKey(this.#horizon + 1);
    const bounds = { lower, lowerLength: TX_BYTES, upper: null, upperLength: 0 };
    const { cache } = log.reader;
    let before: { tx: number; micros: bigint } | undefined;
    for (const cursor = new Cursor(log.tree, log.reader, bounds, false); cursor.next(); yield 1) {
      copyKey(cache.views(cursor.frame), cache.base(cursor.frame), cursor.slot, keyBytes);
      const tx = readTx(keyBytes, 0);
      entry.set(log.reader, cursor.frame, cursor.slot);
      const { micros, operations } = readRow(copyValue(log.reader, entry, log.extents));
      if (before !== undefined && micros <= before.micros) {
        this.#problem(`transaction ${tx} is not later than transaction ${before.tx}`);
      }
      if (tx > latestTx) this.#problem(`transaction ${tx} has not happened`);
      before = { tx, micros };
      let steps = 0;
      for (const operation of operations) {
        this.#add(tx, operation);
        if (++steps % STEP_OPERATIONS === 0) yield 0;
      }
    }
  }

  /** Compares the stored slices of a key with what the log says about it, a slice between two yields. */
  *compare(key: StoredKey, stored: readonly Slice<unknown>[], problem: (what: string) => void): Generator<void, void> {
    const name = nameOf(key.slice());
    const operations = this.#operations.get(name) ?? [];
    this.#operations.delete(name);
    const there = new Set<string>();
    for (const slice of stored) {
      // Some of what was forgotten may still be there, if forgetting was cut short.
      if (slice.txTo <= this.#horizon) continue;
      const { size } = there;
      if (there.add(describe(slice)).size === size) problem("a slice is stored twice");
      yield;
    }
    const told = new Set<string>();
    for (const slice of replay(this.#start(stored), operations)) {
      if (slice !== undefined) told.add(describe(slice));
      yield;
    }
    for (const slice of there) {
      if (!told.has(slice)) problem(`the transaction log does not tell of ${slice}`);
      yield;
    }
    for (const slice of told) {
      if (!there.has(slice)) problem(`the transaction log tells of ${slice}, which is missing`);
      yield;
    }
  }

  /** After all keys: operations on others should have left nothing. */
  *finish(): Generator<void, void> {
    for (const operations of this.#operations.values()) {
      for (const slice of replay([], operations)) {
        if (slice !== undefined) this.#problem(`it tells of ${describe(slice)} of a key without slices`);
        yield;
      }
    }
  }

  /** Each row that names a key of which it changed nothing has a mention, and the other way round. */
  *compareMentions(mentions: Iterable<Mention>, problem: (what: string) => void): Generator<void, void> {
    for (const { stored, tx } of mentions) {
      yield;
      if (tx <= this.#horizon || this.#unchanged.delete(mentionName(stored, tx))) continue;
      problem(`transaction ${tx} is to mention a key that its row does not name`);
    }
    if (this.#unchanged.size > 0) problem(`${this.#unchanged.size} operations without a change have no mention`);
  }

  /** What was known when the log begins. */
  #start(stored: readonly Slice<unknown>[]): Slice<unknown>[] {
    return stored
      .filter(({ txFrom, txTo }) => txFrom <= this.#horizon && txTo > this.#horizon)
      .map((slice) => ({ ...slice, txTo: Number.POSITIVE_INFINITY }));
  }

  #add(tx: number, operation: LoggedOperation): void {
    if (operation.isHashed) return;
    const name = nameOf(operation.key);
    if (operation.op === "unchanged") {
      this.#unchanged.add(mentionName(operation.key, tx));
      return;
    }
    const known = this.#operations.get(name);
    if (known === undefined) this.#operations.set(name, [{ tx, operation }]);
    else known.push({ tx, operation });
  }
}

function nameOf(key: Uint8Array): string {
  return Buffer.from(key).toString("latin1");
}

function mentionName(key: Uint8Array, tx: number): string {
  return `${tx} ${nameOf(key)}`;
}

/** The slices that operations lead to; undefined where one has led to none yet. */
function* replay(
  start: readonly Slice<unknown>[],
  operations: readonly Replayed[],
): Generator<Slice<unknown> | undefined, void> {
  const known = new DisjointSlices<Slice<unknown>>();
  for (const slice of start) {
    known.add(slice);
    yield undefined;
  }
  for (const { tx, operation } of operations) {
    const { op, written } = operation;
    const holds = op !== "delete";
    // What is written of a put is its own stretch, unless the row says which parts of it.
    for (const span of holds && (op !== "put" || written.length > 0) ? written : [operation]) {
      for (const slice of known.take(span)) {
        const { closed, leftovers } = supersede(slice, span, tx);
        for (const leftover of leftovers) known.add(leftover);
        yield closed ?? undefined;
      }
      if (holds) known.add(writtenSlice(span, tx));
      yield undefined;
    }
  }
  yield* known.all;
}

function writtenSlice({ from: validFrom, to: validTo }: Span, tx: number): Slice<unknown> {
  return { validFrom, validTo, txFrom: tx, txTo: Number.POSITIVE_INFINITY, origin: tx, value: undefined };
}

function describe({ validFrom, validTo, txFrom, txTo, origin }: Slice<unknown>): string {
  return `the slice of transaction ${origin} valid in [${validFrom}, ${validTo}) us, known in [${txFrom}, ${txTo})`;
}
