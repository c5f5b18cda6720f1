/**
 * What the memory layer and its MCP server cost, beside the reference memory server of MCP, over stdio, in turns.
 * Guarantees: both servers answer the same calls of one client with the same entities; a round asks both.
 *
 *     npm run bench:memory
 *     npm run bench:memory -- --entities 100000 --calls 200 --folder /somewhere
 */
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { open } from "../dist/index.js";
import { Memory } from "../dist/memory/index.js";
import { describeMachine } from "./machine.mjs";
import { McpProcess } from "./mcp-process.mjs";
import { median, quantile } from "./numbers.mjs";

const { values: flags } = parseArgs({
  options: {
    entities: { type: "string", default: "100000" },
    calls: { type: "string", default: "100" },
    folder: { type: "string", default: join(tmpdir()) },
  },
});
const MANY = Number(flags.entities);
const CALLS = Number(flags.calls);
const BATCH = 1000;
const CLI = fileURLToPath(new URL("../dist/cli/index.js", import.meta.url));
const folder = mkdtempSync(join(flags.folder, "llmdb-bench-memory-"));
const TYPES = ["person", "project", "place"];

/** 5,000 words, of which the first are much the most frequent, as in prose. */
const words = Array.from({ length: 5000 }, (_, number) => {
  let word = "";
  for (let rest = number * 7919 + 13; rest > 0; rest = Math.floor(rest / 90)) {
    word += "bcdfghjklmnprstvwz"[rest % 18] + "aeiou"[rest % 5];
  }
  return word;
});
let state = 20_261_123;

/** A number from 0 up to 1, always the same row of them. */
function random() {
  state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
  return state / 2 ** 32;
}

function text(count) {
  const word = () => words[Math.floor(Math.exp(random() * Math.log(words.length))) - 1];
  return Array.from({ length: count }, word).join(" ");
}

function entity(number) {
  return { name: `entity ${number}`, entityType: TYPES[number % 3], observations: [text(8), text(6)] };
}

/** The same entities in the file of either server. */
async function makeFiles(count) {
  const entities = Array.from({ length: count }, (_, number) => entity(number));
  const jsonl = join(folder, `${count}.jsonl`);
  writeFileSync(jsonl, entities.map((one) => JSON.stringify({ type: "entity", ...one })).join("\n"));
  const file = join(folder, `${count}.llmdb`);
  const db = open(file);
  const memory = new Memory(db);
  for (let from = 0; from < count; from += BATCH) {
    const batch = entities.slice(from, from + BATCH);
    await memory.transaction((tx) => tx.graph.createEntities(batch), { durability: "buffered" });
  }
  await db.close();
  return { jsonl, file };
}

function startReference(jsonl) {
  const require = createRequire(import.meta.url);
  const program = join(dirname(require.resolve("@modelcontextprotocol/server-memory/package.json")), "dist/index.js");
  return McpProcess.start([program], { MEMORY_FILE_PATH: jsonl });
}

function startOwn(file) {
  return McpProcess.start([CLI, "mcp", "--db", file], {});
}

/** Milliseconds of each of several calls of either server, in turns. */
async function inTurns(own, reference, calls) {
  const times = { own: [], reference: [] };
  for (let call = 0; call < calls; call++) {
    times.own.push(await own(call));
    if (reference !== undefined) times.reference.push(await reference(call));
  }
  return times;
}

const rows = [];
function row(what, own, reference) {
  const half = median(own);
  const other = reference.length === 0 ? undefined : median(reference);
  rows.push({
    what,
    "p50 ms": half,
    "p99 ms": quantile(own, 0.99),
    "reference p50 ms": other,
    times: other && other / half,
  });
}

async function compareCalls(count) {
  const { jsonl, file } = await makeFiles(count);
  const own = await startOwn(file);
  const reference = await startReference(jsonl);
  const calls = count > 1000 ? Math.min(CALLS, 30) : CALLS;
  const number = () => Math.floor(random() * count);
  const opened = (server, tool, args) => async () => server.timeCall(tool, args());
  const get = opened(own, "get", () => ({ id: `e${number() + 1}` }));
  const nodes = (server) => opened(server, "open_nodes", () => ({ names: [`entity ${number()}`] }));
  const search = (server) => opened(server, "search_nodes", () => ({ query: `entity ${number()}` }));
  for (const warm of [get, nodes(own), nodes(reference), search(own)]) for (let i = 0; i < 5; i++) await warm();
  const measured = [
    ["get, beside open_nodes", get, nodes(reference)],
    ["open_nodes", nodes(own), nodes(reference)],
    ["search_nodes", search(own), search(reference)],
    ["recall, three words", opened(own, "recall", () => ({ query: text(3) })), undefined],
  ];
  for (const [what, a, b] of measured) {
    const times = await inTurns(a, b, calls);
    row(`${what}, ${count} entities`, times.own, times.reference);
  }
  await own.end();
  await reference.end();
  return { jsonl, file };
}

/** Recall as of before a quarter of the entities got another observation, over recall now. */
async function compareTimes(file) {
  const db = open(file);
  const memory = new Memory(db);
  const before = db.refresh();
  for (let from = 0; from < MANY / 4; from += BATCH) {
    const observations = Array.from({ length: BATCH }, (_, i) => ({
      entityName: `entity ${from + i}`,
      contents: [text(7)],
    }));
    await memory.transaction((tx) => tx.graph.addObservations(observations), { durability: "buffered" });
  }
  const queries = Array.from({ length: CALLS }, () => text(3));
  const time = (query, at) => {
    const began = performance.now();
    memory.recall(query, at);
    return performance.now() - began;
  };
  for (const query of queries.slice(0, 20)) time(query, { tx: before });
  const now = queries.map((query) => [time(query, {}), time(query, { tx: before })]);
  row(
    "recall as of the past, beside recall now",
    now.map(([, past]) => past),
    now.map(([present]) => present),
  );
  await db.close();
}

try {
  mkdirSync(folder, { recursive: true });
  await compareCalls(10);
  const { file } = await compareCalls(MANY);
  console.log(describeMachine());
  console.log(`${MANY} entities: ${(statSync(file).size / 1e6).toFixed(0)} MB`);
  await compareTimes(file);
  const shown = (value) => (value === undefined ? "" : value.toFixed(value < 10 ? 3 : 1));
  console.table(
    rows.map((one) =>
      Object.fromEntries(Object.entries(one).map(([k, v]) => [k, typeof v === "string" ? v : shown(v)])),
    ),
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
