/**
 * Read-only handles beside a writer: they see the log, move on, keep their snapshots, and write nothing.
 */
import { expect, test } from "vitest";
import { open } from "../../index.js";
import { SimulatedDisk } from "../harness/simulated-disk.js";

const PATH = "/agent.llmdb";
const options = { pageSize: 4096, cacheBytes: 0, checkpointBytes: 32 * 1024 } as const;

test("a reader sees what is in the log, and refresh moves it on", async () => {
  const disk = new SimulatedDisk();
  const writer = open(PATH, { storage: disk, ...options });
  writer.map("m").putSync("a", 1);
  const reader = open(PATH, { storage: disk, readOnly: true, cacheBytes: 0 });
  const map = reader.map<string, number>("m");
  expect(map.get("a")).toBe(1);
  expect(reader.recovered).toMatchObject({ replayed: 1 });
  writer.map("m").putSync("a", 2);
  expect(map.get("a")).toBe(1);
  expect(reader.refresh()).toBe(2);
  expect(map.get("a")).toBe(2);
  await writer.checkpoint();
  writer.map("m").putSync("a", 3);
  expect(reader.refresh()).toBe(3);
  expect(map.get("a")).toBe(3);
  writer.closeSync();
  expect(reader.refresh()).toBe(3);
  expect(map.get("a")).toBe(3);
  reader.closeSync();
  expect(disk.list("/")).toEqual(["agent.llmdb"]);
});

test("snapshots of a reader stay exact through a thousand commits, checkpoints and a compaction", async () => {
  const disk = new SimulatedDisk();
  const writer = open(PATH, { storage: disk, ...options });
  const fill = (round: number) =>
    writer.transactionSync((tx) => {
      const map = tx.map<number, string>("m");
      for (let i = 0; i < 300; i++) map.put(i, `${round} ${"x".repeat((i * 7 + round) % 300)}`);
      map.put(1000, `${round} ${"y".repeat(10_000)}`);
    });
  fill(0);
  const reader = open(PATH, { storage: disk, readOnly: true, cacheBytes: 0 });
  const held: { snapshot: ReturnType<typeof reader.snapshot>; round: number }[] = [];
  for (let round = 1; round <= 60; round++) {
    fill(round);
    if (round % 7 === 0) await writer.checkpoint();
    if (round === 30) await writer.compact();
    reader.refresh();
    if (round % 10 === 0) held.push({ snapshot: reader.snapshot(), round });
    for (const { snapshot, round: of } of held) {
      for (const key of [0, 150, 299, 1000]) {
        expect(String(snapshot.map(`m`).get(key)).split(" ")[0]).toBe(String(of));
      }
    }
  }
  for (const { snapshot, round } of held) {
    expect([...snapshot.map<number, string>("m").values()].every((v) => v.startsWith(`${round} `))).toBe(true);
    snapshot.close();
  }
  reader.closeSync();
  expect(writer.verify().problems).toEqual([]);
  await writer.close();
  const again = open(PATH, { storage: disk });
  expect(again.verify().problems).toEqual([]);
  again.closeSync();
});

test("a reader that opened before the writer crashed keeps its pages from the next writer", () => {
  const disk = new SimulatedDisk();
  let writer = open(PATH, { storage: disk, ...options });
  const fill = (round: number) =>
    writer.transactionSync((tx) => {
      for (let i = 0; i < 200; i++) tx.map<number, string>("m").put(i, `${round} ${"x".repeat(100)}`);
    });
  fill(0);
  writer.closeSync();
  const reader = open(PATH, { storage: disk, readOnly: true, cacheBytes: 0 });
  for (let session = 1; session <= 5; session++) {
    writer = open(PATH, { storage: disk, ...options });
    for (let round = 0; round < 5; round++) fill(session * 10 + round);
    expect(writer.verify().problems).toEqual([]);
    writer.closeSync();
    for (let i = 0; i < 200; i++) expect(String(reader.map("m").get(i)).startsWith("0 ")).toBe(true);
  }
  reader.refresh();
  expect(String(reader.map("m").get(0)).startsWith("54 ")).toBe(true);
  reader.closeSync();
});
