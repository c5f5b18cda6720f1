/**
 * From measured rounds to tables. Guarantees: every engine and workload that ran has its place in it, won or lost; a
 * ratio compares two engines in the same round, and its spread is that of the rounds.
 */
import { ENGINES } from "./engines.mjs";
import { bytesPerUs, goalsOf, goalTable, perOperation } from "./goals.mjs";
import { duration, group, median } from "./numbers.mjs";
import { WORKLOADS } from "./workloads.mjs";

/**
 * @typedef {object} Results
 * @property {string} date
 * @property {Record<string, string>} machine
 * @property {string} [endLoad] load average when it was over
 * @property {import("./flags.mjs").Flags} flags
 * @property {Record<string, { version?: string, settings?: string, skipped?: string }>} engines
 * @property {string[]} leftOut workloads that were asked for and have more entries than the flags allow
 * @property {{ workload: string, engine: string, what: string }[]} failed
 * @property {Record<string, Record<string, import("./workloads.mjs").Measured[]>>} rounds by workload, then engine
 * @property {import("./goals.mjs").GoalRow[]} [goals] rows that were measured elsewhere
 */

/** The engine that the others are compared with. */
const BASE = "llmdb";
const NONE = "–";

/** @typedef {import("./workloads.mjs").Measured} Measured */
/** @typedef {Record<string, Measured[]>} ByEngine */

/**
 * @param {Results} results
 * @param {string[]} [plots] files beside the report
 */
export function reportOf(results, plots = []) {
  const ran = Object.keys(results.engines).filter((name) => results.engines[name].skipped === undefined);
  const engines = ran.filter((name) => Object.values(results.rounds).some((byEngine) => name in byEngine));
  const lines = [
    ...heading(results),
    ...section(
      "Failed",
      results.failed.map(({ workload, engine, what }) => `- ${workload}, ${engine}: ${what}`),
    ),
    ...section("Goals", goalTable(goalsOf(results), results.flags.quick)),
    ...section("Time of one operation", times(results, engines)),
    ...section("Bytes written in a second", throughput(results, engines)),
    ...section("Latency of single operations", latencies(results, engines)),
    ...section("Beside checkpoints", besideCheckpoints(results, engines)),
    ...section("For information", observations(results)),
    ...section(
      "Plots",
      plots.map((file) => `![${file.split(".")[1]}](${file})`),
    ),
    ...section("Engines", settings(results)),
  ];
  return `${lines.join("\n")}\n`;
}

function section(title, lines) {
  return lines.length === 0 ? [] : ["", `## ${title}`, "", ...lines];
}

/** @param {Results} results */
function heading({ date, machine, flags, leftOut, endLoad }) {
  const lines = [
    "# llmdb beside native databases",
    "",
    `${date}, ${machine.processor}, ${machine.memory}, ${machine.system}, node ${machine.node}, load average ` +
      `${machine.load} at the start and ${endLoad} at the end.`,
    `Unless a row says otherwise: ${group(flags.entries)} entries, random keys of 13 bytes, values of 256 bytes, ` +
      `${flags.rounds} rounds, ${group(flags.reads)} random reads a round.`,
  ];
  if (flags.quick) lines.push("", "A quick run: it shows that everything runs, and its figures mean nothing.");
  if (leftOut.length > 0)
    lines.push("", `Left out, with more than ${group(flags.most)} entries: ${leftOut.join(", ")}.`);
  return lines;
}

function table(first, engines, rows) {
  if (rows.length === 0) return [];
  return [`| ${first} | ${engines.join(" | ")} |`, `|---|${engines.map(() => "---:|").join("")}`, ...rows];
}

/**
 * @param {string} title
 * @param {string[]} engines
 * @param {(engine: string) => string} cellOf
 */
function row(title, engines, cellOf) {
  return `| ${title} | ${engines.map(cellOf).join(" | ")} |`;
}

