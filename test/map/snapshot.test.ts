/**
 * `snapshot`: a view that never changes.
 */
import { expect, test } from "vitest";
import { openFresh } from "./fresh.js";

test("sees one commit for as long as it is open", async () => {
  const db = openFresh({ pageSize: 4096 });
  const map = db.map<number, string>("m");
  map.putSync(1, "one");
  using snapshot = db.snapshot();
  map.putSync(1, "changed");
  map.putSync(2, "two");
  db.map("later").putSync(1, 1);
  await db.dropMap("m");
  await db.compact();
  expect(snapshot.tx).toBe(1);
  expect([...snapshot.map("m").range()]).toEqual([[1, "one"]]);
  expect(snapshot.mapNames()).toEqual(["m"]);
  expect(snapshot.map("later").get(1)).toBeUndefined();
  expect(map.get(1)).toBeUndefined();
});

test("opened inside a transaction it sees what was committed before", () => {
  const db = openFresh({ durability: "buffered" });
  db.map("m").putSync("a", 1);
  const snapshots = db.transactionSync((tx) => {
    const before = db.snapshot();
    tx.map("m").put("a", 2);
    return [before, db.snapshot()];
  });
  db.map("m").putSync("a", 3);
  for (const snapshot of snapshots) expect(snapshot.map("m").get("a")).toBe(1);
  snapshots[0].close();
  expect(snapshots[1].map("m").get("a")).toBe(1);
  snapshots[1].close();
  expect(db.verify().problems).toEqual([]);
});

test("is reported while it is open", () => {
  let now = 1000;
  const db = openFresh({ pageSize: 4096, clock: () => now });
  db.map("m").putSync(1, 1);
  expect(db.stats().oldestSnapshot).toBeUndefined();
  const snapshot = db.snapshot();
  now = 6000;
  for (let i = 0; i < 5; i++) db.map("m").putSync(i, "x".repeat(500));
  expect(db.stats()).toMatchObject({ openSnapshots: 1, oldestSnapshot: { tx: 1 } });
  expect(db.stats().oldestSnapshot?.retainedPages).toBeGreaterThan(0);
  snapshot.close();
  expect(db.stats().openSnapshots).toBe(0);
});
