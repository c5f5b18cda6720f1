/**
 * Which transaction it was: its number and time inside of it, and a receipt with the value outside.
 */
import { expect, test } from "vitest";
import { type Committed, openMemory, type Receipt } from "../../index.js";
import { Memory } from "../../memory/index.js";

test("the number and the time inside are those of the receipt", async () => {
  const db = openMemory();
  const inside: Receipt[] = [];
  const write = (key: string) =>
    db.transaction(
      (tx) => {
        inside.push({ tx: tx.id, time: tx.time });
        tx.put(key, key);
        return key.length;
      },
      { receipt: true, meta: { by: "test" } },
    );
  const done: Committed<number>[] = [await write("a"), await write("bc")];
  expect(done).toEqual(inside.map((receipt, i) => ({ value: i + 1, ...receipt })));
  expect(db.version("bc")).toMatchObject({ txFrom: done[1].tx, knownFrom: done[1].time });
  const nested = db.transactionSync((tx) => tx.transaction((inner) => [tx.id, inner.id, inner.time === tx.time]));
  expect(nested).toEqual([3, 3, true]);
});

test("without the option the value alone is given back", async () => {
  const db = openMemory();
  expect(await db.transaction((tx) => tx.put("a", 1), { receipt: false })).toBe(undefined);
  expect(db.transactionSync((tx) => tx.get("a"), {})).toBe(1);
  expect(db.transactionSync((tx) => tx.get("a"))).toBe(1);
});

test("one that wrote nothing has the newest receipt, also where maps alone were written", async () => {
  const db = openMemory();
  expect(db.transactionSync(() => "nothing", { receipt: true })).toEqual({ value: "nothing", tx: 0, time: 0 });
  const { tx, time } = db.transactionSync((own) => own.map("plain").put("k", 1), { receipt: true });
  expect(tx).toBe(1);
  expect(db.transactionSync((own) => own.map("plain").get("k"), { receipt: true })).toEqual({ value: 1, tx, time });
  expect(await db.transaction((own) => own.delete("never"), { receipt: true })).toEqual({ value: undefined, tx, time });
});

test("a roll back throws, and gives no receipt", async () => {
  const db = openMemory();
  const fails = () => {
    throw new RangeError("no");
  };
  await expect(db.transaction(fails, { receipt: true })).rejects.toThrow(RangeError);
  expect(() => db.transactionSync(fails, { receipt: true })).toThrow(RangeError);
});

test("anything but true and false is refused before the body runs", async () => {
  const db = openMemory();
  let ran = 0;
  const options = { receipt: 1 } as unknown as { receipt: true };
  const refused = expect.objectContaining({ code: "LLMDB_INVALID_ARGUMENT" });
  await expect(db.transaction(() => ran++, options)).rejects.toThrow(refused);
  expect(() => db.transactionSync(() => ran++, options)).toThrow(refused);
  expect(ran).toBe(0);
});

test("a transaction of the memory has it too", async () => {
  const memory = new Memory(openMemory());
  const fact = { subject: "Ada", predicate: "works for", object: "Acme" };
  const done = await memory.transaction((tx) => tx.remember(fact).id, { receipt: true });
  expect(done).toMatchObject({ value: "f1", tx: 1 });
  const { tx, time } = memory.transactionSync((own) => own.get("f1"), { receipt: true });
  expect({ tx, time }).toEqual({ tx: done.tx, time: done.time });
  const forgotten = await memory.forget("f1");
  expect(forgotten).toEqual({ tx: 2 });
  // Nothing is left to withdraw.
  expect(await memory.forget("f1")).toEqual({ tx: 2 });
});
