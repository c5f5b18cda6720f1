/**
 * How the values of a map become bytes and come back. Guarantees: a codec either stores a value so that it reads back
 * (what changes on the way is documented), or throws a typed error; decoding never hands out a view of its input.
 */
import { isSharedArrayBuffer, isUint8Array } from "node:util/types";
import { LlmdbError } from "../pager/error.js";
import { MAX_VALUE_DEPTH } from "./msgpack.js";
import { decodeMsgpack } from "./msgpack-reader.js";
import { encodeMsgpack } from "./msgpack-writer.js";
import { readUtf8, requireWellFormed, writeUtf8 } from "./utf8.js";
import { MAX_HOLES, MAX_VALUE_BYTES, tooLarge, tooSparse } from "./value-limits.js";

/** The ways to store values. A map keeps the one that it was first written with. */
export type ValueFormat = "msgpack" | "json" | "bytes" | "string";

/** Turns values into bytes and back. */
export interface ValueCodec {
  readonly format: ValueFormat;
  /**
   * Encodes a value. The bytes may be a reused buffer or the caller's own: they are valid until the next call of any
   * codec, or until the caller changes them.
   *
   * @throws LlmdbError `LLMDB_INVALID_ARGUMENT` for what the format cannot hold, `LLMDB_VALUE_TOO_LARGE` past 1 GiB
   */
  encode(value: unknown): Uint8Array;
  /**
   * Decodes what {@link encode} wrote, from `bytes[start..end)`, or all of `bytes`; the result keeps nothing of them.
   *
   * @throws LlmdbError `LLMDB_CORRUPT` where the bytes are not what the format writes
   */
  decode(bytes: Uint8Array, start?: number, end?: number): unknown;
}

/** JSON text of more elements is longer than a string can be. */
const MAX_JSON_ELEMENTS = 2 ** 28;
/** Up to this length bytes are always copied: V8 keeps them on its heap, and moves them to look at their buffer. */
const SMALL_BYTES = 64;
const small = Array.from({ length: SMALL_BYTES + 1 }, (_, length) => new Uint8Array(length));

const codecs: Readonly<Record<ValueFormat, ValueCodec>> = {
  msgpack: { format: "msgpack", encode: (value) => guarded(encodeMsgpack, value), decode: decodeMsgpack },
  json: { format: "json", encode: (value) => guarded(encodeJson, value), decode: decodeJson },
  bytes: { format: "bytes", encode: (value) => guarded(encodeBytes, value), decode: decodeBytes },
  string: { format: "string", encode: (value) => guarded(encodeString, value), decode: decodeString },
};

/**
 * The codec of a format.
 *
 * @throws LlmdbError `LLMDB_INVALID_ARGUMENT` for a format that does not exist
 */
export function valueCodec(format: ValueFormat): ValueCodec {
  if (Object.hasOwn(codecs, format)) return codecs[format];
  throw new LlmdbError(
    "LLMDB_INVALID_ARGUMENT",
    `values can be stored as "msgpack", "json", "bytes" or "string", not as ${String(format)}`,
  );
}

/** Holds the size limit, and gives what a getter, a `toJSON` or a lack of memory throws its code and cause. */
function guarded(encode: (value: unknown) => Uint8Array, value: unknown): Uint8Array {
  let bytes: Uint8Array;
  try {
    bytes = encode(value);
  } catch (cause) {
    if (cause instanceof LlmdbError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    if (cause instanceof RangeError && /call stack/i.test(reason)) throw tooDeep(cause);
    if (
      /allocation failed|invalid (array )?(buffer|typed array) length|invalid string length|too l(ong|arge)/i.test(
        reason,
      )
    ) {
      throw tooLarge({ cause });
    }
    throw new LlmdbError("LLMDB_INVALID_ARGUMENT", `the value cannot be encoded: ${reason}`, {}, { cause });
  }
  if (bytes.length > MAX_VALUE_BYTES) throw tooLarge();
  return bytes;
}

function encodeJson(value: unknown): Uint8Array {
  requireJsonSize(value, 0);
  const text = JSON.stringify(value) as string | undefined;
  if (text === undefined) {
    throw new LlmdbError("LLMDB_INVALID_ARGUMENT", `a ${typeof value} is not JSON; delete the key, or store null`);
  }
  return writeUtf8(text);
}

/** Refuses what `JSON.stringify` would work on for minutes, and what is deeper than any other value may be. */
function requireJsonSize(value: unknown, depth: number): void {
  // What has a toJSON is asked for something else.
  if (typeof value !== "object" || value === null || typeof Reflect.get(value, "toJSON") === "function") return;
  if (depth === MAX_VALUE_DEPTH) throw tooDeep();
  if (!Array.isArray(value)) {
    for (const key in value) requireJsonSize(Reflect.get(value, key), depth + 1);
    return;
  }
  if (value.length > MAX_JSON_ELEMENTS) throw tooLarge();
  let holes = 0;
  for (let i = 0; i < value.length; i++) {
    if (value[i] === undefined && !(i in value) && ++holes > MAX_HOLES) throw tooSparse();
    requireJsonSize(value[i], depth + 1);
  }
}

function tooDeep(cause?: RangeError): LlmdbError {
  return new LlmdbError(
    "LLMDB_INVALID_ARGUMENT",
    `a value nested deeper than ${MAX_VALUE_DEPTH}, or inside itself, cannot be stored; store its parts under ` +
      "keys of their own",
    {},
    cause && { cause },
  );
}

function decodeJson(bytes: Uint8Array, start = 0, end = bytes.length): unknown {
  const text = readUtf8(bytes, start, end);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new LlmdbError("LLMDB_CORRUPT", "a stored value is not JSON; run verify()", {}, { cause });
  }
}

function encodeBytes(value: unknown): Uint8Array {
  if (!isUint8Array(value)) {
    throw new LlmdbError(
      "LLMDB_INVALID_ARGUMENT",
      `a map of bytes stores Uint8Arrays, not a value of type ${typeof value}`,
    );
  }
  if (value.length <= SMALL_BYTES) return copySmall(value);
  // Another thread may write to shared memory between the writing of the value and that of its checksum.
  if (isSharedArrayBuffer(value.buffer)) return new Uint8Array(value);
  // Buffers and other subclasses become plain, so that the code behind this sees one kind of array only.
  return value.constructor === Uint8Array ? value : new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
}

function copySmall(value: Uint8Array): Uint8Array {
  const copy = small[value.length];
  for (let i = 0; i < copy.length; i++) copy[i] = value[i];
  return copy;
}

function decodeBytes(bytes: Uint8Array, start = 0, end = bytes.length): Uint8Array {
  return new Uint8Array(bytes.subarray(start, end));
}

function encodeString(value: unknown): Uint8Array {
  if (typeof value !== "string") {
    throw new LlmdbError(
      "LLMDB_INVALID_ARGUMENT",
      `a map of strings stores strings, not a value of type ${typeof value}`,
    );
  }
  requireWellFormed(value, "a value");
  return writeUtf8(value);
}

function decodeString(bytes: Uint8Array, start = 0, end = bytes.length): string {
  return readUtf8(bytes, start, end);
}
