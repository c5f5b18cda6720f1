/**
 * Opening after a process was killed with a log that is nearly full. Guarantees: each open finds the same two files, in
 * a process of its own; what was synced before the kill is there, or the run fails.
 */
import { fork } from "node:child_process";
import {
  closeSync,
  copyFileSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { duration, group } from "./numbers.mjs";

const program = fileURLToPath(new URL("reopen-process.mjs", import.meta.url));
const OPENS = 5;
const QUICK_OPENS = 1;
const SMALL_BYTES = 10e6;
/** Meta pages are in here: nothing else of the data file is written between opening and the kill. */
const HEAD_BYTES = 64 * 1024;

/** What the log is full of. */
const FILLINGS = {
  synced: "single puts, each synced",
  batches: "batches of 1,000 puts, each synced",
  buffered: "single puts, buffered",
};

/**
 * @param {{ folder: string, large: number, quick: boolean }} request quick: the small file, opened once
 * @returns {Promise<import("./workloads.mjs").Observed[]>} one for each open
 */
export async function measureReopening({ folder, large, quick }) {
  const times = quick ? QUICK_OPENS : OPENS;
  const rounds = Array.from({ length: times }, () => ({ figures: {} }));
  for (const fileBytes of quick ? [SMALL_BYTES] : [SMALL_BYTES, large]) {
    for (const [filling, title] of Object.entries(FILLINGS)) {
      const place = join(folder, `reopen-${process.pid}`);
      mkdirSync(place, { recursive: true });
      try {
        const { builtBytes, opens, commits } = await reopen(join(place, "data.llmdb"), { fileBytes, filling, times });
        const name = `${Math.round(builtBytes / 1e6)} MB, log of ${group(commits)} commits: ${title}`;
        for (let i = 0; i < times; i++) {
          rounds[i].figures[name] = opens[i].ns;
          rounds[i].figures[`${name}; processor time`] = opens[i].processorNs;
        }
        console.error(`reopen, ${name}: ${opens.map(({ ns }) => duration(ns)).join(", ")}, ${opens[0].rssMiB} MiB`);
      } finally {
        rmSync(place, { recursive: true, force: true });
      }
    }
  }
  return rounds;
}

async function reopen(path, { fileBytes, filling, times }) {
  const { builtBytes } = await ask(path, { request: "build", fileBytes });
  const { commits, synced } = await ask(path, { request: "fill", fileBytes, filling });
  const log = `${path}-wal`;
  copyFileSync(log, `${log}.saved`);
  const head = readHead(path);
  const { size } = statSync(path);
  const opens = [];
  for (let i = 0; i < times; i++) {
    copyFileSync(`${log}.saved`, log);
    sync(log);
    writeHead(path, head);
    const opened = await ask(path, { request: "open" });
    if (statSync(path).size !== size) throw new Error("opening has changed the length of the data file");
    if (opened.replayed < synced) throw new Error(`${synced} commits were synced, and ${opened.replayed} are there`);
    opens.push(opened);
  }
  return { builtBytes, commits, opens };
}

/** Has a process do something and ends it with SIGKILL. */
async function ask(path, request) {
  const child = fork(program, [path]);
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const answered = new Promise((resolve) => child.once("message", resolve));
  child.send(request);
  const reply = await Promise.race([answered, ended.then((code) => ({ error: `ended with ${code}` }))]);
  child.kill("SIGKILL");
  await ended;
  if (reply.error !== undefined) throw new Error(reply.error);
  return reply;
}

function readHead(path) {
  const bytes = Buffer.alloc(HEAD_BYTES);
  const descriptor = openSync(path, "r");
  readSync(descriptor, bytes, 0, HEAD_BYTES, 0);
  closeSync(descriptor);
  return bytes;
}

function writeHead(path, bytes) {
  const descriptor = openSync(path, "r+");
  writeSync(descriptor, bytes, 0, HEAD_BYTES, 0);
  fsyncSync(descriptor);
  closeSync(descriptor);
}

function sync(path) {
  const descriptor = openSync(path, "r+");
  fsyncSync(descriptor);
  closeSync(descriptor);
}
