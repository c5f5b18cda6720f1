/**
 * Whether two values are the same, as they are stored. Objects are, whatever order their fields were written in.
 */
import { valueCodec } from "../engine/value.js";
import { equalBytes } from "./slice-record.js";

const codec = valueCodec("msgpack");

/** Compares encoded values; nothing is decoded where the bytes are equal. */
export function isSameValue(a: Uint8Array, b: Uint8Array): boolean {
  // Loaded when it is needed: a program that opens a database and reads goes without.
  return equalBytes(a, b) || process.getBuiltinModule("node:util").isDeepStrictEqual(codec.decode(a), codec.decode(b));
}
