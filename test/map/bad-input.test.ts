/**
 * Wrong input of every kind: an `LlmdbError` with its code and a message that says what to do, and the file as it was.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { type Database, LlmdbError, type OpenOptions, open, openMemory } from "../../index.js";
import { encodeMeta } from "../../pager/meta.js";
import { PagePointer } from "../../pager/page-pointer.js";

const folder = mkdtempSync(join(tmpdir(), "llmdb-bad-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** What a caller without types can pass. */
const wrong = (value: unknown): never => value as never;

async function errorOf(use: () => unknown): Promise<LlmdbError> {
  try {
    await use();
  } catch (error) {
    expect(error).toBeInstanceOf(LlmdbError);
    return error as LlmdbError;
  }
  throw new Error("nothing was thrown");
}

let files = 0;
function newDatabase(): string {
  const path = join(folder, `${++files}.llmdb`);
  const db = open(path, { pageSize: 4096 });
  db.map("numbers").putSync("one", 1);
  db.map("text", { values: "string" }).putSync("a", "b");
  db.closeSync();
  return path;
}

describe("arguments", () => {
  const cases: [string, string, RegExp, (db: Database) => unknown][] = [
    ["a key of undefined", "INVALID_ARGUMENT", /cannot be a key; keys are/, (db) => db.map("m").get(wrong(undefined))],
    ["an object as key", "INVALID_ARGUMENT", /cannot be a key/, (db) => db.map("m").putSync(wrong({}), 1)],
    ["a key of NaN", "INVALID_ARGUMENT", /NaN/, (db) => db.map("m").has(Number.NaN)],
    ["a hole in a tuple", "INVALID_ARGUMENT", /hole/, (db) => db.map("m").delete(wrong([1, undefined]))],
    ["a lone surrogate", "INVALID_ARGUMENT", /surrogate/, (db) => db.map("m").putSync("\ud800", 1)],
    ["a key that is too long", "KEY_TOO_LONG", /shorten it|larger pages/, (db) => db.map("m").put("x".repeat(600), 1)],
    ["a function as value", "INVALID_ARGUMENT", /cannot be stored; store/, (db) => db.map("m").putSync("f", () => 1)],
    [
      "text in a map of bytes",
      "INVALID_ARGUMENT",
      /Uint8Array/,
      (db) => db.map("b", { values: "bytes" }).put("x", "y"),
    ],
    ["a number in a map of strings", "INVALID_ARGUMENT", /stores strings/, (db) => db.map("text").put("x", 1)],
    [
      "another format than the stored",
      "INVALID_ARGUMENT",
      /stores its values as string/,
      (db) => db.map("text", { values: "json" }),
    ],
    [
      "a format that does not exist",
      "INVALID_ARGUMENT",
      /values is one of/,
      (db) => db.map("m", { values: wrong("xml") }),
    ],
    [
      "an unknown option of map",
      "INVALID_ARGUMENT",
      /no option "value"; it has values/,
      (db) => db.map("m", wrong({ value: "json" })),
    ],
    ["a map without a name", "INVALID_ARGUMENT", /at least one character/, (db) => db.map("")],
    ["a number as map name", "INVALID_ARGUMENT", /is a string/, (db) => db.map(wrong(7))],
    ["a very long map name", "INVALID_ARGUMENT", /at most \d+ bytes/, (db) => db.map("n".repeat(5000))],
    [
      "an unknown option of range",
      "INVALID_ARGUMENT",
      /no option "from"; it has gt/,
      (db) => db.map("m").range(wrong({ from: 1 })),
    ],
    ["a range that is a string", "INVALID_ARGUMENT", /a range is an object/, (db) => db.map("m").keys(wrong("a"))],
    ["a limit below zero", "INVALID_ARGUMENT", /limit is a whole number/, (db) => db.map("m").values({ limit: -1 })],
    ["half an offset", "INVALID_ARGUMENT", /offset is a whole number/, (db) => db.map("m").count({ offset: 0.5 })],
    ["reverse: 1", "INVALID_ARGUMENT", /reverse is true or false/, (db) => db.map("m").range({ reverse: wrong(1) })],
    ["a number as prefix", "INVALID_ARGUMENT", /a prefix is/, (db) => db.map("m").range({ prefix: 1 })],
    ["clear with a limit", "INVALID_ARGUMENT", /clear takes gt/, (db) => db.map("m").clearSync({ limit: 1 })],
    ["a transaction without a body", "INVALID_ARGUMENT", /takes a function/, (db) => db.transaction(wrong(undefined))],
    ["an async body", "INVALID_ARGUMENT", /may not be async/, (db) => db.transaction(wrong(async () => {}))],
    [
      "a body that returns a promise",
      "INVALID_ARGUMENT",
      /may not be async/,
      (db) => db.transactionSync(() => Promise.resolve(1)),
    ],
    [
      "an async nested body",
      "INVALID_ARGUMENT",
      /may not be async/,
      (db) => db.transaction((tx) => tx.transaction(wrong(async () => {}))),
    ],
    [
      "an unknown durability",
      "INVALID_ARGUMENT",
      /durability is one of/,
      (db) => db.transaction(() => {}, { durability: wrong("maybe") }),
    ],
    [
      "an unknown option of transaction",
      "INVALID_ARGUMENT",
      /no option "sync"/,
      (db) => db.transaction(() => {}, wrong({ sync: 1 })),
    ],
    [
      "a write inside a transaction",
      "INVALID_ARGUMENT",
      /write through it/,
      (db) => db.transactionSync(() => db.map("m").putSync(1, 1)),
    ],
    [
      "verify inside a transaction",
      "INVALID_ARGUMENT",
      /after the body/,
      (db) => db.transactionSync(() => db.verify()),
    ],
    [
      "close inside a transaction",
      "INVALID_ARGUMENT",
      /after the body/,
      (db) => db.transactionSync(() => db.closeSync()),
    ],
    ["backup without a path", "INVALID_ARGUMENT", /path of the copy/, (db) => db.backup(wrong(undefined))],
    ["backup over a file", "INVALID_ARGUMENT", /exists already/, (db) => db.backup(db.path)],
    ["backup into a missing folder", "NOT_FOUND", /folder/, (db) => db.backup(join(folder, "missing", "copy"))],
    [
      "an unknown option of backup",
      "INVALID_ARGUMENT",
      /no option/,
      (db) => db.backup(join(folder, "x"), wrong({ fast: true })),
    ],
  ];

  test.each(cases)("%s", async (_name, code, message, use) => {
    const path = newDatabase();
    const before = readFileSync(path);
    const db = open(path);
    const error = await errorOf(() => use(db));
    expect(error.code).toBe(`LLMDB_${code}`);
    expect(error.message).toMatch(message);
    expect(db.verify().problems).toEqual([]);
    expect([...db.map("numbers").range()]).toEqual([["one", 1]]);
    expect(db.mapNames()).toEqual(["numbers", "text"]);
    await db.close();
    expect(Buffer.compare(readFileSync(path), before)).toBe(0);
  });
});

