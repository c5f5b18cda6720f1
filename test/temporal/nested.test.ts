/**
 * Nested transactions of the bitemporal store: what one rolled back leaves the maps as if it had not been, also where
 * it was the first that wrote to them.
 */
import { expect, test } from "vitest";
import { openMemory } from "../../temporal/open.js";
import type { Transaction } from "../../temporal/transaction.js";

/** The first slice in history comes and goes. */
function rollBack(tx: Transaction): void {
  expect(() =>
    tx.transaction((inner) => {
      inner.put("a", 2, { validFrom: 0 });
      throw new RangeError("on purpose");
    }),
  ).toThrow("on purpose");
}

test.each<[string, (tx: Transaction) => void]>([
  ["an erase", (tx) => tx.erase("a")],
  ["operations that undo each other", (tx) => [tx.put("b", 1), tx.delete("b")]],
  ["versions", (tx) => expect(tx.versions("a")).toMatchObject([{ value: 1, txFrom: 1 }])],
  ["a range of the past", (tx) => expect([...tx.range({}, { tx: 1 })]).toEqual([["a", 1]])],
  ["a put", (tx) => tx.put("a", 3)],
])("behind the first slice in history, rolled back: %s", (_, body) => {
  const db = openMemory();
  db.putSync("a", 1, { validFrom: 0 });
  db.transactionSync((tx) => {
    rollBack(tx);
    body(tx);
  });
  expect(db.verify().problems).toEqual([]);
  db.putSync("b", 2);
  db.putSync("b", 3);
  expect(db.versions("b").length).toBeGreaterThan(1);
  expect(db.verify().problems).toEqual([]);
  db.closeSync();
});
