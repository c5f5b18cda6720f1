/** A reader of encoded keys that was written from `docs/keys.md` and knows nothing of the code that writes them. */
import type { Key } from "../../index.js";

/** Decodes a whole key. */
export function readKey(bytes: Buffer): Key {
  const tag = bytes[0];
  if (tag === 0x20) return bytes.toString("utf8", 1);
  if (tag === 0x21) return new Uint8Array(bytes.subarray(1));
  const place = { at: 0 };
  if (tag !== 0x22) return readElement(bytes, place);
  place.at = 1;
  const tuple: Key[] = [];
  while (place.at < bytes.length) tuple.push(readElement(bytes, place));
  return tuple;
}

/** Decodes what stands in a tuple at a place, and moves the place behind it. */
export function readElement(bytes: Buffer, place: { at: number }): Key {
  const tag = bytes[place.at++];
  if (tag === 0x02) return null;
  if (tag === 0x03 || tag === 0x04) return tag === 0x04;
  if (tag === 0x10) return 0;
  if (tag > 0x10 && tag < 0x1c) return readNumber(tag, bytes, place, 0);
  if (tag < 0x10) return negated(readNumber(0x20 - tag, bytes, place, 0xff));
  if (tag === 0x20) return readEscaped(bytes, place).toString("utf8");
  if (tag === 0x21) return new Uint8Array(readEscaped(bytes, place));
  if (tag !== 0x22) throw new Error(`no type has the tag ${tag}`);
  const tuple: Key[] = [];
  while (bytes[place.at] !== 0) tuple.push(readElement(bytes, place));
  place.at++;
  return tuple;
}

function negated(size: number | bigint): number | bigint {
  return -size;
}

function readNumber(tag: number, bytes: Buffer, place: { at: number }, flip: number): number | bigint {
  const take = (count: number): Buffer => {
    const taken = Buffer.from(bytes.subarray(place.at, place.at + count)).map((byte) => byte ^ flip);
    place.at += count;
    return Buffer.from(taken);
  };
  if (tag === 0x1b) return Number.POSITIVE_INFINITY;
  if (tag === 0x11) return take(8).readDoubleBE();
  if (tag === 0x1a) return integer(bigEndian(take(take(2).readUInt16BE())));
  const doubled = bigEndian(take(tag - 0x11));
  if (doubled % 2n === 0n) return integer(doubled / 2n);
  return Number(doubled / 2n) + Number(bigEndian(take(7))) / 2 ** 56;
}

function bigEndian(bytes: Buffer): bigint {
  return BigInt(`0x${bytes.toString("hex")}`);
}

function integer(value: bigint): number | bigint {
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
}

function readEscaped(bytes: Buffer, place: { at: number }): Buffer {
  const read: number[] = [];
  for (;;) {
    const byte = bytes[place.at++];
    if (byte === 0) return Buffer.from(read);
    read.push(byte === 1 ? bytes[place.at++] - 1 : byte);
  }
}
