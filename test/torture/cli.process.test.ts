/** `llmdb torture` as a process, with threads. */
import { execFileSync, spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { builtFile } from "../built-file.js";

const command = builtFile("cli/index.ts");

function llmdb(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [command, ...args], { encoding: "utf8" });
}

test("--version and --help", () => {
  expect(llmdb("--version").stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  expect(llmdb("--help").stdout).toContain("torture");
  expect(llmdb("torture", "--help").stdout).toContain("--engine");
});

test("a short run in two threads, as JSON", () => {
  const flags = ["--engine", "simulated", "--images", "600", "--workers", "2", "--json", "--quiet"];
  const text = execFileSync(process.execPath, [command, "torture", ...flags], { encoding: "utf8" });
  const { simulated }: { simulated: { seed: number; images: number; violations: unknown[] } } = JSON.parse(text);
  expect(simulated.violations).toEqual([]);
  expect(simulated.images).toBeGreaterThanOrEqual(600);
  expect(simulated.seed).toBe(7);
});

test("a run that proved little says so, as text and as JSON", () => {
  const flags = ["torture", "--engine", "simulated", "--images", "1", "--workers", "0", "--points", "1", "--quiet"];
  const { stdout } = llmdb(...flags);
  expect(stdout).toMatch(/\n {2}proved little: recovery never took: .*; run longer, with --minutes/);
  const { simulated }: { simulated: { weaknesses: string[] } } = JSON.parse(llmdb(...flags, "--json").stdout);
  expect(simulated.weaknesses[0]).toMatch(/^recovery never took: /);
});

test("one image of one round, for people", () => {
  const { status, stdout } = llmdb("torture", "--seed", "7", "--round", "1", "--image", "3", "--quiet");
  expect(stdout).toMatch(/^simulated crashes, seed 7: no violation\n/);
  expect(status).toBe(0);
});

test("a bad option is an error", () => {
  const { status, stderr } = llmdb("torture", "--images", "many");
  expect(stderr).toContain("whole number");
  expect(status).toBe(2);
});
