/**
 * The formats in which abstract-level hands keys and values over, and the bytes that are stored. Guarantees: text is
 * UTF-8 and what is not becomes U+FFFD, as in LevelDB; what is handed out keeps nothing of the page cache.
 */
import { isUint8Array } from "node:util/types";
import type { MapReader } from "../engine/map-reader.js";

/** A key or value in one of the formats `utf8`, `buffer` and `view`. */
export type Format = string | Buffer | Uint8Array;

/** The one map that holds a level database: bytes to bytes. */
export type ByteMap = MapReader<Uint8Array, Uint8Array>;

/** The bytes of a key or value, as abstract-level encoded it. May share memory with it. */
export function toBytes(data: string | ArrayBufferView): Uint8Array {
  if (typeof data === "string") return Buffer.from(data, "utf8");
  // The encodings pass every kind of view on.
  return isUint8Array(data) ? data : new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** Stored bytes in the format that was asked for. Takes the bytes over. */
export function fromBytes(bytes: Uint8Array, format: string): Format {
  if (format === "view") return bytes;
  return format === "utf8" ? textOf(bytes) : bufferOf(bytes);
}

/** The value of a key in the format that was asked for; undefined where the key is absent. */
export function readValue(map: ByteMap, key: Uint8Array, format: string): Format | undefined {
  if (format === "utf8") return map.view(key, textOf);
  const bytes = map.getBytes(key);
  return bytes && fromBytes(bytes, format);
}

function textOf(bytes: Uint8Array): string {
  return bufferOf(bytes).toString("utf8");
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
