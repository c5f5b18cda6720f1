/**
 * Writing values as MessagePack. Guarantees: what is accepted reads back the same (the exceptions are in
 * {@link encodeMsgpack}), the rest is a typed error; every number and text takes the shortest form that there is, and
 * the bytes are those that the MessagePack library writes.
 *
 * One walk through a value checks and writes it.
 */
import { isDate, isUint8Array } from "node:util/types";
import { EXT_TIMESTAMP, encodeDateToTimeSpec, encodeTimeSpecToTimestamp } from "@msgpack/msgpack";
import { LlmdbError } from "../pager/error.js";
import { magnitudeHex, writeMagnitude } from "./magnitude.js";
import { EXT_BIGINT, MAX_VALUE_DEPTH } from "./msgpack.js";
import { requireWellFormed } from "./utf8.js";
import { MAX_HOLES, MAX_VALUE_BYTES, tooLarge, tooSparse } from "./value-limits.js";

const FIRST_BYTES = 4096;

/** A buffer that grew past this is dropped: one large value must not hold its memory for ever. */
const RETAINED_BYTES = 1024 * 1024;

/** Longer texts are written by the native encoder. */
const SHORT_TEXT = 48;

/** Shorter runs of bytes are copied one by one. */
const SHORT_BYTES = 64;

const float = new DataView(new ArrayBuffer(8));

/** The bytes of one value. */
class MsgpackWriter {
  #bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
  #at = 0;
  isBusy = false;

  encode(value: unknown): Uint8Array {
    this.isBusy = true;
    this.#at = 0;
    try {
      this.#value(value, 0);
      return new Uint8Array(this.#bytes.buffer, this.#bytes.byteOffset, this.#at);
    } finally {
      this.isBusy = false;
      if (this.#bytes.length > RETAINED_BYTES) this.#bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
    }
  }

  #value(value: unknown, depth: number): void {
    switch (typeof value) {
      case "string":
        this.#text(value, "a value");
        return;
      case "number":
        this.#number(value);
        return;
      case "boolean":
        this.#byte(value ? 0xc3 : 0xc2);
        return;
      case "undefined":
        this.#byte(0xc0);
        return;
      case "bigint":
        this.#bigint(value);
        return;
      case "object":
        if (value === null) this.#byte(0xc0);
        else this.#object(value, depth + 1);
        return;
    }
    throw unstorable(`a ${typeof value}`);
  }

  #object(value: object, depth: number): void {
    if (depth > MAX_VALUE_DEPTH) throw unstorable(`a value nested deeper than ${MAX_VALUE_DEPTH}, or inside itself,`);
    if (Array.isArray(value)) this.#array(value, depth);
    else if (isUint8Array(value)) this.#binary(value);
    else if (isPlain(value)) this.#properties(value, depth);
    else if (isDate(value)) this.#date(value);
    else throw unstorable(`a ${Object.prototype.toString.call(value).slice(8, -1)}`);
  }

  #array(array: readonly unknown[], depth: number): void {
    const { length } = array;
    // Each element takes a byte at least.
    if (length > MAX_VALUE_BYTES - this.#at) throw tooLarge();
    this.#head(length, 0x90, 0xdc);
    let holes = 0;
    for (let i = 0; i < length; i++) {
      const value = array[i];
      if (value === undefined && !(i in array) && ++holes > MAX_HOLES) throw tooSparse();
      this.#value(value, depth);
    }
  }

