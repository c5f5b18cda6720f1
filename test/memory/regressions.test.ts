/** What was wrong once, each as small as it can be. */
import { expect, test } from "vitest";
import { Memory } from "../../memory/memory.js";
import { open } from "../../temporal/open.js";
import { SimulatedDisk } from "../harness/simulated-disk.js";
import { inconsistencies } from "./consistency.js";

/** A memory on a disk of its own, whose clock goes on by a second with each look at it. */
function newMemory(): Memory {
  let clockMs = 1_000_000;
  return new Memory(
    open("/db", {
      storage: new SimulatedDisk(1),
      clock: () => {
        clockMs += 1000;
        return clockMs;
      },
    }),
  );
}

test("a stretch to be forgotten may begin or end in 1970", async () => {
  const memory = newMemory();
  const { id } = await memory.remember({ text: "one", validFrom: -10, validTo: 10 });
  await memory.forget(id, { validFrom: 0 });
  expect(memory.get(id, { validAt: -5 })?.validTo).toBe(0);
  await memory.remember({ text: "one", validFrom: -10, validTo: 10 });
  await memory.forget(id, { validTo: 0 });
  expect(memory.get(id, { validAt: 5 })?.validFrom).toBe(0);
});

test("what was erased no longer counts among the documents", async () => {
  const memory = newMemory();
  await memory.remember({ text: "ada works", validFrom: 0 });
  const alone = memory.recall("ada").hits[0].score;
  const { id } = await memory.remember({ text: "oslo is large", validFrom: 0 });
  await memory.remember({ id, text: "oslo is small", validFrom: 0 }).catch(() => undefined);
  await memory.forget(id, { erase: true });
  expect(memory.recall("ada").hits[0].score).toBeCloseTo(alone, 12);
  expect(inconsistencies(memory.db, { erased: true })).toEqual([]);
});

test("an entity with many observations is deleted and erased list by list", async () => {
  const memory = newMemory();
  const observations = Array.from({ length: 2000 }, (_, i) => `likes ${i}`);
  await memory.graph.createEntities([{ name: "ada", entityType: "person", observations }]);
  const { id } = memory.list({ kind: "entity" }).records[0];
  await memory.graph.deleteEntities(["ada"]);
  expect(inconsistencies(memory.db)).toEqual([]);
  await memory.forget(id, { erase: true });
  expect(inconsistencies(memory.db, { erased: true })).toEqual([]);
});

test("age as of a transaction that wrote to maps only stays what it was", async () => {
  const memory = newMemory();
  await memory.remember({ text: "ada works", validFrom: 0 });
  await memory.db.map("plain").put("a", 1);
  const { lastTx } = memory.db.stats();
  const score = () => memory.recall("ada", { tx: lastTx, halfLifeMs: 1000 }).hits[0].score;
  const then = score();
  await memory.forget((await memory.remember({ text: "oslo" })).id);
  expect(score()).toBe(then);
});

test("a turn that was withdrawn at once leaves no place in its session's map", async () => {
  const memory = newMemory();
  await memory.transaction((tx) => tx.forget(tx.addTurn("s", { role: "user", text: "ada" })));
  expect(inconsistencies(memory.db)).toEqual([]);
});

test("a fact with an id of its own is not mistaken for one about the subject `id`", async () => {
  const memory = newMemory();
  await memory.remember({ id: "x", text: "one" });
  expect((await memory.remember({ subject: "id", predicate: "x", object: 1 })).id).toBe("f2");
});

test("undo does not tell the ids of another scope", async () => {
  const memory = newMemory();
  const { tx } = await memory.remember({ id: "secret", text: "one", scope: "b" });
  const { tx: both } = await memory.transaction((tx) => {
    tx.remember({ id: "secret-too", text: "two", scope: "b" });
    return tx.remember({ id: "mine", text: "three", scope: "a" });
  });
  const inner = memory.within("a");
  await expect(inner.undo(tx)).rejects.toMatchObject({ code: "LLMDB_NOT_FOUND" });
  await expect(inner.undo(tx)).rejects.not.toThrow(/secret/);
  await expect(inner.undo(both)).rejects.toMatchObject({ code: "LLMDB_INVALID_ARGUMENT" });
  await expect(inner.undo(both)).rejects.not.toThrow(/secret/);
});

test("a turn that was restored later counts as it did before", async () => {
  const memory = newMemory();
  await memory.addTurn("s", { role: "user", text: "where is ada" });
  const id = await memory.addTurn("s", { role: "assistant", text: "ada is in oslo" });
  const { lastTx } = memory.db.stats();
  const ask = () => memory.recall("ada oslo", { tx: lastTx }).hits.map(({ score }) => score);
  const then = ask();
  const { tx } = await memory.forget(id);
  await memory.undo(tx);
  expect(ask()).toEqual(then);
});

test("countTokens may ask the memory itself", async () => {
  const memory = newMemory();
  await memory.remember({ text: "ada works" });
  await memory.remember({ text: "ada sleeps well" });
  const scores = (count?: () => number) => {
    const options = count === undefined ? {} : { countTokens: count };
    return memory.recall("ada", options).hits.map(({ score }) => score);
  };
  const alone = scores();
  let inner: number[] = [];
  expect(
    scores(() => {
      inner = scores();
      return 1;
    }),
  ).toEqual(alone);
  expect(inner).toEqual(alone);
});

test("what a fact replaces comes by valid time, whatever became known first", async () => {
  const memory = newMemory();
  for (const [text, validFrom] of [
    ["c", 3000],
    ["b", 2000],
    ["a", 1000],
  ] as const) {
    await memory.remember({ id: "x", text, validFrom, validTo: validFrom + 1000 });
  }
  const { replaced } = await memory.remember({ id: "x", text: "d", validFrom: 0, validTo: 5000 });
  expect(replaced.map(({ text }) => text)).toEqual(["a", "b", "c"]);
});

test("the turns of a session cost what the session holds, whatever else was said", async () => {
  const memory = newMemory();
  const say = (session: string) =>
    memory.transaction((tx) => {
      for (let i = 0; i < 20; i++) tx.addTurn(session, { role: "user", text: `line ${i}` });
    });
  const pageReads = () => {
    const { cacheHits, cacheMisses } = memory.db.stats();
    return cacheHits + cacheMisses;
  };
  const readsOf = (session: string) => {
    const before = pageReads();
    expect(memory.list({ kind: "turn", session, limit: 10 }).records).toHaveLength(10);
    return pageReads() - before;
  };
  for (let n = 0; n < 4; n++) await say(`day ${n}`);
  const few = readsOf("day 3");
  for (let n = 4; n < 64; n++) await say(`day ${n}`);
  expect(readsOf("day 63")).toBeLessThan(2 * few + 20);
});

test("what is made, withdrawn and erased in one transaction leaves nothing in the indexes", async () => {
  const memory = newMemory();
  await memory.transaction((tx) => {
    tx.graph.createEntities([{ name: "ada", entityType: "person", observations: ["lives in oslo"] }]);
    tx.graph.createRelations([{ from: "ada", to: "ada", relationType: "knows" }]);
    tx.graph.deleteEntities(["ada"]);
    for (const id of ["e1", "r2"]) tx.forget(id, { erase: true });
  });
  expect(inconsistencies(memory.db, { erased: true })).toEqual([]);
});
