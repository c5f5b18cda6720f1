/**
 * Wrong input to the bitemporal store: an `LlmdbError` with its code and a message that says what to do, no
 * transaction, and after a checkpoint the file as it was.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LlmdbError } from "../../pager/error.js";
import type { Database } from "../../temporal/database.js";
import { open, openMemory } from "../../temporal/open.js";
import type { TemporalWrites } from "../../temporal/store.js";

const folder = mkdtempSync(join(tmpdir(), "llmdb-temporal-bad-"));
const path = join(folder, "test.llmdb");
const FIRST = Date.parse("2026-01-01");
const LAST = Date.parse("2026-02-01");
let db: Database;
let now = FIRST;

/** What a caller without types can pass. */
const wrong = (value: unknown): never => value as never;
const LONG_KEY = "x".repeat(600);
const endless: unknown[] = [];
endless.push(endless);

beforeAll(async () => {
  db = open(path, { pageSize: 4096, clock: () => now });
  db.putSync("object", { a: 1 }, { validFrom: "2020", validTo: "2030" });
  now = LAST;
  db.putSync("number", 7, { validFrom: "2020" });
  now = Date.parse("2026-03-01");
  await db.checkpoint();
});

afterAll(() => {
  db.closeSync();
  rmSync(folder, { recursive: true });
});

async function errorOf(use: () => unknown): Promise<LlmdbError> {
  try {
    await use();
  } catch (error) {
    expect(error).toBeInstanceOf(LlmdbError);
    if (error instanceof LlmdbError) return error;
  }
  throw new Error("nothing was thrown");
}

/** Uses the database wrongly; it must not change. */
async function expectRefused(code: string, message: RegExp, use: () => unknown): Promise<void> {
  const before = { tx: db.stats().lastTx, bytes: readFileSync(path) };
  const error = await errorOf(use);
  expect(error.code).toBe(`LLMDB_${code}`);
  expect(error.message).toMatch(message);
  expect(db.stats().lastTx).toBe(before.tx);
  await db.checkpoint();
  expect(readFileSync(path).equals(before.bytes)).toBe(true);
}

type BadWrite = [what: string, code: string, message: RegExp, write: (store: TemporalWrites) => void];

const reversed = { validFrom: "2024", validTo: "2023" };
const empty = { validFrom: "2024", validTo: "2024" };
const REVERSED = /validFrom is after validTo; a period runs from the earlier/;
const EMPTY = /validFrom equals validTo; the period holds no instant/;
const NO_TIME = /give a Date, milliseconds/;

