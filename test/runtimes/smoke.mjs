/**
 * What the package promises on every runtime, tried on this one: files, a kill, the past, MCP over standard input and
 * output, modules with threads. Run by `scripts/check-runtimes.mjs` in a folder where the package is installed:
 *
 *     <runtime> smoke.mjs <folder> <modules> <the runtime and its flags, as JSON>
 */
import { deepStrictEqual, strictEqual, throws } from "node:assert";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { LlmdbError, open, openMemory } from "llmdb";
import { Memory } from "llmdb/memory";

const LARGE_BYTES = 3_000_000;
const RECORDS = 20_000;
const COMMITS = 25;
const PATIENCE_MS = 120_000;
const [, program, folder, modules, command] = process.argv;
const inFolder = (name) => join(folder, name);

/** The bytes of a large value: neither all zero nor free of long runs of zeros. */
function large(seed) {
  const bytes = new Uint8Array(LARGE_BYTES);
  for (let at = 0; at < LARGE_BYTES; at += 250_007) bytes.fill(seed + (at & 63), at, at + 90_001);
  return bytes;
}

const sameBytes = (a, b) => strictEqual(Buffer.compare(a, b), 0);
const withCode = (code) => (error) => error instanceof LlmdbError && error.code === code;

function useMaps(db) {
  const notes = db.map("notes");
  const blobs = db.map("blobs", { values: "bytes" });
  for (let seed = 1; seed <= 3; seed++) blobs.putSync(seed, large(seed));
  blobs.putSync("zeros", new Uint8Array(LARGE_BYTES));
  notes.putSync(["agent", 1], { text: "schön 𝄞", big: 12345678901234567890n, at: new Date(0) });
  db.transactionSync((tx) => tx.map("notes").delete("nothing"));
  throws(() => blobs.putSync(1, "text"), withCode("LLMDB_INVALID_ARGUMENT"));
}

function requireMaps(db) {
  const note = { text: "schön 𝄞", big: 12345678901234567890n, at: new Date(0) };
  deepStrictEqual([...db.map("notes").range()], [[["agent", 1], note]]);
  for (let seed = 1; seed <= 3; seed++) sameBytes(db.map("blobs").get(seed), large(seed));
  sameBytes(db.map("blobs").get("zeros"), new Uint8Array(LARGE_BYTES));
  strictEqual(db.verify().ok, true);
}

async function files() {
  const path = inFolder("files.llmdb");
  const db = open(path);
  useMaps(db);
  await db.map("notes").put("later", 1);
  await db.map("notes").delete("later");
  requireMaps(db);
  await db.checkpoint();
  await db.backup(inFolder("backup.llmdb"));
  await db.compact();
  await db.close();
  for (const copy of [path, inFolder("backup.llmdb")]) {
    const again = open(copy, { create: false, readOnly: copy !== path });
    requireMaps(again);
    again.closeSync();
  }
}

async function inMemory() {
  const db = openMemory();
  useMaps(db);
  await db.checkpoint();
  requireMaps(db);
  await db.close();
}

/** The child of {@link kill}: commits, says so, and holds the lock until it is killed. */
async function commitAndWait(path) {
  const db = open(path);
  for (let i = 1; i <= COMMITS; i++) {
    await db.map("commits").put(i, { i });
    process.stdout.write(`${i}\n`);
  }
  setInterval(() => {}, 1000);
}

function start(args) {
  const [file, ...flags] = JSON.parse(command);
  return spawn(file, [...flags, ...args], { stdio: ["pipe", "pipe", "inherit"] });
}

async function kill() {
  const path = inFolder("killed.llmdb");
  const child = start([program, folder, modules, command, path]);
  let acknowledged = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    acknowledged = Number(line);
    if (acknowledged === COMMITS) break;
  }
  strictEqual(acknowledged, COMMITS);
  throws(() => open(path), withCode("LLMDB_LOCKED"));
  const reader = open(path, { readOnly: true });
  strictEqual(reader.map("commits").count(), COMMITS);
  reader.closeSync();
  child.kill("SIGKILL");
  await once(child, "exit");
  const db = open(path);
  strictEqual(db.recovered.replayed, COMMITS);
  strictEqual(db.map("commits").count(), COMMITS);
  strictEqual(db.verify().ok, true);
  await db.close();
}

