/** The example modules where they belong: put into a database, attached, and called over its pages. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Database, type Key, openMemory } from "../../index.js";
import { root } from "../sources.js";

let db: Database;
beforeEach(() => {
  db = openMemory({ pageSize: 4096 });
});
afterEach(() => db.close());

function built(name: string): Uint8Array {
  return readFileSync(join(root, "examples", "modules", "build", `${name}.wasm`));
}

async function fillOrders(count: number): Promise<void> {
  await db.transaction((tx) => {
    const orders = tx.map<Key>("orders");
    for (let i = 1; i <= count; i++) orders.put(["order", i], { amount: i, customer: `c${i % 7}` });
  });
}

test.each(["sum-field", "sum-field-as"])("%s, however many pages a call gets", async (name) => {
  await fillOrders(3000);
  await db.modules.put(built(name), { name: "sum" });
  const sums = [];
  for (const pagesPerCall of [1, 7, 1024]) {
    const options = { arg: Buffer.from("amount"), pagesPerCall };
    const { value, records } = await db.modules.reducePages("sum", { map: "orders" }, options);
    const bytes = Buffer.from(value);
    sums.push([records, bytes.readBigUInt64LE(0), bytes.readDoubleLE(8), bytes.readDoubleLE(24)]);
  }
  expect(sums).toEqual(Array(3).fill([3000, 3000n, 4_501_500, 3000]));
});

test("count-keys", async () => {
  await fillOrders(1000);
  await db.modules.put(built("count-keys"), { name: "count-keys" });
  const chunks: Uint8Array[] = [];
  for await (const chunk of db.modules.mapPages("count-keys", { map: "orders" })) chunks.push(chunk.slice());
  const output = Buffer.concat(chunks);
  let keys = 0;
  for (let at = 0; at < output.length; at += 4) keys += output.readUInt32LE(at);
  expect(keys).toBe(1000);
});

test("reverse-edges keeps up with small and large transactions", async () => {
  await db.modules.put(built("reverse-edges-as"), { name: "reverse-edges", capabilities: ["get"] });
  const writes = ["reverse", "degree"];
  const fuel = 2_000_000_000;
  await db.modules.attach("reverse-edges", "edges", { on: "tx_hook", writes, fuel, timeoutMs: 10_000 });
  await db.transaction((tx) => {
    tx.map<Key>("edges").put(["ada", "bob"], 1);
    tx.map<Key>("edges").put(["eve", "bob"], 2);
  });
  expect(db.map<Key>("degree").get("bob")).toBe(2);
  expect([...db.map<Key>("reverse").range({ prefix: ["bob"] })]).toEqual([
    [["bob", "ada"], 1],
    [["bob", "eve"], 2],
  ]);
  // More than 4 MiB of changes: several calls in one transaction.
  const text = "x".repeat(900);
  await db.transaction((tx) => {
    for (let i = 0; i < 9000; i++) tx.map<Key>("edges").put([i, i % 2 ? "odd" : "bob"], text);
    tx.map<Key>("edges").delete(["eve", "bob"]);
  });
  expect([...db.map<Key>("degree").range()]).toEqual([
    ["bob", 4501],
    ["odd", 4500],
  ]);
  expect(db.map<Key>("reverse").count()).toBe(9001);
  await expect(db.transaction((tx) => tx.map("edges").put("no edge", 1))).rejects.toThrow("not [from, to]");
});

test("reject-negative refuses a transaction, and nothing of it is there", async () => {
  await db.modules.put(built("reject-negative-as"), { name: "reject-negative" });
  await db.modules.attach("reject-negative", "orders", { on: "tx_hook", arg: Buffer.from("amount") });
  await fillOrders(10);
  const bad = db.transaction((tx) => {
    tx.map("orders").put("good", { amount: 1 });
    tx.map("orders").put("bad", { amount: -1 });
  });
  await expect(bad).rejects.toMatchObject({ code: "LLMDB_WASM_ABORT" });
  await expect(bad).rejects.toThrow("a number below 0");
  expect(db.map("orders").count()).toBe(10);
});

test("by-field finds records by what is in them", async () => {
  await fillOrders(20);
  await db.modules.put(built("by-field-as"), { name: "by-field" });
  const arg = Buffer.from("customer");
  await db.modules.attach("by-field", "orders", { on: "custom_index", name: "by-customer", arg });
  const found = [...db.modules.index("by-customer").range({ gte: "c3", lte: "c3" })];
  expect(found).toEqual([3, 10, 17].map((i) => ["c3", ["order", i]]));
  await db.map<Key>("orders").put(["order", 10], { customer: ["c3", "c9"] });
  expect([...db.modules.index("by-customer").range({ gte: "c9" })]).toEqual([["c9", ["order", 10]]]);
});
