/**
 * The modules that a database keeps and what they are attached to: what is said of them now and in the past, after
 * opening again, on handles that only read, and in what backups, exports and other layers see.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { EXPORT_FORMATS } from "../../cli/formats/index.js";
import { type Database, open } from "../../index.js";
import { LlmdbLevel } from "../../level/index.js";
import { Memory } from "../../memory/index.js";
import { llmdb } from "../cli/in-process.js";
import { expectClean, SimulatedDisk } from "../harness/index.js";
import { freshPath, openFresh } from "../map/fresh.js";
import { CLOCK, codeOf, exampleModule, GET, keyBytes, LOG, moduleText } from "./module-text.js";

const edges = exampleModule("reverse-edges-as");
const byField = exampleModule("by-field-as");
const count = exampleModule("count-records");
const HOOK = { on: "tx_hook", writes: ["reverse", "degree"] } as const;
const INDEX = { on: "custom_index", name: "by-age", arg: Buffer.from("age") } as const;

/** Attaches a hook to "edges" and an index to "people", and writes to both. */
async function furnish(db: Database): Promise<void> {
  await db.modules.put(edges, { name: "edges", capabilities: ["get"] });
  await db.modules.put(byField, { name: "by-field" });
  await db.modules.attach("edges", "edges", HOOK);
  await db.modules.attach("by-field", "people", INDEX);
  db.transactionSync((tx) => {
    tx.map("edges").put(["a", "b"], 1);
    tx.map("edges").put(["c", "b"], 2);
    tx.map("people").put("ann", { age: 40 });
  });
}

function expectFurnished(db: Database): void {
  expect([...db.map("reverse").range()]).toEqual([
    [["b", "a"], 1],
    [["b", "c"], 2],
  ]);
  expect([...db.map("degree").range()]).toEqual([["b", 2]]);
  expect([...db.modules.index("by-age").range()]).toEqual([[40, "ann"]]);
}

test("a module is put, listed, explained and put again", async () => {
  await using db = openFresh();
  expect(db.modules.list()).toEqual([]);
  expect(db.modules.attachments()).toEqual([]);
  const first = await db.modules.put(count, { name: "count" });
  expect(first).toMatchObject({ name: "count", capabilities: [], bytes: count.length, revoked: false, tx: 1 });
  expect(first.hash).toMatch(/^[0-9a-f]{64}$/);
  expect(first.calls).toEqual(["reduce_pages", "reduce_merge"]);
  expect(db.modules.list()).toEqual([first]);
  const again = await db.modules.put(count, { name: "other" });
  expect(again).toMatchObject({ hash: first.hash, name: "other", tx: 2 });
  expect(db.modules.list()).toEqual([again]);
  expect(db.stats().maps["_meta/code"].entries).toBe(1);
  // The second put leaves the stretch before it as it was: a version of its own.
  expect(db.modules.history(first.hash).map(({ value }) => value.name)).toEqual(["count", "count", "other"]);
  expect(await codeOf(() => db.modules.explain("count"))).toBe("LLMDB_NOT_FOUND");
  for (const module of ["other", first.hash, count]) {
    const explanation = db.modules.explain(module);
    expect(explanation).toMatchObject({ accepted: true, hash: first.hash, capabilities: [] });
  }
  expect(db.modules.explain(new Uint8Array([1, 2, 3]))).toMatchObject({ accepted: false });
  expect((await db.modules.put(count)).name).toBe(first.hash);
});

test("a name means the module that was last put under it and is in use", async () => {
  await using db = openFresh();
  const a = await db.modules.put(count, { name: "m" });
  const b = await db.modules.put(byField, { name: "m" });
  expect(db.modules.explain("m").hash).toBe(b.hash);
  await db.modules.put(count, { name: "m" });
  expect(db.modules.explain("m").hash).toBe(a.hash);
  await db.modules.revoke("m");
  expect(db.modules.explain("m").hash).toBe(b.hash);
  await db.modules.revoke("m");
  // Nothing under it is in use: the newest.
  expect(db.modules.explain("m").hash).toBe(b.hash);
  expect(await codeOf(() => db.modules.reducePages("m", { map: "x" }))).toBe("LLMDB_WASM_REFUSED");
  await db.modules.put(edges, { name: a.hash, capabilities: ["get"] });
  expect(db.modules.explain(a.hash).hash).toBe(a.hash);
});

