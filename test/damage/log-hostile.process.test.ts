/**
 * Hostile logs: what they say is wrong and every checksum is right; and things that are no log at all. Opening, reading
 * and writing end within a second, with typed errors or data that hold together.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Database, LlmdbError, open } from "../../index.js";
import { effort } from "../effort.js";
import { expectSame, Random, type SimulatedDisk } from "../harness/index.js";
import { operation, putTogether, type RecordParts, sealParts, takeApart, u16, u32 } from "./log-builder.js";
import { diskOf, type Files, LogHistory, SECTOR_BYTES } from "./log-image.js";

const path = "killed.llmdb";
/** Far more than any open takes: what is to be seen is that none of them hangs. */
const LIMIT_MS = 10_000;
const LONGEST_KEY = 576;
const BYTES = 3;

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "llmdb-hostile-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const history = new LogHistory(77);
for (let i = 0; i < 3; i++) history.commit();
await history.db.checkpoint();
for (let i = 0; i < 5; i++) history.commit();
const files = history.files();
const log = files.log ?? new Uint8Array(0);

/** Runs one use of the database; a typed error is fine. */
function attempt<T>(use: () => T): T | LlmdbError {
  try {
    return use();
  } catch (error) {
    if (error instanceof LlmdbError) return error;
    throw error;
  }
}

/** Opens, or tells why not; within a second. */
function openWithin(storage: SimulatedDisk, readOnly: boolean, what: string): Database | LlmdbError {
  const started = performance.now();
  const db = attempt(() => open(path, { storage, create: false, readOnly, cacheBytes: 1024 * 1024 }));
  const ms = performance.now() - started;
  expect(ms, `${what}: milliseconds to open`).toBeLessThan(LIMIT_MS);
  return db;
}

function linesOf(db: Database): [string, unknown][] {
  return db.mapNames().map((name) => {
    const lines = attempt(() => [...db.map(name).keys()].map((key) => [key, db.map(name).getBytes(key)]));
    return [name, lines instanceof LlmdbError ? lines.code : lines];
  });
}

/** Opens in both ways; what opens must hold together, now and after it was closed and opened again. */
function tryLog(changed: Buffer, what: string): Database | LlmdbError {
  const hostile: Files = { file: files.file, log: changed };
  const readOnly = openWithin(diskOf(hostile), true, what);
  const storage = diskOf(hostile);
  const db = openWithin(storage, false, what);
  if (readOnly instanceof LlmdbError || db instanceof LlmdbError) {
    const codes = [readOnly, db].map((one) => (one instanceof LlmdbError ? one.code : "opened"));
    expect([what, ...codes]).toEqual([what, "LLMDB_CORRUPT", "LLMDB_CORRUPT"]);
    return db;
  }
  expect([what, db.verify().problems.map(({ what: problem }) => problem)]).toEqual([what, []]);
  const lines = linesOf(db);
  expectSame(linesOf(readOnly), lines, `${what}: read-only`);
  readOnly.closeSync();
  attempt(() => db.map("another").putSync(1, 1));
  attempt(() => db.map("another").deleteSync(1));
  db.closeSync();
  const again = open(path, { storage, create: false });
  expectSame(linesOf(again), withAnother(lines), `${what}: opened again`);
  expect([what, again.verify().ok]).toEqual([what, true]);
  again.closeSync();
  return db;
}

