/** A disk of 1 MiB that is full, 50 times: a file system of its own, where mounting one is permitted. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { compileHarness } from "./compiled-harness.js";

const folder = mkdtempSync(join(tmpdir(), "llmdb-full-"));
const disk = join(folder, "disk");
mkdirSync(disk);
const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", disk]).status === 0;
let kill: typeof import("../harness/kill/index.js");

beforeAll(async () => {
  kill = await import(new URL("index.js", compileHarness(join(folder, "compiled"))).href);
});
afterAll(() => {
  if (mounted) spawnSync("umount", [disk]);
  rmSync(folder, { recursive: true, force: true });
});

test.skipIf(!mounted)("fills, deletes and compacts 50 times, and survives a kill on the full disk", async () => {
  const report = await kill.tortureFullDisk({ seed: 20_261_123, folder: disk });
  expect(report.violations).toEqual([]);
  expect(report.cycles).toBe(50);
  expect(report.refusals).toBeGreaterThanOrEqual(50);
});
