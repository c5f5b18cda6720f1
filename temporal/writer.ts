/**
 * The writes of one transaction to the store. Guarantees: arguments are checked and values encoded before anything is
 * touched; what a transaction did is noted in its row of the transaction log, and an operation that changed nothing, or
 * left nothing behind, is not.
 */
import { maxKeyBytes } from "../btree/node.js";
import type { Key } from "../engine/key.js";
import { valueCodec } from "../engine/value.js";
import type { TransactionExtension, WriteTransaction } from "../engine/write-transaction.js";
import { LlmdbError } from "../pager/error.js";
import { Erasure } from "./erasure.js";
import { MINUS_INFINITY, PLUS_INFINITY } from "./instant.js";
import { KeyChange } from "./key-change.js";
import { TX_BYTES } from "./maps.js";
import { closedSlices, knownSlices } from "./reader.js";
import { isSameValue } from "./same-value.js";
import { clip, gapsIn, type Span } from "./slice.js";
import { StoredValue } from "./slice-record.js";
import { maxStoredBytes, StoredKey } from "./stored-key.js";
import { rowKey } from "./transaction-log.js";
import { encodeRow, type LoggedOperation, type OperationName } from "./transaction-row.js";
import { WrittenMaps } from "./written-maps.js";

const codec = valueCodec("msgpack");
const NOTHING: readonly Span[] = [];
const NO_BYTES = new Uint8Array(0);

/** A stretch and what is to hold over it. */
interface Assertion {
  readonly span: Span;
  readonly bytes: Uint8Array;
}

/** An operation of the running transaction, with its key also where the log is to have a hash. */
interface PendingOperation extends LoggedOperation {
  readonly stored: Uint8Array;
}

export class TemporalWriter implements TransactionExtension {
  /** MessagePack of what the transaction was given as metadata. */
  meta: Uint8Array | null = null;
  /** Whether its time was given, so that it is logged whatever it wrote. */
  hasTime = false;
  readonly #writer: WriteTransaction;
  readonly #maps: WrittenMaps;
  readonly #maxBytes: number;
  readonly #largeBytes: number;
  readonly #time: bigint;
  readonly #key = new StoredKey();
  #operations: PendingOperation[] = [];
  #largeValues = 0;
  /** While the function of an update runs. */
  #isChanging = false;

  constructor(writer: WriteTransaction) {
    const { pageSize } = writer.writeSet;
    this.#writer = writer;
    this.#maps = new WrittenMaps(writer);
    this.#maxBytes = maxStoredBytes(maxKeyBytes(pageSize));
    // Slices stay in their leaves: what is larger is stored once, and shared by the parts of a slice.
    this.#largeBytes = pageSize / 8;
    this.#time = BigInt(writer.micros);
  }

  /** The one of a running transaction. */
  static of(writer: WriteTransaction): TemporalWriter {
    const { extension } = writer;
    if (extension instanceof TemporalWriter) return extension;
    const created = new TemporalWriter(writer);
    writer.extension = created;
    return created;
  }

  /** The present for the whole transaction, in microseconds: its own time. */
  get now(): bigint {
    return this.#time;
  }

  put(partition: number, of: Key, value: unknown, span: Span): void {
    this.#requireWritable();
    // A copy: reading the key may run code of the caller, which may encode something else.
    const bytes = codec.encode(value).slice();
    const key = this.#setKey(partition, of);
    this.#change("put", partition, key, span, (change) =>
      change.put(span, bytes, (stored) => this.#store(key, stored)),
    );
  }

  /** Nothing is known to hold over the span any more. */
  delete(partition: number, of: Key, span: Span): void {
    this.#requireWritable();
    const key = this.#setKey(partition, of);
    if (span.from === span.to) return;
    this.#change("delete", partition, key, span, (change) => (change.assert(span, null) ? null : NOTHING));
  }

  update(partition: number, of: Key, change: (value: unknown) => unknown, span: Span): void {
    this.#replace("update", partition, of, change, undefined, span);
  }