describe("options of open", () => {
  const cases: [string, OpenOptions][] = [
    ['no option "readonly"; it has readOnly', wrong({ readonly: true })],
    ["options of open are an object", wrong("path")],
    ["options of open are an object", wrong(null)],
    ["pageSize is one of 4096, 8192, 16384, 32768, 65536, not 1000", { pageSize: wrong(1000) }],
    ["has pages of 4096 bytes, not 8192; leave pageSize out", { pageSize: 8192 }],
    ["cacheBytes is a number of bytes", { cacheBytes: -1 }],
    ["cacheBytes is a number of bytes", { cacheBytes: Number.NaN }],
    ["pageSource is one of auto, pread, mmap", { pageSource: wrong("ftp") }],
    ["durability is one of durable, buffered", { durability: wrong("none") }],
    ["checkpointBytes is a number of bytes", { checkpointBytes: wrong("many") }],
    ["readOnly is true or false", { readOnly: wrong("yes") }],
    ["create is true or false", { create: wrong(0) }],
    ["clock is a function", { clock: wrong(0) }],
    ["storage is an object with the methods", { storage: {} }],
  ];

  test.each(cases)("%s", async (message, options) => {
    const path = newDatabase();
    const before = readFileSync(path);
    const error = await errorOf(() => open(path, options));
    expect(error.code).toBe("LLMDB_INVALID_ARGUMENT");
    expect(error.message).toContain(message);
    expect(Buffer.compare(readFileSync(path), before)).toBe(0);
    open(path).closeSync();
  });

  test("the path", async () => {
    for (const path of ["", wrong(undefined), wrong(7)]) {
      expect((await errorOf(() => open(path))).message).toMatch(/path of a file as a string/);
    }
  });
});

describe("files", () => {
  function withBytes(bytes: Uint8Array): string {
    const path = join(folder, `${++files}.other`);
    writeFileSync(path, bytes);
    return path;
  }
  const meta = encodeMeta({
    pageSize: 4096,
    id: new Uint8Array(16),
    tx: 0,
    timeMicros: 0,
    moves: 0,
    pages: 2,
    directory: new PagePointer(),
    directoryDepth: 0,
    previousTx: 0,
    log: { position: 0, crc: 0 },
    checkpoint: 0,
    unerased: false,
    freeList: new Uint8Array(0),
  });

  async function refused(path: string, code: string, message: RegExp, options?: OpenOptions): Promise<void> {
    const names = readdirSync(folder);
    for (const more of [{}, { readOnly: true }]) {
      const error = await errorOf(() => open(path, { ...options, ...more }));
      expect(error.code).toBe(`LLMDB_${code}`);
      expect(error.message).toMatch(message);
    }
    expect(readdirSync(folder)).toEqual(names);
  }

  test("a directory", async () => {
    const path = join(folder, "directory");
    mkdirSync(path);
    await refused(path, "NOT_A_DATABASE", /is not a file; give the path of a file/);
    expect(readdirSync(path)).toEqual([]);
  });

  test("a text file, and files of other databases", async () => {
    for (const text of ["x", "hello\n".repeat(2000), `SQLite format 3\0${"\0".repeat(9000)}`]) {
      const path = withBytes(Buffer.from(text));
      await refused(path, "NOT_A_DATABASE", /is not an LLMDB database; check the path/);
      expect(readFileSync(path, "latin1")).toBe(text);
    }
  });

  test("a newer format", async () => {
    const { crc32 } = await import("node:zlib");
    const newer = new Uint8Array(8192);
    newer.set(meta);
    const views = new DataView(newer.buffer);
    views.setUint32(8, 2, true);
    views.setUint32(252, crc32(newer.subarray(0, 252)), true);
    const path = withBytes(newer);
    await refused(path, "FORMAT_VERSION", /has format 2; this llmdb reads format 1/);
    expect(Buffer.compare(readFileSync(path), newer)).toBe(0);
  });

  test("a missing file and a missing folder", async () => {
    await refused(join(folder, "missing"), "NOT_FOUND", /there is no database at .*; check the path/, {
      create: false,
    });
    const nowhere = join(folder, "no", "such", "folder.llmdb");
    await refused(nowhere, "NOT_FOUND", /folder|no database/);
  });

  test("one that is open for writing", async () => {
    const path = newDatabase();
    const db = open(path);
    const error = await errorOf(() => open(path));
    expect(error.code).toBe("LLMDB_LOCKED");
    expect(error.message).toMatch(/close it there, or open it with readOnly/);
    db.closeSync();
  });
});

