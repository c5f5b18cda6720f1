/**
 * What the memory refuses: each limit and each wrong type is an error with a stable code, and nothing is written by the
 * refused call, not even where its error is caught inside of a transaction that goes on.
 */
import { expect, test } from "vitest";
import { Memory } from "../../memory/memory.js";
import type { MemoryTransaction } from "../../memory/transaction.js";
import { open } from "../../temporal/open.js";
import { SimulatedDisk } from "../harness/simulated-disk.js";
import { inconsistencies } from "./consistency.js";

const INVALID = "LLMDB_INVALID_ARGUMENT";
const MEGABYTE = 1_000_000;

async function newMemory(): Promise<Memory> {
  const memory = new Memory(open("/db", { storage: new SimulatedDisk(1) }));
  await memory.remember({ id: "known", text: "ada works" });
  await memory.graph.createEntities([{ name: "ada", entityType: "person", observations: [] }]);
  return memory;
}

/** What JavaScript can pass whatever the types say. */
function untyped<T>(value: unknown): T {
  return JSON.parse("[]", () => value);
}

const circular: unknown[] = [];
circular.push(circular);
const text = "a text";

const facts: [string, object][] = [
  ["nothing said", { subject: "ada" }],
  ["a predicate without a subject", { predicate: "is", text }],
  ["an unknown field", { text, colour: "red" }],
  ["an empty text", { text: "" }],
  ["a text that is a number", { text: 5 }],
  ["a text that is too long", { text: "a".repeat(MEGABYTE + 1) }],
  ["a subject that is too long", { subject: "a".repeat(1001), text }],
  ["a predicate that is too long", { subject: "a", predicate: "a".repeat(1001), text }],
  ["a source that is too long", { source: "a".repeat(1001), text }],
  ["an empty source", { source: "", text }],
  ["confidence above 1", { confidence: 1.1, text }],
  ["confidence below 0", { confidence: -0.1, text }],
  ["confidence that is no number", { confidence: Number.NaN, text }],
  ["confidence in words", { confidence: "1", text }],
  ["tags that are no list", { tags: "red", text }],
  ["too many tags", { tags: new Array(101).fill("red"), text }],
  ["a tag that is too long", { tags: ["a".repeat(101)], text }],
  ["an empty tag", { tags: [""], text }],
  ["an empty id", { id: "", text }],
  ["an id that is too long", { id: "a".repeat(201), text }],
  ["an id of the form of the memory", { id: "f77", text }],
  ["the id of an entity", { id: "e2", text }],
  ["many in words", { many: "yes", text }],
  ["a period that is reversed", { validFrom: 5, validTo: 4, text }],
  ["a period without an instant", { validFrom: 5, validTo: 5, text }],
  ["a period that ended before now", { validTo: 5, text }],
  ["a time that is none", { validFrom: "soon", text }],
  ["a time that is NaN", { validTo: Number.NaN, text }],
  ["an object with a function", { object: { a: () => 1 } }],
  ["an object that is a date", { object: new Date() }],
  ["an object that is a map", { object: [new Map()] }],
  ["an object with NaN", { object: [Number.NaN] }],
  ["an object with undefined", { object: { a: undefined } }],
  ["an object in itself", { object: circular }],
  ["an object that is too long", { object: ["a".repeat(MEGABYTE)] }],
  ["a text with half a character", { text: "a\ud83d" }],
  ["an id with half a character", { id: "a\ud83d", text }],
  ["an object with half a character", { object: { a: "\ud83d" } }],
  ["an object whose name has half a character", { object: { "\ud83d": 1 } }],
  ["a scope that is too long", { scope: "a".repeat(201), text }],
  ["a list", []],
];

test.each(facts)("remember: %s", async (_, fact) => {
  const memory = await newMemory();
  const { lastTx } = memory.db.stats();
  const before = [...memory.db.map("memory/records").range()];
  await expect(memory.remember(untyped(fact))).rejects.toMatchObject({ code: INVALID });
  expect(memory.db.stats().lastTx).toBe(lastTx);
  memory.transactionSync((tx) => {
    expect(() => tx.remember(untyped(fact))).toThrow();
    tx.remember({ id: "known", text: "ada sleeps" });
  });
  expect([...memory.db.map("memory/records").range()].map(([key]) => key)).toEqual(before.map(([key]) => key));
  expect(inconsistencies(memory.db)).toEqual([]);
});

