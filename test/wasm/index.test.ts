/**
 * Indexes that modules keep: entries and ranges against sorted arrays, through transactions of all kinds, attaching,
 * rebuilding and detaching; and modules that say what is malformed, or not always the same.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Database, Key, Range, Transaction } from "../../index.js";
import { effort } from "../effort.js";
import { expectClean, isInRange } from "../harness/index.js";
import { compareKeys } from "../key/order.js";
import { openFresh } from "../map/fresh.js";
import { answering, codeOf, exampleModule, keyBytes, moduleText, overRecords } from "./module-text.js";

const MAP = "records";
const INDEX = { on: "custom_index", name: "by-field", arg: Buffer.from("field") } as const;

type Field = string | number | boolean | null | undefined | (string | number)[];
interface Act {
  readonly kind: "put" | "delete" | "clear" | "nest" | "fail";
  readonly key: number;
  readonly field: Field;
  readonly inner: readonly Act[];
}

const single = fc.oneof(
  fc.constantFrom("", "a", "ab", "abc", "b", "a\0", 0, 1, -1, 1.5, 300, 2 ** 40, -(2 ** 50)),
  fc.nat(20),
  fc.string({ maxLength: 3 }),
);
const field: fc.Arbitrary<Field> = fc.oneof(
  { weight: 4, arbitrary: single },
  fc.constantFrom<Field>(true, false, null, undefined),
  fc.array(single, { maxLength: 4 }),
);
const plain = { key: fc.nat(25), field };
const { act } = fc.letrec<{ act: Act }>((tie) => ({
  act: fc.oneof(
    { maxDepth: 3 },
    {
      weight: 9,
      arbitrary: fc.record({
        kind: fc.constantFrom<Act["kind"][]>("put", "put", "put", "put", "put", "put", "delete", "delete", "clear"),
        ...plain,
        inner: fc.constant<Act[]>([]),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constantFrom<Act["kind"][]>("nest", "fail"),
        ...plain,
        inner: fc.array(tie("act"), { maxLength: 6 }),
      }),
    },
  ),
}));

type Model = Map<number, Field>;

function run(tx: Transaction, model: Model, acts: readonly Act[]): void {
  for (const { kind, key, field: value, inner } of acts) {
    const map = tx.map(MAP);
    if (kind === "put") {
      map.put(key, value === undefined ? { other: 1 } : { field: value, other: key });
      model.set(key, value);
    } else if (kind === "delete") {
      map.delete(key);
      model.delete(key);
    } else if (kind === "clear") {
      map.clear({ gte: key, lt: key + 5 });
      for (const of of [...model.keys()]) if (of >= key && of < key + 5) model.delete(of);
    } else {
      const before = [...model];
      const nested = () =>
        tx.transaction((below) => {
          run(below, model, inner);
          if (kind === "fail") throw new Error("taken back");
        });
      if (kind === "nest") nested();
      else expect(nested).toThrow("taken back");
      if (kind === "nest") continue;
      model.clear();
      for (const [of, old] of before) model.set(of, old);
    }
  }
}

function byKeys(a: readonly [Key, Key], b: readonly [Key, Key]): number {
  return compareKeys(a[0], b[0]) || compareKeys(a[1], b[1]);
}

/** The entries of the index, each once. */
function entriesOf(model: Model): [Key, Key][] {
  const entries = [...model].flatMap(([primary, value]): [Key, Key][] => {
    if (value === undefined) return [];
    return (Array.isArray(value) ? value : [value]).map((of): [Key, Key] => [of, primary]);
  });
  entries.sort(byKeys);
  return entries.filter((entry, i) => i === 0 || byKeys(entry, entries[i - 1]) !== 0);
}

async function opened(): Promise<Database> {
  const db = openFresh({ pageSize: 4096 });
  await db.modules.put(exampleModule("by-field-as"), { name: "by-field" });
  return db;
}

const transactions = fc.array(fc.record({ acts: fc.array(act, { maxLength: 15 }), fails: fc.nat(5) }), {
  maxLength: 8,
});

