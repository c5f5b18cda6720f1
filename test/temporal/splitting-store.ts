/**
 * A store of one table that splits slices as they are written, and nothing else: a second way to the oracle's slices.
 * Guarantees: it shares no code with the oracle; it has the shape of a database that the driver writes to.
 */
import { isDeepStrictEqual } from "node:util";
import type { Key } from "../../engine/key.js";
import { parseInstant } from "../../temporal/instant.js";
import type { GivenValid, TemporalDatabase, TemporalTransaction, TemporalWriter } from "../harness/temporal/driver.js";

export interface StoredSlice {
  partition: number;
  key: Key;
  from: bigint;
  to: bigint;
  value: unknown;
  origin: number;
  txFrom: number;
  txTo: number;
}

type Rewrite = (value: unknown) => unknown;

export class SplittingStore implements TemporalDatabase {
  slices: StoredSlice[] = [];
  lastTx = 0;
  lastTime = parseInstant(-Infinity, "the beginning");
  /** Microseconds. */
  clock = 0n;

  transactionSync(body: (tx: TemporalTransaction) => void): void {
    const now = this.clock > this.lastTime ? this.clock : this.lastTime + 1n;
    this.#atomically(() => body(this.#transaction(now)));
    this.lastTx++;
    this.lastTime = now;
  }

  #transaction(now: bigint): TemporalTransaction {
    return {
      partition: (partition) => this.#writer(partition, now),
      transaction: (body) => this.#atomically(() => body(this.#transaction(now))),
    };
  }

  #atomically(body: () => void): void {
    const before = this.slices.map((slice) => ({ ...slice }));
    try {
      body();
    } catch (error) {
      this.slices = before;
      throw error;
    }
  }

  #writer(partition: number, now: bigint): TemporalWriter {
    const bounds = ({ validFrom = now, validTo = Infinity }: GivenValid = {}): [bigint, bigint] => [
      parseInstant(validFrom, "validFrom"),
      parseInstant(validTo, "validTo"),
    ];
    return {
      put: (key, value, valid) => {
        const [from, to] = bounds(valid);
        const said = this.#known(partition, key, from, to).filter((slice) => isSaid(slice.value, value));
        let gap = from;
        for (const { from: start, to: end } of [...said, { from: to, to }]) {
          if (gap < start) {
            for (const slice of this.#known(partition, key, gap, start)) this.#cut(slice, gap, start);
            this.#add(partition, key, gap, start, value);
          }
          gap = end;
        }
      },
      delete: (key, valid) => {
        const [from, to] = bounds(valid);
        if (from === to) return;
        for (const slice of this.#known(partition, key, from, to)) this.#cut(slice, from, to);
      },
      update: (key, change, valid) => this.#rewrite(partition, key, bounds(valid), change),
      patch: (key, part, valid) => {
        const [from, to] = bounds(valid);
        const merge: Rewrite = (value) => Object.assign({}, value, part);
        const known = this.#known(partition, key, from, to);
        this.#rewrite(partition, key, [from, to], merge);
        let gap = from;
        for (const slice of known) {
          if (slice.from > gap) this.#add(partition, key, gap, slice.from, part);
          gap = slice.to;
        }
        if (gap < to) this.#add(partition, key, gap, to, part);
      },
      erase: (key) => {
        this.slices = this.slices.filter((slice) => slice.partition !== partition || !isSame(slice.key, key));
      },
    };
  }

  #rewrite(partition: number, key: Key, [from, to]: [bigint, bigint], change: Rewrite): void {
    for (const slice of this.#known(partition, key, from, to)) {
      const value = change(slice.value);
      if (isDeepStrictEqual(value, slice.value)) continue;
      const start = slice.from > from ? slice.from : from;
      const end = slice.to < to ? slice.to : to;
      this.#cut(slice, from, to);
      this.#add(partition, key, start, end, value);
    }
  }

  #known(partition: number, key: Key, from: bigint, to: bigint): StoredSlice[] {
    const known = this.slices.filter(
      (slice) =>
        slice.partition === partition &&
        isSame(slice.key, key) &&
        slice.txTo === Infinity &&
        slice.from < to &&
        from < slice.to,
    );
    return known.sort((a, b) => (a.from < b.from ? -1 : 1));
  }

  /** Ends a slice, and writes again what of it is outside. */
  #cut(slice: StoredSlice, from: bigint, to: bigint): void {
    const tx = this.lastTx + 1;
    if (slice.from < from) this.slices.push({ ...slice, to: from, txFrom: tx });
    if (slice.to > to) this.slices.push({ ...slice, from: to, txFrom: tx });
    if (slice.txFrom === tx) this.slices.splice(this.slices.indexOf(slice), 1);
    else slice.txTo = tx;
  }

  #add(partition: number, key: Key, from: bigint, to: bigint, value: unknown): void {
    const tx = this.lastTx + 1;
    this.slices.push({ partition, key, from, to, value, origin: tx, txFrom: tx, txTo: Infinity });
  }
}

/** Values of a history are objects of numbers and strings; in another order they are others. */
function isSaid(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** The keys of a history are drawn from a list, and equal ones are the same. */
function isSame(a: Key, b: Key): boolean {
  return a === b;
}
