/**
 * The example modules, as they are built: each against the same in TypeScript, on pages of real files and on changes
 * and records at random; and that their sources give these bytes, where the compilers are installed.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeKey, encodeKey, type Key, KeyBuffer } from "../../engine/key.js";
import { encodeMsgpack } from "../../engine/msgpack-writer.js";
import type { Database } from "../../index.js";
import { effort } from "../effort.js";
import { root } from "../sources.js";
import { countIn, cutLeaf, headsIn, type Leaves, leavesOf } from "./leaf-pages.js";
import * as host from "./module-host.js";
import { ModuleHost, Refused } from "./module-host.js";

const folder = join(root, "examples", "modules");
const none = new Uint8Array();

function moduleOf(name: string): Uint8Array {
  return readFileSync(join(folder, "build", `${name}.wasm`));
}

function keyBytes(key: Key): Buffer {
  const into = new KeyBuffer();
  encodeKey(key, into, 4000);
  return Buffer.from(into.bytes.subarray(0, into.length));
}

function valueBytes(value: unknown): Buffer {
  return Buffer.from(encodeMsgpack(value));
}

const NAMES = ["ab", "abc", "b", "a fairly long name that all of these share, ", "z\0"];

/** Short and long keys with and without a prefix, values of all kinds, some of them large. */
function fillMixed(db: Database): void {
  db.transactionSync((tx) => {
    const map = tx.map<Key>("m");
    for (let i = 0; i < 1500; i++) {
      const amount = [i, -i, i / 3, i * 1e9, -i * 1e12, `${i}`, null][i % 7];
      const around = { id: i, list: [[1, { amount: 1 }], "x".repeat(i % 300)], "amount ": 5, more: new Uint8Array(9) };
      const value = i % 100 === 7 ? "y".repeat(3000) : i % 50 === 0 ? i : { ...around, amount, after: -1e300 };
      map.put(`${NAMES[i % NAMES.length]}${i}`, value);
    }
  });
}

const mixed = await leavesOf(fillMixed);
const uniform = await leavesOf((db) => {
  // The measured shape: keys of 32 bytes.
  db.transactionSync((tx) => {
    const map = tx.map<string, string>("m", { values: "string" });
    for (let i = 0; i < 2000; i++) map.put(`${String(i * 7919).padStart(9, "0")}${"k".repeat(22)}`, "v");
  });
});
const huge = await leavesOf(fillMixed, 65536);

/** All pages, and the first and last of them cut as ranges cut them. */
function pagesOf({ pages }: Leaves): Buffer[][] {
  const middle = pages.slice(0, 3);
  return [[...pages], middle, [cutLeaf(pages[0], 1, countIn(pages[0])), cutLeaf(pages[1], 0, 3)], []];
}

function callOf(pages: readonly Buffer[], arg: Uint8Array = none): host.Call {
  return { count: pages.length, data: Buffer.concat(pages), pageSize: pages[0]?.length ?? 4096, arg };
}

describe.each([mixed, uniform, huge])("pages of real files", (leaves) => {
  test("count-keys", () => {
    for (const pages of pagesOf(leaves)) {
      const output = Buffer.from(new ModuleHost(moduleOf("count-keys")).call("map_pages", callOf(pages)));
      expect(pages.map((_, i) => output.readUInt32LE(4 * i))).toEqual(pages.map(countIn));
      expect(output.length).toBe(4 * pages.length);
    }
  });

  test("first-keys", () => {
    for (const pages of pagesOf(leaves)) {
      const output = Buffer.from(new ModuleHost(moduleOf("first-keys")).call("map_pages", callOf(pages)));
      const expected = pages.flatMap((page) => [countIn(page), headsIn(page).reduce((a, b) => a ^ b, 0) >>> 0]);
      expect(expected.map((_, i) => output.readUInt32LE(4 * i))).toEqual(expected);
      expect(output.length).toBe(8 * pages.length);
    }
  });

  test.each(["count-records", "count-records-simd"])("%s", (name) => {
    for (const pages of pagesOf(leaves)) {
      const heads = pages.flatMap(headsIn);
      const expected = [BigInt(heads.length), BigInt(heads.reduce((a, b) => a + b, 0))];
      expect(reduceIn(name, pages, none, 16).map((part) => wordsOf(part, 2))).toEqual(Array(3).fill(expected));
    }
  });

  test.each(["filter-prefix", "filter-prefix-as"])("%s", (name) => {
    for (const prefix of ["", "ab", "abc1", "a fairly long name that all of these share, 1", "zz"]) {
      const arg = prefix === "" ? none : keyBytes(prefix);
      const started = leaves.entries.filter(([key]) => key.subarray(0, arg.length).equals(arg));
      const output = new ModuleHost(moduleOf(name)).call("map_pages", callOf(leaves.pages, arg));
      const limit = (leaves.pageSize - 32) / 4 - 24;
      expect(entriesIn(output)).toEqual(started.map(([key, value]) => [key, value.length > limit ? null : value]));
    }
  });

  test.each(["template-map-pages", "template-map-pages-as"])("%s", (name) => {
    expect(new ModuleHost(moduleOf(name)).call("map_pages", callOf(leaves.pages))).toEqual(none);
  });

  test.each(["template-reduce-pages", "template-reduce-pages-as"])("%s", (name) => {
    for (const pages of pagesOf(leaves)) {
      const expected = [BigInt(pages.reduce((sum, page) => sum + countIn(page), 0))];
      expect(reduceIn(name, pages, none, 8).map((part) => wordsOf(part, 1))).toEqual(Array(3).fill(expected));
    }
  });
});

