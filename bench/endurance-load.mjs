/**
 * The steady load of `endurance.mjs`. Guarantees: the number of entries and of facts stays about the same; a read that
 * gives something else than what was written last, or than what a snapshot saw, ends the run.
 */
import { createHistogram } from "node:perf_hooks";
import { randomNumbers } from "./data-set.mjs";

const VALUE_BYTES = 256;
const FILL_BATCH = 10_000;
const READS_A_STEP = 20;
const BATCH = 200;
/** A step is one durable put or delete; every so many there is also a batch, and a fact. */
const STEPS_A_BATCH = 8;
const STEPS_A_FACT = 4;
/** One of so many writes is a delete: the entry comes back when it is put again. */
const DELETES = 4;
const FACTS = 2000;
const SEEN = 200;

export class EnduranceLoad {
  #db;
  #map;
  #next = randomNumbers(5);
  /** The version of each entry that was written last; 0 where it is not there. @type {Uint32Array} */
  #versions;
  #version = 0;
  #steps = 0;
  #facts = new Map();
  #value = new Uint8Array(VALUE_BYTES);
  #words = new Uint32Array(this.#value.buffer);
  #snapshot;
  #seen = [];
  /** When the last windows began, for what is forgotten of the history. @type {number[]} */
  #begun = [];
  #counts = { writes: 0, commits: 0, reads: 0 };
  #commits = createHistogram();
  #reads = createHistogram();

  /**
   * @param {import("../dist/index.js").Database} db
   * @param {number} entries
   */
  constructor(db, entries) {
    this.#db = db;
    this.#map = db.map("entries", { values: "bytes" });
    this.#versions = new Uint32Array(entries);
    for (let i = 0; i < VALUE_BYTES; i++) this.#value[i] = this.#next() >>> 24;
  }

  /** Puts all entries, in random order. */
  async fill() {
    const order = Array.from(this.#versions.keys());
    for (let i = order.length - 1; i > 0; i--) {
      const other = this.#next() % (i + 1);
      [order[i], order[other]] = [order[other], order[i]];
    }
    for (let from = 0; from < order.length; from += FILL_BATCH) this.#putAll(order.slice(from, from + FILL_BATCH));
    for (let i = 0; i < FACTS; i++) await this.#putFact(i);
    await this.#db.checkpoint();
    this.takeFigures();
  }

  /** Opens a snapshot that stays open until {@link endSnapshot}, and forgets the history before the last window. */
  async beginWindow() {
    this.#begun.push((await this.#putFact(0)).time);
    if (this.#begun.length > 2) await this.#db.forgetHistory({ before: this.#begun[this.#begun.length - 2] });
    this.endSnapshot();
    this.#snapshot = this.#db.snapshot();
    this.#seen = Array.from({ length: SEEN }, () => this.#any()).map((i) => [i, this.#versions[i]]);
  }

  /** One durable commit and some reads, and now and then more. */
  async step() {
    this.#steps++;
    await this.#timed(1, () => this.#putOrDelete(this.#any()));
    for (let i = 0; i < READS_A_STEP; i++) this.#read(this.#any());
    if (this.#steps % STEPS_A_FACT === 0) await this.#timed(1, () => this.#putFact(this.#next() % FACTS));
    if (this.#steps % STEPS_A_BATCH === 0) {
      this.#putAll(Array.from({ length: BATCH }, () => this.#any()));
      this.#readFact(this.#next() % FACTS);
    }
  }

  /** Looks whether the snapshot still sees what it saw, and closes it. */
  endSnapshot() {
    if (this.#snapshot === undefined) return;
    const map = this.#snapshot.map("entries");
    for (const [i, version] of this.#seen) require(versionIn(map.getBytes(key(i))), version, i);
    this.#snapshot.close();
    this.#snapshot = undefined;
  }

  /** What was counted and timed since the last call. Times are in nanoseconds. */
  takeFigures() {
    const figures = { counts: this.#counts, commits: this.#commits, reads: this.#reads };
    this.#counts = { writes: 0, commits: 0, reads: 0 };
    this.#commits = createHistogram();
    this.#reads = createHistogram();
    return figures;
  }

  /** Reads everything once more. */
  end() {
    this.endSnapshot();
    for (let i = 0; i < this.#versions.length; i++) this.#read(i);
    for (let i = 0; i < FACTS; i++) this.#readFact(i);
  }

  async #timed(writes, commit) {
    const start = performance.now();
    await commit();
    this.#commits.record(nanoseconds(start));
    this.#counts.commits++;
    this.#counts.writes += writes;
  }

  #putOrDelete(i) {
    if (this.#next() % DELETES === 0) {
      this.#versions[i] = 0;
      return this.#map.delete(key(i));
    }
    return this.#map.put(key(i), this.#valueOf(i));
  }

  #putAll(numbers) {
    this.#db.transactionSync((tx) => {
      const map = tx.map("entries", { values: "bytes" });
      for (const i of numbers) map.put(key(i), this.#valueOf(i));
    });
    this.#counts.commits++;
    this.#counts.writes += numbers.length;
  }

  #putFact(i) {
    const version = ++this.#version;
    this.#facts.set(i, version);
    return this.#db.put(`fact/${i}`, { text: "x".repeat(70), source: "bench", version });
  }

  #read(i) {
    const start = performance.now();
    const bytes = this.#map.getBytes(key(i));
    this.#reads.record(nanoseconds(start));
    this.#counts.reads++;
    require(versionIn(bytes), this.#versions[i], i);
  }

  #readFact(i) {
    require(this.#db.get(`fact/${i}`)?.version, this.#facts.get(i), `fact/${i}`);
  }

  #any() {
    return this.#next() % this.#versions.length;
  }

  /** The next value of an entry, which tells its version. */
  #valueOf(i) {
    this.#versions[i] = this.#words[0] = ++this.#version;
    return this.#value;
  }
}

function key(i) {
  return `entry/${String(i).padStart(7, "0")}`;
}

/** @param {Uint8Array | undefined} bytes */
function versionIn(bytes) {
  return bytes === undefined ? 0 : bytes[0] + bytes[1] * 2 ** 8 + bytes[2] * 2 ** 16 + bytes[3] * 2 ** 24;
}

/** A histogram takes whole numbers from 1. */
function nanoseconds(start) {
  return Math.max(1, Math.round((performance.now() - start) * 1e6));
}

function require(found, expected, key) {
  if (found !== expected) throw new Error(`${key} has version ${found}, and ${expected} was written last`);
}
