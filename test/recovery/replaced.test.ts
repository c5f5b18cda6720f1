/** Files that are removed, replaced or copied while a database is open, or without each other. */
import {
  copyFileSync,
  existsSync,
  linkSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { open } from "../../index.js";

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "llmdb-replaced-"));
  path = join(folder, "db");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** What an open database would leave if its process were killed now. */
function copyTo(name: string, files = ["", "-wal"]): string {
  const copy = join(folder, name);
  for (const file of files) if (existsSync(path + file)) copyFileSync(path + file, copy + file);
  return copy;
}

test("a file that was removed or replaced is noticed at the next commit, and writing goes on once it is back", () => {
  const db = open(path);
  const map = db.map<string, number>("m");
  map.putSync("a", 1);
  const away = join(folder, "away");
  renameSync(path, away);
  expect(() => map.putSync("a", 2)).toThrow(expect.objectContaining({ code: "LLMDB_IO" }));
  writeFileSync(path, "something else");
  expect(() => map.putSync("a", 2)).toThrow(/replaced/);
  expect(map.get("a")).toBe(1);
  renameSync(away, path);
  map.putSync("a", 3);
  db.closeSync();
  const again = open(path);
  expect(again.map("m").get("a")).toBe(3);
  again.closeSync();
});

test("a log that was removed or replaced is done without, and nobody else's file is removed", async () => {
  for (const replaced of [false, true]) {
    const db = open(path);
    const map = db.map<string, number>("m");
    map.putSync("a", 1);
    rmSync(`${path}-wal`);
    if (replaced) writeFileSync(`${path}-wal`, "not a log");
    // It is looked for once a second.
    await setTimeout(1100);
    map.putSync("b", 2);
    const copy = open(copyTo(`copy${replaced}`, [""]));
    expect([copy.map("m").get("a"), copy.map("m").get("b")]).toEqual([1, 2]);
    copy.closeSync();
    if (replaced) {
      expect(readFileSync(`${path}-wal`, "utf8")).toBe("not a log");
      rmSync(`${path}-wal`);
    }
    map.putSync("c", 3);
    const later = open(copyTo(`later${replaced}`));
    expect(later.map("m").get("c")).toBe(3);
    later.closeSync();
    db.closeSync();
    rmSync(path);
  }
});

test("a database that was copied without its log opens at its last checkpoint and says so", async () => {
  const db = open(path);
  db.map("m").putSync("a", 1);
  await db.checkpoint();
  db.map("m").putSync("a", 2);
  const copy = open(copyTo("copy", [""]));
  expect(copy.recovered).toMatchObject({ logMissing: true, replayed: 0, steps: ["log-missing"] });
  expect(copy.map("m").get("a")).toBe(1);
  copy.closeSync();
  db.closeSync();
});

test("under another name of the file its log is not found, and it is refused", async () => {
  const db = open(path);
  db.map("m").putSync("a", 1);
  await db.checkpoint();
  db.map("m").putSync("a", 2);
  const copy = copyTo("copy");
  linkSync(copy, join(folder, "other"));
  expect(() => open(join(folder, "other"))).toThrow(expect.objectContaining({ code: "LLMDB_NOT_FOUND" }));
  const again = open(copy);
  expect(again.map("m").get("a")).toBe(2);
  again.closeSync();
  db.closeSync();
});

test("a log without its database is not buried under a new one", () => {
  const db = open(path);
  db.map("m").putSync("a", 1);
  const copy = copyTo("copy", ["-wal"]);
  const before = readFileSync(`${copy}-wal`);
  expect(() => open(copy)).toThrow(expect.objectContaining({ code: "LLMDB_CORRUPT" }));
  expect(existsSync(copy)).toBe(false);
  expect(readFileSync(`${copy}-wal`).equals(before)).toBe(true);
  db.closeSync();
});

test("after a clean close only the data file is left; with eraseFreed nothing of what was deleted", async () => {
  const secret = "the secret that was deleted";
  const db = open(path, { eraseFreed: true, pageSize: 4096 });
  const map = db.map<number, string>("m", { values: "string" });
  for (let i = 0; i < 300; i++) map.putSync(i, `${secret} ${i} ${"x".repeat(i)}`);
  map.putSync(1000, `${secret} ${"y".repeat(30_000)}`);
  await db.checkpoint();
  await map.clear();
  await map.put(1, "kept");
  await db.checkpoint();
  for (const name of ["", "-wal"]) expect(readFileSync(path + name).includes(secret), name).toBe(false);
  expect(db.verify().problems).toEqual([]);
  await db.close();
  expect(existsSync(`${path}-wal`) || existsSync(`${path}-lock`) || existsSync(`${path}-readers`)).toBe(false);
});