const writes: BadWrite[] = [
  ["put, a period that ends before it starts", "INVALID_ARGUMENT", REVERSED, (s) => s.put("k", 1, reversed)],
  ["update, likewise", "INVALID_ARGUMENT", REVERSED, (s) => s.update("object", () => 1, reversed)],
  ["patch, likewise", "INVALID_ARGUMENT", REVERSED, (s) => s.patch("object", {}, reversed)],
  ["delete, likewise", "INVALID_ARGUMENT", REVERSED, (s) => s.delete("object", reversed)],
  ["a period that is over, without a start", "INVALID_ARGUMENT", REVERSED, (s) => s.put("k", 1, { validTo: "2020" })],
  ["put, an empty period", "INVALID_ARGUMENT", EMPTY, (s) => s.put("k", 1, empty)],
  ["update, an empty period", "INVALID_ARGUMENT", EMPTY, (s) => s.update("object", () => 1, empty)],
  ["patch, an empty period", "INVALID_ARGUMENT", EMPTY, (s) => s.patch("object", {}, empty)],
  ["a period at the open end", "INVALID_ARGUMENT", EMPTY, (s) => s.put("k", 1, { validFrom: Infinity })],
  ["a time that is no time", "INVALID_ARGUMENT", NO_TIME, (s) => s.put("k", 1, { validFrom: "yesterday" })],
  [
    "a day that does not exist",
    "INVALID_ARGUMENT",
    /its month does not/,
    (s) => s.delete("k", { validTo: "2026-02-30" }),
  ],
  ["a time of NaN", "INVALID_ARGUMENT", /validTo is NaN; give/, (s) => s.put("k", 1, { validTo: Number.NaN })],
  [
    "an invalid Date",
    "INVALID_ARGUMENT",
    /validFrom is an invalid Date; give/,
    (s) => s.put("k", 1, { validFrom: new Date(Number.NaN) }),
  ],
  ["a time of null", "INVALID_ARGUMENT", /validTo is null; give/, (s) => s.put("k", 1, { validTo: wrong(null) })],
  ["a time out of range", "INVALID_ARGUMENT", /out of range; times go/, (s) => s.put("k", 1, { validTo: 1e300 })],
  ["an unknown option of a period", "INVALID_ARGUMENT", /no "from"; it has/, (s) => s.put("k", 1, wrong({ from: 1 }))],
  ["of delete", "INVALID_ARGUMENT", /no "until"; it has/, (s) => s.delete("object", wrong({ until: 1 }))],
  ["of update", "INVALID_ARGUMENT", /no "at"; it has/, (s) => s.update("object", () => 1, wrong({ at: 1 }))],
  ["of patch", "INVALID_ARGUMENT", /no "tx"; it has/, (s) => s.patch("object", {}, wrong({ tx: 1 }))],
  ["a period of null", "INVALID_ARGUMENT", /a period is an object/, (s) => s.put("k", 1, wrong(null))],
  ["a pair as period", "INVALID_ARGUMENT", /a period is an object/, (s) => s.put("k", 1, wrong(["2020", "2021"]))],
  ["put, a key too long", "KEY_TOO_LONG", /shorten it|larger pages/, (s) => s.put(LONG_KEY, 1)],
  ["delete, a key too long", "KEY_TOO_LONG", /shorten it|larger pages/, (s) => s.delete(LONG_KEY)],
  ["update, a key too long", "KEY_TOO_LONG", /shorten it|larger pages/, (s) => s.update(LONG_KEY, () => 1)],
  ["erase, a key too long", "KEY_TOO_LONG", /shorten it|larger pages/, (s) => s.erase(LONG_KEY)],
  ["a key of undefined", "INVALID_ARGUMENT", /cannot be a key; keys are/, (s) => s.put(wrong(undefined), 1)],
  ["a key of NaN", "INVALID_ARGUMENT", /NaN/, (s) => s.erase(Number.NaN)],
  ["a value of undefined", "INVALID_ARGUMENT", /delete the key instead/, (s) => s.put("k", undefined)],
  ["a function as value", "INVALID_ARGUMENT", /cannot be stored; store/, (s) => s.put("k", () => 1)],
  ["a value inside itself", "INVALID_ARGUMENT", /nested deeper/, (s) => s.put("k", endless)],
  ["an update without a function", "INVALID_ARGUMENT", /update takes a function/, (s) => s.update("object", wrong(1))],
  ["an update to undefined", "INVALID_ARGUMENT", /delete the key instead/, (s) => s.update("object", () => undefined)],
  ["an async update", "INVALID_ARGUMENT", /a Promise cannot be stored/, (s) => s.update("object", async () => 1)],
  ["a patch of a number", "INVALID_ARGUMENT", /use put or update/, (s) => s.patch("number", { a: 1 })],
  ["a number as patch", "INVALID_ARGUMENT", /use put or update/, (s) => s.patch("object", wrong(1))],
  ["an array as patch", "INVALID_ARGUMENT", /use put or update/, (s) => s.patch("object", wrong([1]))],
  ["null as patch", "INVALID_ARGUMENT", /use put or update/, (s) => s.patch("object", wrong(null))],
  ["a Date as patch", "INVALID_ARGUMENT", /use put or update/, (s) => s.patch("object", wrong(new Date(0)))],
  ["a function in a patch", "INVALID_ARGUMENT", /cannot be stored; store/, (s) => s.patch("k", wrong({ a: () => 1 }))],
  [
    "an update function that puts",
    "INVALID_ARGUMENT",
    /may not write; return the new value/,
    (s) => s.update("object", (value) => [value, s.put("k", 1)]),
  ],
  [
    "an update function that erases",
    "INVALID_ARGUMENT",
    /may not write; return the new value/,
    (s) => s.update("object", (value) => [value, s.erase("object")]),
  ],
  [
    "an update function that updates",
    "INVALID_ARGUMENT",
    /may not write; return the new value/,
    (s) => s.update("object", (value) => [value, s.update("object", () => 1)]),
  ],
];

