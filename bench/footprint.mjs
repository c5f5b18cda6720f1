/**
 * What the engine takes: memory, bytes of code, bytes of a file, time to open one. Guarantees: each measurement is made
 * in a process of its own, memory is read from outside of it after a moment of rest and without a forced collection;
 * the rounds of what is compared alternate.
 *
 *     node bench/footprint.mjs
 *     node bench/footprint.mjs --quick --rounds 3 --only memory,bundle --folder /somewhere
 */
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { makeBundle } from "./bundle.mjs";
import { FootprintChild } from "./footprint-child.mjs";
import { BARE, BARE_SCRIPT, BUILT_INS, importing, openingAndGetting } from "./footprint-programs.mjs";
import { describeMachine } from "./machine.mjs";
import { group, median } from "./numbers.mjs";
import { measureReopening } from "./reopen.mjs";

const program = fileURLToPath(new URL("footprint-process.mjs", import.meta.url));
const built = new URL("../dist/index.js", import.meta.url).href;
const DROP_CACHES = "/proc/sys/vm/drop_caches";
const REST_MS = 500;
const MB = 1e6;
const MIB = 2 ** 20;
const CACHE_BYTES = 64 * MIB;
const VALUE_BYTES = 256;
const LARGE_VALUE_BYTES = 1000;
/** Of the data sets of a large file. */
const LARGE_ENTRY_BYTES = LARGE_VALUE_BYTES + 13;
const FIRST_KEY = "entry/0000000";

/**
 * One figure, with the values of its rounds.
 *
 * @typedef {object} Row
 * @property {string} measure
 * @property {number} [goal] nothing where the figure is there for information
 * @property {boolean} [atMost] the goal is not to be passed
 * @property {number[]} values one of each round; none where it could not be measured
 * @property {string} unit
 * @property {string} [note]
 */

/**
 * @typedef {object} Place
 * @property {string} folder
 * @property {number} rounds
 * @property {boolean} quick
 */

/** @type {Record<string, (place: Place) => Promise<Row[]>>} */
const PARTS = {
  memory: measureMemory,
  bundle: measureBundle,
  space: measureSpace,
  open: measureOpening,
  ceiling: measureCeiling,
  recovery: measureRecovery,
};

/**
 * @param {Place & { parts?: string[] }} request
 * @returns {Promise<Row[]>}
 */
export async function measureFootprint({ parts = Object.keys(PARTS), ...place }) {
  const rows = [];
  for (const part of parts) {
    console.error(`measuring: ${part}`);
    rows.push(...(await PARTS[part](place)));
  }
  return rows;
}

/** Runs a program, lets it rest, and looks at it. */
async function look(args) {
  const child = new FootprintChild(args);
  try {
    const figures = await child.figures();
    await delay(REST_MS);
    return { figures, memory: child.memory() };
  } finally {
    await child.end();
  }
}

/** Runs a step of `footprint-process.mjs`. */
function take(details) {
  return look([program, JSON.stringify(details)]);
}

/** Resident memory after `open` and one read, over node alone. */
async function measureMemory({ folder, rounds }) {
  const path = join(folder, "small.llmdb");
  await take({ step: "load", path, entries: 10_000, valueBytes: VALUE_BYTES, order: "random" });
  const bundlePath = join(folder, "bundle.mjs");
  await makeBundle(bundlePath);
  const texts = { bare: BARE, builtIns: BUILT_INS, imported: importing(built) };
  texts.used = openingAndGetting(built, path, FIRST_KEY);
  texts.bundled = openingAndGetting(pathToFileURL(bundlePath).href, path, FIRST_KEY);
  const seen = {};
  const programs = Object.entries(texts).map(([name, text]) => {
    seen[name] = [];
    const file = join(folder, `${name}.mjs`);
    writeFileSync(file, text);
    return { name, file };
  });
  const script = join(folder, "bare.cjs");
  writeFileSync(script, BARE_SCRIPT);
  programs.push({ name: "script", file: script });
  seen.script = [];
  for (let round = 0; round < rounds; round++) {
    for (const { name, file } of programs) {
      const { memory } = await look([file]);
      if (memory !== undefined) seen[name].push(memory.rss / MB);
    }
  }
  rmSync(path);
  const over = (name, base) => seen[name]?.map((rss, round) => rss - seen[base][round]) ?? [];
  const row = (measure, values, rest) => ({ measure, values, unit: "MB", ...rest });
  return [
    row("RSS after open and one get, over bare node", over("used", "bare"), { goal: 5, atMost: true }),
    row("RSS after open and one get, over bare node, minified bundle", over("bundled", "bare")),
    row("RSS after import alone, over bare node", over("imported", "bare")),
    row("RSS of node with the modules of node that the engine imports, over bare node", over("builtIns", "bare")),
    row("RSS of bare node, running a module", seen.bare),
    row("RSS of bare node, running a CommonJS script", seen.script),
  ];
}

