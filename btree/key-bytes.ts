/**
 * Keys as bytes. Searching compares them some bytes at a time, and so reads past the end of the key that it looks for:
 * a key is always followed by zeros in its buffer. Guarantees: only this file says how many. A key that is handed to
 * the tree was made by one of these functions, or is in a buffer that is zero from the key on.
 */

/** Zero bytes after each key. Searching and hashing read up to four; eight leave room to compare by longer words. */
export const KEY_PADDING = 8;

/** A key: `bytes[0..length)`, followed by at least `KEY_PADDING` zero bytes. */
export interface PaddedKey {
  readonly bytes: Uint8Array;
  readonly length: number;
}

/** A buffer for keys of at most `maxBytes` bytes. It is zero: a key that is written into a new one once is padded. */
export function keyBuffer(maxBytes: number): Uint8Array {
  return new Uint8Array(maxBytes + KEY_PADDING);
}

/** Ends a key in its buffer, which has room for it and the padding. */
export function padKey(bytes: Uint8Array, length: number): void {
  bytes[length] = 0;
  bytes[length + 1] = 0;
  bytes[length + 2] = 0;
  bytes[length + 3] = 0;
  bytes[length + 4] = 0;
  bytes[length + 5] = 0;
  bytes[length + 6] = 0;
  bytes[length + 7] = 0;
}

/** A copy of the key `bytes[0..length)`, in a buffer of its own. */
export function paddedCopy(bytes: Uint8Array, length: number): Uint8Array {
  const copy = keyBuffer(length);
  copy.set(bytes.subarray(0, length));
  return copy;
}

/** Whether a key is followed by its padding. */
export function isPadded(bytes: Uint8Array, length: number): boolean {
  if (bytes.length < length + KEY_PADDING) return false;
  for (let i = length; i < length + KEY_PADDING; i++) if (bytes[i] !== 0) return false;
  return true;
}
