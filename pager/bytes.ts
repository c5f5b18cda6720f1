/**
 * Moving, clearing and comparing bytes between typed arrays. Guarantees: nothing here crosses into native code for the
 * short runs that keys and small values are, and nothing allocates for them.
 */

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