describe.each(writes)("%s", (_what, code, message, write) => {
  test("uncaught in a body: all of it is rolled back", () =>
    expectRefused(code, message, () => db.transaction((tx) => write(tx))));

  test("caught in a body: nothing of it is committed", () =>
    expectRefused(code, message, () => {
      let caught: unknown;
      db.transactionSync((tx) => {
        try {
          write(tx);
        } catch (error) {
          caught = error;
        }
      });
      throw caught;
    }));
});

const nothing = () => {};
const FUTURE = "FUTURE_TX";

const calls: [what: string, code: string, message: RegExp, use: () => unknown][] = [
  ["both tx and knownAt", "INVALID_ARGUMENT", /not both/, () => db.get("object", { tx: 1, knownAt: FIRST })],
  ["both, of a range", "INVALID_ARGUMENT", /not both/, () => db.range({}, { tx: 1, knownAt: FIRST })],
  ["both, of a view", "INVALID_ARGUMENT", /not both/, () => db.asOf({ tx: 1, knownAt: FIRST })],
  ["known and tx of versions", "INVALID_ARGUMENT", /not both/, () => db.versions("k", { tx: [1, 2], known: [1, 2] })],
  ["a transaction to come", FUTURE, /ask about the last, 2, or before/, () => db.get("object", { tx: 3 })],
  ["a time later than the clock", FUTURE, /leave it out to ask about now/, () => db.get("k", { knownAt: now + 0.001 })],
  ["for ever", FUTURE, /leave it out/, () => db.version("object", { knownAt: Infinity })],
  ["diff, a transaction to come", FUTURE, /ask about the last/, () => db.diff({ tx: 1 }, { tx: 9 })],
  ["a view of one to come", FUTURE, /ask about the last/, () => db.asOf({ tx: 3 })],
  ["of a partition", FUTURE, /ask about the last/, () => db.partition(5).range({}, { tx: 3 })],
  ["half a transaction", "INVALID_ARGUMENT", /a whole number from 0/, () => db.get("object", { tx: 1.5 })],
  ["a transaction below zero", "INVALID_ARGUMENT", /a whole number from 0/, () => db.get("object", { tx: -1 })],
  ["text as a transaction", "INVALID_ARGUMENT", /a whole number from 0/, () => db.get("object", { tx: wrong("1") })],
  ["valid at no time", "INVALID_ARGUMENT", NO_TIME, () => db.get("object", { validAt: "2026-13" })],
  ["valid at NaN", "INVALID_ARGUMENT", /validAt is NaN; give/, () => db.get("object", { validAt: Number.NaN })],
  ["valid at an open end", "INVALID_ARGUMENT", /at the open ends/, () => db.get("object", { validAt: -Infinity })],
  ["known at no time", "INVALID_ARGUMENT", NO_TIME, () => db.get("object", { knownAt: new Date(Number.NaN) })],
  ["an unknown option of get", "INVALID_ARGUMENT", /no "at"; it has validAt/, () => db.get("k", wrong({ at: 1 }))],
  ["of version", "INVALID_ARGUMENT", /no "asOf"; it has/, () => db.version("k", wrong({ asOf: 1 }))],
  ["of range", "INVALID_ARGUMENT", /no option "from"; it has gt/, () => db.range(wrong({ from: 1 }))],
  ["of the point of range", "INVALID_ARGUMENT", /no "known"; it has/, () => db.range({}, wrong({ known: 1 }))],
  ["of versions", "INVALID_ARGUMENT", /no "validAt"; it has/, () => db.versions("k", wrong({ validAt: 1 }))],
  ["of diff", "INVALID_ARGUMENT", /no "from"; it has/, () => db.diff({}, wrong({ from: 1 }))],
  ["of asOf", "INVALID_ARGUMENT", /no "txTo"; it has/, () => db.asOf(wrong({ txTo: 1 }))],
  ["of transaction", "INVALID_ARGUMENT", /no option "at"/, () => db.transaction(nothing, wrong({ at: 1 }))],
  ["of transactions", "INVALID_ARGUMENT", /no "since"; it has after/, () => db.transactions(wrong({ since: 1 }))],
  ["of forgetHistory", "INVALID_ARGUMENT", /no "until"; it has before/, () => db.forgetHistory(wrong({ until: 1 }))],
  ["of open", "INVALID_ARGUMENT", /no option "history"/, () => openMemory(wrong({ history: true }))],
  ["of map", "INVALID_ARGUMENT", /no option "value"/, () => db.map("m", wrong({ value: "json" }))],
  ["a string as point", "INVALID_ARGUMENT", /a point in time is an object/, () => db.get("k", wrong("2020"))],
  ["diff without a point", "INVALID_ARGUMENT", /is an object/, () => db.diff({}, wrong(undefined))],
  ["asOf without a point", "INVALID_ARGUMENT", /is an object/, () => db.asOf(wrong(undefined))],
  ["an empty stretch of versions", "INVALID_ARGUMENT", /from the earlier/, () => db.versions("k", { valid: [5, 5] })],
  ["a reversed one", "INVALID_ARGUMENT", /from the earlier/, () => db.versions("k", { known: [5, 4] })],
  ["one of transactions", "INVALID_ARGUMENT", /from the earlier/, () => db.versions("k", { tx: [2, 1] })],
  ["half a stretch", "INVALID_ARGUMENT", /a pair of instants/, () => db.versions("k", { valid: wrong([5]) })],
  ["a key too long, read", "KEY_TOO_LONG", /shorten it|larger pages/, () => db.get(LONG_KEY)],
  ["a key too long, its versions", "KEY_TOO_LONG", /shorten it|larger pages/, () => db.versions(LONG_KEY)],
  ["a partition below zero", "INVALID_ARGUMENT", /a whole number from 0 to 2\^32 - 1/, () => db.partition(-1)],
  ["a partition too large", "INVALID_ARGUMENT", /a whole number from 0 to 2\^32 - 1/, () => db.partition(2 ** 32)],
  ["half a partition", "INVALID_ARGUMENT", /a whole number/, () => db.transactionSync((tx) => tx.partition(0.5))],
  ["text as partition", "INVALID_ARGUMENT", /a whole number/, () => db.snapshot().partition(wrong("1"))],
  ["a limit below zero", "INVALID_ARGUMENT", /limit is a whole number/, () => db.transactions({ limit: -1 })],
  ["after no transaction", "INVALID_ARGUMENT", /after is the number/, () => db.transactions({ after: wrong("1") })],
  ["transactions from no time", "INVALID_ARGUMENT", NO_TIME, () => db.transactions({ from: "now" })],
  ["forgetting before no time", "INVALID_ARGUMENT", NO_TIME, () => db.forgetHistory(wrong({}))],
  ["forgetting what is to come", FUTURE, /up to the last commit/, () => db.forgetHistory({ before: "2030" })],
  ["a map of the store", "INVALID_ARGUMENT", /choose another one/, () => db.map("_meta/head")],
  ["in a transaction", "INVALID_ARGUMENT", /choose another one/, () => db.transactionSync((tx) => tx.map("_meta/x"))],
  ["in a snapshot", "INVALID_ARGUMENT", /choose another one/, () => db.snapshot().map("_meta/live")],
  ["dropping a map of the store", "INVALID_ARGUMENT", /choose another one/, () => db.dropMap("_meta/history")],
  ["a write inside of a body", "INVALID_ARGUMENT", /write through it/, () => db.transaction(() => db.putSync("k", 1))],
  [
    "an update function that writes past its transaction",
    "INVALID_ARGUMENT",
    /write through it/,
    () => db.updateSync("object", (value) => [value, db.putSync("k", 1)]),
  ],
];

