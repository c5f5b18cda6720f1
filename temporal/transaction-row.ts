/**
 * How the transaction log stores a transaction: the value of an entry under its number.
 *
 * ```
 * u8 flags (1 metadata)   instant time   [u32 length, metadata as MessagePack]   operations
 * operation: u8 kind (1 put, 2 update, 3 patch, 4 delete, 5 erase, 6 unchanged: it said what held already) and
 *                    8 from the time of the transaction, 16 to the end of time, 32 the key is a hash,
 *                    64 of a put: not all of its stretch was written
 *            partition, length of the key (7 bits a byte, the lowest first; bit 7: more follow)
 *            key       instant from, unless bit 8       instant to, unless bit 16
 *            of update and patch, and with bit 64: number of stretches written, then from and to of each
 * ```
 *
 * Guarantees: bytes that are no row are an error. Under number 0 lies what was forgotten: a u48 transaction, before
 * which nothing can be asked.
 */
import { LlmdbError } from "../pager/error.js";
import { decodeInstant, encodeInstant, INSTANT_BYTES, PLUS_INFINITY } from "./instant.js";

import type { Span } from "./slice.js";
import { equalBytes, readU32 } from "./slice-record.js";

/** What an operation is called. */
export type OperationName = "put" | "update" | "patch" | "delete" | "erase" | "unchanged";

const NAMES: readonly OperationName[] = ["put", "update", "patch", "delete", "erase", "unchanged"];
const META = 1;
const KIND = 7;
const FROM_TIME = 8;
const TO_OPEN = 16;
const HASHED = 32;
const IN_PARTS = 64;
const HASH_BYTES = 32;

/** One operation on one key. */
export interface LoggedOperation {
  readonly op: OperationName;
  /** Partition and key as they are stored, or the SHA-256 of that where the key was erased. */
  readonly partition: number;
  readonly key: Uint8Array;
  readonly isHashed: boolean;
  readonly from: bigint;
  readonly to: bigint;
  /** Of an update or a patch: what it wrote. Of a put: that, where it is not the whole of its stretch. */
  readonly written: readonly Span[];
}

/** A transaction as it is logged. */
export interface TransactionRow {
  readonly micros: bigint;
  /** MessagePack. */
  readonly meta: Uint8Array | null;
  readonly operations: readonly LoggedOperation[];
}

export function encodeRow(row: TransactionRow): Uint8Array {
  const writer = new RowWriter();
  writer.u8(row.meta === null ? 0 : META);
  writer.instant(row.micros);
  if (row.meta !== null) {
    writer.u32(row.meta.length);
    writer.copy(row.meta);
  }
  for (const operation of row.operations) writeOperation(operation, row.micros, writer);
  return writer.taken();
}

function writeOperation(operation: LoggedOperation, micros: bigint, writer: RowWriter): void {
  const { op, partition, key, from, to, isHashed, written } = operation;
  const kind = NAMES.indexOf(op) + 1;
  const bits = (from === micros ? FROM_TIME : 0) | (to === PLUS_INFINITY ? TO_OPEN : 0) | (isHashed ? HASHED : 0);
  const isInParts = op === "put" && written.length > 0;
  writer.u8(kind | bits | (isInParts ? IN_PARTS : 0));
  writer.count(partition);
  writer.count(key.length);
  writer.copy(key);
  if (from !== micros) writer.instant(from);
  if (to !== PLUS_INFINITY) writer.instant(to);
  if (!isInParts && op !== "update" && op !== "patch") return;
  writer.count(written.length);
  for (const span of written) {
    writer.instant(span.from);
    writer.instant(span.to);
  }
}

/**
 * @throws LlmdbError `LLMDB_CORRUPT`
 */
export function decodeRow(bytes: Uint8Array): TransactionRow {
  const { operations, ...row } = readRow(bytes);
  return { ...row, operations: [...operations] };
}

