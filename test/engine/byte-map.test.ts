/**
 * Maps by their bytes and with bounds, as the layers above use them: through the log, checkpoints, savepoints, backups
 * and compaction, with a cache that is too small.
 */
import { expect, test } from "vitest";
import type { BoundFields } from "../../btree/bounds.js";
import type { Bounds } from "../../btree/cursor.js";
import { FilterCursor } from "../../btree/filter-cursor.js";
import { copyKey } from "../../btree/node.js";
import { ByteMapWriter } from "../../engine/byte-map.js";
import { type ByteSource, floorEntry } from "../../engine/byte-source.js";
import { copyValue, Entry } from "../../engine/entry.js";
import { TransactionMap } from "../../engine/transaction-map.js";
import type { WriteTransaction } from "../../engine/write-transaction.js";
import { type Database, type OpenOptions, open } from "../../index.js";
import { engineOf } from "../engine-of.js";
import { expectSame, Random, SimulatedDisk } from "../harness/index.js";

const path = "byte-map.llmdb";
const NAME = "versions";
const FIELDS: BoundFields = [
  { of: "key", offset: 4, bytes: 4, keeps: "least" },
  { of: "value", offset: 2, bytes: 4, keeps: "greatest" },
];
const OTHER: BoundFields = [{ of: "key", offset: 3, bytes: 2, keeps: "greatest" }];
const EVERYTHING: Bounds = { lower: null, lowerLength: 0, upper: null, upperLength: 0 };
const invalid = expect.objectContaining({ code: "LLMDB_INVALID_ARGUMENT" });

/** Keys in hex, each with its value. */
type Model = Map<string, Buffer>;

function openOn(storage: SimulatedDisk, options: OpenOptions = {}): Database {
  return open(path, { storage, pageSize: 4096, ...options });
}