test.each(calls)("%s", (_what, code, message, use) => expectRefused(code, message, use));

describe("importing", () => {
  const at = (time: unknown) => () => db.transactionSync((tx) => tx.put("k", 1), { time: wrong(time) });

  test.each([
    ["a time before the last transaction", "TIME_ORDER", /import in the order of time/, at(LAST - 1)],
    ["the time of the last transaction", "TIME_ORDER", /import in the order of time/, at(LAST)],
    ["a time after the clock", "TIME_ORDER", /not be later than the clock/, at("2026-03-01T00:00:00.000001Z")],
    ["a time that is no time", "INVALID_ARGUMENT", NO_TIME, at("soon")],
    ["an open end", "INVALID_ARGUMENT", /between the years/, at(Infinity)],
    ["NaN", "INVALID_ARGUMENT", /time is NaN; give/, at(Number.NaN)],
    ["null", "INVALID_ARGUMENT", /time is null; give/, at(null)],
  ])("%s", (_what, code, message, use) => expectRefused(code, message, use));

  test("the body does not run where the time is refused", () => {
    let ran = false;
    const body = () => {
      ran = true;
    };
    expect(() => db.transactionSync(body, { time: FIRST })).toThrow(/in the order of time/);
    expect(ran).toBe(false);
  });
});

