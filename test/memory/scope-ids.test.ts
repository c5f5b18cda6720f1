/**
 * Ids and scopes: within a memory an id is one record and a record has one id, whatever else is in the file; and no
 * operation tells an id that is taken outside of the scope from one that is free.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { open, openMemory } from "../../index.js";
import { Memory } from "../../memory/memory.js";
import { graphTools } from "../../server/mcp/graph-tools.js";
import { memoryTools } from "../../server/mcp/memory-tools.js";
import { GRAPH_URI, Resources } from "../../server/mcp/resources.js";
import { MemoryService } from "../../server/mcp/service.js";
import { effort } from "../effort.js";
import { SimulatedDisk } from "../harness/simulated-disk.js";
import { toolsOf } from "../mcp/tool-set.js";
import { inconsistencies } from "./consistency.js";

const RUNS = effort(15);
const KINDS = ["fact", "entity", "relation", "turn"] as const;
const PLACES = ["", "team", "team/ada", "team/ada/notes", "team/bob", "other"];

function memoryAt(root: Memory, place: string): Memory {
  return place === "" ? root : root.within(place);
}

/** Every id that a memory shows, and whether each leads to the record that it was shown for. */
function requireOneRecordEach(memory: Memory): void {
  const records = KINDS.flatMap((kind) => memory.list({ kind, below: true, limit: 1000 }).records);
  const ids = records.map(({ id }) => id);
  expect(new Set(ids).size, `${memory.root}: ${ids.join(" ")}`).toBe(ids.length);
  for (const record of records) {
    expect(memory.get(record.id)).toEqual(record);
    expect(memory.history(record.id).at(-1)?.scope).toBe(record.scope);
    expect(memory.explain(record.id).record).toEqual(record);
    expect(memory.transactionSync((tx) => tx.get(record.id))).toEqual(record.value);
  }
  const known = new Set([...memory.transactions()].flatMap(({ changes }) => changes.map(({ id }) => id)));
  for (const id of ids) expect(known).toContain(id);
  const changed = [...memory.diff({ tx: 0 }, {})].map(({ id }) => id);
  expect(changed.toSorted()).toEqual(ids.toSorted());
}

const id = fc.constantFrom("x", "x", "k", "x~1", "x~2", "x~3", "long ".repeat(40));
const step = fc.record({
  place: fc.constantFrom(...PLACES),
  below: fc.option(fc.constantFrom("ada", "notes"), { nil: undefined }),
  id,
  what: fc.constantFrom("remember", "remember", "remember", "forget", "erase", "undo", "turn"),
});

test("an id is one record in each memory, and no record is lost to another", { timeout: 120_000 }, () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 4, maxLength: 14 }), (steps) => {
      const root = new Memory(open("/db", { storage: new SimulatedDisk(1) }));
      for (const [number, { place, below, id, what }] of steps.entries()) {
        const memory = memoryAt(root, place);
        const text = `said ${number} in ${place}`;
        try {
          if (what === "remember") {
            const { id: got } = memory.transactionSync((tx) =>
              tx.remember({ id, text, ...(below && { scope: below }) }),
            );
            expect(got).toBe(id);
            expect(memory.get(id)?.value).toMatchObject({ text });
          } else if (what === "undo") memory.transactionSync((tx) => tx.undo(root.db.stats().lastTx));
          else if (what === "turn") memory.transactionSync((tx) => tx.addTurn("s", { role: "user", text }));
          else memory.transactionSync((tx) => tx.forget(id, { erase: what === "erase" }));
        } catch (error) {
          expect(error).toMatchObject({ code: expect.stringMatching(/^LLMDB_(NOT_FOUND|INVALID_ARGUMENT)$/) });
        }
      }
      for (const place of PLACES) requireOneRecordEach(memoryAt(root, place));
      expect(inconsistencies(root.db, { erased: true })).toEqual([]);
      root.db.closeSync();
    }),
    { numRuns: RUNS },
  );
});

