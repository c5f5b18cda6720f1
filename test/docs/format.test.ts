/**
 * `docs/format.md` against the code: databases are made through the public API and read by a second reader that was
 * written from the document. What the two say must be the same, to the last page.
 */
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect, isDeepStrictEqual } from "node:util";
import { decode } from "@msgpack/msgpack";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Database, type Key, type OpenOptions, open } from "../../index.js";
import { readKey } from "./second-keys.js";
import { type Checkpoint, Damage, readCheckpoints, SecondReader } from "./second-reader.js";

type PageSize = NonNullable<OpenOptions["pageSize"]>;
/** By map, in order: each key and its value as a line of text. */
type Contents = Record<string, string[]>;

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "llmdb-format-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** The same numbers in every run. */
function numbersFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Maps with every kind of key and value, many splits and merges, and holes in the file. */
function fill(db: Database): void {
  const below = numbersFrom(7);
  const text = (length: number): string => Array.from({ length }, () => "abcdé\0\u0001"[below(7)]).join("");
  db.transactionSync((tx) => {
    const tuples = tx.map<Key>("tuples");
    for (let i = 0; i < 3000; i++) tuples.put(["product", `cycle ${below(40)}`, below(1e9)], { i, at: [i, null] });
    const long = tx.map<string, string>("long keys", { values: "string" });
    for (let i = 0; i < 300; i++) long.put(`${"p".repeat(300)}${text(below(80))}${i}`, text(below(200)));
    // Neighbours that differ late, in groups that differ early: long separators under a short prefix.
    for (let i = 0; i < 1000; i++) long.put(`${below(60)}${"q".repeat(250)}${i}`, text(20));
    const large = tx.map<number, Uint8Array>("large", { values: "bytes" });
    for (let i = 0; i < 300; i++) large.put(i, new Uint8Array(below(3) * 5000 + below(2000)).fill(i));
  });
  db.transactionSync((tx) => {
    const all = tx.map<Key, unknown>("all types", { values: "json" });
    const numbers = [0, 1, -1, 1.5, -1.5, 0.5, 300, 1e-300, 2 ** 53, -(2 ** 63), 1e300, Infinity, -Infinity];
    const keys: Key[] = [
      null,
      true,
      false,
      ...numbers,
      2n ** 64n,
      -(2n ** 200n),
      "",
      "a\0b",
      new Uint8Array([0, 1, 2]),
    ];
    for (const key of keys) {
      all.put(key, String(key));
      all.put([key, [key, "x"]], [1]);
    }
    all.put([], {});
    tx.map("a map with a name that is longer, ä 日本").put("k", "v");
    tx.map("emptied").put("k", "v");
    tx.map<Key>("tuples").clear({ prefix: ["product", "cycle 3"] });
    for (let i = 0; i < 300; i += 2) tx.map<number>("large").delete(i);
  });
  // What was freed can be used again once neither meta page reaches it.
  for (let i = 0; i < 2; i++) db.map<number>("large").putSync(0, new Uint8Array(1));
  db.transactionSync((tx) => {
    tx.map("emptied").clear();
    // Longer than the holes, so that they go to several of them.
    for (let i = 0; i < 30; i++) tx.map<number>("large").put(1000 + i, new Uint8Array(40_000).fill(i + 1));
    const tuples = tx.map<Key, unknown>("tuples");
    for (const key of [...tuples.keys({ limit: 500, offset: 1000 })]) tuples.put(key, "shorter");
    for (const key of [...tuples.keys({ limit: 500, offset: 2000 })]) tuples.delete(key);
  });
}

function line(key: Key, value: Uint8Array): string {
  const bytes =
    value.length > 100 ? createHash("sha256").update(value).digest("hex") : Buffer.from(value).toString("hex");
  return `${inspect(key, { depth: null, maxStringLength: null, maxArrayLength: null })} = ${bytes}`;
}

/** What the API gives. */
function contentsOf(db: Database): Contents {
  const lines = db.mapNames().map((name) => {
    const map = db.map(name);
    return [name, [...map.keys()].map((key) => line(key, map.getBytes(key)!))];
  });
  return Object.fromEntries(lines);
}

/** What the second reader gives; every page must be in exactly one place. */
function readSecond(file: Buffer, checkpoint: Checkpoint): { reader: SecondReader; contents: Contents } {
  const reader = new SecondReader(file, checkpoint);
  const lines = reader.maps().map(({ name, entries }) => {
    return [name, entries.map(([key, value]) => line(readKey(key), value))];
  });
  reader.accountForPages();
  return { reader, contents: Object.fromEntries(lines) };
}

/** Compares thousands of lines and shows the first that differs. */
function expectSame(read: Contents, written: Contents): void {
  expect(Object.keys(read)).toEqual(Object.keys(written));
  for (const [name, lines] of Object.entries(written)) {
    const differs = lines.findIndex((text, i) => read[name][i] !== text);
    expect([name, read[name][differs]]).toEqual([name, lines[differs]]);
    expect(read[name].length).toBe(lines.length);
  }
}

function newest(file: Buffer): Checkpoint {
  return readCheckpoints(file)[0];
}

