/** Integers, and what JSON has no form for, come through the command line as they went in, by every way in and out. */
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { jsonlExport } from "../../cli/formats/jsonl-export.js";
import { type Database, type Key, open, openMemory } from "../../index.js";
import { asKey, fromJson, isObject, property, toJson, toJsonText } from "../../models/values/json-forms.js";
import { readJson } from "../../models/values/json-reader.js";
import { effort } from "../effort.js";
import { jsonLines, llmdb, scratchFolder } from "./in-process.js";

const folder = scratchFolder();
let files = 0;
const fresh = () => join(folder, `${files++}.llmdb`);

const LARGE = [2n ** 53n, 2n ** 53n + 1n, 7205759403792793601n, 7205759403792793602n, -(2n ** 63n), 2n ** 64n + 1n];
const integer = fc.oneof(fc.constantFrom(...LARGE), fc.bigInt({ min: 2n ** 53n, max: 2n ** 70n }), fc.maxSafeInteger());
const number = fc.oneof(
  fc.double({ noNaN: true }),
  fc.constantFrom(2 ** 53, -(2 ** 60), 1e20, 1e21, 1e300, 5e-324, -0, 0.1, Number.POSITIVE_INFINITY),
);
const text = fc.oneof(
  fc.string({ maxLength: 5 }),
  fc.constantFrom("9007199254740993", "1e999", "null", "-0", "\u202e\u009b", "\u{10D7FF}\u{10DA00}"),
);
const keyPart = fc.oneof(integer, number, text, fc.boolean(), fc.constant(null), fc.uint8Array({ maxLength: 3 }));
const key = fc.oneof(keyPart, fc.array(fc.oneof(keyPart, fc.array(keyPart, { maxLength: 2 })), { maxLength: 3 }));
const names = fc.oneof(fc.constantFrom("$bigint", "$number", "__proto__", "id"), text);
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    keyPart,
    fc.date({ noInvalidDate: true }),
    fc.constant(Number.NaN),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(names, tie("value"), { maxKeys: 3 }),
  ),
}));

/** As the store gives it back: without what it does not keep, such as prototypes. */
function stored(given: unknown): unknown {
  const db = openMemory();
  db.map("m").putSync(1, given);
  return db.map("m").get(1);
}

/** As the store gives it back: an integer beyond 2^53 has one key, whether it was a number or a bigint. */
function storedKey(given: Key): Key {
  const db = openMemory();
  db.map("m").putSync(given, 1);
  const [known] = db.map("m").keys();
  return known;
}

function sameKeys(a: Key, b: Key): boolean {
  return toJsonText(storedKey(a)) === toJsonText(storedKey(b));
}

/** Bigints as digits, as other programs write them. */
function withDigits(given: unknown): string {
  const digits = new Map<string, bigint>();
  const json = JSON.stringify(toJson(given));
  for (const [form, found] of json.matchAll(/\{"\$bigint":"(-?\d+)"\}/g)) digits.set(form, BigInt(found));
  return [...digits].reduce((out, [form, found]) => out.replaceAll(form, String(found)), json);
}

function onlyEntry(db: Database): [Key, unknown] {
  const [entry] = db.range();
  return [entry[0], entry[1]];
}

test("put, get --json and history --json, of any key and value", async () => {
  await fc.assert(
    fc.asyncProperty(key, value, fc.boolean(), async (k, v, areDigits) => {
      const file = fresh();
      const db = ["--db", file];
      const write = areDigits ? withDigits : toJsonText;
      expect((await llmdb(["put", "--key-json", ...db, "--", write(k), write(v)])).err).toContain("created");
      const opened = open(file, { readOnly: true });
      const [foundKey, foundValue] = onlyEntry(opened);
      opened.closeSync();
      expect([toJsonText(foundKey), toJsonText(foundValue)]).toEqual([toJsonText(storedKey(k)), toJsonText(stored(v))]);
      for (const verb of ["get", "history"]) {
        const { out } = await llmdb([verb, "--json", "--key-json", ...db, "--", write(k)]);
        const shown = fromJson(readJson(out, 1000));
        expect(shown).toMatchObject({ value: stored(v) });
        const shownKey = isObject(shown) ? asKey(property(shown, "key")) : undefined;
        expect(shownKey !== undefined && sameKeys(shownKey, k)).toBe(true);
      }
    }),
    { numRuns: effort(12), examples: [[[[-(2 ** 53)]], false, false]] },
  );
});

