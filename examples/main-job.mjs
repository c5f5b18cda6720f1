/**
 * The main job: seven years of recorded knowledge become the memory of an agent, which then says what it believed when,
 * what it believes now, and when that changed. At the end it is killed while it commits. Run it with `npm run demo`.
 *
 * All that is told is read from the database. The database and a picture are left in `examples/out/`, or in the folder
 * that is given.
 */
import { spawn } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { createInterface } from "node:readline";
import { drawVersions, open } from "llmdb";
import { Memory } from "llmdb/memory";
import { importSoftwareSupport } from "../dist/internal/cli/formats/software-support.js";

const data = join(import.meta.dirname, "data", "software-support");
const folder = process.argv[2] ?? join(import.meta.dirname, "out");
const path = join(folder, "support.llmdb");

/** What is asked. The answers come from the database. */
const QUESTION = "node 16 end of life";
const THEN = "2021-06-01";
const DAY = "2023-10-01";
const KNOWN_THEN = "2022-01-01";
const ROUNDS = 3;
const LEAST_ACKNOWLEDGED = 100;

const isTerminal = process.stdout.isTTY === true;
const hasColour = isTerminal && !process.env.NO_COLOR && process.env.TERM !== "dumb";
const style = (code) => (text) => (hasColour ? `\u001b[${code}m${text}\u001b[0m` : text);
const [bold, dim, green, red] = [1, 2, 32, 31].map(style);
const say = (text = "") => console.log(text);
const heading = (text) => say(`\n${bold(text)}`);
const day = (milliseconds) => new Date(milliseconds).toISOString().slice(0, 10);
const instant = (milliseconds) => new Date(milliseconds).toISOString().replace(".000Z", "Z");
const number = (value) => value.toLocaleString("en-US");
const fromHere = (file) => relative(process.cwd(), file);

/** A bar that moves on a terminal; elsewhere a line for each quarter. */
function showProgress({ statements, of, recordedAt }) {
  const done = statements / of;
  if (isTerminal) {
    const bar = "█".repeat(Math.round(30 * done)).padEnd(30, "░");
    process.stdout.write(`\r  ${bar} ${number(statements)} of ${number(of)}, known on ${day(recordedAt)}`);
    if (done === 1) say();
  } else if (Math.floor(4 * done) > showProgress.quarter) {
    showProgress.quarter = Math.floor(4 * done);
    say(`  ${String(Math.round(100 * done)).padStart(3)} %: ${number(statements)} of ${number(of)} statements`);
  }
}
showProgress.quarter = 0;

async function importAll(memory) {
  const names = readdirSync(data).filter((name) => name.endsWith(".jsonl"));
  const files = names.map((name) => ({ name, lines: readFileSync(join(data, name), "utf8").split("\n") }));
  heading(`Importing what a catalogue recorded about ${names.length} products, when it recorded it`);
  const start = performance.now();
  const { statements, transactions, bad } = await importSoftwareSupport(memory, files, { onProgress: showProgress });
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  for (const { name, line, what } of bad) say(red(`  ${name}:${line}: ${what}`));
  const [first] = memory.transactions({ limit: 1 });
  const [last] = memory.transactions({ limit: 1, reverse: true });
  say(`  ${number(statements)} statements in ${number(transactions)} transactions, in ${seconds} s`);
  say(`  known from ${instant(first.time)} to ${instant(last.time)}`);
}

/** What recall finds first, as it was known at a point. Also what no longer holds today is looked for. */
function believed(memory, at) {
  const [best] = memory.recall(QUESTION, { ...at, validity: "any", limit: 1 }).hits;
  if (best === undefined) throw new Error(`nothing was found for "${QUESTION}"`);
  return best.record;
}

function tell(title, record) {
  say(`  ${title}`);
  say(`    ${green(record.value.text)}`);
  say(dim(`    fact ${record.id}, from ${record.value.source}, recorded ${instant(record.knownFrom)}`));
}

/** Where the end of life of a fact changed, or the fact was withdrawn. */
function changesOfEnd(memory, id) {
  const found = [];
  let last;
  for (const record of memory.history(id)) {
    if (last !== undefined && last.knownTo < record.knownFrom) found.push({ time: last.knownTo, what: "withdrawn" });
    const isNew =
      last === undefined || last.knownTo < record.knownFrom || last.value.object.eol !== record.value.object.eol;
    if (isNew) found.push({ time: record.knownFrom, what: `end of life ${record.value.object.eol}`, record });
    last = record;
  }
  if (last !== undefined && last.knownTo !== Infinity) found.push({ time: last.knownTo, what: "withdrawn" });
  return found;
}

function tellBeliefs(memory) {
  heading(`recall("${QUESTION}")`);
  const then = believed(memory, { knownAt: THEN });
  const now = believed(memory, {});
  tell(`as known on ${THEN}:`, then);
  tell("as known now:", now);

  heading("When that changed, from history()");
  const changes = changesOfEnd(memory, now.id);
  for (const { time, what } of changes) say(`  ${instant(time)}  ${what}`);
  const { record } = changes.findLast((change) => change.record !== undefined);
  const why = memory.explain(record.id, { validAt: record.validFrom, tx: record.tx });
  const replaced = why.replaced.map(({ value }) => value.object.eol).join(", ");
  say(`  explain(): transaction ${why.transaction.tx}, by ${why.transaction.meta.source}; it replaced ${replaced}`);
  return now.id;
}

