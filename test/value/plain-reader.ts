/**
 * A second reader of MessagePack, for tests: one position, no memory of anything read before. Guarantees: it throws
 * where the bytes are not one whole value of the kinds that the tests make (no extensions).
 */
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export class PlainReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  private constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  static read(bytes: Uint8Array): unknown {
    const reader = new PlainReader(bytes);
    const value = reader.#value();
    if (reader.#at !== bytes.length) throw new RangeError("more than one value");
    return value;
  }

  #value(): unknown {
    const head = this.#uint(1);
    if (head < 0x80) return head;
    if (head < 0x90) return this.#object(head & 15);
    if (head < 0xa0) return this.#array(head & 15);
    if (head < 0xc0) return this.#text(head & 31);
    if (head >= 0xe0) return head - 0x100;
    if (head === 0xc0) return null;
    if (head === 0xc2 || head === 0xc3) return head === 0xc3;
    if (head >= 0xc4 && head <= 0xc6) return new Uint8Array(this.#take(this.#uint(1 << (head - 0xc4))));
    if (head === 0xca) return this.#number(4, (at) => this.#view.getFloat32(at));
    if (head === 0xcb) return this.#number(8, (at) => this.#view.getFloat64(at));
    if (head >= 0xcc && head <= 0xce) return this.#uint(1 << (head - 0xcc));
    if (head === 0xcf) return this.#long((at) => this.#view.getBigUint64(at));
    if (head === 0xd0) return this.#number(1, (at) => this.#view.getInt8(at));
    if (head === 0xd1) return this.#number(2, (at) => this.#view.getInt16(at));
    if (head === 0xd2) return this.#number(4, (at) => this.#view.getInt32(at));
    if (head === 0xd3) return this.#long((at) => this.#view.getBigInt64(at));
    if (head >= 0xd9 && head <= 0xdb) return this.#text(this.#uint(1 << (head - 0xd9)));
    if (head === 0xdc || head === 0xdd) return this.#array(this.#uint(head === 0xdc ? 2 : 4));
    if (head === 0xde || head === 0xdf) return this.#object(this.#uint(head === 0xde ? 2 : 4));
    throw new RangeError(`no value begins with ${head}`);
  }

  #object(count: number): object {
    const entries: [string, unknown][] = [];
    for (let i = 0; i < count; i++) {
      const head = this.#uint(1);
      if (head >= 0xa0 && head < 0xc0) entries.push([this.#text(head & 31), this.#value()]);
      else if (head >= 0xd9 && head <= 0xdb) entries.push([this.#text(this.#uint(1 << (head - 0xd9))), this.#value()]);
      else throw new RangeError("a name is no text");
    }
    return Object.fromEntries(entries);
  }

  #array(count: number): unknown[] {
    const array: unknown[] = [];
    for (let i = 0; i < count; i++) array.push(this.#value());
    return array;
  }

  #text(length: number): string {
    return strict.decode(this.#take(length));
  }

  #long(read: (at: number) => bigint): number | bigint {
    const value = read(this.#skip(8));
    return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  }

  #number(length: number, read: (at: number) => number): number {
    return read(this.#skip(length));
  }

  #uint(length: number): number {
    let value = 0;
    for (const byte of this.#take(length)) value = value * 256 + byte;
    return value;
  }

  #take(length: number): Uint8Array {
    const start = this.#skip(length);
    return this.#bytes.subarray(start, start + length);
  }

  #skip(length: number): number {
    if (length > this.#bytes.length - this.#at) throw new RangeError("too short");
    this.#at += length;
    return this.#at - length;
  }
}
