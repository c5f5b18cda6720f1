#!/usr/bin/env node
/**
 * Kills a fixed run of commits at every system call that it makes on its database, and checks after each kill that the
 * acknowledged commits are there, that nothing is there in part, and that nobody has to clean up.
 *
 *     npm run build
 *     node scripts/kill-at-every-syscall.mjs [--commits 200] [--every 1] [--seconds 0] [--lanes 2] [--folder /tmp]
 *
 * `strace` attaches to a process that has started and waits for its job, counts the system calls on the files of the
 * database, one kind and one thread at a time, and delivers SIGKILL on entry to the n-th. `--every k` takes each k-th
 * index only, and `--seconds` ends the run early; both are for the quick form. Without strace, or where the system does
 * not let it attach, the run says so and ends with 0.
 */
import { spawn, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

const FILE = "fixed.llmdb";
const workload = { seed: 20_261_123, committers: 1 };
const pageSize = 4096;
const checkpointBytes = 64 * 1024;
const PATIENCE_MS = 30_000;
const MAX_ATTEMPTS = 4;
const KILLS_PER_LINE = 100;
const MAX_VIOLATIONS = 10;

const { values: flags } = parseArgs({
  options: {
    commits: { type: "string", default: "200" },
    every: { type: "string", default: "1" },
    seconds: { type: "string", default: "0" },
    lanes: { type: "string", default: "2" },
    folder: { type: "string", default: tmpdir() },
    harness: {
      type: "string",
      default: join(import.meta.dirname, "../dist/internal/test/harness/kill/started-process.js", ".."),
    },
    json: { type: "boolean", default: false },
  },
});
const commits = Number(flags.commits);

const program = join(flags.harness, "started-process.js");
if (!existsSync(program)) {
  console.error("there is no build: run npm run build first");
  process.exit(2);
}
const { ProcessStock } = await import(pathToFileURL(program).href);

if (spawnSync("strace", ["-V"]).status !== 0) skip("strace is not installed; apt-get install strace");

const root = realpathSync(mkdtempSync(join(flags.folder, "llmdb-syscalls-")));
// One thread in the pool, so that the same calls run on the same thread every time.
const stock = new ProcessStock(Number(flags.lanes), { UV_THREADPOOL_SIZE: "1" });
const checkers = new ProcessStock(0);
const violations = [];
/** The names of the files that a run touches in its folder. */
const seenNames = new Set([FILE, `${FILE}-wal`]);
const started = performance.now();

function skip(why) {
  console.log(`skipped: ${why}`);
  process.exit(0);
}

async function main() {
  const calls = await countCalls();
  const indices = placesOf(calls);
  const every = Number(flags.every);
  const chosen = indices.filter((_, place) => place % every === 0);
  console.error(`${calls.length} system calls on the database, ${chosen.length} of ${indices.length} to be killed at`);
  const tally = { calls: calls.length, chosen: chosen.length, kills: 0, missed: 0 };
  const lanes = Array.from({ length: Number(flags.lanes) }, (_, lane) => runLane(`lane-${lane}`, chosen, tally));
  await Promise.all(lanes);
  summarize(tally, calls);
}

function summarize(tally, calls) {
  const seconds = (performance.now() - started) / 1000;
  const kinds = {};
  for (const { kind } of calls) kinds[kind] = (kinds[kind] ?? 0) + 1;
  if (flags.json) console.log(JSON.stringify({ ...tally, seconds, kinds, violations }));
  else {
    const each = Object.entries(kinds).map(([kind, count]) => `${count} ${kind}`);
    console.log(`a run of ${commits} commits makes ${calls.length} system calls on its database: ${each.join(", ")}`);
    console.log(
      `killed at ${tally.kills} of ${tally.chosen} indices in ${seconds.toFixed(0)} s, ${tally.missed} not reached`,
    );
    console.log(`${violations.length} violations`);
    for (const violation of violations) console.log(`  ${violation}`);
  }
  if (violations.length > 0) process.exitCode = 1;
}

/** Each place where a run can be killed: the n-th call of a kind on a thread. */
function placesOf(calls) {
  const seen = new Map();
  return calls.map(({ thread, kind }) => {
    const key = `${thread} ${kind}`;
    const index = (seen.get(key) ?? 0) + 1;
    seen.set(key, index);
    return { thread, kind, index };
  });
}

/** Takes places from the list until none is left. */
async function runLane(name, chosen, tally) {
  let checker = checkers.take();
  while (chosen.length > 0 && !timeIsUp() && violations.length < MAX_VIOLATIONS) {
    const place = chosen.shift();
    const folder = join(root, name);
    const result = await killAt(place, folder);
    if (!result.killed) {
      // What runs beside the commits does not run the same way every time.
      place.attempts = (place.attempts ?? 0) + 1;
      if (place.attempts < MAX_ATTEMPTS) chosen.push(place);
      else tally.missed++;
      continue;
    }
    tally.kills++;
    if (tally.kills % KILLS_PER_LINE === 0) console.error(`${tally.kills} kills, ${violations.length} violations`);
    const problems = [...result.problems];
    for (const readOnly of [true, false]) {
      // Before the file exists there is nothing to be read.
      if (readOnly && result.acknowledged === 0) continue;
      const answer = await check(checker, folder, readOnly);
      problems.push(...answer.problems);
      if (answer.ended) checker = checkers.take();
      else problems.push(...countProblems(answer.counters, result.acknowledged, readOnly));
    }
    const left = readdirSync(folder).filter((entry) => entry !== FILE);
    if (problems.length === 0 && left.length > 0) problems.push(`close() left ${left.join(", ")} behind`);
    if (problems.length > 0) {
      const kept = `${folder}-violation-${violations.length}`;
      renameSync(folder, kept);
      const where = `${place.kind} ${place.index} on thread ${place.thread}`;
      violations.push(`${where}: ${problems.join("; ")} (files, after the checks: ${kept})`);
    }
  }
  await checker.kill();
}

function timeIsUp() {
  const seconds = Number(flags.seconds);
  return seconds > 0 && performance.now() - started > seconds * 1000;
}

function countProblems(counters, acknowledged, readOnly) {
  const count = counters[0] ?? 0;
  if (count === acknowledged || count === acknowledged + 1) return [];
  const how = readOnly ? "read-only" : "for writing";
  return [`opened ${how}: ${count} commits are there, ${acknowledged} were acknowledged`];
}

function pathFlags(folder) {
  const paths = [folder, ...[...seenNames].map((name) => join(folder, name))];
  return paths.flatMap((path) => ["-P", path]);
}

/** A whole run, in order: every call on the database, with its thread as a place among the threads of the process. */
async function countCalls() {
  const folder = join(root, "count");
  await traceNames(folder);
  const { lines, threads } = await trace(folder, ["-f", "-e", "trace=all", ...pathFlags(folder)], undefined);
  const calls = lines.flatMap((line) => {
    const match = /^(\d+) +([a-z_0-9]+)\(/.exec(line);
    return match === null ? [] : [{ thread: threads.indexOf(Number(match[1])), kind: match[2] }];
  });
  if (calls.length === 0) skip("strace may not attach to a process here (ptrace is not permitted)");
  return calls;
}

/** A run to learn the names: the log, the unfinished file, whatever else there is. */
async function traceNames(folder) {
  const { lines } = await trace(folder, ["-f", "-e", "trace=%file"], undefined);
  for (const line of lines) {
    for (const [, path] of line.matchAll(/"([^"]+)"/g)) {
      if (dirname(path) === folder) seenNames.add(path.slice(folder.length + 1));
    }
  }
}

/** Runs until the n-th call of a kind on a thread, and kills there. */
async function killAt({ thread, kind, index }, folder) {
  const inject = ["-e", `trace=${kind}`, "-e", `inject=${kind}:signal=KILL:when=${index}`, ...pathFlags(folder)];
  return trace(folder, inject, thread);
}

/** A run in a new folder with strace attached: to all threads, or to one. */
async function trace(folder, straceFlags, thread) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  const child = stock.take();
  await child.ready;
  const threads = readdirSync(`/proc/${child.pid}/task`)
    .map(Number)
    .sort((a, b) => a - b);
  const output = `${folder}.trace`;
  const target = thread === undefined ? child.pid : threads[thread];
  const strace = spawn("strace", [...straceFlags, "-o", output, "-p", String(target)], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const straceEnded = new Promise((resolve) => strace.once("close", resolve));
  await attached(strace, straceEnded);
  const result = await follow(child, folder);
  await child.kill();
  await straceEnded;
  return { ...result, threads, lines: existsSync(output) ? readFileSync(output, "utf8").split("\n") : [] };
}

/** Resolves when strace says that it is attached, or has given up. */
function attached(strace, straceEnded) {
  const told = new Promise((resolve) => {
    strace.stderr.on("data", (text) => {
      if (String(text).includes("attached")) resolve();
    });
  });
  return Promise.race([told, straceEnded]);
}

/** Hands over the job and listens until the run is done or the process has ended. */
async function follow(child, folder) {
  let acknowledged = 0;
  let killed = true;
  const problems = [];
  const done = new Promise((resolve) => {
    const job = { task: "fixed", path: join(folder, FILE), workload, pageSize, checkpointBytes, commits };
    child.begin(job, (report) => {
      if (report.kind === "acknowledged") acknowledged = report.index;
      if (report.kind === "failed") problems.push(report.message);
      if (report.kind === "done") {
        killed = false;
        resolve();
      }
    });
  });
  if ((await Promise.race([done, child.ended, late()])) === "late") problems.push("the run hangs");
  return { acknowledged, killed, problems };
}

/** What a process finds that opens the database after the kill. */
async function check(checker, folder, readOnly) {
  const answer = { counters: [], problems: [], ended: false };
  const job = { task: "check", path: join(folder, FILE), workload, pageSize, readOnly, close: true };
  const checked = new Promise((resolve) => {
    checker.begin(job, (report) => {
      if (report.kind === "failed") answer.problems.push(report.message);
      if (report.kind !== "checked") return;
      answer.counters = report.counters;
      answer.problems.push(...report.problems);
      resolve("checked");
    });
  });
  const how = await Promise.race([checked, checker.ended.then(() => "ended"), late()]);
  if (how !== "checked") {
    answer.ended = true;
    answer.problems.push(
      ...(checker.errors === "" ? [] : [checker.errors]),
      `the check ${how === "late" ? "hangs" : how}`,
    );
    await checker.kill();
  }
  return answer;
}

function late() {
  return new Promise((resolve) => setTimeout(resolve, PATIENCE_MS, "late").unref());
}

try {
  await main();
} finally {
  await Promise.all([stock.close(), checkers.close()]);
  if (violations.length === 0) rmSync(root, { recursive: true, force: true });
}
