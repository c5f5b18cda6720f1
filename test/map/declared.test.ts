/**
 * What a handle declares decides: the choice of an open handle holds for a map that does not exist yet, wherever it is
 * first written to; choices that differ are refused.
 */
import { expect, test } from "vitest";
import { openMemory } from "../../index.js";

const refused = expect.objectContaining({ code: "LLMDB_INVALID_ARGUMENT" });

test.each([
  ["bytes", Uint8Array.of(1, 2, 3)],
  ["string", "text"],
  ["json", { a: [1] }],
  ["msgpack", { a: 1n }],
] as const)("a transaction writes to a map as its handle says: %s", async (values, value) => {
  const db = openMemory();
  const map = db.map<string, unknown>("m", { values });
  await db.transaction((tx) => {
    tx.map("m").put("a", value);
    tx.transaction((inner) => inner.map("m").put("b", value));
    expect(tx.map("m").get("a")).toEqual(value);
  });
  await db.map("m").put("c", value);
  expect([...map.values()]).toEqual([value, value, value]);
  await db.close();
});

test("choices that differ are refused, before and after the map is there", async () => {
  const db = openMemory();
  const map = db.map<string, Uint8Array>("m", { values: "bytes" });
  expect(() => db.map("m", { values: "json" })).toThrow(refused);
  await expect(db.transaction((tx) => tx.map("m", { values: "json" }).put("a", 1))).rejects.toEqual(refused);
  await expect(db.transaction((tx) => tx.map("m").put("a", 1))).rejects.toEqual(refused);
  expect(db.mapNames()).toEqual([]);
  db.map("m", { values: "bytes" });
  await map.put("a", Uint8Array.of(1));
  expect(() => db.map("m", { values: "json" })).toThrow(refused);
  await db.close();
});

test("a removed map may be declared again", async () => {
  const db = openMemory();
  await db.map("m", { values: "bytes" }).put("a", Uint8Array.of(1));
  await db.dropMap("m");
  const map = db.map("m", { values: "json" });
  await db.transaction((tx) => tx.map("m").put("a", { b: 1 }));
  expect(map.get("a")).toEqual({ b: 1 });
  await db.close();
});
