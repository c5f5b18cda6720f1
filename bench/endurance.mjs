/**
 * An hour's worth of writes, in which nothing may degrade: durable puts and deletes, batches, facts on both time axes,
 * random reads, snapshots that stay open for a while, checkpoints as they come. Bare writes with a sync run beside, so
 * that a disk which others use is told from an engine that gets slow. Guarantees: what is read is checked;
 * the amount of data stays the same, so that a file, a log or a memory that grows is a leak; each window has its row;
 * the database is verified at the end.
 *
 *     node bench/endurance.mjs
 *     node bench/endurance.mjs --minutes 3 --folder /somewhere
 *     node bench/endurance.mjs --quick
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { open } from "../dist/index.js";
import { BareFile } from "./bare-file.mjs";
import { EnduranceLoad } from "./endurance-load.mjs";
import { describeMachine } from "./machine.mjs";
import { group, median } from "./numbers.mjs";

const MINUTE_MS = 60_000;
const QUICK_MS = 10_000;
const MOST_WINDOWS = 60;
const LEAST_WINDOWS = 12;
/** After so many steps, a bare write and sync. */
const STEPS_A_BARE_WRITE = 16;
const CACHE_BYTES = 64 * 1024 * 1024;
const ENTRIES = 300_000;
const QUICK_ENTRIES = 30_000;
/** More than the noise of a machine that does other things too. */
const TOLERANCE = 1.25;

/**
 * What one window of time came to. Times are in microseconds.
 *
 * @typedef {object} Window
 * @property {number} second since the start, at its end
 * @property {number} writes a second: entries put or deleted, and facts
 * @property {number} commits a second, each durable
 * @property {number} reads a second
 * @property {number} commitP50
 * @property {number} commitP99
 * @property {number} commitOverBare the p50 of both
 * @property {number} bareP50 of a bare 4 KiB write and sync in the same window
 * @property {number} readP50
 * @property {number} readP99
 * @property {number} rssBytes
 * @property {number} fileBytes
 * @property {number} logBytes
 * @property {number} freePages
 * @property {number} checkpoints in this window
 * @property {number} stallMs that writes waited for a checkpoint
 */

/** How a figure would be worse at the end: higher, or lower. */
const COMPARED = {
  writes: ["writes a second", "lower"],
  reads: ["reads a second", "lower"],
  commitP50: ["p50 of a durable commit", "higher"],
  commitOverBare: ["p50 of a durable commit over a bare write and sync", "higher"],
  commitP99: ["p99 of a durable commit", "higher"],
  readP50: ["p50 of a read", "higher"],
  readP99: ["p99 of a read", "higher"],
  rssBytes: ["RSS", "higher"],
  fileBytes: ["bytes of the file", "higher"],
  logBytes: ["bytes of the log", "higher"],
};

/**
 * @param {{ folder: string, totalMs: number, entries: number }} request
 * @returns {Promise<{ windows: Window[], problems: unknown[] }>}
 */
export async function endure({ folder, totalMs, entries }) {
  const count = Math.max(LEAST_WINDOWS, Math.min(MOST_WINDOWS, Math.round(totalMs / MINUTE_MS)));
  const db = open(join(folder, "endurance.llmdb"), { cacheBytes: CACHE_BYTES });
  const load = new EnduranceLoad(db, entries);
  const bare = new BareFile(folder);
  await load.fill();
  const windows = [];
  const start = performance.now();
  for (let i = 0; i < count; i++) {
    const window = await runWindow({ db, load, bare }, start, (totalMs / count) * (i + 1));
    windows.push(window);
    console.error(`window ${i + 1} of ${count}: ${row(window).join(", ")}`);
  }
  load.end();
  bare.close();
  const { problems } = db.verify();
  await db.close();
  return { windows, problems };
}

/** @returns {Promise<Window>} */
async function runWindow({ db, load, bare }, start, endMs) {
  const bareNs = [];
  const before = db.stats();
  const began = performance.now();
  let steps = 0;
  await load.beginWindow();
  const middle = began + (start + endMs - began) / 2;
  while (performance.now() - start < endMs) {
    await load.step();
    if (steps++ % STEPS_A_BARE_WRITE === 0) bare.write(1, bareNs);
    if (performance.now() > middle) load.endSnapshot();
    await nextTurn();
  }
  const seconds = (performance.now() - began) / 1000;
  const { counts, commits, reads } = load.takeFigures();
  const after = db.stats();
  const us = (histogram, percentile) => histogram.percentile(percentile) / 1000;
  return {
    second: (performance.now() - start) / 1000,
    writes: counts.writes / seconds,
    commits: counts.commits / seconds,
    reads: counts.reads / seconds,
    commitP50: us(commits, 50),
    commitP99: us(commits, 99),
    bareP50: median(bareNs) / 1000,
    commitOverBare: us(commits, 50) / (median(bareNs) / 1000),
    readP50: us(reads, 50),
    readP99: us(reads, 99),
    rssBytes: process.memoryUsage.rss(),
    fileBytes: after.fileBytes,
    logBytes: after.walBytes,
    freePages: after.freePages,
    checkpoints: after.checkpoints - before.checkpoints,
    stallMs: after.stalls.ms - before.stalls.ms,
  };
}

