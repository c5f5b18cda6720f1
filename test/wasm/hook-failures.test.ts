/**
 * Hooks that fail or give back what is malformed: the whole transaction is rolled back, with a code, the database is as
 * it was, and the next transaction works.
 */
import { describe, expect, test } from "vitest";
import type { AttachOptions, Database, Transaction } from "../../index.js";
import { expectClean } from "../harness/index.js";
import { attach, furnished } from "./hooked.js";
import {
  answering,
  codeOf,
  derivedWrite,
  GET,
  GET_FROM,
  keyBytes,
  LOG,
  moduleText,
  overRecords,
  Raw,
} from "./module-text.js";

/** Only transactions that change the key "bad" fail. */
function onBad(body: string): string {
  return overRecords(`(if (i32.eq (i32.load8_u offset=41 (local.get $a)) (i32.const 98)) (then ${body}))`);
}

function stateOf(db: Database): unknown[] {
  return [...db.mapNames()].sort().map((name) => [name, [...db.map(name).range()]]);
}

const MORE = `
  (data (i32.const 8) "\\10") ;; the key 0
  (func $deep (param i32) (result i32) (i32.add (i32.const 1) (call $deep (local.get 0))))`;
const failures: [string, string, string, Partial<AttachOptions>?][] = [
  ["a trap", "LLMDB_WASM_TRAP", "unreachable"],
  ["a division by zero", "LLMDB_WASM_TRAP", "(drop (i32.div_u (i32.const 1) (i32.const 0)))"],
  ["a pointer out of bounds", "LLMDB_WASM_TRAP", "(i32.store (i32.const -8) (i32.const 0))"],
  ["an abort", "LLMDB_WASM_ABORT", "(i32.store (local.get $out) (i32.const 2)) (return (i32.const -1))"],
  [
    "an abort with a wrong length",
    "LLMDB_WASM_ABORT",
    "(i32.store (local.get $out) (i32.const -1)) (return (i32.const -1))",
  ],
  ["a code of its own", "LLMDB_WASM_ABORT", "(return (i32.const -77))"],
  ["more than the window", "LLMDB_WASM_TRAP", "(return (i32.add (local.get $cap) (i32.const 1)))"],
  ["no fuel", "LLMDB_WASM_FUEL", "(loop $l (br $l))", { fuel: 300_000 }],
  ["no fuel after the watchdog began", "LLMDB_WASM_FUEL", "(loop $l (br $l))", { fuel: 2_000_000 }],
  ["no time", "LLMDB_WASM_TIME", "(loop $l (br $l))", { timeoutMs: 5, fuel: 1e12 }],
  ["no stack", "LLMDB_WASM_STACK", "(drop (call $deep (i32.const 0)))"],
  ["no memory", "LLMDB_WASM_MEMORY", "(drop (memory.grow (i32.const 999)))", { memoryBytes: 16 * 65536, fuel: 1e9 }],
  ["a window without end", "LLMDB_WASM_MEMORY", "(return (i32.const -2))", { fuel: 1e9 }],
  ["bad log", "LLMDB_WASM_TRAP", "(call $log (i32.const -8) (i32.const 100))"],
  [
    "a bad key to read",
    "LLMDB_WASM_TRAP",
    "(drop (call $get (i32.const -8) (i32.const 9) (i32.const 0) (i32.const 0)))",
  ],
  [
    "no room to read into",
    "LLMDB_WASM_TRAP",
    "(drop (call $get (i32.const 8) (i32.const 1) (i32.const -8) (i32.const 99)))",
  ],
  [
    "a map not granted",
    "LLMDB_WASM_TRAP",
    "(drop (call $from (i32.const 3) (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 0)))",
  ],
  [
    "a map below",
    "LLMDB_WASM_TRAP",
    "(drop (call $from (i32.const -1) (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 0)))",
  ],
];

