/**
 * What is to be reached, and whether it was. Guarantees: each goal has its row, met, missed or not measured; a ratio is
 * of two engines in one round, so that a row has as many values as there were rounds.
 */
import { median } from "./numbers.mjs";

/**
 * @typedef {object} GoalRow
 * @property {string} measure what was measured, in words
 * @property {number} goal in the unit of the values
 * @property {boolean} atMost whether less is better; else more is
 * @property {number[]} values one for each round; none where it was not measured
 * @property {string} unit such as "×", "us", "ms", "MB", "MB/s"
 */

/** The engine whose goals these are. */
const OWN = "llmdb";
const US = 1000;

/** @typedef {import("./report.mjs").Results} Results */
/** @typedef {import("./workloads.mjs").Measured} Measured */

/**
 * Measure, workload, other engine, how many times as fast: the time of one entry there over that here.
 *
 * @type {[measure: string, workload: string, other: string, goal: number][]}
 */
const FASTER = [
  ["warm random `getBytes` over lmdb-js `getBinary`", "get", "lmdb", 3],
  ["`view` over lmdb-js `getBinaryFast`", "view", "lmdb", 2.5],
  ["`get` of a 10-field object over lmdb-js `get`", "get-object", "lmdb", 2.5],
  ["the same over lmdb-js with shared structures", "get-object", "lmdb-structures", 2.5],
  ["`getBytes` over better-sqlite3 `get` by primary key", "get", "better-sqlite3", 6],
  ["`getBytes` over classic-level `getSync`", "get", "classic-level", 4],
  ["full scan with values over lmdb-js `getRange`", "scan", "lmdb", 6],
  ["full scan with values over better-sqlite3", "scan", "better-sqlite3", 8],
  ["full scan with values over classic-level", "scan", "classic-level", 6],
  ["sorted load, durable, over lmdb-js", "load-sorted", "lmdb", 3],
  ["sorted load, durable, over better-sqlite3", "load-sorted", "better-sqlite3", 4],
  ["random load in batches of 10,000, durable, over lmdb-js", "load-random", "lmdb", 8],
  ["random load in batches of 10,000, durable, over better-sqlite3", "load-random", "better-sqlite3", 8],
  ["random load in batches of 10,000, durable, over classic-level", "load-random", "classic-level", 4],
  ["durable commits a second, 100 promise writers, over lmdb-js", "writers", "lmdb", 4],
  ["the same over lmdb-js with overlapping syncs", "writers", "lmdb-flushed", 4],
  ["durable commits a second, 100 promise writers, over classic-level", "writers", "classic-level", 2],
];

/**
 * @param {Results} results
 * @returns {GoalRow[]}
 */
export function goalsOf({ rounds, goals }) {
  /** @type {(workload: string, engine?: string) => Measured[]} */
  const of = (workload, engine = OWN) => rounds[workload]?.[engine] ?? [];
  const rows = FASTER.map(([measure, workload, other, goal]) => ({
    measure,
    goal,
    atMost: false,
    values: inTurn(of(workload, other), of(workload), (theirs, ours) => perOperation(theirs) / perOperation(ours)),
    unit: "×",
  }));
  rows.splice(1, 0, ...readLatencies(of));
  rows.push(...writing(of), ...besideCheckpoints(of), ...growth(of), ...ownGoals(rounds), ...(goals ?? []));
  return rows;
}

/** @returns {GoalRow[]} */
function readLatencies(of) {
  const p99 = ({ latency }) => latency.p99;
  return [
    atMost("p99 of `getBytes`", 5, "us", of("get").map(p99), US),
    {
      measure: "p99 of lmdb-js `getBinary` over that of `getBytes`",
      goal: 2,
      atMost: false,
      values: inTurn(of("get", "lmdb"), of("get"), (theirs, ours) => p99(theirs) / p99(ours)),
      unit: "×",
    },
    atMost("p99 of `getBytes`, data set twice the page cache", 60, "us", of("get-uncached").map(p99), US),
  ];
}

/** @returns {GoalRow[]} */
function writing(of) {
  const sustained = of("sustain");
  return [
    {
      measure: "single writer, 4 KiB values, sustained, durable",
      goal: 250,
      atMost: false,
      values: sustained.map(bytesPerUs),
      unit: "MB/s",
    },
    {
      measure: "the same over the bare disk",
      goal: 0.6,
      atMost: false,
      values: sustained.map((round) => bytesPerUs(round) / bytesPerUs({ ...round, ns: round.bareTotalNs })),
      unit: "×",
    },
    atMost(
      "one durable commit over a bare 4 KiB write and sync",
      1.3,
      "×",
      of("commit").map(({ latency, bare }) => latency.p50 / bare.p50),
    ),
  ];
}

