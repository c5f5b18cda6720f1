/** The official suite of abstract-level on files: a thousand databases, each created and closed durably. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runSuite, SmallLevel } from "./official-suite.js";

test("passes the suite of abstract-level on files", { timeout: 300_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), "llmdb-level-"));
  let files = 0;
  try {
    const { assertions, skipped, failures } = await runSuite(
      (options) => new SmallLevel(join(folder, `${++files}.llmdb`), options),
    );
    expect({ skipped, failures }).toEqual({ skipped: [], failures: [] });
    expect(assertions).toBeGreaterThan(5000);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
