/**
 * The figures of the benchmark of modules, as tables. Guarantees: each row has all its rounds, its goal if it has one,
 * and whether that was met or by how much it was missed; a quick run judges nothing.
 */
import { median } from "./numbers.mjs";

/**
 * @typedef {object} Row
 * @property {string} part the table that it belongs to
 * @property {string} measure what was measured, in words
 * @property {string} unit such as "×", "us", "M pages/s"
 * @property {number[]} values one for each round
 * @property {number} [value] what counts, where it is not the median of the rounds
 * @property {number} [goal] in the same unit
 * @property {boolean} [atMost] whether less is better; else more is
 * @property {string} [orElse] another way in which the goal is met: the measure of a row with a goal of its own
 */

/** @param {Row} row */
export function figureOf({ value, values }) {
  return value ?? median(values);
}

/** @param {Row[]} rows */
function isMet(row, rows) {
  const { goal, atMost, orElse } = row;
  const own = atMost === true ? figureOf(row) <= goal : figureOf(row) >= goal;
  const other = rows.find(({ measure }) => measure === orElse);
  return own || (other !== undefined && isMet(other, rows));
}

function verdict(row, rows, quick) {
  if (row.goal === undefined) return "";
  if (quick) return "ran";
  if (isMet(row, rows)) return "met";
  const by = Math.abs(figureOf(row) / row.goal - 1) * 100;
  return `**missed** by ${by < 1 ? by.toFixed(1) : by.toFixed(0)}%`;
}

function inUnit(value, unit) {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return unit === "×" ? `×${value.toFixed(2)}` : `${value.toFixed(digits)} ${unit}`;
}

function goalOf({ goal, atMost, unit }) {
  return goal === undefined ? "" : `${atMost === true ? "at most" : "at least"} ${inUnit(goal, unit)}`;
}

/**
 * @param {Row[]} rows
 * @param {boolean} quick of a run that measures nothing
 */
export function modulesReport(rows, quick) {
  const lines = [];
  for (const part of new Set(rows.map((row) => row.part))) {
    const columns = [part, "goal", "measured", "least to most", ""];
    lines.push(`| ${columns.join(" | ")} |`, "|---|---:|---:|---:|---|");
    for (const row of rows.filter((each) => each.part === part)) {
      const { unit, values } = row;
      const spread = `${inUnit(Math.min(...values), unit)} to ${inUnit(Math.max(...values), unit)}`;
      const cells = [row.measure, goalOf(row), inUnit(figureOf(row), unit), spread, verdict(row, rows, quick)];
      lines.push(`| ${cells.join(" | ")} |`);
    }
    lines.push("");
  }
  return lines.join("\n");
}
