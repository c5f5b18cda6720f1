/**
 * Hostile files: the structure lies and every checksum is right. Opening, reading everything both ways, counting,
 * verifying and writing end within a second, with typed errors or values, never a hang, a crash or an untyped error.
 */
import { expect, test } from "vitest";
import { LlmdbError, open } from "../../index.js";
import { memoryStorage } from "../../pager/memory-storage.js";
import { HostileFile } from "./hostile.js";
import { makeOriginal, PAGE_BYTES } from "./image.js";

const original = await makeOriginal();
/** Slots of the maps in the directory, which is in the order of their names. */
const LARGE = 0;
const ROWS = 1;
const COUNT_AT = 2;
const PREFIX_AT = 16;
const CELL_START_AT = 20;

const attacks: Record<string, (file: HostileFile) => void> = {
  "a child that is its own parent": (file) => {
    const root = file.root(ROWS);
    file.cyclic.add(root / PAGE_BYTES);
    file.point(file.cell(root, 1), root / PAGE_BYTES);
  },
  "a deep map whose nodes lead back to themselves": (file) => {
    const root = file.root(ROWS);
    file.cyclic.add(root / PAGE_BYTES);
    for (let slot = 0; slot < file.views.u16[(root + COUNT_AT) >>> 1]; slot++) {
      file.point(file.cell(root, slot), root / PAGE_BYTES);
    }
    file.bytes[file.record(ROWS) + 24] = 24;
  },
  "a branch where a leaf belongs": (file) => {
    file.bytes[file.record(ROWS) + 24] = 1;
  },
  "a leaf where a branch belongs": (file) => {
    file.bytes[file.record(ROWS) + 24] = 3;
  },
  "a map deeper than any": (file) => {
    file.bytes[file.record(ROWS) + 24] = 200;
  },
  "the root of another map": (file) => file.point(file.record(ROWS), file.root(LARGE) / PAGE_BYTES),
  "the directory as a map": (file) => file.point(file.record(LARGE), file.meta.directory.page),
  "one page in two places": (file) => {
    const root = file.root(ROWS);
    file.point(file.cell(root, 2), file.child(root, 1) / PAGE_BYTES);
  },
  "children in each other's place": (file) => {
    const root = file.root(ROWS);
    const [first, second] = [file.child(root, 1), file.child(root, 2)];
    file.point(file.cell(root, 1), second / PAGE_BYTES);
    file.point(file.cell(root, 2), first / PAGE_BYTES);
  },
  "a pointer out of the file": (file) => file.point(file.cell(file.root(ROWS), 1), 2 ** 40),
  "a pointer to a meta page": (file) => file.point(file.cell(file.root(ROWS), 1), 1),
  "a root out of the file": (file) => file.point(file.record(ROWS), 2 ** 47),
  "a pending pointer": (file) => {
    file.views.u16[(file.cell(file.root(ROWS), 1) + 6) >>> 1] |= 1;
  },
  "a pending root": (file) => {
    file.bytes[file.record(ROWS) + 6] |= 1;
  },
  "huge entry counts": (file) => {
    const root = file.root(ROWS);
    for (let slot = 0; slot < 4; slot++) file.setEntries(file.cell(root, slot), 2 ** 48 - 1);
    file.setEntries(file.record(ROWS), 2 ** 48 - 1);
  },
  "entry counts of zero": (file) => {
    const root = file.root(ROWS);
    for (let slot = 0; slot < 4; slot++) file.setEntries(file.cell(root, slot), 0);
    file.setEntries(file.record(ROWS), 0);
  },
  "more slots than fit": (file) => {
    file.views.u16[(file.child(file.root(ROWS), 0) + COUNT_AT) >>> 1] = 65535;
  },
  "a branch with more slots than fit": (file) => {
    file.views.u16[(file.root(ROWS) + COUNT_AT) >>> 1] = 65535;
  },
  "no slots": (file) => {
    file.views.u16[(file.child(file.root(ROWS), 0) + COUNT_AT) >>> 1] = 0;
  },
  "a prefix longer than the page": (file) => {
    file.views.u16[(file.child(file.root(ROWS), 0) + PREFIX_AT) >>> 1] = 60000;
  },
  "cells that start nowhere": (file) => {
    file.views.u32[(file.child(file.root(ROWS), 0) + CELL_START_AT) >>> 2] = 0xffffffff;
  },
  "keys out of order": (file) => {
    const leaf = file.child(file.root(ROWS), 0);
    file.views.u32.copyWithin((leaf + 80) >>> 2, (leaf + 48) >>> 2, (leaf + 56) >>> 2);
  },
  "a value longer than its page": (file) => {
    const cell = file.cell(file.child(file.root(ROWS), 0), 3);
    file.bytes[cell] = 0xff;
    file.bytes[cell + 1] = 0x7f;
  },
  "a value on extents of no pages": (file) => {
    const at = file.extentValue(LARGE);
    file.bytes.fill(0, at + 18, at + 22);
  },
  "a value of a gigabyte": (file) => {
    const at = file.extentValue(LARGE);
    new DataView(file.bytes.buffer).setUint32(at, 2 ** 30, true);
    new DataView(file.bytes.buffer).setUint32(at + 18, 2 ** 19, true);
  },
  "a value of a gigabyte in a file of petabytes": (file) => {
    const at = file.extentValue(LARGE);
    new DataView(file.bytes.buffer).setUint32(at, 2 ** 30, true);
    new DataView(file.bytes.buffer).setUint32(at + 18, 2 ** 19, true);
    file.meta.pages = 2 ** 47;
  },
  "a value on extents out of the file": (file) => {
    const at = file.extentValue(LARGE);
    new DataView(file.bytes.buffer).setUint32(at + 12, 0xfffffff0, true);
  },
  "a value on two hundred extents": (file) => {
    file.bytes[file.extentValue(LARGE) + 4] = 200;
  },
  "a format that does not exist": (file) => {
    file.bytes[file.record(ROWS) + 25] = 9;
  },
  "a directory deeper than it is": (file) => {
    file.meta.directoryDepth = 24;
  },
  "a directory that is a branch": (file) => {
    file.meta.directory.page = file.root(ROWS) / PAGE_BYTES;
    file.meta.freeList = new Uint8Array(0);
  },
  "more pages than there are": (file) => {
    file.meta.pages = 2 ** 48 - 1;
  },
  "fewer pages than there are": (file) => {
    file.meta.pages = 20;
  },
  "no list of free pages": (file) => {
    file.meta.freeList = new Uint8Array(0);
  },
  "a list of free pages that is a value": (file) => {
    const at = file.extentValue(LARGE);
    file.meta.freeList = file.bytes.slice(at, at + 26);
  },
  "the last transaction there can be": (file) => {
    file.meta.tx = 2 ** 48 - 1;
  },
};

