/**
 * From measured rounds to a table. Guarantees: every engine and workload that ran has its place in it, won or lost; a
 * ratio compares two engines in the same round, and its spread is that of the rounds.
 */
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
  for (const workload of Object.keys(rounds)) {
    const cells = running.map((name) => cell(rounds[workload], name));
    lines.push(`| ${WORKLOADS[workload].title} | ${cells.join(" | ")} |`);
  }
  lines.push("");
  for (const [name, { version, settings, skipped }] of Object.entries(engines)) {
    lines.push(`- ${name} ${version ?? ""}: ${skipped === undefined ? settings : `**skipped**: ${skipped}`}`);
  }
  return `${lines.join("\n")}\n`;
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
  const spread = `${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)}`;
  return `${time}, ×${median(ratios).toFixed(2)} (${spread})`;
}

/** @param {import("./workloads.mjs").Measured} measured */
function perOperation({ ns, operations }) {
  return ns / operations;
}

/** @param {number[]} values */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >>> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** @param {number} ns */
function duration(ns) {
  return ns < 1000 ? `${ns.toFixed(0)} ns` : `${(ns / 1000).toFixed(2)} us`;
}

/** @param {number} count */
function group(count) {
  return count.toLocaleString("en-US");
}
