/**
 * Ranges as abstract-level gives them, turned into ranges of a map. Guarantees: `gte` goes before `gt` and `lte` before
 * `lt`, where a map would take both; a seek to a key outside of the range finds nothing.
 */
import type { Range } from "../engine/range.js";
import { type Format, toBytes } from "./format.js";

/** What abstract-level makes of the options of an iterator and of `clear`. */
export interface LevelRange {
  gt?: Format;
  gte?: Format;
  lt?: Format;
  lte?: Format;
  readonly reverse: boolean;
  /** -1 is all. */
  readonly limit: number;
}

/** A range with its bounds as bytes of its own, so that the caller may reuse his. */
export interface ByteRange extends Range {
  gt?: Uint8Array;
  gte?: Uint8Array;
  lt?: Uint8Array;
  lte?: Uint8Array;
}

/** The bounds of a range and its direction, without its limit. */
export function byteRange(options: LevelRange): ByteRange {
  const range: ByteRange = { reverse: options.reverse };
  if (options.gte !== undefined) range.gte = Uint8Array.from(toBytes(options.gte));
  else if (options.gt !== undefined) range.gt = Uint8Array.from(toBytes(options.gt));
  if (options.lte !== undefined) range.lte = Uint8Array.from(toBytes(options.lte));
  else if (options.lt !== undefined) range.lt = Uint8Array.from(toBytes(options.lt));
  return range;
}

/** What is left of a range from a key on, in its direction. */
export function rangeFrom(range: ByteRange, target: Uint8Array): ByteRange {
  if (isOutside(range, target)) return { limit: 0 };
  // The target is at or inside the bound that it replaces.
  return range.reverse ? { ...range, lt: undefined, lte: target } : { ...range, gt: undefined, gte: target };
}

function isOutside({ gt, gte, lt, lte }: ByteRange, target: Uint8Array): boolean {
  if (gte !== undefined && Buffer.compare(target, gte) < 0) return true;
  if (gt !== undefined && Buffer.compare(target, gt) <= 0) return true;
  if (lte !== undefined && Buffer.compare(target, lte) > 0) return true;
  return lt !== undefined && Buffer.compare(target, lt) >= 0;
}