test("entries are those of the records after every transaction, and after building anew", async () => {
  await fc.assert(
    fc.asyncProperty(transactions, fc.nat(7), async (list, attachAt) => {
      await using db = await opened();
      const model: Model = new Map();
      for (const [i, { acts, fails }] of list.entries()) {
        if (i === attachAt) await db.modules.attach("by-field", MAP, INDEX);
        const before = [...model];
        const body = (tx: Transaction) => {
          run(tx, model, acts);
          if (fails === 0) throw new Error("rolled back");
        };
        if (fails > 0) db.transactionSync(body);
        else expect(() => db.transactionSync(body)).toThrow("rolled back");
        if (fails === 0) {
          model.clear();
          for (const [of, old] of before) model.set(of, old);
        }
        if (i >= attachAt) expect([...db.modules.index("by-field").range()]).toEqual(entriesOf(model));
      }
      if (list.length <= attachAt) await db.modules.attach("by-field", MAP, INDEX);
      const index = db.modules.index("by-field");
      expect([...index.range()]).toEqual(entriesOf(model));
      await index.rebuild();
      expect([...index.range()]).toEqual(entriesOf(model));
      expect(index.count()).toBe(entriesOf(model).length);
      expectClean(db);
    }),
    { numRuns: effort(25) },
  );
});

function expected(entries: readonly [Key, Key][], range: Range): [Key, Key][] {
  const { reverse = false, limit, offset = 0 } = range;
  const inside = entries.filter(([key]) => isInRange(key, range, compareKeys));
  if (reverse) inside.reverse();
  return inside.slice(offset, limit === undefined ? undefined : offset + limit);
}

test("ranges of index keys are those of a sorted array", async () => {
  await using db = await opened();
  const model: Model = new Map();
  const fields = fc.sample(field, { numRuns: effort(400), seed: 7 });
  db.transactionSync((tx) => {
    for (const [key, value] of fields.entries()) {
      tx.map(MAP).put(key, value === undefined ? {} : { field: value });
      model.set(key, value);
    }
  });
  await db.modules.attach("by-field", MAP, INDEX);
  const index = db.modules.index("by-field");
  const entries = entriesOf(model);
  expect([...index.range()]).toEqual(entries);
  const more = {
    reverse: fc.boolean(),
    limit: fc.nat(30),
    offset: fc.nat(30),
  };
  const beginning = fc.constantFrom<Key>("", "a", "ab", "z").map((prefix) => ({ prefix }));
  const optional = { requiredKeys: [] as [] };
  const range: fc.Arbitrary<Range> = fc.oneof(
    fc.record({ gte: single, lt: single, ...more }, optional),
    fc.record({ gt: single, lte: single, ...more }, optional),
    fc.record({ gt: beginning, lte: beginning, ...more }, optional),
    fc.record({ gte: beginning, lt: beginning, ...more }, optional),
    fc
      .record({ prefix: fc.constantFrom<Key>("", "a", "ab", "z") })
      .chain((prefix) => fc.record(more, optional).map((rest) => ({ ...prefix, ...rest }))),
  );
  fc.assert(
    fc.property(range, (of) => {
      expect([...index.range(of)]).toEqual(expected(entries, of));
      expect(index.count(of)).toBe(expected(entries, of).length);
    }),
    { numRuns: effort(500) },
  );
  for (const bad of [{ limit: -1 }, { offset: -1 }, { limit: 0.5 }]) {
    expect(await codeOf(() => index.range(bad)), JSON.stringify(bad)).toBe("LLMDB_INVALID_ARGUMENT");
  }
});

test("a range holds the state of the moment it was made", async () => {
  await using db = await opened();
  await db.modules.attach("by-field", MAP, INDEX);
  for (let i = 0; i < 100; i++) db.map(MAP).putSync(i, { field: i % 10 });
  const range = db.modules.index("by-field").range();
  expect(range.next().value).toEqual([0, 0]);
  db.map(MAP).clearSync();
  expect([...range]).toHaveLength(99);
  expect(db.modules.index("by-field").count()).toBe(0);
});

