/** The simulated disk: what a crash may take and may not, how operations fail, and that chance is seeded. */
import { describe, expect, test } from "vitest";
import type { Storage, StorageFile } from "../../pager/storage.js";
import type { CrashOptions, Fate } from "../harness/crash-image.js";
import type { DiskFailure } from "../harness/disk-operation.js";
import { Random } from "../harness/random.js";
import { SimulatedDisk } from "../harness/simulated-disk.js";
import { storageErrorOf } from "./storage-error.js";

/** A disk with a durable file of this text. */
function diskWith(text: string, seed = 1): { disk: SimulatedDisk; file: StorageFile } {
  const disk = new SimulatedDisk(seed);
  const file = disk.open("data", "create");
  put(file, text, 0);
  file.sync();
  disk.syncDirectory("data");
  return { disk, file };
}

function put(file: StorageFile, text: string, position: number): void {
  const bytes = Buffer.from(text, "latin1");
  file.write(bytes, 0, bytes.length, position);
}

/** The whole file as text, with "." for zero; undefined where there is no file. */
function textOf(storage: Storage, path = "data"): string | undefined {
  if (storage.kind(path) === "missing") return undefined;
  const file = storage.open(path, "read");
  const buffer = Buffer.alloc(file.size());
  expect(file.read(buffer, 0, buffer.length, 0)).toBe(buffer.length);
  return buffer.toString("latin1").replaceAll("\0", ".");
}

const crashText = (disk: SimulatedDisk, options: CrashOptions): string | undefined => textOf(disk.crash(options));

describe("a crash", () => {
  test("loses what was not synced, or not", () => {
    const { disk, file } = diskWith("----");
    put(file, "A", 0);
    put(file, "B", 1);
    put(file, "C", 2);
    expect(textOf(disk)).toBe("ABC-");
    expect(disk.unsynced.map((change) => change.kind)).toEqual(["write", "write", "write"]);
    expect(crashText(disk, { keep: "none" })).toBe("----");
    expect(crashText(disk, { keep: "all" })).toBe("ABC-");
    expect(crashText(disk, { keep: 2 })).toBe("AB--");
    expect(crashText(disk, { keep: [true, false, true] })).toBe("A-C-");
    expect(crashText(disk, { keep: [false, true] })).toBe("-B--");
    file.sync();
    expect(disk.unsynced).toEqual([]);
    expect(crashText(disk, { keep: "none" })).toBe("ABC-");
  });

  test("keeps the later of two overlapping writes on top", () => {
    const { disk, file } = diskWith("----");
    put(file, "AAA", 0);
    put(file, "BB", 1);
    expect(crashText(disk, { keep: "all" })).toBe("ABB-");
    expect(crashText(disk, { keep: [true, false] })).toBe("AAA-");
  });

  test("reaches every subset with a generator, the same ones for the same seed", () => {
    const { disk, file } = diskWith("---");
    for (const position of [0, 1, 2]) put(file, "X", position);
    const images = (seed: number): (string | undefined)[] => {
      const random = new Random(seed);
      return Array.from({ length: 100 }, () => crashText(disk, { keep: random }));
    };
    expect(new Set(images(5)).size).toBe(8);
    expect(images(5)).toEqual(images(5));
    expect(images(5)).not.toEqual(images(6));
  });

  test("a sync covers its file only", () => {
    const { disk, file } = diskWith("--");
    const other = disk.open("other", "create");
    disk.syncDirectory("other");
    put(file, "A", 0);
    put(other, "B", 0);
    file.sync();
    const image = disk.crash({ keep: "none" });
    expect(textOf(image)).toBe("A-");
    expect(textOf(image, "other")).toBe("");
  });

  test("an asynchronous sync covers what was written before it began, once it is done", async () => {
    const { disk, file } = diskWith("--");
    put(file, "A", 0);
    const synced = file.syncAsync();
    put(file, "B", 1);
    expect(crashText(disk, { keep: "none" })).toBe("--");
    await synced;
    expect(crashText(disk, { keep: "none" })).toBe("A-");
    expect(disk.unsynced).toHaveLength(1);
  });

  test("a truncation is lost, or survives before earlier writes", () => {
    const { disk, file } = diskWith("------");
    put(file, "AB", 0);
    file.truncate(1);
    put(file, "C", 3);
    expect(textOf(disk)).toBe("A..C");
    expect(crashText(disk, { keep: [true, false, true] })).toBe("AB-C--");
    expect(crashText(disk, { keep: [false, true, false] })).toBe("-");
    expect(crashText(disk, { keep: [false, true, true] })).toBe("-..C");
  });

  test("names lag behind contents, and contents behind names", () => {
    const { disk } = diskWith("old");
    const fresh = disk.open("fresh", "create");
    put(fresh, "new", 0);
    fresh.sync();
    expect(textOf(disk.crash({ keep: "none" }), "fresh")).toBeUndefined();
    expect(textOf(disk.crash({ keep: "none", names: "kept" }), "fresh")).toBe("new");
    disk.rename("fresh", "data");
    expect(textOf(disk)).toBe("new");
    expect(crashText(disk, { keep: "all", names: "lost" })).toBe("old");
    expect(crashText(disk, { keep: [false, true] })).toBe("new");
    disk.syncDirectory("data");
    expect(crashText(disk, { keep: "none" })).toBe("new");
    expect(disk.crash({ keep: "none" }).list("/")).toEqual(["data"]);
    disk.unlink("data");
    expect(crashText(disk, { keep: "none" })).toBe("new");
    expect(crashText(disk, { keep: "all" })).toBeUndefined();

    const unsynced = disk.open("data", "create");
    put(unsynced, "later", 0);
    disk.syncDirectory("data");
    expect(crashText(disk, { keep: "none" })).toBe("");
  });

  test("length and contents of a growing file part", () => {
    const { disk, file } = diskWith("ab");
    put(file, "cd", 2);
    put(file, "ef", 4);
    expect(crashText(disk, { keep: [false, true] })).toBe("ab..ef");
    expect(crashText(disk, { keep: "none", length: "zeros" })).toBe("ab....");
    expect(crashText(disk, { keep: 1, length: "zeros" })).toBe("abcd..");
    expect(crashText(disk, { keep: "all", length: "lag" })).toBe("ab");
    const garbage = crashText(disk, { keep: [false, true], length: "garbage" });
    expect(garbage).toMatch(/^ab..ef$/s);
    expect(garbage).not.toBe("ab..ef");
  });
});

