/**
 * How a slice is stored, as the value of an entry in head, live or history.
 *
 * ```
 * u8 flags   1 gap: nothing holds   2 the value lies in the map of values   4 origin follows   8 validTo is open
 *            16 the value is that of a closed slice, named below   32 of the one with this txFrom and validFrom
 * u48 txFrom
 * instant validTo     unless it is open; in history always
 * instant validFrom   in head only; elsewhere it is in the key
 * u48 origin          where it is not txFrom
 * u48 tx, u32 number  of the value in the map of values
 * u48 txTo, instant validFrom  of the closed slice whose value this is
 * the value, as MessagePack, unless it lies elsewhere
 * ```
 *
 * Integers have their highest byte first. Guarantees: a value that several slices share is stored once, in a closed
 * slice that holds it itself or in the map of values; what the head holds needs no second look, unless it is large.
 */
import { LlmdbError } from "../pager/error.js";
import { decodeInstant, encodeInstant, INSTANT_BYTES, PLUS_INFINITY } from "./instant.js";
import { TX_BYTES } from "./maps.js";
import type { Slice } from "./slice.js";
import { readTx, writeTx } from "./stored-key.js";

const GAP = 1;
const LARGE = 2;
const ORIGIN = 4;
const OPEN = 8;
const SHARED = 16;
const SHARED_HERE = 32;

/** Which map an entry is in. */
export type RecordKind = "head" | "live" | "history";

/** The closed slice that holds a value. */
export interface SharedValue {
  readonly txTo: number;
  readonly validFrom: bigint;
}

/** A value in the map of values. */
export interface LargeValue {
  readonly tx: number;
  readonly number: number;
}

/** Where the value of a slice is: in its own record, in a closed slice, or in the map of values. */
export class StoredValue {
  /** MessagePack; null until it is fetched. */
  bytes: Uint8Array | null;
  readonly shared: SharedValue | null;
  readonly large: LargeValue | null;

  constructor(bytes: Uint8Array | null, shared: SharedValue | null, large: LargeValue | null) {
    this.bytes = bytes;
    this.shared = shared;
    this.large = large;
  }
}

/** A slice with its value as it is stored. */
export type StoredSlice = Slice<StoredValue>;

/** A stretch of valid time in which nothing holds, as the head keeps it. */
export interface Gap {
  readonly validFrom: bigint;
  readonly validTo: bigint;
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** The parts of a record, as offsets into the page or buffer that holds it; one object is used again and again. */
export class RecordView {
  u8: Uint8Array = new Uint8Array(0);
  flags = 0;
  txFrom = 0;
  /** 0 where validTo is open. */
  toAt = 0;
  fromAt = 0;
  originAt = 0;
  /** Of the large or shared value. */
  placeAt = 0;
  valueAt = 0;
  start = 0;
  end = 0;

  /**
   * @throws LlmdbError `LLMDB_CORRUPT`
   */
  read(u8: Uint8Array, at: number, length: number, isHead: boolean): this {
    const flags = u8[at];
    this.u8 = u8;
    this.flags = flags;
    this.txFrom = readTx(u8, at + 1);
    let next = at + 1 + TX_BYTES;
    this.toAt = 0;
    if ((flags & OPEN) === 0) {
      this.toAt = next;
      next += INSTANT_BYTES;
    }
    this.fromAt = 0;
    if (isHead) {
      this.fromAt = next;
      next += INSTANT_BYTES;
    }
    if ((flags & ORIGIN) !== 0) {
      this.originAt = next;
      next += TX_BYTES;
    }
    this.placeAt = next;
    if ((flags & LARGE) !== 0) next += TX_BYTES + 4;
    if ((flags & SHARED) !== 0) next += TX_BYTES + INSTANT_BYTES;
    this.valueAt = next;
    this.start = at;
    this.end = at + length;
    if (length < 1 + TX_BYTES || next > this.end) throw malformed();
    return this;
  }

  get isGap(): boolean {
    return (this.flags & GAP) !== 0;
  }

  get isLarge(): boolean {
    return (this.flags & LARGE) !== 0;
  }

  get isShared(): boolean {
    return (this.flags & (SHARED | SHARED_HERE)) !== 0;
  }

  get isInline(): boolean {
    return (this.flags & (LARGE | SHARED | SHARED_HERE)) === 0;
  }

  get origin(): number {
    return (this.flags & ORIGIN) === 0 ? this.txFrom : readTx(this.u8, this.originAt);
  }

  get validTo(): bigint {
    return this.toAt === 0 ? PLUS_INFINITY : decodeInstant(this.u8, this.toAt);
  }

  /** In the record of a head. */
  get validFrom(): bigint {
    return decodeInstant(this.u8, this.fromAt);
  }

