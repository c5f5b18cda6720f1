/**
 * `stats`: what there is, kept while it changes.
 */
import { expect, test } from "vitest";
import { openFresh } from "./fresh.js";

test("counts entries and pages of each map", () => {
  const db = openFresh({ pageSize: 4096 });
  expect(db.stats()).toMatchObject({ pageSize: 4096, pages: 3, freePages: 0, lastTx: 0, walBytes: 0, maps: {} });
  db.transactionSync((tx) => {
    for (let i = 0; i < 3000; i++) tx.map<number, string>("small").put(i, "value");
    tx.map("large").put("x", "y".repeat(50_000));
  });
  const { maps, pages, fileBytes, checkpoints } = db.stats();
  expect(maps.small).toMatchObject({ entries: 3000, depth: 2, branchPages: 1, overflowPages: 0 });
  expect(maps.small.leafPages).toBeGreaterThan(10);
  expect(maps.large).toEqual({ entries: 1, depth: 1, leafPages: 1, branchPages: 0, overflowPages: 13 });
  expect(fileBytes).toBeGreaterThanOrEqual(pages * 4096);
  expect(checkpoints).toBe(0);
});

test("the cache stays under its ceiling", () => {
  const db = openFresh({ pageSize: 4096, cacheBytes: 400_000 });
  db.transactionSync((tx) => {
    for (let i = 0; i < 20_000; i++) tx.map<number, string>("m").put(i, "x".repeat(60));
  });
  for (let i = 0; i < 20_000; i += 3) db.map("m").get((i * 7919) % 20_000);
  const stats = db.stats();
  expect(stats.cacheBytes).toBeLessThanOrEqual(400_000);
  expect(stats.cacheMisses).toBeGreaterThan(100);
  expect(stats.pages * 4096).toBeGreaterThan(1_000_000);
});
