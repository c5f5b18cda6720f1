#!/usr/bin/env node
/**
 * The long form of the planted bugs: puts each into a copy of the engine and lets the torture look for it, after a run
 * without any that must be clean.
 *
 *     node scripts/planted-bugs.mjs [--seconds 60] [--lanes 2] [--only <expression>] [--json]
 *
 * Needs the development dependencies (npm ci), no build. Prints a table; ends with 1 where a bug is not found within
 * the time, or where something is found without one.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import ts from "typescript";

const { values: flags } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    lanes: { type: "string", default: "2" },
    only: { type: "string", default: "" },
    json: { type: "boolean", default: false },
  },
});
const FIRST_IMAGES = 5000;
const root = join(import.meta.dirname, "..");
const runner = compileRunner();
try {
  process.exitCode = await main();
} finally {
  rmSync(runner, { recursive: true, force: true });
}

/** The runner is TypeScript, and this has to run without a build. Returns its folder, whose parent has its imports. */
function compileRunner() {
  const folder = mkdtempSync(join(tmpdir(), "llmdb-planted-runner-"));
  const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2023, verbatimModuleSyntax: true };
  mkdirSync(join(folder, "test/planted"), { recursive: true });
  const planted = readdirSync(join(root, "test/planted")).filter((name) => !name.endsWith(".test.ts"));
  for (const name of ["test/compiled.ts", ...planted.map((file) => `test/planted/${file}`)]) {
    const { outputText } = ts.transpileModule(readFileSync(join(root, name), "utf8"), { compilerOptions });
    writeFileSync(join(folder, name.replace(/\.ts$/, ".js")), outputText);
  }
  writeFileSync(join(folder, "package.json"), `{ "type": "module" }`);
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"), "junction");
  return folder;
}

async function main() {
  const load = (name) => import(pathToFileURL(join(runner, "test/planted", name)).href);
  const { PLANTED_BUGS } = await load("planted-bugs.js");
  const { PlantedFolders, misplaced } = await load("planted-folder.js");
  const { describeOutcome, findPlanted, runWhole } = await load("planted-run.js");
  const bugs = PLANTED_BUGS.filter(({ name }) => new RegExp(flags.only).test(name));
  const stray = misplaced(root, bugs);
  for (const line of stray) console.error(line);
  if (stray.length > 0) return 1;
  const folders = new PlantedFolders(root);
  const print = (outcome) => console.error(describeOutcome(outcome));
  try {
    // Where something is wrong with the engine as it is, finding it again says nothing about a bug.
    const before = await runWhole(folders, FIRST_IMAGES);
    print(before);
    if (!before.clean) return 1;
    const outcomes = await inLanes(bugs, (bug) => findPlanted(folders, bug, Number(flags.seconds)), print);
    const after = await runWhole(folders, Math.max(...outcomes.map(({ images }) => images)));
    print(after);
    const alive = outcomes.filter(({ found }) => !found);
    if (flags.json) console.log(JSON.stringify({ outcomes, whole: after }, null, 2));
    console.error(`${outcomes.length - alive.length} of ${outcomes.length} bugs were found`);
    return alive.length === 0 && after.clean ? 0 : 1;
  } finally {
    folders.remove();
  }
}

async function inLanes(items, work, done) {
  const waiting = [...items];
  const results = [];
  const lane = async () => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) {
      const result = await work(item);
      results.push(result);
      done(result);
    }
  };
  await Promise.all(Array.from({ length: Number(flags.lanes) }, lane));
  return results;
}
