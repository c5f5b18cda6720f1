/**
 * What modules in a transaction cost: commits of 100 puts with a hook or an index on their map, over the same commits
 * without, in turns in one database; and what the instance costs that each transaction makes. Guarantees: each ratio is
 * of two medians of one round; what was derived is counted in the end, and must be what was put.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { open, openMemory } from "../dist/index.js";
import { hostImports } from "../dist/internal/wasm/host-imports.js";
import { readyModule } from "../dist/internal/wasm/module-cache.js";
import { Sandbox } from "../dist/internal/wasm/sandbox.js";
import { median } from "./numbers.mjs";

const PUTS = 100;
const NODES = 20_000;
/** Rounds that do not count. */
const WARM_UP = 5;
/** Commits of one map before it is the turn of the next. */
const IN_A_ROW = 5;
const FIELD = Buffer.from("amount");
const IDLE = "a hook that does nothing";

/** What can stand between a put and its commit. `map` names what it is attached to. */
const LOADS = [
  { map: "plain" },
  { map: "idle", module: IDLE, on: "tx_hook", what: IDLE, goal: 2 },
  {
    map: "copied",
    module: "template-tx-hook",
    on: "tx_hook",
    writes: ["copy"],
    what: "template-tx-hook, which derives 100 puts",
    goal: 2,
  },
  {
    map: "edges",
    module: "reverse-edges-as",
    on: "tx_hook",
    writes: ["reverse", "degree"],
    what: "reverse-edges-as, which derives 200 puts",
    goal: 2,
  },
  { map: "by-hand", what: "the 200 puts of reverse-edges, made by the caller" },
  { map: "indexed", module: "by-field-as", on: "custom_index", name: "by-amount", arg: FIELD, what: "by-field-as" },
];

/**
 * `tx_hook` is `i32.const 0`; `llmdb_alloc(n)` grows the memory by what is missing and returns 1024.
 */
const IDLE_BYTES = Buffer.from(
  "AGFzbQEAAAABEgNgAAF/YAF/AX9gBH9/f38BfwMEAwABAgUDAQABBzEEBm1lbW9yeQIADGxsbWRiX2FiaV92MQAAC2xsbWRiX2FsbG9j" +
    "AAEHdHhfaG9vawACCi8DBABBAQsjAQF/IABB/4cEakEQdj8AayEBIAFBAEoEQCABQAAaC0GACAsEAEEACw==",
  "base64",
);

function bytesOf(module) {
  if (module === IDLE) return IDLE_BYTES;
  return readFileSync(new URL(`../examples/modules/build/${module}.wasm`, import.meta.url));
}

async function attachAll(db) {
  for (const { map, module, what, goal, ...of } of LOADS) {
    if (module === undefined) continue;
    await db.modules.put(bytesOf(module), { name: module, capabilities: ["get"] });
    // Where the machine is busy the clock must not end it.
    await db.modules.attach(module, map, { ...of, timeoutMs: 10_000 });
  }
}

const node = (number) => `node/${String(number % NODES).padStart(6, "0")}`;

/** Every edge is another one. */
function endsOf(edge) {
  return [node(edge * 7919), node(edge * 104_729 + Math.floor(edge / NODES))];
}

/** Puts 100 edges in a transaction; nanoseconds. */
function commit(db, map, from, durability) {
  const edges = Array.from({ length: PUTS }, (_, i) => endsOf(from + i));
  const start = process.hrtime.bigint();
  db.transactionSync(
    (tx) => {
      const into = tx.map(map);
      for (let i = 0; i < PUTS; i++) into.put(edges[i], { amount: (from + i) % 1000, currency: "EUR" });
      if (map === "by-hand") deriveByHand(tx, edges, from);
    },
    { durability },
  );
  return Number(process.hrtime.bigint() - start);
}

function deriveByHand(tx, edges, first) {
  const reverse = tx.map("reverse by hand");
  const degree = tx.map("degree by hand");
  edges.forEach(([from, to], i) => {
    reverse.put([to, from], { amount: (first + i) % 1000, currency: "EUR" });
    degree.put(to, (degree.get(to) ?? 0) + 1);
  });
}