  patch(partition: number, of: Key, part: unknown, span: Span): void {
    this.#replace("patch", partition, of, (value) => merge(value, part), requireObject(part), span);
  }

  /** Removes a key with everything that was ever known about it. */
  erase(partition: number, of: Key): void {
    this.#requireWritable();
    const key = this.#setKey(partition, of);
    this.#writer.grows = true;
    try {
      const hash = new Erasure(this.#writer, this.#maps, key).run();
      const whole = { from: MINUS_INFINITY, to: PLUS_INFINITY, written: NOTHING };
      this.#operations.push({ op: "erase", partition, key: hash, isHashed: true, stored: key.slice(), ...whole });
    } catch (error) {
      this.#writer.broken ??= error;
      throw error;
    }
  }

  /** Puts something in place of each slice in a span, and of its gaps where there is a `filling`. */
  #replace(
    op: OperationName,
    partition: number,
    of: Key,
    change: (value: unknown) => unknown,
    filling: unknown,
    span: Span,
  ): void {
    this.#requireWritable();
    const key = this.#setKey(partition, of);
    const slices = this.#begin(key).meeting(span);
    const values = slices.map((slice) => this.#begin(key).bytesOf(slice.value));
    const assertions: Assertion[] = [];
    for (const [i, slice] of slices.entries()) {
      const bytes = codec.encode(this.#changed(change, codec.decode(values[i]))).slice();
      if (!isSameValue(bytes, values[i])) assertions.push({ span: clip(slice, span), bytes });
    }
    if (filling !== undefined) {
      const bytes = codec.encode(filling).slice();
      for (const gap of gapsIn(span, slices)) assertions.push({ span: gap, bytes });
    }
    this.#setKey(partition, of);
    if (assertions.length === 0) {
      if (slices.length > 0) this.#noteUnchanged(partition, key, span);
      return;
    }
    this.#change(op, partition, key, span, (change) => {
      for (const assertion of assertions) change.assert(assertion.span, this.#store(key, assertion.bytes));
      return assertions.map(spanOf);
    });
  }

  /** What the function of an update makes of a value. Until it returns, the slices it was given for must stay. */
  #changed(change: (value: unknown) => unknown, value: unknown): unknown {
    this.#isChanging = true;
    try {
      return change(value);
    } finally {
      this.#isChanging = false;
    }
  }

  #requireWritable(): void {
    this.#writer.requireOpen();
    if (!this.#isChanging) return;
    throw invalid("the function of an update may not write; return the new value, and write after it");
  }

