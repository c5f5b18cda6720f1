/**
 * What keys are, and the bytes that they are made of. Guarantees: the tags rise in the order of the types, and none of
 * these numbers changes while files with them are read. `docs/keys.md` shows them at work.
 */

/** What an ordered map is asked by. In order: null, booleans, numbers and bigints by value, strings, bytes, tuples. */
export type Key = string | number | bigint | boolean | null | Uint8Array | readonly Key[];

/** Ends a tuple, text and bytes inside a tuple; lower than every tag, so that the shorter one comes first. */
export const END = 0x00;
/** Inside a tuple 00 and 01 within text and bytes are written 01 01 and 01 02, because a 00 ends them. */
export const ESCAPE = 0x01;

export const NULL = 0x02;
export const FALSE = 0x03;
export const TRUE = 0x04;

/** Numbers have the tags 05 to 1B. That of a negative number is `MIRROR` minus the tag of its opposite. */
export const MIRROR = 0x20;
export const ZERO = 0x10;
/** Above 0, below 1: the eight bytes of the double follow. */
export const FRACTION = 0x11;
/** From 1, below 2^63: plus the count of bytes, 1 to 8, that hold the doubled whole part. */
export const WHOLE = 0x11;
/** From 2^63: two bytes of length, then the bytes of the integer. */
export const HUGE = 0x1a;
export const INFINITE = 0x1b;

export const STRING = 0x20;
export const BYTES = 0x21;
export const TUPLE = 0x22;

/** How deep tuples may nest. */
export const MAX_KEY_DEPTH = 64;
