/** Snapshots stay as they are beside a writer, and what they held is used again: the quick form. */
import { beforeAll, expect, test } from "vitest";
import { Database } from "../../index.js";
import { builtUrl } from "../built-file.js";
import { effort, isThorough } from "../effort.js";
import { refreshes } from "../harness/kill/ledger-reader.js";
import { waysThroughNamespaces } from "../harness/kill/namespaces.js";

let kill: typeof import("../harness/kill/index.js");

beforeAll(async () => {
  kill = await import(builtUrl("test/harness/kill/index.ts"));
});

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