function withAnother(lines: [string, unknown][]): [string, unknown][] {
  const all: [string, unknown][] = [...lines, ["another", []]];
  return all.sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

/** The log with the last commit changed. */
function withLast(change: (last: RecordParts, parts: RecordParts[]) => void): Buffer {
  const parts = takeApart(log);
  const last = parts.at(-1);
  if (last === undefined) throw new Error("the log is empty");
  change(last, parts);
  return putTogether(log, parts);
}

test("put together again, it is the same", () => {
  const db = tryLog(putTogether(log, takeApart(log)), "unchanged");
  expect(db instanceof LlmdbError).toBe(false);
});

const rows = operation.map("rows", BYTES);
/** The key "a", encoded. */
const a = Buffer.from(" a");
const no = Buffer.alloc(0);
const { map, put, clear, drop } = operation;

/** Fields in the form of the log, behind a map operation. */
const withFields = (name: string, ...fields: number[]): Buffer =>
  Buffer.concat([map(name, BYTES | 0x10), Buffer.from([...fields, ...Array<number>(12 - fields.length).fill(0)])]);
/** The last two bytes of keys. */
const tail = [1, 2, 2];

const misfits: Record<string, Buffer[]> = {
  "fields of a map that has none": [withFields("rows", ...tail), put(a, a)],
  "a map that loses its fields": [withFields("new", ...tail), put(a, a), map("new", BYTES), put(a, a)],
  "a map that changes its fields": [withFields("new", ...tail), put(a, a), withFields("new", 1, 1, 1), put(a, a)],
  "no fields where there should be some": [withFields("new"), put(a, a)],
  "a field behind the end of the key": [withFields("new", 1, 1, 2), put(a, a)],
  "a field of 17 bytes": [withFields("new", 3, 0, 17), put(a, a)],
  "a field with unknown bits": [withFields("new", 9, 2, 2), put(a, a)],
  "a key without the field": [withFields("new", ...tail), put(a.subarray(1), a)],
  "a value without the field": [withFields("new", 3, 1, 2), put(a, a)],
  "a long value in a map with fields": [withFields("new", ...tail), put(a, Buffer.alloc(2000))],
  "fields that are cut off": [map("new", BYTES | 0x10), Buffer.of(1, 2, 2)],
};

const bodies: Record<string, Buffer[]> = {
  "no operations": [],
  "an operation that does not exist": [rows, Buffer.of(6)],
  "operation 0": [Buffer.of(0)],
  "a put before any map": [put(a, a)],
  "a drop before any map": [drop],
  "a put behind a drop": [rows, drop, put(a, a)],
  "a drop of what is not there": [map("nobody", BYTES), drop],
  "a second drop": [rows, drop, rows, drop],
  "a map of another format": [map("rows", 1), put(a, a)],
  "a map of format 0": [map("new", 0), put(a, a)],
  "a map of format 255": [map("new", 255), put(a, a)],
  "a map without a name": [map("", BYTES), put(a, a)],
  "a map with the longest name": [map("n".repeat(LONGEST_KEY - 1), BYTES), put(a, a)],
  "a map with a name that is too long": [map("n".repeat(LONGEST_KEY), BYTES), put(a, a)],
  "a map with a name of 65535 bytes": [map("n".repeat(65535), BYTES), put(a, a)],
  "a map with a name that is no UTF-8": [map(Buffer.of(0xff, 0xc0), BYTES), put(a, a)],
  "a map with fields": [withFields("new", ...tail), put(a, a)],
  "a map with other fields than before it was dropped": [
    ...[withFields("new", ...tail), put(a, a), drop],
    ...[withFields("new", 3, 0, 2), put(a, a), drop, map("new", BYTES), put(no, a)],
  ],
  "a map that nothing is done with": [map("new", BYTES)],
  "a map called __proto__": [map("__proto__", BYTES), put(a, a)],
  "the longest key": [rows, put(Buffer.from(` ${"k".repeat(LONGEST_KEY - 1)}`), a)],
  "a key that is too long by one": [rows, put(Buffer.from(` ${"k".repeat(LONGEST_KEY)}`), a)],
  "a key of 60000 bytes": [rows, put(Buffer.from(` ${"k".repeat(60000)}`), a)],
  "a key without bytes": [rows, put(no, a)],
  "a key that is none": [rows, put(Buffer.of(0xff, 0xfe), a)],
  "a delete of what is not there": [rows, operation.delete(Buffer.from(" nobody"))],
  "a value that is longer than the record": [rows, Buffer.of(2), u16(2), u32(2 ** 32 - 1), a],
  "a value of 2 GiB": [rows, Buffer.of(2), u16(2), u32(2 ** 29), a, Buffer.alloc(5000)],
  "a key that is longer than the record": [rows, Buffer.of(3), u16(65535), a],
  "a clear with bounds in the wrong order": [rows, clear(3, Buffer.from(" z"), Buffer.from(" b"))],
  "a clear with equal bounds": [rows, clear(3, a, a)],
  "a clear with bounds that are not there": [rows, clear(0, a, a)],
  "a clear with other bounds": [rows, clear(255, a, Buffer.from(" zz"))],
  "a clear with bounds of 65535 bytes": [rows, clear(3, Buffer.alloc(65535), Buffer.alloc(65535, 255))],
  "a clear behind the end": [rows, Buffer.of(4, 3), u16(10), u16(65535), a],
  "a name that is cut off": [Buffer.of(1, BYTES), u16(500), a],
  "half an operation": [rows, Buffer.of(2)],
  "ten thousand maps": Array.from({ length: 10_000 }, (_, i) => Buffer.concat([map(`map ${i}`, BYTES), put(a, a)])),
  "a map that comes and goes": Array.from({ length: 5000 }, () => Buffer.concat([map("new", BYTES), put(a, a), drop])),
  "a thousand clears": Array.from({ length: 1000 }, () => Buffer.concat([rows, put(a, a), clear(0, no, no)])),
};

for (const [what, body] of Object.entries(bodies)) {
  test(what, () => {
    const changed = withLast((last) => {
      last.body = Buffer.concat(body);
    });
    tryLog(changed, what);
  });
}

test.each(Object.entries(misfits))("refused: %s", (what, body) => {
  const changed = withLast((last) => {
    last.body = Buffer.concat(body);
  });
  expect(tryLog(changed, what)).toMatchObject({ code: "LLMDB_CORRUPT" });
});

const headers: Record<string, (last: RecordParts) => void> = {
  "a later transaction": (last) => last.header.writeUIntLE(20, 24, 6),
  "the last transaction there can be": (last) => last.header.writeUIntLE(2 ** 48 - 1, 24, 6),
  "a transaction of 64 bits": (last) => last.header.fill(255, 24, 32),
  "a transaction that is known to be durable and is not there": (last) => last.header.writeUIntLE(1000, 32, 6),
  "a durable transaction of 64 bits": (last) => last.header.fill(255, 32, 40),
  "a time of 64 bits": (last) => last.header.fill(255, 40, 48),
  "a time before all others": (last) => last.header.fill(0, 40, 48),
  "a kind that does not exist": (last) => last.header.writeUInt8(3, 12),
  "a commit that says it is an anchor": (last) => last.header.writeUInt8(2, 12),
  "another salt": (last) => last.header.fill(1, 16, 24),
};

test.each(Object.entries(headers))("%s", (what, change) => {
  tryLog(withLast(change), what);
});

/** An anchor behind the chain that states these records again. */
function withAnchor(restated: (parts: RecordParts[]) => Buffer[]): Buffer {
  const parts = takeApart(log);
  const [base] = parts;
  const header = Buffer.from(base.header);
  header.fill(9, 16, 24);
  const anchor = { isAnchor: true, header, body: Buffer.concat([base.header.subarray(16, 24), ...restated(parts)]) };
  // It goes on after the transaction of the base, whose checksum the base names.
  const tail = sealParts(anchor, base.header.readUInt32LE(48));
  const built = putTogether(log, parts);
  return Buffer.concat([built.subarray(0, built.length - 2 * SECTOR_BYTES), tail, Buffer.alloc(2 * SECTOR_BYTES)]);
}

const anchors: Record<string, (parts: RecordParts[]) => Buffer[]> = {
  "an anchor that states nothing again": () => [],
  "an anchor that states everything again": (parts) => parts.slice(1).map((part) => sealParts(part, 0)),
  "an anchor that states anchors again": (parts) => [sealParts(parts[0], 0), sealParts(parts[0], 0)],
  "an anchor that states a commit of the future": ([base, first]) => {
    const header = Buffer.from(first.header);
    header.writeUIntLE(9, 24, 6);
    return [sealParts({ isAnchor: base.isAnchor, header, body: Buffer.concat([rows, put(a, a)]) }, 0)];
  },
  "an anchor with half a record": ([, first]) => [sealParts(first, 0).subarray(0, 60)],
  "an anchor with garbage": () => [new Random(1).fill(Buffer.alloc(3000))],
};

test.each(Object.entries(anchors))("%s", (what, restated) => {
  tryLog(withAnchor(restated), what);
});

test("random bytes of a commit changed, with right checksums", () => {
  const seen = { opened: 0, refused: 0 };
  for (let seed = 1; seed <= effort(120); seed++) {
    const random = new Random(seed);
    const changed = withLast((_last, parts) => {
      const { body } = parts[1 + random.below(parts.length - 1)];
      for (let i = 1 + random.below(3); i > 0; i--) body[random.below(Math.min(body.length, 40))] = random.below(256);
    });
    seen[tryLog(changed, `seed ${seed}`) instanceof LlmdbError ? "refused" : "opened"]++;
  }
  expect(seen.opened).toBeGreaterThan(8);
  expect(seen.refused).toBeGreaterThan(8);
});

test("records that claim each other's bytes", () => {
  const size = 16 * 1024 * 1024;
  const changed = Buffer.alloc(size);
  changed.set(log);
  for (let at = log.length; at < size; at += SECTOR_BYTES) {
    changed.write("LWAL", at);
    changed.writeUInt32LE(size - at - 56, at + 8);
    changed[at + 12] = 1;
    changed.writeUIntLE(9, at + 24, 6);
  }
  openWithin(diskOf({ file: files.file, log: changed }), true, "a log of claims");
});

/** The files on the real disk. */
function onDisk(name: string): string {
  const place = join(folder, name);
  writeFileSync(place, files.file);
  writeFileSync(`${place}-wal`, log);
  return place;
}

test("a log with half a gigabyte of nothing behind it", () => {
  const place = onDisk("sparse");
  truncateSync(`${place}-wal`, 2 ** 29);
  const started = performance.now();
  attempt(() => open(place, { readOnly: true }).closeSync());
  expect(performance.now() - started).toBeLessThan(LIMIT_MS);
});

test.each(["folder", "fifo"])("a %s in place of the log", (kind) => {
  for (const hasAnchor of [true, false]) {
    const place = onDisk(`${kind} ${hasAnchor}`);
    if (!hasAnchor) open(place).closeSync();
    rmSync(`${place}-wal`, { force: true });
    if (kind === "folder") mkdirSync(`${place}-wal`);
    else if (spawnSync("mkfifo", [`${place}-wal`]).status !== 0) return;
    const before = readFileSync(place);
    for (const readOnly of [true, false]) {
      const refused = attempt(() => open(place, { readOnly }).closeSync());
      expect(refused).toMatchObject({ code: "LLMDB_NOT_A_DATABASE", message: expect.stringContaining("-wal") });
    }
    expect(Buffer.compare(readFileSync(place), before)).toBe(0);
  }
});

test("an empty log", () => {
  const place = onDisk("empty");
  truncateSync(`${place}-wal`, 0);
  for (const readOnly of [true, false]) {
    expect(() => open(place, { readOnly })).toThrow(expect.objectContaining({ code: "LLMDB_CORRUPT" }));
  }
  expect(Buffer.compare(readFileSync(place), files.file)).toBe(0);
});