/** Everything that was derived is there. */
function check(db, edges) {
  const counts = {
    plain: db.map("plain").count(),
    edges: db.map("edges").count(),
    reverse: db.map("reverse").count(),
    "reverse by hand": db.map("reverse by hand").count(),
    copy: db.map("copy").count(),
    "by-amount": db.modules.index("by-amount").count(),
    degrees: [...db.map("degree").values()].reduce((sum, each) => sum + each, 0),
  };
  for (const [name, count] of Object.entries(counts)) {
    if (count !== edges) throw new Error(`${name} has ${count} of ${edges}`);
  }
}

/** Of each map the median time of a commit in each round, in nanoseconds. */
async function inTurns(db, durability, rounds, commits) {
  await attachAll(db);
  const taken = Object.fromEntries(LOADS.map(({ map }) => [map, []]));
  let done = 0;
  for (let round = -WARM_UP; round < rounds; round++) {
    const ns = LOADS.map(() => []);
    for (let from = 0; from < commits; from += IN_A_ROW) {
      for (let turn = 0; turn < LOADS.length; turn++) {
        const load = (turn + from / IN_A_ROW) % LOADS.length;
        const { map } = LOADS[load];
        for (let i = 0; i < IN_A_ROW; i++) ns[load].push(commit(db, map, (done + i) * PUTS, durability));
      }
      done += IN_A_ROW;
    }
    if (round < 0) continue;
    for (const [load, { map }] of LOADS.entries()) taken[map].push(median(ns[load]));
  }
  check(db, done * PUTS);
  return taken;
}

function rowsOf(title, taken) {
  const part = `a ${title} of ${PUTS} puts, over the same without`;
  const us = taken.plain.map((ns) => ns / 1000);
  const rows = [{ part, measure: "the commit without", unit: "us", values: us }];
  for (const { map, what, goal } of LOADS.slice(1)) {
    const values = taken[map].map((ns, i) => ns / taken.plain[i]);
    rows.push({ part, measure: what, unit: "×", values, goal, atMost: true });
  }
  return rows;
}

/** @param {{ rounds: number, commits: number }} sizes commits of each map in a round */
export async function measureHooks({ rounds, commits }) {
  const folder = mkdtempSync(join(tmpdir(), "llmdb-bench-modules-"));
  const rows = [];
  try {
    for (const [title, durability, db, times] of [
      ["durable commit", "durable", open(join(folder, "durable.llmdb")), commits / 4],
      ["buffered commit", "buffered", open(join(folder, "buffered.llmdb")), commits],
      ["commit in memory", "buffered", openMemory(), commits],
    ]) {
      rows.push(...rowsOf(title, await inTurns(db, durability, rounds, Math.ceil(times))));
      await db.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return rows;
}

/** What each transaction with a hook pays before the hook does anything. @param {{ rounds: number }} sizes */
export function measureInstances({ rounds, instances }) {
  const part = "a fresh instance, with its windows";
  return [IDLE, "template-tx-hook", "reverse-edges-as", "by-field-as"].map((name) => {
    const module = readyModule(`bench ${name}`, "canonical", () => bytesOf(name));
    const [call] = module.calls;
    const head = { call, pageSize: 0, arg: FIELD, tx: 1, micros: 1, capabilities: 4, flags: 0 };
    const host = { micros: 1, log: () => {}, get: () => undefined };
    const pass = () => {
      const start = process.hrtime.bigint();
      for (let i = 0; i < instances; i++) {
        const imports = hostImports(module.info.imports, host, () => sandbox);
        const sandbox = new Sandbox(module, { fuel: 10_000_000, memoryBytes: 2 ** 26 }, head, imports);
        sandbox.begin(8192);
      }
      return Number(process.hrtime.bigint() - start) / instances / 1000;
    };
    pass();
    return { part, measure: name, unit: "us", values: Array.from({ length: rounds }, pass) };
  });
}
