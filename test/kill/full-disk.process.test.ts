/** A disk of 1 MiB that is full, again and again: a file system of its own, where mounting one is permitted. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { effort } from "../effort.js";
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

test.skipIf(!mounted)("fills, deletes and compacts again and again, and survives a kill on the full disk", async () => {
  const report = await kill.tortureFullDisk({ seed: 20_261_123, folder: disk, cycles: effort(20) });
  expect(report.violations).toEqual([]);
  expect(report.cycles).toBe(effort(20));
  expect(report.refusals).toBeGreaterThanOrEqual(effort(20));
});
