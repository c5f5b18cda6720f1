/**
 * A memory with records of every kind, each in several versions, and everything that a memory and its service can be
 * asked and told: what the target `records` tries on records that lie.
 */
import { LlmdbError, open, type Storage } from "../../index.js";
import { Memory } from "../../memory/index.js";
import { MemoryService } from "../../server/mcp/service.js";
import { Replies } from "../../server/sharing/replies.js";
import type { Use } from "./database-use.js";
import { readAll, SAMPLE_PATH } from "./sample.js";

const START_MS = Date.parse("2026-01-01");
const CALLER = "0123456789abcdef".repeat(2);
const WORDS = ["ada", "turin", "snow", "river", "engine", "日本", "müsli"];
const GRAPH = { name: "Ada", entityType: "person", observations: ["likes snow", "lives in Turin"] };

const idOf = (number: number) => ({ caller: CALLER, number, madeAt: START_MS + number });

/** The file of the memory, after a close. */
export async function recordsSample(storage: Storage): Promise<Uint8Array> {
  let nowMs = START_MS;
  const db = open(SAMPLE_PATH, { storage, pageSize: 4096, clock: () => ++nowMs });
  const memory = new Memory(db);
  for (let i = 0; i < 14; i++) await fillFact(memory, i);
  await fillGraph(memory);
  for (let i = 0; i < 6; i++) await memory.addTurn("s", { role: i % 2 === 0 ? "user" : "bot", text: `snow ${i}` });
  const [withdrawn, erased] = memory.list({ kind: "turn" }).records;
  await memory.forget(withdrawn.id);
  await memory.forget(erased.id, { erase: true });
  const { tx } = await memory.remember({ subject: "undone", predicate: "is", object: "soon" });
  await memory.undo(tx);
  const service = new MemoryService(db, { replies: new Replies({ now: () => nowMs }) });
  for (const number of [1, 2, 3]) await service.call("remember", rememberCall(number), idOf(number));
  await db.erase("plain");
  await db.checkpoint();
  await db.close();
  return readAll(storage, SAMPLE_PATH);
}

const rememberCall = (number: number) => ({ arguments: { text: `said by the service ${number}`, why: "asked" } });

async function fillFact(memory: Memory, i: number): Promise<void> {
  const [subject, object] = [WORDS[i % 3], WORDS[(i * 3 + 1) % WORDS.length]];
  const about = i % 2 === 0 ? { tags: ["t", `t${i % 3}`], source: `source ${i}`, confidence: 0.5 } : {};
  const said = i % 4 === 3 ? { object: { city: object, size: [i, null] } } : { object };
  await memory.remember({ subject, predicate: "likes", many: i % 5 === 0, ...said, ...about }, { meta: { i } });
  const scoped = memory.within(i % 2 === 0 ? "team/a" : "team/b");
  await scoped.remember({ id: "note", text: `note ${i} of ${WORDS[i % 7]} ${"long ".repeat(i * 12)}` });
  await memory.db.put("plain", { i }, { validFrom: i * 1000, validTo: i * 1000 + 5000 });
}

async function fillGraph(memory: Memory): Promise<void> {
  await memory.graph.createEntities([GRAPH, { name: "Acme", entityType: "firm", observations: [] }]);
  await memory.graph.createRelations([{ from: "Ada", to: "Acme", relationType: "works for" }]);
  await memory.graph.addObservations([{ entityName: "Ada", contents: ["plays chess"] }]);
  await memory.graph.deleteObservations([{ entityName: "Ada", observations: ["likes snow"] }]);
  await memory.graph.createEntities([{ name: "Gone", entityType: "x", observations: ["gone"] }]);
  await memory.graph.deleteEntities(["Gone"]);
}

const take = (items: Iterable<unknown>): number => [...items].length;

/** In the words of the reference server it is an error of no type. */
async function withoutWords(call: () => Promise<unknown>): Promise<unknown> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof LlmdbError || !/^Entity with name .* not found$/.test(String(Object(error).message)))
      throw error;
    return undefined;
  }
}

const reads: Record<string, Use> = {
  recall: (_db, memory) => memory.recall("who likes snow in turin", { limit: 20, halfLifeMs: 1000 }),
  "recall any": (_db, memory) => memory.recall("ada likes", { validity: "any", tags: ["t"], minConfidence: 0.2 }),
  "recall preferred": (_db, memory) => memory.recall("note long", { validity: "prefer", kinds: ["fact", "turn"] }),
  "recall of then": (_db, memory) => memory.recall("snow note gone chess", { tx: 40, halfLifeMs: 5000 }),
  "recall inherited": (_db, memory) => memory.recall("ada note", { scope: "team/a", inherit: true }),
  facts: (_db, memory) => memory.list({ kind: "fact", below: true, limit: 7 }),
  "facts of a subject": (_db, memory) => memory.list({ kind: "fact", subject: "ada", predicate: "likes" }),
  entities: (_db, memory) => memory.list({ kind: "entity" }),
  relations: (_db, memory) => memory.list({ kind: "relation" }),
  turns: (_db, memory) => memory.list({ kind: "turn", session: "s" }),
  "get all": (_db, memory) => each(memory, (id) => memory.get(id)),
  "history of all": (_db, memory) => each(memory, (id) => memory.history(id)),
  "explain all": (_db, memory) => each(memory, (id) => memory.explain(id)),
  diff: (_db, memory) => take(memory.diff({ tx: 5 }, {})),
  transactions: (_db, memory) => take(memory.transactions({ reverse: true })),
  "transactions within": (_db, memory) => take(memory.within("team/a").transactions()),
  "notes by name": (_db, memory) => [memory.within("team/b").get("note"), memory.within("team/a").history("note")],
  graph: (_db, memory) => memory.graph.read(),
  "graph search": (_db, memory) => ["snow", "tu", "a", ""].map((query) => memory.graph.search(query)),
  "graph open": (_db, memory) => memory.graph.open(["Ada", "Acme", "Gone"]),
  "store versions": (db) => [...db.knownKeys()].map(({ key, partition }) => db.partition(partition).versions(key)),
  "store then": (db) => [3, 20, 40].map((tx) => [...db.range({}, { tx, validAt: 3000 })]),
  "store diff": (db) => take(db.diff({ tx: 3, validAt: 2000 }, { validAt: 2000 })),
  "store log": (db) => take(db.transactions()),
  verify: (db) => db.verify(),
};