/** @returns {GoalRow[]} */
function besideCheckpoints(of) {
  const rows = [];
  for (const [workload, share] of [
    ["mixed-95", "5% writes"],
    ["mixed-50", "50% writes"],
  ]) {
    const rounds = of(workload).filter(({ phases }) => phases.beside !== undefined);
    const reads = rounds.map(({ phases }) => phases.beside.get.p99);
    rows.push(atMost(`p99 of reads during a checkpoint, ${share}`, 60, "us", reads, US));
    const commits = rounds.map(({ phases }) => phases.beside.put.p99 / phases.alone.put.p99);
    rows.push(atMost(`p99 of commits during a checkpoint over p99 without, ${share}`, 2, "×", commits));
  }
  return rows;
}

/** Of the largest number of entries over the smallest that were measured. @returns {GoalRow[]} */
function growth(of) {
  const measured = [4, 5, 6, 7].map((power) => 10 ** power).filter((count) => of(`get-count-${count}`).length > 0);
  const [least, most] = [measured[0], measured[measured.length - 1]];
  const complete = measured.length === 4;
  const values = inTurn(of(`get-count-${most}`), of(`get-count-${least}`), (a, b) => perOperation(a) / perOperation(b));
  const rows = [atMost("`getBytes`, 10 million entries over 10 thousand", 3, "×", complete ? values : [])];
  if (!complete && measured.length > 1) {
    const counts = `${most.toLocaleString("en-US")} entries over ${least.toLocaleString("en-US")}`;
    rows.push(atMost(`\`getBytes\`, ${counts}, as far as measured`, 3, "×", values));
  }
  return rows;
}

/** What workloads of LLMDB alone are held to: a row for each, with the values of all rounds. @returns {GoalRow[]} */
function ownGoals(rounds) {
  /** @type {Map<string, GoalRow>} */
  const rows = new Map();
  for (const { goals = [] } of Object.values(rounds).flatMap((byEngine) => byEngine[OWN] ?? [])) {
    for (const goal of goals) {
      const row = rows.get(goal.measure) ?? { ...goal, values: [] };
      rows.set(goal.measure, { ...row, values: [...row.values, ...goal.values] });
    }
  }
  return [...rows.values()];
}

function atMost(measure, goal, unit, values, divisor = 1) {
  return { measure, goal, atMost: true, values: values.map((value) => value / divisor), unit };
}

/** One value for each round that both have. */
function inTurn(theirs, ours, compare) {
  return theirs.length === ours.length ? ours.map((round, i) => compare(theirs[i], round)) : [];
}

/** @param {Measured} measured */
export function perOperation({ ns, operations }) {
  return ns / operations;
}

/** Megabytes a second. @param {Measured} measured */
export function bytesPerUs({ bytes, ns }) {
  return bytes / (ns / 1000);
}

/**
 * @param {GoalRow[]} rows
 * @param {boolean} [quick] of a run that measures nothing
 */
export function goalTable(rows, quick = false) {
  const lines = ["| measure | goal | measured, median (least to most) | |", "|---|---:|---:|---|"];
  for (const row of rows) lines.push(`| ${row.measure} | ${limit(row)} | ${measured(row)} | ${verdict(row, quick)} |`);
  return lines;
}

/** Whether the median reaches the goal; undefined where nothing was measured. @param {GoalRow} row */
export function isMet({ values, goal, atMost: less }) {
  if (values.length === 0) return undefined;
  return less ? median(values) <= goal : median(values) >= goal;
}

function limit({ goal, atMost: less, unit }) {
  return `${less ? "at most" : "at least"} ${inUnit(goal, unit)}`;
}

function measured({ values, unit }) {
  if (values.length === 0) return "–";
  const spread = `${inUnit(Math.min(...values), unit)} to ${inUnit(Math.max(...values), unit)}`;
  return `${inUnit(median(values), unit)} (${spread})`;
}

function verdict(row, quick) {
  const met = isMet(row);
  if (quick) return met === undefined ? "did not run" : "ran";
  if (met === undefined) return "not measured";
  return met ? "met" : "**missed**";
}

function inUnit(value, unit) {
  const digits = Math.abs(value) >= 100 ? 0 : 2;
  const text = Number(value.toFixed(digits)).toLocaleString("en-US");
  return unit === "×" ? `×${text}` : `${text} ${unit}`;
}
