/** Snapshots stay as they are beside a writer, and what they held is used again: the quick form. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Database } from "../../index.js";
import { effort, isThorough } from "../effort.js";
import { refreshes } from "../harness/kill/ledger-reader.js";
import { waysThroughNamespaces } from "../harness/kill/namespaces.js";
import { compileHarness } from "./compiled-harness.js";

const folder = mkdtempSync(join(tmpdir(), "llmdb-readers-"));
let kill: typeof import("../harness/kill/index.js");

beforeAll(async () => {
  kill = await import(new URL("index.js", compileHarness(join(folder, "compiled"))).href);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.runIf(isThorough)("readers in the writer's process see whole snapshots", async () => {
  const report = await kill.tortureReaders({ seed: 20_261_123, seconds: effort(1), handles: false });
  expect(report.anomalies).toEqual([]);
  expect(report.checks).toBeGreaterThan(200);
});

// Without `refresh`, readers are not registered with the writer: docs/design.md says so.
test.skipIf(!refreshes(Database.prototype))("so do those in threads and processes, which are killed", async () => {
  const report = await kill.tortureReaders({ seed: 20_261_123, seconds: effort(1) });
  expect(report.anomalies).toEqual([]);
  expect(report.kills).toBeGreaterThan(2);
  expect(report.checks).toBeGreaterThan(200);
});

const { missing } = waysThroughNamespaces();

test.skipIf(missing !== undefined)(`and those in namespaces of their own ${missing ?? ""}`, async () => {
  const report = await kill.tortureReaders({ seed: 20_261_123, seconds: effort(1), namespaces: true });
  expect(report.anomalies).toEqual([]);
  expect(report.kills).toBeGreaterThan(2);
  expect(report.checks).toBeGreaterThan(200);
});
