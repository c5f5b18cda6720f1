#!/usr/bin/env node
/**
 * Plants each bug of test/planted/temporal-bugs.ts into a copy of the sources, and runs the tests of the bitemporal
 * store on it until the first one fails.
 *
 *     node scripts/planted-temporal-bugs.mjs [--seconds 60] [--lanes 2] [--only <expression>]
 *
 * Needs the development dependencies (npm ci), no build. Ends with 1 where a bug is not found within the time.
 */
import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import ts from "typescript";

const { values: flags } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    lanes: { type: "string", default: "2" },
    only: { type: "string", default: "" },
  },
});
const root = join(import.meta.dirname, "..");
/** What is no source, and large. */
const LEFT_OUT = new Set(["node_modules", "dist", "coverage", ".git", "bench"]);
/** Where to look first for what is in a file. */
const FIRST = {
  "temporal/erasure.ts": "erase",
  "temporal/writer.ts": "erase",
  "temporal/retention.ts": "retention",
  "btree/filter-cursor.ts": "nested",
};
/** Those that find most come first. */
const TESTS = ["model", "said-again", "known-at", "retention", "erase", "nested", "crash"];

async function main() {
  const bugs = (await loadBugs()).filter(({ name }) => new RegExp(flags.only).test(name));
  const waiting = [...bugs];
  let alive = 0;
  const lane = async () => {
    for (let bug = waiting.shift(); bug !== undefined; bug = waiting.shift()) {
      const started = performance.now();
      const by = await find(bug);
      if (by === undefined) alive++;
      const seconds = ((performance.now() - started) / 1000).toFixed(1).padStart(6);
      console.log(`${by === undefined ? "ALIVE" : "found"} ${seconds} s  ${bug.name}  ${by ?? ""}`);
    }
  };
  await Promise.all(Array.from({ length: Number(flags.lanes) }, lane));
  console.log(`${bugs.length - alive} of ${bugs.length} bugs were found`);
  process.exitCode = alive === 0 ? 0 : 1;
}

/** The table is TypeScript, and this has to run without a build. */
async function loadBugs() {
  const text = readFileSync(join(root, "test/planted/temporal-bugs.ts"), "utf8");
  const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2023, verbatimModuleSyntax: true };
  const { outputText } = ts.transpileModule(text, { compilerOptions });
  const { TEMPORAL_BUGS } = await import(`data:text/javascript,${encodeURIComponent(outputText)}`);
  return TEMPORAL_BUGS;
}

/** Returns which test found the bug; undefined where none did in time. */
async function find({ name, file, find: text, replace }) {
  const source = readFileSync(join(root, file), "utf8");
  if (source.split(text).length !== 2) throw new Error(`"${name}" has no place of its own in ${file}; plant it anew`);
  const folder = mkdtempSync(join(tmpdir(), "llmdb-planted-"));
  try {
    cpSync(root, folder, { recursive: true, filter: (path) => path === root || !LEFT_OUT.has(basename(path)) });
    symlinkSync(join(root, "node_modules"), join(folder, "node_modules"), "junction");
    writeFileSync(
      join(folder, file),
      source.replace(text, () => replace),
    );
    const deadline = performance.now() + Number(flags.seconds) * 1000;
    for (const test of new Set([FIRST[file] ?? TESTS[0], ...TESTS])) {
      const by = await failing(folder, test, deadline - performance.now());
      if (by !== undefined) return by;
      if (performance.now() > deadline) return undefined;
    }
    return undefined;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Returns the first test that fails, with its message. */
function failing(folder, test, milliseconds) {
  const vitest = join(root, "node_modules/vitest/vitest.mjs");
  const runFlags = ["run", `test/temporal/${test}.test.ts`, "--bail", "1", "--reporter", "tap-flat"];
  const child = spawn(process.execPath, [vitest, ...runFlags], { cwd: folder, detached: true });
  let output = "";
  child.stdout.on("data", (text) => {
    output += text;
  });
  const timer = setTimeout(() => process.kill(-child.pid, "SIGKILL"), Math.max(1, milliseconds));
  return new Promise((resolve) => {
    child.on("close", (code) => {
      clearTimeout(timer);
      // Killed for taking too long it has no code.
      if (code === 0 || code === null) return resolve(undefined);
      const failed = /^not ok.*$/m.exec(output)?.[0] ?? "not ok";
      const message = /message: (.*)$/m.exec(output)?.[1] ?? "";
      resolve(`${failed.replace(/ # time.*/, "")} ${message}`.slice(0, 200));
    });
  });
}

await main();
