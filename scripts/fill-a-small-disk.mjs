#!/usr/bin/env node
/**
 * The long form of the full-disk torture, on a file system of 1 MiB that is mounted for it. Needs leave to mount; where
 * there is none, it says so and ends with 0.
 *
 *     npm run build
 *     node scripts/fill-a-small-disk.mjs [--cycles 50] [--seed 1] [--size 1m]
 *
 * Prints the report as JSON; ends with 1 on a violation.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { tortureFullDisk } from "../dist/internal/test/harness/kill/index.js";

const { values: flags } = parseArgs({
  options: {
    cycles: { type: "string", default: "50" },
    seed: { type: "string", default: "1" },
    size: { type: "string", default: "1m" },
  },
});

const folder = mkdtempSync(join(tmpdir(), "llmdb-small-disk-"));
const { status, stderr } = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${flags.size}`, "tmpfs", folder]);
if (status !== 0) {
  console.log(`skipped: a file system cannot be mounted here: ${String(stderr).trim()}`);
} else {
  try {
    const report = await tortureFullDisk({ seed: Number(flags.seed), folder, cycles: Number(flags.cycles) });
    console.log(JSON.stringify(report, null, 2));
    if (report.violations.length > 0) process.exitCode = 1;
  } finally {
    spawnSync("umount", [folder]);
  }
}
rmdirSync(folder);