describe("metadata that cannot be encoded", () => {
  test.each([
    ["a function", () => 1],
    ["a symbol in it", { who: Symbol("me") }],
    ["something inside itself", endless],
    ["a promise", Promise.resolve(1)],
  ])("%s", (_what, meta) =>
    expectRefused("INVALID_ARGUMENT", /cannot be stored; store/, () => {
      return db.transaction((tx) => tx.put("k", 1), { meta });
    }),
  );
});

test("an update function that throws: its error comes through, and nothing is written", async () => {
  const before = { tx: db.stats().lastTx, bytes: readFileSync(path), versions: db.versions("object") };
  const failing = () => {
    throw new RangeError("my own");
  };
  expect(() => db.updateSync("object", failing)).toThrow(RangeError);
  await expect(db.update("object", failing)).rejects.toThrow("my own");
  db.transactionSync((tx) => expect(() => tx.update("object", failing)).toThrow(RangeError));
  expect([db.stats().lastTx, db.versions("object")]).toEqual([before.tx, before.versions]);
  await db.checkpoint();
  expect(readFileSync(path).equals(before.bytes)).toBe(true);
});

test("an update function that fails at its second slice has not written the first", () => {
  const other = openMemory();
  other.putSync("k", 1, { validFrom: "2020", validTo: "2021" });
  other.putSync("k", 2, { validFrom: "2021", validTo: "2022" });
  const failing = (value: unknown) => {
    if (value === 2) throw new RangeError("two");
    return 3;
  };
  other.transactionSync((tx) => expect(() => tx.update("k", failing, { validFrom: "2020" })).toThrow("two"));
  expect(other.versions("k").map(({ value }) => value)).toEqual([1, 2]);
  expect(other.stats().lastTx).toBe(2);
});

test("after a refused write the transaction goes on", () => {
  const other = openMemory();
  other.transactionSync((tx) => {
    tx.put("before", 1);
    expect(() => tx.put("k", 1, reversed)).toThrow(LlmdbError);
    expect(() => tx.update("before", () => () => 1)).toThrow(LlmdbError);
    tx.put("after", 2);
  });
  expect([...other.range()]).toEqual([
    ["after", 2],
    ["before", 1],
  ]);
  expect(other.verify().problems).toEqual([]);
});

