/**
 * Making a database file: two at the same moment, leftovers of a crash, and a crash at every operation.
 */
import { expect, test } from "vitest";
import { LlmdbError, open } from "../../index.js";
import { SimulatedDisk } from "../harness/simulated-disk.js";

const PATH = "/data/agent.llmdb";

function diskWithFolder(): SimulatedDisk {
  const disk = new SimulatedDisk();
  disk.open("/data/other", "create").close();
  return disk;
}

test("a creation that finds a database made meanwhile leaves it alone", () => {
  const disk = diskWithFolder();
  const first = open(PATH, { storage: disk });
  first.map("m").putSync("k", 1);
  // The other process looked, twice, before the file was there.
  let looks = 0;
  const late = new Proxy(disk, {
    get(target, name) {
      if (name === "kind") return (path: string) => (path === PATH && ++looks <= 2 ? "missing" : target.kind(path));
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  expect(() => open(PATH, { storage: late })).toThrow(expect.objectContaining({ code: "LLMDB_LOCKED" }));
  expect(looks).toBe(3);
  first.map("m").putSync("k", 2);
  first.closeSync();
  const again = open(PATH, { storage: disk });
  expect(again.map("m").get("k")).toBe(2);
  again.closeSync();
});

test("a creation that goes on elsewhere is LLMDB_LOCKED; what a crash left is removed", () => {
  const disk = diskWithFolder();
  const file = disk.open(`${PATH}.llmdb-unfinished`, "create");
  const lock = disk.lock(file, `${PATH}.llmdb-unfinished`, 255);
  expect(() => open(PATH, { storage: disk })).toThrow(expect.objectContaining({ code: "LLMDB_LOCKED" }));
  lock?.release();
  file.close();
  open(PATH, { storage: disk }).closeSync();
  expect(disk.list("/data")).toEqual(["agent.llmdb", "other"]);
});

/** A disk on which another process does something between a look at the unfinished file and what follows. */
function raced(disk: SimulatedDisk, meanwhile: (kind: string) => void): SimulatedDisk {
  return new Proxy(disk, {
    get(target, name) {
      if (name === "kind")
        return (path: string) => {
          const kind = target.kind(path);
          if (path === `${PATH}.llmdb-unfinished`) meanwhile(kind);
          return kind;
        };
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

test("an unfinished file that goes after it was seen is no error", () => {
  const disk = diskWithFolder();
  disk.open(`${PATH}.llmdb-unfinished`, "create").close();
  open(PATH, { storage: raced(disk, () => disk.unlink(`${PATH}.llmdb-unfinished`)) }).closeSync();
  expect(disk.list("/data")).toEqual(["agent.llmdb", "other"]);
});

test("an unfinished file that comes after none was seen is LLMDB_LOCKED", () => {
  const disk = diskWithFolder();
  const late = raced(disk, (kind) => {
    if (kind === "missing") disk.open(`${PATH}.llmdb-unfinished`, "create").close();
  });
  expect(() => open(PATH, { storage: late })).toThrow(expect.objectContaining({ code: "LLMDB_LOCKED" }));
});

test("after a crash at any operation of the creation, the next open gives an empty database", () => {
  const whole = diskWithFolder();
  const before = whole.operationCount;
  open(PATH, { storage: whole }).closeSync();
  const operations = whole.operationCount - before;
  expect(operations).toBeGreaterThan(5);
  for (let k = 0; k < operations; k++) {
    const disk = diskWithFolder();
    disk.failAt(disk.operationCount + k, "io");
    try {
      open(PATH, { storage: disk }).closeSync();
    } catch (error) {
      expect(error).toBeInstanceOf(LlmdbError);
    }
    for (const keep of ["none", "all"] as const) {
      const after = disk.crash({ keep });
      if (after.kind("/data") === "missing") continue;
      const db = open(PATH, { storage: after });
      expect(db.mapNames()).toEqual([]);
      expect(db.verify().problems).toEqual([]);
      db.closeSync();
    }
  }
});
