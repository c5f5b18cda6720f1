/**
 * `open` and `openMemory`: creating, reopening, reading only.
 */

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { open, openMemory } from "../../index.js";
import { memoryStorage } from "../../pager/memory-storage.js";
import { SimulatedDisk } from "../harness/simulated-disk.js";

test("what was written is there when it is opened again", async () => {
  const folder = mkdtempSync(join(tmpdir(), "llmdb-open-"));
  try {
    const path = join(folder, "a.llmdb");
    const db = open(path);
    expect(db.path).toBe(path);
    expect(db.recovered).toEqual({ replayed: 0, cutBytes: 0, olderMeta: false, logMissing: false, steps: [] });
    await db.map("m").put("a", { b: 1 });
    await db.close();
    expect(readdirSync(folder)).toEqual(["a.llmdb"]);
    for (let i = 0; i < 3; i++) {
      const before = readFileSync(path);
      const again = open(path);
      expect(again.map("m").get("a")).toEqual({ b: 1 });
      again.closeSync();
      expect(Buffer.compare(readFileSync(path), before)).toBe(0);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("an empty file becomes a database", () => {
  const folder = mkdtempSync(join(tmpdir(), "llmdb-open-"));
  try {
    const path = join(folder, "empty");
    writeFileSync(path, "");
    const db = open(path, { pageSize: 16384 });
    expect(db.stats().pageSize).toBe(16384);
    db.closeSync();
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.each([4096, 8192, 16384, 32768, 65536] as const)("pages of %i bytes", (pageSize) => {
  const storage = memoryStorage();
  const db = open("db", { storage, pageSize });
  db.transactionSync((tx) => {
    for (let i = 0; i < 3000; i++) tx.map<number, string>("m").put((i * 7919) % 3000, "x".repeat(i % 300));
  });
  db.closeSync();
  const again = open("db", { storage });
  expect(again.stats().pageSize).toBe(pageSize);
  expect(again.map("m").count()).toBe(3000);
  expect(again.verify().problems).toEqual([]);
  again.closeSync();
});

test("a database in memory is its own", () => {
  const [a, b] = [openMemory(), openMemory()];
  a.map("m").putSync(1, 1);
  expect(b.map("m").get(1)).toBeUndefined();
  expect(a.path).toBe(":memory:");
});

test("read-only handles beside a writer", () => {
  const storage = new SimulatedDisk();
  const writer = open("db", { storage });
  writer.map("m").putSync(1, 1);
  const reader = open("db", { storage, readOnly: true });
  expect(reader.map("m").get(1)).toBe(1);
  reader.closeSync();
  writer.closeSync();
});