describe("a handle that only reads", () => {
  test("refuses every write, and reads on", async () => {
    const reader = open(path, { readOnly: true, clock: () => now });
    const before = readFileSync(path);
    const refused: (() => unknown)[] = [
      () => reader.putSync("k", 1),
      () => reader.put("k", 1),
      () => reader.updateSync("object", () => 1),
      () => reader.patch("object", { b: 1 }),
      () => reader.deleteSync("object"),
      () => reader.erase("object"),
      () => reader.partition(3).putSync("k", 1),
      () => reader.transactionSync((tx) => tx.put("k", 1)),
      () => reader.transaction(() => {}, { meta: "me" }),
      () => reader.forgetHistory({ before: FIRST }),
    ];
    for (const use of refused) {
      const error = await errorOf(use);
      expect([error.code, error.message]).toEqual(["LLMDB_READ_ONLY", expect.stringMatching(/readOnly|read-only/)]);
    }
    expect(reader.get("object", { tx: 1 })).toEqual({ a: 1 });
    expect(reader.stats().lastTx).toBe(db.stats().lastTx);
    reader.closeSync();
    expect(readFileSync(path).equals(before)).toBe(true);
  });
});

test("what is over is refused: a closed database, a body that has ended, a closed snapshot", () => {
  const other = openMemory();
  other.putSync("k", 1);
  const snapshot = other.snapshot();
  const leaked = other.transactionSync((tx) => tx.partition(0));
  const leakedReads = [() => leaked.put("k", 2), () => leaked.get("k"), () => leaked.update("k", () => 2)];
  for (const use of leakedReads) expect(use).toThrow(expect.objectContaining({ code: "LLMDB_CLOSED" }));
  snapshot.close();
  expect(() => snapshot.get("k")).toThrow(expect.objectContaining({ code: "LLMDB_CLOSED" }));
  const view = other.asOf({ tx: 1 });
  other.closeSync();
  const closed = [() => other.get("k"), () => view.get("k"), () => other.putSync("k", 1), () => other.transactions()];
  for (const use of closed) expect(use).toThrow(expect.objectContaining({ code: "LLMDB_CLOSED" }));
});

describe("what is no mistake", () => {
  test("an ISO string without an offset is UTC, whatever the machine's zone", () => {
    const other = openMemory();
    other.putSync("k", 1, { validFrom: "2024-05-01T12:00", validTo: "2024-05-02" });
    const [{ validFrom, validTo }] = other.versions("k");
    expect([validFrom, validTo]).toEqual([Date.UTC(2024, 4, 1, 12), Date.UTC(2024, 4, 2)]);
  });

  test("known before the first transaction: nothing was known", () => {
    expect(db.get("object", { knownAt: FIRST - 0.001, validAt: "2025" })).toBe(undefined);
    expect(db.get("object", { knownAt: -Infinity, validAt: "2025" })).toBe(undefined);
    expect(db.get("object", { tx: 0, validAt: "2025" })).toBe(undefined);
  });

  test("update and patch of a key that does not exist: nothing, and a put", () => {
    const other = openMemory();
    other.updateSync("k", () => 1);
    expect([other.stats().lastTx, other.get("k")]).toEqual([0, undefined]);
    other.patchSync("k", { a: 1 });
    expect([other.stats().lastTx, other.get("k")]).toEqual([1, { a: 1 }]);
  });

  test("an option of undefined is one that is left out", () => {
    const at = { tx: 1, knownAt: undefined, validAt: undefined };
    expect(db.get("object", at)).toEqual({ a: 1 });
  });

  test("erase of nothing is a transaction that tells of it, with no more than a hash of the key", () => {
    const other = openMemory();
    other.putSync("k", 1, { validFrom: "2020" });
    expect(other.eraseSync("nobody").tx).toBe(2);
    const [, { changes }] = other.transactions();
    expect(changes).toMatchObject([{ op: "erase", key: expect.any(Uint8Array) }]);
    expect(other.versions("k")).toHaveLength(1);
    expect(other.versions("nobody")).toEqual([]);
    expect(other.verify().problems).toEqual([]);
  });
});
