#!/usr/bin/env node
/**
 * The long form of the fuzzers: hostile data files and logs with right checksums, records that lie, errors at random
 * calls of the storage port, errors of the system at random system calls (with strace), and modules that cost much time
 * for a unit of fuel or for the compiler. Each mutant follows from the seed and its number.
 *
 *     npm run fuzz -- [--minutes 10] [--mutants n] [--seed 1] [--first n] [--json]
 *         [--target files,logs,records,errors,system,modules]
 *
 * Needs the development dependencies (npm ci), no build. Prints a summary; ends with 1 where a mutant gave anything but
 * a value or a typed error, with the line that shows it again.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import ts from "typescript";

const { values: flags } = parseArgs({
  options: {
    minutes: { type: "string" },
    mutants: { type: "string" },
    seed: { type: "string", default: "1" },
    target: { type: "string", default: "files,logs,records,errors,system,modules" },
    first: { type: "string", default: "0" },
    json: { type: "boolean", default: false },
  },
});
const root = join(import.meta.dirname, "..");
const SKIPPED = new Set(["node_modules", "dist", ".git", "bench", "examples", "docs", "scripts", "cli"]);
const PROGRESS_MS = 10_000;
/** What a mutant did that counts. */
const OPENED = { errors: "that met an error", system: "that met an error", modules: "within the limits" };
const compiled = compile();
process.on("exit", () => rmSync(compiled, { recursive: true, force: true }));
for (const name of ["SIGINT", "SIGTERM"]) process.on(name, () => process.exit(1));

const { fuzz } = await import(pathToFileURL(join(compiled, "test/fuzz/fuzz-run.js")).href);
const targets = flags.target.split(",");
const { hasStrace } = await import(pathToFileURL(join(compiled, "test/fuzz/system-run.js")).href);
if (targets.includes("system") && !hasStrace()) {
  console.log("system: skipped, strace is not installed or may not attach to a process here; apt-get install strace");
  targets.splice(targets.indexOf("system"), 1);
}
const minutes = Number(flags.minutes ?? (flags.mutants === undefined ? 10 : Number.POSITIVE_INFINITY));
const mutants = Number(flags.mutants ?? Number.POSITIVE_INFINITY);
const reports = [];
for (const target of targets) {
  let toldMs = performance.now();
  const onProgress = ({ mutants: done, problems }) => {
    if (performance.now() - toldMs < PROGRESS_MS) return;
    toldMs = performance.now();
    process.stderr.write(`${target}: ${done} mutants, ${problems.length} problems\n`);
  };
  const options = { target, seed: Number(flags.seed), first: Number(flags.first), mutants, onProgress };
  reports.push(
    await fuzz({ ...options, minutes: minutes / targets.length, modules: join(root, "examples/modules/build") }),
  );
}
for (const report of flags.json ? [] : reports) print(report);
if (flags.json) console.log(JSON.stringify(reports, null, 2));
if (reports.some(({ problems }) => problems.length > 0)) process.exitCode = 1;

function print({ target, seed, mutants: done, opened, values, typedErrors, problems }) {
  console.log(`${target}, seed ${seed}: ${problems.length === 0 ? "no problem" : `${problems.length} problems`}`);
  const what = OPENED[target] ?? "opened";
  console.log(`  ${done} mutants, ${opened} ${what}; ${values} calls gave a value, ${typedErrors} a typed error`);
  for (const { message, replay } of problems) console.log(`  problem: ${message}\n    replay: ${replay}`);
}

/** The sources as plain JavaScript in a folder of their own. */
function compile() {
  const folder = mkdtempSync(join(tmpdir(), "llmdb-fuzz-"));
  const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2023, verbatimModuleSyntax: true };
  for (const path of sources("")) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    const text = readFileSync(join(root, path), "utf8");
    const { outputText } = ts.transpileModule(text, { compilerOptions });
    writeFileSync(join(folder, path.replace(/\.ts$/, ".js")), outputText);
  }
  writeFileSync(join(folder, "package.json"), `{ "type": "module" }`);
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"), "junction");
  return folder;
}

function sources(folder) {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory())
      return SKIPPED.has(entry.name) || /^test.(?!fuzz|harness|wasm)/.test(path) ? [] : sources(path);
    return /(?<!\.test|\.d)\.ts$/.test(entry.name) ? [path] : [];
  });
}