describe("a torn write", () => {
  const old = "-".repeat(4 * 4096);
  const images = (options: Partial<NonNullable<CrashOptions["tear"]>>, count = 300): string[] => {
    const { disk, file } = diskWith(old);
    put(file, "A".repeat(5000), 1000);
    const random = new Random(3);
    return Array.from({ length: count }, () => crashText(disk, { keep: 0, tear: { random, ...options } }) ?? "");
  };

  test.each([512, 4096] as const)("keeps whole units of %i bytes", (unit) => {
    const all = images({ unit });
    for (const image of all) {
      for (let start = 0; start < old.length; start += unit) {
        const inside = image.slice(Math.max(start, 1000), Math.min(start + unit, 6000));
        expect(new Set(inside).size).toBeLessThanOrEqual(1);
      }
      expect(image.slice(0, 1000) + image.slice(6000)).toMatch(/^-*$/);
    }
    expect(new Set(all).size).toBeGreaterThan(unit === 512 ? 50 : 3);
  });

  test("keeps any bytes where single ones are atomic: prefixes, gaps and nothing", () => {
    const all = images({}, 3000).map((image) => image.slice(1000, 6000));
    expect(all.some((image) => /^A+-+$/.test(image) && image.lastIndexOf("A") % 512 !== 23)).toBe(true);
    expect(all.some((image) => /A-+A/.test(image))).toBe(true);
    expect(all.includes("-".repeat(5000))).toBe(true);
  });

  test("trashes whole sectors, also beside the write, and nothing else", () => {
    const all = images({ trash: true, sector: 512 });
    const touched = (image: string, from: number, to: number): boolean => /[^-]/.test(image.slice(from, to));
    expect(all.some((image) => touched(image, 512, 1000))).toBe(true);
    expect(all.some((image) => touched(image, 6000, 6144))).toBe(true);
    for (const image of all) {
      expect(touched(image, 0, 512) || touched(image, 6144, old.length)).toBe(false);
      expect(image).toHaveLength(old.length);
    }
  });

  test("is asked for by name, and needs to know how", () => {
    const { disk, file } = diskWith("-");
    put(file, "AAAA", 0);
    const keep: Fate[] = ["torn"];
    expect(() => disk.crash({ keep })).toThrow("tear");
    expect(crashText(disk, { keep, tear: { random: new Random(1) } })).toMatch(/^A{0,4}|-$/);
  });

  test("is among what a generator draws", () => {
    const { disk, file } = diskWith("-".repeat(8));
    put(file, "A".repeat(8), 0);
    const random = new Random(9);
    const texts = Array.from({ length: 200 }, () => crashText(disk, { keep: random, tear: { random } }));
    expect(new Set(texts).size).toBe(9);
  });
});

