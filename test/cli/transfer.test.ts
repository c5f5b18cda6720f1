/** `export` and `import`: what comes out goes in again, the same to the byte; what is bad is named and left out. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { ImportReport } from "../../cli/formats/format.js";
import { jsonlExport } from "../../cli/formats/jsonl-export.js";
import { jsonlImport } from "../../cli/formats/jsonl-import.js";
import { type Line, linesOf } from "../../cli/formats/lines.js";
import { type Database, type Key, open, openMemory, type Transaction } from "../../index.js";
import { effort } from "../effort.js";
import { jsonLines, llmdb, scratchFolder } from "./in-process.js";

const folder = scratchFolder();

async function exported(db: Database, maps = false): Promise<string[]> {
  const lines: string[] = [];
  await jsonlExport.write(db, { maps }, { transactions: 0, changes: 0, entries: 0 }, async (line) => {
    lines.push(line);
  });
  return lines;
}

async function* numbered(lines: readonly string[]): AsyncGenerator<Line> {
  for (const [i, text] of lines.entries()) yield { number: i + 1, text };
}

async function imported(lines: readonly string[]): Promise<Database> {
  const db = openMemory();
  const report = new ImportReport();
  await jsonlImport.read(db, numbered(lines), report);
  expect(report.problems).toEqual([]);
  return db;
}

/** All that is known of keys, without numbers of transactions, which start anew. */
function slicesOf(db: Database, keys: readonly (readonly [number, Key])[]): unknown[] {
  return keys.map(([partition, key]) =>
    db
      .partition(partition)
      .versions(key)
      .map(({ value, validFrom, validTo, knownFrom, knownTo }) => [value, validFrom, validTo, knownFrom, knownTo]),
  );
}

const KEYS: readonly (readonly [number, Key])[] = [
  [0, "a"],
  [0, ["b", 1, null]],
  [7, "a"],
  [300, new Uint8Array([1, 2])],
  [0, 12345678901234567890n],
];

const whole = (max: number) => fc.nat({ max });
const value = fc.oneof(
  fc.constantFrom<unknown>("x", "5", null, true, 2n ** 70n, Number.NaN, Number.NEGATIVE_INFINITY, 0.1),
  fc.constantFrom<unknown>(new Date(1e12), new Uint8Array([0, 255]), { $date: 1 }, { $object: { $bytes: "" } }),
  fc.string({ maxLength: 5, unit: "binary" }),
  fc.dictionary(fc.string({ maxLength: 3 }), fc.oneof(fc.integer(), fc.constant([{ $number: "NaN" }, 1n]))),
  fc.constant("long ".repeat(500)),
);
const operation = fc.record({
  op: fc.constantFrom("put", "put", "put", "delete", "delete", "update", "patch", "erase"),
  key: whole(KEYS.length - 1),
  value,
  // In days of 1971; 0 is left out or open.
  from: whole(9),
  to: whole(9),
  open: fc.boolean(),
});
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;
const history = fc.array(
  fc.record({
    operations: fc.array(operation, { maxLength: 4 }),
    meta: fc.option(value, { nil: undefined }),
    erases: fc.nat({ max: 12 }).map((n) => n === 0),
    gap: fc.constantFrom(0.001, 0.25, 1, 86_400_000),
  }),
  { maxLength: 14 },
);

const DAY = 86_400_000;
const START = 365 * DAY;

function perform(tx: Transaction, { op, key: index, value, from, to, open: isOpen }: Operation, erases: boolean): void {
  const [partition, key] = KEYS[index];
  const store = tx.partition(partition);
  const ends = from === 0 && to === 0 ? {} : { validFrom: START + Math.min(from, to) * DAY };
  const upper = START + (Math.max(from, to) + 1) * DAY;
  const valid =
    from === 0 && to === 0 ? {} : isOpen ? { validFrom: Number.NEGATIVE_INFINITY } : { ...ends, validTo: upper };
  if (op === "put") store.put(key, value, valid);
  else if (op === "delete") store.delete(key, valid);
  else if (op === "update") store.update(key, (old) => [old, 1].slice(0, 2), valid);
  else if (op === "erase" && erases) store.erase(key);
  else if (op === "patch" && store.versions(key).length === 0) store.patch(key, { p: 1 }, valid);
}

