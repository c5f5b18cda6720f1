/**
 * Writing values as MessagePack. Guarantees: what is accepted reads back the same (the exceptions are in
 * {@link encodeMsgpack}), the rest is a typed error.
 */
import { isDate, isUint8Array } from "node:util/types";
import { Encoder, EXT_TIMESTAMP, ExtData, encodeDateToTimeSpec, encodeTimeSpecToTimestamp } from "@msgpack/msgpack";
import { LlmdbError } from "../pager/error.js";
import { magnitudeHex, writeMagnitude } from "./magnitude.js";
import { EXT_BIGINT, MAX_VALUE_DEPTH } from "./msgpack.js";
import { requireWellFormed } from "./utf8.js";

/** An encoder that grew past this is dropped: one large value must not hold its memory for ever. */
const RETAINED_BYTES = 1024 * 1024;

const extensionCodec = {
  tryToEncode(value: unknown): ExtData | null {
    if (typeof value === "bigint") return encodeBigint(value);
    if (isDate(value)) return new ExtData(EXT_TIMESTAMP, encodeTimeSpecToTimestamp(encodeDateToTimeSpec(value)));
    return null;
  },
  decode(): never {
    throw new LlmdbError("LLMDB_UNSUPPORTED", "this codec only encodes");
  },
};

let encoder = newEncoder();

function newEncoder(): Encoder {
  return new Encoder({ extensionCodec, maxDepth: MAX_VALUE_DEPTH + 1, ignoreUndefined: true });
}

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
  check(value, 0);
  const bytes = encoder.encodeSharedRef(value);
  if (bytes.length > RETAINED_BYTES) encoder = newEncoder();
  return bytes;
}

// The encoder of the library writes a Map as {}, a Float64Array as its bytes, half a surrogate pair as U+FFFD when the
// text is long, and an invalid Date as 1970. So what it gets has been looked at.
function check(value: unknown, depth: number): void {
  const type = typeof value;
  if (type === "string") requireWellFormed(value as string, "a value");
  else if (type === "function" || type === "symbol") throw unstorable(`a ${type}`);
  else if (type === "object" && value !== null) checkObject(value as object, depth + 1);
}

function checkObject(value: object, depth: number): void {
  if (depth > MAX_VALUE_DEPTH) throw unstorable(`a value nested deeper than ${MAX_VALUE_DEPTH}, or inside itself,`);
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) check(value[i], depth);
  } else if (isPlain(value)) {
    for (const key of Object.keys(value)) {
      requireWellFormed(key, "the name of a property");
      check((value as Record<string, unknown>)[key], depth);
    }
  } else {
    checkBuiltin(value);
  }
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return true;
  return Object.prototype.toString.call(value) === "[object Object]";
}

function checkBuiltin(value: object): void {
  if (isUint8Array(value)) return;
  if (!isDate(value)) throw unstorable(`a ${Object.prototype.toString.call(value).slice(8, -1)}`);
  if (Number.isNaN(value.getTime())) throw unstorable("an invalid Date");
}

function unstorable(what: string): LlmdbError {
  return new LlmdbError(
    "LLMDB_INVALID_ARGUMENT",
    `${what} cannot be stored; store null, booleans, numbers, bigints, strings, Uint8Arrays, Dates, arrays, objects`,
  );
}

function encodeBigint(value: bigint): ExtData {
  const negative = value < 0n;
  const hex = magnitudeHex(negative ? -value : value);
  const bytes = new Uint8Array(1 + hex.length / 2);
  bytes[0] = negative ? 1 : 0;
  writeMagnitude(hex, bytes, 1);
  return new ExtData(EXT_BIGINT, bytes);
}
