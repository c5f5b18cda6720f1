/**
 * Erasing on demand: after the next checkpoint, or a close, removed keys and values are nowhere in the files, whatever
 * happens on the way.
 */
import { expect, test } from "vitest";
import { parseRange } from "../../engine/range.js";
import { type Transaction, writerOf } from "../../engine/transaction.js";
import { type Database, type OpenOptions, open, openMemory } from "../../index.js";
import { memoryStorage } from "../../pager/memory-storage.js";
import type { Storage } from "../../pager/storage.js";
import { SimulatedDisk } from "../harness/index.js";

const PATH = "/db";
/** Long enough to be told from anything else by a part of it: heads of slots hold four bytes of a key in reverse. */
const MARKER = "q7Zp2Xw9Kd4Vt6Yb1Nf8Rc3M";
const NEEDLES = [MARKER.slice(2, 10), MARKER.slice(14, 22)];
const LARGE_BYTES = 20_000;

/** The files in which a part of the marker is. */
function marked(storage: Storage): string[] {
  return storage
    .list("/")
    .filter((name) => {
      const file = storage.open(`/${name}`, "read");
      const bytes = Buffer.alloc(file.size());
      file.read(bytes, 0, bytes.length, 0);
      file.close();
      return NEEDLES.some((needle) => bytes.includes(needle));
    })
    .map((name) => `/${name}`);
}

function large(text: string): string {
  return `${text} `.repeat(Math.ceil(LARGE_BYTES / (text.length + 1)));
}

const keyOf = (i: number) => `m/${MARKER}/${i}`;

/** Keys and values with the marker among others, in several versions, so that old ones lie in freed pages. */
async function fill(db: Database): Promise<void> {
  const map = db.map<string, string>("m", { values: "string" });
  for (let version = 0; version < 4; version++) {
    await db.transaction((tx) => {
      const own = tx.map<string, string>("m", { values: "string" });
      for (let i = 0; i < 40; i++) {
        own.put(`a/${version}/${i}`, "before".repeat(20));
        own.put(keyOf(i), `${MARKER} ${version} `.repeat(version * 6 + 1));
        own.put(`m/z/${version}/${i}`, "behind".repeat(20));
      }
      own.put(keyOf(100), large(`${MARKER} ${version}`));
      own.put("plain", large(`${MARKER} in a value ${version}`));
    });
    if (version % 2 === 1) await db.checkpoint();
  }
  for (let i = 0; i < 40; i += 2) await map.delete(keyOf(i));
  for (let version = 0; version < 3; version++) {
    await db.transaction((tx) => {
      for (let i = 0; i < 30; i++) tx.map("m").delete(`a/${version}/${i}`);
    });
  }
}

function erase(tx: Transaction): void {
  removeMarked(tx);
  writerOf(tx).requireErasure();
}

function removeMarked(tx: Transaction): void {
  tx.map("m").clear({ prefix: `m/${MARKER}` });
  tx.map("m").put("plain", "nothing to see");
  const { lower, lowerLength } = parseRange({ prefix: `m/${MARKER}` }, 500).bounds;
  if (lower === null) throw new Error("a prefix has a lower bound");
  writerOf(tx).scrub("m", lower.subarray(0, lowerLength));
}

function expectWhole(db: Database): void {
  expect(db.verify().problems).toEqual([]);
  expect(db.map("m").get("plain")).toBe("nothing to see");
  expect([...db.map("m").keys({ prefix: `m/${MARKER}` })]).toEqual([]);
  expect(db.map("m").get("m/z/3/39")).toBe("behind".repeat(20));
}

const VARIANTS: OpenOptions[] = [
  { pageSize: 4096 },
  {},
  { pageSize: 4096, checkpointBytes: 0 },
  { pageSize: 4096, eraseFreed: true },
  { durability: "buffered" },
];

test.each(VARIANTS)("after a checkpoint the removed bytes are nowhere: %j", async (options) => {
  const disk = new SimulatedDisk();
  const db = open(PATH, { storage: disk, ...options });
  await fill(db);
  expect(marked(disk)).toContain(PATH);
  await db.transaction(erase);
  await db.checkpoint();
  expect(marked(disk)).toEqual([]);
  expect(marked(disk.crash({ keep: "none" }))).toEqual([]);
  expectWhole(db);
  await fill(db);
  expect(marked(disk)).not.toEqual([]);
  await db.transaction(erase);
  await db.checkpoint();
  expect(marked(disk)).toEqual([]);
  expectWhole(db);
  await db.close();
  expect(marked(disk)).toEqual([]);
});

test.each(VARIANTS)("a close erases, too: %j", async (options) => {
  for (const isBlocking of [false, true]) {
    const disk = new SimulatedDisk();
    const db = open(PATH, { storage: disk, ...options });
    await fill(db);
    const snapshot = db.snapshot();
    await db.transaction(erase);
    if (isBlocking) db.closeSync();
    else await db.close();
    expect(marked(disk.crash({ keep: "none" }))).toEqual([]);
    snapshot.close();
    const again = open(PATH, { storage: disk });
    expectWhole(again);
    again.closeSync();
  }
});

