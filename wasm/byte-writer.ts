/**
 * Writes the binary format of WebAssembly: bytes, LEB128 numbers, sections. Guarantees: numbers take as few bytes as
 * they can, so that the same module always comes out as the same bytes.
 */

/** Bytes that the length of a section may take. */
const LENGTH_BYTES = 5;

export class ByteWriter {
  #bytes: Uint8Array<ArrayBuffer>;
  #length = 0;

  constructor(capacity: number) {
    this.#bytes = new Uint8Array(Math.max(64, capacity));
  }

  get length(): number {
    return this.#length;
  }

  byte(value: number): void {
    if (this.#length === this.#bytes.length) this.#grow(1);
    this.#bytes[this.#length++] = value;
  }

  /** Bytes that are known when they are written down. */
  code(...values: readonly number[]): void {
    for (const value of values) this.byte(value);
  }

  bytes(from: Uint8Array, start: number, end: number): void {
    const count = end - start;
    if (this.#length + count > this.#bytes.length) this.#grow(count);
    // A call to `set` costs more than copying so few bytes.
    if (count < 32) for (let i = 0; i < count; i++) this.#bytes[this.#length + i] = from[start + i];
    else this.#bytes.set(from.subarray(start, end), this.#length);
    this.#length += count;
  }

  u32(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.byte((rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    this.byte(rest);
  }

  /** A signed number of at most 53 bits. */
  signed(value: number): void {
    let rest = value;
    for (;;) {
      const low = ((rest % 128) + 128) % 128;
      rest = (rest - low) / 128;
      if ((rest === 0 && low < 0x40) || (rest === -1 && low >= 0x40)) {
        this.byte(low);
        return;
      }
      this.byte(low | 0x80);
    }
  }

  name(text: string): void {
    const bytes = new TextEncoder().encode(text);
    this.u32(bytes.length);
    this.bytes(bytes, 0, bytes.length);
  }

  /** Writes what `body` writes, with its length before it. */
  sized(body: () => void): void {
    const from = this.#length;
    for (let i = 0; i < LENGTH_BYTES; i++) this.byte(0);
    const start = this.#length;
    body();
    const count = this.#length - start;
    this.#length = from;
    this.u32(count);
    this.#bytes.copyWithin(this.#length, start, start + count);
    this.#length += count;
  }

  section(id: number, body: () => void): void {
    this.byte(id);
    this.sized(body);
  }

  /** All that was written, as a copy. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#length);
  }

  #grow(by: number): void {
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + by));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}