/**
 * The last quarter over the first, each figure the way that more than 1 is worse. The first window warms up and is left
 * out.
 *
 * @param {Window[]} windows
 * @returns {import("./goals.mjs").GoalRow[]}
 */
export function degradationOf(windows) {
  const measured = windows.slice(1);
  const quarter = Math.max(1, Math.floor(measured.length / 4));
  return Object.entries(COMPARED).map(([field, [what, worse]]) => {
    const of = (part) => median(part.map((window) => window[field]));
    const [first, last] = [of(measured.slice(0, quarter)), of(measured.slice(-quarter))];
    const [over, under, value] = worse === "higher" ? ["last", "first", last / first] : ["first", "last", first / last];
    const measure = `endurance: ${what}, ${over} quarter over ${under}`;
    return { measure, goal: TOLERANCE, atMost: true, values: [value], unit: "×" };
  });
}

const HEAD = [
  ...["second", "writes/s", "commits/s", "reads/s", "commit p50 us", "p99", "bare p50", "read p50 us", "p99"],
  ...["RSS MB", "file MB", "log MB", "free pages", "checkpoints", "stalled ms"],
];

function row(window) {
  const mb = (bytes) => (bytes / 1e6).toFixed(1);
  const { commitP50, commitP99, bareP50, readP50, readP99 } = window;
  return [
    window.second.toFixed(0),
    ...[window.writes, window.commits, window.reads].map((value) => group(Math.round(value))),
    ...[commitP50, commitP99, bareP50].map((us) => us.toFixed(0)),
    ...[readP50, readP99].map((us) => us.toFixed(2)),
    ...[window.rssBytes, window.fileBytes, window.logBytes].map(mb),
    group(window.freePages),
    String(window.checkpoints),
    window.stallMs.toFixed(0),
  ];
}

/** @param {Window[]} windows */
export function enduranceTable(windows) {
  const line = (cells) => `| ${cells.join(" | ")} |`;
  const ratios = degradationOf(windows).map(({ measure, goal, values }) => {
    return line([measure, `×${values[0].toFixed(2)}`, values[0] <= goal ? "steady" : `**more than ×${goal}**`]);
  });
  return [
    line(HEAD),
    line(HEAD.map(() => "---:")),
    ...windows.map((window) => line(row(window))),
    "",
    "| more than 1 is worse | ratio | |",
    "|---|---:|---|",
    ...ratios,
  ].join("\n");
}

async function main() {
  const { values } = parseArgs({
    options: {
      minutes: { type: "string", default: "60" },
      quick: { type: "boolean", default: false },
      folder: { type: "string", default: fileURLToPath(new URL("results", import.meta.url)) },
    },
  });
  const minutes = Number(values.minutes);
  if (!(minutes > 0)) throw new Error(`--minutes is a number above 0, not ${values.minutes}`);
  mkdirSync(values.folder, { recursive: true });
  const folder = mkdtempSync(join(values.folder, "endurance-"));
  try {
    const machine = describeMachine();
    const date = new Date().toISOString();
    const totalMs = values.quick ? QUICK_MS : minutes * MINUTE_MS;
    const entries = values.quick ? QUICK_ENTRIES : ENTRIES;
    const { windows, problems } = await endure({ folder, totalMs, entries });
    const place = join(values.folder, `endurance-${date.replace(/[:.]/g, "-")}.json`);
    const goals = degradationOf(windows);
    writeFileSync(place, JSON.stringify({ date, machine, entries, totalMs, windows, goals, problems }));
    console.log(
      `${machine.processor}, ${machine.memory}, ${machine.system}, node ${machine.node}, load ${machine.load}\n`,
    );
    console.log(enduranceTable(windows));
    if (problems.length > 0) throw new Error(`the database is damaged: ${JSON.stringify(problems.slice(0, 5))}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