/** What verify() cannot see, because it changes nothing that is read. */
const harmless = new Set(["a pending root", "the last transaction there can be"]);
/** What gives a map the contents of another, or moves values from key to key: nothing in the file tells. */
const plausible = new Set(["the root of another map"]);

const contents = [...original.states.values()].at(-1);
let attack = "";

/** Throws where a value was never written under its key. */
function expectKnown(map: string, key: string, value: unknown): void {
  if (value === undefined || plausible.has(attack)) return;
  const expected = contents?.get(map)?.get(key);
  if (expected === undefined || !(value instanceof Uint8Array) || Buffer.compare(value, expected) !== 0) {
    throw new Error(`${map} gives a wrong value for ${JSON.stringify(key)}`);
  }
}

/** Runs one use of the database; a typed error is fine. */
function attempt(use: () => void): LlmdbError | undefined {
  try {
    use();
    return undefined;
  } catch (error) {
    if (error instanceof LlmdbError) return error;
    throw error;
  }
}

test.each(Object.keys(attacks))("%s", (name) => {
  attack = name;
  const file = new HostileFile(original.bytes);
  attacks[name](file);
  const image = file.repair();
  const storage = memoryStorage();
  storage.open("hostile", "create").write(image, 0, image.length, 0);
  const started = performance.now();
  const refused = attempt(() => {
    const db = open("hostile", { storage, create: false, cacheBytes: 1024 * 1024 });
    for (const map of ["rows", "large"]) {
      for (const reverse of [false, true]) {
        attempt(() => {
          let entries = 0;
          for (const [key, value] of db.map<string>(map).range({ reverse })) {
            expectKnown(map, key, value);
            if (++entries > 100_000) throw new Error("it goes on and on");
          }
        });
      }
      attempt(() => db.map(map).count({ gt: "key/000100", limit: 10 }));
      attempt(() => [...db.map(map).range({ offset: 200, limit: 5 })]);
      for (let i = 0; i < 500; i += 3) {
        for (const key of [`key/${String(i).padStart(6, "0")}`, `blob/${i}`]) {
          attempt(() => expectKnown(map, key, db.map(map).get(key)));
        }
      }
    }
    if (!harmless.has(name)) expect(db.verify().ok, "verify() finds nothing").toBe(false);
    attempt(() => db.stats());
    attempt(() => db.transactionSync((tx) => tx.map("rows").put("key/000001", new Uint8Array(3))));
    attempt(() => db.transactionSync((tx) => tx.map("rows").delete("key/000200")));
    attempt(() => db.transactionSync((tx) => tx.map("rows").clear({ gte: "key/000100", lt: "key/000400" })));
    attempt(() => db.transactionSync((tx) => tx.map("large").clear()));
    attempt(() => db.closeSync());
  });
  expect(performance.now() - started).toBeLessThan(1000);
  expect(refused === undefined || refused.message.length > 20).toBe(true);
});

test("the file that the attacks start from is clean", () => {
  const image = new HostileFile(original.bytes).repair();
  expect(Buffer.compare(image, original.bytes)).toBe(0);
});
