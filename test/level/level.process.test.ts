/**
 * What the suite of abstract-level does not ask: files, locks and durability, and how the adaptor fits to LLMDB under
 * it. A random walk of iterators is compared with a sorted array.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AbstractIteratorOptions } from "abstract-level";
import { afterAll, beforeAll, expect, test } from "vitest";
import { open } from "../../engine/open.js";
import { LlmdbLevel, type LlmdbLevelBatchOptions } from "../../level/index.js";
import { builtUrl } from "../built-file.js";
import { Random } from "../harness/random.js";
import { SimulatedDisk } from "../harness/simulated-disk.js";

let folder: string;
let files = 0;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "llmdb-level-"));
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

function newPath(): string {
  return join(folder, `${++files}.llmdb`);
}

test("a second open of a file is refused with the code of LLMDB, and the first is not disturbed", async () => {
  const path = newPath();
  await using first = new LlmdbLevel(path);
  await first.put("a", "1");
  const second = new LlmdbLevel(path);
  await expect(second.open()).rejects.toMatchObject({
    code: "LEVEL_DATABASE_NOT_OPEN",
    cause: { name: "LlmdbError", code: "LLMDB_LOCKED" },
  });
  await expect(second.get("a")).rejects.toMatchObject({ code: "LEVEL_DATABASE_NOT_OPEN" });
  expect(await first.get("a")).toBe("1");
});

test("data survives closing and opening, as a map of bytes", async () => {
  const path = newPath();
  const db = new LlmdbLevel<string, unknown>(path, { valueEncoding: "json", map: "people" });
  await db.put("ada", { born: 1815 });
  await db.sublevel<Uint8Array, string>("raw", { keyEncoding: "view" }).put(Uint8Array.of(0xff), "é");
  await db.close();
  await db.open();
  expect(await db.get("ada")).toEqual({ born: 1815 });
  await db.close();

  const database = open(path);
  const map = database.map<Uint8Array, Uint8Array>("people", { values: "bytes" });
  expect([...map.range()]).toEqual([
    [Uint8Array.of(...Buffer.from("!raw!"), 0xff), Uint8Array.of(0xc3, 0xa9)],
    [Uint8Array.from(Buffer.from("ada")), Uint8Array.from(Buffer.from('{"born":1815}'))],
  ]);
  await database.close();
});

test("in memory, data stays with the instance", async () => {
  await using db = new LlmdbLevel(":memory:");
  await db.put("a", "1");
  await db.close();
  await db.open();
  expect(await db.get("a")).toBe("1");
  await using other = new LlmdbLevel(":memory:");
  expect(await other.get("a")).toBeUndefined();
});

test("a write with sync survives a power cut, and takes those before it along", async () => {
  const disk = new SimulatedDisk(7);
  await using db = new LlmdbLevel("a.llmdb", { storage: disk });
  await db.put("before", "1");
  await db.put("synced", "2", { sync: true });
  await db.put("after", "3");
  const options: LlmdbLevelBatchOptions<string, string> = { sync: true };
  await using durable = new LlmdbLevel("b.llmdb", { storage: disk, durability: "durable" });
  await durable.batch([{ type: "put", key: "a", value: "1" }], options);
  await durable.put("b", "2");

  const crashed = disk.crash({ keep: "none" });
  await using reopened = new LlmdbLevel("a.llmdb", { storage: crashed });
  expect(await reopened.iterator().all()).toEqual([
    ["before", "1"],
    ["synced", "2"],
  ]);
  await using reopenedDurable = new LlmdbLevel("b.llmdb", { storage: crashed });
  expect(await reopenedDurable.keys().all()).toEqual(["a", "b"]);
});

test("a program that ends without closing loses nothing; one that is killed keeps what was synced", () => {
  const url = builtUrl("level/index.ts");
  const run = (path: string, end: string) => {
    const script = `
      import { LlmdbLevel } from ${JSON.stringify(url)};
      const db = new LlmdbLevel(${JSON.stringify(path)});
      await db.put("a", "1", { sync: true });
      await db.put("b", "2");
      ${end}`;
    const { stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
    expect(stderr).toBe("");
    const database = open(path);
    const keys = [...database.map<Uint8Array>("level").keys()].map((key) => String.fromCharCode(...key));
    database.closeSync();
    return keys;
  };
  expect(run(newPath(), "")).toEqual(["a", "b"]);
  expect(run(newPath(), "process.kill(process.pid, 'SIGKILL');")[0]).toBe("a");
});

test("a batch is one transaction: what cannot be stored leaves nothing behind", async () => {
  await using db = new LlmdbLevel(":memory:");
  await db.put("a", "1");
  const tooLong = "x".repeat(1088);
  await db.put(tooLong.slice(1), "");
  await db.del(tooLong.slice(1));
  const refused = { code: "LLMDB_KEY_TOO_LONG" };
  await expect(db.put(tooLong, "")).rejects.toMatchObject(refused);
  await expect(
    db.batch([
      { type: "del", key: "a" },
      { type: "put", key: tooLong, value: "" },
    ]),
  ).rejects.toMatchObject(refused);
  await expect(db.batch().put("b", "2").put(tooLong, "").write()).rejects.toMatchObject(refused);
  expect(await db.iterator().all()).toEqual([["a", "1"]]);

  const before = db.database.stats().lastTx;
  await db.batch().put("b", "2").put("c", "3").del("a").write();
  expect(db.database.stats().lastTx).toBe(before + 1);
});

test("snapshots and iterators read their moment, through a thousand commits", async () => {
  await using db = new LlmdbLevel(":memory:", { pageSize: 4096 });
  for (let i = 0; i < 300; i++) await db.put(keyOf(i), "old");
  const snapshot = db.snapshot();
  const iterator = db.values();
  expect(await iterator.next()).toBe("old");
  for (let i = 0; i < 1000; i++) await (i % 3 === 0 ? db.del(keyOf(i)) : db.put(keyOf(i), "new"));

  expect(await db.get(keyOf(1), { snapshot })).toBe("old");
  expect(db.getSync(keyOf(999), { snapshot })).toBeUndefined();
  expect(await db.hasMany([keyOf(0), keyOf(500)], { snapshot })).toEqual([true, false]);
  expect(await db.hasMany([keyOf(0), keyOf(500)])).toEqual([false, true]);
  expect(new Set(await db.values({ snapshot }).all())).toEqual(new Set(["old"]));
  expect(await iterator.all()).toHaveLength(299);
  await db.clear({ snapshot, reverse: true, limit: 2 });
  expect(await db.keys({ gte: keyOf(297), lte: keyOf(301) }).all()).toEqual([keyOf(301)]);

  expect(db.database.stats().openSnapshots).toBe(1);
  await snapshot.close();
  expect(db.database.stats().openSnapshots).toBe(0);
});

test("a snapshot of another database is refused", async () => {
  await using db = new LlmdbLevel(":memory:");
  await using other = new LlmdbLevel(":memory:");
  await other.open();
  const snapshot = other.snapshot();
  await expect(db.get("a", { snapshot })).rejects.toMatchObject({ code: "LLMDB_INVALID_ARGUMENT" });
});

test("iterators are closed with the database, and let their pages go", async () => {
  const db = new LlmdbLevel(":memory:");
  await db.batch([{ type: "put", key: "a", value: "1" }]);
  const left = db.iterator();
  for await (const _ of db.keys()) break;
  expect(db.database.stats().openSnapshots).toBe(1);
  await db.close();
  await expect(left.next()).rejects.toMatchObject({ code: "LEVEL_ITERATOR_NOT_OPEN" });
  expect(() => db.database).toThrow(expect.objectContaining({ code: "LLMDB_CLOSED" }));
});

test("bytes and text are the same entries, and what is handed out is the caller's", async () => {
  await using db = new LlmdbLevel(":memory:");
  const key = Buffer.from("key");
  const value = Buffer.from("value");
  await db.put<Buffer, Buffer>(key, value, { keyEncoding: "buffer", valueEncoding: "buffer" });
  key.fill(0);
  value.fill(0);
  expect(await db.get("key")).toBe("value");
  const bytes = await db.get<string, Buffer>("key", { valueEncoding: "buffer" });
  expect(Buffer.isBuffer(bytes)).toBe(true);
  await db.put("key", "other");
  expect(String(bytes)).toBe("value");
  await db.put("\ud800", "\udc00");
  expect(await db.get("\ufffd")).toBe("\ufffd");
  const words = new Uint16Array([0x6261]);
  await db.put<ArrayBufferView, ArrayBufferView>(words, words, { keyEncoding: "view", valueEncoding: "view" });
  expect(await db.get("ab")).toBe("ab");
});

test("a seek copies its target and stays in the range and the snapshot", async () => {
  await using db = new LlmdbLevel<Buffer, string>(":memory:", { keyEncoding: "buffer" });
  for (let i = 0; i < 10; i++) await db.put(Buffer.of(i), String(i));
  const iterator = db.values({ gt: Buffer.of(2), lte: Buffer.of(7), limit: 6 });
  const target = Buffer.of(6);
  iterator.seek(target);
  target[0] = 0;
  await db.clear();
  expect(await iterator.nextv(9)).toEqual(["6", "7"]);
  iterator.seek(Buffer.of(2));
  expect(await iterator.next()).toBeUndefined();
  iterator.seek(Buffer.of(3));
  expect(await iterator.all()).toEqual(["3", "4", "5", "6"]);
});

test("random walks of iterators are those of a sorted array", async () => {
  const random = new Random(11);
  const below = (limit: number) => random.next() % limit;
  await using db = new LlmdbLevel(":memory:", { pageSize: 4096 });
  await db.open();
  const keys = new Set<string>();
  for (let round = 0; round < 300; round++) {
    const batch = db.batch();
    for (let i = below(20); i > 0; i--) {
      const key = keyOf(below(400));
      if (below(3) === 0) batch.del(key);
      else batch.put(key, key.repeat(1 + below(20)));
      if (batch.length > 0 && below(3) === 0) batch.put(key, "x".repeat(below(3000)));
    }
    await batch.write();
    keys.clear();
    for (const key of await db.keys().all()) keys.add(key);

    const range: AbstractIteratorOptions<string, string> = { reverse: below(2) === 0, values: below(2) === 0 };
    for (const bound of ["gt", "gte", "lt", "lte"] as const) if (below(4) === 0) range[bound] = keyOf(below(400));
    if (below(3) === 0) range.limit = below(50);
    const iterator = db.iterator(range);
    let expected = inRange([...keys].sort(), range);
    let left = range.limit ?? Number.POSITIVE_INFINITY;
    for (let step = 0; step < 6; step++) {
      const take = expected.slice(0, Math.min(1 + below(20), left));
      const items = await iterator.nextv(Math.max(1, take.length));
      expect(items.map(([key]) => key)).toEqual(take.length === 0 ? [] : take);
      expected = expected.slice(take.length);
      left -= take.length;
      if (below(2) === 0) continue;
      const target = keyOf(below(400));
      iterator.seek(target);
      const all = inRange([...keys].sort(), range);
      const outside = inRange([target], range).length === 0;
      expected = outside ? [] : all.filter((key) => (range.reverse ? key <= target : key >= target));
    }
    await iterator.close();
    if (below(5) === 0) {
      const { values: _, ...cleared } = range;
      const gone = inRange([...keys].sort(), range).slice(0, range.limit);
      await db.clear(cleared);
      expect(await db.keys().all()).toEqual([...keys].sort().filter((key) => !gone.includes(key)));
    }
  }
  expect(db.database.verify().problems).toEqual([]);
  expect(db.database.stats().openSnapshots).toBe(0);
});

test("options of LLMDB go through, and bad ones are refused", async () => {
  expect(() => new LlmdbLevel("")).toThrow(expect.objectContaining({ code: "LLMDB_INVALID_ARGUMENT" }));
  const path = newPath();
  const db = new LlmdbLevel(path, { pageSize: 4096, cacheBytes: 2 ** 20, map: "main" });
  await db.put("a", "1");
  expect(db.database.stats().pageSize).toBe(4096);
  await db.database.map("other").put("b", 2);
  await db.close();
  expect(db.location).toBe(path);

  await using reader = new LlmdbLevel(path, { readOnly: true, map: "main" });
  expect(await reader.get("a")).toBe("1");
  await expect(reader.put("a", "2")).rejects.toMatchObject({ code: "LLMDB_READ_ONLY" });
  // A map that holds other values than bytes is not one to read, and the file is free again after the refusal.
  const wrong = new LlmdbLevel(path, { map: "other" });
  await expect(wrong.open()).rejects.toMatchObject({ cause: { code: "LLMDB_INVALID_ARGUMENT" } });
  await using again = new LlmdbLevel(path, { map: "main" });
  expect(await again.get("a")).toBe("1");
});

function keyOf(number: number): string {
  return String(number).padStart(4, "0");
}

/** The keys of a range in its order, by the rules of abstract-level: gte goes before gt, lte before lt. */
function inRange(sorted: string[], { gt, gte, lt, lte, reverse }: AbstractIteratorOptions<string, string>): string[] {
  const found = sorted.filter(
    (key) =>
      (gte !== undefined ? key >= gte : gt === undefined || key > gt) &&
      (lte !== undefined ? key <= lte : lt === undefined || key < lt),
  );
  return reverse ? found.reverse() : found;
}
