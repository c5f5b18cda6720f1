/**
 * Bounds: up to four fields of a map's entries whose least or greatest value every branch cell carries for what lies
 * below its child, so that a {@link FilterCursor} passes over subtrees in which nothing can match.
 *
 * In the map record and in the log, fields take 12 bytes, three for each:
 *
 * ```
 * 0  u8 flags (1 used, 2 of the value, 4 keeps the greatest)    1  u8 offset    2  u8 bytes
 * ```
 *
 * Guarantees: fields that are declared or decoded have passed {@link areFields}; an entry that has passed
 * {@link requireFields} holds each of them whole.
 */
import { compareBytes, copyBytes } from "../pager/bytes.js";
import { LlmdbError } from "../pager/error.js";

/**
 * Fixed bytes of each entry, compared as unsigned bytes (big-endian).
 */
export interface BoundField {
  readonly of: "key" | "value";
  /** "key": how many bytes before the end of the key it starts. "value": how many after the start of the value. */
  readonly offset: number;
  readonly bytes: number;
  readonly keeps: "least" | "greatest";
}

/** At most four. */
export type BoundFields = readonly BoundField[];

export const NO_BOUNDS: BoundFields = Object.freeze([]);
/** Bytes that declared fields take. */
export const FIELDS_BYTES = 12;

const MAX_FIELDS = 4;
const MAX_FIELD_BYTES = 16;
/** All fields together, at most. */
export const MAX_BOUND_BYTES = MAX_FIELDS * MAX_FIELD_BYTES;

const USED = 1;
const OF_VALUE = 2;
const GREATEST = 4;
const BYTES_EACH = 3;

/** Bytes of the bounds in a branch cell. */
export function boundBytes(fields: BoundFields): number {
  let bytes = 0;
  for (let i = 0; i < fields.length; i++) bytes += fields[i].bytes;
  return bytes;
}

/** Whether this can be declared: few and short enough, and none reaches over the end of a key. */
export function areFields(fields: BoundFields): boolean {
  return (
    fields.length <= MAX_FIELDS &&
    fields.every(
      ({ of, offset, bytes }) =>
        isByte(offset) &&
        isByte(bytes) &&
        bytes >= 1 &&
        bytes <= MAX_FIELD_BYTES &&
        (of === "value" || offset >= bytes),
    )
  );
}

function isByte(number: number): boolean {
  return Number.isInteger(number) && number >= 0 && number <= 255;
}

/** Whether two maps keep the same bounds. */
export function sameFields(a: BoundFields, b: BoundFields): boolean {
  if (a === b) return true;
  return a.length === b.length && a.every((field, i) => sameField(field, b[i]));
}

function sameField(a: BoundField, b: BoundField): boolean {
  return a.of === b.of && a.offset === b.offset && a.bytes === b.bytes && a.keeps === b.keeps;
}

/** Writes declared fields into 12 bytes. */
export function encodeFields(fields: BoundFields, into: Uint8Array, at: number): void {
  into.fill(0, at, at + FIELDS_BYTES);
  for (let i = 0; i < fields.length; i++) {
    const { of, offset, bytes, keeps } = fields[i];
    const to = at + i * BYTES_EACH;
    into[to] = USED | (of === "value" ? OF_VALUE : 0) | (keeps === "greatest" ? GREATEST : 0);
    into[to + 1] = offset;
    into[to + 2] = bytes;
  }
}

/** Reads declared fields; undefined where the 12 bytes are none. */
export function decodeFields(from: Uint8Array, at: number): BoundFields | undefined {
  const fields: BoundField[] = [];
  let end = at;
  for (; end < at + FIELDS_BYTES && from[end] !== 0; end += BYTES_EACH) {
    const flags = from[end];
    if ((flags & USED) === 0 || (flags & ~(USED | OF_VALUE | GREATEST)) !== 0) return undefined;
    fields.push({
      of: (flags & OF_VALUE) === 0 ? "key" : "value",
      offset: from[end + 1],
      bytes: from[end + 2],
      keeps: (flags & GREATEST) === 0 ? "least" : "greatest",
    });
  }
  for (; end < at + FIELDS_BYTES; end++) if (from[end] !== 0) return undefined;
  if (fields.length === 0) return NO_BOUNDS;
  return areFields(fields) ? fields : undefined;
}

/** Whether an entry of these lengths holds every field, and its value stays in the leaf. */
export function holdsFields(fields: BoundFields, keyLength: number, valueLength: number, maxInline: number): boolean {
  if (fields.length > 0 && valueLength > maxInline) return false;
  for (let i = 0; i < fields.length; i++) {
    const { of, offset, bytes } = fields[i];
    if (of === "key" ? keyLength < offset : valueLength < offset + bytes) return false;
  }
  return true;
}

/**
 * @throws LlmdbError `LLMDB_INVALID_ARGUMENT` where an entry of these lengths cannot be in a map with these fields
 */
export function requireFields(fields: BoundFields, keyLength: number, valueLength: number, maxInline: number): void {
  if (holdsFields(fields, keyLength, valueLength, maxInline)) return;
  throw new LlmdbError(
    "LLMDB_INVALID_ARGUMENT",
    "the map keeps bounds of fields that this entry does not hold, or its value is too long to stay in a leaf; " +
      "write entries of the form that the map was made for",
    { keyLength, valueLength, longestValue: maxInline },
  );
}

/** Writes the bounds of nothing: every value widens them. */
export function clearBounds(fields: BoundFields, into: Uint8Array, at: number): void {
  let to = at;
  for (let i = 0; i < fields.length; i++) {
    const { bytes, keeps } = fields[i];
    into.fill(keeps === "least" ? 0xff : 0, to, to + bytes);
    to += bytes;
  }
}

/** Widens bounds by others. Returns whether that changed them. */
export function widenBounds(
  fields: BoundFields,
  into: Uint8Array,
  at: number,
  from: Uint8Array,
  fromAt: number,
): boolean {
  let changed = false;
  let passed = 0;
  for (let i = 0; i < fields.length; i++) {
    const { bytes, keeps } = fields[i];
    const order = compareBytes(from, fromAt + passed, bytes, into, at + passed, bytes);
    if (keeps === "least" ? order < 0 : order > 0) {
      copyBytes(from, fromAt + passed, into, at + passed, bytes);
      changed = true;
    }
    passed += bytes;
  }
  return changed;
}

/** Whether one of the values is itself a bound, so that bounds may become tighter without it. */
export function touchesBounds(
  fields: BoundFields,
  values: Uint8Array,
  valuesAt: number,
  bounds: Uint8Array,
  at: number,
): boolean {
  let passed = 0;
  for (let i = 0; i < fields.length; i++) {
    const { bytes } = fields[i];
    if (compareBytes(values, valuesAt + passed, bytes, bounds, at + passed, bytes) === 0) return true;
    passed += bytes;
  }
  return false;
}

/** Whether bounds, or the values of one entry, are within limits: one for each field, in order. */
export function withinLimits(fields: BoundFields, bounds: Uint8Array, at: number, limits: Uint8Array): boolean {
  let passed = 0;
  for (let i = 0; i < fields.length; i++) {
    const { bytes, keeps } = fields[i];
    const order = compareBytes(bounds, at + passed, bytes, limits, passed, bytes);
    if (keeps === "least" ? order > 0 : order < 0) return false;
    passed += bytes;
  }
  return true;
}