test("the same id in two scopes is two records; a wider memory knows the second one by another id", () => {
  const root = new Memory(openMemory());
  const [ada, bob] = [root.within("ada"), root.within("bob")];
  ada.transactionSync((tx) => tx.remember({ id: "x", text: "of ada" }));
  bob.transactionSync((tx) => tx.remember({ id: "x", text: "of bob" }));
  bob.transactionSync((tx) => tx.remember({ id: "x", text: "of bob, again" }));
  expect(ada.get("x")?.value).toMatchObject({ text: "of ada" });
  expect(bob.get("x")?.value).toMatchObject({ text: "of bob, again" });
  expect(bob.recall("bob").hits.map(({ record }) => record.id)).toEqual(["x"]);
  expect(bob.history("x")).toHaveLength(3);
  expect(root.get("x")?.scope).toBe("ada");
  const [, second] = root.list({ kind: "fact", below: true }).records;
  expect(second).toMatchObject({ scope: "bob", value: { text: "of bob, again" } });
  expect(root.get(second.id)).toEqual(second);
  expect(bob.get(second.id)).toBeUndefined();
  ada.transactionSync((tx) => tx.forget("x", { erase: true }));
  expect(bob.get("x")?.value).toMatchObject({ text: "of bob, again" });
  expect(() => root.transactionSync((tx) => tx.remember({ id: "x", text: "new", scope: "bob" }))).toThrow(
    /x is another record's id in bob/,
  );
  bob.transactionSync((tx) => tx.forget("x", { erase: true }));
  root.transactionSync((tx) => tx.remember({ id: "x", text: "new", scope: "bob" }));
  expect(bob.get("x")?.value).toMatchObject({ text: "new" });
});

test("an id of a wider scope stays one record there when its key is free again", () => {
  const root = new Memory(openMemory());
  const [other, team, ada] = [root.within("other"), root.within("team"), root.within("team/ada")];
  for (const memory of [other, team]) memory.transactionSync((tx) => tx.remember({ id: "k", text: memory.root }));
  other.transactionSync((tx) => tx.forget("k", { erase: true }));
  expect(ada.transactionSync((tx) => tx.remember({ id: "k", text: "ada" })).id).toBe("k");
  expect(team.get("k")?.value).toMatchObject({ text: "team" });
  expect(ada.get("k")?.value).toMatchObject({ text: "ada" });
  for (const memory of [root, team, ada]) requireOneRecordEach(memory);
});

test("a key that no memory wrote is told to those who see everything alone", () => {
  const root = new Memory(openMemory());
  root.db.putSync("raw", 1);
  expect(() => root.transactionSync((tx) => tx.remember({ id: "raw", text: "a" }))).toThrow(/did not write/);
  const ada = root.within("ada");
  expect(ada.transactionSync((tx) => tx.remember({ id: "raw", text: "a" })).id).toBe("raw");
  expect(ada.get("raw")?.value).toMatchObject({ text: "a" });
  expect(root.db.get("raw")).toBe(1);
});

/** What someone else has in the file: of these ids in one, of others in the other, and as much in both. */
const FOREIGN = ["x", "note/1", "f2", "e3", "t4", "gone", "erased"];

async function fileWith(isTaken: boolean): Promise<MemoryService> {
  const service = new MemoryService(openMemory());
  const other = { scope: "other" };
  const remember = (id: string, own: string) =>
    service.call("remember", { ...other, arguments: { id: isTaken ? id : own, text: "secret", validFrom: "2020" } });
  await remember("x", "y");
  await remember("note/1", "note/2");
  // Ids that the memory makes are taken in one file, and numbers passed over in the other.
  const made = isTaken ? {} : { id: "made" };
  await service.call("remember", { ...other, arguments: { ...made, text: "secret" } });
  await remember("gone", "went");
  await service.call("forget", { ...other, arguments: { id: isTaken ? "gone" : "went" } });
  await remember("erased", "removed");
  await service.call("forget", { ...other, arguments: { id: isTaken ? "erased" : "removed", erase: true } });
  return service;
}

const tools = toolsOf("all");
const names = [...memoryTools, ...graphTools].map(({ listing }) => listing.name);
const resources = new Resources(["memory", "graph", "modules"]);

const foreign = fc.constantFrom("x", "note/1", "f3", "f2", "e3", "gone", "erased", "x~7", "own");
const argument: { readonly [name: string]: fc.Arbitrary<unknown> } = {
  id: foreign,
  text: fc.constantFrom("tea", "secret"),
  query: fc.constantFrom("tea", "secret", "x"),
  tx: fc.integer({ min: 1, max: 9 }),
  from: fc.constant({ tx: 0 }),
  names: fc.array(foreign, { maxLength: 2 }),
  entityNames: fc.array(foreign, { maxLength: 2 }),
  entities: foreign.map((name) => [{ name, entityType: "secret", observations: [] }]),
  relations: foreign.map((from) => [{ from, to: from, relationType: "is" }]),
  observations: foreign.map((entityName) => [{ entityName, contents: ["tea"] }]),
  deletions: foreign.map((entityName) => [{ entityName, observations: ["tea"] }]),
};
const optional = { erase: fc.boolean(), validFrom: fc.constant("2021"), validity: fc.constant("any") };