  get large(): LargeValue {
    return { tx: readTx(this.u8, this.placeAt), number: readU32(this.u8, this.placeAt + TX_BYTES) };
  }

  /** @param validFrom of this slice */
  shared(validFrom: bigint): SharedValue {
    if ((this.flags & SHARED_HERE) !== 0) return { txTo: this.txFrom, validFrom };
    return { txTo: readTx(this.u8, this.placeAt), validFrom: decodeInstant(this.u8, this.placeAt + TX_BYTES) };
  }

  /** Whether validTo is after an instant, given as the halves of its bytes. */
  endsAfter(high: number, low: number): boolean {
    if (this.toAt === 0) return true;
    const ownHigh = readU32(this.u8, this.toAt);
    return ownHigh > high || (ownHigh === high && readU32(this.u8, this.toAt + 4) > low);
  }

  /** Whether validFrom, in the record of a head, is not after an instant. */
  startsBy(high: number, low: number): boolean {
    const ownHigh = readU32(this.u8, this.fromAt);
    return ownHigh < high || (ownHigh === high && readU32(this.u8, this.fromAt + 4) <= low);
  }

  /** A copy of where the value is. */
  value(validFrom: bigint): StoredValue {
    if (this.isLarge) return new StoredValue(null, null, this.large);
    if (this.isShared) return new StoredValue(null, this.shared(validFrom), null);
    return new StoredValue(this.u8.slice(this.valueAt, this.end), null, null);
  }

  /** A copy as a slice; `validFrom` and `txTo` are what the key says. */
  slice(validFrom: bigint, txTo: number): StoredSlice {
    const { validTo, txFrom, origin } = this;
    return { validFrom, validTo, txFrom, txTo, origin, value: this.value(validFrom) };
  }
}

export function readU32(bytes: Uint8Array, at: number): number {
  return ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0;
}

function writeU32(value: number, bytes: Uint8Array, at: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

const HEADER_ROOM = 64;

/** Encodes records into one buffer that grows. */
export class RecordBuffer {
  bytes = new Uint8Array(1024);

  /** Returns the length of the record, which is at the start of `bytes`. */
  write(slice: StoredSlice, kind: RecordKind): number {
    const { large, bytes: value } = slice.value;
    // The head holds what it can itself: reading it must not take a second look.
    const shared = kind === "head" ? null : slice.value.shared;
    const own = large === null && shared === null ? (value ?? missing()) : null;
    this.#reserve(HEADER_ROOM + (own?.length ?? 0));
    const here = shared !== null && shared.txTo === slice.txFrom && shared.validFrom === slice.validFrom;
    const isOpen = slice.validTo === PLUS_INFINITY && kind !== "history";
    let flags = isOpen ? OPEN : 0;
    if (large !== null) flags |= LARGE;
    else if (here) flags |= SHARED_HERE;
    else if (shared !== null) flags |= SHARED;
    if (slice.origin !== slice.txFrom) flags |= ORIGIN;
    let at = this.#begin(flags, slice.txFrom);
    if (!isOpen) at = this.#instant(slice.validTo, at);
    if (kind === "head") at = this.#instant(slice.validFrom, at);
    if ((flags & ORIGIN) !== 0) at = this.#tx(slice.origin, at);
    if (large !== null) {
      at = this.#tx(large.tx, at);
      writeU32(large.number, this.bytes, at);
      at += 4;
    } else if ((flags & SHARED) !== 0 && shared !== null) {
      at = this.#instant(shared.validFrom, this.#tx(shared.txTo, at));
    }
    if (own === null) return at;
    this.bytes.set(own, at);
    return at + own.length;
  }

  /** Writes the record of a head where nothing holds. */
  writeGap(gap: Gap, tx: number): number {
    const isOpen = gap.validTo === PLUS_INFINITY;
    let at = this.#begin(GAP | (isOpen ? OPEN : 0), tx);
    if (!isOpen) at = this.#instant(gap.validTo, at);
    return this.#instant(gap.validFrom, at);
  }

  #begin(flags: number, txFrom: number): number {
    this.bytes[0] = flags;
    return this.#tx(txFrom, 1);
  }

  #tx(tx: number, at: number): number {
    writeTx(tx, this.bytes, at);
    return at + TX_BYTES;
  }

  #instant(micros: bigint, at: number): number {
    encodeInstant(micros, this.bytes, at);
    return at + INSTANT_BYTES;
  }

  #reserve(length: number): void {
    if (length > this.bytes.length) this.bytes = new Uint8Array(length * 2);
  }
}

function missing(): never {
  throw new LlmdbError("LLMDB_CORRUPT", "a slice has no value; run verify()");
}

function malformed(): LlmdbError {
  return new LlmdbError("LLMDB_CORRUPT", "a stored slice is malformed; run verify()");
}
