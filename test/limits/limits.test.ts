/**
 * The largest and the smallest of everything: keys, values, maps, files, page numbers.
 */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { maxKeyBytes } from "../../btree/node.js";
import { type LlmdbError, open, openMemory } from "../../index.js";
import { fileStorage } from "../../pager/file-storage.js";
import { memoryStorage } from "../../pager/memory-storage.js";
import type { Storage } from "../../pager/storage.js";
import { expectClean } from "../harness/index.js";
import { makeFarDatabase } from "./far-database.js";

const PAGE_SIZES = [4096, 8192, 16384, 32768, 65536] as const;

test.each(PAGE_SIZES)("the longest key at pages of %i bytes", (pageSize) => {
  const db = openMemory({ pageSize });
  const map = db.map<string, number>("m");
  // A string takes one byte for its type.
  const most = maxKeyBytes(pageSize) - 1;
  if (pageSize === 8192) expect(most).toBeGreaterThanOrEqual(1024);
  for (let i = 0; i < 50; i++) map.putSync(`${String(i).padStart(3, "0")}${"k".repeat(most - 3)}`, i);
  for (let i = 0; i < 50; i++) map.putSync(`${"k".repeat(most - 3)}${String(i).padStart(3, "0")}`, i);
  expect(map.get(`${"k".repeat(most - 3)}042`)).toBe(42);
  expect(map.get(`042${"k".repeat(most - 3)}`)).toBe(42);
  expect(map.count({ gte: "k".repeat(most) })).toBe(0);
  expect(map.count({ gt: `042${"k".repeat(most - 3)}`, lte: `044${"k".repeat(most - 3)}` })).toBe(2);
  for (const use of [() => map.putSync("k".repeat(most + 1), 1), () => map.get("k".repeat(most + 1))]) {
    expect(use).toThrow(expect.objectContaining({ code: "LLMDB_KEY_TOO_LONG" }) as LlmdbError);
  }
  expectClean(db);
  db.closeSync();
});

test("empty keys and empty values", () => {
  const db = openMemory();
  const bytes = db.map<string | Uint8Array | [], Uint8Array>("bytes", { values: "bytes" });
  const empty = ["", new Uint8Array(0), []] as const;
  for (const key of empty) bytes.putSync(key as "", new Uint8Array(0));
  for (const key of empty) expect(bytes.get(key as "")).toEqual(new Uint8Array(0));
  for (const key of empty) expect(bytes.view(key as "", (seen) => seen.length)).toBe(0);
  expect([...bytes.keys()]).toEqual(empty);
  const text = db.map<string, string>("text", { values: "string" });
  text.putSync("", "");
  expect(text.get("")).toBe("");
  expect([...text.range({ prefix: "" })]).toEqual([["", ""]]);
  expectClean(db);
  db.closeSync();
});

test("a value of 100 MB", async () => {
  const storage = memoryStorage();
  const value = new Uint8Array(100 * 1000 * 1000);
  for (let i = 0; i < value.length; i += 997) value[i] = i;
  let db = open("large", { storage, cacheBytes: 1024 * 1024 });
  db.map<string, Uint8Array>("m", { values: "bytes" }).putSync("large", value);
  await db.close();
  db = open("large", { storage, cacheBytes: 1024 * 1024 });
  expect(Buffer.compare(db.map<string, Uint8Array>("m").get("large")!, value)).toBe(0);
  expectClean(db);
  db.map<string, Uint8Array>("m").putSync("large", value.subarray(0, 50_000_000));
  expect(db.map<string, Uint8Array>("m").get("large")?.length).toBe(50_000_000);
  db.map("m").deleteSync("large");
  await db.compact();
  expect(db.stats().fileBytes).toBeLessThan(1_000_000);
  expectClean(db);
  db.closeSync();
}, 60_000);

