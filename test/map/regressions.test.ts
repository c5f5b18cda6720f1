/**
 * Runs that once failed, kept as they were found and shrunk. Each says what was wrong.
 */
import { expect, test } from "vitest";
import { open } from "../../index.js";
import { memoryStorage } from "../../pager/memory-storage.js";
import { expectClean, ModelRun, type Step } from "../harness/index.js";
import { compareKeys } from "../key/order.js";
import { universe } from "./universe.js";

const found: Record<string, Step[]> = {
  "a compact backup of a database without a commit named transaction -1": [{ kind: "backup", compact: true }],
  "a compact backup wrote one of its two meta pages": [
    { kind: "change", change: { kind: "put", map: 0, key: 3, size: 2, seed: 1 }, blocking: true },
    { kind: "backup", compact: true },
  ],
};

test.each(Object.keys(found))("%s", async (name) => {
  const options = { pageSize: 4096, cacheBytes: 0 } as const;
  await new ModelRun(universe, compareKeys, memoryStorage(), "model.llmdb", options).run(found[name]);
});

test("a transaction over many maps filled the smallest cache with records of the directory", () => {
  const db = open("maps", { storage: memoryStorage(), pageSize: 4096, cacheBytes: 0 });
  for (let round = 0; round < 3; round++) {
    db.transactionSync((tx) => {
      for (let i = 0; i < 2000; i++) tx.map(`${i} ${"n".repeat(i % 200)}`).put(i, round);
    });
    expectClean(db);
  }
  expect(db.mapNames()).toHaveLength(2000);
  db.closeSync();
});