async function past() {
  const db = open(inFolder("memory.llmdb"));
  const memory = new Memory(db);
  const facts = ["Turin", "Lyon"].map((object) => ({
    subject: "Ada",
    predicate: "lives in",
    object,
    validFrom: "2020",
  }));
  await memory.remember(facts[0]);
  const knownAt = [...db.transactions()].at(-1).time;
  await memory.remember(facts[1]);
  strictEqual(memory.recall("where does Ada live").hits[0].text, "Ada lives in Lyon");
  strictEqual(memory.recall("where does Ada live", { knownAt }).hits[0].text, "Ada lives in Turin");
  await db.close();
}

async function mcp() {
  const entry = join(dirname(fileURLToPath(import.meta.resolve("llmdb"))), "cli/index.js");
  const server = start([entry, "mcp", "--db", inFolder("mcp.llmdb")]);
  const lines = createInterface({ input: server.stdout })[Symbol.asyncIterator]();
  const ask = async (id, method, params) => {
    server.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", id, method, params })}\n`);
    const reply = JSON.parse((await lines.next()).value);
    strictEqual(reply.id, id);
    strictEqual(reply.error, undefined);
    return reply.result;
  };
  const client = { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "smoke", version: "1" } };
  await ask(1, "initialize", client);
  server.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", method: "notifications/initialized" })}\n`);
  const fact = { subject: "Grace", predicate: "works on", object: "compilers" };
  const said = await ask(2, "tools/call", { name: "remember", arguments: fact });
  strictEqual(said.isError ?? false, false, JSON.stringify(said));
  const found = await ask(3, "tools/call", { name: "recall", arguments: { query: "compilers" } });
  strictEqual(JSON.stringify(found).includes("Grace"), true);
  server.stdin.end();
  const [code] = await once(server, "exit");
  strictEqual(code, 0);
}

/** Node 20 alone has no methods of iterators. */
async function iterators() {
  const db = openMemory();
  for (let i = 0; i < 10; i++) {
    db.map("m").putSync(i, -i);
    db.putSync(i, -i);
  }
  if ("Iterator" in globalThis) {
    const odd = db.map("m").range({ reverse: true });
    const found = odd.filter(([key]) => key % 2 === 1).map(([, value]) => value);
    deepStrictEqual(found.take(2).toArray(), [-9, -7]);
    deepStrictEqual(db.transactions().drop(8).toArray().length, 2);
  } else {
    strictEqual(process.versions.node.startsWith("20."), true);
  }
  const entries = db.map("m").keys();
  entries.next();
  entries[Symbol.dispose]();
  strictEqual(db.stats().openSnapshots, 0);
  await db.close();
}

async function threads() {
  const db = open(inFolder("modules.llmdb"), { sharedCache: true });
  await db.modules.put(readFileSync(join(modules, "count-keys.wasm")), { name: "count-keys" });
  db.transactionSync((tx) => {
    for (let i = 0; i < RECORDS; i++) tx.map("records").put(i, { name: `record ${i}`, i });
  });
  for (const workers of [0, 2]) {
    const chunks = [];
    const stream = db.modules.mapPages("count-keys", { map: "records" }, { workers, timeoutMs: PATIENCE_MS });
    for await (const chunk of stream) chunks.push(chunk);
    const counts = Buffer.concat(chunks);
    let records = 0;
    for (let at = 0; at < counts.length; at += 4) records += counts.readUInt32LE(at);
    strictEqual(records, RECORDS, `with ${workers} threads`);
  }
  await db.close();
}

const path = process.argv[5];
if (path !== undefined) await commitAndWait(path);
else {
  setTimeout(() => {
    console.error(`it did not end in ${PATIENCE_MS} ms`);
    process.exit(1);
  }, PATIENCE_MS).unref();
  for (const step of [inMemory, iterators, files, past, kill, mcp, threads]) {
    const startedMs = performance.now();
    try {
      await step();
      console.log(`  ${step.name}: ok, ${Math.round(performance.now() - startedMs)} ms`);
    } catch (error) {
      console.log(`  ${step.name}: failed`);
      console.error(error);
      process.exitCode = 1;
    }
  }
}
