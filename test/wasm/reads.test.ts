/**
 * Modules that read by key: what they find, and that one that is stopped in the middle of a read harms nothing, however
 * small the cache is.
 */
import { expect, test } from "vitest";
import type { Database, Key } from "../../index.js";
import { expectClean } from "../harness/index.js";
import { openFresh } from "../map/fresh.js";
import { codeOf, GET, GET_FROM, keyBytes, moduleText, overRecords } from "./module-text.js";

/** The smallest cache, and many more pages. */
function furnished(): Database {
  const db = openFresh({ pageSize: 4096, cacheBytes: 0 });
  db.transactionSync((tx) => {
    for (let i = 0; i < 4000; i++) tx.map("m").put(i, `${i}`.repeat(50));
    for (let i = 0; i < 3000; i++) tx.put(i, `${i}`.repeat(50));
    for (let i = 0; i < 50; i++) tx.map("large").put(i, `${i} `.repeat(2000));
  });
  return db;
}

function stateOf(db: Database): unknown[] {
  return [[...db.map("m").range()], [...db.map("large").range()], [...db.range()], [...db.map("w").range()]];
}

/** Reads numbers as keys at random, for ever. */
function reading(get: string): string {
  return `
    (i32.store8 (i32.const 8) (i32.const 0x13))
    (loop $l
      (local.set $w (i64.add (i64.mul (local.get $w) (i64.const 6364136223846793005)) (i64.const 1442695040888963407)))
      (i32.store16 (i32.const 9) (i32.wrap_i64 (i64.shr_u (local.get $w) (i64.const 40))))
      (i32.store8 (i32.const 9) (i32.and (i32.load8_u (i32.const 9)) (i32.const 31)))
      (i32.store8 (i32.const 10) (i32.and (i32.load8_u (i32.const 10)) (i32.const 0xfe)))
      (drop ${get})
      (br $l))
    unreachable`;
}
const FROM_M = "(call $get_from (i32.const 1) (i32.const 8) (i32.const 3) (i32.const 64) (i32.const 1000))";
const FROM_OWN = "(call $get (i32.const 8) (i32.const 3) (i32.const 64) (i32.const 1000))";

test("a call over pages that is stopped in the middle of a read", { timeout: 120_000 }, async () => {
  await using db = furnished();
  const before = stateOf(db);
  await db.modules.put(moduleText({ map_pages: reading(FROM_OWN) }, { imports: GET }), {
    name: "r",
    capabilities: ["get"],
  });
  for (let i = 0; i < 240; i++) {
    const pages = i % 2 === 0 ? { map: "m" } : { partition: 0 };
    const call = () => db.modules.mapPages("r", pages, { timeoutMs: 1 + (i % 4), fuel: 1e12 }).bytes();
    expect(await codeOf(call)).toBe("LLMDB_WASM_TIME");
  }
  expect(stateOf(db)).toEqual(before);
  expect(db.stats().openSnapshots).toBe(0);
  expectClean(db);
});

test("a hook that is stopped in the middle of a read", { timeout: 120_000 }, async () => {
  await using db = furnished();
  const before = stateOf(db);
  const module = moduleText({ tx_hook: reading(FROM_M) }, { imports: GET_FROM });
  const { hash } = await db.modules.put(module, { capabilities: ["get"] });
  await db.modules.attach(hash, "w", { on: "tx_hook", reads: ["m"], timeoutMs: 2, fuel: 1e12 });
  for (let i = 0; i < 150; i++) {
    const body = () =>
      db.transaction((tx) => {
        for (let k = i; k < 4000; k += 40) tx.map("m").put(k, "changed");
        tx.map("w").put(i, 1);
      });
    expect(await codeOf(body)).toBe("LLMDB_WASM_TIME");
  }
  expect(stateOf(db)).toEqual(before);
  expectClean(db);
});

