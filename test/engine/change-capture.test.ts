/**
 * What a transaction changes, as a watcher sees it before the commit: compared with the difference of two models,
 * through savepoints, clears, drops and writes of the watcher itself.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { ByteMapWriter } from "../../engine/byte-map.js";
import type { Change, ChangeCapture } from "../../engine/change-capture.js";
import type { Engine } from "../../engine/engine.js";
import { encodeKey, KeyBuffer } from "../../engine/key.js";
import { StoredWriter } from "../../engine/stored-writer.js";
import { TransactionMap } from "../../engine/transaction-map.js";
import type { ValueFormat } from "../../engine/value.js";
import type { WriteTransaction } from "../../engine/write-transaction.js";
import { type Database, type OpenOptions, open } from "../../index.js";
import { memoryStorage } from "../../pager/memory-storage.js";
import { effort } from "../effort.js";
import { engineOf } from "../engine-of.js";
import { openFresh } from "../map/fresh.js";

const KEYS = 40;
const SIZES = [0, 3, 40, 700, 3000, 20_000];
const NAMES = ["a", "b", "unwatched", "_meta/bytes"];
const FORMATS: ValueFormat[] = ["bytes", "string"];

interface ModelMap {
  format: ValueFormat | null;
  entries: Map<string, Buffer>;
}
type Model = Map<string, ModelMap>;

interface Act {
  readonly kind: "put" | "delete" | "clear" | "drop" | "nest" | "fail";
  readonly map: number;
  readonly from: number;
  readonly to: number;
  readonly size: number;
  readonly letter: number;
  readonly inner: readonly Act[];
}

const plain = {
  map: fc.nat(NAMES.length - 1),
  from: fc.nat(KEYS - 1),
  to: fc.nat(KEYS - 1),
  size: fc.nat(SIZES.length - 1),
  letter: fc.nat(2),
};
const { act } = fc.letrec<{ act: Act }>((tie) => ({
  act: fc.oneof(
    { maxDepth: 3 },
    {
      weight: 8,
      arbitrary: fc.record({
        kind: fc.constantFrom<Act["kind"][]>("put", "put", "put", "delete", "delete", "clear", "drop"),
        ...plain,
        inner: fc.constant<Act[]>([]),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constantFrom<Act["kind"][]>("nest", "fail"),
        ...plain,
        inner: fc.array(tie("act"), { maxLength: 6 }),
      }),
    },
  ),
}));

function keyOf(number: number): KeyBuffer {
  const buffer = new KeyBuffer();
  encodeKey(number % 3 === 0 ? `key/${number}` : ["t", number], buffer, 500);
  return buffer;
}

function hex(number: number): string {
  const { bytes, length } = keyOf(number);
  return Buffer.from(bytes.subarray(0, length)).toString("hex");
}

function newModel(): Model {
  return new Map(NAMES.map((name) => [name, { format: null, entries: new Map() }]));
}

function copyOf(model: Model): Model {
  return new Map([...model].map(([name, { format, entries }]) => [name, { format, entries: new Map(entries) }]));
}

function restore(model: Model, from: Model): void {
  for (const [name, map] of copyOf(from)) model.set(name, map);
}

function mapOf(model: Model, name: string): ModelMap {
  return model.get(name) ?? { format: null, entries: new Map() };
}

/** How a map differs, by the bytes of its keys. */
function difference(before: ModelMap, after: ModelMap): [string, string | null, string | null][] {
  const keys = [...new Set([...before.entries.keys(), ...after.entries.keys()])].sort();
  return keys.flatMap((key): [string, string | null, string | null][] => {
    const old = before.entries.get(key)?.toString() ?? null;
    const value = after.entries.get(key)?.toString() ?? null;
    return old === value && before.format === after.format ? [] : [[key, old, value]];
  });
}

function shown(changes: readonly Change[]): [string, string | null, string | null][] {
  return changes.map(({ key, old, value }) => [
    Buffer.from(key).toString("hex"),
    old && Buffer.from(old).toString(),
    value && Buffer.from(value).toString(),
  ]);
}

function run(tx: WriteTransaction, model: Model, acts: readonly Act[]): void {
  for (const act of acts) perform(tx, model, act);
}