describe("an image", () => {
  test("is a disk of its own, durable, and can be crashed again", () => {
    const { disk, file } = diskWith("----");
    put(file, "A", 0);
    const lock = disk.lock(file);
    expect(lock).toBeDefined();
    const image = disk.crash({ keep: "all" });
    expect(image.unsynced).toEqual([]);
    expect(image.operationCount).toBe(0);
    const again = image.open("data", "write");
    expect(image.lock(again)).toBeDefined();
    expect(again.identity()).toBe(file.identity());
    put(again, "B", 1);
    put(file, "C", 2);
    expect(textOf(image)).toBe("AB--");
    expect(textOf(disk)).toBe("A-C-");
    expect(crashText(image, { keep: "none" })).toBe("A---");
    expect(crashText(disk, { keep: "none" })).toBe("----");
  });

  test("after a mere kill still has its unsynced changes to lose", () => {
    const { disk, file } = diskWith("----");
    put(file, "A", 0);
    disk.open("fresh", "create");
    const killed = disk.fork();
    put(file, "B", 1);
    expect(textOf(killed)).toBe("A---");
    expect(killed.list("/")).toEqual(["data", "fresh"]);
    expect(killed.crash({ keep: "none" }).list("/")).toEqual(["data"]);
    expect(crashText(killed, { keep: "none" })).toBe("----");
    const file2 = killed.open("data", "write");
    file2.sync();
    expect(crashText(killed, { keep: "none" })).toBe("A---");
    expect(crashText(disk, { keep: "none" })).toBe("----");
  });
});

describe("a failure", () => {
  const failNext = (disk: SimulatedDisk, kind: DiskFailure): void => disk.failAt(disk.operationCount, kind);

  test.each([
    ["io", "LLMDB_IO", "EIO"],
    ["full", "LLMDB_DISK_FULL", "ENOSPC"],
  ] as const)("%s happens at any operation, once, without effect", async (kind, code, errno) => {
    const { disk, file } = diskWith("----");
    const uses: (() => unknown)[] = [
      () => file.read(new Uint8Array(1), 0, 1, 0),
      () => put(file, "A", 0),
      () => file.truncate(1),
      () => file.sync(),
      () => disk.open("data", "read"),
      () => disk.open("other", "create"),
      () => disk.rename("data", "other"),
      () => disk.unlink("data"),
      () => disk.list("/"),
      () => disk.syncDirectory("data"),
    ];
    for (const use of uses) {
      failNext(disk, kind);
      expect(storageErrorOf(use)).toMatchObject({ code, errno, cause: errno });
      expect(disk.kind("other")).toBe("missing");
      expect(textOf(disk)).toBe("----");
    }
    failNext(disk, kind);
    await expect(file.syncAsync()).rejects.toMatchObject({ code });
    put(file, "A", 0);
    expect(textOf(disk)).toBe("A---");
    failNext(disk, kind);
    expect(storageErrorOf(() => file.close()).code).toBe(code);
    expect(storageErrorOf(() => file.size()).code).toBe("LLMDB_CLOSED");
  });

  test("short stores half of a write, and ends a read early", () => {
    const { disk, file } = diskWith("----");
    failNext(disk, "short");
    expect(storageErrorOf(() => put(file, "ABCD", 0)).code).toBe("LLMDB_DISK_FULL");
    expect(textOf(disk)).toBe("AB--");
    expect(crashText(disk, { keep: "all" })).toBe("AB--");
    failNext(disk, "short");
    expect(file.read(new Uint8Array(4), 0, 4, 0)).toBe(2);
    failNext(disk, "short");
    expect(storageErrorOf(() => file.sync()).code).toBe("LLMDB_IO");
  });

  test("sync loses the data for good, though it still reads, and the next sync succeeds", async () => {
    for (const wait of [false, true]) {
      const { disk, file } = diskWith("----");
      put(file, "A", 0);
      failNext(disk, "sync");
      if (wait) await expect(file.syncAsync()).rejects.toMatchObject({ code: "LLMDB_IO" });
      else expect(storageErrorOf(() => file.sync()).code).toBe("LLMDB_IO");
      put(file, "B", 1);
      file.sync();
      expect(textOf(disk)).toBe("AB--");
      expect(crashText(disk, { keep: "all" })).toBe("-B--");
    }
  });

  test("a full disk takes what fits, and goes on once there is room", () => {
    const { disk, file } = diskWith("----");
    const other = disk.open("other", "create");
    put(other, "xx", 0);
    disk.capacityBytes = 8;
    expect(storageErrorOf(() => put(file, "ABCDEF", 2)).code).toBe("LLMDB_DISK_FULL");
    expect(textOf(disk)).toBe("--ABCD");
    expect(storageErrorOf(() => file.truncate(100)).code).toBe("LLMDB_DISK_FULL");
    put(file, "Z", 0);
    disk.unlink("other");
    put(file, "EF", 6);
    expect(textOf(disk)).toBe("Z-ABCDEF");
  });
});

