/** What every implementation of the storage port does alike: the real disk, plain memory, the simulated disk. */
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { fileStorage } from "../../pager/file-storage.js";
import { memoryStorage } from "../../pager/memory-storage.js";
import type { Storage } from "../../pager/storage.js";
import { effort } from "../effort.js";
import { SimulatedDisk } from "../harness/simulated-disk.js";
import { storageErrorOf } from "./storage-error.js";

// The real path, because that is what the real disk resolves a path to.
const root = realpathSync(mkdtempSync(join(tmpdir(), "llmdb-storage-")));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const kinds: [string, () => { storage: Storage; folder: string }][] = [
  ["file storage", () => ({ storage: fileStorage, folder: mkdtempSync(join(root, "folder-")) })],
  ["memory storage", () => ({ storage: memoryStorage(), folder: "/folder" })],
  ["simulated disk", () => ({ storage: new SimulatedDisk(), folder: "/folder" })],
];

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

describe.each(kinds)("%s", (_name, make) => {
  let storage: Storage;
  let path: string;
  let folder: string;

  beforeEach(() => {
    ({ storage, folder } = make());
    path = join(folder, "data");
    // Memory has a folder for as long as a file is in it.
    storage.open(join(folder, "anchor"), "create").close();
  });

  test("reads back what was written, at any offset and position", () => {
    const file = storage.open(path, "create");
    file.write(bytesOf("..hello.."), 2, 5, 3);
    expect(file.size()).toBe(8);
    const buffer = new Uint8Array(10).fill(9);
    expect(file.read(buffer, 1, 8, 0)).toBe(8);
    expect([...buffer]).toEqual([9, 0, 0, 0, ...bytesOf("hello"), 9]);
  });

  test("reads less only where the file ends", () => {
    const file = storage.open(path, "create");
    file.write(new Uint8Array(100_000).fill(7), 0, 100_000, 0);
    const buffer = new Uint8Array(100_000);
    expect(file.read(buffer, 0, 100_000, 0)).toBe(100_000);
    expect(buffer.every((byte) => byte === 7)).toBe(true);
    expect(file.read(buffer, 0, 100, 99_990)).toBe(10);
    expect(file.read(buffer, 0, 100, 100_000)).toBe(0);
    expect(file.read(buffer, 0, 100, 2 ** 50)).toBe(0);
    expect(file.read(buffer, 0, 0, 0)).toBe(0);
    file.write(buffer, 0, 0, 200_000);
    expect(file.size()).toBe(100_000);
  });

  test("truncates and fills with zeros", () => {
    const file = storage.open(path, "create");
    file.write(new Uint8Array(10_000).fill(1), 0, 10_000, 0);
    file.truncate(5);
    expect(file.size()).toBe(5);
    file.truncate(20_000);
    expect(file.size()).toBe(20_000);
    const buffer = new Uint8Array(20_000).fill(9);
    expect(file.read(buffer, 0, 20_000, 0)).toBe(20_000);
    expect(buffer.reduce((sum, byte) => sum + byte, 0)).toBe(5);
    file.truncate(0);
    expect(file.size()).toBe(0);
  });

  test("holds a file past 4 GiB with a hole in it", () => {
    const file = storage.open(path, "create");
    const position = 2 ** 33 + 12_345;
    file.write(bytesOf("far"), 0, 3, position);
    expect(file.size()).toBe(position + 3);
    const buffer = new Uint8Array(6).fill(9);
    expect(file.read(buffer, 0, 6, position - 3)).toBe(6);
    expect([...buffer]).toEqual([0, 0, 0, ...bytesOf("far")]);
    file.truncate(1);
    expect(file.size()).toBe(1);
  });

  test("random writes, truncations and reads do what an array does", () => {
    const limit = 200_000;
    const step = fc.oneof(
      fc.record({ kind: fc.constant("write" as const), at: fc.nat(limit), length: fc.nat(70_000), byte: fc.nat(255) }),
      fc.record({ kind: fc.constant("truncate" as const), at: fc.nat(limit) }),
      fc.record({ kind: fc.constant("read" as const), at: fc.nat(limit), length: fc.nat(70_000) }),
    );
    const run = (steps: readonly (typeof step extends fc.Arbitrary<infer S> ? S : never)[]): void => {
      storage.unlink(path);
      const file = storage.open(path, "create");
      const model = Buffer.alloc(limit + 70_000);
      let size = 0;
      for (const next of steps) {
        if (next.kind === "write") {
          file.write(Buffer.alloc(next.length, next.byte), 0, next.length, next.at);
          model.fill(next.byte, next.at, next.at + next.length);
          if (next.length > 0) size = Math.max(size, next.at + next.length);
        } else if (next.kind === "truncate") {
          file.truncate(next.at);
          model.fill(0, next.at);
          size = next.at;
        } else {
          const buffer = Buffer.alloc(next.length);
          const count = file.read(buffer, 0, next.length, next.at);
          expect(count).toBe(Math.max(0, Math.min(next.length, size - next.at)));
          expect(buffer.subarray(0, count).equals(model.subarray(next.at, next.at + count))).toBe(true);
        }
        expect(file.size()).toBe(size);
      }
      file.close();
    };
    fc.assert(fc.property(fc.array(step, { maxLength: 20 }), run), { numRuns: effort(100) });
  });

  test("finds a file again under its name", async () => {
    const file = storage.open(path, "create");
    file.write(bytesOf("kept"), 0, 4, 0);
    file.sync();
    await file.syncAsync();
    const identity = file.identity();
    file.close();
    storage.syncDirectory(path);
    for (const mode of ["read", "write"] as const) {
      const again = storage.open(path, mode);
      expect(again.identity()).toBe(identity);
      const buffer = new Uint8Array(4);
      again.read(buffer, 0, 4, 0);
      expect(buffer).toEqual(bytesOf("kept"));
      again.close();
    }
  });

  test("tells files, folders and nothing apart, and lists names in order", () => {
    for (const name of ["b", "a", "c"]) storage.open(join(folder, name), "create").close();
    expect(storage.kind(join(folder, "a"))).toBe("file");
    expect(storage.kind(folder)).toBe("directory");
    expect(storage.kind(join(folder, "d"))).toBe("missing");
    expect(storage.kind(join(folder, "a", "x"))).toBe("missing");
    expect(storage.list(folder)).toEqual(["a", "anchor", "b", "c"]);
  });

  test("renames over another name; who has the old file open keeps it", () => {
    const other = join(folder, "other");
    const replaced = storage.open(other, "create");
    replaced.write(bytesOf("old"), 0, 3, 0);
    const file = storage.open(path, "create");
    file.write(bytesOf("newer"), 0, 5, 0);
    storage.rename(path, other);
    expect(storage.list(folder)).toEqual(["anchor", "other"]);
    expect(storage.open(other, "read").identity()).toBe(file.identity());
    expect(storage.open(other, "read").size()).toBe(5);
    expect(replaced.size()).toBe(3);
    expect(replaced.identity()).not.toBe(file.identity());
  });

  test("removes a name; a missing one is fine", () => {
    const file = storage.open(path, "create");
    storage.unlink(path);
    storage.unlink(path);
    storage.unlink(join(folder, "anchor", "below"));
    expect(storage.kind(path)).toBe("missing");
    file.write(bytesOf("still"), 0, 5, 0);
    expect(file.size()).toBe(5);
    const next = storage.open(path, "create");
    expect(next.size()).toBe(0);
    expect(next.identity()).not.toBe(file.identity());
  });

  test("answers each mistake with its code, the system's code and the path", () => {
    const missing = { code: "LLMDB_NOT_FOUND", errno: "ENOENT", path, cause: "ENOENT" };
    expect(storageErrorOf(() => storage.open(path, "read"))).toEqual(missing);
    expect(storageErrorOf(() => storage.open(path, "write"))).toEqual(missing);
    expect(storageErrorOf(() => storage.rename(path, join(folder, "b")))).toEqual(missing);
    expect(storageErrorOf(() => storage.list(path))).toEqual(missing);
    for (const mode of ["read", "write", "create"] as const) {
      expect(storageErrorOf(() => storage.open(folder, mode)).code).toBe("LLMDB_NOT_A_DATABASE");
    }
    const file = storage.open(path, "create");
    expect(storageErrorOf(() => storage.open(path, "create"))).toMatchObject({
      code: "LLMDB_IO",
      errno: "EEXIST",
      path,
    });
    expect(storageErrorOf(() => storage.open(join(path, "below"), "create"))).toMatchObject({
      code: "LLMDB_NOT_FOUND",
      errno: "ENOTDIR",
    });
    expect(storageErrorOf(() => storage.list(path))).toMatchObject({ code: "LLMDB_NOT_FOUND", errno: "ENOTDIR" });
    expect(file.size()).toBe(0);
  });

  test("a file opened to read is not written", () => {
    storage.open(path, "create").close();
    const file = storage.open(path, "read");
    expect(storageErrorOf(() => file.write(bytesOf("x"), 0, 1, 0)).code).toBe("LLMDB_IO");
    expect(storageErrorOf(() => file.truncate(9)).code).toBe("LLMDB_IO");
    expect(file.size()).toBe(0);
  });

  test("a closed file says so, and closing twice is fine", async () => {
    const file = storage.open(path, "create");
    file.close();
    file.close();
    expect(file.descriptor).toBeUndefined();
    const uses = [
      () => file.read(new Uint8Array(1), 0, 1, 0),
      () => file.write(new Uint8Array(1), 0, 1, 0),
      () => file.sync(),
      () => file.truncate(0),
      () => file.size(),
      () => file.identity(),
      () => file.links(),
      () => storage.lock(file, path),
    ];
    for (const use of uses) expect(storageErrorOf(use).code).toBe("LLMDB_CLOSED");
    await expect(file.syncAsync()).rejects.toMatchObject({ code: "LLMDB_CLOSED" });
  });

  test("a sync under way survives the close of its file", async () => {
    const file = storage.open(path, "create");
    file.write(bytesOf("x"), 0, 1, 0);
    const synced = file.syncAsync();
    file.close();
    await synced;
  });

  test("has one lock for each file, whatever handle asks", () => {
    const first = storage.open(path, "create");
    const second = storage.open(path, "write");
    const lock = storage.lock(first, path);
    expect(lock).toBeDefined();
    expect(storage.lock(second, path)).toBeUndefined();
    expect(storage.lock(storage.open(join(folder, "anchor"), "write"), path)).toBeDefined();
    lock?.release();
    const next = storage.lock(second, path);
    expect(next).toBeDefined();
    lock?.release();
    expect(storage.lock(first, path)).toBeUndefined();
    next?.release();
  });

  test("a second release never frees the lock of another holder", () => {
    const file = storage.open(path, "create");
    for (const slot of [0, 1]) {
      const first = storage.lock(file, path, slot);
      first?.release();
      const second = storage.lock(file, path, slot);
      first?.release();
      expect(storage.lock(file, path, slot)).toBeUndefined();
      second?.release();
    }
  });

  test("has further locks for each file, independent of each other", () => {
    const file = storage.open(path, "create");
    const slots = [0, 1, 2, 255];
    const locks = slots.map((slot) => storage.lock(file, path, slot));
    expect(locks.every((lock) => lock !== undefined)).toBe(true);
    for (const slot of slots) expect(storage.lock(file, path, slot)).toBeUndefined();
    const anchor = join(folder, "anchor");
    const other = storage.lock(storage.open(anchor, "write"), anchor, 1);
    expect(other).toBeDefined();
    locks[1]?.release();
    expect(storage.lock(file, path, 2)).toBeUndefined();
    expect(storage.lock(file, path)).toBeUndefined();
    const again = storage.lock(file, path, 1);
    expect(again).toBeDefined();
    for (const lock of [...locks, other, again]) lock?.release();
    for (const slot of [-1, 256, 1.5, Number.NaN]) {
      expect(() => storage.lock(file, path, slot)).toThrow(expect.objectContaining({ code: "LLMDB_INVALID_ARGUMENT" }));
    }
  });

  test("names the holder of the write lock, and only of that", () => {
    const file = storage.open(path, "create");
    expect(storage.holder(path)).toBeUndefined();
    const slot = storage.lock(file, path, 1);
    expect(storage.holder(path)).toBeUndefined();
    const lock = storage.lock(file, path);
    const holder = storage.holder(path);
    expect(holder?.pid).toBeGreaterThan(0);
    expect(holder?.host).toMatch(/./);
    expect(holder?.startedAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(storage.holder(join(folder, "anchor"))).toBeUndefined();
    expect(storage.holder(join(folder, "missing"))).toBeUndefined();
    expect(storage.lock(file, path)).toBeUndefined();
    expect(storage.holder(path)).toEqual(holder);
    lock?.release();
    expect(storage.holder(path)).toBeUndefined();
    slot?.release();
    expect(storage.list(folder)).toEqual(["anchor", "data"]);
  });

  test("tells by identity and links what became of a name", () => {
    const file = storage.open(path, "create");
    const identity = file.identity();
    expect(storage.identify(path)).toBe(identity);
    expect(file.links()).toBe(1);
    const moved = join(folder, "moved");
    storage.rename(path, moved);
    expect(storage.identify(path)).toBeUndefined();
    expect(storage.identify(moved)).toBe(identity);
    expect(file.links()).toBe(1);
    const next = storage.open(path, "create");
    expect(storage.identify(path)).toBe(next.identity());
    expect(storage.identify(path)).not.toBe(identity);
    storage.rename(path, moved);
    expect(storage.identify(moved)).toBe(next.identity());
    expect([file.links(), next.links()]).toEqual([0, 1]);
    storage.unlink(moved);
    expect(storage.identify(moved)).toBeUndefined();
    expect(storage.identify(join(folder, "anchor", "below"))).toBeUndefined();
    expect(next.links()).toBe(0);
    expect(next.identity()).not.toBe(identity);
  });

  test("resolves a path that leads to a file, or could", () => {
    const anchor = join(folder, "anchor");
    for (const name of [anchor, path]) expect(storage.resolve(name)).toBe(name);
    expect(storage.identify(storage.resolve(anchor))).toBe(storage.identify(anchor));
  });

  test("draws random bytes", () => {
    const [a, b] = [new Uint8Array(32), new Uint8Array(32)];
    storage.random(a);
    storage.random(b);
    expect(a).not.toEqual(b);
    expect(a).not.toEqual(new Uint8Array(32));
  });
});