function perform(tx: WriteTransaction, model: Model, act: Act): void {
  const name = NAMES[act.map];
  const map = mapOf(model, name);
  const { bytes, length } = keyOf(act.from);
  const isInternal = name.startsWith("_meta/");
  const stored = new StoredWriter(tx, true);
  if (act.kind === "put") {
    const format = map.format ?? (isInternal ? "bytes" : FORMATS[act.letter % 2]);
    const value = Buffer.alloc(SIZES[act.size], "xyz"[act.letter]);
    if (isInternal) new ByteMapWriter(tx, name).put(bytes, length, value, value.length);
    else if (format === "bytes" && act.size % 2 === 0) {
      new TransactionMap(tx, name, { values: "bytes" }).put(
        act.from % 3 === 0 ? `key/${act.from}` : ["t", act.from],
        value,
      );
    } else stored.put(name, bytes, length, Uint8Array.from(value), format);
    map.format = format;
    map.entries.set(hex(act.from), value);
  } else if (act.kind === "delete") {
    if (isInternal) new ByteMapWriter(tx, name).delete(bytes, length);
    else expect(stored.delete(name, bytes, length)).toBe(map.entries.has(hex(act.from)));
    map.entries.delete(hex(act.from));
  } else if (act.kind === "clear") {
    const [lower, upper] = [hex(act.from), hex(act.to)].sort();
    const low = Buffer.from(`${lower}${"00".repeat(8)}`, "hex");
    const high = Buffer.from(`${upper}${"00".repeat(8)}`, "hex");
    const bounds = { lower: low, lowerLength: lower.length / 2, upper: high, upperLength: upper.length / 2 };
    if (isInternal) new ByteMapWriter(tx, name).clear(bounds);
    else new TransactionMap(tx, name, undefined).clear(act.letter === 0 ? undefined : { prefix: ["t"] });
    for (const key of [...map.entries.keys()]) {
      const isTuple = key.startsWith("22");
      const goes = isInternal ? key >= lower && key < upper : act.letter === 0 || isTuple;
      if (goes) map.entries.delete(key);
    }
  } else if (act.kind === "drop") {
    expect(tx.drop(name)).toBe(map.format !== null);
    model.set(name, { format: null, entries: new Map() });
  } else nest(tx, model, act);
  for (const number of [act.from, act.to]) {
    const key = keyOf(number);
    const found = stored.read(name, key.bytes, key.length);
    expect(found && Buffer.from(found).toString()).toBe(mapOf(model, name).entries.get(hex(number))?.toString());
  }
}

function nest(tx: WriteTransaction, model: Model, act: Act): void {
  const saved = copyOf(model);
  try {
    tx.nest(() => {
      run(tx, model, act.inner);
      if (act.kind === "fail") throw new Error("taken back");
    });
  } catch (error) {
    if (!(error instanceof Error) || error.message !== "taken back") throw error;
    restore(model, saved);
  }
}

function stateOf(engine: Engine): Model {
  const model = newModel();
  engine.runBlocking((tx) => {
    const stored = new StoredWriter(tx, true);
    for (const name of NAMES) {
      const map = mapOf(model, name);
      map.format = tx.map(name).format;
      for (let number = 0; number < KEYS; number++) {
        const { bytes, length } = keyOf(number);
        const value = stored.read(name, bytes, length);
        if (value !== undefined) map.entries.set(hex(number), Buffer.from(value));
      }
    }
  }, "buffered");
  return model;
}

const settings: OpenOptions[] = [
  { pageSize: 4096, cacheBytes: 0 },
  { pageSize: 4096, cacheBytes: 0, durability: "buffered" },
  {},
];

interface Commit {
  readonly acts: readonly Act[];
  readonly derived: readonly Act[];
  readonly ends: "commit" | "throw" | "abort";
}

const commit: fc.Arbitrary<Commit> = fc.record({
  acts: fc.array(act, { maxLength: 14, size: "max" }),
  derived: fc.array(act, { maxLength: 4 }),
  ends: fc.constantFrom("commit", "commit", "commit", "throw", "abort"),
});

/** One transaction and what its watcher sees of it, beside a model. */
function commitOne(engine: Engine, model: Model, { acts, derived, ends }: Commit): void {
  const now = copyOf(model);
  let asked = 0;
  const compare = (capture: ChangeCapture): void => {
    for (const name of NAMES) {
      const expected = name === "unwatched" ? [] : difference(mapOf(model, name), mapOf(now, name));
      expect(shown(capture.changes(name))).toEqual(expected);
      if (expected.length > 0) expect(capture.touched()).toContain(name);
    }
  };
  engine.watcher = {
    watches: (name) => name !== "unwatched",
    beforeCommit: (writer, capture) => {
      asked++;
      compare(capture);
      run(writer, now, derived);
      compare(capture);
      if (ends === "throw") throw new Error("refused");
    },
  };
  const body = (tx: WriteTransaction): void => {
    run(tx, now, acts);
    if (ends === "abort") throw new Error("aborted");
  };
  const hasChanges = (): boolean =>
    NAMES.some((name) => name !== "unwatched" && difference(mapOf(model, name), mapOf(now, name)).length > 0);
  if (ends === "abort") expect(() => engine.runBlocking(body, "buffered")).toThrow("aborted");
  else {
    let failure: unknown;
    try {
      engine.runBlocking(body, "buffered");
    } catch (error) {
      failure = error;
    }
    expect(failure instanceof Error ? failure.message : undefined).toBe(
      ends === "throw" && asked > 0 ? "refused" : undefined,
    );
    if (failure === undefined && hasChanges()) expect(asked).toBe(1);
    if (failure === undefined) restore(model, now);
  }
  expect(asked).toBeLessThanOrEqual(1);
  engine.watcher = null;
  expect(stateOf(engine)).toEqual(model);
}

