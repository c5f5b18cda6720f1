/** Mistakes of the bitemporal store that were found and mended, so that they stay mended. */
import { expect, test } from "vitest";
import { openMemory } from "../../temporal/open.js";

test("a body that catches the error of an update function that wrote commits nothing of what it wrote", () => {
  const db = openMemory();
  db.putSync("k", 1);
  db.transactionSync((tx) => {
    const writing = () =>
      tx.update("k", (value) => {
        tx.put("other", 2);
        return value;
      });
    expect(writing).toThrow(/may not write/);
  });
  expect(db.get("other")).toBe(undefined);
  expect(db.stats().lastTx).toBe(1);
});

test("an update function may catch what a write in it throws: nothing was written, and the update goes on", () => {
  const db = openMemory();
  db.putSync("k", 1, { validFrom: "2020" });
  db.transactionSync((tx) =>
    tx.update(
      "k",
      () => {
        expect(() => tx.transaction((inner) => inner.erase("k"))).toThrow(/may not write/);
        return 2;
      },
      { validFrom: "2020" },
    ),
  );
  expect(db.versions("k").map(({ value }) => value)).toEqual([1, 2]);
  expect(db.verify().problems).toEqual([]);
});

test("null as the options of transactions is an error, as it is elsewhere", () => {
  const wrong: unknown = null;
  expect(() => openMemory().transactions(wrong as never)).toThrow(/is an object/);
});

test("a key that writes while it is read does not change the value of a put", () => {
  const db = openMemory();
  db.transactionSync((tx) => {
    const key = new Proxy(["a"], {
      get(target, name) {
        if (name === "0") tx.map("other").put("x", { text: "something else" });
        return Reflect.get(target, name);
      },
    });
    tx.put(key, { text: "what is put" });
  });
  expect(db.get(["a"])).toEqual({ text: "what is put" });
});

test("a listing that is refused holds no snapshot", () => {
  const db = openMemory();
  db.putSync("a", 1);
  expect(() => db.transactions({ from: "no time" })).toThrow(/from/);
  expect(() => db.transactions({ to: Number.NaN })).toThrow(/to/);
  expect(db.stats().openSnapshots).toBe(0);
  const listing = db.transactions();
  expect(db.stats().openSnapshots).toBe(1);
  expect([...listing]).toHaveLength(1);
  expect(db.stats().openSnapshots).toBe(0);
});
