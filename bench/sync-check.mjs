/**
 * Looks at the system calls of each engine, with the settings it is measured with: does every commit that it
 * acknowledges as durable sync what it wrote? Guarantees: a commit without a sync of its own fails the run, and so does
 * a check that does not find the one engine here that syncs too late; without strace it says that it was skipped.
 *
 *     node bench/sync-check.mjs
 *     node bench/sync-check.mjs --engines llmdb,lmdb --commits 20 --folder /somewhere
 */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { ENGINES } from "./engines.mjs";
import { versionOf } from "./machine.mjs";
import { callsIn, commitsIn, TRACED_CALLS } from "./sync-trace.mjs";

const program = fileURLToPath(new URL("sync-process.mjs", import.meta.url));
const TIMEOUT_MS = 120_000;
/** Acknowledges first and syncs later, on purpose. */
const CONTROL = "control";
const MUST_RUN = new Set(["llmdb", CONTROL]);
/** The exit code of a process that cannot open its engine. */
const NO_ENGINE = 3;

/**
 * @typedef {object} SyncRow
 * @property {string} engine
 * @property {string} mode how the commits were made
 * @property {number} commits acknowledged
 * @property {number} synced of them, with a sync before the acknowledgement
 * @property {number} syncs in all
 * @property {string[]} by which calls, of which files
 */

/**
 * @param {{ folder: string, engines: string[], commits: number }} request
 * @returns {Promise<{ rows: SyncRow[], skipped: Record<string, string>, problems: string[] }>}
 */
export async function checkSyncs({ folder, engines, commits }) {
  const found = { rows: [], skipped: {}, problems: [] };
  const missing = await missingTracer();
  if (missing !== undefined) {
    for (const engine of engines) found.skipped[engine] = missing;
    return found;
  }
  for (const engine of [...engines, CONTROL]) {
    if (engine !== CONTROL && versionOf(engine) === undefined) {
      found.skipped[engine] = "not installed";
      continue;
    }
    const traced = await trace(engine, folder, commits);
    if (traced.refused !== undefined) {
      found.skipped[engine] = traced.refused;
      continue;
    }
    const rows = rowsOf(engine, traced);
    found.rows.push(...rows);
    found.problems.push(...problemsOf(engine, rows, commits));
  }
  return found;
}

/** Why nothing can be traced here, if so. */
async function missingTracer() {
  if (process.platform !== "linux") return `strace is for Linux, not ${process.platform}`;
  const { code, output } = await run("strace", ["-f", "-o", "/dev/null", process.execPath, "-e", "0"]);
  if (code === 0) return undefined;
  return code === undefined ? "strace is not installed" : `strace does not run here: ${output.trim().split("\n")[0]}`;
}

/** The commits of a process of its own, or why the engine does not run here. */
async function trace(engine, folder, commits) {
  const place = realpathSync(mkdtempSync(join(folder, "syncs-")));
  try {
    const data = join(place, "data");
    mkdirSync(data);
    const [calls, marks] = [join(place, "calls"), join(place, "marks")];
    const flags = ["-f", "-y", "-s", "64", "-e", `trace=${TRACED_CALLS.map((call) => `?${call}`).join(",")}`];
    const args = [...flags, "-o", calls, process.execPath, program, engine, data, marks, String(commits)];
    const { code, output } = await run("strace", args);
    if (code === NO_ENGINE && !MUST_RUN.has(engine)) return { refused: output.trim() };
    if (code !== 0) throw new Error(`${engine} ended with ${code}: ${output}`);
    return commitsIn(callsIn(readFileSync(calls, "latin1")), { folder: data, marks });
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

/**
 * @param {string} command
 * @param {string[]} args
 * @returns {Promise<{ code: number | null | undefined, output: string }>} no code where there is no such command
 */
function run(command, args) {
  const child = spawn(command, args, { stdio: ["ignore", "ignore", "pipe"], timeout: TIMEOUT_MS });
  let output = "";
  child.stderr.on("data", (bytes) => {
    output += bytes;
  });
  return new Promise((resolve, reject) => {
    child.once("error", (error) => {
      if (error.code === "ENOENT") resolve({ code: undefined, output: "" });
      else reject(error);
    });
    child.once("close", (code) => resolve({ code, output }));
  });
}

/** @returns {SyncRow[]} */
function rowsOf(engine, commits) {
  const modes = [...new Set(commits.map(({ mode }) => mode))];
  return modes.map((mode) => {
    const made = commits.filter((commit) => commit.mode === mode);
    return {
      engine,
      mode,
      commits: made.length,
      synced: made.filter(({ syncs, isUnseen }) => syncs > 0 && !isUnseen).length,
      syncs: made.reduce((sum, { syncs }) => sum + syncs, 0),
      by: [...new Set(made.flatMap(({ by, isUnseen }) => (isUnseen ? [...by, "io_uring (not seen)"] : by)))],
    };
  });
}

/** What is not as it must be. */
function problemsOf(engine, rows, commits) {
  if (rows.length === 0) return [`${engine}: no commit is in the trace`];
  if (engine === CONTROL) {
    const isBlind = rows.some(({ synced, commits: made }) => synced === made);
    return isBlind ? ["the control syncs too late and was not found: the check is blind"] : [];
  }
  return rows.flatMap(({ mode, commits: made, synced }) => {
    if (made !== commits) return [`${engine}, ${mode}: ${made} of ${commits} commits are in the trace`];
    return synced === made ? [] : [`${engine}, ${mode}: ${made} commits acknowledged, ${synced} of them synced`];
  });
}

/** @param {Awaited<ReturnType<typeof checkSyncs>>} found */
export function syncTable({ rows, skipped }) {
  const lines = [
    "| engine | commits | acknowledged | synced before | syncs | by |",
    "|---|---|---:|---:|---:|---|",
    ...rows.map(({ engine, mode, commits, synced, syncs, by }) => {
      const name = engine === CONTROL ? "llmdb, buffered (has to be found)" : engine;
      return `| ${name} | ${mode} | ${commits} | ${synced} | ${syncs} | ${by.join(", ") || "–"} |`;
    }),
    ...Object.entries(skipped).map(([engine, why]) => `| ${engine} | **skipped**: ${why} | | | | |`),
  ];
  return lines.join("\n");
}

async function main() {
  // Without those that are no database but a limit that none can pass.
  const checkable = Object.keys(ENGINES).filter((engine) => !ENGINES[engine].isLimit);
  const { values } = parseArgs({
    options: {
      engines: { type: "string", default: checkable.join(",") },
      commits: { type: "string", default: "20" },
      folder: { type: "string", default: fileURLToPath(new URL("results", import.meta.url)) },
    },
  });
  const engines = values.engines.split(",");
  const unknown = engines.find((engine) => !checkable.includes(engine));
  if (unknown !== undefined) throw new Error(`--engines takes ${checkable.join(", ")}, not ${unknown}`);
  if (!existsSync(values.folder)) mkdirSync(values.folder, { recursive: true });
  const found = await checkSyncs({ folder: values.folder, engines, commits: Number(values.commits) });
  console.log(syncTable(found));
  for (const problem of found.problems) console.error(problem);
  if (found.problems.length > 0) process.exitCode = 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
