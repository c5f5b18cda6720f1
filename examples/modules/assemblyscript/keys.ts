/**
 * Encoded keys, as docs/keys.md has them: tuples taken apart, elements of tuples as keys of their own, and keys made of
 * numbers, texts and bytes. Guarantees: what is written is the one encoding that the key has.
 */

export const NULL: u8 = 0x02;
export const FALSE: u8 = 0x03;
export const TRUE: u8 = 0x04;
export const ZERO: u8 = 0x10;
export const STRING: u8 = 0x20;
export const BYTES: u8 = 0x21;
export const TUPLE: u8 = 0x22;

/** 2^63: from here on an integer says how long it is. */
const LONG: f64 = 9223372036854775808.0;

/** Bytes of a number; 0 for another type. What is complemented in negative numbers is turned back on the way. */
function numberBytes(at: usize): usize {
  let tag = load<u8>(at);
  const flip: u8 = tag < ZERO ? 0xff : 0;
  if (flip) tag = 0x20 - tag;
  if (tag == ZERO || tag == 0x1b) return 1;
  if (tag == 0x11) return 9;
  if (tag == 0x1a) {
    return 3 + (((<usize>(load<u8>(at + 1) ^ flip)) << 8) | (load<u8>(at + 2) ^ flip));
  }
  if (tag > 0x1b) return 0;
  const whole = <usize>(tag - 0x11);
  // The lowest bit of the doubled whole part says that seven bytes of fraction follow.
  return 1 + whole + ((load<u8>(at + whole) ^ flip) & 1 ? 7 : 0);
}

/** Where the element of a tuple that starts at `at` ends; `end` where it does not end before. */
export function elementEnd(at: usize, end: usize): usize {
  let depth = 0;
  do {
    if (at >= end) return end;
    const tag = load<u8>(at);
    if (tag == TUPLE) {
      depth++;
      at++;
    } else if (tag == 0) {
      depth--;
      at++;
    } else if (tag >= STRING) {
      while (at < end && load<u8>(at) != 0) at++;
      at++;
    } else {
      at += tag <= TRUE ? 1 : numberBytes(at);
    }
  } while (depth > 0);
  return min(at, end);
}

/** Writes the element from `at` to `end` as a key of its own; its length, which is at most the element's. */
export function writeElementAsKey(at: usize, end: usize, to: usize): u32 {
  const tag = load<u8>(at);
  if (tag < STRING) {
    memory.copy(to, at, end - at);
    return <u32>(end - at);
  }
  const start = to;
  end--; // the 00 at the end
  if (tag == TUPLE) {
    memory.copy(to, at, end - at);
    return <u32>(end - at);
  }
  // Within an element, 00 is written 01 01, and 01 is written 01 02.
  for (; at < end; at++) {
    let byte = load<u8>(at);
    if (byte == 1) byte = load<u8>(++at) - 1;
    store<u8>(to++, byte);
  }
  return <u32>(to - start);
}

/** Writes `00` to `7f...` big-endian, in as few bytes as they need, and returns how many. */
function writeShortest(value: u64, to: usize): usize {
  const bytes: usize = 8 - <usize>(clz<u64>(value) >> 3);
  for (let i: usize = 0; i < bytes; i++) store<u8>(to + i, <u8>(value >> ((bytes - 1 - i) << 3)));
  return bytes;
}

/** Writes a number as a key, and returns its length, at most 131; 0 for NaN, which is no key. */
export function writeNumberKey(value: f64, to: usize): usize {
  if (isNaN(value)) return 0;
  const length = writePositive(abs(value), to);
  if (value < 0) {
    store<u8>(to, 0x20 - load<u8>(to));
    for (let i: usize = 1; i < length; i++) store<u8>(to + i, ~load<u8>(to + i));
  }
  return length;
}

function writePositive(value: f64, to: usize): usize {
  if (value == 0) {
    store<u8>(to, ZERO);
    return 1;
  }
  if (value < 1) {
    store<u8>(to, 0x11);
    store<u64>(to, bswap<u64>(reinterpret<u64>(value)), 1);
    return 9;
  }
  if (value == Infinity) {
    store<u8>(to, 0x1b);
    return 1;
  }
  if (value >= LONG) return writeLong(value, to);
  const whole = <u64>value;
  const fraction = value - <f64>whole;
  const bytes = writeShortest((whole << 1) | (fraction > 0 ? 1 : 0), to + 1);
  store<u8>(to, <u8>(0x11 + bytes));
  if (fraction == 0) return 1 + bytes;
  const scaled = <u64>(fraction * 72057594037927936.0); // 2^56
  for (let i: usize = 0; i < 7; i++) store<u8>(to + 1 + bytes + i, <u8>(scaled >> ((6 - i) << 3)));
  return 8 + bytes;
}

/** An integer from 2^63: tag, length in two bytes, bytes. A float has 53 bits, and zeros behind them. */
function writeLong(value: f64, to: usize): usize {
  const bits = reinterpret<u64>(value);
  const shift = <usize>((bits >> 52) & 0x7ff) - 1075;
  const mantissa = (bits & 0x000f_ffff_ffff_ffff) | 0x0010_0000_0000_0000;
  const first = writeShortest(mantissa << (shift & 7), to + 3);
  const zeros = shift >> 3;
  memory.fill(to + 3 + first, 0, zeros);
  store<u8>(to, 0x1a);
  store<u16>(to, bswap<u16>(<u16>(first + zeros)), 1);
  return 3 + first + zeros;
}
