/**
 * Asking by the time of a transaction: `knownAt` means the last transaction that was not later, also where many numbers
 * belong to transactions that only wrote to maps, which leave no row in the transaction log.
 */
import { expect, test } from "vitest";
import { openMemory } from "../../temporal/open.js";
import { Random } from "../harness/random.js";

test.each(Array.from({ length: 12 }, (_, index) => index + 1))(
  "with runs of numbers without a row, seed %i",
  (seed) => {
    const random = new Random(seed);
    let clock = 1000;
    const db = openMemory({ clock: () => clock });
    const rowChance = random.pick([0.1, 0.3, 0.6, 0.9]);
    /** What was the last value at each time, in the order of time. */
    const said: { time: number; value: number | undefined; tx: number }[] = [{ time: 0, value: undefined, tx: 0 }];
    let value: number | undefined;
    for (let i = 1; i <= 60; i++) {
      clock += random.below(3);
      const isRow = random.chance(rowChance);
      if (isRow) value = i;
      const { time, tx } = isRow ? db.putSync("k", i, { validFrom: 0 }) : db.map("m").putSync("k", i);
      said.push({ time, value, tx });
    }
    for (const [i, { time, value: expected, tx }] of said.entries()) {
      expect(db.get("k", { validAt: 1, tx })).toBe(expected);
      if (i === 0) continue;
      expect(db.get("k", { validAt: 1, knownAt: time })).toBe(expected);
      expect(db.get("k", { validAt: 1, knownAt: time - 0.001 })).toBe(said[i - 1].value);
    }
    const rows = [...db.transactions()].map((row) => row.tx);
    for (const from of said.map(({ time }) => time)) {
      const listed = [...db.transactions({ from })].map((row) => row.tx);
      expect(listed).toEqual(rows.filter((tx) => said[tx].time >= from));
    }
    db.closeSync();
  },
);