test("what it imports is granted when it is put", async () => {
  await using db = openFresh();
  const text = moduleText({ map_pages: "(i32.const 0)" }, { imports: `${CLOCK} ${LOG} ${GET}` });
  expect(await codeOf(() => db.modules.put(text))).toBe("LLMDB_WASM_REFUSED");
  expect(await codeOf(() => db.modules.put(text, { capabilities: ["clock", "log"] }))).toBe("LLMDB_WASM_REFUSED");
  expect(db.modules.list()).toEqual([]);
  const { hash } = await db.modules.put(text, { capabilities: ["get", "log", "clock", "get"] });
  expect(db.modules.list()[0].capabilities).toEqual(["clock", "log", "get"]);
  expect(db.modules.explain(hash)).toMatchObject({ accepted: true, capabilities: ["clock", "get", "log"] });
  // What was granted and is not needed is no matter.
  await db.modules.put(count, { capabilities: ["get"] });
});

test("wrong calls are refused by code, and nothing is written", async () => {
  await using db = openFresh();
  await db.modules.put(count, { name: "count" });
  await db.modules.put(byField, { name: "by-field" });
  await db.modules.attach("by-field", "people", INDEX);
  const { lastTx } = db.stats();
  const { modules } = db;
  const calls: Record<string, (() => unknown)[]> = {
    LLMDB_WASM_REFUSED: [
      () => modules.put("(module"),
      () => modules.put(new Uint8Array(0)),
      () => modules.put(`(module (import "wasi_snapshot_preview1" "fd_write" (func)))`),
      () => modules.put("(module)"),
      () => modules.attach("count", "m", { on: "tx_hook" }),
      () => modules.mapPages("count", { map: "m" }),
    ],
    LLMDB_NOT_FOUND: [
      () => modules.explain("none"),
      () => modules.explain("0".repeat(64)),
      () => modules.history("none"),
      () => modules.attach("none", "m", { on: "tx_hook" }),
      () => modules.detach("count", "m", { on: "tx_hook" }),
      () => modules.detach("by-field", "people", { on: "custom_index", name: "no such" }),
      () => modules.revoke("none"),
      () => modules.index("none"),
      () => modules.reducePages("none", { map: "m" }),
    ],
    LLMDB_INVALID_ARGUMENT: [
      () => modules.put(count, { name: "" }),
      () => modules.put(count, { name: "x".repeat(257) }),
      () => modules.put(count, { capabilities: JSON.parse(`["network"]`) }),
      () => modules.put(count, JSON.parse(`{ "names": 1 }`)),
      () => modules.attach("by-field", "_meta/code", INDEX),
      () => modules.attach("by-field", "other", INDEX),
      () => modules.attach("by-field", "m", { on: "custom_index" }),
      () => modules.attach("by-field", "m", { ...INDEX, name: "n", writes: ["w"] }),
      () => modules.attach("by-field", "m", { ...INDEX, name: "n", fuel: 0 }),
      () => modules.attach("by-field", "m", { ...INDEX, name: "n", memoryBytes: 2 ** 27 }),
      () => modules.attach("by-field", "m", { ...INDEX, name: "n", reads: ["_meta/code"] }),
      () => modules.reducePages("count", { map: "m" }, { fuel: 1.5 }),
      () => modules.reducePages("count", { map: "m" }, { workers: 65 }),
      () => modules.reducePages("count", { map: "m" }, { pagesPerCall: 0 }),
      () => modules.reducePages("count", { map: "m", range: { reverse: true } }),
      () => modules.reducePages("count", { map: "m", range: { limit: 1 } }),
      () => modules.reducePages("count", { partition: 0, range: { limit: 1 } }),
      () => modules.reducePages("count", { partition: 2 ** 32 }),
      () => modules.reducePages("count", { map: "_meta/code" }),
      () => modules.list({ at: { tx: -1 } }),
    ],
    LLMDB_FUTURE_TX: [() => modules.list({ at: { tx: 99 } }), () => modules.attachments({ at: { tx: 99 } })],
  };
  for (const [code, list] of Object.entries(calls)) {
    for (const call of list) expect(await codeOf(call), String(call)).toBe(code);
  }
  expect(db.stats().lastTx).toBe(lastTx);
  expect(db.stats().openSnapshots).toBe(0);
});

