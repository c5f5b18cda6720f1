/**
 * Saying again what holds already: nothing is written, nothing runs, the receipt is that of before; who says why stays
 * on record, and erasing the key reaches that record too.
 */
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Database, open, openMemory } from "../../index.js";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "llmdb-said-again-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const ALWAYS = { validFrom: -Infinity };
const VALUES: Record<string, unknown> = {
  small: "a",
  object: { name: "Ada", list: [1, 2.5, null], at: new Uint8Array([1, 2]) },
  "as large as a leaf shares": "medium ".repeat(10),
  large: "x".repeat(3000),
  "on extents": "y".repeat(300_000),
  null: null,
};

test.each(Object.entries(VALUES))("of a value that is %s", async (_, value) => {
  const db = openMemory();
  const first = await db.put("k", value);
  for (let i = 0; i < 5; i++) expect(await db.put("k", structuredClone(value))).toEqual(first);
  expect(db.putSync("k", value, { validFrom: first.time, validTo: first.time + 1000 })).toEqual(first);
  expect(db.versions("k")).toHaveLength(1);
  expect(db.get("k")).toEqual(value);
  expect([...db.transactions()]).toHaveLength(1);
  expect(db.verify().problems).toEqual([]);
});

test.each(Object.entries(VALUES))("around and between, of a value that is %s", (_, value) => {
  const db = openMemory();
  db.putSync("k", value, { validFrom: 100, validTo: 200 });
  db.putSync("k", "between", { validFrom: 200, validTo: 300 });
  db.putSync("k", value, { validFrom: 300, validTo: 400 });
  const { tx } = db.putSync("k", value, { validFrom: 0, validTo: 500 });
  const known = db.versions("k", { tx: [tx, Infinity] }).sort((a, b) => a.validFrom - b.validFrom);
  expect(known.map(({ validFrom, validTo, txFrom }) => [validFrom, validTo, txFrom])).toEqual([
    [0, 100, tx],
    [100, 200, 1],
    [200, 300, tx],
    [300, 400, 3],
    [400, 500, tx],
  ]);
  for (const { value: own } of known) expect(own).toEqual(value);
  expect(db.verify().problems).toEqual([]);
});

test("a value of the same length, and fields in another order, are other values", () => {
  const db = openMemory();
  db.putSync("k", { a: 1, b: 2 }, ALWAYS);
  db.putSync("k", { b: 2, a: 1 }, ALWAYS);
  db.putSync("large", "a".repeat(3000), ALWAYS);
  db.putSync("large", `${"a".repeat(2999)}b`, ALWAYS);
  expect([db.versions("k").length, db.versions("large").length]).toEqual([2, 2]);
});

test("patch and update write nothing either, and what was put and said again in one transaction is put once", () => {
  const db = openMemory();
  const first = db.putSync("k", { a: 1, b: 2 }, ALWAYS);
  expect(db.patchSync("k", { a: 1 }, ALWAYS)).toEqual(first);
  expect(db.updateSync("k", (value) => value, ALWAYS)).toEqual(first);
  db.transactionSync((tx) => {
    tx.put("k", { c: 3 }, ALWAYS);
    tx.put("k", { c: 3 }, ALWAYS);
    tx.patch("k", { c: 3 }, ALWAYS);
  });
  expect([...db.transactions()].map(({ changes }) => changes.map(({ op }) => op))).toEqual([["put"], ["put"]]);
});

test("with metadata the row says what was said again; without, there is none", () => {
  const db = openMemory();
  db.putSync("k", { a: 1 }, ALWAYS);
  const again = (by: string, write: (db: Parameters<Parameters<Database["transaction"]>[0]>[0]) => void) =>
    db.transactionSync(write, { meta: { by }, receipt: true });
  const { tx } = again("put", (own) => own.put("k", { a: 1 }, { validFrom: 5, validTo: 7 }));
  again("patch", (own) => own.patch("k", { a: 1 }, ALWAYS));
  again("update", (own) => own.update("k", (value) => value, ALWAYS));
  db.transactionSync((own) => own.put("k", { a: 1 }, ALWAYS));
  // Nothing was said of these.
  again("gap", (own) => own.update("nothing", (value) => value, ALWAYS));
  again("delete", (own) => own.delete("nothing", ALWAYS));
  const rows = [...db.transactions({ after: 1 })];
  expect(rows.map(({ meta, changes }) => [meta, changes.map(({ op, key }) => [op, key])])).toEqual(
    ["put", "patch", "update"].map((by) => [{ by }, [["unchanged", "k"]]]),
  );
  expect(rows[0]).toMatchObject({ tx, changes: [{ partition: 0, validFrom: 5, validTo: 7 }] });
  expect(db.versions("k")).toHaveLength(1);
  expect(db.verify().problems).toEqual([]);
});

test("a savepoint that is undone, and an erase in the same transaction, leave no note", () => {
  const db = openMemory();
  db.putSync("k", 1, ALWAYS);
  db.putSync("gone", 1, ALWAYS);
  db.transactionSync(
    (tx) => {
      expect(() =>
        tx.transaction((inner) => {
          inner.put("k", 1, ALWAYS);
          throw new RangeError("undone");
        }),
      ).toThrow(RangeError);
      tx.put("gone", 1, ALWAYS);
      tx.erase("gone");
    },
    { meta: "note" },
  );
  const [{ changes }] = db.transactions({ after: 2 });
  expect(changes.map(({ op }) => op)).toEqual(["erase"]);
  expect(db.verify().problems).toEqual([]);
});

test("erasing a key reaches the rows in which it was only said again", async () => {
  const path = join(folder, "erased.llmdb");
  const db = open(path);
  const name = "mentioned-by-name";
  await db.put("other", 1);
  await db.put(name, 1, ALWAYS);
  for (let i = 0; i < 20; i++) await db.transaction((tx) => tx.put(name, 1, ALWAYS), { meta: { i } });
  await db.put("other", 2);
  await db.erase(name);
  await db.checkpoint();
  const stored = Buffer.concat([Buffer.from([0, 0x20]), Buffer.from(name), Buffer.from([0])]);
  const hash = new Uint8Array(createHash("sha256").update(stored).digest());
  const said = [...db.transactions()].flatMap(({ changes }) => changes).filter(({ op }) => op === "unchanged");
  expect(said.map(({ key }) => key)).toEqual(Array(20).fill(hash));
  expect(db.verify().problems).toEqual([]);
  await db.close();
  expect(readFileSync(path).includes(name)).toBe(false);
});

test("forgetting history forgets what was said again, and erasing afterwards finds the rest", async () => {
  const path = join(folder, "forgotten.llmdb");
  const db = open(path);
  const say = (key: string) => db.transactionSync((tx) => tx.put(key, 1, ALWAYS), { meta: "again", receipt: true });
  for (const key of ["kept-by-name", "erased-by-name"]) for (let i = 0; i < 3; i++) say(key);
  const { time } = say("kept-by-name");
  say("erased-by-name");
  await db.forgetHistory({ before: time });
  expect([...db.transactions()].map(({ changes }) => changes.length)).toEqual([0, 0, 0, 0, 0, 0, 0, 1]);
  expect(db.verify().problems).toEqual([]);
  await db.erase("erased-by-name");
  expect(db.verify().problems).toEqual([]);
  await db.close();
  expect(readFileSync(path).includes("erased-by-name")).toBe(false);
});
