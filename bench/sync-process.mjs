/**
 * Commits, with a mark in the trace before each and after its acknowledgement. Guarantees: one commit at a time; a mark
 * is one `write` of its own, made only when the call has returned or its promise has resolved.
 *
 *     node bench/sync-process.mjs <engine> <folder> <file of the marks> <commits>
 */
import { openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { randomNumbers } from "./data-set.mjs";
import { ENGINES } from "./engines.mjs";

const CACHE_BYTES = 16 * 1024 * 1024;
const BATCH = 100;
const VALUE_BYTES = 256;
/** The exit code where the engine cannot be loaded or opened here. */
const NO_ENGINE = 3;
const [engineName, folder, marksPath, count] = process.argv.slice(2);
const COMMITS = Number(count);
const marks = openSync(marksPath, "w");

/** An engine that acknowledges before it syncs: one that the check has to find. */
async function openControl() {
  const { open } = await import("../dist/index.js");
  const db = open(join(folder, "data.llmdb"), { durability: "buffered" });
  const map = db.map("entries", { values: "bytes" });
  return { put: (key, value) => map.put(key, value) };
}

async function openNamed() {
  if (engineName === "control") return { engine: await openControl(), Bytes: Uint8Array };
  const { openEngine, Bytes } = await ENGINES[engineName].load();
  const request = { folder, cacheBytes: CACHE_BYTES, objects: false, valueBytes: VALUE_BYTES };
  return { engine: await openEngine({ ...request, entries: COMMITS * BATCH }), Bytes };
}

async function commit(mode, run) {
  writeSync(marks, `begin ${mode}\n`);
  await run();
  writeSync(marks, `acknowledged ${mode}\n`);
}

const { engine, Bytes } = await openNamed().catch((error) => {
  console.error(String(error instanceof Error ? error.message : error).split("\n")[0]);
  process.exit(NO_ENGINE);
});
const next = randomNumbers(1);
const pool = Bytes.from(Array.from({ length: 65_536 }, () => next() >>> 24));

function keysOf(commit) {
  return Array.from({ length: BATCH }, (_, i) => `entry/${String(commit * BATCH + i).padStart(7, "0")}`);
}

/** Always another value than the key has: SQLite writes and syncs nothing where a row is replaced by its equal. */
function newValue() {
  const at = next() % (pool.length - VALUE_BYTES);
  return pool.subarray(at, at + VALUE_BYTES);
}

for (let i = 0; i < COMMITS && engine.load !== undefined; i++) {
  const keys = keysOf(i);
  await commit(`a batch of ${BATCH}`, () => engine.load(keys, keys.map(newValue), false));
}
for (let i = 0; i < COMMITS && engine.commitEach !== undefined; i++) {
  const [key] = keysOf(i);
  await commit("one put", () => engine.commitEach([key], [newValue()], []));
}
const put = engine.put ?? engine.putSync;
for (let i = 0; i < COMMITS && put !== undefined; i++) {
  const [key] = keysOf(i);
  await commit(engine.put === undefined ? "one blocking put" : "one awaited put", () => put(key, newValue()));
}
process.exit(0);