/** What a workload's rounds have, of all that any workload has. @param {Results} results @param {string} property */
function workloadsWith({ rounds }, property) {
  return Object.entries(rounds).filter(([, byEngine]) =>
    Object.values(byEngine).some(([first]) => first[property] !== undefined),
  );
}

function times(results, engines) {
  const rows = [];
  for (const [workload, byEngine] of workloadsWith(results, "samples")) {
    const { title } = WORKLOADS[workload];
    if (Object.values(byEngine).some(([first]) => first.phases !== undefined)) continue;
    rows.push(row(title, engines, (name) => compared(byEngine, name, perOperation, duration)));
    if (workload === "commit") {
      rows.push(row(`${title}, over a bare 4 KiB write and sync`, engines, (name) => overBare(byEngine[name])));
    }
  }
  rows.push(...growth(results, engines));
  return [
    `Median of the rounds. Behind it: how many times as long as ${BASE} in the same round, median (least to most); ` +
      `more than 1 is slower than ${BASE}. bare is no database but what none can do in less.`,
    "",
    ...table("workload", engines, rows),
  ];
}

/** The reads of the largest database over those of the smallest. */
function growth({ rounds }, engines) {
  const counts = Object.keys(rounds).filter((workload) => workload.startsWith("get-count-"));
  if (counts.length < 2) return [];
  const [least, most] = [rounds[counts[0]], rounds[counts[counts.length - 1]]];
  const [from, to] = [counts[0], counts[counts.length - 1]].map((name) => group(Number(name.split("-")[2])));
  const ratios = (name) => {
    if (most[name] === undefined || most[name].length !== least[name]?.length) return NONE;
    return spreadOf(most[name].map((round, i) => perOperation(round) / perOperation(least[name][i])));
  };
  return [row(`random read, ${to} entries over ${from}`, engines, ratios)];
}

function throughput(results, engines) {
  const rate = ({ bytes, ns }) => bytesPerUs({ bytes, ns });
  const rows = workloadsWith(results, "bytes").map(([workload, byEngine]) =>
    row(WORKLOADS[workload].title, engines, (name) => {
      const rounds = byEngine[name] ?? [];
      return rounds.length === 0 ? NONE : `${median(rounds.map(rate)).toFixed(1)} MB/s`;
    }),
  );
  for (const [workload, byEngine] of workloadsWith(results, "bareTotalNs")) {
    const ofBare = (name) => {
      const rounds = byEngine[name] ?? [];
      return rounds.length === 0 ? NONE : spreadOf(rounds.map((round) => round.bareTotalNs / round.ns));
    };
    rows.push(row(`${WORKLOADS[workload].title}, over the bare disk in the same process`, engines, ofBare));
  }
  return table("keys and values", engines, rows);
}

function latencies(results, engines) {
  const rows = [];
  const clocks = [];
  for (const [workload, byEngine] of workloadsWith(results, "latency")) {
    rows.push(
      row(WORKLOADS[workload].title, engines, (name) => {
        const rounds = (byEngine[name] ?? []).map(({ latency }) => latency);
        clocks.push(...rounds.flatMap(({ clock }) => clock ?? []));
        if (rounds.length === 0) return NONE;
        const [p50, p99, p999] = ["p50", "p99", "p999"].map((p) => duration(median(rounds.map((round) => round[p]))));
        const base = byEngine[BASE] ?? [];
        const ratio = name === BASE ? "" : ratiosOf(rounds, base, (each) => (each.latency ?? each).p99);
        return `${p50} / ${p99} / ${p999}${ratio}`;
      }),
    );
  }
  if (rows.length === 0) return [];
  const clock = clocks.length === 0 ? "" : ` A measurement of nothing takes ${duration(median(clocks))} of each read.`;
  return [
    `p50 / p99 / p99.9, each the median of the rounds; behind them the p99 over that of ${BASE}. Of the sustained ` +
      `writer it is the time of a transaction, of the 100 writers the time until a promise resolves.${clock}`,
    "",
    ...table("workload", engines, rows),
  ];
}

const PHASES = { alone: "afterwards", beside: "meanwhile" };
const PHASE_TIMES = { get: "read", turn: "read that waits for its turn", put: "commit" };