test("export and import, of any keys, values and metadata, in the forms and in digits", async () => {
  const entries = fc.uniqueArray(fc.tuple(key, value), { comparator: ([a], [b]) => sameKeys(a, b), maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(entries, value, fc.boolean(), async (given, meta, areDigits) => {
      const [from, to] = [fresh(), fresh()];
      const db = open(from);
      for (const [k, v] of given) db.transactionSync((tx) => tx.put(k, v), { meta });
      for (const [k, v] of given) db.map("m").putSync(k, v);
      const lines: string[] = [];
      await jsonlExport.write(db, { maps: true }, { transactions: 0, changes: 0, entries: 0 }, async (line) => {
        lines.push(areDigits ? withDigits(fromJson(readJson(line, 1000))) : line);
      });
      const all = [...db.range()];
      const plain = [...db.map("m").range()];
      db.closeSync();
      const ended = await llmdb(["import", "-", "--db", to], { input: lines.join("\n") });
      expect(ended.code).toBe(0);
      const copy = open(to, { readOnly: true });
      expect(toJsonText([...copy.range()])).toBe(toJsonText(all));
      expect(toJsonText([...copy.map("m").range()])).toBe(toJsonText(plain));
      for (const { meta: noted } of copy.transactions()) expect(toJsonText(noted)).toBe(toJsonText(stored(meta)));
      copy.closeSync();
    }),
    { numRuns: effort(12) },
  );
});

test("what two ids differ in is told by every command that shows it", async () => {
  const file = fresh();
  const db = ["--db", file];
  const input = ["601", "602"].map(
    (end) => `{"key":["post",7205759403792793${end}],"value":{"id":7205759403792793${end}}}`,
  );
  expect((await llmdb(["import", "-", ...db], { input: input.join("\n") })).code).toBe(0);
  const form = { $bigint: "7205759403792793601" };
  expect((await llmdb(["get", '["post",7205759403792793601]', ...db])).out).toContain("7205759403792793601");
  for (const args of [
    ["as-of", "--prefix", '["post",7205759403792793601]'],
    ["diff", "--to-tx", "1", "--from-tx", "0"],
  ]) {
    const [line] = jsonLines((await llmdb([...args, "--json", ...db])).out);
    expect(line).toMatchObject({ key: ["post", form] });
  }
  const [first] = jsonLines((await llmdb(["transactions", "--json", ...db])).out);
  expect(first).toMatchObject({ changes: [{ key: ["post", form] }] });
  expect((await llmdb(["put", "k", "v", "--meta", '{"id":7205759403792793601}', ...db])).code).toBe(0);
  expect((await llmdb(["transactions", "--json", "--reverse", "--limit", "1", ...db])).out).toContain(
    JSON.stringify(form),
  );
  const remembered = await llmdb(["remember", "--subject", "s", "--object", "7205759403792793601", "--id", "i", ...db]);
  if (remembered.code === 0) expect((await llmdb(["get", "i", ...db])).out).toContain("7205759403792793601");
  else expect(remembered.err).toContain("object is");
});

test("JSON that cannot be read exactly is refused by name, and not taken as text", async () => {
  const db = ["--db", fresh()];
  for (const bad of ["1e999", `[${"1".repeat(10_001)}]`, `${"[".repeat(3000)}${"]".repeat(3000)}`]) {
    expect(await llmdb(["put", "k", bad, ...db])).toMatchObject({
      code: 2,
      err: expect.stringContaining("LLMDB_INVALID"),
    });
    const { code, err } = await llmdb(["import", "-", ...db], { input: `{"key":"k","value":${bad}}` });
    expect([code, err]).toEqual([1, expect.stringMatching(/line 1: (a number|an integer|nested)/)]);
    expect((await llmdb(["put", "k", bad, "--text", ...db])).code).toBe(0);
    expect((await llmdb(["as-of", ...db])).code).toBe(0);
  }
  const { err } = await llmdb(["import", "-", ...db], { input: '{"key":"k","op":9007199254740993}' });
  expect(err).toContain("line 1: its op is");
});