/** Gives out, for the argument as a key, what there is: its length and its value. */
const LOOK_UP = moduleText(
  {
    reduce_pages: `
      (local.set $a (i32.add (local.get $in) (i32.load offset=16 (local.get $in))))
      (local.set $n (call $get (local.get $a) (i32.load offset=20 (local.get $in))
        (i32.add (local.get $out) (i32.const 4)) (i32.sub (local.get $cap) (i32.const 4))))
      (if (i32.gt_s (i32.add (local.get $n) (i32.const 4)) (local.get $cap)) (then (return (i32.const -2))))
      (i32.store (local.get $out) (local.get $n))
      (select (i32.const 4) (i32.add (local.get $n) (i32.const 4)) (i32.lt_s (local.get $n) (i32.const 0)))`,
  },
  { imports: GET },
);

test("values of any size are found in the state of the pages", async () => {
  await using db = furnished();
  await db.modules.put(LOOK_UP, { name: "look up", capabilities: ["get"] });
  const look = async (pages: { map: string } | { partition: number }, arg: Uint8Array) => {
    const { value } = await db.modules.reducePages("look up", pages, { arg });
    return Buffer.from(value).readInt32LE() === -1 ? undefined : Buffer.from(value.subarray(4)).toString("latin1");
  };
  const bytesOf = (text: unknown) =>
    typeof text === "string" ? expect.stringMatching(new RegExp(`${text}$`)) : undefined;
  for (const key of [0, 7, 3999, 4000, "absent", ["a", 1]] satisfies Key[]) {
    expect(await look({ map: "m" }, keyBytes(key))).toEqual(bytesOf(db.map("m").get(key)));
    expect(await look({ partition: 0 }, keyBytes(key))).toEqual(bytesOf(db.get(key)));
  }
  for (const key of [0, 49, 50]) {
    expect(await look({ map: "large" }, keyBytes(key))).toEqual(bytesOf(db.map("large").get(key)));
  }
  // What is no key, and none at all.
  for (const arg of [new Uint8Array(0), Buffer.from([0xff, 0xff]), Buffer.alloc(5000, 0x20)]) {
    expect(await look({ map: "m" }, arg)).toBeUndefined();
    expect(await look({ partition: 0 }, arg)).toBeUndefined();
  }
});

test("a hook that works for long reads what the transaction wrote", async () => {
  await using db = furnished();
  // More than is given without a watchdog; then the value of each key of "m" is read and compared with the new one.
  const module = moduleText(
    {
      tx_hook: `
        (local.set $n (i32.const 500000))
        (loop $l (local.set $n (i32.sub (local.get $n) (i32.const 1))) (br_if $l (local.get $n)))
        ${overRecords(`
          (local.set $b (i32.load offset=8 (local.get $a)))
          (local.set $c (call $get_from (i32.const 0) (i32.add (local.get $a) (i32.const 40)) (local.get $b)
            (i32.const 64) (i32.const 4000)))
          (if (i32.ne (local.get $c) (i32.load offset=16 (local.get $a))) (then unreachable))
          (if (i32.ne (i32.load8_u (i32.add (i32.const 63) (local.get $c)))
              (i32.load8_u (i32.add (local.get $a) (i32.add (i32.const 39) (i32.add (local.get $b)
                (i32.add (local.get $c) (i32.load offset=12 (local.get $a)))))))) (then unreachable))`)}
        (i32.const 0)`,
    },
    { imports: GET_FROM },
  );
  const { hash } = await db.modules.put(module, { capabilities: ["get"] });
  await db.modules.attach(hash, "m", { on: "tx_hook", timeoutMs: 20_000, fuel: 1e11 });
  for (let round = 0; round < 5; round++) {
    db.transactionSync((tx) => {
      for (let i = round; i < 4000; i += 7) tx.map("m").put(i, `${"y".repeat(round * 100)} changed ${i} ${round}`);
    });
  }
  expect(db.modules.hookFuelUsed).toBeGreaterThan(500_000);
  expectClean(db);
});
