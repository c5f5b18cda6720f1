/**
 * What the two time axes cost: the bitemporal store beside a plain map in one database, the same keys and values, in
 * turns. Guarantees: each ratio is of two measurements of one round, and what was read is checked.
 *
 *     npm run bench:temporal
 *     npm run bench:temporal -- --scan-keys 100000 --rounds 5 --folder /somewhere
 *
 * The full scan of the past (100,000 keys with 100 versions) takes a few minutes and 3 GB of disk; without the flag it
 * is of 10,000 keys. As the child of another process, it sends what it has measured instead of printing it.
 */
import { mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { open } from "../dist/index.js";
import { describeMachine } from "./machine.mjs";
import { duration, group, median } from "./numbers.mjs";

const { values: flags } = parseArgs({
  options: {
    "scan-keys": { type: "string", default: "10000" },
    rounds: { type: "string", default: "5" },
    quick: { type: "boolean", default: false },
    folder: { type: "string", default: fileURLToPath(new URL("results", import.meta.url)) },
  },
});
const ROUNDS = Number(flags.rounds);
/** A quick run has so many times fewer of everything: it shows only that all of it runs. */
const SMALLER = flags.quick ? 50 : 1;
const SCAN_KEYS = Number(flags["scan-keys"]) / SMALLER;
const CACHE_BYTES = 2_000_000_000;
const READS = 100_000 / SMALLER;
const BATCH = 1000 / SMALLER;

/** MessagePack of it has 100 bytes. */
const factOf = (version) => ({ text: "x".repeat(70), source: "bench", version: 1e6 + version });
const keyOf = (number) => `fact/${String(number).padStart(7, "0")}`;

/** How many times the base each is to take at most. */
const GOALS = { now: 1.5, past: 4, put: 3, scan: 3 };
/** Of a version of a fact of 100 bytes, in a sorted load. */
const BYTES_GOAL = 250;

/** @type {{ what: string, of: string, base: string, goal: number, ns: number[], baseNs: number[] }[]} */
const rows = [];
/** @type {{ what: string, goal?: number, bytes: number }[]} */
const sizes = [];

/** Nanoseconds of one of `count` operations. */
function time(count, run) {
  const start = process.hrtime.bigint();
  run();
  return Number(process.hrtime.bigint() - start) / count;
}

function compare(what, of, base, goal, measure) {
  const ns = [];
  const baseNs = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const [a, b] = measure();
    // The first round warms up.
    if (round === 0) continue;
    ns.push(a);
    baseNs.push(b);
  }
  rows.push({ what, of, base, goal, ns, baseNs });
}

/** Fills a database with so many versions of so many keys, and a map with the newest ones. */
function fill(path, keys, versions) {
  const db = open(path, { cacheBytes: CACHE_BYTES });
  for (let version = 0; version < versions; version++) {
    for (let from = 0; from < keys; from += BATCH) {
      db.transactionSync(
        (tx) => {
          for (let i = from; i < Math.min(keys, from + BATCH); i++) tx.put(keyOf(i), factOf(version));
        },
        { durability: "buffered" },
      );
    }
  }
  for (let from = 0; from < keys; from += BATCH) {
    db.transactionSync((tx) => {
      const map = tx.map("plain");
      for (let i = from; i < Math.min(keys, from + BATCH); i++) map.put(keyOf(i), factOf(versions - 1));
    });
  }
  return db;
}

function drawKeys(keys) {
  return Array.from({ length: READS }, () => keyOf(Math.floor(Math.random() * keys)));
}

function readAll(keys, read) {
  return time(keys.length, () => {
    for (const key of keys) if (read(key) === undefined) throw new Error(`${key} is missing`);
  });
}

function count(iterable, expected) {
  let found = 0;
  for (const _ of iterable) found++;
  if (found !== expected) throw new Error(`a scan found ${found} of ${expected}`);
}

function measureReads(folder, keys, versions) {
  const db = fill(join(folder, `reads-${versions}`), keys, versions);
  const map = db.map("plain");
  const what = `${group(keys)} keys, ${group(versions)} versions each`;
  compare(`get now, ${what}`, "get(key)", "the same get of a map", GOALS.now, () => {
    const drawn = drawKeys(keys);
    return [readAll(drawn, (key) => db.get(key)), readAll(drawn, (key) => map.get(key))];
  });
  if (versions > 1) {
    const at = { tx: Math.floor(db.stats().lastTx / 2) };
    compare(`get as of an old transaction, ${what}`, "get(key, { tx })", "get(key)", GOALS.past, () => {
      const drawn = drawKeys(keys);
      return [readAll(drawn, (key) => db.get(key, at)), readAll(drawn, (key) => db.get(key))];
    });
  }
  db.closeSync();
}