/** A call of a tool with ids that someone else may have. */
const call = fc.constantFrom(...names).chain((name) => {
  const { input } = [...memoryTools, ...graphTools].find(({ listing }) => listing.name === name) ?? {};
  const properties = Object.keys(input?.properties ?? {});
  const given = Object.entries({ ...argument, ...optional }).filter(([key]) => properties.includes(key));
  const requiredKeys = given.map(([key]) => key).filter((key) => Object.hasOwn(argument, key) && key !== "tx");
  const isUndo = name === "undo";
  return fc
    .record(Object.fromEntries(given), { requiredKeys: isUndo ? ["tx"] : requiredKeys })
    .map((args) => ({ name, args }));
});

async function answers(service: MemoryService, calls: readonly { name: string; args: unknown }[]): Promise<string[]> {
  const said: string[] = [];
  for (const { name, args } of calls)
    said.push(JSON.stringify(await tools.call(service, name, args, { scope: "mine" })));
  for (const id of FOREIGN) {
    for (const uri of [
      `memory://record/${encodeURIComponent(id)}`,
      `memory://record/${encodeURIComponent(id)}/history`,
    ]) {
      said.push(JSON.stringify((await resources.read(service, uri, "mine")) ?? null));
    }
  }
  for (const uri of [GRAPH_URI, "memory://status", "memory://changes"]) {
    said.push(JSON.stringify(await resources.read(service, uri, "mine")));
  }
  return said.map((text) => text.replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "time"));
}

test("no operation tells a foreign id that is taken from one that is free", { timeout: 120_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(call, { minLength: 1, maxLength: 12 }), async (calls) => {
      const [taken, free] = [await fileWith(true), await fileWith(false)];
      const before = await others(taken);
      const [one, two] = [await answers(taken, calls), await answers(free, calls)];
      for (const [i, text] of one.entries()) expect(text, JSON.stringify(calls[i])).toBe(two[i]);
      expect(one.join("")).not.toContain("of other");
      expect(await others(taken)).toEqual(before);
      await Promise.all([taken.close(), free.close()]);
    }),
    { numRuns: RUNS },
  );
});

/** What the others see of their own. */
async function others(service: MemoryService): Promise<unknown> {
  const seen: unknown[] = [];
  for (const id of ["x", "note/1", "gone"])
    seen.push(await service.call("history", { scope: "other", arguments: { id } }));
  return seen;
}

test("an id that is taken elsewhere takes no more numbers than one that is free", async () => {
  const entity = [{ name: "x", entityType: "thing", observations: [] }];
  const calls = [
    { name: "remember", args: { id: "x", text: "tea" } },
    { name: "create_entities", args: { entities: entity } },
    { name: "transactions", args: {} },
  ];
  const [taken, free] = [await fileWith(true), await fileWith(false)];
  expect(await answers(taken, calls)).toEqual(await answers(free, calls));
});

test("status within a scope has its own figures only", async () => {
  const service = new MemoryService(openMemory());
  const status = async (scope?: string) => service.call("status", { ...(scope && { scope }), arguments: {} });
  expect(await status("mine")).toEqual({
    scope: "mine",
    records: { fact: 0, entity: 0, relation: 0, turn: 0 },
    scopes: 0,
    now: expect.any(String),
  });
  await service.call("remember", { scope: "mine", arguments: { text: "tea" } });
  const known = await status("mine");
  expect(known).toMatchObject({ lastTx: 1, scopes: 1, records: { fact: 1 } });
  await service.call("remember", { scope: "other", arguments: { text: "milk" } });
  const { now: _, ...own } = Object(await status("mine"));
  expect(known).toMatchObject(own);
  expect(Object.keys(own)).not.toEqual(expect.arrayContaining(["file"]));
  for (const name of ["file", "fileBytes", "holder"]) expect(own).not.toHaveProperty(name);
  expect(await status()).toMatchObject({ file: ":memory:", lastTx: 2, holder: process.pid });
});
