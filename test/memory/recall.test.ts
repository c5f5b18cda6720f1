/** What recall's options do: neighbouring turns, age, validity, budgets, scopes above, kinds, tags, vectors. */
import { expect, test } from "vitest";
import { Memory } from "../../memory/memory.js";
import { open } from "../../temporal/open.js";
import { SimulatedDisk } from "../harness/simulated-disk.js";

const DAY_MS = 86_400_000;

function newMemory(): { memory: Memory; wait: (ms: number) => void } {
  const disk = new SimulatedDisk(1);
  let now = Date.UTC(2024, 0, 1);
  const wait = (ms: number) => {
    now += ms;
  };
  return { memory: new Memory(open("/db", { storage: disk, clock: () => now })), wait };
}

function texts(memory: Memory, ...asked: Parameters<Memory["recall"]>): string[] {
  return memory.recall(...asked).hits.map(({ text }) => text);
}

test("the turns around one that matches are found too, the nearer the higher", async () => {
  const { memory } = newMemory();
  for (const text of ["far away", "two before", "one before", "the zebra", "one after", "two after", "too far"]) {
    await memory.addTurn("s", { role: "user", text });
    await memory.addTurn("other", { role: "user", text: "hello" });
  }
  const { hits } = memory.recall("zebra");
  const best = hits[0].score;
  expect(hits.map(({ text }) => text)).toEqual(["the zebra", "one after", "one before", "two after", "two before"]);
  const parts = hits.map(({ score }) => score / best);
  for (const [i, part] of [1, 0.4, 0.4, 0.2, 0.2].entries()) expect(parts[i]).toBeCloseTo(part, 12);
});

test("a turn that was withdrawn is no neighbour now, and still is one in the past", async () => {
  const { memory } = newMemory();
  await memory.addTurn("s", { role: "user", text: "the zebra" });
  const id = await memory.addTurn("s", { role: "user", text: "yes" });
  const { lastTx } = memory.db.stats();
  await memory.forget(id);
  expect(texts(memory, "zebra")).toEqual(["the zebra"]);
  expect(texts(memory, "zebra", { tx: lastTx })).toEqual(["the zebra", "yes"]);
});

test("what became known long ago counts less, where age matters", async () => {
  const { memory, wait } = newMemory();
  await memory.remember({ text: "zebra zebra" });
  wait(10 * DAY_MS);
  await memory.remember({ text: "zebra seen" });
  const ageless = memory.recall("zebra").hits;
  expect(ageless.map(({ text }) => text)).toEqual(["zebra zebra", "zebra seen"]);
  const aged = memory.recall("zebra", { halfLifeMs: 5 * DAY_MS }).hits;
  expect(aged.map(({ text }) => text)).toEqual(["zebra seen", "zebra zebra"]);
  expect(aged[1].score).toBeCloseTo(ageless[0].score / 4, 9);
  wait(100 * DAY_MS);
  expect(memory.recall("zebra", { halfLifeMs: 5 * DAY_MS }).hits).toEqual(aged);
});

test("what is young is found behind many that match better", async () => {
  const { memory, wait } = newMemory();
  await memory.transaction((tx) => {
    for (let i = 0; i < 100; i++) tx.remember({ text: `zebra zebra ${i}` });
  });
  wait(100 * DAY_MS);
  await memory.remember({ text: "zebra in a long and winding text" });
  const { hits } = memory.recall("zebra", { halfLifeMs: 5 * DAY_MS, limit: 1 });
  expect(hits[0].text).toBe("zebra in a long and winding text");
});

test("what does not hold is left out, counts half, or counts as the rest", async () => {
  const { memory } = newMemory();
  await memory.remember({ text: "zebra one", validFrom: "2020-01-01", validTo: "2021-01-01" });
  await memory.remember({ text: "zebra two", validFrom: "2022-01-01" });
  expect(texts(memory, "zebra")).toEqual(["zebra two"]);
  expect(texts(memory, "zebra", { validAt: "2020-06-01" })).toEqual(["zebra one"]);
  expect(texts(memory, "zebra", { validAt: "2021-06-01" })).toEqual([]);
  const [first, second] = memory.recall("zebra", { validity: "prefer" }).hits;
  expect([first.text, second.text]).toEqual(["zebra two", "zebra one"]);
  expect(second.score).toBeCloseTo(first.score / 2, 12);
  const any = memory.recall("zebra", { validity: "any" }).hits;
  expect(any[0].score).toBe(any[1].score);
});

test("of a corrected fact the past is found in the past only", async () => {
  const { memory } = newMemory();
  const fact = { subject: "ada", predicate: "lives in", validFrom: "2020-01-01" };
  const { tx } = await memory.remember({ ...fact, object: "oslo" });
  await memory.remember({ ...fact, object: "rome" });
  expect(texts(memory, "oslo", { validity: "any" })).toEqual([]);
  expect(texts(memory, "oslo", { tx })).toEqual(["ada lives in oslo"]);
  expect(texts(memory, "rome", { tx })).toEqual([]);
});