/** Bytes of the code. */
async function measureBundle({ folder }) {
  const { bytes, gzipBytes } = await makeBundle(join(folder, "bundle.mjs"));
  const measure = "minified bundle of the core entry with its dependency";
  return [
    { measure, goal: 70, atMost: true, values: [bytes / 1000], unit: "KB" },
    { measure: "the same bundle, compressed with gzip", values: [gzipBytes / 1000], unit: "KB" },
  ];
}

/** Bytes of a closed file over those of its keys and values. */
async function measureSpace({ folder, quick }) {
  const entries = quick ? 50_000 : 500_000;
  const path = join(folder, "space.llmdb");
  const ratio = async (details) => {
    const { figures } = await take({ path, entries, valueBytes: VALUE_BYTES, ...details });
    rmSync(path);
    return figures.fileBytes / figures.userBytes;
  };
  const rows = [];
  for (const [order, goal] of [
    ["sorted", 1.15],
    ["random", 1.6],
  ]) {
    const what = `file over user bytes, ${order} load of ${group(entries)}`;
    const batches = await ratio({ step: "load", order });
    rows.push({ measure: `${what}, batches of 10,000`, goal, atMost: true, values: [batches], unit: "×" });
    const whole = await ratio({ step: "load", order, batch: entries });
    rows.push({ measure: `${what}, one transaction`, values: [whole], unit: "×" });
  }
  for (const versions of [1, 10]) {
    const keys = entries / 10 / versions;
    const measure = `file over user bytes, ${group(keys)} facts with ${versions} versions each on both time axes`;
    const value = await ratio({ step: "versions", keys, versions, valueBytes: VALUE_BYTES });
    rows.push({ measure, values: [value], unit: "×" });
  }
  return rows;
}

/** Opening a large file that was closed, in fresh processes. */
async function measureOpening({ folder, quick, rounds }) {
  const bytes = quick ? 50 * MB : 1000 * MB;
  const path = join(folder, "closed.llmdb");
  const entries = Math.ceil(bytes / LARGE_ENTRY_BYTES);
  await take({ step: "load", path, entries, valueBytes: LARGE_VALUE_BYTES, order: "sorted" });
  const file = join(folder, "open.mjs");
  writeFileSync(file, openingAndGetting(built, path, FIRST_KEY));
  const warm = { open: [], get: [] };
  const cold = { open: [], get: [] };
  let refused;
  for (let round = 0; round < rounds; round++) {
    for (const times of [warm, cold]) {
      if (times === cold) refused ??= dropCaches();
      if (times === cold && refused !== undefined) continue;
      if (times === cold) await look([...bareOf(folder)]);
      const { figures } = await look([file]);
      times.open.push(figures.openNs / 1e6);
      times.get.push(figures.getNs / 1e6);
    }
  }
  const size = `${group(Math.round(statSync(path).size / MB))} MB`;
  rmSync(path);
  const note = refused === undefined ? {} : { note: `skipped: ${refused}` };
  return [
    { measure: `open of a cleanly closed file of ${size}`, goal: 5, atMost: true, values: warm.open, unit: "ms" },
    { measure: `the same, after the system's cache was dropped`, values: cold.open, unit: "ms", ...note },
    { measure: "the first get after that open", values: warm.get, unit: "ms" },
    { measure: "the same, after the system's cache was dropped", values: cold.get, unit: "ms", ...note },
  ];
}

/** A program that brings node itself back into the system's cache. */
function bareOf(folder) {
  const file = join(folder, "imported-again.mjs");
  writeFileSync(file, importing(built));
  return [file];
}

/** Why the system's cache could not be emptied, if so. */
function dropCaches() {
  if (!existsSync(DROP_CACHES)) return "the cache of this system cannot be dropped";
  try {
    writeFileSync(DROP_CACHES, "3");
    return undefined;
  } catch {
    return "dropping the system's cache is not allowed here";
  }
}