type History = typeof history extends fc.Arbitrary<infer T> ? T : never;

/** A database with this history; it forgets what was known before one of the transactions. */
async function recorded(transactions: History, forgetAt: number): Promise<Database> {
  let time = START;
  const db = openMemory({ clock: () => time });
  await db.put("first", 1);
  for (const [i, { operations, meta, erases, gap }] of transactions.entries()) {
    time += gap;
    const options = { time, ...(meta !== undefined && { meta }) };
    db.transactionSync((tx) => {
      for (const one of operations) perform(tx, one, erases);
    }, options);
    if (i !== forgetAt) continue;
    await db.forgetHistory({ before: Math.min(time, lastTime(db)) });
    // That took transactions of its own.
    time += 1000;
  }
  return db;
}

function lastTime(db: Database): number {
  const [last] = db.transactions({ reverse: true, limit: 1 });
  return last.time;
}

test("export, import, export: the same bytes, the same slices", async () => {
  await fc.assert(
    fc.asyncProperty(history, async (transactions) => {
      const first = await recorded(transactions, -1);
      const lines = await exported(first);
      const second = await imported(lines);
      expect(await exported(second)).toEqual(lines);
      expect(slicesOf(second, KEYS)).toEqual(slicesOf(first, KEYS));
      expect(second.verify().problems).toEqual([]);
      first.closeSync();
      second.closeSync();
    }),
    { numRuns: effort(50) },
  );
});

test("of forgotten history what is left is exported", async () => {
  await fc.assert(
    fc.asyncProperty(history, fc.nat({ max: 8 }), async (transactions, forgetAt) => {
      const first = await recorded(transactions, forgetAt);
      const lines = await exported(first);
      const second = await imported(lines);
      expect(await exported(second)).toEqual(lines);
      expect(slicesOf(second, KEYS)).toEqual(slicesOf(first, KEYS));
      first.closeSync();
      second.closeSync();
    }),
    { numRuns: effort(20) },
  );
});

test("plain maps of all forms go with --maps, and not without", async () => {
  const first = openMemory();
  await first.put("fact", 1);
  await first.map("m").put(["k", 1n], { at: new Date(5) });
  await first.map("j", { values: "json" }).put(null, [1]);
  await first.map("b", { values: "bytes" }).put("k", new Uint8Array([1]));
  await first.map<string, string>("s", { values: "string" }).put("k", "v");
  expect(await exported(first)).toHaveLength(1);
  const lines = await exported(first, true);
  const second = await imported(lines);
  expect(await exported(second, true)).toEqual(lines);
  expect(second.map("b", { values: "bytes" }).get("k")).toEqual(new Uint8Array([1]));
  expect(second.map("m").get(["k", 1])).toEqual({ at: new Date(5) });
});

test("lines are found whatever the chunks, and broken bytes are named", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.string({ unit: "grapheme" })), fc.integer({ min: 1, max: 9 }), async (texts, size) => {
      const wanted = texts.map((text) => text.replace(/[\r\n\ufeff]/g, ""));
      const bytes = Buffer.from(wanted.map((text) => `${text}\n`).join(""));
      const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
        bytes.subarray(i * size, (i + 1) * size),
      );
      const found = await collect(linesOf(streamOf(chunks)));
      expect(found).toEqual(wanted.map((text, i) => ({ number: i + 1, text })));
    }),
    { numRuns: effort(40) },
  );
  const broken = await collect(linesOf(streamOf([Buffer.from([97, 10, 0xff, 10, 98, 13])])));
  expect(broken.map(({ text }) => text)).toEqual(["a", undefined, "b"]);
});

async function collect<T>(from: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const one of from) all.push(one);
  return all;
}