test.each(["sum-field", "sum-field-as"])("%s", (name) => {
  for (const field of ["amount", "id", "after", "list", "no such"]) {
    for (const [index, pages] of pagesOf(mixed).entries()) {
      const [whole, ...parts] = reduceIn(name, pages, Buffer.from(field), 40).map(sumIn);
      if (index === 0) expect(whole).toEqual(sumOf(mixed, field));
      if (pages.length === 0) expect(whole).toEqual([0n, 0, Infinity, -Infinity, 0n]);
      for (const part of parts) {
        expect([part[0], ...part.slice(2)]).toEqual([whole[0], ...whole.slice(2)]);
        expect(Math.abs(part[1] - whole[1])).toBeLessThanOrEqual(Math.abs(whole[1]) * 1e-12);
      }
    }
  }
});

/** Number, sum, least, greatest and unread of a field, in the order of the pages. */
function sumOf({ entries }: Leaves, field: string): [bigint, number, number, number, bigint] {
  const numbers: number[] = [];
  let unread = 0n;
  for (const [key, value] of entries) {
    if (value.length > 992) unread++;
    const i = Number(/\d+$/.exec(key.toString("latin1"))?.[0]);
    if (value.length > 992 || i % 50 === 0) continue;
    const amount = [i, -i, i / 3, i * 1e9, -i * 1e12, "", null][i % 7];
    const known = { amount, id: i, after: -1e300 }[field];
    if (typeof known === "number") numbers.push(known);
  }
  const sum = numbers.reduce((a, b) => a + b, 0);
  return [BigInt(numbers.length), sum, Math.min(...numbers), Math.max(...numbers), unread];
}

function sumIn(accumulator: Buffer): [bigint, number, number, number, bigint] {
  const [count, unread] = [accumulator.readBigUInt64LE(0), accumulator.readBigUInt64LE(32)];
  return [count, accumulator.readDoubleLE(8), accumulator.readDoubleLE(16), accumulator.readDoubleLE(24), unread];
}

/** The accumulator of one call for all pages, of one call for each, and of two halves that are merged. */
function reduceIn(name: string, pages: readonly Buffer[], arg: Uint8Array, bytes: number): Buffer[] {
  const module = new ModuleHost(moduleOf(name), 4);
  const reduce = (some: readonly Buffer[], accumulator: Uint8Array): Uint8Array =>
    module.call("reduce_pages", { ...callOf(some, arg), accumulator });
  const whole = reduce(pages, none);
  const one = pages.reduce<Uint8Array>((sum, page) => reduce([page], sum), none);
  const half = pages.length >> 1;
  const left = half === 0 ? none : reduce(pages.slice(0, half), none);
  const right = pages.length === 0 ? none : reduce(pages.slice(half), none);
  const merged = module.call("reduce_merge", { count: 2, data: host.mergeData(left, right) });
  expect(merged.length).toBe(bytes);
  return [whole, one.length === 0 ? whole : one, merged].map((part) => Buffer.from(part));
}

function wordsOf(bytes: Buffer, count: number): bigint[] {
  return Array.from({ length: count }, (_, i) => bytes.readBigUInt64LE(8 * i));
}

function entriesIn(output: Uint8Array): [Buffer, Buffer | null][] {
  const bytes = Buffer.from(output);
  const entries: [Buffer, Buffer | null][] = [];
  for (let at = 0; at < bytes.length; ) {
    const [keyLength, valueLength] = [bytes.readUInt32LE(at), bytes.readUInt32LE(at + 4)];
    const value = at + 8 + keyLength;
    const end = value + (valueLength === 0xffffffff ? 0 : valueLength);
    entries.push([bytes.subarray(at + 8, value), valueLength === 0xffffffff ? null : bytes.subarray(value, end)]);
    at = end;
  }
  return entries;
}

