/** What only the real disk can do: short counts, system errors, links, permissions, the clock. */
import fs, { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { microsecondClock } from "../../pager/clock.js";
import { fileStorage } from "../../pager/file-storage.js";
import { memoryStorage } from "../../pager/memory-storage.js";
import { storageErrorOf } from "./storage-error.js";

const root = mkdtempSync(join(tmpdir(), "llmdb-file-storage-"));
let path: string;

beforeEach(() => {
  path = join(mkdtempSync(join(root, "folder-")), "data");
});
afterEach(() => vi.restoreAllMocks());
afterAll(() => rmSync(root, { recursive: true, force: true }));

const systemThrows = (errno: string) => () => {
  throw Object.assign(new Error(errno), { code: errno });
};

describe("reads and writes", () => {
  test("go on after short counts and interruptions", () => {
    const { readSync, writeSync } = fs;
    let calls = 0;
    const shorten = (length: number): number => {
      if (++calls % 3 === 0) systemThrows("EINTR")();
      return Math.min(length, 7);
    };
    type Positional = [descriptor: number, buffer: Uint8Array, offset: number, length: number, position: number];
    vi.spyOn(fs, "writeSync").mockImplementation(((...[descriptor, buffer, offset, length, position]: Positional) =>
      writeSync(descriptor, buffer, offset, shorten(length), position)) as typeof writeSync);
    vi.spyOn(fs, "readSync").mockImplementation(((...[descriptor, buffer, offset, length, position]: Positional) =>
      readSync(descriptor, buffer, offset, shorten(length), position)) as typeof readSync);
    const data = Uint8Array.from({ length: 100 }, (_, index) => index);
    const file = fileStorage.open(path, "create");
    file.write(data, 0, 100, 0);
    const buffer = new Uint8Array(120);
    expect(file.read(buffer, 0, 120, 0)).toBe(100);
    expect(buffer.subarray(0, 100)).toEqual(data);
    expect(calls).toBeGreaterThan(40);
    file.close();
  });

  test("a write that stores nothing is an error, not a loop", () => {
    const file = fileStorage.open(path, "create");
    vi.spyOn(fs, "writeSync").mockReturnValue(0);
    expect(storageErrorOf(() => file.write(new Uint8Array(1), 0, 1, 0)).code).toBe("LLMDB_IO");
  });
});

describe("system errors", () => {
  test.each([
    ["ENOSPC", "LLMDB_DISK_FULL"],
    ["EDQUOT", "LLMDB_DISK_FULL"],
    ["EIO", "LLMDB_IO"],
    ["EROFS", "LLMDB_READ_ONLY"],
  ])("%s is %s everywhere", async (errno, code) => {
    const file = fileStorage.open(path, "create");
    const wanted = { code, errno, cause: errno };
    const failing: [keyof typeof fs, () => unknown][] = [
      ["writeSync", () => file.write(new Uint8Array(1), 0, 1, 0)],
      ["readSync", () => file.read(new Uint8Array(1), 0, 1, 0)],
      ["fdatasyncSync", () => file.sync()],
      ["ftruncateSync", () => file.truncate(0)],
      ["fstatSync", () => file.size()],
      ["fstatSync", () => file.identity()],
      ["fstatSync", () => file.links()],
      ["statSync", () => fileStorage.identify(path)],
      ["openSync", () => fileStorage.open(path, "write")],
      ["statSync", () => fileStorage.kind(path)],
      ["renameSync", () => fileStorage.rename(path, `${path}2`)],
      ["unlinkSync", () => fileStorage.unlink(path)],
      ["readdirSync", () => fileStorage.list(path)],
      ["fsyncSync", () => fileStorage.syncDirectory(path)],
      ["closeSync", () => file.close()],
    ];
    for (const [call, use] of failing.slice(0, -1)) {
      const spy = vi.spyOn(fs, call as "writeSync").mockImplementation(systemThrows(errno));
      expect(storageErrorOf(use), call).toMatchObject(wanted);
      spy.mockRestore();
    }
    vi.spyOn(fs, "fdatasync").mockImplementation((_descriptor, done) =>
      done(Object.assign(new Error(errno), { code: errno })),
    );
    await expect(file.syncAsync()).rejects.toMatchObject({ code, details: { errno, path } });
    vi.spyOn(fs, "closeSync").mockImplementation(systemThrows(errno));
    expect(storageErrorOf(() => file.close())).toMatchObject(wanted);
  });

  test("a folder that cannot be synced is left alone", () => {
    vi.spyOn(fs, "fsyncSync").mockImplementation(systemThrows("EINVAL"));
    fileStorage.syncDirectory(path);
  });

  test("a missing folder is not found, neither to create in nor to sync", () => {
    const below = join(path, "missing", "data");
    expect(storageErrorOf(() => fileStorage.open(below, "create"))).toMatchObject({
      code: "LLMDB_NOT_FOUND",
      errno: "ENOENT",
    });
    expect(storageErrorOf(() => fileStorage.syncDirectory(below)).code).toBe("LLMDB_NOT_FOUND");
  });

  test("a path with a NUL is an invalid argument", () => {
    expect(storageErrorOf(() => fileStorage.open("a\0b", "read")).code).toBe("LLMDB_INVALID_ARGUMENT");
  });
});

describe("paths", () => {
  test("links lead to what they point at", () => {
    const file = fileStorage.open(path, "create");
    fs.symlinkSync(path, `${path}-symbolic`);
    fs.linkSync(path, `${path}-hard`);
    fs.symlinkSync("nowhere", `${path}-dangling`);
    fs.symlinkSync(root, `${path}-folder`);
    expect(fileStorage.kind(`${path}-symbolic`)).toBe("file");
    expect(fileStorage.kind(`${path}-dangling`)).toBe("missing");
    expect(fileStorage.kind(`${path}-folder`)).toBe("directory");
    for (const link of [`${path}-symbolic`, `${path}-hard`]) {
      expect(fileStorage.open(link, "write").identity()).toBe(file.identity());
    }
  });

  test("all links to a file have its identity, and are counted where they are hard", () => {
    const file = fileStorage.open(path, "create");
    fs.symlinkSync(path, `${path}-symbolic`);
    expect(file.links()).toBe(1);
    fs.linkSync(path, `${path}-hard`);
    expect(file.links()).toBe(2);
    for (const link of [path, `${path}-symbolic`, `${path}-hard`]) {
      expect(fileStorage.identify(link)).toBe(file.identity());
    }
    fs.unlinkSync(path);
    expect(file.links()).toBe(1);
    expect(fileStorage.identify(`${path}-symbolic`)).toBeUndefined();
    fs.unlinkSync(`${path}-hard`);
    expect(file.links()).toBe(0);
    fileStorage.open(path, "create").close();
    expect(fileStorage.identify(path)).not.toBe(file.identity());
    expect(fileStorage.identify(root)).not.toBe(file.identity());
    file.close();
  });

  test("resolve to one path whatever links led there, also while the file is missing", () => {
    const folder = fs.realpathSync(join(path, ".."));
    const real = join(folder, "data");
    fs.mkdirSync(join(folder, "deep"));
    fs.symlinkSync(join(folder, "deep"), join(folder, "near"));
    fs.symlinkSync("data", join(folder, "relative"));
    fs.symlinkSync(real, join(folder, "absolute"));
    fs.symlinkSync("relative", join(folder, "second"));
    fs.symlinkSync("../near/../data", join(folder, "deep", "up"));
    fs.mkdirSync(join(folder, "deep", "deeper"));
    fs.symlinkSync(join(folder, "deep", "deeper"), join(folder, "down"));
    // The folder above "down" is "deep": taken out of the text, ".." would lead elsewhere.
    fs.symlinkSync("down/../up", join(folder, "side"));
    const links = ["side", "relative", "absolute", "second", "near/up", "deep/up", "deep/../data", "down/../up"];
    for (const made of [false, true]) {
      if (made) fileStorage.open(real, "create").close();
      for (const link of links) expect(fileStorage.resolve(`${folder}/${link}`), link).toBe(real);
      expect(fileStorage.resolve(real)).toBe(real);
      const relative = fileStorage.resolve(join(process.cwd(), "package.json"));
      expect(fileStorage.resolve("package.json")).toBe(relative);
      expect(fileStorage.resolve("no-such-file")).toBe(join(fs.realpathSync("."), "no-such-file"));
    }
    expect(fileStorage.resolve(folder)).toBe(folder);
  });

  test("cannot be resolved in a missing folder, below a file, or in a circle", () => {
    fileStorage.open(path, "create").close();
    const below = storageErrorOf(() => fileStorage.resolve(join(path, "below")));
    expect(below).toMatchObject({ code: "LLMDB_NOT_FOUND", errno: "ENOTDIR", path: join(path, "below") });
    const missing = `${path}-missing/data`;
    expect(storageErrorOf(() => fileStorage.resolve(missing))).toMatchObject({
      code: "LLMDB_NOT_FOUND",
      errno: "ENOENT",
      path: missing,
    });
    fs.symlinkSync(missing, `${path}-astray`);
    expect(storageErrorOf(() => fileStorage.resolve(`${path}-astray`)).code).toBe("LLMDB_NOT_FOUND");
    fs.symlinkSync(`${path}-b`, `${path}-a`);
    fs.symlinkSync(`${path}-a`, `${path}-b`);
    expect(storageErrorOf(() => fileStorage.resolve(`${path}-a`))).toMatchObject({ code: "LLMDB_IO", errno: "ELOOP" });
    expect(storageErrorOf(() => fileStorage.resolve("a\0b")).code).toBe("LLMDB_INVALID_ARGUMENT");
    expect(storageErrorOf(() => fileStorage.identify("a\0b")).code).toBe("LLMDB_INVALID_ARGUMENT");
  });

  test.skipIf(process.platform === "win32")("devices are refused without opening them", () => {
    expect(fileStorage.kind("/dev/null")).toBe("other");
    expect(storageErrorOf(() => fileStorage.open("/dev/null", "read")).code).toBe("LLMDB_NOT_A_DATABASE");
  });
});

describe("the clock", () => {
  test("shows the system's time with microseconds", () => {
    for (const storage of [fileStorage, memoryStorage()]) {
      const before = Date.now();
      const times = Array.from({ length: 1000 }, () => storage.now());
      const after = Date.now();
      expect(Math.min(...times)).toBeGreaterThanOrEqual(before);
      expect(Math.max(...times)).toBeLessThan(after + 1);
      expect(times.some((time) => !Number.isInteger(time))).toBe(true);
    }
  });

  test("stays in the millisecond of a system clock that is set or stands still, and rises within it", () => {
    let wall = 1_700_000_000_000;
    let steady = 5;
    const now = microsecondClock(
      () => wall,
      () => steady,
    );
    const inside = (): number => {
      const time = now();
      expect(Math.floor(time)).toBe(wall);
      return time;
    };
    inside();
    steady += 0.25;
    expect(inside() % 1).toBeCloseTo(0.25, 2);
    wall += 3_600_000; // asleep: the steady clock stood still
    const awake = inside();
    steady += 0.5;
    expect(inside()).toBeGreaterThan(awake);
    wall -= 7_200_000; // set back
    inside();
    steady += 40;
    expect(inside()).toBeGreaterThanOrEqual(inside() - 0.001);
  });
});