const writes: [string, string, (tx: MemoryTransaction) => unknown][] = [
  ["forget: an unknown id", "LLMDB_NOT_FOUND", (tx) => tx.forget("nobody")],
  ["forget: an empty id", INVALID, (tx) => tx.forget("")],
  ["forget: a number", INVALID, (tx) => tx.forget(untyped(5))],
  ["forget: an unknown option", INVALID, (tx) => tx.forget("known", untyped({ when: 5 }))],
  ["forget: a reversed period", INVALID, (tx) => tx.forget("known", { validFrom: 5, validTo: 4 })],
  ["forget: an empty time", INVALID, (tx) => tx.forget("known", { validFrom: "" })],
  ["forget: erase in words", INVALID, (tx) => tx.forget("known", untyped({ erase: "yes" }))],
  ["forget: erase in part", INVALID, (tx) => tx.forget("known", { erase: true, validFrom: 5 })],
  ["addTurn: no session", INVALID, (tx) => tx.addTurn("", { role: "user", text })],
  ["addTurn: a long session", INVALID, (tx) => tx.addTurn("a".repeat(201), { role: "user", text })],
  ["addTurn: no role", INVALID, (tx) => tx.addTurn("s", { role: "", text })],
  ["addTurn: a long role", INVALID, (tx) => tx.addTurn("s", { role: "a".repeat(201), text })],
  ["addTurn: no text", INVALID, (tx) => tx.addTurn("s", { role: "user", text: "" })],
  ["addTurn: a long text", INVALID, (tx) => tx.addTurn("s", { role: "user", text: "a".repeat(MEGABYTE + 1) })],
  ["addTurn: an unknown field", INVALID, (tx) => tx.addTurn("s", untyped({ role: "user", text, index: 5 }))],
  ["undo: nothing", "LLMDB_NOT_FOUND", (tx) => tx.undo(999)],
  ["undo: itself", "LLMDB_NOT_FOUND", (tx) => tx.undo(tx.id)],
  ["undo: 0", INVALID, (tx) => tx.undo(0)],
  ["undo: half", INVALID, (tx) => tx.undo(1.5)],
  ["undo: NaN", INVALID, (tx) => tx.undo(Number.NaN)],
  ["undo: a string", INVALID, (tx) => tx.undo(untyped("1"))],
];

test.each(writes)("%s", async (_, code, write) => {
  const memory = await newMemory();
  const { lastTx } = memory.db.stats();
  await expect(memory.transaction(write)).rejects.toMatchObject({ code });
  expect(memory.db.stats().lastTx).toBe(lastTx);
});