function besideCheckpoints(results, engines) {
  const rows = [];
  for (const [workload, byEngine] of workloadsWith(results, "phases")) {
    const { title } = WORKLOADS[workload];
    for (const [time, name] of Object.entries(PHASE_TIMES)) {
      for (const [phase, when] of Object.entries(PHASES)) {
        rows.push(row(`${title}: ${name}, ${when}`, engines, (engine) => phaseCell(byEngine[engine], phase, time)));
      }
      rows.push(
        row(`${title}: ${name}, p99 meanwhile over afterwards`, engines, (engine) => overAlone(byEngine[engine], time)),
      );
    }
    const taken = (engine) => {
      const rounds = byEngine[engine] ?? [];
      return rounds.length === 0 ? NONE : duration(median(rounds.map(({ checkpointNs }) => checkpointNs)));
    };
    rows.push(row(`${title}: how long the phase took`, engines, taken));
  }
  if (rows.length === 0) return [];
  return [
    "p50 / p99, each the median of the rounds. A fifth of the entries is written anew; meanwhile: while the " +
      `checkpoint runs that ${BASE} is then asked for, in the other engines right after the writing, when what they ` +
      "put off comes due; afterwards: when that is over.",
    "",
    ...table("workload", engines, rows),
  ];
}

function phaseCell(rounds = [], phase, time) {
  if (rounds.length === 0) return NONE;
  const [p50, p99] = ["p50", "p99"].map((p) => duration(median(rounds.map(({ phases }) => phases[phase][time][p]))));
  return `${p50} / ${p99}`;
}

function overAlone(rounds = [], time) {
  if (rounds.length === 0) return NONE;
  return spreadOf(rounds.map(({ phases: { beside, alone } }) => beside[time].p99 / alone[time].p99));
}

/** Tables of what is there for information. @param {Results} results */
function observations(results) {
  const lines = [];
  for (const [workload, byEngine] of workloadsWith(results, "figures")) {
    for (const [engine, rounds] of Object.entries(byEngine)) {
      const { title } = WORKLOADS[workload];
      if (lines.length > 0) lines.push("");
      lines.push(`| ${engine}, ${title} | median of ${rounds.length} | least to most |`, "|---|---:|---:|");
      for (const figure of Object.keys(rounds[0].figures)) {
        const values = rounds.map(({ figures }) => figures[figure]);
        const spread = `${duration(Math.min(...values))} to ${duration(Math.max(...values))}`;
        lines.push(`| ${figure} | ${duration(median(values))} | ${spread} |`);
      }
    }
  }
  return lines;
}

/** @param {Results} results */
function settings({ engines }) {
  return Object.entries(engines).map(([name, { version, settings: used, skipped }]) => {
    const comes = ENGINES[name].package === "node" ? "comes with Node" : `package ${ENGINES[name].package}`;
    return `- ${name} ${version ?? ""}, ${comes}: ${skipped === undefined ? used : `**skipped**: ${skipped}`}`;
  });
}

/** @param {Measured[]} [rounds] */
function overBare(rounds = []) {
  if (rounds.length === 0) return NONE;
  return spreadOf(rounds.map(({ latency, bare }) => latency.p50 / bare.p50));
}

/** @param {number[]} ratios */
function spreadOf(ratios) {
  return `×${median(ratios).toFixed(2)} (${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)})`;
}

/** @param {ByEngine} byEngine */
function compared(byEngine, name, timeOf, inWords) {
  const rounds = byEngine[name] ?? [];
  if (rounds.length === 0) return NONE;
  const value = inWords(median(rounds.map(timeOf)));
  return name === BASE ? value : `${value}${ratiosOf(rounds, byEngine[BASE] ?? [], timeOf)}`;
}

function ratiosOf(rounds, base, timeOf) {
  if (base.length !== rounds.length) return "";
  return `, ${spreadOf(rounds.map((round, i) => timeOf(round) / timeOf(base[i])))}`;
}
