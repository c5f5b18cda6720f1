/**
 * The entries that every engine is given. Guarantees: the same count gives the same keys and values in every process;
 * values do not compress; keys are distinct.
 */
import { Buffer } from "node:buffer";

const KEY_CHARACTERS = 13;
const ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz";
const VALUE_BYTES = 256;
/** Values are windows on this many random bytes. */
const POOL_BYTES = 4 * 1024 * 1024;

/**
 * Numbers that look random, the same for the same seed (mulberry32).
 *
 * @param {number} seed
 * @returns {() => number} a whole number below 2^32
 */
export function randomNumbers(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
}

/**
 * Reads a little of a value, so that no engine is spared to fetch it.
 *
 * @param {Uint8Array} value
 */
export function digest(value) {
  return value.length + value[0] + value[value.length - 1];
}

export class DataSet {
  /** In random order. @type {string[]} */
  keys;
  /** @type {Uint8Array} */
  #pool;

  /**
   * @param {number} entries
   * @param {typeof Uint8Array} Bytes the kind of array that values are
   */
  constructor(entries, Bytes) {
    const next = randomNumbers(entries);
    const keys = new Set();
    while (keys.size < entries) {
      let key = "";
      for (let i = 0; i < KEY_CHARACTERS; i++) key += ALPHABET[next() % ALPHABET.length];
      keys.add(key);
    }
    this.keys = [...keys];
    const pool = new Uint8Array(POOL_BYTES);
    for (let i = 0; i < POOL_BYTES; i++) pool[i] = next() >>> 24;
    this.#pool = Bytes === Buffer ? Buffer.from(pool.buffer) : pool;
  }

  /**
   * The value of a key depends on the key alone.
   *
   * @param {string} key
   */
  value(key) {
    let at = 0;
    for (let i = 0; i < 8; i++) at = (Math.imul(at, 31) + key.charCodeAt(i)) >>> 0;
    at %= POOL_BYTES - VALUE_BYTES;
    return this.#pool.subarray(at, at + VALUE_BYTES);
  }
}
