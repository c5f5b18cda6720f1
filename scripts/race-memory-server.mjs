/**
 * What becomes of writes from two servers on one file, of calls that do not wait for each other, and what a write costs
 * in a large graph, at any memory server of MCP that speaks stdio. Its command is given; what it writes goes to a new
 * folder, which the command names as {}:
 *
 *     node scripts/race-memory-server.mjs npx -y @modelcontextprotocol/server-memory@2026.8.31
 *     node scripts/race-memory-server.mjs npx llmdb mcp --db {}/memory.llmdb
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const PARALLEL = 50;
const ENTITIES = 10_000;
const BATCH = 1000;
const WRITES = 21;
const VERSION = "2025-06-18";

/** A server, spoken to line by line. */
class Server {
  #child;
  #waiting = new Map();
  #next = 1;

  constructor([command, ...args], folder) {
    const env = { ...process.env, MEMORY_FILE_PATH: join(folder, "memory.jsonl") };
    const given = args.map((arg) => arg.replace("{}", folder));
    this.#child = spawn(command, given, { env, stdio: ["pipe", "pipe", "ignore"] });
    this.#child.once("exit", (code) => this.#fail(new Error(`the server ended with ${code}`)));
    createInterface({ input: this.#child.stdout }).on("line", (line) => this.#take(JSON.parse(line)));
  }

  #take({ id, result, error }) {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error !== undefined || result?.isError) waiting?.reject(new Error(JSON.stringify(error ?? result)));
    else waiting?.resolve(result);
  }

  #fail(error) {
    for (const { reject } of this.#waiting.values()) reject(error);
  }

  #send(message) {
    this.#child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
  }

  request(method, params) {
    const id = this.#next++;
    const reply = new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    this.#send({ id, method, params });
    return reply;
  }

  async begin() {
    const clientInfo = { name: "race", version: "1" };
    await this.request("initialize", { protocolVersion: VERSION, capabilities: {}, clientInfo });
    this.#send({ method: "notifications/initialized" });
  }

  call(name, args) {
    return this.request("tools/call", { name, arguments: args });
  }

  end() {
    this.#waiting.clear();
    this.#child.stdin.end();
    return new Promise((resolve) => this.#child.once("exit", resolve));
  }
}

function entities(from, count) {
  return Array.from({ length: count }, (_, i) => ({
    name: `entity ${from + i}`,
    entityType: "thing",
    observations: [`has the number ${from + i} among the things of this graph`],
  }));
}

/** Two clients, each with its own server on the same file, as two agents on one machine have them. */
async function raceOfTwo(command, folder) {
  const servers = [new Server(command, folder), new Server(command, folder)];
  await Promise.all(servers.map((server) => server.begin()));
  let acknowledged = 0;
  const write = async (server, number) => {
    for (let i = 0; i < PARALLEL; i++) {
      await server.call("create_entities", { entities: entities(number * PARALLEL + i, 1) });
      acknowledged++;
    }
  };
  await Promise.allSettled(servers.map(write));
  const kept = await keptBy(servers[0]);
  await Promise.all(servers.map((server) => server.end()));
  console.log(`two servers on one file, ${PARALLEL} entities each: ${acknowledged} acknowledged, ${kept} kept`);
}

async function keptBy(server) {
  const graph = await server.call("read_graph", {});
  return graph.structuredContent.entities.length;
}

async function race(server) {
  const calls = Array.from({ length: PARALLEL }, (_, i) =>
    server.call("create_entities", { entities: entities(i, 1) }),
  );
  const results = await Promise.allSettled(calls);
  const acknowledged = results.filter(({ status }) => status === "fulfilled").length;
  const kept = await keptBy(server);
  console.log(`${PARALLEL} parallel create_entities: ${acknowledged} acknowledged, ${kept} kept`);
}

async function timeWrites(server) {
  for (let from = PARALLEL; from < ENTITIES; from += BATCH) {
    await server.call("create_entities", { entities: entities(from, BATCH) });
  }
  const times = [];
  for (let i = 0; i < WRITES; i++) {
    const start = performance.now();
    await server.call("create_entities", { entities: entities(2 * ENTITIES + i, 1) });
    times.push(performance.now() - start);
  }
  const median = times.sort((a, b) => a - b)[Math.floor(WRITES / 2)];
  console.log(`create_entities of one, beside ${ENTITIES} others: median ${median.toFixed(1)} ms`);
}

const command = process.argv.slice(2);
if (command.length === 0) throw new Error("give the command of a server, such as: npx llmdb mcp --db {}/memory.llmdb");
await inNewFolder((folder) => raceOfTwo(command, folder));
await inNewFolder(async (folder) => {
  const server = new Server(command, folder);
  await server.begin();
  await race(server);
  await timeWrites(server);
  await server.end();
});

async function inNewFolder(run) {
  const folder = mkdtempSync(join(tmpdir(), "llmdb-race-"));
  try {
    await run(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
