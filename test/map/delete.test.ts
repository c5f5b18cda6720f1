/**
 * `delete`: takes a key out; an absent one is fine and writes nothing.
 */
import { expect, test } from "vitest";
import { openFresh } from "./fresh.js";

test("takes a key out", async () => {
  const db = openFresh();
  const map = db.map("m");
  map.putSync("a", 1);
  map.putSync("b", 2);
  await map.delete("a");
  expect([...map.keys()]).toEqual(["b"]);
  map.deleteSync("b");
  expect(map.count()).toBe(0);
  expect(db.mapNames()).toEqual(["m"]);
});

test("an absent key makes no transaction", async () => {
  const db = openFresh();
  db.map("m").putSync("a", 1);
  expect(db.map("m").deleteSync("b")).toMatchObject({ tx: 1 });
  expect(await db.map("never").delete("b")).toMatchObject({ tx: 1 });
  expect(db.mapNames()).toEqual(["m"]);
});