function measurePuts(folder, keys, batch, durability, title) {
  const db = open(join(folder, `puts-${keys}-${batch}-${durability}`), { cacheBytes: CACHE_BYTES });
  let version = 0;
  const commits =
    batch > 1 ? Math.ceil(20_000 / SMALLER / batch) : durability === "durable" ? 200 / SMALLER : 2000 / SMALLER;
  const put = (target) =>
    time(commits * batch, () => {
      for (let i = 0; i < commits; i++) {
        db.transactionSync(
          (tx) => {
            const into = target(tx);
            for (let k = 0; k < batch; k++) into.put(keyOf(version++ % keys), factOf(version));
          },
          { durability },
        );
      }
    });
  compare(`put of a new version, ${title}`, "put(key, value)", "put into a map", GOALS.put, () => [
    put((tx) => tx),
    put((tx) => tx.map("plain")),
  ]);
  db.closeSync();
}

function measureScans(folder, keys, versions) {
  const db = fill(join(folder, `scan-${versions}`), keys, versions);
  const old = { tx: Math.floor(db.stats().lastTx / 2) };
  const known = [...db.range({}, old)].length;
  compare(
    `scan as of an old transaction, ${group(keys)} keys, ${group(versions)} versions each`,
    "an entry of range({}, { tx })",
    "an entry of range()",
    GOALS.scan,
    () => [time(known, () => count(db.range({}, old), known)), time(keys, () => count(db.range(), keys))],
  );
  db.closeSync();
}

/** Bytes of the file for each version, everything in it. Sorted: one key after the other, with all its versions. */
async function measureBytes(folder, keys, versions, isSorted) {
  const path = join(folder, `bytes-${versions}-${isSorted}`);
  const db = open(path, { cacheBytes: CACHE_BYTES });
  const put = (keyStep, version) => {
    db.transactionSync(
      (tx) => {
        for (const number of keyStep) tx.put(keyOf(number), factOf(version));
      },
      { durability: "buffered" },
    );
  };
  const all = Array.from({ length: keys }, (_, number) => number);
  // The first version of many keys may share a transaction; two versions of one may not.
  if (versions === 1) for (let from = 0; from < keys; from += BATCH) put(all.slice(from, from + BATCH), 0);
  else if (isSorted)
    for (const number of all) for (let version = 0; version < versions; version++) put([number], version);
  else for (let version = 0; version < versions; version++) put(all, version);
  await db.checkpoint();
  await db.compact();
  await db.close();
  return statSync(path).size / keys / versions;
}

async function measureAll(folder) {
  for (const [keys, versions] of [
    [100_000, 1],
    [10_000, 100],
    [100, 10_000 / SMALLER],
  ]) {
    measureReads(folder, Math.max(100, keys / SMALLER), versions);
  }
  const [many, few] = [100_000 / SMALLER, 1000 / SMALLER];
  const together = `${group(BATCH)} in a transaction`;
  measurePuts(folder, many, BATCH, "buffered", `${group(many)} keys in turn, ${together}`);
  measurePuts(folder, few, BATCH, "buffered", `${group(few)} keys again and again, ${together}`);
  measurePuts(folder, few, 1, "buffered", "one in a buffered transaction");
  measurePuts(folder, few, 1, "durable", "one in a durable transaction");
  measureScans(folder, SCAN_KEYS, 10);
  measureScans(folder, SCAN_KEYS, 100);
  for (const [keys, versions, isSorted] of [
    [100_000 / SMALLER, 1, true],
    [10_000 / SMALLER, 20, true],
    [10_000 / SMALLER, 20, false],
  ]) {
    const bytes = await measureBytes(folder, keys, versions, isSorted);
    const how = isSorted ? "key by key" : "all keys at a time";
    const goal = isSorted ? BYTES_GOAL : undefined;
    sizes.push({ what: `${group(keys)} keys, ${versions} versions each, ${how}`, goal, bytes });
  }
}

function print() {
  const machine = describeMachine();
  console.log(`${machine.processor}, ${machine.memory}, ${machine.system}, node ${machine.node}, load ${machine.load}`);
  console.log(`${ROUNDS} rounds, medians; in parentheses least to most\n`);
  console.log("| | | over | ratio |\n|---|---:|---:|---:|");
  for (const { what, of, base, ns, baseNs } of rows) {
    const ratio = ns.map((each, i) => each / baseNs[i]);
    const spread = `${Math.min(...ratio).toFixed(2)}–${Math.max(...ratio).toFixed(2)}`;
    const [own, other] = [duration(median(ns)), duration(median(baseNs))];
    console.log(`| ${what} | \`${of}\` ${own} | ${base} ${other} | ×${median(ratio).toFixed(2)} (${spread}) |`);
  }
  console.log("\n| bytes of the file for each version of a fact of 100 bytes | |\n|---|---:|");
  for (const { what, bytes } of sizes) console.log(`| ${what} | ${bytes.toFixed(0)} |`);
}

mkdirSync(flags.folder, { recursive: true });
const folder = mkdtempSync(join(flags.folder, "temporal-"));
try {
  await measureAll(folder);
  if (process.send === undefined) print();
  else process.send({ rows, sizes });
} finally {
  rmSync(folder, { recursive: true, force: true });
}