describe("handles that are over", () => {
  test("a closed database", async () => {
    const db = openMemory();
    const map = db.map("m");
    map.putSync("a", 1);
    const entries = map.range();
    const snapshot = db.snapshot();
    await db.close();
    await db.close();
    db.closeSync();
    const uses: (() => unknown)[] = [
      () => map.get("a"),
      () => map.getBytes("a"),
      () => map.view("a", () => 1),
      () => map.has("a"),
      () => map.range(),
      () => map.count(),
      () => map.put("a", 2),
      () => map.putSync("a", 2),
      () => map.delete("a"),
      () => map.clear(),
      () => entries.next(),
      () => snapshot.map("m"),
      () => db.map("m"),
      () => db.mapNames(),
      () => db.dropMap("m"),
      () => db.transaction(() => 1),
      () => db.transactionSync(() => 1),
      () => db.snapshot(),
      () => db.stats(),
      () => db.verify(),
      () => db.checkpoint(),
      () => db.compact(),
      () => db.backup("copy"),
    ];
    for (const use of uses) {
      const error = await errorOf(use);
      expect([error.code, String(use)]).toEqual(["LLMDB_CLOSED", String(use)]);
      expect(error.message).toMatch(/open it again/);
    }
    snapshot.close();
  });

  test("a closed snapshot", async () => {
    const db = openMemory();
    db.map("m").putSync("a", 1);
    const snapshot = db.snapshot();
    const map = snapshot.map("m");
    const entries = map.range();
    snapshot.close();
    snapshot.close();
    for (const use of [() => map.get("a"), () => map.count(), () => entries.next(), () => snapshot.map("m")]) {
      const error = await errorOf(use);
      expect(error.code).toBe("LLMDB_CLOSED");
      expect(error.message).toMatch(/snapshot is closed; open another/);
    }
    expect(db.map("m").get("a")).toBe(1);
  });

  test("a transaction that is over", async () => {
    const db = openMemory();
    const left = db.transactionSync((tx) => {
      const map = tx.map<string, number>("m");
      map.put("a", 1);
      return { tx, map, entries: map.range() };
    });
    const uses = [
      () => left.map.get("a"),
      () => left.map.put("b", 2),
      () => left.entries.next(),
      () => left.tx.map("m"),
      () => left.tx.transaction(() => 1),
    ];
    for (const use of uses) {
      const error = await errorOf(use);
      expect(error.code).toBe("LLMDB_CLOSED");
      expect(error.message).toMatch(/transaction is over/);
    }
    expect(db.map("m").get("b")).toBeUndefined();
  });

  test("writes on a read-only handle", async () => {
    const path = newDatabase();
    const before = readFileSync(path);
    const db = open(path, { readOnly: true });
    const map = db.map("numbers");
    const uses = [
      () => map.put("b", 2),
      () => map.putSync("b", 2),
      () => map.delete("one"),
      () => map.clearSync(),
      () => db.dropMap("numbers"),
      () => db.transaction(() => 1),
      () => db.checkpoint(),
      () => db.compact(),
    ];
    for (const use of uses) {
      const error = await errorOf(use);
      expect(error.code).toBe("LLMDB_READ_ONLY");
      expect(error.message).toMatch(/open it without readOnly/);
    }
    expect(map.get("one")).toBe(1);
    expect(db.verify().problems).toEqual([]);
    await db.close();
    expect(Buffer.compare(readFileSync(path), before)).toBe(0);
  });

  test("close that was refused inside a transaction works after it", async () => {
    const db = openMemory();
    const refusals: Promise<void>[] = [];
    db.transactionSync(() => refusals.push(db.close()));
    expect((await errorOf(() => refusals[0])).message).toMatch(/after the body/);
    await db.close();
    expect((await errorOf(() => db.stats())).code).toBe("LLMDB_CLOSED");
  });
});
