/**
 * A set of encoded keys in the order of their coming. Guarantees: adding a key that is there is one look-up and
 * allocates nothing; keys lie one after the other in one buffer, so that a set of many costs little more than their
 * bytes.
 *
 * Keys are padded, as `btree/key-bytes.ts` says.
 */
import { padKey } from "../btree/key-bytes.js";
import { compareBytes } from "../pager/bytes.js";

const MIX = 0x9e3779b1;
const FIRST_PLACES = 64;
const FIRST_BYTES = 1024;

export class KeySet {
  count = 0;
  /** Hashes of the keys, and where each starts; one more start says where the last one ends. */
  #hashes = new Int32Array(0);
  #starts = new Uint32Array(1);
  #bytes = new Uint8Array(0);
  /** From hash to the number of a key plus one; at most half of it is in use. */
  #places = new Int32Array(0);

  add(key: Uint8Array, length: number): void {
    if (this.count * 2 >= this.#places.length) this.#grow();
    const hash = hashOf(key, length);
    const places = this.#places;
    const mask = places.length - 1;
    let place = hash & mask;
    for (; places[place] !== 0; place = (place + 1) & mask) if (this.#is(places[place] - 1, hash, key, length)) return;
    const number = this.count;
    const start = this.#starts[number];
    if (start + length > this.#bytes.length) this.#growBytes(start + length);
    const bytes = this.#bytes;
    for (let i = 0; i < length; i++) bytes[start + i] = key[i];
    this.#hashes[number] = hash;
    this.#starts[number + 1] = start + length;
    places[place] = ++this.count;
  }

  /** Puts a key into `into`, padded, and returns its length. */
  copy(number: number, into: Uint8Array): number {
    const start = this.#starts[number];
    const length = this.#starts[number + 1] - start;
    for (let i = 0; i < length; i++) into[i] = this.#bytes[start + i];
    padKey(into, length);
    return length;
  }

  /** The numbers of the keys, ascending by bytes. */
  sorted(): number[] {
    const bytes = this.#bytes;
    const starts = this.#starts;
    return Array.from({ length: this.count }, (_, i) => i).sort((a, b) =>
      compareBytes(bytes, starts[a], starts[a + 1] - starts[a], bytes, starts[b], starts[b + 1] - starts[b]),
    );
  }

  #is(number: number, hash: number, key: Uint8Array, length: number): boolean {
    const start = this.#starts[number];
    if (this.#hashes[number] !== hash || this.#starts[number + 1] - start !== length) return false;
    const bytes = this.#bytes;
    for (let i = 0; i < length; i++) if (bytes[start + i] !== key[i]) return false;
    return true;
  }

  #growBytes(needed: number): void {
    const grown = new Uint8Array(Math.max(FIRST_BYTES, needed, this.#bytes.length * 2));
    grown.set(this.#bytes);
    this.#bytes = grown;
  }

  #grow(): void {
    const places = new Int32Array(Math.max(FIRST_PLACES, this.#places.length * 2));
    const hashes = new Int32Array(places.length / 2);
    const starts = new Uint32Array(places.length / 2 + 1);
    hashes.set(this.#hashes);
    starts.set(this.#starts);
    const mask = places.length - 1;
    for (let number = 0; number < this.count; number++) {
      let place = hashes[number] & mask;
      while (places[place] !== 0) place = (place + 1) & mask;
      places[place] = number + 1;
    }
    this.#places = places;
    this.#hashes = hashes;
    this.#starts = starts;
  }
}

/** Four bytes at a time: the key is padded. */
function hashOf(key: Uint8Array, length: number): number {
  let hash = length;
  for (let i = 0; i < length; i += 4) {
    hash = Math.imul(hash ^ (key[i] | (key[i + 1] << 8) | (key[i + 2] << 16) | (key[i + 3] << 24)), MIX);
    hash ^= hash >>> 15;
  }
  return hash;
}