function padded(key: Buffer): Uint8Array {
  return Uint8Array.from([...key, 0, 0, 0, 0, 0, 0, 0, 0]);
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function newKey(random: Random): Buffer {
  const start = random.pick(["", "a".repeat(90), `${random.below(20)}${"b".repeat(400)}`]);
  return Buffer.concat([Buffer.from(start), u32(random.below(400)), u32(random.below(1e6))]);
}

function newValue(random: Random): Buffer {
  return Buffer.concat([Buffer.from("vv"), u32(random.below(1e6)), Buffer.alloc(random.below(200), "x")]);
}

function write(tx: WriteTransaction, model: Model, random: Random, times: number): void {
  const map = new ByteMapWriter(tx, NAME, FIELDS);
  for (let i = 0; i < times; i++) {
    const known = [...model.keys()];
    const key = known.length > 0 && random.chance(0.4) ? Buffer.from(random.pick(known), "hex") : newKey(random);
    const id = key.toString("hex");
    if (random.chance(0.7)) {
      const value = newValue(random);
      // A longer buffer than the value.
      map.put(padded(key), key.length, Buffer.concat([value, Buffer.from("rest")]), value.length);
      model.set(id, value);
    } else {
      expect(map.delete(padded(key), key.length)).toBe(model.delete(id));
    }
  }
  if (!random.chance(0.2)) return;
  const [lower, upper] = [newKey(random), newKey(random)].sort(Buffer.compare);
  map.clear({ lower: padded(lower), lowerLength: lower.length, upper: padded(upper), upperLength: upper.length });
  const [from, to] = [lower.toString("hex"), upper.toString("hex")];
  for (const id of [...model.keys()]) if (id >= from && id < to) model.delete(id);
}

function sourceOf(db: Database): ByteSource {
  const { directory, store } = engineOf(db).state;
  const state = directory.get(NAME);
  if (state === undefined) throw new Error("the map is not there");
  expect(state.bounds).toEqual(FIELDS);
  return { tree: state.tree, reader: store.reader, extents: store.extents };
}

function filter(source: ByteSource, limits: Buffer, reverse: boolean, between = (): void => {}): string[] {
  const cursor = new FilterCursor(source.tree, source.reader, EVERYTHING, limits, reverse);
  const { cache } = source.reader;
  const key = new Uint8Array(4096);
  const found: string[] = [];
  while (cursor.next()) {
    const length = copyKey(cache.views(cursor.frame), cache.base(cursor.frame), cursor.slot, key);
    found.push(Buffer.from(key.subarray(0, length)).toString("hex"));
    between();
  }
  return found;
}

function matching(model: Model, limits: Buffer): string[] {
  const matches = ([id, value]: [string, Buffer]): boolean =>
    Buffer.from(id, "hex").subarray(-4).compare(limits, 0, 4) <= 0 && value.subarray(2, 6).compare(limits, 4, 8) >= 0;
  return [...model]
    .filter(matches)
    .map(([id]) => id)
    .sort();
}

function compare(db: Database, model: Model, random: Random): void {
  expect(db.verify().problems).toEqual([]);
  const source = sourceOf(db);
  const entry = new Entry();
  for (const limits of [Buffer.from("ffffffff00000000", "hex"), Buffer.concat([u32(3e5), u32(6e5)])]) {
    const expected = matching(model, limits);
    expectSame(filter(source, limits, false), expected, "forward");
    expectSame(filter(source, limits, true), expected.toReversed(), "in reverse");
  }
  const ids = [...model.keys()].sort();
  for (let i = 0; i < 50; i++) {
    const key = random.chance() ? newKey(random) : Buffer.from(random.pick(ids), "hex");
    const expected = ids.findLast((id) => id <= key.toString("hex"));
    expect(floorEntry(source, padded(key), key.length, entry)).toBe(expected !== undefined);
    if (expected === undefined) continue;
    const { cache } = source.reader;
    const copy = new Uint8Array(4096);
    const length = copyKey(cache.views(entry.frame), cache.base(entry.frame), entry.slot, copy);
    expect(Buffer.from(copy.subarray(0, length)).toString("hex")).toBe(expected);
    expect(Buffer.from(copyValue(source.reader, entry, source.extents))).toEqual(model.get(expected));
  }
}

test("bounds survive the log, checkpoints, savepoints, backups and compaction", async () => {
  const storage = new SimulatedDisk();
  const random = new Random(4);
  const db = openOn(storage);
  let model: Model = new Map();
  for (let round = 0; round < 24; round++) {
    engineOf(db).runBlocking((tx) => {
      write(tx, model, random, 120);
      const before = new Map(model);
      const undo = new Error("undo");
      expect(() =>
        tx.nest((inner) => {
          write(inner, model, random, 30);
          throw undo;
        }),
      ).toThrow(undo);
      model = before;
      write(tx, model, random, 10);
    }, "durable");
    if (round % 5 === 4) await db.checkpoint();
    if (round % 4 !== 3) continue;
    compare(db, model, random);
    const killed = openOn(storage.fork());
    compare(killed, model, random);
    killed.closeSync();
  }
  expect(sourceOf(db).tree.depth).toBeGreaterThan(2);
  for (const compact of [false, true]) {
    await db.backup(`copy-${compact}`, { compact });
    const copy = open(`copy-${compact}`, { storage });
    compare(copy, model, random);
    engineOf(copy).runBlocking((tx) => write(tx, new Map(model), random, 50), "durable");
    expect(copy.verify().problems).toEqual([]);
    copy.closeSync();
  }
  engineOf(db).runBlocking((tx) => write(tx, model, new Random(1), 400), "durable");
  await db.compact();
  compare(db, model, random);
  db.closeSync();
  const again = openOn(storage);
  compare(again, model, random);
  again.closeSync();
});

test("a filter goes on when its pages are evicted between steps", () => {
  const storage = new SimulatedDisk();
  const random = new Random(8);
  const model: Model = new Map();
  const db = openOn(storage);
  for (let round = 0; round < 6; round++) engineOf(db).runBlocking((tx) => write(tx, model, random, 400), "buffered");
  db.transactionSync((tx) => {
    for (let i = 0; i < 3000; i++) tx.map<number>("others").put(i, "o".repeat(200));
  });
  db.closeSync();
  const small = openOn(storage, { cacheBytes: 0 });
  const others = small.map<number, string>("others");
  const limits = Buffer.concat([u32(5e5), u32(5e5)]);
  const { misses } = engineOf(small).state.store.cache;
  for (const reverse of [false, true]) {
    let steps = 0;
    const evict = (): void => {
      if (steps++ % 20 === 0) for (let i = 0; i < 3000; i += 16) others.get(i);
    };
    const expected = matching(model, limits);
    expect(expected.length).toBeGreaterThan(100);
    expectSame(filter(sourceOf(small), limits, reverse, evict), reverse ? expected.toReversed() : expected, "filtered");
  }
  expect(engineOf(small).state.store.cache.misses - misses).toBeGreaterThan(1000);
  small.closeSync();
});

test("a transaction that outgrows the cache filters what it writes", () => {
  const storage = new SimulatedDisk();
  const random = new Random(15);
  const model: Model = new Map();
  const db = openOn(storage, { cacheBytes: 0 });
  engineOf(db).runBlocking((tx) => {
    const limits = Buffer.concat([u32(5e5), u32(5e5)]);
    for (let round = 0; round < 5; round++) {
      write(tx, model, random, 400);
      const source = new ByteMapWriter(tx, NAME, FIELDS).source();
      expectSame(filter(source, limits, round % 2 === 1).sort(), matching(model, limits), "in the transaction");
    }
  }, "durable");
  compare(db, model, random);
  db.closeSync();
});

test("a map keeps the fields that it was made with, until it is dropped", () => {
  const storage = new SimulatedDisk();
  const db = openOn(storage);
  const engine = engineOf(db);
  const key = padded(Buffer.from("key of a map"));
  const run = (body: (tx: WriteTransaction) => void): void => {
    engine.runBlocking(body, "durable");
  };
  run((tx) => new ByteMapWriter(tx, NAME, FIELDS).put(key, 12, key, 12));
  run((tx) => {
    expect(() => new ByteMapWriter(tx, NAME, OTHER)).toThrow(invalid);
    expect(() => new ByteMapWriter(tx, NAME)).toThrow(invalid);
    expect(() => new ByteMapWriter(tx, "new", [{ ...OTHER[0], bytes: 17 }])).toThrow(invalid);
    const map = new ByteMapWriter(tx, NAME, FIELDS);
    expect(() => map.put(key, 3, key, 12)).toThrow(invalid);
    expect(() => map.put(key, 12, key, 5)).toThrow(invalid);
    expect(() => map.put(key, 12, new Uint8Array(2000), 2000)).toThrow(invalid);
    expect(() => map.put(new Uint8Array(700), 600, key, 12)).toThrow(
      expect.objectContaining({ code: "LLMDB_KEY_TOO_LONG" }),
    );
    expect(tx.broken).toBeNull();
    expect(map.delete(key, 11)).toBe(false);
  });
  expect(() => db.transactionSync((tx) => tx.map(NAME, { values: "bytes" }).put("k", key))).toThrow(invalid);
  run((tx) => {
    const map = new ByteMapWriter(tx, NAME, FIELDS);
    tx.drop(NAME);
    const other = new ByteMapWriter(tx, NAME, OTHER);
    other.put(key, 12, key, 0);
    expect(map.tree.bounds).toEqual(OTHER);
  });
  expect(engine.state.directory.get(NAME)?.bounds).toEqual(OTHER);
  run((tx) => {
    tx.drop(NAME);
    new TransactionMap(tx, NAME, undefined).put("", 1);
  });
  expect(engine.state.directory.get(NAME)?.bounds).toEqual([]);
  run((tx) => {
    expect(() => new ByteMapWriter(tx, NAME)).toThrow(invalid);
  });
  const killed = openOn(storage.fork());
  expect(killed.recovered.replayed).toBe(3);
  expect(killed.verify().problems).toEqual([]);
  expect(killed.map(NAME).get("")).toBe(1);
  killed.closeSync();
  db.closeSync();
});