test("a watcher sees the net changes, whatever the transaction does", () => {
  const property = fc.property(fc.array(commit, { maxLength: 5 }), fc.constantFrom(...settings), (commits, options) => {
    const db = openFresh(options);
    const model = newModel();
    for (const one of commits) commitOne(engineOf(db), model, one);
    expect(db.verify().problems).toEqual([]);
    db.closeSync();
  });
  fc.assert(property, { numRuns: effort(15) });
}, 120_000);

/** Notes what it was asked with. */
function watch(db: Database, then: (writer: WriteTransaction, capture: ChangeCapture) => void = () => {}): Change[][] {
  const seen: Change[][] = [];
  engineOf(db).watcher = {
    watches: (map) => map === "m",
    beforeCommit: (writer, capture) => {
      seen.push(capture.changes("m"));
      then(writer, capture);
    },
  };
  return seen;
}

test("nobody is asked where nothing that is watched was touched", () => {
  const db = openFresh();
  db.map("m").putSync(1, "one");
  const seen = watch(db);
  db.map("other").putSync(1, 1);
  db.map("m").deleteSync(7);
  db.map("m").clearSync({ gt: 1 });
  db.transactionSync((tx) => tx.map("m").get(1));
  expect(seen).toEqual([]);
  db.transactionSync((tx) => {
    tx.map("m").put(2, 2);
    tx.map("m").delete(2);
  });
  expect(seen).toEqual([[]]);
});

test("a large clear notes its bounds, and gives every entry when it is asked", () => {
  const db = openFresh();
  db.transactionSync((tx) => {
    const map = tx.map("m", { values: "bytes" });
    for (let i = 0; i < 20_000; i++) map.put(i, new Uint8Array(10).fill(i));
  });
  const seen = watch(db);
  db.transactionSync((tx) => {
    tx.map("m").clear({ gte: 100, lt: 19_900 });
    for (let i = 150; i < 200; i++) tx.map("m").put(i, new Uint8Array(10).fill(i));
  });
  expect(seen.map((changes) => changes.length)).toEqual([19_800 - 50]);
  expect(seen[0].every(({ old, value }) => old?.length === 10 && value === null)).toBe(true);
});

test("what the watcher throws rolls everything back, and the next transaction goes on", async () => {
  const db = openFresh();
  db.map("m").putSync("a", 1);
  const { tx } = db.map("m").putSync("a", 2);
  watch(db, (writer) => {
    writer.nest(() => new TransactionMap(writer, "derived", undefined).put("x", 1));
    throw new TypeError("mine");
  });
  expect(() => db.map("m").putSync("a", 3)).toThrow(TypeError);
  await expect(db.map("m").delete("a")).rejects.toThrow("mine");
  expect([db.map("m").get("a"), db.map("derived").get("x"), db.mapNames()]).toEqual([2, undefined, ["m"]]);
  engineOf(db).watcher = null;
  expect(db.map("m").putSync("a", 4).tx).toBe(tx + 1);
  expect(db.verify().problems).toEqual([]);
});

test("a half made change that a watcher keeps to itself still ends the transaction", () => {
  const db = openFresh();
  watch(db, (writer) => {
    writer.broken = new Error("half made");
  });
  expect(() => db.map("m").putSync("a", 3)).toThrow("half made");
  expect(db.map("m").count()).toBe(0);
});

test("the watcher writes with the transaction, is asked once, and not when the log is done again", () => {
  const storage = memoryStorage();
  const db = open("watched", { storage });
  const seen = watch(db, (writer, capture) => {
    new TransactionMap(writer, "m", undefined).put("count", capture.changes("m").length);
    expect(capture.changes("m")).toHaveLength(2);
    expect(() => db.map("m").putSync(1, 1)).toThrow("a write transaction is running");
  });
  db.map("m").putSync("a", 1);
  expect([seen.length, db.map("m").get("count")]).toEqual([1, 1]);
  db.closeSync();
  const again = open("watched", { storage });
  expect([...again.map("m").range()]).toEqual([
    ["a", 1],
    ["count", 1],
  ]);
});

test("the bitemporal store is seen in its maps", () => {
  const db = openFresh();
  const names: string[][] = [];
  engineOf(db).watcher = {
    watches: (map) => map.startsWith("_meta/"),
    beforeCommit: (_writer, capture) => {
      names.push(capture.touched());
      for (const name of capture.touched()) expect(capture.changes(name).length).toBeGreaterThan(0);
    },
  };
  db.transactionSync((tx) => tx.put("ada", 1, { validFrom: "2020-01-01" }));
  db.transactionSync((tx) => tx.put("ada", 2, { validFrom: "2021-01-01" }));
  expect(names).toEqual([
    ["_meta/head", "_meta/transactions"],
    ["_meta/head", "_meta/history", "_meta/live", "_meta/transactions"],
  ]);
  expect(db.verify().problems).toEqual([]);
});