/** The release cycles of a product that are supported at a point of both times. */
function supported(memory, product, at) {
  const found = [...memory.db.asOf(at).range({ prefix: `${product}/` })].map(([, { subject }]) => subject);
  return found.join(", ") || "none";
}

function tellSupport(memory, product) {
  heading(`What was supported on ${DAY}`);
  const then = { validAt: DAY, knownAt: KNOWN_THEN };
  say(`  as known on ${KNOWN_THEN}:  ${supported(memory, product, then)}`);
  say(`  as known now:         ${supported(memory, product, { validAt: DAY })}`);
  const changes = [...memory.diff(then, { validAt: DAY })];
  const gone = changes.filter(({ after }) => after === undefined);
  // A catalogue renames: what is gone altogether may be there under another name, and is not known to be wrong.
  const isKnown = ({ id }) => memory.history(id).some(({ txTo }) => txTo === Infinity);
  const ended = gone.filter(isKnown).map(({ before }) => before.subject);
  const withdrawn = gone.filter((change) => !isKnown(change)).map(({ before }) => before.subject);
  const missed = changes.filter(({ before }) => before === undefined).map(({ after }) => after.subject);
  say("  diff(), all products:");
  say(`    believed to be, and was not:     ${red(ended.join(", ") || "none")}`);
  say(`    believed to be, withdrawn since: ${withdrawn.join(", ") || "none"}`);
  say(`    was, and not on record then:     ${green(missed.join(", ") || "none")}`);
}

/** Slices that say the same about a stretch of time, one known after the other, as one. */
function joined(versions, label) {
  const all = [];
  for (const version of versions) {
    const last = all.at(-1);
    const goesOn = last?.txTo === version.txFrom && last.validFrom === version.validFrom;
    if (goesOn && last.validTo === version.validTo && label(last.value) === label(version.value)) {
      all[all.length - 1] = { ...last, txTo: version.txTo, knownTo: version.knownTo };
    } else all.push(version);
  }
  return all;
}

function draw(memory, id) {
  const label = ({ object }) => `until ${object.eol}`;
  const svg = drawVersions(joined(memory.db.versions(id), label), {
    title: `When ${memory.history(id)[0].value.subject} is supported, as known over time`,
    label,
    marks: [{ validAt: DAY, knownAt: KNOWN_THEN }],
  });
  const file = join(folder, `${id.replace("/", "-")}.svg`);
  writeFileSync(file, svg);
  heading("Drawn: valid time to the right, transaction time upwards");
  say(`  ${fromHere(file)}`);
}

/** Runs the writer until it has acknowledged enough, and kills it while commits are under way. */
async function killedWriter(round) {
  const writer = join(import.meta.dirname, "main-job-writer.mjs");
  const child = spawn(process.execPath, [writer, path, String(round)], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise((resolve) => child.once("exit", (_code, signal) => resolve(signal)));
  const begun = new Set();
  const acknowledged = new Set();
  const enough = LEAST_ACKNOWLEDGED + Math.floor(Math.random() * LEAST_ACKNOWLEDGED);
  for await (const line of createInterface({ input: child.stdout })) {
    const [what, fact] = line.split(" ");
    if (what === "begun") begun.add(fact);
    if (what === "acknowledged") acknowledged.add(fact);
    if (acknowledged.size >= enough && begun.size > acknowledged.size) child.kill("SIGKILL");
  }
  const signal = await ended;
  if (signal === null) throw new Error("the writer ended by itself");
  return { begun, acknowledged };
}

/** The texts of all facts that writers left. */
function keptFacts(memory) {
  const kept = new Set();
  let cursor;
  do {
    const page = memory.within("killed").list({ kind: "fact", limit: 1000, ...(cursor && { cursor }) });
    for (const { value } of page.records) kept.add(value.object);
    cursor = page.cursor;
  } while (cursor !== undefined);
  return kept;
}

async function killAndLook() {
  heading("Killed with SIGKILL while it commits, and opened again");
  const all = new Set();
  for (let round = 1; round <= ROUNDS; round++) {
    const { begun, acknowledged } = await killedWriter(round);
    for (const fact of acknowledged) all.add(fact);
    const db = open(path, { create: false });
    const kept = keptFacts(new Memory(db));
    const lost = [...all].filter((fact) => !kept.has(fact));
    const isWhole = db.verify().ok;
    const { replayed } = db.recovered;
    await db.close();
    const under = begun.size - acknowledged.size;
    say(`  ${acknowledged.size} acknowledged, killed with ${under} commits under way; ${replayed} redone`);
    if (lost.length > 0 || !isWhole) throw new Error(`lost: ${lost.join(", ") || "none"}; verify: ${isWhole}`);
    const there = green(`${all.size} of ${all.size} acknowledged facts are there`);
    say(`    ${there}, ${kept.size} in all; verify: no problem`);
  }
}

const start = performance.now();
mkdirSync(folder, { recursive: true });
for (const name of readdirSync(folder)) if (name.startsWith("support.llmdb")) rmSync(join(folder, name));
const db = open(path);
const memory = new Memory(db);
await importAll(memory);
const id = tellBeliefs(memory);
tellSupport(memory, id.split("/")[0]);
draw(memory, id);
await db.close();
await killAndLook();
say(`\n${dim(`${fromHere(path)} is left for you. ${((performance.now() - start) / 1000).toFixed(1)} s in all.`)}`);
