/**
 * `docs/format.md` against the code: databases are made through the API and read by a second reader that was
 * written from the document. What the two say must be the same, to the last page.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { decode } from "@msgpack/msgpack";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Key, type OpenOptions, open } from "../../index.js";
import { contentsOf, expectSame, fill, numbersFrom, readSecond } from "./contents.js";
import { Damage } from "./second-damage.js";
import { type Checkpoint, readCheckpoints, SecondReader } from "./second-reader.js";

type PageSize = NonNullable<OpenOptions["pageSize"]>;

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "llmdb-format-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function newest(file: Buffer): Checkpoint {
  return readCheckpoints(file)[0];
}

test.each([4096, 8192, 65536] as PageSize[])("a database with pages of %i bytes reads the same", async (pageSize) => {
  const path = join(folder, "all.llmdb");
  const db = open(path, { pageSize });
  await fill(db);
  const expected = contentsOf(db);
  const formats = { tuples: "msgpack", "long keys": "string", large: "bytes", "all types": "json" };
  const stats = db.stats();
  await db.close();

  const file = readFileSync(path);
  const checkpoint = newest(file);
  expect(checkpoint).toMatchObject({ pageSize, tx: stats.lastTx, moves: 0, pages: stats.pages });
  expect(checkpoint.timeMicros / 1000).toBeGreaterThan(Date.now() - 60_000);
  const { reader, contents } = readSecond(file, checkpoint);
  expectSame(contents, expected);
  for (const map of new SecondReader(file, checkpoint).maps()) {
    expect(map.depth).toBe(stats.maps[map.name].depth);
    if (map.name in formats) expect(map.format).toBe(formats[map.name as keyof typeof formats]);
  }
  // A run that did not meet one of these would prove less than it seems to.
  for (const [what, times] of Object.entries(reader.seen)) {
    // Bounds are in branches of history only: see temporal.test.ts.
    if (what === "bounds") continue;
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

test("a new database is three meta pages", () => {
  const path = join(folder, "new.llmdb");
  open(path, { pageSize: 4096 }).closeSync();
  const file = readFileSync(path);
  expect(file.length).toBe(3 * 4096);
  const checkpoints = readCheckpoints(file);
  expect(checkpoints.map(({ number }) => number)).toEqual([2, 1, 0]);
  expect(new Set(checkpoints.map(({ id }) => id)).size).toBe(1);
  for (const checkpoint of checkpoints) expect(readSecond(file, checkpoint).contents).toEqual({});
});

test("the checkpoint before is whole, too", async () => {
  const path = join(folder, "before.llmdb");
  const db = open(path, { pageSize: 4096 });
  await fill(db);
  await db.checkpoint();
  let before = contentsOf(db);
  const below = numbersFrom(11);
  for (let round = 0; round < 8; round++) {
    db.transactionSync((tx) => {
      const tuples = tx.map<Key>("tuples");
      for (let i = 0; i < 30; i++) tuples.put(["product", `cycle ${below(40)}`, below(1e9)], round);
      tx.map<number>("large").delete(below(300));
      tx.map<number>("large").put(below(300), new Uint8Array(below(30_000)));
    });
    await db.checkpoint();
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
  await fill(db);
  await db.backup(copyPath, { compact });
  const expected = contentsOf(db);
  db.closeSync();
  const copy = readFileSync(copyPath);
  const checkpoint = newest(copy);
  expectSame(readSecond(copy, checkpoint).contents, expected);
  expect(checkpoint.id).not.toBe(newest(readFileSync(path)).id);
});

test("with the checks of the document a flipped bit is found, or changes nothing", async () => {
  const path = join(folder, "flipped.llmdb");
  const db = open(path, { pageSize: 4096 });
  await fill(db);
  db.closeSync();
  const file = readFileSync(path);
  const { number } = newest(file);
  const whole = new SecondReader(file, newest(file)).maps();
  const below = numbersFrom(13);
  let found = 0;
  for (let i = 0; i < 50; i++) {
    const at = i < 20 ? below(3) * 4096 + below(256) : below(file.length);
    const flip = 1 << below(8);
    file[at] ^= flip;
    try {
      const checkpoint = newest(file);
      const maps = new SecondReader(file, checkpoint).maps();
      // A damaged meta page gives way to the one before, which is an older state.
      if (checkpoint.number === number) expect(isDeepStrictEqual(maps, whole)).toBe(true);
      else found++;
    } catch (error) {
      if (!(error instanceof Damage)) throw error;
      found++;
    }
    file[at] ^= flip;
  }
  expect(found).toBeGreaterThan(15);
});