/**
 * As `decodeRow`, an operation at a time: a transaction may have a million of them.
 *
 * @throws LlmdbError `LLMDB_CORRUPT`, also while the operations are read
 */
export function readRow(
  bytes: Uint8Array,
): Omit<TransactionRow, "operations"> & { readonly operations: Iterable<LoggedOperation> } {
  const reader = new RowReader(bytes);
  const flags = reader.u8();
  const micros = reader.instant();
  const meta = (flags & META) === 0 ? null : reader.take(reader.u32());
  return { micros, meta, operations: operationsIn(reader, micros) };
}

function* operationsIn(reader: RowReader, micros: bigint): Generator<LoggedOperation, void> {
  while (!reader.atEnd) yield readOperation(reader, micros);
}

/** The time of a row. */
export function rowMicros(bytes: Uint8Array): bigint {
  return new RowReader(bytes.subarray(1)).instant();
}

function readOperation(reader: RowReader, micros: bigint): LoggedOperation {
  const bits = reader.u8();
  const op = NAMES[(bits & KIND) - 1];
  const isHashed = (bits & HASHED) !== 0;
  const partition = reader.count();
  const key = reader.take(reader.count()).slice();
  if (op === undefined || (isHashed && key.length !== HASH_BYTES)) throw malformed();
  const from = (bits & FROM_TIME) === 0 ? reader.instant() : micros;
  const to = (bits & TO_OPEN) === 0 ? reader.instant() : PLUS_INFINITY;
  const written: Span[] = [];
  const isInParts = (bits & IN_PARTS) !== 0;
  if (isInParts && op !== "put") throw malformed();
  if (isInParts || op === "update" || op === "patch") {
    for (let left = reader.count(); left > 0; left--) written.push({ from: reader.instant(), to: reader.instant() });
  }
  return { op, partition, key, isHashed, from, to, written };
}

/** The row with a hash in place of a key that was erased. */
export function hashKeyInRow(row: TransactionRow, key: Uint8Array, hash: Uint8Array): TransactionRow {
  const operations = row.operations.map((operation) =>
    !operation.isHashed && equalBytes(operation.key, key) ? { ...operation, key: hash, isHashed: true } : operation,
  );
  return { ...row, operations };
}

class RowWriter {
  #bytes = new Uint8Array(256);
  #end = 0;

  u8(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#end++] = value;
  }

  u32(value: number): void {
    for (let shift = 24; shift >= 0; shift -= 8) this.u8(value >>> shift);
  }

  /** Seven bits a byte, the lowest first. */
  count(value: number): void {
    let left = value;
    while (left >= 128) {
      this.u8((left % 128) + 128);
      left = Math.floor(left / 128);
    }
    this.u8(left);
  }

  instant(micros: bigint): void {
    this.#reserve(INSTANT_BYTES);
    encodeInstant(micros, this.#bytes, this.#end);
    this.#end += INSTANT_BYTES;
  }

  copy(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#end);
    this.#end += bytes.length;
  }

  /** What was written, without a copy. */
  taken(): Uint8Array {
    return this.#bytes.subarray(0, this.#end);
  }

  #reserve(count: number): void {
    const needed = this.#end + count;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.#bytes);
    this.#bytes = grown;
  }
}

class RowReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get atEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  u8(): number {
    if (this.#at >= this.#bytes.length) throw malformed();
    return this.#bytes[this.#at++];
  }

  u32(): number {
    return readU32(this.take(4), 0);
  }

  count(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 7; i++) {
      const byte = this.u8();
      value += (byte & 127) * scale;
      if (byte < 128) return value;
      scale *= 128;
    }
    throw malformed();
  }

  instant(): bigint {
    return decodeInstant(this.take(INSTANT_BYTES), 0);
  }

  take(length: number): Uint8Array {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw malformed();
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }
}

function malformed(): LlmdbError {
  return new LlmdbError("LLMDB_CORRUPT", "a row of the transaction log is malformed; run verify()");
}