  #properties(object: object, depth: number): void {
    const values = object as Record<string, unknown>;
    const keys = Object.keys(object);
    if (keys.length >= 16) {
      this.#manyProperties(keys, values, depth);
      return;
    }
    // Each property is read once, because a getter may say something else the next time; so the count comes last.
    const start = this.#at;
    this.#byte(0x80);
    let count = 0;
    for (const key of keys) count += this.#property(key, values[key], depth);
    this.#bytes[start] = 0x80 + count;
  }

  /** The head is longer than a byte if there are 16 that are not undefined. */
  #manyProperties(keys: readonly string[], values: Readonly<Record<string, unknown>>, depth: number): void {
    const list = keys.map((key) => values[key]);
    let count = 0;
    for (const value of list) if (value !== undefined) count++;
    this.#head(count, 0x80, 0xde);
    for (let i = 0; i < list.length; i++) this.#property(keys[i], list[i], depth);
  }

  #property(key: string, value: unknown, depth: number): number {
    if (value === undefined) return 0;
    this.#text(key, "the name of a property");
    this.#value(value, depth);
    return 1;
  }

  #text(text: string, what: string): void {
    const { length } = text;
    if (length > SHORT_TEXT) {
      this.#longText(text, what);
      return;
    }
    this.#reserve(2 + length);
    const bytes = this.#bytes;
    let at = this.#at;
    if (length < 32) {
      bytes[at++] = 0xa0 + length;
    } else {
      bytes[at++] = 0xd9;
      bytes[at++] = length;
    }
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i);
      if (code >= 0x80) {
        this.#longText(text, what);
        return;
      }
      bytes[at++] = code;
    }
    this.#at = at;
  }

  #longText(text: string, what: string): void {
    requireWellFormed(text, what);
    const length = Buffer.byteLength(text);
    this.#reserve(5 + length);
    if (length < 32) this.#byte(0xa0 + length);
    else this.#sized(length, 0xd9);
    this.#bytes.write(text, this.#at, length, "utf8");
    this.#at += length;
  }

  #number(value: number): void {
    this.#reserve(9);
    if (!Number.isSafeInteger(value)) {
      float.setFloat64(0, value);
      this.#bytes[this.#at++] = 0xcb;
      this.#word(float.getUint32(0));
      this.#word(float.getUint32(4));
    } else if (value >= 0) {
      if (value < 0x80) this.#bytes[this.#at++] = value;
      else if (value <= 0xffffffff) this.#sized(value, 0xcc);
      else this.#long(value, 0xcf);
    } else if (value >= -0x20) {
      this.#bytes[this.#at++] = value & 0xff;
    } else if (value >= -0x80000000) {
      this.#negative(value);
    } else {
      this.#long(value, 0xd3);
    }
  }

  #negative(value: number): void {
    const bytes = this.#bytes;
    if (value >= -0x80) {
      bytes[this.#at++] = 0xd0;
      bytes[this.#at++] = value;
    } else if (value >= -0x8000) {
      bytes[this.#at++] = 0xd1;
      bytes[this.#at++] = value >> 8;
      bytes[this.#at++] = value;
    } else {
      bytes[this.#at++] = 0xd2;
      this.#word(value);
    }
  }

  #long(value: number, head: number): void {
    this.#bytes[this.#at++] = head;
    this.#word(Math.floor(value / 2 ** 32));
    this.#word(value >>> 0);
  }

  #bigint(value: bigint): void {
    const hex = magnitudeHex(value < 0n ? -value : value);
    const length = hex.length / 2;
    this.#extension(EXT_BIGINT, 1 + length);
    this.#bytes[this.#at++] = value < 0n ? 1 : 0;
    this.#at = writeMagnitude(hex, this.#bytes, this.#at);
  }

  #date(value: Date): void {
    if (Number.isNaN(value.getTime())) throw unstorable("an invalid Date");
    const stamp = encodeTimeSpecToTimestamp(encodeDateToTimeSpec(value));
    this.#extension(EXT_TIMESTAMP, stamp.length);
    this.#raw(stamp, stamp.length);
  }

  /** The head of an extension, and room for what is in it. */
  #extension(type: number, length: number): void {
    this.#reserve(6 + length);
    // 1, 2, 4, 8 and 16 bytes have a head of their own.
    if (length <= 16 && (length & (length - 1)) === 0) this.#byte(0xd4 + 31 - Math.clz32(length));
    else this.#sized(length, 0xc7);
    this.#byte(type & 0xff);
  }

  #binary(value: Uint8Array): void {
    // Read once: shared memory that can grow may have grown the next time.
    const { length } = value;
    this.#reserve(5 + length);
    this.#sized(length, 0xc4);
    this.#raw(length < SHORT_BYTES ? value : value.subarray(0, length), length);
  }

  #raw(bytes: Uint8Array, length: number): void {
    if (length < SHORT_BYTES) for (let i = 0; i < length; i++) this.#bytes[this.#at + i] = bytes[i];
    else this.#bytes.set(bytes, this.#at);
    this.#at += length;
  }

  /** How many elements or properties follow: in one byte with `small`, or in two or four behind `large`. */
  #head(count: number, small: number, large: number): void {
    this.#reserve(5);
    if (count < 16) this.#byte(small + count);
    else if (count < 0x10000) this.#short(count, large);
    else this.#full(count, large + 1);
  }

  /** An unsigned number behind `head`, or one of the two after it, by the number of bytes it takes. */
  #sized(value: number, head: number): void {
    if (value >= 0x10000) {
      this.#full(value, head + 2);
    } else if (value >= 0x100) {
      this.#short(value, head + 1);
    } else {
      this.#bytes[this.#at++] = head;
      this.#bytes[this.#at++] = value;
    }
  }

  #short(value: number, head: number): void {
    this.#bytes[this.#at++] = head;
    this.#bytes[this.#at++] = value >>> 8;
    this.#bytes[this.#at++] = value;
  }

  #full(value: number, head: number): void {
    this.#bytes[this.#at++] = head;
    this.#word(value);
  }

  #word(value: number): void {
    const bytes = this.#bytes;
    const at = this.#at;
    bytes[at] = value >>> 24;
    bytes[at + 1] = value >>> 16;
    bytes[at + 2] = value >>> 8;
    bytes[at + 3] = value;
    this.#at = at + 4;
  }

  #byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#at++] = value;
  }

  #reserve(length: number): void {
    if (this.#at + length > this.#bytes.length) this.#grow(this.#at + length);
  }

  #grow(atLeast: number): void {
    // Not Buffer.alloc: what it throws where memory is short does not tell that apart from a wrong value.
    const larger = Buffer.from(new ArrayBuffer(atLeast * 2));
    larger.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = larger;
  }
}