async function* streamOf(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

test("bad lines are named, good ones are imported, the exit code says so", async () => {
  const path = join(folder, "bad.jsonl");
  const good = '{"key":"a","value":1,"validFrom":"2020-01-01"}';
  const lines = [
    good,
    "",
    "nonsense",
    "5",
    '{"key":"b"}',
    '{"key":"b","value":1,"valid_from":"2020"}',
    '{"key":"b","value":1,"validFrom":"2020-02-30"}',
    '{"key":{"no":1},"value":1}',
    '{"key":"b","value":{"$bytes":5}}',
    '{"key":"b","value":1,"partition":-1}',
    '{"time":"2999","changes":[]}',
    '{"changes":[{"key":"c","value":1},{"key":"c","op":"undo"}]}',
    '{"map":"m","key":"k","value":1}',
    '{"map":"m","values":"json","key":"k","value":1}',
    '{"key":"a","op":"delete","validFrom":"2021-01-01"}',
    '{"time":null,"changes":[]}',
    '{"key":"half","val',
  ];
  writeFileSync(path, lines.join("\n"));
  const db = join(folder, "bad.llmdb");
  const { code, out, err } = await llmdb(["import", path, "--db", db, "--json"]);
  const report = JSON.parse(out);
  expect(report.problems.map(({ line }: { line: number }) => line).sort((a: number, b: number) => a - b)).toEqual([
    3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 16, 17,
  ]);
  expect(report).toMatchObject({ lines: 17, transactions: 2, changes: 2, entries: 1, badLines: 13 });
  expect(code).toBe(1);
  expect(err).toContain("line 17: it is not JSON, or only a part of it\n");
  expect(err).toMatch(/^llmdb: created /);
  const history = jsonLines((await llmdb(["history", "a", "--db", db, "--json"])).out);
  expect(history).toHaveLength(2);
  expect(history[0]).toMatchObject({ validFrom: "2020-01-01T00:00:00Z", validTo: "2021-01-01T00:00:00Z" });
  expect((await llmdb(["get", "half", "--db", db])).code).toBe(1);
});

test("what is no fault of a line ends the import", async () => {
  for (const line of ['{"key":"a","value":1}', '{"map":"m","key":"k","value":1}']) {
    const db = openMemory();
    db.closeSync();
    const report = new ImportReport();
    await expect(jsonlImport.read(db, numbered([line]), report)).rejects.toMatchObject({ code: "LLMDB_CLOSED" });
    expect(report.badLines).toBe(0);
  }
});

test("through files and standard streams", async () => {
  const db = join(folder, "first.llmdb");
  const copy = join(folder, "copy.llmdb");
  const file = join(folder, "first.jsonl");
  const first = open(db);
  for (let i = 0; i < 30; i++) await first.transaction((tx) => tx.put(`k${i % 7}`, { i }), { meta: { i } });
  await first.close();
  const { code, out } = await llmdb(["export", file, "--db", db, "--json"]);
  expect([code, JSON.parse(out)]).toEqual([0, { file, transactions: 30, changes: 30, entries: 0 }]);
  const text = readFileSync(file, "utf8");
  expect((await llmdb(["export", "--db", db])).out).toBe(text);
  expect(await llmdb(["import", "-", "--db", copy], { input: text })).toMatchObject({
    code: 0,
    out: "imported 30 transactions with 30 changes\n",
  });
  expect((await llmdb(["export", "--db", copy])).out).toBe(text);
  // What is older than the last transaction cannot be recorded any more.
  const again = await llmdb(["import", file, "--db", copy, "--json"]);
  expect([again.code, JSON.parse(again.out).badLines]).toEqual([1, 30]);
  expect(again.err).toContain("and 10 more bad lines");
  expect((await llmdb(["export", file, "--db", db])).code).toBe(2);
  expect((await llmdb(["export", file, "--db", db, "--force"])).code).toBe(0);
  expect(readdirSync(folder).filter((name) => name.includes("unfinished"))).toEqual([]);
});

test("files that are not there", async () => {
  const db = join(folder, "none.llmdb");
  const missing = await llmdb(["import", join(folder, "none.jsonl"), "--db", db]);
  expect([missing.code, existsSync(db)]).toEqual([1, false]);
  expect(missing.err).toContain("there is no such file");
  expect((await llmdb(["import", folder, "--db", db])).code).toBe(2);
  expect((await llmdb(["export", "--db", db])).code).toBe(1);
  expect((await llmdb(["export", "--db", db, "--format", "xml"])).code).toBe(2);
});