describe("a watcher", () => {
  test("sees every operation before and after, and can stop the caller", async () => {
    const disk = new SimulatedDisk();
    const seen: string[] = [];
    disk.watcher = (operation, phase) => void seen.push(`${operation.index} ${operation.kind} ${phase}`);
    const file = disk.open("data", "create");
    put(file, "A", 0);
    const synced = file.syncAsync();
    put(file, "B", 1);
    await synced;
    disk.failAt(4, "io");
    storageErrorOf(() => file.sync());
    expect(seen).toEqual([
      "0 create before",
      "0 create done",
      "1 write before",
      "1 write done",
      "2 sync before",
      "3 write before",
      "3 write done",
      "2 sync done",
      "4 sync before",
      "4 sync failed",
    ]);
    disk.watcher = () => {
      throw new Error("killed here");
    };
    expect(() => put(file, "C", 2)).toThrow("killed here");
    disk.watcher = undefined;
    expect(textOf(disk)).toBe("AB");
  });
});

describe("locks and names", () => {
  test("no lock outlives the process or the power", () => {
    const { disk, file } = diskWith("----");
    for (const slot of [0, 7]) expect(disk.lock(file, "data", slot)).toBeDefined();
    for (const later of [disk.fork(), disk.crash({ keep: "all" })]) {
      expect(later.holder("data")).toBeUndefined();
      const again = later.open("data", "write");
      for (const slot of [0, 7]) expect(later.lock(again, "data", slot)).toBeDefined();
    }
    expect(disk.lock(file, "data", 7)).toBeUndefined();
  });

  test("are asked for without an operation, so that nothing that is counted moves", () => {
    const { disk, file } = diskWith("----");
    disk.watcher = () => {
      throw new Error("an operation");
    };
    const before = disk.operationCount;
    const lock = disk.lock(file, "data");
    expect(disk.holder("data")).toEqual({ pid: 1, host: "simulated", startedAt: "2020-01-01T00:00:00.000Z" });
    expect(disk.resolve("a/../data")).toBe("a/../data");
    expect(disk.identify("data")).toBe(file.identity());
    expect(file.links()).toBe(1);
    lock?.release();
    expect(disk.operationCount).toBe(before);
    expect(disk.unsynced).toEqual([]);
  });

  test("tell what a crash image holds: identities stay with their files", () => {
    const { disk, file } = diskWith("old");
    const fresh = disk.open("fresh", "create");
    fresh.sync();
    disk.syncDirectory("fresh");
    disk.rename("fresh", "data");
    expect(disk.identify("data")).toBe(fresh.identity());
    expect([file.links(), fresh.links()]).toEqual([0, 1]);
    expect(disk.fork().identify("data")).toBe(fresh.identity());
    expect(disk.crash({ keep: "none" }).identify("data")).toBe(file.identity());
    expect(disk.crash({ keep: "all" }).identify("data")).toBe(fresh.identity());
    expect(disk.crash({ keep: "all" }).identify("fresh")).toBeUndefined();
  });
});

describe("time and chance", () => {
  test("move only as the test says", () => {
    const disk = new SimulatedDisk(7);
    const before = disk.now();
    expect(disk.now()).toBe(before);
    disk.time = before - 5;
    expect(disk.now()).toBe(before - 5);
    const draw = (from: SimulatedDisk): number[] => {
      const bytes = new Uint8Array(5);
      from.random(bytes);
      return [...bytes];
    };
    const first = draw(disk);
    expect(draw(new SimulatedDisk(7))).toEqual(first);
    expect(draw(new SimulatedDisk(8))).not.toEqual(first);
    // After a crash chance goes on: a salt drawn by recovery is not the one drawn before.
    expect(draw(disk.crash({ keep: "all" }))).not.toEqual(first);
  });

  test("the generator draws evenly, and its numbers never change", () => {
    const random = new Random(42);
    const counts = new Array<number>(10).fill(0);
    for (let i = 0; i < 100_000; i++) counts[random.below(10)]++;
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(500);
    const fresh = new Random(42);
    const copy = fresh.clone();
    const numbers = [fresh.next(), fresh.next(), fresh.next()];
    expect([copy.next(), copy.next(), copy.next()]).toEqual(numbers);
    // As the same algorithm written in C gives them.
    expect(numbers).toEqual([660444221, 3652823732, 77672526]);
    expect([1, 2, 3]).toContain(fresh.pick([1, 2, 3]));
  });
});

test("builds crash images fast enough for a hundred thousand a minute", () => {
  const { disk, file } = diskWith("-".repeat(256 * 1024));
  for (let page = 0; page < 10; page++) put(file, "A".repeat(4096), page * 8192);
  const random = new Random(1);
  const images = 2000;
  const start = performance.now();
  for (let i = 0; i < images; i++) disk.crash({ keep: random, tear: { random, trash: true } });
  const milliseconds = (performance.now() - start) / images;
  // A minute and two cores leave 1.2 ms for each image and its recovery; a loaded machine gets some more.
  expect(milliseconds).toBeLessThan(1.2);
});
