/**
 * Values that are not what they seem: bytes that another thread writes to, arrays that claim a length, objects without
 * an end, and results of a transaction's body that promise something.
 */
import { Worker } from "node:worker_threads";
import { describe, expect, test } from "vitest";
import { open, openMemory } from "../../index.js";
import { Memory } from "../../memory/index.js";
import { memoryStorage } from "../../pager/memory-storage.js";

/** Writes to shared bytes until it is ended. */
async function writerTo(bytes: SharedArrayBuffer): Promise<Worker> {
  const code = `const { parentPort, workerData } = require("node:worker_threads");
    const u8 = new Uint8Array(workerData);
    parentPort.postMessage("running");
    for (;;) for (let i = 0; i < u8.length; i += 97) u8[i]++;`;
  const worker = new Worker(code, { eval: true, workerData: bytes });
  await new Promise((resolve) => worker.once("message", resolve));
  return worker;
}

test.each([
  [1 << 20, 8],
  [200_000, 30],
  [1000, 200],
  [40, 200],
])("%d shared bytes that change meanwhile are stored as some bytes, the same everywhere", async (length, rounds) => {
  const shared = new SharedArrayBuffer(length);
  const worker = await writerTo(shared);
  const storage = Object.assign(memoryStorage(), { volatile: false });
  const db = open("db", { storage });
  const map = db.map<number, Uint8Array>("bytes", { values: "bytes" });
  const nested = db.map<number, { a: Uint8Array }>("nested");
  const bytes = new Uint8Array(shared);
  for (let i = 0; i < rounds; i++) {
    map.putSync(i, bytes);
    nested.putSync(i, { a: bytes });
    db.map<Uint8Array, number>("keys").putSync(bytes.subarray(0, 100), i);
    db.map("tuples").putSync([bytes.subarray(0, 100)], i);
  }
  await worker.terminate();
  const before = [...map.values()].map((value) => Buffer.from(value).toString("latin1"));
  expect(db.verify().problems).toEqual([]);
  // As after a kill: what the log has is what was read before.
  const again = open("db", { storage, readOnly: true });
  expect(again.verify().problems).toEqual([]);
  const after = [...again.map<number, Uint8Array>("bytes").values()];
  expect(after.map((value) => Buffer.from(value).toString("latin1")).every((text, i) => text === before[i])).toBe(true);
  expect([...again.map("nested").values()]).toHaveLength(rounds);
  expect([...again.map("keys").keys()].length).toBeGreaterThan(0);
  expect([...again.map("tuples").keys()].length).toBeGreaterThan(0);
  again.closeSync();
  db.closeSync();
});

test("shared memory that can grow is stored as it was", () => {
  const Growable = SharedArrayBuffer as unknown as new (n: number, o: { maxByteLength: number }) => SharedArrayBuffer;
  const tracking = new Uint8Array(new Growable(100, { maxByteLength: 1000 })).fill(7);
  const db = openMemory();
  db.map("m").putSync("a", { a: tracking });
  db.map("b", { values: "bytes" }).putSync("a", tracking);
  expect(db.map("m").get("a")).toEqual({ a: new Uint8Array(100).fill(7) });
  expect(db.map("b").get("a")).toEqual(new Uint8Array(100).fill(7));
  db.closeSync();
});

describe("arrays that claim a length", () => {
  const sparse = (length: number): unknown[] => {
    const array: unknown[] = [];
    array.length = length;
    return array;
  };

  test.each(["msgpack", "json"] as const)("are refused at once, as %s", async (values) => {
    const db = openMemory();
    const map = db.map<string, unknown>("m", { values });
    for (const value of [sparse(2 ** 32 - 1), sparse(1e9), sparse(3e6), [sparse(2 ** 31)], { a: { b: sparse(1e9) } }]) {
      await expect(map.put("k", value)).rejects.toMatchObject({ code: "LLMDB_VALUE_TOO_LARGE" });
    }
    await map.put("k", sparse(1000));
    expect(map.get("k")).toEqual(new Array(1000).fill(null));
    await db.close();
  });

  test("are refused at once in facts, metadata and keys", async () => {
    const db = openMemory();
    await expect(db.put("k", sparse(1e9))).rejects.toMatchObject({ code: "LLMDB_VALUE_TOO_LARGE" });
    await expect(db.transaction((tx) => tx.put("k", 1), { meta: sparse(1e9) })).rejects.toMatchObject({
      code: "LLMDB_VALUE_TOO_LARGE",
    });
    const key = sparse(1e9) as string[];
    await expect(db.put(key, 1)).rejects.toMatchObject({ code: "LLMDB_INVALID_ARGUMENT" });
    expect(() => db.map("m").get(new Array(1e9).fill(null, 0, 3000) as null[])).toThrow(
      expect.objectContaining({ code: "LLMDB_KEY_TOO_LONG" }),
    );
    await db.close();
  });
});

describe("a body that returns a thenable", () => {
  const thenables: [string, () => unknown][] = [
    ["a promise", () => Promise.resolve(1)],
    ["a promise that fails", () => Promise.reject(new Error("later"))],
    // biome-ignore lint/suspicious/noThenProperty: what a library of promises may return
    ["an object", () => ({ then: (done: (value: number) => void) => done(1) })],
    // biome-ignore lint/suspicious/noThenProperty: what a library of promises may return
    ["a function", () => Object.assign(() => {}, { then: () => {} })],
  ];

  test.each(thenables)("is refused and rolled back: %s", async (_name, thenable) => {
    const db = openMemory();
    const memory = new Memory(db);
    const refused = { code: "LLMDB_INVALID_ARGUMENT" };
    const write = (tx: { put(key: string, value: number): void }) => {
      tx.put("k", 1);
      return thenable();
    };
    await expect(db.transaction(write)).rejects.toMatchObject(refused);
    expect(() => db.transactionSync(write)).toThrow(expect.objectContaining(refused));
    await db.transaction((tx) => {
      expect(() => tx.transaction(write)).toThrow(expect.objectContaining(refused));
    });
    const remembering = memory.transaction((tx) => {
      tx.remember({ text: "a fact" });
      return thenable();
    });
    await expect(remembering).rejects.toMatchObject(refused);
    expect(db.get("k")).toBeUndefined();
    expect([...db.knownKeys()]).toEqual([]);
    // biome-ignore lint/suspicious/noThenProperty: data
    expect(await db.transaction(() => ({ then: "data" }))).toEqual({ then: "data" });
    await db.close();
  });
});