const atom = fc.oneof(
  fc.constantFrom("", "a", "a\0\u0001", "é", 0, 1, -1, 1.5, -1.5, 300, 2 ** 53, 2n ** 70n, -(2n ** 200n), true, null),
  fc.string(),
  fc.double({ noNaN: true }),
  fc.bigInt(),
  fc.uint8Array({ maxLength: 9 }),
);
const end: fc.Arbitrary<Key> = fc.oneof({ weight: 5, arbitrary: atom }, fc.array(fc.oneof(atom, fc.array(atom))));

/** A graph whose hook runs in each transaction: what it derives is kept in two maps, which the hook reads. */
class Graph {
  readonly edges = new Map<string, { key: [Key, Key]; value: Buffer }>();
  readonly maps = [new Map<string, Buffer>(), new Map<string, Buffer>(), new Map<string, Buffer>()];
  grown = 0;

  /** @param batch so many changes come with a call */
  commit(writes: readonly (readonly [Key, Key, number | null])[], batch = Infinity): void {
    const changes = new Map<string, host.ChangeOf>();
    for (const [from, to, weight] of writes) {
      const key = keyBytes([from, to]);
      const id = key.toString("hex");
      const old = this.edges.get(id)?.value;
      const added = weight === null ? undefined : valueBytes(weight);
      if (old === undefined && added === undefined) changes.delete(id);
      else changes.set(id, { op: added ? (old ? "replace" : "insert") : "delete", key, old, new: added });
    }
    for (const [from, to, weight] of writes) {
      const id = keyBytes([from, to]).toString("hex");
      if (weight === null) this.edges.delete(id);
      else this.edges.set(id, { key: [from, to], value: valueBytes(weight) });
    }
    const ordered = [...changes.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, change]) => change);
    const module = new ModuleHost(moduleOf("reverse-edges-as"), 64, (map, key) => {
      return this.maps[map].get(Buffer.from(key).toString("hex"));
    });
    while (ordered.length > 0) {
      const some = ordered.splice(0, batch);
      const call = { count: some.length, data: host.changeRecords(some) };
      // A later call reads what an earlier one derived.
      for (const { op, map, key, value } of host.readDerived(module.call("tx_hook", call))) {
        if (op === "put") this.maps[map].set(key.toString("hex"), Buffer.from(value));
        else this.maps[map].delete(key.toString("hex"));
      }
    }
    this.grown += module.grown;
  }

  expectDerived(): void {
    const [reverse, degree] = [new Map<string, Buffer>(), new Map<string, number>()];
    for (const { key, value } of this.edges.values()) {
      reverse.set(keyBytes([key[1], key[0]]).toString("hex"), value);
      const to = keyBytes(key[1]).toString("hex");
      degree.set(to, (degree.get(to) ?? 0) + 1);
    }
    expect(new Map(this.maps[1])).toEqual(reverse);
    expect(new Map(this.maps[2])).toEqual(new Map([...degree].map(([to, count]) => [to, valueBytes(count)])));
  }
}

describe("reverse-edges", () => {
  test("the derived maps are those of the edges, whatever is written", () => {
    const write = fc.tuple(end, end, fc.option(fc.nat(300)));
    const ends = fc.constantFrom<Key>("a", "b", 1, ["c", 2]);
    const again = fc.tuple(ends, ends, fc.option(fc.nat(300)));
    const transactions = fc.array(fc.array(fc.oneof(write, again), { maxLength: 30 }), { maxLength: 6 });
    fc.assert(
      fc.property(transactions, fc.integer({ min: 1, max: 20 }), (list, batch) => {
        const graph = new Graph();
        for (const writes of list) graph.commit(writes, batch);
        graph.expectDerived();
      }),
      { numRuns: effort(25) },
    );
  });

  test("counts take the bytes they need", () => {
    const graph = new Graph();
    for (const count of [127, 128, 255, 256, 70_000]) {
      const before = graph.edges.size;
      const edges = Array.from({ length: count - before }, (_, i) => [before + i, "hub", 1] as const);
      graph.commit(edges, 10_000);
      graph.expectDerived();
    }
    expect(graph.grown).toBeGreaterThan(0);
  });

  test("a key that is no edge is refused", () => {
    for (const key of [["a"], ["a", "b", "c"], "ab", [], 1] as Key[]) {
      const data = host.changeRecords([{ op: "insert", key: keyBytes(key), new: none }]);
      const module = new ModuleHost(moduleOf("reverse-edges-as"));
      expect(() => module.call("tx_hook", { count: 1, data })).toThrow("the key of an edge is not [from, to]");
    }
  });
});