test.each([4096, 8192, 65536] as PageSize[])("a database with pages of %i bytes reads the same", async (pageSize) => {
  const path = join(folder, "all.llmdb");
  const db = open(path, { pageSize });
  fill(db);
  const expected = contentsOf(db);
  const formats = { tuples: "msgpack", "long keys": "string", large: "bytes", "all types": "json" };
  const stats = db.stats();
  await db.close();

  const file = readFileSync(path);
  const checkpoint = newest(file);
  expect(checkpoint).toMatchObject({ pageSize, tx: stats.lastTx, pages: stats.pages });
  expect(checkpoint.timeMicros / 1000).toBeGreaterThan(Date.now() - 60_000);
  const { reader, contents } = readSecond(file, checkpoint);
  expectSame(contents, expected);
  for (const map of new SecondReader(file, checkpoint).maps()) {
    expect(map.depth).toBe(stats.maps[map.name].depth);
    if (map.name in formats) expect(map.format).toBe(formats[map.name as keyof typeof formats]);
  }
  // A run that did not meet one of these would prove less than it seems to.
  for (const [what, times] of Object.entries(reader.seen)) {
    if (pageSize === 4096 || !/Prefix|Extents/.test(what)) expect([what, times > 0]).toEqual([what, true]);
  }
  if (pageSize === 4096) expect(stats.maps["long keys"].depth).toBeGreaterThan(2);
});

test("msgpack values are MessagePack", async () => {
  const path = join(folder, "values.llmdb");
  const db = open(path);
  const values = [null, true, -1, 2.5, 70000, "text", [1, ["a"]], { a: { b: [] } }, new Uint8Array([1, 2])];
  for (const [i, value] of values.entries()) db.map("values").putSync(i, value);
  await db.close();
  const file = readFileSync(path);
  const [map] = new SecondReader(file, newest(file)).maps();
  expect(map.entries.map(([, value]) => decode(new Uint8Array(value)))).toEqual(values);
});

test("a new database is two meta pages", () => {
  const path = join(folder, "new.llmdb");
  open(path, { pageSize: 4096 }).closeSync();
  const file = readFileSync(path);
  expect(file.length).toBe(2 * 4096);
  const [second, first] = readCheckpoints(file);
  expect([first.number, second.number]).toEqual([0, 1]);
  expect(first.id).toBe(second.id);
  expect(readSecond(file, second).contents).toEqual({});
});

test("the checkpoint before is whole, too", () => {
  const path = join(folder, "before.llmdb");
  const db = open(path, { pageSize: 4096 });
  fill(db);
  let before = contentsOf(db);
  const below = numbersFrom(11);
  for (let round = 0; round < 8; round++) {
    db.transactionSync((tx) => {
      const tuples = tx.map<Key>("tuples");
      for (let i = 0; i < 30; i++) tuples.put(["product", `cycle ${below(40)}`, below(1e9)], round);
      tx.map<number>("large").delete(below(300));
      tx.map<number>("large").put(below(300), new Uint8Array(below(30_000)));
    });
    const now = contentsOf(db);
    const file = readFileSync(path);
    const [newer, older] = readCheckpoints(file);
    expect(older.tx).toBe(newer.previousTx);
    expectSame(readSecond(file, newer).contents, now);
    // Its own list of free pages is intact as well, so that all its pages can be accounted for.
    expectSame(readSecond(file, older).contents, before);
    before = now;
  }
  db.closeSync();
});

test.each([true, false])("a backup (compact: %s) reads the same and has an id of its own", async (compact) => {
  const path = join(folder, "origin.llmdb");
  const copyPath = join(folder, "copy.llmdb");
  const db = open(path, { pageSize: 4096 });
  fill(db);
  await db.backup(copyPath, { compact });
  const expected = contentsOf(db);
  db.closeSync();
  const copy = readFileSync(copyPath);
  const checkpoint = newest(copy);
  expectSame(readSecond(copy, checkpoint).contents, expected);
  expect(checkpoint.id).not.toBe(newest(readFileSync(path)).id);
});

test("with the checks of the document a flipped bit is found, or changes nothing", () => {
  const path = join(folder, "flipped.llmdb");
  const db = open(path, { pageSize: 4096 });
  fill(db);
  db.closeSync();
  const file = readFileSync(path);
  const { number } = newest(file);
  const whole = new SecondReader(file, newest(file)).maps();
  const below = numbersFrom(13);
  let found = 0;
  for (let i = 0; i < 120; i++) {
    const at = i < 20 ? below(2) * 4096 + below(256) : below(file.length);
    const flip = 1 << below(8);
    file[at] ^= flip;
    try {
      const checkpoint = newest(file);
      const maps = new SecondReader(file, checkpoint).maps();
      // A damaged meta page gives way to the other one, which is an older state.
      if (checkpoint.number === number) expect(isDeepStrictEqual(maps, whole)).toBe(true);
      else found++;
    } catch (error) {
      if (!(error instanceof Damage)) throw error;
      found++;
    }
    file[at] ^= flip;
  }
  expect(found).toBeGreaterThan(40);
});