test("many records are indexed at once, and detaching takes the entries away", { timeout: 60_000 }, async () => {
  await using db = await opened();
  db.transactionSync((tx) => {
    for (let i = 0; i < 30_000; i++) tx.map(MAP).put(i, { field: i % 100, text: "x".repeat(i % 200) });
    for (let i = 0; i < 5; i++) tx.map(MAP).put(`large ${i}`, { field: -1, text: "y".repeat(500_000) });
  });
  await db.modules.attach("by-field", MAP, { ...INDEX, timeoutMs: 30_000, fuel: 1e10 });
  const index = db.modules.index("by-field");
  expect(index.count()).toBe(30_005);
  expect(index.count({ gte: 7, lte: 7 })).toBe(300);
  expect([...index.range({ lt: 0 })].map(([, key]) => key)).toEqual([0, 1, 2, 3, 4].map((i) => `large ${i}`));
  db.map(MAP).clearSync({ lt: 20_000 });
  expect(index.count()).toBe(10_005);
  await db.modules.attach("by-field", MAP, { ...INDEX, arg: Buffer.from("text"), timeoutMs: 30_000, fuel: 1e10 }).then(
    () => expect.unreachable(),
    (error: unknown) => expect(error).toMatchObject({ code: "LLMDB_WASM_TRAP" }),
  );
  expect(index.count()).toBe(10_005);
  await db.modules.detach("by-field", MAP, { on: "custom_index", name: "by-field" });
  expect(await codeOf(() => db.modules.index("by-field"))).toBe("LLMDB_NOT_FOUND");
  expect(await codeOf(() => index.rebuild())).toBe("LLMDB_NOT_FOUND");
  expect([...index.range()]).toEqual([]);
  db.map(MAP).putSync(1, { field: 1 });
  expect(index.count()).toBe(0);
  expectClean(db);
});

test("a hook and an index on one map: the index sees what hooks derive", async () => {
  await using db = await opened();
  await db.modules.put(exampleModule("template-tx-hook"), { name: "copies" });
  await db.modules.attach("copies", "source", { on: "tx_hook", writes: [MAP] });
  await db.modules.put(exampleModule("reject-negative-as"), { name: "reject" });
  await db.modules.attach("reject", MAP, { on: "tx_hook", arg: Buffer.from("amount") });
  await db.modules.attach("by-field", MAP, INDEX);
  db.map("source").putSync("a", { field: 1 });
  db.map(MAP).putSync("b", { field: 2 });
  const index = db.modules.index("by-field");
  expect([...index.range()]).toEqual([
    [1, "a"],
    [2, "b"],
  ]);
  expect(await codeOf(() => db.map(MAP).put("b", { field: 3, amount: -1 }))).toBe("LLMDB_WASM_ABORT");
  expect(index.count({ gte: 2 })).toBe(1);
  db.map("source").deleteSync("a");
  expect([...index.range()]).toEqual([[2, "b"]]);
  expectClean(db);
});

function indexKey(record: number, key: Uint8Array, bytes?: number, keyLength = key.length): Buffer {
  const entry = Buffer.alloc((16 + key.length + 7) & -8);
  entry.writeUInt32LE(bytes ?? entry.length, 0);
  entry.writeUInt32LE(record, 4);
  entry.writeUInt32LE(keyLength, 8);
  entry.set(key, 16);
  return entry;
}

