/**
 * The official test suite of WebAssembly, on modules as they are and as they were rewritten: whatever holds for the
 * original holds for the rewritten one, and what is used of fuel is the same in every engine and compiler.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compileSources } from "../kill/compiled-harness.js";
import { Comparison } from "./suite/comparison.js";
import { readSuite, suiteFolder } from "./suite/folder.js";
import { writeScripts } from "./suite/script.js";

const withoutSuite = "the official test suite is not here: LLMDB_WASM_TESTSUITE names its folder";
const compilers = [[], ["--no-liftoff"], ["--no-wasm-tier-up"]];
const binaries = [process.execPath, ...(process.env.LLMDB_TEST_NODES ?? "").split(":").filter((path) => path !== "")];

if (suiteFolder === undefined) test.skip(withoutSuite, () => undefined);

describe.skipIf(suiteFolder === undefined)("the official test suite", () => {
  const folder = mkdtempSync(join(tmpdir(), "llmdb-wasm-suite-"));
  const scripts = join(folder, "scripts.json");
  const comparison = new Comparison();

  beforeAll(async () => {
    const suite = await readSuite(suiteFolder ?? "");
    compileSources(join(folder, "js"), /^((pager|wasm|test\/wasm\/suite)\/(?!.*\.test\.ts$)|test\/wasm\/binary\.ts$)/);
    writeFileSync(scripts, writeScripts(suite));
    for (const script of suite) comparison.run(script);
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test("what holds for the original holds for the rewritten module", () => {
    const { figures, failures, refusedModules } = comparison;
    const counts = [...figures.counts].sort(([one], [other]) => (one < other ? -1 : 1));
    console.log(counts.map(([what, count]) => `${what}: ${count}`).join("\n"));
    console.log(`scripts with refused modules: ${[...refusedModules].map((entry) => entry.join(" ")).join(", ")}`);
    console.log(`digest of fuel and results: ${comparison.digest()}`);
    expect(failures.slice(0, 20)).toEqual([]);
  });

  test("it was asked: most of the suite ran, and fuel was used", () => {
    const { figures } = comparison;
    expect(figures.of("return")).toBeGreaterThan(49_000);
    expect(figures.of("trap")).toBeGreaterThan(4_100);
    expect(figures.of("exhaustion")).toBeGreaterThanOrEqual(15);
    expect(figures.of("invalid")).toBeGreaterThan(2_500);
    expect(figures.of("malformed")).toBeGreaterThan(700);
    expect(figures.of("modules refused")).toBeGreaterThan(300);
    expect(figures.of("not so in the original")).toBeLessThan(20);
    expect(figures.of("excused: the maximum of an imported memory")).toBeLessThanOrEqual(2);
    expect(figures.of("excused: a function of an instance that failed")).toBeLessThanOrEqual(2);
    expect(figures.of("calls that used fuel")).toBeGreaterThan(49_000);
  });

  test("the stack limit is met before that of the engine", () => {
    expect(comparison.figures.of("stack limits of the engine")).toBe(0);
  });

  test.for(binaries.flatMap((binary) => compilers.map((flags) => ({ binary, flags }))))(
    "fuel and results are the same with the flags $flags of $binary",
    { timeout: 120_000 },
    async ({ binary, flags }) => {
      const entry = join(folder, "js/test/wasm/suite/digest.js");
      const { output, errors } = await run(binary, [...flags, entry, scripts]);
      expect(errors).toBe("");
      expect(output.trim()).toBe(comparison.digest());
    },
  );
});

function run(binary: string, args: readonly string[]): Promise<{ output: string; errors: string }> {
  const child = spawn(binary, args, { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  let errors = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (output += chunk));
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => (errors += chunk));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", () => resolve({ output, errors }));
  });
}
