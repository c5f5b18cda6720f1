/**
 * Runs the comparison and writes bench/results/. Guarantees: one engine works at a time; the rounds of all engines
 * alternate, so that what else the machine does meets all of them alike; all engines read the same or the run fails.
 */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { EngineChild } from "./engine-child.mjs";
import { readFlags, USAGE } from "./flags.mjs";
import { describeMachine, versionOf } from "./machine.mjs";
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
      const started = await start(engine, { entries, reads, cacheBytes, filled: true }, folder);
      results.engines[engine] = { version: versionOf(engine), settings: started.settings, skipped: started.skipped };
      if (started.child !== undefined) holders.set(engine, started.child);
      else console.error(`skipped: ${engine}: ${started.skipped}`);
    }
    for (const workload of flags.workloads) {
      const byEngine = {};
      results.rounds[workload] = byEngine;
      for (let round = 0; round < rounds; round++) {
        for (const [engine, holder] of holders) {
          const measured = WORKLOADS[workload].fresh
            ? await runFresh(engine, workload, round, { entries, reads, cacheBytes, filled: false }, folder)
            : await holder.run(workload, round);
          if (measured === undefined) continue;
          byEngine[engine] ??= [];
          byEngine[engine].push(measured);
          const each = (measured.ns / measured.operations).toFixed(0);
          console.error(`${workload}, round ${round + 1} of ${rounds}, ${engine}: ${each} ns`);
        }
        requireSame(workload, round, byEngine);
      }
    }
  } finally {
    for (const holder of holders.values()) await holder.end();
  }
  return results;
}

/**
 * @param {string} engine
 * @param {object} details
 * @param {string} folder
 */
async function start(engine, details, folder) {
  if (versionOf(engine) === undefined) return { skipped: "not installed, see the output of npm install" };
  const child = new EngineChild(folder);
  console.error(`loading ${engine}`);
  try {
    return { child, settings: await child.open({ engine, ...details }) };
  } catch (error) {
    await child.end();
    if (engine === "llmdb") throw error;
    return { skipped: String(error instanceof Error ? error.message : error).split("\n")[0] };
  }
}

/** One round in an empty database and a process of its own. */
async function runFresh(engine, workload, round, details, folder) {
  const child = new EngineChild(folder);
  try {
    await child.open({ engine, ...details });
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