  /** The key of one operation: no code of the caller runs between this and its end. */
  #setKey(partition: number, of: Key): StoredKey {
    this.#key.set(partition, of, this.#maxBytes);
    return this.#key;
  }

  #begin(key: StoredKey): KeyChange {
    return new KeyChange(this.#maps, key, this.#writer.writeSet.tx, this.#time);
  }

  /**
   * Makes a change and notes it; an error on the way leaves nothing but rollback.
   *
   * @param make returns the stretches that it wrote, or null for the whole of the span
   */
  #change(
    op: OperationName,
    partition: number,
    key: StoredKey,
    span: Span,
    make: (change: KeyChange) => readonly Span[] | null,
  ): void {
    try {
      const change = this.#begin(key);
      const written = make(change);
      if (written === null || written.length > 0) {
        change.finish();
        this.#note(op, partition, key, span, written ?? NOTHING);
      } else if (op === "put") this.#noteUnchanged(partition, key, span);
    } catch (error) {
      this.#writer.broken ??= error;
      throw error;
    }
  }

  #note(op: OperationName, partition: number, key: StoredKey, { from, to }: Span, written: readonly Span[]): void {
    const stored = key.slice();
    this.#operations.push({ op, partition, key: stored, isHashed: false, stored, from, to, written });
  }

  /** What held already was said again: who did is worth a note where that is told. */
  #noteUnchanged(partition: number, key: StoredKey, span: Span): void {
    if (this.meta !== null) this.#note("unchanged", partition, key, span, NOTHING);
  }

  /** A value as slices hold it; a large one is stored now. */
  #store(key: StoredKey, bytes: Uint8Array): StoredValue {
    if (bytes.length <= this.#largeBytes) return new StoredValue(bytes, null, null);
    const large = { tx: this.#writer.writeSet.tx, number: this.#largeValues++ };
    this.#maps.values.put(key.bytes, key.value(large.tx, large.number), bytes, bytes.length);
    return new StoredValue(bytes, null, large);
  }

  mark(): number {
    return this.#operations.length;
  }

  restore(mark: number): void {
    this.#operations = this.#operations.slice(0, Math.max(0, mark));
  }

  /** Writes the row of the transaction. */
  prepare(changed: boolean): void {
    const operations = this.#tracedOperations();
    const isNoted = this.meta !== null || this.hasTime;
    if (operations.length === 0 && !(changed && (isNoted || this.#operations.length > 0))) return;
    for (const { op, stored } of operations) if (op === "unchanged") this.#mention(stored);
    const row = encodeRow({ micros: this.#time, meta: this.meta, operations });
    this.#maps.transactions.put(rowKey(this.#writer.writeSet.tx), TX_BYTES, row, row.length);
  }

  /** No slice leads to the row that names a key without a change of it: erasing the key finds it by this. */
  #mention(stored: Uint8Array): void {
    const key = this.#key;
    key.copy(stored, stored.length);
    this.#maps.mentions.put(key.bytes, key.mention(this.#writer.writeSet.tx), NO_BYTES, 0);
  }

  /**
   * What is worth a note: of operations on one key that undid each other, or that were erased, nothing is kept, so that
   * erasing a key finds it in the rows that its slices name, and nowhere else.
   */
  #tracedOperations(): PendingOperation[] {
    const operations = this.#operations;
    if (operations.length < 2) return operations;
    const last = new Map<string, number>();
    const counts = new Map<string, number>();
    for (const [i, { op, stored }] of operations.entries()) {
      const name = Buffer.from(stored).toString("latin1");
      counts.set(name, (counts.get(name) ?? 0) + 1);
      if (op === "erase") last.set(name, i);
    }
    if (counts.size === operations.length) return operations;
    const traced = new Map<string, boolean>();
    return operations.filter(({ op, stored }, i) => {
      const name = Buffer.from(stored).toString("latin1");
      const erasedAt = last.get(name);
      if (erasedAt !== undefined && i <= erasedAt) return i === erasedAt;
      if (op === "erase" || op === "unchanged" || counts.get(name) === 1) return true;
      const isTraced = traced.get(name) ?? this.#leftTrace(stored);
      traced.set(name, isTraced);
      return isTraced;
    });
  }

  /** Whether a slice of the key was written or closed by this transaction. */
  #leftTrace(stored: Uint8Array): boolean {
    const { tx } = this.#writer.writeSet;
    const key = new StoredKey();
    key.copy(stored, stored.length);
    if (knownSlices(this.#maps.sources, key).some(({ txFrom }) => txFrom === tx)) return true;
    const closedNow = { validFrom: MINUS_INFINITY, validTo: PLUS_INFINITY, txFrom: tx - 1, txTo: tx };
    return closedSlices(this.#maps.sources, key, closedNow).some(({ txTo }) => txTo === tx);
  }
}

function spanOf({ span }: Assertion): Span {
  return span;
}

/** `value` with the fields of `part`. */
function merge(value: unknown, part: unknown): unknown {
  return { ...requireObject(value), ...requireObject(part) };
}

function requireObject(value: unknown): object {
  const isPlain = typeof value === "object" && value !== null && !Array.isArray(value);
  if (isPlain && (Object.getPrototypeOf(value) === Object.prototype || Object.getPrototypeOf(value) === null)) {
    return value;
  }
  throw invalid("patch merges plain objects; use put or update for other values");
}

function invalid(message: string): LlmdbError {
  return new LlmdbError("LLMDB_INVALID_ARGUMENT", message);
}