/** The most memory while much more data than the cache holds is written and read. */
async function measureCeiling({ folder, quick, rounds }) {
  const entries = Math.ceil((quick ? 150 * MB : 1000 * MB) / LARGE_ENTRY_BYTES);
  const path = join(folder, "ceiling.llmdb");
  const bare = join(folder, "bare.mjs");
  writeFileSync(bare, BARE);
  const total = [];
  const over = [];
  for (let round = 0; round < Math.min(rounds, quick ? 1 : 3); round++) {
    const request = { step: "ceiling", path, entries, valueBytes: LARGE_VALUE_BYTES, cacheBytes: CACHE_BYTES };
    const { figures, memory } = await take({ ...request, reads: quick ? 100_000 : 1_000_000 });
    rmSync(path);
    rmSync(`${path}-wal`, { force: true });
    for (const when of ["written", "read"]) console.error(`ceiling, ${when}: ${JSON.stringify(figures[when])}`);
    const alone = (await look([bare])).memory;
    if (memory === undefined || alone === undefined) continue;
    total.push(memory.peak / MIB);
    over.push((memory.peak - alone.peak) / MIB);
  }
  const data = `${group(Math.round((entries * LARGE_ENTRY_BYTES) / MB))} MB through a 64 MiB cache`;
  return [
    { measure: `peak RSS, ${data}`, goal: 124, atMost: true, values: total, unit: "MiB" },
    { measure: `peak RSS over bare node, ${data}`, values: over, unit: "MiB" },
  ];
}

/** Opening after a kill with a full log. */
async function measureRecovery({ folder, quick }) {
  const rounds = await measureReopening({ folder, large: 1000 * MB, quick });
  return Object.keys(rounds[0].figures).map((name) => {
    const values = rounds.map(({ figures }) => figures[name] / 1e9);
    const isTime = !name.endsWith("processor time");
    return { measure: `recovery, ${name}`, ...(isTime && { goal: 1, atMost: true }), values, unit: "s" };
  });
}

/** @param {Row[]} rows */
export function footprintTable(rows) {
  const shown = (value) => (Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(Math.abs(value) >= 10 ? 1 : 3));
  const lines = ["| measure | goal | median | least to most | |", "|---|---:|---:|---:|---|"];
  for (const { measure, goal, values, unit, note = "" } of rows) {
    const aim = goal === undefined ? "" : `≤ ${goal} ${unit}`;
    if (values.length === 0) {
      lines.push(`| ${measure} | ${aim} | – | – | ${note || "not measured on this system"} |`);
      continue;
    }
    const middle = median(values);
    const verdict =
      goal === undefined ? note : middle <= goal ? "reached" : `missed, ${(middle / goal).toFixed(2)} times`;
    const spread = `${shown(Math.min(...values))} to ${shown(Math.max(...values))}`;
    lines.push(`| ${measure} | ${aim} | ${shown(middle)} ${unit} | ${spread} | ${verdict} |`);
  }
  return lines.join("\n");
}

async function main() {
  const { values } = parseArgs({
    options: {
      quick: { type: "boolean", default: false },
      rounds: { type: "string" },
      only: { type: "string", default: Object.keys(PARTS).join(",") },
      folder: { type: "string", default: fileURLToPath(new URL("results", import.meta.url)) },
    },
  });
  const parts = values.only.split(",");
  const unknown = parts.find((part) => !Object.hasOwn(PARTS, part));
  if (unknown !== undefined) throw new Error(`--only takes ${Object.keys(PARTS).join(", ")}, not ${unknown}`);
  mkdirSync(values.folder, { recursive: true });
  const folder = mkdtempSync(join(values.folder, "footprint-"));
  try {
    const rounds = Number(values.rounds ?? (values.quick ? 3 : 7));
    const machine = describeMachine();
    const date = new Date().toISOString();
    const rows = await measureFootprint({ folder, rounds, quick: values.quick, parts });
    const place = join(values.folder, `footprint-${date.replace(/[:.]/g, "-")}.json`);
    writeFileSync(place, JSON.stringify({ date, machine, rows }));
    console.log(
      `${machine.processor}, ${machine.memory}, ${machine.system}, node ${machine.node}, load ${machine.load}\n`,
    );
    console.log(footprintTable(rows));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
