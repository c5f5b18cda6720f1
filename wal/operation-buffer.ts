/**
 * What one transaction did, as logical operations in the form in which the log stores them. Guarantees: operations
 * stand in the order in which they were made; going back to a mark forgets everything behind it; the bytes lie behind
 * room for a record header, so that a record goes out in one write without being copied.
 *
 * ```
 * 1 map     u8 1, u8 value format, u16 length, name        the map that the following operations are on
 * 2 put     u8 2, u16 key length, u32 value length, key, value
 * 3 delete  u8 3, u16 key length, key
 * 4 clear   u8 4, u8 bounds (1 lower, 2 upper), u16 length, u16 length, lower, upper
 * 5 drop    u8 5                                           removes the map
 * ```
 */
import { RECORD_HEADER_BYTES } from "./record.js";

export const MAP = 1;
export const PUT = 2;
export const DELETE = 3;
export const CLEAR = 4;
export const DROP = 5;
export const HAS_LOWER = 1;
export const HAS_UPPER = 2;

const FIRST_BYTES = 16 * 1024;
/** A buffer that grew beyond this is given back after its transaction. */
const KEPT_BYTES = 1024 * 1024;
/** Records are written up to the end of their sector. */
const SECTOR_BYTES = 4096;

/** A place to go back to. */
export interface OperationMark {
  readonly end: number;
  readonly map: string | null;
  readonly format: number;
}

export class OperationBuffer {
  bytes = new Uint8Array(FIRST_BYTES);
  /** Where the next operation goes; the first follows the record header. */
  end = RECORD_HEADER_BYTES;
  /** True where the transaction is too large for the log; its operations are not kept. */
  overflowed = false;
  /** The most bytes of operations that one record may hold. */
  readonly #limit: number;
  #map: string | null = null;
  #format = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Bytes of operations. */
  get length(): number {
    return this.end - RECORD_HEADER_BYTES;
  }

  /** Empties the buffer for the next transaction; one that is not logged anyway keeps nothing. */
  reset(isLogged: boolean): void {
    if (this.bytes.length > KEPT_BYTES) this.bytes = new Uint8Array(FIRST_BYTES);
    this.end = RECORD_HEADER_BYTES;
    this.overflowed = !isLogged;
    this.#map = null;
    this.#format = 0;
  }

  mark(): OperationMark {
    return { end: this.end, map: this.#map, format: this.#format };
  }

  /** Forgets everything since the mark. */
  truncate(mark: OperationMark): void {
    this.end = mark.end;
    this.#map = mark.map;
    this.#format = mark.format;
  }

  /** The operations that follow are on this map, whose values have this format (0: not fixed yet). */
  map(name: string, format: number): void {
    if (name === this.#map && format === this.#format) return;
    const encoded = new TextEncoder().encode(name);
    if (!this.#room(4 + encoded.length)) return;
    this.#map = name;
    this.#format = format;
    this.#u8(MAP);
    this.#u8(format);
    this.#u16(encoded.length);
    this.#copy(encoded, encoded.length);
  }

  put(key: Uint8Array, keyLength: number, value: Uint8Array): void {
    if (!this.#room(7 + keyLength + value.length)) return;
    this.#u8(PUT);
    this.#u16(keyLength);
    this.#u32(value.length);
    this.#copy(key, keyLength);
    this.#copy(value, value.length);
  }

  delete(key: Uint8Array, keyLength: number): void {
    if (!this.#room(3 + keyLength)) return;
    this.#u8(DELETE);
    this.#u16(keyLength);
    this.#copy(key, keyLength);
  }

  clear(lower: Uint8Array | null, lowerLength: number, upper: Uint8Array | null, upperLength: number): void {
    if (!this.#room(6 + lowerLength + upperLength)) return;
    this.#u8(CLEAR);
    this.#u8((lower === null ? 0 : HAS_LOWER) | (upper === null ? 0 : HAS_UPPER));
    this.#u16(lower === null ? 0 : lowerLength);
    this.#u16(upper === null ? 0 : upperLength);
    if (lower !== null) this.#copy(lower, lowerLength);
    if (upper !== null) this.#copy(upper, upperLength);
  }

  drop(): void {
    if (!this.#room(1)) return;
    this.#u8(DROP);
    this.#map = null;
  }

  /** Sees to it that `bytes` more fit, and the rest of a sector behind them. False where the record gets too large. */
  #room(bytes: number): boolean {
    if (this.overflowed) return false;
    const needed = this.end + bytes;
    if (needed > this.#limit) {
      this.overflowed = true;
      return false;
    }
    if (needed + SECTOR_BYTES <= this.bytes.length) return true;
    const larger = new Uint8Array(Math.max(needed + SECTOR_BYTES, this.bytes.length * 2));
    larger.set(this.bytes.subarray(0, this.end));
    this.bytes = larger;
    return true;
  }

  #u8(value: number): void {
    this.bytes[this.end++] = value;
  }

  #u16(value: number): void {
    this.#u8(value);
    this.#u8(value >>> 8);
  }

  #u32(value: number): void {
    this.#u16(value);
    this.#u16(value >>> 16);
  }

  #copy(from: Uint8Array, length: number): void {
    this.bytes.set(from.length === length ? from : from.subarray(0, length), this.end);
    this.end += length;
  }
}
