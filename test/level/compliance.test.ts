/** The official suite of abstract-level, in memory. `compliance.long.test.ts` runs it on files. */
import { expect, test } from "vitest";
import { runSuite, SmallLevel } from "./official-suite.js";

test("passes the suite of abstract-level in memory", { timeout: 300_000 }, async () => {
  const { assertions, skipped, failures } = await runSuite((options) => new SmallLevel(":memory:", options));
  expect({ skipped, failures }).toEqual({ skipped: [], failures: [] });
  expect(assertions).toBeGreaterThan(5000);
});
