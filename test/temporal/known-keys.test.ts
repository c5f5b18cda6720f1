/** `knownKeys`: the keys of which anything is known, about whatever time, in all partitions. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Key, openMemory } from "../../index.js";
import { effort } from "../effort.js";

const PARTITIONS = [0, 1, 247, 248, 255, 256, 70_000, 2 ** 32 - 1];
const KEYS: readonly Key[] = [null, 5, "a", ["a", 1]];
const write = fc.record({
  partition: fc.constantFrom(...PARTITIONS),
  key: fc.constantFrom(...KEYS),
  op: fc.constantFrom("put", "put", "past", "delete", "never", "erase"),
});

test("they are those with a slice that is still known, in order", () => {
  fc.assert(
    fc.property(fc.array(write, { maxLength: 20 }), (writes) => {
      const db = openMemory();
      for (const { partition, key, op } of writes) {
        const store = db.partition(partition);
        if (op === "put") store.putSync(key, 1);
        else if (op === "past") store.putSync(key, 1, { validFrom: "2000", validTo: "2001" });
        else if (op === "delete") store.deleteSync(key);
        else if (op === "never") store.deleteSync(key, { validFrom: Number.NEGATIVE_INFINITY });
        else store.eraseSync(key);
      }
      const isKnown = (partition: number, key: Key) =>
        db
          .partition(partition)
          .versions(key)
          .some(({ txTo }) => txTo === Number.POSITIVE_INFINITY);
      const expected = PARTITIONS.flatMap((partition) =>
        KEYS.filter((key) => isKnown(partition, key)).map((key) => ({ partition, key })),
      );
      expect([...db.knownKeys()]).toEqual(expected);
      db.closeSync();
    }),
    { numRuns: effort(100) },
  );
});

test("they are those of the moment of the call, and leaving early releases it", () => {
  const db = openMemory();
  expect([...db.knownKeys()]).toEqual([]);
  for (const key of ["a", "b", "c"]) db.putSync(key, 1);
  const keys = db.knownKeys();
  db.putSync("bb", 1);
  expect([...keys].map(({ key }) => key)).toEqual(["a", "b", "c"]);
  for (const { key } of db.knownKeys()) if (key === "a") break;
  expect(db.stats().openSnapshots).toBe(0);
  db.closeSync();
  expect(() => db.knownKeys()).toThrow(expect.objectContaining({ code: "LLMDB_CLOSED" }));
});
