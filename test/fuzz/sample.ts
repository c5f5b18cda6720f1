/**
 * A database with something of everything in it: maps of each format, facts with versions, a memory with its indexes,
 * a graph, turns, modules with a hook and an index of their own, large values, free space. Guarantees: the same bytes
 * each time, except the random id of the file and times.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Database, Storage } from "../../index.js";
import { open } from "../../index.js";
import { Memory } from "../../memory/index.js";

export const SAMPLE_PATH = "sample.llmdb";
/** The modules of the sample are read from here. */
export type ModuleFolder = string;
const OPTIONS = { pageSize: 4096, cacheBytes: 2 * 1024 * 1024 } as const;
const WORDS = ["ada", "bob", "turin", "lyon", "compiler", "engine", "river", "snow", "música", "日本", "42", "kernel"];

/** The data file alone, after a close. */
export async function closedSample(storage: Storage, modules: ModuleFolder): Promise<Uint8Array> {
  const db = await fill(storage, modules);
  await db.close();
  return readAll(storage, SAMPLE_PATH);
}

/** The data file and its log as a kill would leave them: a checkpoint, then commits of every kind of operation. */
export async function killedSample(
  storage: Storage,
  modules: ModuleFolder,
): Promise<{ file: Uint8Array; log: Uint8Array }> {
  const db = await fill(storage, modules);
  await db.checkpoint();
  const memory = new Memory(db);
  for (let i = 0; i < 24; i++) await change(db, memory, i);
  return { file: readAll(storage, SAMPLE_PATH), log: readAll(storage, `${SAMPLE_PATH}-wal`) };
}

async function fill(storage: Storage, modules: ModuleFolder): Promise<Database> {
  const db = open(SAMPLE_PATH, { storage, ...OPTIONS });
  await attach(db, modules);
  await fillMaps(db);
  await fillFacts(db);
  await fillMemory(new Memory(db));
  await db.checkpoint();
  db.transactionSync((tx) => {
    for (let i = 0; i < 60; i += 2) tx.map("rows").delete(["row", i]);
  });
  return db;
}

async function fillMaps(db: Database): Promise<void> {
  await db.transaction((tx) => {
    const rows = tx.map<[string, number]>("rows");
    for (let i = 0; i < 300; i++)
      rows.put(["row", i], { name: WORDS[i % WORDS.length], i, on: i % 2 === 0, at: new Date(i) });
    const text = tx.map<string, string>("text", { values: "string" });
    const json = tx.map<number>("json", { values: "json" });
    const bytes = tx.map<number, Uint8Array>("bytes", { values: "bytes" });
    for (let i = 0; i < 40; i++) {
      text.put(`key ${i}`, WORDS[i % WORDS.length].repeat(1 + (i % 9)));
      json.put(i - 20, { deep: [[[{ i }]]], text: WORDS[i % WORDS.length] });
      bytes.put(i, new Uint8Array(i % 10 === 0 ? 6000 + i : 20 * i).fill(i + 1));
    }
    const level = tx.map<Uint8Array, Uint8Array>("level", { values: "bytes" });
    for (let i = 0; i < 30; i++) level.put(Buffer.from(`level ${i}`), Buffer.from(`value ${i}`));
    const payments = tx.map<[string, string]>("payments");
    for (let i = 0; i < 20; i++) payments.put([WORDS[i % 5], WORDS[(i + 3) % 7]], { amount: i });
  });
}

async function fillFacts(db: Database): Promise<void> {
  for (let version = 0; version < 4; version++) {
    await db.transaction(
      (tx) => {
        for (let i = 0; i < 25; i++) {
          tx.put(["fact", i], { version, word: WORDS[i % WORDS.length] }, { validFrom: 1e12 + version * 1e9 });
        }
        if (version === 2) tx.delete(["fact", 3], { validFrom: 1e12 + 2.5e9, validTo: 1e12 + 3e9 });
      },
      { meta: { who: "sample", version } },
    );
  }
  db.partition(7).putSync("elsewhere", "a value of another partition");
  await db.erase(["fact", 9]);
}

async function fillMemory(memory: Memory): Promise<void> {
  for (let i = 0; i < 30; i++) {
    const [subject, object] = [WORDS[i % 6], WORDS[(i * 5 + 1) % WORDS.length]];
    const options = i % 3 === 0 ? { tags: ["t", `t${i % 4}`], source: "sample", confidence: 0.5 } : {};
    await memory.remember({
      subject,
      predicate: i % 2 === 0 ? "likes" : "knows",
      object,
      many: i % 5 === 0,
      ...options,
    });
  }
  await memory.remember({
    text: "A long statement about compilers, engines and rivers in the snow of Turin.",
    id: "long",
  });
  await memory.within("team/a").remember({ subject: "ada", predicate: "leads", object: { name: "team", size: 3 } });
  for (let i = 0; i < 6; i++)
    await memory.addTurn("session", { role: i % 2 === 0 ? "user" : "assistant", text: `turn ${i} on snow` });
  const { id } = await memory.remember({ subject: "gone", predicate: "is", object: "soon" });
  await memory.forget(id);
  const { tx } = await memory.remember({ subject: "undone", predicate: "is", object: "soon" });
  await memory.undo(tx);
}

async function attach(db: Database, modules: ModuleFolder): Promise<void> {
  const bytes = (name: string): Uint8Array => readFileSync(join(modules, `${name}.wasm`));
  await db.modules.put(bytes("count-keys"), { name: "count-keys" });
  await db.modules.put(bytes("reverse-edges-as"), { name: "reverse-edges", capabilities: ["get"] });
  await db.modules.put(bytes("by-field-as"), { name: "by-field" });
  const limits = { timeoutMs: 500 };
  await db.modules.attach("reverse-edges", "payments", { on: "tx_hook", writes: ["payers", "payerCount"], ...limits });
  const index = { on: "custom_index", name: "by-amount", arg: Buffer.from("amount"), ...limits } as const;
  await db.modules.attach("by-field", "payments", index);
}

async function change(db: Database, memory: Memory, i: number): Promise<void> {
  if (i % 6 === 0)
    await db.transaction((tx) => tx.map("rows").clear({ gte: ["row", 10 * i], lt: ["row", 10 * i + 5] }));
  else if (i % 6 === 1) await memory.remember({ subject: "log", predicate: `p${i}`, object: WORDS[i % WORDS.length] });
  else if (i % 6 === 2) await db.put(["fact", i], { late: i }, { validFrom: 1e12, validTo: 1e12 + 1e9 });
  else if (i % 6 === 3) await db.transaction((tx) => tx.map("payments").put(["eve", WORDS[i % 7]], { amount: i }));
  else if (i % 6 === 4) await db.map("bytes").put(i, new Uint8Array(300 * i).fill(i));
  else await db.map(`new ${i}`).put(i, { i });
}

/** All bytes of a file. */
export function readAll(storage: Storage, path: string): Uint8Array {
  const file = storage.open(path, "read");
  const bytes = new Uint8Array(file.size());
  file.read(bytes, 0, bytes.length, 0);
  file.close();
  return bytes;
}
