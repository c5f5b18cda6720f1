/**
 * The store through a handle that only reads, beside a writer and after it was killed. Guarantees: it answers as the
 * state does that it sees, `refresh()` moves it on, and a snapshot of it stays.
 */
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Database } from "../../temporal/database.js";
import { open } from "../../temporal/open.js";
import { SimulatedDisk } from "../harness/simulated-disk.js";

let storage: SimulatedDisk;
let timeMs: number;
let writer: Database;

const options = () => ({ storage, clock: () => timeMs });

beforeEach(() => {
  storage = new SimulatedDisk();
  timeMs = Date.parse("2026-01-01");
  writer = open("/db", options());
});

afterEach(() => writer.closeSync());

test("a reader beside a writer sees the state it was opened on, and moves on", () => {
  writer.putSync("a", { n: 1 });
  const reader = open("/db", { ...options(), readOnly: true });
  expect(reader.get("a")).toEqual({ n: 1 });
  timeMs += 1000;
  writer.putSync("a", { n: 2 });
  writer.putSync("b", { n: 3 });
  expect(reader.get("a")).toEqual({ n: 1 });
  const snapshot = reader.snapshot();
  reader.refresh();
  expect(reader.get("a")).toEqual({ n: 2 });
  expect(reader.get("a", { tx: 1 })).toEqual({ n: 1 });
  expect([...reader.range()]).toEqual([
    ["a", { n: 2 }],
    ["b", { n: 3 }],
  ]);
  expect(snapshot.get("a")).toEqual({ n: 1 });
  expect([...snapshot.range()]).toEqual([["a", { n: 1 }]]);
  expect(reader.versions("a")).toEqual(writer.versions("a"));
  expect([...reader.transactions()]).toEqual([...writer.transactions()]);
  expect(reader.verify().problems).toEqual([]);
  snapshot.close();
  reader.closeSync();
});

test("a reader sees what a checkpoint moved, also where the store came into being after it was opened", async () => {
  writer.map("plain").putSync("x", 1);
  const reader = open("/db", { ...options(), readOnly: true });
  expect(reader.get("a")).toBeUndefined();
  for (let i = 0; i < 300; i++) writer.putSync(`key ${i % 30}`, { i });
  await writer.checkpoint();
  reader.refresh();
  expect([...reader.range()]).toEqual([...writer.range()]);
  expect(reader.versions("key 7")).toEqual(writer.versions("key 7"));
  reader.closeSync();
});

test("what a killed writer left in its log is read without writing", () => {
  writer.putSync("a", "before");
  timeMs += 1000;
  writer.deleteSync("a");
  const left = storage.fork();
  const reader = open("/db", { storage: left, clock: () => timeMs, readOnly: true });
  expect(reader.get("a")).toBeUndefined();
  expect(reader.get("a", { tx: 1 })).toBe("before");
  expect(() => reader.putSync("a", 1)).toThrow(/read-only/);
  reader.closeSync();
});