test("what was removed before a plain checkpoint and a reopening is erased, too", async () => {
  const disk = new SimulatedDisk();
  const first = open(PATH, { storage: disk, pageSize: 4096 });
  await fill(first);
  await first.map("m").clear({ prefix: `m/${MARKER}` });
  await first.checkpoint();
  await first.close();
  expect(marked(disk)).toEqual([PATH]);
  const db = open(PATH, { storage: disk });
  await db.transaction(erase);
  await db.checkpoint();
  expect(marked(disk)).toEqual([]);
  expectWhole(db);
  await db.close();
});

test("pages that a snapshot keeps are erased by the first checkpoint after it", async () => {
  const disk = new SimulatedDisk();
  const db = open(PATH, { storage: disk, pageSize: 4096 });
  await fill(db);
  const snapshot = db.snapshot();
  await db.transaction(erase);
  await db.checkpoint();
  expect(marked(disk)).toEqual([PATH]);
  expect(snapshot.map("m").get(keyOf(1))).toContain(MARKER);
  await db.map("m").put("more", "m");
  await db.checkpoint();
  expect(snapshot.map("m").get(keyOf(100))).toContain(MARKER);
  // A process that is killed now forgets the snapshot, but not what is to be erased.
  const killed = disk.crash({ keep: "none" });
  const again = open(PATH, { storage: killed });
  await again.checkpoint();
  expect(marked(killed)).toEqual([]);
  expectWhole(again);
  await again.close();
  snapshot.close();
  await db.checkpoint();
  expect(marked(disk)).toEqual([]);
  expectWhole(db);
  await db.close();
});

test("a page that only a snapshot sees and that was never written has nothing of an earlier one", async () => {
  const disk = new SimulatedDisk();
  const db = open(PATH, { storage: disk, pageSize: 4096 });
  await fill(db);
  await db.map("m").clear({ prefix: `m/${MARKER}` });
  await db.checkpoint();
  await db.checkpoint();
  await db.transaction(erase);
  for (let i = 0; i < 100; i++) await db.map("m").put(`m/n/${i}`, "n".repeat(900));
  const snapshot = db.snapshot();
  await db.map("m").clear({ prefix: "m/n/" });
  await db.checkpoint();
  expect(marked(disk)).toEqual([]);
  snapshot.close();
  await db.close();
});

test("a reader in another process keeps its pages, and the request", async () => {
  const disk = new SimulatedDisk();
  const db = open(PATH, { storage: disk, pageSize: 4096 });
  await fill(db);
  await db.checkpoint();
  const reader = open(PATH, { storage: disk, readOnly: true });
  await db.transaction(erase);
  await db.checkpoint();
  expect(marked(disk)).not.toEqual([]);
  expect(reader.map("m").get(keyOf(1))).toContain(MARKER);
  await reader.close();
  await db.checkpoint();
  await db.checkpoint();
  expect(marked(disk)).toEqual([]);
  await db.close();
});

test("a request that is rolled back is none", async () => {
  const disk = new SimulatedDisk();
  const db = open(PATH, { storage: disk, pageSize: 4096 });
  await fill(db);
  await db.transaction(removeMarked);
  await db.transaction((tx) => {
    tx.map("m").put("kept", "k");
    expect(() =>
      tx.transaction((inner) => {
        writerOf(inner).requireErasure();
        throw new Error("no");
      }),
    ).toThrow("no");
  });
  await db.checkpoint();
  expect(marked(disk)).not.toEqual([]);
  await db.close();
  expect(marked(disk)).toEqual([PATH]);
});

test("in memory", async () => {
  const storage = memoryStorage();
  const db = openMemory({ storage, pageSize: 4096, cacheBytes: 0 });
  await fill(db);
  await db.transaction(erase);
  await db.checkpoint();
  const file = storage.open(":memory:", "read");
  const bytes = Buffer.alloc(file.size());
  file.read(bytes, 0, bytes.length, 0);
  expect(bytes.length).toBeGreaterThan(20_000);
  expect(NEEDLES.some((needle) => bytes.includes(needle))).toBe(false);
  expectWhole(db);
  db.closeSync();
});

test.each([{ pageSize: 4096 as const }, {}])("a crash at any moment of it: %j", async (options) => {
  const disk = new SimulatedDisk(3);
  const db = open(PATH, { storage: disk, ...options });
  await fill(db);
  await db.transaction(erase);
  const images: SimulatedDisk[] = [];
  disk.watcher = (_operation, when) => {
    if (when !== "before") return;
    images.push(disk.crash({ keep: "none" }), disk.crash({ keep: "all" }), disk.fork());
  };
  await db.checkpoint();
  await db.map("m").put("later", "l");
  await db.close();
  disk.watcher = undefined;
  expect(images.length).toBeGreaterThan(60);
  let there = 0;
  for (const [i, image] of images.entries()) {
    if (marked(image).length > 0) there++;
    const again = open(PATH, { storage: image });
    if (i % 2 === 0) {
      await again.checkpoint();
      expect([i, marked(image)]).toEqual([i, []]);
    }
    expectWhole(again);
    again.closeSync();
    expect([i, marked(image)]).toEqual([i, []]);
  }
  expect(there).toBeGreaterThan(20);
});
