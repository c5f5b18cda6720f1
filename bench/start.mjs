/**
 * Runs the comparison and writes bench/results/. Guarantees: one engine works at a time; the rounds of all engines
 * alternate, so that what else the machine does meets all of them alike; all engines read the same or the run fails.
 */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { EngineChild } from "./engine-child.mjs";
import { ENGINES } from "./engines.mjs";
import { readFlags, USAGE } from "./flags.mjs";
import { describeMachine, versionOf } from "./machine.mjs";
import { measureReopening } from "./reopen.mjs";
import { reportOf } from "./report.mjs";
import { WORKLOADS } from "./workloads.mjs";

const resultsFolder = fileURLToPath(new URL("results", import.meta.url));
const built = fileURLToPath(new URL("../dist/index.js", import.meta.url));
/** What each engine with a cache gets at least: the default of llmdb. */
const MIN_CACHE_BYTES = 256 * 1024 * 1024;
/** Room for an entry with what lies around it: the data set fits into every cache. */
const CACHED_ENTRY_BYTES = 600;

/** @param {import("./flags.mjs").Flags} flags */
async function measure(flags) {
  const { entries, reads, rounds, folder } = flags;
  const cacheBytes = Math.max(MIN_CACHE_BYTES, entries * CACHED_ENTRY_BYTES);
  /** @type {import("./report.mjs").Results} */
  const results = { date: new Date().toISOString(), machine: describeMachine(), flags, engines: {}, rounds: {} };
  /** @type {Map<string, EngineChild>} */
  const holders = new Map();
  try {
    for (const engine of flags.engines) {
      const held = flags.workloads.some((workload) => WORKLOADS[workload].start === "read" && takes(engine, workload));
      const started = await start(engine, { entries, reads, cacheBytes, state: held ? "read" : "empty" }, folder);
      results.engines[engine] = { version: versionOf(engine), settings: started.settings, skipped: started.skipped };
      if (held && started.child !== undefined) holders.set(engine, started.child);
      else await started.child?.end();
      if (started.skipped !== undefined) console.error(`skipped: ${engine}: ${started.skipped}`);
    }
    const running = flags.engines.filter((engine) => results.engines[engine].skipped === undefined);
    for (const workload of flags.workloads) {
      const byEngine = {};
      results.rounds[workload] = byEngine;
      if (WORKLOADS[workload].start === "killed") {
        if (running.includes("llmdb")) byEngine.llmdb = await measureReopening({ folder, largeBytes: flags.large });
        continue;
      }
      for (let round = 0; round < rounds; round++) {
        for (const engine of running.filter((name) => takes(name, workload))) {
          const measured =
            WORKLOADS[workload].start === "read"
              ? await holders.get(engine).run(workload, round)
              : await runFresh(engine, workload, round, { entries, reads, cacheBytes }, folder);
          if (measured === undefined) continue;
          byEngine[engine] ??= [];
          byEngine[engine].push(measured);
          const each = measured.figures === undefined ? `${(measured.ns / measured.operations).toFixed(0)} ns` : "done";
          console.error(`${workload}, round ${round + 1} of ${rounds}, ${engine}: ${each}`);
        }
        requireSame(workload, round, byEngine);
      }
    }
  } finally {
    for (const holder of holders.values()) await holder.end();
  }
  return results;
}

/** Whether an engine is there for a workload. */
function takes(engine, workload) {
  const { only } = ENGINES[engine];
  return only === undefined || only.includes(workload);
}

/**
 * @param {string} engine
 * @param {object} details
 * @param {string} folder
 */
async function start(engine, details, folder) {
  if (versionOf(engine) === undefined) return { skipped: "not installed, see the output of npm install" };
  const child = new EngineChild(folder);
  console.error(`starting ${engine}`);
  try {
    return { child, settings: await child.open({ engine, ...details }) };
  } catch (error) {
    await child.end();
    if (engine === "llmdb") throw error;
    return { skipped: String(error instanceof Error ? error.message : error).split("\n")[0] };
  }
}

/** One round in a database and a process of its own. */
async function runFresh(engine, workload, round, details, folder) {
  const { start: state, entries: most } = WORKLOADS[workload];
  const child = new EngineChild(folder);
  try {
    const entries = Math.min(details.entries, most ?? details.entries);
    await child.open({ engine, ...details, entries, state });
    return await child.run(workload, round);
  } finally {
    await child.end();
  }
}

/** Throws where engines have read different data in one round. */
function requireSame(workload, round, byEngine) {
  const sums = new Set(Object.values(byEngine).map((measured) => measured[round]?.sum));
  if (sums.size > 1) throw new Error(`${workload}: the engines have read different data: ${[...sums].join(", ")}`);
}

/** The flags, or undefined where there is only the usage to show. */
function flagsOrUsage() {
  try {
    const flags = readFlags(process.argv.slice(2), resultsFolder);
    if (flags === undefined) console.log(USAGE);
    return flags;
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${USAGE}`);
    process.exitCode = 1;
    return undefined;
  }
}

const flags = flagsOrUsage();
if (flags !== undefined && !existsSync(built)) {
  console.error("there is no dist/: use `npm run bench` at the top of the repository, which builds it first");
  process.exitCode = 1;
} else if (flags !== undefined) {
  mkdirSync(resultsFolder, { recursive: true });
  const results = await measure(flags);
  const report = reportOf(results);
  const name = results.date.replace(/[:.]/g, "-");
  writeFileSync(join(resultsFolder, `${name}.json`), JSON.stringify(results));
  writeFileSync(join(resultsFolder, `${name}.md`), report);
  console.log(report);
}