test("malformed answers", async () => {
  const key = keyBytes(1);
  const wrong: Record<string, Buffer> = {
    "half a head": Buffer.alloc(8),
    "no length": indexKey(0, key, 0),
    "another length": indexKey(0, key, 40),
    "a key beyond the end": indexKey(0, key, 24, 1 << 20),
    "a key length that wraps": indexKey(0, key, 8, 0xfffffff8),
    "a record that there is not": indexKey(1, key),
    "the last record number": indexKey(0xffffffff, key),
    "no key": indexKey(0, Buffer.alloc(0)),
    "an unknown type": indexKey(0, Buffer.from([0xff])),
    "another encoding": indexKey(0, Buffer.from([0x13, 0, 2])),
  };
  for (const [what, bytes] of Object.entries(wrong)) {
    await using db = openFresh();
    const answer = Buffer.concat([indexKey(0, key), bytes]);
    const { hash } = await db.modules.put(moduleText({ custom_index: answering(answer) }));
    await db.modules.attach(hash, "m", { ...INDEX, name: "i" });
    expect(await codeOf(() => db.map("m").put("a", 1)), what).toBe("LLMDB_WASM_TRAP");
    await expect(db.map("m").put("a", 1)).rejects.toMatchObject({ details: { on: "custom_index", map: "m" } });
    expect(db.map("m").count()).toBe(0);
    expect(db.modules.index("i").count()).toBe(0);
    db.map("other").putSync(1, 1);
    expectClean(db);
  }
});

test("a module that is no function of its record is found out, or leaves what building anew mends", async () => {
  await using db = openFresh();
  // One key for each record: how many records the instance has seen.
  const text = moduleText(
    {
      custom_index: `
        (local.set $b (local.get $out))
        ${overRecords(`
          (global.set $seen (i32.add (global.get $seen) (i32.const 1)))
          (i32.store (local.get $b) (i32.const 24))
          (i32.store offset=4 (local.get $b) (local.get $c))
          (i32.store offset=8 (local.get $b) (i32.const 2))
          (i32.store offset=12 (local.get $b) (i32.const 0))
          (i64.store offset=16 (local.get $b) (i64.const 0x12))
          (i32.store8 offset=17 (local.get $b) (i32.shl (global.get $seen) (i32.const 1)))
          (local.set $b (i32.add (local.get $b) (i32.const 24)))
          (local.set $c (i32.add (local.get $c) (i32.const 1)))`)}
        (i32.sub (local.get $b) (local.get $out))`,
    },
    { more: "(global $seen (mut i32) (i32.const 0))" },
  );
  const { hash } = await db.modules.put(text);
  await db.modules.attach(hash, "m", { ...INDEX, name: "seen" });
  db.transactionSync((tx) => {
    for (let i = 0; i < 5; i++) tx.map("m").put(i, i);
  });
  const index = db.modules.index("seen");
  expect([...index.range()]).toEqual([0, 1, 2, 3, 4].map((i) => [i + 1, i]));
  // It now says 1 of the record of which it said 4.
  expect(await codeOf(() => db.map("m").delete(3))).toBe("LLMDB_WASM_TRAP");
  await expect(db.map("m").put(3, 7)).rejects.toThrow("out of step");
  expect(db.map("m").get(3)).toBe(3);
  expect(index.count()).toBe(5);
  db.map("m").deleteSync(0);
  expect([...index.range()]).toEqual([1, 2, 3, 4].map((i) => [i + 1, i]));
  await index.rebuild();
  expect([...index.range()]).toEqual([1, 2, 3, 4].map((i) => [i, i]));
  await db.modules.detach(hash, "m", { on: "custom_index", name: "seen" });
  db.map("m").clearSync();
  expectClean(db);
});

test("a batch answers for its own records only", { timeout: 60_000 }, async () => {
  await using db = openFresh();
  // Of the first record of the first batch it says nothing, but something of a record far behind it.
  const { hash } = await db.modules.put(moduleText({ custom_index: answering(indexKey(9000, keyBytes(1))) }));
  db.transactionSync((tx) => {
    for (let i = 0; i < 10_000; i++) tx.map("m").put(i, "x".repeat(900));
  });
  expect(await codeOf(() => db.modules.attach(hash, "m", { ...INDEX, name: "i" }))).toBe("LLMDB_WASM_TRAP");
  const { hash: other } = await db.modules.put(exampleModule("by-field-as"));
  await db.modules.attach(other, "n", { ...INDEX, name: "n", timeoutMs: 30_000, fuel: 1e10 });
  db.transactionSync((tx) => {
    for (let i = 0; i < 10_000; i++) tx.map("n").put(i, { field: i, text: "x".repeat(900) });
  });
  expect(db.modules.index("n").count()).toBe(10_000);
});