test.each([4096, 65536] as const)("65,536 tiny entries in pages of %i bytes", (pageSize) => {
  const db = openMemory({ pageSize });
  const map = db.map<number, string>("m", { values: "string" });
  db.transactionSync((tx) => {
    for (let i = 0; i < 65_536; i++) tx.map<number, string>("m", { values: "string" }).put((i * 40_503) % 65_536, "");
  });
  expect(map.count()).toBe(65_536);
  expect([...map.keys({ offset: 65_530 })]).toEqual([65_530, 65_531, 65_532, 65_533, 65_534, 65_535]);
  expect(map.count({ gte: 100, lt: 60_000 })).toBe(59_900);
  expectClean(db);
  map.clearSync({ gte: 10, lt: 65_530 });
  expect([...map.keys()]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 65_530, 65_531, 65_532, 65_533, 65_534, 65_535]);
  expectClean(db);
  db.closeSync();
});

test("a thousand maps", async () => {
  const storage = memoryStorage();
  let db = open("maps", { storage, pageSize: 4096, cacheBytes: 0 });
  db.transactionSync((tx) => {
    for (let i = 0; i < 1000; i++) tx.map(`map ${i}`).put(i, { i });
  });
  db.map("__proto__").putSync("polluted", true);
  db.map("constructor").putSync("x", 1);
  await db.close();
  db = open("maps", { storage, pageSize: 4096, cacheBytes: 0 });
  expect(db.mapNames()).toHaveLength(1002);
  for (let i = 0; i < 1000; i++) expect(db.map(`map ${i}`).get(i)).toEqual({ i });
  expect(Object.keys(db.stats().maps)).toHaveLength(1002);
  expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  expectClean(db);
  for (let i = 0; i < 1000; i += 10) await db.dropMap(`map ${i}`);
  expect(db.mapNames()).toHaveLength(902);
  expectClean(db);
  db.closeSync();
});

function useFarDatabase(storage: Storage, path: string, pages: number): void {
  makeFarDatabase(storage, path, pages, 4096);
  for (let round = 0; round < 3; round++) {
    const db = open(path, { storage, cacheBytes: 0 });
    db.transactionSync((tx) => {
      const map = tx.map<number, Uint8Array>("far", { values: "bytes" });
      for (let i = round; i < 2000; i += round + 1)
        map.put(i, new Uint8Array(i % 50 === 0 ? 9000 : 80).fill(round + 1));
    });
    if (round === 1) db.map("far").clearSync({ gte: 500, lt: 600 });
    const map = db.map<number, Uint8Array>("far");
    expect(map.count()).toBe(round === 1 ? 1900 : 2000 - (round === 2 ? 66 : 0));
    for (let i = 0; i < 400; i++) expect(map.get(i)?.length).toBe(i % 50 === 0 ? 9000 : 80);
    expect(db.verify().problems).toEqual([{ page: 3, what: `pages 3 to ${pages - 1} are not used` }]);
    expect(db.stats().pages).toBeGreaterThan(pages);
    db.closeSync();
  }
}

test("page numbers past 2^32, up to 2^40", () => {
  useFarDatabase(memoryStorage(), "far", 2 ** 32 - 20);
  useFarDatabase(memoryStorage(), "far", 2 ** 33);
  // A file of 2^52 bytes is what positions in a double allow at pages of 4 KiB.
  useFarDatabase(memoryStorage(), "far", 2 ** 40);
}, 60_000);

test("the last page number there is", () => {
  const storage = memoryStorage();
  makeFarDatabase(storage, "full", 2 ** 48 - 1, 4096);
  const db = open("full", { storage });
  expect(() => db.map("m").putSync("a", 1)).toThrow(
    expect.objectContaining({ code: "LLMDB_UNSUPPORTED" }) as LlmdbError,
  );
  expect(db.map("m").get("a")).toBeUndefined();
  db.closeSync();
});

test("a file past 4 GiB", () => {
  const folder = mkdtempSync(join(tmpdir(), "llmdb-limits-"));
  try {
    const path = join(folder, "sparse.llmdb");
    useFarDatabase(fileStorage, path, 1_200_000);
    expect(statSync(path).size).toBeGreaterThan(4 * 1024 ** 3);
  } finally {
    rmSync(folder, { recursive: true });
  }
}, 60_000);
