/**
 * Reads the binary format of WebAssembly (specification 2.0, chapter 5): bytes, LEB128 numbers, names. Guarantees: it
 * never reads beyond its end; whatever is malformed is a refusal that names the byte.
 */
import { refusal } from "./refusal.js";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export class ByteReader {
  readonly bytes: Uint8Array;
  /** The next byte. */
  at: number;
  readonly end: number;

  constructor(bytes: Uint8Array, at = 0, end = bytes.length) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  get isAtEnd(): boolean {
    return this.at >= this.end;
  }

  byte(): number {
    if (this.at >= this.end) throw this.#endsEarly();
    return this.bytes[this.at++];
  }

  /** The next byte, which stays unread; -1 at the end. */
  peek(): number {
    return this.at < this.end ? this.bytes[this.at] : -1;
  }

  skip(count: number): void {
    if (count > this.end - this.at) throw this.#endsEarly();
    this.at += count;
  }

  /** An unsigned LEB128 number of 32 bits. */
  u32(): number {
    const first = this.byte();
    if (first < 0x80) return first;
    let value = first & 0x7f;
    for (let shift = 7; shift < 28; shift += 7) {
      const byte = this.byte();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    const last = this.byte();
    if (last > 0x0f) throw refusal("a number is longer than 32 bits", { offset: this.at - 1 });
    return (value | (last << 28)) >>> 0;
  }

  /** Passes over a signed LEB128 number of up to 10 bytes; the validator has looked at its length. */
  skipSigned(): void {
    for (let i = 0; i < 10; i++) if (this.byte() < 0x80) return;
    throw refusal("a number is longer than 64 bits", { offset: this.at - 1 });
  }

  /** A signed LEB128 number of 33 bits, as a block type has it. */
  s33(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 5; i++) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      scale *= 128;
      if (byte < 0x80) return (byte & 0x40) !== 0 ? value - scale : value;
    }
    throw refusal("a number is longer than 33 bits", { offset: this.at - 1 });
  }

  /** A count of things that take at least one byte each. */
  count(what: string, limit: number): number {
    const { at } = this;
    const count = this.u32();
    if (count > limit) throw refusal(`it has ${count} ${what}, and the limit is ${limit}`, { offset: at });
    if (count > this.end - this.at) throw this.#endsEarly();
    return count;
  }

  name(): string {
    const length = this.u32();
    const from = this.at;
    this.skip(length);
    try {
      return decoder.decode(this.bytes.subarray(from, this.at));
    } catch {
      throw refusal("a name is not UTF-8", { offset: from });
    }
  }

  #endsEarly(): Error {
    return refusal("it ends in the middle of something", { offset: this.end });
  }
}