const reads: [string, string, (memory: Memory) => unknown][] = [
  ["recall: an empty query", INVALID, (memory) => memory.recall("")],
  ["recall: spaces", INVALID, (memory) => memory.recall(" \n")],
  ["recall: a number", INVALID, (memory) => memory.recall(untyped(5))],
  ["recall: a megabyte", INVALID, (memory) => memory.recall("a ".repeat(MEGABYTE / 2))],
  ["recall: a negative limit", INVALID, (memory) => memory.recall("a", { limit: -1 })],
  ["recall: no limit", INVALID, (memory) => memory.recall("a", { limit: 0 })],
  ["recall: half a limit", INVALID, (memory) => memory.recall("a", { limit: 0.5 })],
  ["recall: a large limit", INVALID, (memory) => memory.recall("a", { limit: 1001 })],
  ["recall: no tokens", INVALID, (memory) => memory.recall("a", { maxTokens: 0 })],
  ["recall: a kind that is none", INVALID, (memory) => memory.recall("a", { kinds: untyped(["facts"]) })],
  ["recall: kinds in words", INVALID, (memory) => memory.recall("a", { kinds: untyped("fact") })],
  ["recall: a validity that is none", INVALID, (memory) => memory.recall("a", { validity: untyped("none") })],
  ["recall: no half-life", INVALID, (memory) => memory.recall("a", { halfLifeMs: 0 })],
  ["recall: a half-life of NaN", INVALID, (memory) => memory.recall("a", { halfLifeMs: Number.NaN })],
  ["recall: confidence of 2", INVALID, (memory) => memory.recall("a", { minConfidence: 2 })],
  ["recall: confidence in words", INVALID, (memory) => memory.recall("a", { minConfidence: untyped("0.5") })],
  ["recall: tags in words", INVALID, (memory) => memory.recall("a", { tags: untyped("red") })],
  ["recall: a tag that is a number", INVALID, (memory) => memory.recall("a", { tags: untyped([5]) })],
  ["recall: inherit in words", INVALID, (memory) => memory.recall("a", { inherit: untyped("yes") })],
  ["recall: countTokens in words", INVALID, (memory) => memory.recall("a", { countTokens: untyped("yes") })],
  ["recall: an unknown option", INVALID, (memory) => memory.recall("a", untyped({ top: 5 }))],
  ["recall: no options", INVALID, (memory) => memory.recall("a", untyped(null))],
  ["recall: tx and knownAt", INVALID, (memory) => memory.recall("a", { tx: 1, knownAt: 5 })],
  ["recall: the future", "LLMDB_FUTURE_TX", (memory) => memory.recall("a", { tx: 999 })],
  ["get: the future", "LLMDB_FUTURE_TX", (memory) => memory.get("known", { tx: 999 })],
  ["get: no id", INVALID, (memory) => memory.get("")],
  ["history: an unknown id", "LLMDB_NOT_FOUND", (memory) => memory.history("nobody")],
  ["explain: an unknown id", "LLMDB_NOT_FOUND", (memory) => memory.explain("nobody")],
  ["explain: before it was known", "LLMDB_NOT_FOUND", (memory) => memory.explain("known", { tx: 0 })],
  ["list: a kind that is none", INVALID, (memory) => memory.list({ kind: untyped("facts") })],
  ["list: a kind of every object", INVALID, (memory) => memory.list({ kind: untyped("constructor") })],
  ["list: no limit", INVALID, (memory) => memory.list({ kind: "fact", limit: 0 })],
  ["list: a cursor that is none", INVALID, (memory) => memory.list({ kind: "fact", cursor: "1" })],
  ["list: below in words", INVALID, (memory) => memory.list({ kind: "fact", below: untyped("yes") })],
  ["transactions: a limit below 0", INVALID, (memory) => memory.transactions({ limit: -1 }).next()],
  ["transactions: an unknown option", INVALID, (memory) => memory.transactions(untyped({ since: 1 })).next()],
  ["diff: an unknown option", INVALID, (memory) => memory.diff({ tx: 0 }, {}, untyped({ to: 1 }))],
  ["a memory on nothing", INVALID, () => new Memory(untyped({}))],
  ["another analyzer", INVALID, ({ db }) => new Memory(db, { analyzer: { name: "other", terms: () => [] } })],
];

test.each(reads)("%s", async (_, code, read) => {
  const memory = await newMemory();
  expect(() => read(memory)).toThrow(expect.objectContaining({ code }));
});

test.each([{ limit: 0.5 }, { limit: 0 }, { limit: 1001 }, { maxTokens: -1 }, { maxTokens: Number.NaN }])(
  "recallNear: %j",
  async (options) => {
    const memory = await newMemory();
    const embedder = { dimensions: 1, embed: async (texts: readonly string[]) => texts.map(() => [1]) };
    await expect(memory.recallNear("ada", embedder, options)).rejects.toMatchObject({ code: INVALID });
  },
);

test("an embedder that does not keep its word", async () => {
  const memory = await newMemory();
  const embed = async () => [[1]];
  await expect(memory.recallNear("ada", { dimensions: 1, embed })).rejects.toMatchObject({ code: INVALID });
  const short = async (texts: readonly string[]) => texts.map(() => [1]);
  await expect(memory.recallNear("ada", { dimensions: 2, embed: short })).rejects.toMatchObject({ code: INVALID });
});

test("a body may not be async", async () => {
  const memory = await newMemory();
  const { lastTx } = memory.db.stats();
  await expect(memory.transaction(async (tx) => tx.remember({ text }))).rejects.toMatchObject({ code: INVALID });
  expect(memory.db.stats().lastTx).toBe(lastTx);
});
