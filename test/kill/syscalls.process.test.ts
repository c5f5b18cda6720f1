/** A kill at every system call: the quick form takes a few of them. Needs strace, and leave to attach it. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { builtFile } from "../built-file.js";
import { effort } from "../effort.js";
import { root } from "../sources.js";

const folder = mkdtempSync(join(tmpdir(), "llmdb-syscalls-"));
const script = join(root, "scripts/kill-at-every-syscall.mjs");
const traceable = spawnSync("strace", ["-o", "/dev/null", process.execPath, "-e", "0"]).status === 0;

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.skipIf(!traceable)("kills at system calls of 60 commits lose nothing", () => {
  const harness = dirname(builtFile("test/harness/kill/index.ts"));
  const flags = [
    "--harness",
    harness,
    "--commits",
    "60",
    "--every",
    String(Math.ceil(120 / effort(1))),
    "--seconds",
    String(effort(5)),
    "--folder",
    folder,
    "--json",
  ];
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...flags], { encoding: "utf8" });
  expect(status, stdout + stderr).toBe(0);
  const report: { kills: number; violations: string[] } = JSON.parse(stdout);
  expect(report.violations).toEqual([]);
  expect(report.kills).toBeGreaterThan(0);
});
