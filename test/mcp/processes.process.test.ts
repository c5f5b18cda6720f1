/** Several servers on one file, as several agents start them: what was acknowledged is there, whoever is killed. */
import { afterAll, expect, test } from "vitest";
import { open } from "../../index.js";
import { Memory } from "../../memory/memory.js";
import { effort, seeds } from "../effort.js";
import { Random } from "../harness/random.js";
import { App, type Connected } from "./app.js";

const SERVERS = 8;
const WRITES = effort(40);
/** Calls of one client that wait at the same time. */
const TOGETHER = 10;

const app = new App();
afterAll(() => app.remove());

/** Makes an entity, and notes it where that was acknowledged. */
async function create(server: Connected, name: string, acknowledged: Set<string>): Promise<void> {
  const entities = [{ name, entityType: "test", observations: [] }];
  const reply = await server.client.callTool({ name: "create_entities", arguments: { entities } });
  if (reply.isError !== true) acknowledged.add(name);
}

function namesIn(file: string): string[] {
  const db = open(app.path(file), { readOnly: true });
  const names = new Memory(db).graph.read().entities.map(({ name }) => name);
  expect(db.verify().problems).toEqual([]);
  db.closeSync();
  return names;
}

async function writeAll(server: Connected, number: number, acknowledged: Set<string>): Promise<void> {
  for (let from = 0; from < WRITES; from += TOGETHER) {
    const calls = Array.from({ length: TOGETHER }, (_, i) => create(server, `${number}/${from + i}`, acknowledged));
    await Promise.all(calls);
  }
}

test.each(seeds(1))("8 processes write, one is killed, seed %i", { timeout: effort(60_000) }, async (seed) => {
  const random = new Random(seed);
  const file = `killed-${seed}.llmdb`;
  const acknowledged = new Set<string>();
  const servers = await Promise.all(
    Array.from({ length: SERVERS }, () => app.connect(["--db", app.path(file), "--tools", "compat"])),
  );
  // The first is most often the holder.
  const victim = seed === 1 ? 0 : random.below(SERVERS);
  const moment = Math.ceil(WRITES / 2) + random.below(WRITES * (SERVERS - 2));
  const killing = (async () => {
    while (acknowledged.size < moment) await new Promise((resolve) => setTimeout(resolve, 2));
    const { pid } = servers[victim].transport;
    if (pid !== null) process.kill(pid, "SIGKILL");
  })();
  const ended = await Promise.allSettled(servers.map((server, number) => writeAll(server, number, acknowledged)));
  await killing;
  expect(ended.map(({ status }) => status)).toEqual(
    servers.map((_, number) => (number === victim ? "rejected" : "fulfilled")),
  );
  await Promise.all(servers.map(({ client }) => client.close()));
  const names = namesIn(file);
  expect(names.length).toBe(new Set(names).size);
  expect([...acknowledged].filter((name) => !names.includes(name))).toEqual([]);
  expect(acknowledged.size).toBeGreaterThanOrEqual((SERVERS - 1) * WRITES);
});

test("50 parallel calls in one process: 50", async () => {
  const acknowledged = new Set<string>();
  const server = await app.connect(["--db", app.path("parallel.llmdb")]);
  await Promise.all(Array.from({ length: 50 }, (_, i) => create(server, `entity ${i}`, acknowledged)));
  await server.client.close();
  expect(namesIn("parallel.llmdb").toSorted()).toEqual([...acknowledged].toSorted());
  expect(acknowledged.size).toBe(50);
});
