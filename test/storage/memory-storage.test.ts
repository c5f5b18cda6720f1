/** What only plain memory can do: positions that no disk here has room for, and running out of memory. */
import { afterEach, expect, test, vi } from "vitest";
import { memoryStorage } from "../../pager/memory-storage.js";
import { isZero, OutOfMemory, SparseBytes } from "../../pager/sparse-bytes.js";
import { storageErrorOf } from "./storage-error.js";

afterEach(() => vi.restoreAllMocks());

test.each([2 ** 32, 2 ** 32 + 1, 2 ** 36])("holds page %i of 8 KiB, and the hole before it takes no memory", (page) => {
  const file = memoryStorage().open("data", "create");
  const bytes = new Uint8Array(8192).fill(7);
  file.write(bytes, 0, 8192, 0);
  file.write(bytes, 0, 8192, page * 8192);
  expect(file.size()).toBe((page + 1) * 8192);
  const buffer = new Uint8Array(8192);
  expect(file.read(buffer, 0, 8192, page * 8192)).toBe(8192);
  expect(buffer).toEqual(bytes);
  expect(file.read(buffer, 0, 8192, (page - 1) * 8192)).toBe(8192);
  expect(buffer).toEqual(new Uint8Array(8192));
});

test("is full when memory is, and goes on when there is some again", () => {
  const file = memoryStorage().open("data", "create");
  file.write(new Uint8Array([1]), 0, 1, 0);
  vi.spyOn(Buffer, "alloc").mockImplementation(() => {
    throw new RangeError("Array buffer allocation failed");
  });
  expect(storageErrorOf(() => file.write(new Uint8Array([2]), 0, 1, 1e6))).toMatchObject({
    code: "LLMDB_DISK_FULL",
    errno: "ENOMEM",
    path: "data",
  });
  expect(file.size()).toBe(1);
  vi.restoreAllMocks();
  file.write(new Uint8Array([2]), 0, 1, 1e6);
  expect(file.size()).toBe(1e6 + 1);
});

test.each([
  ["a full call stack", new RangeError("Maximum call stack size exceeded")],
  ["a wrong length", new RangeError("Invalid typed array length: -1")],
  ["a wrong size", Object.assign(new RangeError('The value of "size" is out of range'), { code: "ERR_OUT_OF_RANGE" })],
  ["an error of ours", new TypeError("block is undefined")],
])("%s while a block is made is not told as a full disk", (_name, error) => {
  const file = memoryStorage().open("data", "create");
  vi.spyOn(Buffer, "alloc").mockImplementation(() => {
    throw error;
  });
  expect(() => file.write(new Uint8Array([1]), 0, 1, 0)).toThrow(error);
});

test.each(["Array buffer allocation failed", "Out of memory", "Failed to allocate memory"])("%s is", (message) => {
  const file = memoryStorage().open("data", "create");
  vi.spyOn(Buffer, "alloc").mockImplementation(() => {
    throw new RangeError(message);
  });
  expect(storageErrorOf(() => file.write(new Uint8Array([1]), 0, 1, 0)).code).toBe("LLMDB_DISK_FULL");
});

test("an error that is not about memory is not told as a full disk", () => {
  const file = memoryStorage().open("data", "create");
  vi.spyOn(Buffer, "compare").mockImplementation(() => {
    throw new RangeError('The value of "sourceEnd" is out of range.');
  });
  expect(() => file.write(new Uint8Array(10), 0, 10, 0)).toThrow(RangeError);
  vi.restoreAllMocks();
  file.write(new Uint8Array(10), 0, 10, 0);
});

test("a fork that runs out of memory still has what it shares", () => {
  const bytes = new SparseBytes(4096);
  bytes.write(new Uint8Array(10).fill(5), 0, 10, 0);
  const fork = bytes.fork();
  vi.spyOn(Buffer, "from").mockImplementation(() => {
    throw new RangeError("Array buffer allocation failed");
  });
  expect(() => fork.write(new Uint8Array([9]), 0, 1, 0)).toThrow(OutOfMemory);
  vi.restoreAllMocks();
  fork.write(new Uint8Array([9]), 0, 1, 0);
  const read = new Uint8Array(2);
  bytes.read(read, 0, 2, 0);
  expect(read).toEqual(new Uint8Array([5, 5]));
});

// Deno checks the end of the source against the wrong length; a runtime that had no ranges at all would pass, too.
test("zeros are looked for without ranges of Buffer.compare", () => {
  vi.spyOn(Buffer.prototype, "compare").mockImplementation(() => {
    throw new RangeError('The value of "sourceEnd" is out of range.');
  });
  const block = new Uint8Array(200_000);
  expect(isZero(block, 3, 199_999)).toBe(true);
  block[131_100] = 1;
  expect(isZero(block, 3, 199_999)).toBe(false);
});

test("different spellings of a path are one name, and each storage has names of its own", () => {
  const storage = memoryStorage();
  storage.open("a/b", "create");
  expect(storage.kind("/a/./c/../b")).toBe("file");
  expect(storage.kind("a/")).toBe("directory");
  expect(storage.kind("/")).toBe("directory");
  expect(storage.list("/")).toEqual(["a"]);
  storage.unlink("a/b");
  expect(storage.kind("a")).toBe("missing");
  expect(memoryStorage().list("/")).toEqual([]);
});

test("nothing outlives the process, and only this one can have a lock", () => {
  const storage = memoryStorage();
  expect(storage.volatile).toBe(true);
  const lock = storage.lock(storage.open("data", "create"), "data");
  expect(storage.holder("/data")).toMatchObject({ pid: process.pid, host: "localhost" });
  const started = Date.parse(storage.holder("data")?.startedAt ?? "");
  expect(Math.abs(Date.now() - process.uptime() * 1000 - started)).toBeLessThan(5000);
  lock?.release();
});

test("forks of bytes change apart", () => {
  const bytes = new SparseBytes(4);
  bytes.write(Buffer.from("abcdefgh"), 0, 8, 0);
  const fork = bytes.fork();
  const second = fork.fork();
  bytes.write(Buffer.from("X"), 0, 1, 1);
  fork.truncate(5);
  fork.truncate(8);
  second.write(Buffer.from("YY"), 0, 2, 3);
  const text = (of: SparseBytes): string => {
    const buffer = Buffer.alloc(of.size);
    of.read(buffer, 0, of.size, 0);
    return buffer.toString("latin1").replaceAll("\0", ".");
  };
  expect([text(bytes), text(fork), text(second)]).toEqual(["aXcdefgh", "abcde...", "abcYYfgh"]);
});
