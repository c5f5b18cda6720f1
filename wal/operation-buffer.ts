/**
 * What one transaction did, as logical operations in the form in which the log stores them. Guarantees: operations
 * are in the order in which they were made; going back to a mark forgets everything after it; the bytes are behind
 * room for a record header, so that a record goes out in one write without being copied.
 *
 * ```
 * 1 map     u8 1, u8 value format, u16 length, name        the map that the following operations are on
 *           format bit 4: 12 bytes follow, the fields that the map keeps bounds of
 * 2 put     u8 2, u16 key length, u32 value length, key, value
 * 3 delete  u8 3, u16 key length, key
 * 4 clear   u8 4, u8 bounds (1 lower, 2 upper), u16 length, u16 length, lower, upper
 * 5 drop    u8 5                                           removes the map
 * 6 erase   u8 6                                           what was removed up to here is to be overwritten
 * 7 again   u8 7, u8 index      the following operations are on the map of an earlier map operation of this record
 * ```
 */
import { type BoundFields, encodeFields, FIELDS_BYTES, NO_BOUNDS, sameFields } from "../btree/bounds.js";
import { copyBytes } from "../pager/bytes.js";
import { RECORD_HEADER_BYTES } from "./record.js";

export const MAP = 1;
export const PUT = 2;
export const DELETE = 3;
export const CLEAR = 4;
export const DROP = 5;
export const ERASE = 6;
export const AGAIN = 7;
/** The most maps of a record that an index can name. */
export const MAX_KNOWN_MAPS = 256;
/** In the format of a map operation: fields follow. */
export const HAS_FIELDS = 0x10;
export const HAS_LOWER = 1;
export const HAS_UPPER = 2;

const encoder = new TextEncoder();
const FIRST_BYTES = 16 * 1024;
/** A buffer that grew beyond this is given back, unless the transaction before used a good part of it. */
const KEPT_BYTES = 1024 * 1024;
const LEAST_USE = 1 / 4;
/** Records are written up to the end of their sector. */
const SECTOR_BYTES = 4096;

/** A place to go back to. */
export interface OperationMark {
  readonly end: number;
  readonly map: NamedMap | null;
  readonly known: number;
}

/** A map as a map operation names it. */
interface NamedMap {
  readonly name: string;
  readonly format: number;
  readonly bounds: BoundFields;
}

export class OperationBuffer {
  bytes = new Uint8Array(FIRST_BYTES);
  /** Where the next operation goes; the first follows the record header. */
  end = RECORD_HEADER_BYTES;
  /** True where the transaction is too large for the log; its operations are not kept. */
  overflowed = false;
  /** The most bytes of operations that one record may hold. */
  readonly #limit: number;
  /** The map that operations are on, and those that were named so far. */
  #map: NamedMap | null = null;
  readonly #known: NamedMap[] = [];
  readonly #names = new Map<string, Uint8Array>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Bytes of operations. */
  get length(): number {
    return this.end - RECORD_HEADER_BYTES;
  }

  /** Empties the buffer for the next transaction; one that is not logged anyway keeps nothing. */
  reset(isLogged: boolean): void {
    const { length } = this.bytes;
    if (length > KEPT_BYTES && this.end < length * LEAST_USE) this.bytes = new Uint8Array(FIRST_BYTES);
    this.end = RECORD_HEADER_BYTES;
    this.overflowed = !isLogged;
    this.#map = null;
    this.#known.length = 0;
  }

  mark(): OperationMark {
    return { end: this.end, map: this.#map, known: this.#known.length };
  }

  /** Forgets everything since the mark. */
  truncate(mark: OperationMark): void {
    this.end = mark.end;
    this.#map = mark.map;
    this.#known.length = mark.known;
  }

  /** The operations that follow are on this map, whose values have this format (0: not fixed yet). */
  map(name: string, format: number, bounds: BoundFields = NO_BOUNDS): void {
    if (this.#map !== null && isMap(this.#map, name, format, bounds)) return;
    for (let index = 0; index < this.#known.length; index++) {
      const known = this.#known[index];
      if (!isMap(known, name, format, bounds)) continue;
      if (!this.#room(2)) return;
      this.#map = known;
      this.#u8(AGAIN);
      this.#u8(index);
      return;
    }
    const encoded = this.#encode(name);
    const fieldsBytes = bounds.length === 0 ? 0 : FIELDS_BYTES;
    if (!this.#room(4 + encoded.length + fieldsBytes)) return;
    this.#map = { name, format, bounds };
    if (this.#known.length < MAX_KNOWN_MAPS) this.#known.push(this.#map);
    this.#u8(MAP);
    this.#u8(fieldsBytes === 0 ? format : format | HAS_FIELDS);
    this.#u16(encoded.length);
    this.#copy(encoded, encoded.length);
    if (fieldsBytes === 0) return;
    encodeFields(bounds, this.bytes, this.end);
    this.end += fieldsBytes;
  }

  /** Most commits are on a few maps. */
  #encode(name: string): Uint8Array {
    let encoded = this.#names.get(name);
    if (encoded === undefined) {
      encoded = encoder.encode(name);
      if (this.#names.size === MAX_KNOWN_MAPS) this.#names.clear();
      this.#names.set(name, encoded);
    }
    return encoded;
  }

  put(key: Uint8Array, keyLength: number, value: Uint8Array): void {
    const { length } = value;
    if (!this.#room(7 + keyLength + length)) return;
    const { bytes } = this;
    const at = this.end;
    bytes[at] = PUT;
    bytes[at + 1] = keyLength;
    bytes[at + 2] = keyLength >>> 8;
    bytes[at + 3] = length;
    bytes[at + 4] = length >>> 8;
    bytes[at + 5] = length >>> 16;
    bytes[at + 6] = length >>> 24;
    copyBytes(key, 0, bytes, at + 7, keyLength);
    copyBytes(value, 0, bytes, at + 7 + keyLength, length);
    this.end = at + 7 + keyLength + length;
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

  erase(): void {
    if (this.#room(1)) this.#u8(ERASE);
  }

  /** Sees to it that `bytes` more fit, and the rest of a sector after them. False where the record gets too large. */
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

  #copy(from: Uint8Array, length: number): void {
    copyBytes(from, 0, this.bytes, this.end, length);
    this.end += length;
  }
}

function isMap(map: NamedMap, name: string, format: number, bounds: BoundFields): boolean {
  return map.name === name && map.format === format && sameFields(bounds, map.bounds);
}