const shared = new MsgpackWriter();

/**
 * Encodes a value: null, booleans, numbers, bigints of any size, strings, `Uint8Array`, `Date`, arrays and objects. The
 * bytes are valid until the next call.
 *
 * Reads back differently: -0 as 0; `undefined` as null in an array, and as nothing in an object; an instance of a class
 * as a plain object of its own enumerable properties; a `Buffer` as a `Uint8Array`. `toJSON` is not called, and
 * properties keyed by symbols are not stored.
 *
 * @throws LlmdbError `LLMDB_INVALID_ARGUMENT` for everything else: functions, symbols, `undefined` itself, `Map`,
 * `Set`, typed arrays but `Uint8Array`, an invalid `Date`, a lone surrogate, a cycle, more than
 * {@link MAX_VALUE_DEPTH} levels
 */
export function encodeMsgpack(value: unknown): Uint8Array {
  if (value === undefined) throw unstorable("undefined (delete the key instead)");
  // A getter that encodes on its own, in the middle of a value, gets a writer of its own.
  return (shared.isBusy ? new MsgpackWriter() : shared).encode(value);
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return true;
  return Object.prototype.toString.call(value) === "[object Object]";
}

function unstorable(what: string): LlmdbError {
  return new LlmdbError(
    "LLMDB_INVALID_ARGUMENT",
    `${what} cannot be stored; store null, booleans, numbers, bigints, strings, Uint8Arrays, Dates, arrays, objects`,
  );
}
