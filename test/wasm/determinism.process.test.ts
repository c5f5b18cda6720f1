/**
 * The same bytes and the same fuel from every compiler and every version of Node: modules run through `db.modules` in
 * processes of their own, and what they print is compared. `LLMDB_TEST_NODES` names further Node binaries, with colons
 * between them.
 */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { builtUrl } from "../built-file.js";
import { root } from "../sources.js";

const run = promisify(execFile);
const FLAGS = [[], ["--no-liftoff"], ["--no-wasm-tier-up"]];
const NODES = (process.env.LLMDB_TEST_NODES ?? "").split(":").filter((path) => path !== "");
const script = join(import.meta.dirname, "determinism-run.mjs");

test("output and fuel are the same everywhere", { timeout: 240_000 }, async () => {
  const core = builtUrl("index.ts");
  const lines: [string, string[]][] = [];
  for (const node of [process.execPath, ...NODES]) {
    for (const flags of FLAGS) {
      const args = [...flags, script, core, join(root, "examples/modules/build"), fileURLToPath(core)];
      const { stdout } = await run(node, args, { maxBuffer: 64 * 1024 * 1024 });
      lines.push([`${node} ${flags.join(" ")}`, stdout.trim().split("\n")]);
    }
  }
  const [[, expected]] = lines;
  expect(expected.length).toBeGreaterThan(40);
  expect(new Set(expected).size).toBe(expected.length);
  for (const [where, found] of lines) expect(found, where).toEqual(expected);
  console.log(`${expected.length} results on ${lines.length} ways to run them`);
});
