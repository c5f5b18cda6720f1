/**
 * From measured rounds to a table. Guarantees: every engine and workload that ran has its place in it, won or lost; a
 * ratio compares two engines in the same round, and its spread is that of the rounds.
 */
import { duration, group, median } from "./numbers.mjs";
import { WORKLOADS } from "./workloads.mjs";

/**
 * @typedef {object} Results
 * @property {string} date
 * @property {Record<string, string>} machine
 * @property {import("./flags.mjs").Flags} flags
 * @property {Record<string, { version?: string, settings?: string, skipped?: string }>} engines
 * @property {Record<string, Record<string, import("./workloads.mjs").Measured[]>>} rounds by workload, then engine
 */

/** The engine that the others are compared with. */
const BASE = "llmdb";

/** @param {Results} results */
export function reportOf(results) {
  const { machine, flags, engines, rounds } = results;
  const running = Object.keys(engines).filter((name) => engines[name].skipped === undefined);
  const lines = [
    "# llmdb beside native databases",
    "",
    `${results.date}, ${machine.processor}, ${machine.memory}, ${machine.system}, node ${machine.node}, ` +
      `load at the start ${machine.load}.`,
    `${group(flags.entries)} entries, random keys of 13 bytes, values of 256 bytes, ${flags.rounds} rounds, ` +
      `${group(flags.reads)} random reads a round.`,
    "",
    "Time of one entry, median of the rounds. Behind it: how many times as long as llmdb in the same round, median " +
      "(least to most).",
    "",
    `| workload | ${running.join(" | ")} |`,
    `|---|${running.map(() => "---:|").join("")}`,
  ];
  const observed = [];
  for (const [workload, byEngine] of Object.entries(rounds)) {
    const { title } = WORKLOADS[workload];
    const all = Object.values(byEngine).flat();
    if (all.some(({ figures }) => figures !== undefined)) {
      observed.push(...observations(workload, byEngine));
      continue;
    }
    lines.push(row(title, running, (name) => cell(byEngine, name)));
    if (all.some(({ bareNs }) => bareNs !== undefined)) {
      lines.push(row(`${title}, over a bare 4 KiB write and sync`, running, (name) => overBare(byEngine[name] ?? [])));
    }
  }
  lines.push(...observed);
  lines.push("");
  for (const [name, { version, settings, skipped }] of Object.entries(engines)) {
    lines.push(`- ${name} ${version ?? ""}: ${skipped === undefined ? settings : `**skipped**: ${skipped}`}`);
  }
  return `${lines.join("\n")}\n`;
}

/**
 * @param {string} title
 * @param {string[]} engines
 * @param {(engine: string) => string} cellOf
 */
function row(title, engines, cellOf) {
  return `| ${title} | ${engines.map(cellOf).join(" | ")} |`;
}

/**
 * A table of what is there for information.
 *
 * @param {string} workload
 * @param {Record<string, import("./workloads.mjs").Observed[]>} byEngine
 */
function observations(workload, byEngine) {
  const lines = [];
  for (const [engine, rounds] of Object.entries(byEngine)) {
    lines.push(
      "",
      `| ${engine}, ${WORKLOADS[workload].title} | median of ${rounds.length} | least to most |`,
      "|---|---:|---:|",
    );
    for (const figure of Object.keys(rounds[0].figures)) {
      const values = rounds.map(({ figures }) => figures[figure]);
      const spread = `${duration(Math.min(...values))} to ${duration(Math.max(...values))}`;
      lines.push(`| ${figure} | ${duration(median(values))} | ${spread} |`);
    }
  }
  return lines;
}

/** @param {import("./workloads.mjs").Measured[]} rounds */
function overBare(rounds) {
  if (rounds.length === 0) return "–";
  return spreadOf(rounds.map(({ sampleNs, bareNs }) => median(sampleNs) / median(bareNs)));
}

/** @param {number[]} ratios */
function spreadOf(ratios) {
  return `×${median(ratios).toFixed(2)} (${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)})`;
}

/**
 * @param {Record<string, import("./workloads.mjs").Measured[]>} byEngine
 * @param {string} name
 */
function cell(byEngine, name) {
  const rounds = byEngine[name] ?? [];
  if (rounds.length === 0) return "–";
  const time = duration(median(rounds.map(perOperation)));
  const base = byEngine[BASE] ?? [];
  if (name === BASE || base.length !== rounds.length) return time;
  const ratios = rounds.map((round, i) => perOperation(round) / perOperation(base[i]));
  return `${time}, ${spreadOf(ratios)}`;
}

/** @param {import("./workloads.mjs").Measured} measured */
function perOperation({ ns, operations }) {
  return ns / operations;
}
