/**
 * Moving, clearing and comparing bytes between typed arrays. Guarantees: nothing here crosses into native code for the
 * short runs that keys and small values are, and nothing allocates for them.
 */

/** Memory that holds pages, and whether other threads can see it. */
interface PageBytes {
  readonly u8: Uint8Array;
  readonly isShared: boolean;
}

/** It takes any Uint8Array. */
const nativeCopy = Buffer.prototype.copy;

/** Below this a loop is faster than `TypedArray.prototype.set` with its temporary view. */
const LOOP_BYTES = 48;

/** Copies `length` bytes; source and target must be different buffers or must not overlap. */
export function copyBytes(from: Uint8Array, fromAt: number, to: Uint8Array, toAt: number, length: number): void {
  if (length < LOOP_BYTES) {
    for (let i = 0; i < length; i++) to[toAt + i] = from[fromAt + i];
  } else {
    to.set(length === from.length ? from : from.subarray(fromAt, fromAt + length), toAt);
  }
}

/**
 * Copies whole pages. In shared memory `set` takes up to three times as long as Node's own copy, which elsewhere takes
 * half as long again; a loop over words takes at least twice as long as both.
 */
export function copyPages(from: PageBytes, fromAt: number, to: Uint8Array, toAt: number, length: number): void {
  const { u8, isShared } = from;
  if (!isShared) {
    to.set(new Uint8Array(u8.buffer, u8.byteOffset + fromAt, length), toAt);
    return;
  }
  // Which would copy what fits.
  if (toAt + length > to.length) throw new RangeError("a page does not fit where it is to go");
  nativeCopy.call(u8, to, toAt, fromAt, fromAt + length);
}

/** Overwrites `length` bytes with zeros. */
export function zeroBytes(bytes: Uint8Array, at: number, length: number): void {
  if (length < LOOP_BYTES) {
    for (let i = 0; i < length; i++) bytes[at + i] = 0;
  } else {
    bytes.fill(0, at, at + length);
  }
}

/** Compares two byte strings as unsigned bytes, a shorter one first: below, at or above zero. */
export function compareBytes(
  a: Uint8Array,
  aAt: number,
  aLength: number,
  b: Uint8Array,
  bAt: number,
  bLength: number,
): number {
  const shared = Math.min(aLength, bLength);
  for (let i = 0; i < shared; i++) {
    const difference = a[aAt + i] - b[bAt + i];
    if (difference !== 0) return difference;
  }
  return aLength - bLength;
}

/** How many leading bytes two byte strings share. */
export function sharedPrefix(a: Uint8Array, aLength: number, b: Uint8Array, bLength: number): number {
  const shared = Math.min(aLength, bLength);
  let i = 0;
  while (i < shared && a[i] === b[i]) i++;
  return i;
}