const writes: Record<string, Use> = {
  remember: (_db, memory) => memory.remember({ subject: "ada", predicate: "likes", object: "turin", source: "new" }),
  "remember text": (_db, memory) => memory.remember({ text: "snow falls on the river" }),
  "remember in scope": (_db, memory) => memory.within("team/b").remember({ id: "note", text: "another note" }),
  "remember a new id": (_db, memory) => memory.within("team/c").remember({ id: "note", text: "of a third scope" }),
  "said again": (_db, memory) => memory.remember({ subject: "ada", predicate: "likes", object: "turin" }),
  turn: (_db, memory) => memory.addTurn("s", { role: "user", text: "one more about snow" }),
  undo: (db, memory) => memory.undo(db.stats().lastTx),
  "forget a stretch": (_db, memory) => memory.forget("f1", { validFrom: 1, validTo: 2 }),
  "create entities": (_db, memory) => memory.graph.createEntities([GRAPH, { ...GRAPH, name: "Gone" }]),
  "create relations": (_db, memory) =>
    memory.graph.createRelations([
      { from: "Ada", to: "Acme", relationType: "works for" },
      { from: "Gone", to: "Ada", relationType: "knows" },
    ]),
  "add observations": (_db, memory) =>
    withoutWords(() => memory.graph.addObservations([{ entityName: "Ada", contents: ["plays chess", "reads"] }])),
  "delete observations": (_db, memory) =>
    memory.graph.deleteObservations([{ entityName: "Ada", observations: ["plays chess"] }]),
  "delete relations": (_db, memory) =>
    memory.graph.deleteRelations([{ from: "Ada", to: "Acme", relationType: "works for" }]),
  "delete entities": (_db, memory) => memory.graph.deleteEntities(["Ada"]),
  "store put": (db) => db.put("plain", { now: true }, { validFrom: 2000, validTo: 9000 }),
  "store put again": (db) => db.put("plain", { now: true }, { validFrom: 1000, validTo: 9500 }),
  "store patch": (db) => db.patch("plain", { patched: true }, { validFrom: 0 }),
  "store delete": (db) => db.delete("plain", { validFrom: 4000, validTo: 6000 }),
  "store erase": (db) => db.erase("plain"),
};

/** Each ends in a transaction of its own, so that one damaged record holds up no other. */
const ends: Record<string, Use> = {
  "forget all": (_db, memory) => eachSettled(memory, (id) => memory.forget(id)),
  "erase all": (_db, memory) => eachSettled(memory, (id) => memory.forget(id, { erase: true })),
  "forget history": (db) => db.forgetHistory({ before: START_MS + 50 }),
  checkpoint: (db) => db.checkpoint(),
  "verify again": (db) => db.verify(),
};

const asked: readonly [string, object][] = [
  ["recall", { query: "snow in turin", validity: "any" }],
  ["get", { id: "f1" }],
  ["history", { id: "f1" }],
  ["explain", { id: "f1" }],
  ["diff", { from: { tx: 3 } }],
  ["transactions", {}],
  ["status", {}],
  ["read_graph", {}],
  ["search_nodes", { query: "snow" }],
  ["open_nodes", { names: ["Ada"] }],
];

const service: Record<string, Use> = Object.fromEntries([
  ...asked.flatMap(([method, args]) =>
    [undefined, "team/a"].map((scope): [string, Use] => [
      `service ${method} ${scope ?? ""}`,
      (db) => new MemoryService(db).call(method, { arguments: args, ...(scope !== undefined && { scope }) }),
    ]),
  ),
  ...[1, 2, 3, 4].map((number): [string, Use] => [
    `service request ${number}`,
    (db) => {
      const replies = new Replies({ now: () => START_MS + 1000, ofCaller: 2, ofAll: 3 });
      return new MemoryService(db, { replies }).call("remember", rememberCall(number), idOf(number));
    },
  ]),
]);

function each(memory: Memory, read: (id: string) => unknown): unknown {
  return ids(memory).map((id) => typed(() => read(id)));
}

async function eachSettled(memory: Memory, write: (id: string) => Promise<unknown>): Promise<void> {
  for (const id of ids(memory)) {
    try {
      await write(id);
    } catch (error) {
      if (!(error instanceof LlmdbError)) throw error;
    }
  }
}

/** Also where some records cannot be read. */
function typed(read: () => unknown): unknown {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof LlmdbError)) throw error;
    return error.code;
  }
}

function ids(memory: Memory): string[] {
  return [...memory.db.knownKeys()].flatMap(({ key }) => (typeof key === "string" ? [key] : []));
}

export const MEMORY_USES: Readonly<Record<string, Use>> = { ...reads, ...service, ...writes, ...ends };