test("reject-negative", () => {
  const module = new ModuleHost(moduleOf("reject-negative-as"), 4);
  const arg = Buffer.from("amount");
  const run = (values: readonly unknown[]): Uint8Array => {
    const changes = values.map((value, i): host.ChangeOf => {
      if (value === undefined) return { op: "delete", key: keyBytes(i), old: valueBytes({ amount: -5 }) };
      return { op: "replace", key: keyBytes(i), old: valueBytes({ amount: -5 }), new: valueBytes(value) };
    });
    return module.call("tx_hook", { count: changes.length, data: host.changeRecords(changes), arg });
  };
  expect(run([{ amount: 0 }, { amount: 7.5 }, undefined, { other: -1 }, -1, "x", { amount: "-1" }])).toEqual(none);
  for (const amount of [-1, -0.5, -200, -40_000, -(2 ** 40), -Infinity]) {
    expect(() => run([{ amount: 1 }, { id: 7, amount }])).toThrow(new Refused("a number below 0"));
  }
});

test("by-field gives the keys that the database would", () => {
  const field = fc.oneof(atom, fc.float(), fc.array(atom), fc.constantFrom<unknown>({ a: 1 }, [[1]], new Date(5)));
  const record = fc.oneof(
    fc.dictionary(fc.string(), fc.jsonValue()).map((object) => object as unknown),
    fc.tuple(fc.dictionary(fc.string(), atom), field).map(([rest, a]) => ({ ...rest, amount: a, z: 1 })),
    fc.jsonValue().map((value) => value as unknown),
  );
  const module = new ModuleHost(moduleOf("by-field-as"));
  fc.assert(
    fc.property(fc.array(record), (records) => {
      const data = host.indexRecords(records.map((value, i) => [keyBytes(i), valueBytes(value)]));
      const call = { count: records.length, data, arg: Buffer.from("amount") };
      expect(host.readIndexKeys(module.call("custom_index", call))).toEqual(
        records.flatMap((value, i) => indexedOf(value).map((key) => [i, keyBytes(key)])),
      );
    }),
    { numRuns: effort(50) },
  );
});

/** The keys of a record by its field `amount`. */
function indexedOf(value: unknown): Key[] {
  if (typeof value !== "object" || value === null || Array.isArray(value) || !("amount" in value)) return [];
  const { amount } = value;
  return (Array.isArray(amount) ? amount : [amount]).filter(
    (each): each is Key =>
      each === null ||
      each instanceof Uint8Array ||
      ["boolean", "string"].includes(typeof each) ||
      (typeof each === "number" && !Number.isNaN(each)),
  );
}

test.each(["template-tx-hook", "template-tx-hook-as"])("%s", (name) => {
  const module = new ModuleHost(moduleOf(name), 4);
  const changes: host.ChangeOf[] = [
    { op: "insert", key: keyBytes("a"), new: Buffer.from("new") },
    { op: "replace", key: keyBytes("b"), old: Buffer.from("old"), new: Buffer.from("changed") },
    { op: "delete", key: keyBytes("c"), old: Buffer.from("gone") },
  ];
  const derived = host.readDerived(module.call("tx_hook", { count: 3, data: host.changeRecords(changes) }));
  expect(derived.map(({ op, map, key, value }) => [op, map, decodeKey(key, 0, key.length), `${value}`])).toEqual([
    ["put", 1, "a", "new"],
    ["put", 1, "b", "changed"],
    ["delete", 1, "c", ""],
  ]);
  const data = host.changeRecords([{ op: "insert", key: keyBytes("a"), new: none }]);
  expect(() => module.call("tx_hook", { count: 1, data })).toThrow(new Refused("an empty value"));
});

test.each(["template-custom-index", "template-custom-index-as"])("%s", (name) => {
  const values = [Buffer.from("one"), none, Buffer.alloc(300, 1)];
  const data = host.indexRecords(values.map((value, i) => [keyBytes(i), value]));
  const keys = host.readIndexKeys(new ModuleHost(moduleOf(name)).call("custom_index", { count: 3, data }));
  expect(keys).toEqual(values.map((value, i) => [i, keyBytes(value)]));
});

test("a module imports what its calls need, and nothing else", () => {
  const names = readdirSync(join(folder, "build"));
  const imports = names.flatMap((name) =>
    host.importsOf(readFileSync(join(folder, "build", name))).map((each) => `${name} ${each}`),
  );
  expect(imports).toEqual(["reverse-edges-as.wasm llmdb.get_from"]);
});

test("the committed modules were built from the sources as they are: else npm run modules", async () => {
  const { builtFrom, hashOf, LIST } = await import(new URL("../../scripts/build-modules.mjs", import.meta.url).href);
  const { modules, ...from } = JSON.parse(readFileSync(join(folder, LIST), "utf8"));
  expect(builtFrom()).toEqual(from);
  const names = readdirSync(join(folder, "build")).sort();
  expect(names.map((name) => [name, hashOf(readFileSync(join(folder, "build", name)))])).toEqual(
    Object.entries(modules).sort(),
  );
});
