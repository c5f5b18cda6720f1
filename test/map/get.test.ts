/**
 * `get`, `getBytes` and `has`: what was written, or undefined.
 */
import { expect, test } from "vitest";
import { openFresh } from "./fresh.js";

test("gives back what was put, in every format", () => {
  const db = openFresh();
  const things = { a: [1, 2.5, null, true, "text"], big: 2n ** 60n, bytes: Uint8Array.of(1, 2) };
  db.map("msgpack").putSync("k", things);
  db.map("json", { values: "json" }).putSync("k", { a: [1, "x"] });
  db.map("bytes", { values: "bytes" }).putSync("k", Uint8Array.of(1, 2, 3));
  db.map("string", { values: "string" }).putSync("k", "grüße 😀");
  expect(db.map("msgpack").get("k")).toEqual(things);
  expect(db.map("json").get("k")).toEqual({ a: [1, "x"] });
  expect(db.map("bytes").get("k")).toEqual(Uint8Array.of(1, 2, 3));
  expect(db.map("string").get("k")).toBe("grüße 😀");
  expect(db.map("json").getBytes("k")).toEqual(new TextEncoder().encode('{"a":[1,"x"]}'));
});

test("an absent key and an absent map are undefined", () => {
  const db = openFresh();
  db.map("m").putSync("b", 1);
  for (const key of ["a", "c", "bb", "", 1, null, [], ["b"]]) {
    expect(db.map("m").get(key)).toBeUndefined();
    expect(db.map("m").getBytes(key)).toBeUndefined();
    expect(db.map("m").has(key)).toBe(false);
    expect(db.map("never").get(key)).toBeUndefined();
    expect(db.map("never").has(key)).toBe(false);
  }
});

test("bytes are a copy that stays as it is, whatever is written later", () => {
  const db = openFresh();
  const map = db.map<string, Uint8Array>("m", { values: "bytes" });
  for (const size of [3, 900, 5000, 50_000]) {
    map.putSync("k", new Uint8Array(size).fill(1));
    const [first, second] = [map.getBytes("k")!, map.get("k")!];
    map.putSync("k", new Uint8Array(size).fill(2));
    expect(first).toEqual(new Uint8Array(size).fill(1));
    first.fill(3);
    expect(second).toEqual(new Uint8Array(size).fill(1));
    expect(map.get("k")).toEqual(new Uint8Array(size).fill(2));
  }
});

test("a handle made before the map existed sees it", () => {
  const db = openFresh();
  const early = db.map("m");
  expect(early.get(1)).toBeUndefined();
  db.map("m").putSync(1, "one");
  expect(early.get(1)).toBe("one");
});