test("a budget of tokens passes over what does not fit; `more` says so", async () => {
  const { memory } = newMemory();
  await memory.remember({ text: "zebra" });
  await memory.remember({ text: `zebra zebra zebra ${"x ".repeat(8)}` });
  const all = memory.recall("zebra");
  expect(all.more).toBe(false);
  expect(all.tokens).toBe(all.hits.reduce((sum, { tokens }) => sum + tokens, 0));
  const { hits, tokens, more } = memory.recall("zebra", { maxTokens: 3 });
  expect(hits.map(({ text }) => text)).toEqual(["zebra"]);
  expect([tokens, more]).toEqual([2, true]);
  expect(memory.recall("zebra", { limit: 1 })).toMatchObject({ hits: { length: 1 }, more: true });
  expect(memory.recall("zebra", { limit: 2 })).toMatchObject({ hits: { length: 2 }, more: false });
  expect(memory.recall("zebra", { countTokens: () => 7 }).tokens).toBe(14);
});

test("many matches: the best are found, those of a rare tag too", async () => {
  const { memory } = newMemory();
  await memory.transaction((tx) => {
    for (let i = 0; i < 700; i++) {
      const tags = i === 0 ? { tags: ["rare"] } : {};
      tx.remember({ text: `zebra ${"and ".repeat(i % 50)}${i}`, ...tags });
    }
  });
  const { hits, more } = memory.recall("zebra", { limit: 20 });
  expect(more).toBe(true);
  expect(hits).toHaveLength(20);
  const all = memory.recall("zebra", { limit: 1000 }).hits;
  expect(all).toHaveLength(700);
  expect(hits).toEqual(all.slice(0, 20));
  expect(texts(memory, "zebra", { tags: ["rare"] })).toEqual(["zebra 0 #rare"]);
});

test("scopes above, kinds, tags and confidence", async () => {
  const { memory } = newMemory();
  await memory.remember({ text: "zebra root", confidence: 0.4 });
  await memory.remember({ text: "zebra team", scope: "team", tags: ["red", "blue"] });
  await memory.remember({ text: "zebra ada", scope: "team/ada", confidence: 0.9, tags: ["red"] });
  await memory.remember({ text: "zebra other", scope: "team2" });
  await memory.graph.createEntities([{ name: "zebra", entityType: "animal", observations: [] }]);
  const seconds = (...asked: Parameters<Memory["recall"]>) => {
    return texts(memory, ...asked)
      .map((text) => text.split(" ")[1])
      .toSorted();
  };
  expect(seconds("zebra", { scope: "team/ada" })).toEqual(["ada"]);
  expect(seconds("zebra", { scope: "team" })).toEqual(["ada", "team"]);
  const facts = { kinds: ["fact"] as const, inherit: true };
  expect(seconds("zebra", { scope: "team/ada", ...facts })).toEqual(["ada", "root", "team"]);
  const team = memory.within("team");
  expect(team.recall("zebra", { scope: "ada", ...facts }).hits.map(({ record }) => record.scope)).toContain(undefined);
  expect(team.recall("zebra", { scope: "ada", ...facts }).hits).toHaveLength(2);
  expect(texts(memory, "zebra", { kinds: ["entity"] })).toEqual(["zebra (animal)"]);
  expect(texts(memory, "zebra", { kinds: [] })).toEqual([]);
  expect(memory.recall("zebra", { tags: ["red"] }).hits).toHaveLength(2);
  expect(memory.recall("zebra", { tags: ["red", "blue"] }).hits).toHaveLength(1);
  expect(memory.recall("zebra", { kinds: ["fact"], minConfidence: 0.5 }).hits).toHaveLength(3);
});

test("vectors rank anew what words have found", async () => {
  const { memory } = newMemory();
  await memory.remember({ text: "zebra zebra stripes" });
  await memory.remember({ text: "zebra in the wild savannah" });
  await memory.remember({ text: "a lion" });
  const meaning = (text: string) => (text.includes("savannah") ? [1, 0] : [0, 1]);
  const embedder = {
    dimensions: 2,
    embed: async (list: readonly string[]) => list.map((text, i) => (i === 0 ? [1, 0] : meaning(text))),
  };
  const { hits, more } = await memory.recallNear("zebra", embedder);
  expect(hits.map(({ text }) => text).toSorted()).toEqual(["zebra in the wild savannah", "zebra zebra stripes"]);
  expect(hits[0].score).toBeCloseTo(1 / 61 + 1 / 62, 12);
  expect(more).toBe(false);
  const few = await memory.recallNear("zebra", embedder, { limit: 1 });
  expect([few.hits.length, few.more]).toEqual([1, true]);
  const small = await memory.recallNear("zebra", embedder, { maxTokens: 5 });
  expect([small.hits.map(({ text }) => text), small.more]).toEqual([["zebra zebra stripes"], true]);
  expect((await memory.recallNear("nothing", embedder)).hits).toEqual([]);
});
