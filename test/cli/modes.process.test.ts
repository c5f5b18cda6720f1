/** Who may read what LLMDB writes: a new file is for its owner alone; what goes with a file has the mode of that. */
import fs, { chmodSync, lchownSync, mkdtempSync, readdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { open } from "../../index.js";
import { llmdb, scratchFolder } from "./in-process.js";

const root = scratchFolder();
const usual = process.umask();
let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(root, "modes-"));
  path = join(folder, "db.llmdb");
});
afterEach(() => void process.umask(usual));

/** The permissions of all that is in the folder. */
function modes(): Record<string, string> {
  const names = readdirSync(folder).map((name) => name.replace(/-lock-\w+-\d+-\w+$/, "-lock-…").replace(/-\w{8}$/, ""));
  const found = readdirSync(folder).map((name) => (statSync(join(folder, name)).mode & 0o777).toString(8));
  return Object.fromEntries(names.map((name, index) => [name, found[index]]));
}

const windows = process.platform === "win32";
const all = { "db.llmdb": "", "db.llmdb-lock": "", "db.llmdb-readers": "", "db.llmdb-wal": "" };

/** Opens the database for writing and for reading, so that all of its files are there. */
async function whileOpen(look: () => void): Promise<void> {
  const db = open(path);
  // Another value each time: a put of what holds already writes nothing, and needs no log.
  await db.put("key", db.stats().lastTx);
  const reader = open(path, { readOnly: true });
  look();
  reader.closeSync();
  await db.close();
}

test.skipIf(windows).each([0o000, 0o022, 0o077])("what is made is 0600, whatever the umask (%o)", async (umask) => {
  process.umask(umask);
  await whileOpen(() => {
    const found = modes();
    expect(Object.keys(found)).toEqual(expect.arrayContaining(Object.keys(all)));
    expect(new Set(Object.values(found))).toEqual(new Set(["600"]));
  });
  const db = open(path);
  await db.backup(join(folder, "copy"));
  await db.backup(join(folder, "small"), { compact: true });
  await db.close();
  const env = { LLMDB_FILE: path };
  expect((await llmdb(["export", join(folder, "story.jsonl")], { env })).code).toBe(0);
  expect((await llmdb(["timeline", "key", "--svg", join(folder, "key.svg")], { env })).code).toBe(0);
  expect(modes()).toEqual({ copy: "600", "db.llmdb": "600", "key.svg": "600", small: "600", "story.jsonl": "600" });
});

test.skipIf(windows)("an existing file keeps its mode, and what goes with it has that too", async () => {
  process.umask(0o077);
  await whileOpen(() => {});
  chmodSync(path, 0o664);
  await whileOpen(() => expect(new Set(Object.values(modes()))).toEqual(new Set(["664"])));
  const db = open(path);
  await db.put("key", 2);
  fs.unlinkSync(`${path}-wal`);
  await db.compact();
  await db.put("key", 3);
  await db.close();
  const story = join(folder, "story.jsonl");
  writeFileSync(story, "old");
  chmodSync(story, 0o640);
  expect((await llmdb(["export", story, "--force"], { env: { LLMDB_FILE: path } })).code).toBe(0);
  expect(modes()).toEqual({ "db.llmdb": "664", "story.jsonl": "640" });
});

test.skipIf(windows)("an empty file becomes a database with the mode that it has", async () => {
  writeFileSync(path, "");
  chmodSync(path, 0o644);
  await open(path).close();
  expect(modes()).toEqual({ "db.llmdb": "644" });
});

test.runIf(process.getuid?.() === 0)(
  "a link of another user to nothing does not decide where a file is made",
  async () => {
    const elsewhere = join(folder, "elsewhere");
    symlinkSync(elsewhere, path);
    await open(path).close();
    fs.unlinkSync(elsewhere);
    lchownSync(path, 65534, 65534);
    expect(() => open(path)).toThrow(/it is a link of another user to a file that does not exist/);
    expect(readdirSync(folder)).toEqual(["db.llmdb"]);
    writeFileSync(elsewhere, "");
    await open(path).close();
  },
);

test.runIf(process.getuid?.() === 0)(
  "what the super-user leaves beside a database belongs to the owner of that",
  async () => {
    await whileOpen(() => {});
    fs.chownSync(path, 65534, 65534);
    await whileOpen(() => {
      for (const name of ["-wal", "-lock", "-readers"]) expect(statSync(`${path}${name}`).uid).toBe(65534);
    });
  },
);
