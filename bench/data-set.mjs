/**
 * The entries that every engine is given. Guarantees: the same shape gives the same keys and values in every process;
 * byte values do not compress; keys are distinct, and look random in the order of their numbers.
 */
import { Buffer } from "node:buffer";

/**
 * @typedef {object} Shape
 * @property {number} entries
 * @property {"13" | "40" | "40-prefix"} keys characters, and whether the first 27 of them are the same in all keys
 * @property {number} [valueBytes] undefined: values are objects of ten fields
 * @property {number} [cacheBytes] what every engine with a cache of its own gets; undefined: room for everything
 */

const ALPHABET = Buffer.from("0123456789abcdefghijklmnopqrstuvwxyz");
const PREFIX = "tenant-0042/memories/facts/";
/** Characters that make a key distinct: 36 to the power of 7 is more than 2 to the power of 32. */
const DISTINCT = 7;
const SPREAD = 36 ** DISTINCT / 2 ** 32;
/** Values are windows on this many random bytes. */
const POOL_BYTES = 4 * 1024 * 1024;
const NAMES = ["Ada Lovelace", "Grace Hopper", "Alan Turing", "Barbara Liskov", "Edsger Dijkstra", "Radia Perlman"];
const CITIES = ["London", "New York", "Manchester", "Los Angeles", "Rotterdam", "Portsmouth", "Kyoto"];
const TAGS = ["customer", "trial", "verified", "newsletter", "admin", "beta"];
const FIRST_DAY = Date.UTC(2020, 0, 1);
const SECONDS = 5 * 365 * 86_400;

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

/** Each number below 2^32 gives another one (the last step of MurmurHash3). @param {number} number */
function mix(number) {
  let mixed = number;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/**
 * Reads a little of a value, so that no engine is spared to fetch it.
 *
 * @param {Uint8Array} value
 */
export function digest(value) {
  return value.length + value[0] + value[value.length - 1];
}

/**
 * The same for an object.
 *
 * @param {Record<string, unknown>} value
 */
export function digestObject(value) {
  return value.id.length + value.name.length + value.age + value.visits + value.tags.length + (value.active ? 1 : 0);
}

export class DataSet {
  /** @type {number} */
  entries;
  /** @type {number | undefined} */
  valueBytes;
  #pool;
  #key;
  #fixed;
  /** @type {Uint32Array | undefined} */
  #sorted;

  /**
   * @param {Shape} shape
   * @param {typeof Uint8Array} Bytes the kind of array that values are
   */
  constructor({ entries, keys, valueBytes }, Bytes) {
    this.entries = entries;
    this.valueBytes = valueBytes;
    this.#fixed = keys === "40-prefix" ? PREFIX.length : 0;
    this.#key = Buffer.alloc(keys === "13" ? 13 : 40);
    this.#key.write(PREFIX, "latin1");
    const next = randomNumbers(1);
    const pool = new Uint8Array(valueBytes === undefined ? 1 : POOL_BYTES);
    for (let i = 0; i < pool.length; i++) pool[i] = next() >>> 24;
    this.#pool = Bytes === Buffer ? Buffer.from(pool.buffer) : pool;
  }

  /** What the keys and values of all entries add up to. */
  get bytes() {
    return this.entries * (this.#key.length + (this.valueBytes ?? 0));
  }

  /**
   * A string that was just made: it lies in the processor's cache, as the key of a program that is about to ask for it.
   *
   * @param {number} i below `entries`
   */
  key(i) {
    const bytes = this.#key;
    let at = this.#fixed;
    let left = Math.floor(mix(i + 1) * SPREAD);
    for (let c = at + DISTINCT - 1; c >= at; c--) {
      bytes[c] = ALPHABET[left % 36];
      left = Math.floor(left / 36);
    }
    let state = mix(i ^ 0x5bd1e995);
    for (at += DISTINCT; at < bytes.length; at++) {
      bytes[at] = ALPHABET[(state >>> 8) % 36];
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    }
    return bytes.latin1Slice(0, bytes.length);
  }

  /** @param {number} i below `entries` */
  value(i) {
    if (this.valueBytes === undefined) return this.#object(i);
    const at = mix(i ^ 0x2545f491) % (POOL_BYTES - this.valueBytes);
    return this.#pool.subarray(at, at + this.valueBytes);
  }

  /** A record as a program keeps it: ten fields, about 190 bytes as MessagePack. */
  #object(i) {
    const random = mix(i);
    return {
      id: this.key(i),
      name: `${NAMES[random % NAMES.length]} ${random % 10_000}`,
      email: `user-${random.toString(36)}@example.com`,
      age: 18 + (random % 70),
      balance: (random % 10_000_000) / 100,
      active: (random & 1) === 1,
      createdAt: new Date(FIRST_DAY + (random % SECONDS) * 1000).toISOString(),
      city: CITIES[random % CITIES.length],
      visits: random % 100_000,
      tags: [TAGS[random % 6], TAGS[(random >>> 8) % 6], TAGS[(random >>> 16) % 6]],
    };
  }

  /** The numbers of all entries in the order of their keys. */
  get sorted() {
    if (this.#sorted === undefined) {
      const keys = Array.from({ length: this.entries }, (_, i) => this.key(i));
      this.#sorted = Uint32Array.from(keys.keys()).sort((a, b) => (keys[a] < keys[b] ? -1 : 1));
    }
    return this.#sorted;
  }
}