test("modules and attachments as of earlier points", async () => {
  let now = Date.UTC(2026, 0, 1);
  const db = openFresh({ clock: () => now });
  const later = () => {
    now += 1000;
  };
  const { tx, time } = await db.modules.put(edges, { name: "edges", capabilities: ["get"] });
  later();
  const attached = await db.modules.attach("edges", "edges", HOOK);
  later();
  const detached = await db.modules.detach("edges", "edges", { on: "tx_hook" });
  later();
  const second = await db.modules.attach("edges", "roads", HOOK);
  later();
  const revoked = await db.modules.revoke("edges");
  const maps = (at: { tx?: number; knownAt?: number }) => db.modules.attachments({ at }).map(({ map }) => map);
  expect(db.modules.list({ at: { tx: 0 } })).toEqual([]);
  expect(db.modules.list({ at: { tx } })[0]).toMatchObject({ name: "edges", revoked: false, tx, time });
  expect(db.modules.list({ at: { knownAt: second.time } })[0]).toMatchObject({ revoked: false, tx });
  expect(db.modules.list()[0]).toMatchObject({ revoked: true, tx: revoked.tx, time: revoked.time });
  for (const key of ["tx", "time"] as const) {
    const at = (receipt: { tx: number; time: number }) =>
      key === "tx" ? { tx: receipt.tx } : { knownAt: receipt.time };
    expect(maps(at({ tx, time }))).toEqual([]);
    expect(maps(at(attached))).toEqual(["edges"]);
    expect(maps(at(detached))).toEqual([]);
    expect(maps(at(second))).toEqual(["roads"]);
    expect(maps(at(revoked))).toEqual([]);
  }
  expect(db.modules.history("edges").map(({ value }) => value.revoked)).toEqual([false, false, true]);
  await db.close();
});

test("revoking and putting again", async () => {
  await using db = openFresh();
  await furnish(db);
  await db.modules.revoke("by-field");
  expect(db.modules.attachments().map(({ map }) => map)).toEqual(["edges"]);
  expect(await codeOf(() => db.modules.index("by-age"))).toBe("LLMDB_NOT_FOUND");
  expect(db.stats().maps["_meta/index/by-age"]?.entries ?? 0).toBe(0);
  db.map("people").putSync("bob", { age: 7 });
  expect(await codeOf(() => db.modules.attach("by-field", "people", INDEX))).toBe("LLMDB_WASM_REFUSED");
  await db.modules.put(byField, { name: "by-field" });
  await db.modules.attach("by-field", "people", INDEX);
  expect([...db.modules.index("by-age").range()]).toEqual([
    [7, "bob"],
    [40, "ann"],
  ]);
});

test("what is attached works after opening again, and is not run on a handle that only reads", async () => {
  const storage = new SimulatedDisk();
  const db = open("/db", { storage });
  await furnish(db);
  const reader = open("/db", { storage, readOnly: true });
  expectFurnished(reader);
  expect(reader.modules.list()).toEqual(db.modules.list());
  expect(await codeOf(() => reader.modules.put(count))).toBe("LLMDB_READ_ONLY");
  expect(await codeOf(() => reader.modules.revoke("edges"))).toBe("LLMDB_READ_ONLY");
  expect(await codeOf(() => reader.modules.index("by-age").rebuild())).toBe("LLMDB_READ_ONLY");
  await db.modules.put(count, { name: "count" });
  reader.refresh();
  expect(reader.modules.list()).toEqual(db.modules.list());
  const reduction = await reader.modules.reducePages("count", { map: "edges" });
  expect(Buffer.from(reduction.value).readBigUInt64LE()).toBe(2n);
  await reader.close();
  const [modules, attachments] = [db.modules.list(), db.modules.attachments()];
  await db.close();
  expect(await codeOf(() => db.modules.list())).toBe("LLMDB_CLOSED");
  expect(await codeOf(() => db.modules.put(count))).toBe("LLMDB_CLOSED");
  const again = open("/db", { storage });
  expect(again.modules.list()).toEqual(modules);
  expect(again.modules.attachments()).toEqual(attachments);
  expectFurnished(again);
  again.map("edges").putSync(["d", "b"], 3);
  expect(again.map("degree").get("b")).toBe(3);
  expectClean(again);
  await again.close();
});

test("a clock that goes back takes nothing away", async () => {
  const storage = new SimulatedDisk();
  const db = open("/db", { storage, clock: () => Date.UTC(2030, 0, 1) });
  await furnish(db);
  await db.close();
  const again = open("/db", { storage, clock: () => Date.UTC(2020, 0, 1) });
  expect(again.modules.list()).toHaveLength(2);
  again.map("edges").putSync(["d", "b"], 3);
  expect(again.map("degree").get("b")).toBe(3);
  await again.close();
});

