/**
 * Fills a small disk, deletes and compacts, again and again. Guarantees: after every refusal everything that was
 * committed is read and compared, so that a write that was refused and is half there shows.
 */
import { type Database, LlmdbError, type OrderedMap } from "../../../index.js";
import { Random } from "../random.js";
import { tell } from "./job.js";

const MAP = "filling";
const MAX_PUTS = 100_000;
/** Values get smaller as the disk fills up, so that the last free page is used as well. */
const SIZES_BYTES = [20_000, 2500, 300, 10];

/** Goes through the cycles, then writes on until it is killed. Rejects with the first thing that is wrong. */
export async function fillAgainAndAgain(db: Database, seed: number, cycles: number): Promise<never> {
  const filling = new Filling(db, seed);
  for (let cycle = 1; cycle <= cycles; cycle++) {
    const refusals = await filling.fill();
    filling.requireWhole("on the full disk");
    await filling.deleteSome(cycle % 5 === 0);
    filling.requireWhole("after deleting on the full disk");
    await db.compact();
    filling.requireWhole("after compact()");
    tell({ kind: "cycle", cycle, refusals });
  }
  return filling.goOn();
}

/** What is wrong with a database whose process was killed on the full disk; it is empty afterwards. */
export async function checkFilled(db: Database): Promise<string[]> {
  const problems = db.verify().problems.map(({ what }) => `verify() after the kill: ${what}`);
  const map = db.map<number, Uint8Array>(MAP);
  const keys = [...map.range()].length;
  if (keys !== map.count()) problems.push(`after the kill: ${keys} keys are there, count() says ${map.count()}`);
  await map.clear();
  await db.compact();
  await map.put(0, new Uint8Array(1000));
  return problems;
}

class Filling {
  readonly #db: Database;
  readonly #map: OrderedMap<number, Uint8Array>;
  readonly #random: Random;
  /** What is in the database: the seed of each value and its length. */
  readonly #expected = new Map<number, { seed: number; bytes: number }>();
  #nextKey = 0;

  constructor(db: Database, seed: number) {
    this.#db = db;
    this.#random = new Random(seed);
    this.#map = db.map(MAP, { values: "bytes" });
  }

  /** Writes until even a small value is refused. Returns how many writes were. */
  async fill(): Promise<number> {
    let refusals = 0;
    for (const limit of SIZES_BYTES) {
      let puts = 0;
      while (await this.#put(this.#random.below(limit + 1))) {
        if (++puts === MAX_PUTS)
          throw new Error(`the disk took ${MAX_PUTS} values and is not full; is it a small one?`);
      }
      refusals++;
    }
    return refusals;
  }

  /** Takes half of the keys out, or all of them. */
  async deleteSome(everything: boolean): Promise<void> {
    if (everything) {
      await this.#map.clear();
      this.#expected.clear();
      return;
    }
    for (const key of [...this.#expected.keys()]) {
      if (this.#random.chance()) continue;
      if (this.#random.chance()) this.#map.deleteSync(key);
      else await this.#map.delete(key);
      this.#expected.delete(key);
    }
  }

  /** Reads everything and compares. */
  requireWhole(when: string): void {
    let read = 0;
    for (const [key, value] of this.#map.range()) {
      const expected = this.#expected.get(key);
      if (expected === undefined) throw new Error(`${when}: key ${key} should not be there`);
      if (Buffer.compare(value, bytesFrom(expected)) !== 0) throw new Error(`${when}: key ${key} has another value`);
      read++;
    }
    if (read !== this.#expected.size) throw new Error(`${when}: ${read} of ${this.#expected.size} keys are there`);
    const [problem] = this.#db.verify().problems;
    if (problem !== undefined) throw new Error(`${when}: verify(): ${problem.what}`);
  }

  /** Fills and deletes without an end. */
  async goOn(): Promise<never> {
    for (;;) {
      await this.fill();
      await this.deleteSome(true);
    }
  }

  /** False where the disk is full. */
  async #put(bytes: number): Promise<boolean> {
    const value = { seed: this.#random.next(), bytes };
    const key = this.#nextKey++;
    try {
      if (this.#random.chance()) this.#map.putSync(key, bytesFrom(value));
      else await this.#map.put(key, bytesFrom(value));
    } catch (error) {
      if (error instanceof LlmdbError && error.code === "LLMDB_DISK_FULL") return false;
      throw error;
    }
    this.#expected.set(key, value);
    return true;
  }
}

function bytesFrom({ seed, bytes }: { seed: number; bytes: number }): Uint8Array {
  return new Random(seed).fill(new Uint8Array(bytes));
}