describe("what fails in a hook rolls the transaction back", () => {
  test.each(failures)("%s: %s", async (_what, code, body, options) => {
    await using db = await furnished();
    const module = moduleText(
      { tx_hook: `${onBad(body)} (i32.const 0)` },
      { imports: `${GET} ${GET_FROM.replace("$get_from", "$from")} ${LOG}`, more: MORE },
    );
    await attach(db, module, options);
    const before = stateOf(db);
    const fill = (tx: Transaction) => {
      for (let i = 0; i < 50; i++) tx.map("m").put(`good ${i}`, i);
      tx.map("other").put(1, 1);
      tx.put("fact", 1);
    };
    const { lastTx } = db.stats();
    const failing = () =>
      db.transaction((tx) => {
        fill(tx);
        tx.map("m").put("bad", 1);
      });
    expect(await codeOf(failing)).toBe(code);
    expect(await codeOf(() => db.map("m").put("bad", 1))).toBe(code);
    expect(await codeOf(() => db.map("m").putSync("bad", 1))).toBe(code);
    await expect(failing()).rejects.toMatchObject({ details: { on: "tx_hook", map: "m" } });
    expect(db.stats().lastTx).toBe(lastTx);
    expect(stateOf(db)).toEqual(before);
    expect(db.get("fact")).toBeUndefined();
    expectClean(db);
    db.transactionSync(fill);
    expect(db.map("m").get("good 7")).toBe(7);
    expectClean(db);
  });
});

const key = keyBytes("k");
const malformed: [string, Uint8Array][] = [
  ["too short for a head", Buffer.alloc(8)],
  ["a length of 0", derivedWrite(1, key, 1, { bytes: 0 })],
  ["a length that is no multiple of 8", derivedWrite(1, key, 1, { bytes: 19 })],
  ["a length beyond the end", derivedWrite(1, key, 1, { bytes: 1 << 20 })],
  ["a length that is shorter than its parts", derivedWrite(1, key, 1, { bytes: 16 })],
  ["a key length beyond the end", derivedWrite(1, key, 1, { keyLength: 0xffffffff })],
  ["a value length beyond the end", derivedWrite(1, key, 1, { valueLength: 0x7fffffff })],
  ["both lengths so that their sum wraps", derivedWrite(1, key, 1, { keyLength: 0xffffffff, valueLength: 4 })],
  ["operation 0", derivedWrite(1, key, 1, { operation: 0 })],
  ["operation 3", derivedWrite(1, key, 1, { operation: 3 })],
  ["its own map", derivedWrite(0, key, 1)],
  ["a map that it may only read", derivedWrite(3, key, 1)],
  ["a map that there is not", derivedWrite(4, key, 1)],
  ["the last map number", derivedWrite(65535, key, 1)],
  ["an empty key", derivedWrite(1, Buffer.alloc(0), 1)],
  ["a key of an unknown type", derivedWrite(1, Buffer.from([0xff, 1]), 1)],
  ["a key in another encoding", derivedWrite(1, Buffer.from([0x13, 0, 2]), 1)],
  ["half a tuple", derivedWrite(1, Buffer.from([0x22, 0x20, 0x61]), 1)],
  ["a text that is no UTF-8", derivedWrite(1, Buffer.from([0x20, 0xff]), 1)],
  ["a key that is too long", derivedWrite(1, keyBytes("x".repeat(1500)), 1)],
  ["no key to delete", derivedWrite(1, Buffer.from([0xff]), undefined)],
  ["a value that is no MessagePack", derivedWrite(1, key, new Raw([0xc1]))],
  ["an empty value", derivedWrite(1, key, new Raw([]))],
  ["half a value", derivedWrite(1, key, new Raw([0x92, 1]))],
  ["two values", derivedWrite(1, key, new Raw([1, 2]))],
];

test.each(malformed)("a derived write is refused: %s", async (_what, record) => {
  await using db = await furnished();
  // What comes before it in the same answer is not written either.
  const module = moduleText({ tx_hook: answering(Buffer.concat([derivedWrite(1, keyBytes("first"), 1), record])) });
  await attach(db, module, { reads: ["r"] });
  const before = stateOf(db);
  expect(await codeOf(() => db.map("m").put("a", 1))).toBe("LLMDB_WASM_TRAP");
  await expect(db.map("m").put("a", 1)).rejects.toMatchObject({ details: { on: "tx_hook", map: "m" } });
  expect(stateOf(db)).toEqual(before);
  db.map("w").putSync("a", 1);
  expectClean(db);
});