test("what is in use outlives the history that is forgotten", async () => {
  let now = Date.UTC(2026, 0, 1);
  await using db = openFresh({ clock: () => now });
  await furnish(db);
  await db.modules.put(count, { name: "count" });
  await db.modules.put(count, { name: "count again" });
  const [modules, attachments] = [db.modules.list(), db.modules.attachments()];
  now += 3_600_000;
  db.putSync("fact", 1);
  await db.forgetHistory({ before: now });
  expect(db.modules.list()).toEqual(modules);
  expect(db.modules.attachments()).toEqual(attachments);
  expect(db.modules.history("count again").at(-1)?.value.name).toBe("count again");
  expectFurnished(db);
  db.map("edges").putSync(["d", "b"], 3);
  expect(db.map("degree").get("b")).toBe(3);
  expectClean(db);
});

test("backups, compaction, exports and listings", async () => {
  const path = freshPath();
  const db = open(path);
  await furnish(db);
  db.putSync("fact", 1);
  const facts = [...db.transactions()].flatMap(({ changes }) => changes);
  expect(facts).toHaveLength(1);
  expect([...db.knownKeys()].map(({ key }) => key)).toEqual(["fact"]);
  expect(db.mapNames().filter((name) => name.startsWith("_meta"))).toEqual([]);
  expect(db.verify()).toMatchObject({ ok: true });
  for (const compact of [false, true]) {
    const copy = `${path}.${compact}`;
    await db.backup(copy, { compact });
    const opened = open(copy);
    expectFurnished(opened);
    opened.map("people").putSync("bob", { age: 7 });
    expect(opened.modules.index("by-age").count()).toBe(2);
    expect(opened.verify()).toMatchObject({ ok: true });
    await opened.close();
  }
  await db.compact();
  expectFurnished(db);
  db.map("edges").putSync(["d", "b"], 3);
  expect(db.map("degree").get("b")).toBe(3);
  await db.close();
  for (const format of EXPORT_FORMATS.keys()) {
    const plain = await llmdb(["export", "--maps", "--format", format, "--db", path]);
    expect(plain).toMatchObject({ code: 0, err: "" });
    expect(plain.out).not.toMatch(/reverse-edges|attachment|_meta/);
  }
  const exported = await llmdb(["export", "--maps", "--db", path]);
  expect(exported.out).toContain("fact");
  const into = join(path, "..", "imported.llmdb");
  writeFileSync(`${into}.jsonl`, exported.out);
  expect(await llmdb(["import", `${into}.jsonl`, "--db", into])).toMatchObject({ code: 0 });
  await using imported = open(into);
  expect(imported.get("fact")).toBe(1);
  expect(imported.map("degree").get("b")).toBe(3);
});

test("the memory and the adaptor for Level run what is attached to their maps", async () => {
  const copies = exampleModule("template-tx-hook");
  {
    await using db = openFresh();
    await furnish(db);
    await db.modules.put(copies, { name: "copies" });
    for (const map of db.mapNames()) await db.modules.attach("copies", map, { on: "tx_hook", writes: [`of ${map}`] });
    const memory = new Memory(db);
    await memory.remember({ subject: "Ada", predicate: "works for", object: "Acme", text: "Ada works for Acme" });
    expect(memory.recall("Acme").hits).toHaveLength(1);
    expectFurnished(db);
    expectClean(db);
  }
  const path = freshPath();
  const level = new LlmdbLevel<string, string>(path, { keyEncoding: "utf8" });
  await level.put("a", "1");
  const [map] = await namesIn(level, path);
  const db = open(path);
  await db.modules.put(copies, { name: "copies" });
  db.map<Uint8Array, Uint8Array>("copy", { values: "bytes" }).putSync(new Uint8Array(1), new Uint8Array(1));
  await db.modules.attach("copies", map, { on: "tx_hook", writes: ["copy"] });
  await db.close();
  await level.open();
  await level.batch([
    { type: "put", key: "b", value: "2" },
    { type: "put", key: "c", value: "3" },
  ]);
  await level.del("b");
  await expect(level.put("d", "")).rejects.toThrow("an empty value");
  await level.close();
  await using again = open(path);
  const copied = [...again.map<Uint8Array, Uint8Array>("copy", { values: "bytes" }).range({ gt: new Uint8Array(1) })];
  expect(copied.map(([key, value]) => [Buffer.from(key).toString(), Buffer.from(value).toString()])).toEqual([
    ["c", "3"],
  ]);
  expect([...again.map<Uint8Array>(map, { values: "bytes" }).keys()].map((key) => keyBytes(key).length)).toEqual([
    2, 2,
  ]);
});

/** The maps in the file of an adaptor, which is closed then. */
async function namesIn(level: LlmdbLevel<string, string>, path: string): Promise<string[]> {
  await level.close();
  await using db = open(path);
  return db.mapNames();
}
