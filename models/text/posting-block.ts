/**
 * A block of a posting list: numbers in ascending order, each with a fixed count of further numbers, as bytes.
 * Guarantees: decoding gives what was encoded; all numbers are whole, from 0 to 2^53 - 1.
 *
 * Each posting is the distance of its number from the one before (the first: from the base of the block), then its
 * further numbers; all as base-128 varints, least significant group first.
 */

/** About how many bytes a block has when it is split. */
export const MAX_BLOCK_BYTES = 480;
/** No number takes more bytes. */
const MAX_VARINT_BYTES = 8;

/** Reads the postings of a block one by one. */
export class BlockReader {
  /** The number of the posting that `next` moved to. */
  at = 0;
  /** Its further numbers. */
  readonly extras: number[];
  #bytes: Uint8Array = new Uint8Array(0);
  #position = 0;

  constructor(extras: number) {
    this.extras = new Array<number>(extras).fill(0);
  }

  open(bytes: Uint8Array, base: number): void {
    this.#bytes = bytes;
    this.#position = 0;
    this.at = base;
  }

  /** Moves to the next posting; false at the end. */
  next(): boolean {
    if (this.#position >= this.#bytes.length) return false;
    this.at += this.#read();
    for (let i = 0; i < this.extras.length; i++) this.extras[i] = this.#read();
    return true;
  }

  #read(): number {
    const bytes = this.#bytes;
    let byte = bytes[this.#position++];
    if (byte < 128) return byte;
    let value = byte & 127;
    let factor = 128;
    do {
      byte = bytes[this.#position++];
      value += (byte & 127) * factor;
      factor *= 128;
    } while (byte >= 128);
    return value;
  }
}

/** Writes the postings of a block in ascending order. */
export class BlockWriter {
  #bytes = new Uint8Array(MAX_BLOCK_BYTES + 64);
  #length = 0;
  #last = 0;

  begin(base: number): void {
    this.#length = 0;
    this.#last = base;
  }

  get length(): number {
    return this.#length;
  }

  add(at: number, extras: readonly number[]): void {
    this.#reserve((extras.length + 1) * MAX_VARINT_BYTES);
    this.#write(at - this.#last);
    this.#last = at;
    for (const extra of extras) this.#write(extra);
  }

  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#bytes.length) return;
    const grown = new Uint8Array(2 * this.#bytes.length + bytes);
    grown.set(this.#bytes);
    this.#bytes = grown;
  }

  #write(value: number): void {
    let rest = value;
    while (rest >= 128) {
      this.#bytes[this.#length++] = (rest % 128) + 128;
      rest = Math.floor(rest / 128);
    }
    this.#bytes[this.#length++] = rest;
  }
}
