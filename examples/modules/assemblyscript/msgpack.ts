/**
 * MessagePack values read where they lie, and integers written. Guarantees: a reader stops at the end of the value it
 * was given, and depth costs it no stack.
 */
import { sameBytes } from "./llmdb";

function u16At(at: usize): u32 {
  return bswap<u16>(load<u16>(at));
}

function u32At(at: usize): u32 {
  return bswap<u32>(load<u32>(at));
}

function u64At(at: usize): u64 {
  return bswap<u64>(load<u64>(at));
}

/** Bytes of the tag, and of the length or count behind it. */
function headBytes(tag: u8): usize {
  if (tag < 0xc4 || tag >= 0xe0) return 1;
  if (tag < 0xc7) return 1 + ((<usize>1) << (tag - 0xc4));
  if (tag < 0xca) return 1 + ((<usize>1) << (tag - 0xc7));
  if (tag < 0xd9) return 1;
  if (tag < 0xdc) return 1 + ((<usize>1) << (tag - 0xd9));
  return 1 + ((<usize>2) << (tag & 1));
}

/** The number that stands behind a tag with a head of 2, 3 or 5 bytes. */
function sizeAt(at: usize): u32 {
  const head = headBytes(load<u8>(at));
  if (head == 2) return load<u8>(at + 1);
  return head == 3 ? u16At(at + 1) : u32At(at + 1);
}

/** Bytes of text, bytes or an extension, or of a number, behind the head. */
function bodyBytes(at: usize): usize {
  const tag = load<u8>(at);
  if (tag < 0xa0 || tag >= 0xdc) return 0;
  if (tag < 0xc0) return tag & 31;
  if (tag < 0xc4) return 0;
  if (tag < 0xc7 || tag >= 0xd9) return sizeAt(at);
  if (tag < 0xca) return <usize>sizeAt(at) + 1;
  if (tag < 0xcc) return (<usize>4) << (tag - 0xca);
  if (tag < 0xd4) return (<usize>1) << (tag & 3);
  return 1 + ((<usize>1) << (tag - 0xd4));
}

/** How many values an array or object has inside; 0 for everything else. */
function children(at: usize): u64 {
  const tag = load<u8>(at);
  if ((tag & 0xf0) == 0x80) return (tag & 15) << 1;
  if ((tag & 0xf0) == 0x90) return tag & 15;
  if (tag < 0xdc || tag > 0xdf) return 0;
  return (<u64>sizeAt(at)) << (tag >= 0xde ? 1 : 0);
}

/** Where the value at `at` ends; `end` where it does not end before. */
export function skipValue(at: usize, end: usize): usize {
  let left: u64 = 1;
  while (left > 0) {
    if (at >= end) return end;
    left += children(at) - 1;
    at += headBytes(load<u8>(at)) + bodyBytes(at);
  }
  return at;
}

export function isObject(at: usize): bool {
  const tag = load<u8>(at);
  return (tag & 0xf0) == 0x80 || tag == 0xde || tag == 0xdf;
}

export function isArray(at: usize): bool {
  const tag = load<u8>(at);
  return (tag & 0xf0) == 0x90 || tag == 0xdc || tag == 0xdd;
}

export function isText(at: usize): bool {
  const tag = load<u8>(at);
  return (tag & 0xe0) == 0xa0 || (tag >= 0xd9 && tag <= 0xdb);
}

export function isBytes(at: usize): bool {
  const tag = load<u8>(at);
  return tag >= 0xc4 && tag <= 0xc6;
}

/** Integers up to 64 bits and floats. A bigint beyond is an extension, and none of these. */
export function isNumber(at: usize): bool {
  const tag = load<u8>(at);
  return tag < 0x80 || tag >= 0xe0 || (tag >= 0xca && tag <= 0xd3);
}

/** How many elements an array has. */
export function elementCount(at: usize): u32 {
  return <u32>children(at);
}

/** Where the first element of an array or the first name of an object is; of text and bytes, where they start. */
export function inside(at: usize): usize {
  return at + headBytes(load<u8>(at));
}

/** Bytes of a text or of bytes, without their head. */
export function lengthAt(at: usize): usize {
  return bodyBytes(at);
}

/** Where the value of a field starts in the object from `at` to `end`; 0 where there is none. */
export function findField(at: usize, end: usize, name: usize, nameLength: usize): usize {
  if (at >= end || !isObject(at)) return 0;
  let left = children(at) >> 1;
  at = inside(at);
  for (; left > 0 && at < end; left--) {
    const value = skipValue(at, end);
    if (value >= end) return 0;
    if (isText(at) && lengthAt(at) == nameLength && sameBytes(inside(at), name, nameLength)) return value;
    at = skipValue(value, end);
  }
  return 0;
}

/** The number at `at`, as {@link isNumber} says there is one. */
export function numberAt(at: usize): f64 {
  const tag = load<u8>(at);
  switch (tag) {
    case 0xca:
      return reinterpret<f32>(u32At(at + 1));
    case 0xcb:
      return reinterpret<f64>(u64At(at + 1));
    case 0xcf:
      return <f64>u64At(at + 1);
    default:
      return <f64>integerAt(at);
  }
}

/** The integer at `at`, below 2^63. */
export function integerAt(at: usize): i64 {
  switch (load<u8>(at)) {
    case 0xcc:
      return load<u8>(at + 1);
    case 0xcd:
      return u16At(at + 1);
    case 0xce:
      return u32At(at + 1);
    case 0xcf:
    case 0xd3:
      return <i64>u64At(at + 1);
    case 0xd0:
      return load<i8>(at + 1);
    case 0xd1:
      return <i16>u16At(at + 1);
    case 0xd2:
      return <i32>u32At(at + 1);
    default:
      return load<i8>(at);
  }
}

/** How many bytes an integer from 0 takes. */
export function integerBytes(value: u64): u32 {
  if (value < 0x80) return 1;
  if (value <= 0xff) return 2;
  if (value <= 0xffff) return 3;
  return value <= 0xffffffff ? 5 : 9;
}

/** Writes an integer from 0, in the shortest form. */
export function writeInteger(value: u64, to: usize): void {
  switch (integerBytes(value)) {
    case 1:
      store<u8>(to, <u8>value);
      break;
    case 2:
      store<u8>(to, 0xcc);
      store<u8>(to, <u8>value, 1);
      break;
    case 3:
      store<u8>(to, 0xcd);
      store<u16>(to, bswap<u16>(<u16>value), 1);
      break;
    case 5:
      store<u8>(to, 0xce);
      store<u32>(to, bswap<u32>(<u32>value), 1);
      break;
    default:
      store<u8>(to, 0xcf);
      store<u64>(to, bswap<u64>(value), 1);
  }
}
