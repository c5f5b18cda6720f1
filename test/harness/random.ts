/**
 * Random numbers for tests. Guarantees: the same seed gives the same numbers on every machine and version; nothing here
 * reads a clock or `Math.random`.
 */

/**
 * A seeded generator: xoshiro128** 1.1 by David Blackman and Sebastiano Vigna (https://prng.di.unimi.it, public
 * domain), its state filled by SplitMix32.
 */
export class Random {
  #a = 0;
  #b = 0;
  #c = 0;
  #d = 0;

  constructor(seed: number) {
    let state = seed | 0;
    const split = (): number => {
      state = (state + 0x9e3779b9) | 0;
      let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
      mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
      return mixed ^ (mixed >>> 15);
    };
    this.#a = split();
    this.#b = split();
    this.#c = split();
    this.#d = split();
  }

  /** The next whole number from 0 to 2^32 - 1. */
  next(): number {
    const result = Math.imul(rotate(Math.imul(this.#b, 5), 7), 9) >>> 0;
    const shifted = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= shifted;
    this.#d = rotate(this.#d, 11);
    return result;
  }

  /** A whole number from 0 to `limit` - 1; `limit` is at most 2^32. */
  below(limit: number): number {
    return Math.floor((this.next() / 0x1_0000_0000) * limit);
  }

  /** True with this probability. */
  chance(probability = 0.5): boolean {
    return this.next() < probability * 0x1_0000_0000;
  }

  /** One of the items. */
  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)];
  }

  /** Fills `bytes` and returns them. */
  fill<T extends Uint8Array>(bytes: T): T {
    for (let i = 0; i < bytes.length; i += 4) {
      let word = this.next();
      for (let j = i; j < Math.min(i + 4, bytes.length); j++) {
        bytes[j] = word;
        word >>>= 8;
      }
    }
    return bytes;
  }

  /** A generator that goes on as this one would. */
  clone(): Random {
    const copy = new Random(0);
    copy.#a = this.#a;
    copy.#b = this.#b;
    copy.#c = this.#c;
    copy.#d = this.#d;
    return copy;
  }
}

function rotate(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}
