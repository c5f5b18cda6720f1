/** `llmdb torture` as it is installed: compiled, without fast-check, with threads. */
import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import ts from "typescript";
import { afterAll, beforeAll, expect, test } from "vitest";
import { root, sourcesIn } from "../sources.js";

/** What the package needs at run time; fast-check is not among it. */
const DEPENDENCIES = ["@msgpack", "commander"];

const folder = mkdtempSync(join(tmpdir(), "llmdb-cli-"));
const command = join(folder, "cli/index.js");

beforeAll(() => {
  const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2023, verbatimModuleSyntax: true };
  for (const { path, text } of sourcesIn(".", /^(?!.*(test|bench)\.ts$).*\.ts$/)) {
    if (/^(bench|examples|scripts|test\/(?!harness\/))/.test(path)) continue;
    const target = join(folder, path.replace(/\.ts$/, ".js"));
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, ts.transpileModule(text, { compilerOptions }).outputText);
  }
  copyFileSync(join(root, "package.json"), join(folder, "package.json"));
  mkdirSync(join(folder, "node_modules"));
  for (const name of DEPENDENCIES) symlinkSync(join(root, "node_modules", name), join(folder, "node_modules", name));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

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

test("one image of one round, for people", () => {
  const { status, stdout } = llmdb("torture", "--seed", "7", "--round", "1", "--image", "3", "--quiet");
  expect(stdout).toMatch(/^simulated crashes, seed 7: no violation\n/);
  expect(status).toBe(0);
});

test("a bad option is an error", () => {
  const { status, stderr } = llmdb("torture", "--images", "many");
  expect(stderr).toContain("whole number");
  expect(status).not.toBe(0);
});
