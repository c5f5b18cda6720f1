/** The locks of the real disk, between handles, threads and processes: the kernel alone decides who has them. */
import { spawn, spawnSync } from "node:child_process";
import fs, { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { lockFile } from "../../pager/file-lock.js";
import { fileStorage } from "../../pager/file-storage.js";
import type { StorageLock } from "../../pager/storage.js";
import { builtUrl } from "../built-file.js";
import { effort } from "../effort.js";
import { killAndWait, LockHolders } from "./lock-holders.js";
import { storageErrorOf } from "./storage-error.js";

const linux = process.platform === "linux";
const root = mkdtempSync(join(tmpdir(), "llmdb-lock-"));
let holders: LockHolders;
let path: string;
const held: StorageLock[] = [];

beforeAll(() => {
  holders = new LockHolders(join(root, "holders"));
});

beforeEach(() => {
  path = join(mkdtempSync(join(root, "folder-")), "data");
  fileStorage.open(path, "create").close();
});

afterEach(() => {
  vi.restoreAllMocks();
  holders.killAll();
  releaseAll();
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Takes a lock in this thread, until the test ends. */
function lockHere(slot = 0, at = path): boolean {
  const file = fileStorage.open(at, "write");
  const lock = fileStorage.lock(file, at, slot);
  file.close();
  if (lock !== undefined) held.push(lock);
  return lock !== undefined;
}

function releaseAll(): void {
  for (const lock of held.splice(0)) lock.release();
}

describe("the write lock", () => {
  test("is refused to a second handle of the process, until it is released", () => {
    for (let round = 0; round < 100; round++) {
      expect(lockHere()).toBe(true);
      expect(lockHere()).toBe(false);
      releaseAll();
    }
  });

  test("is refused through a symbolic and a hard link, and through a folder that is a link", () => {
    fs.symlinkSync(path, `${path}-symbolic`);
    fs.linkSync(path, `${path}-hard`);
    fs.symlinkSync(dirname(path), `${path}-folder`);
    const links = [`${path}-symbolic`, `${path}-hard`, join(`${path}-folder`, "data")];
    expect(lockHere()).toBe(true);
    for (const link of links) expect(lockHere(0, link)).toBe(false);
    releaseAll();
    for (const link of links) {
      expect(lockHere(0, link)).toBe(true);
      expect(lockHere()).toBe(false);
      releaseAll();
    }
  });

  test("excludes worker threads, and ends with the worker that holds it", async () => {
    const { answer, worker } = await holders.inWorker({ path });
    expect(answer).toBe("held");
    expect(lockHere()).toBe(false);
    await worker.terminate();
    expect(lockHere()).toBe(true);
    const second = await holders.inWorker({ path });
    expect(second.answer).toBe("refused");
    await second.worker.terminate();
  });

  test("excludes other processes, through links too", async () => {
    fs.symlinkSync(path, `${path}-symbolic`);
    expect(lockHere()).toBe(true);
    expect((await holders.inProcess({ path })).answer).toBe("refused");
    expect((await holders.inProcess({ path: `${path}-symbolic` })).answer).toBe("refused");
    releaseAll();
    expect((await holders.inProcess({ path: `${path}-symbolic` })).answer).toBe("held");
    expect(lockHere()).toBe(false);
  });

  test("stays with the file when that is renamed, and a new file of the name has one of its own", () => {
    expect(lockHere()).toBe(true);
    fs.renameSync(path, `${path}-moved`);
    fileStorage.open(path, "create").close();
    expect(lockHere(0, `${path}-moved`)).toBe(false);
    expect(lockHere()).toBe(true);
  });

  test("is free at once when its holder was killed, again and again", { timeout: effort(60_000) }, async () => {
    for (let round = 0; round < effort(5); round++) {
      const { answer, child } = await holders.inProcess({ path });
      expect(answer).toBe("held");
      expect(lockHere()).toBe(false);
      await killAndWait(child);
      expect(lockHere()).toBe(true);
      releaseAll();
    }
    expect(fileStorage.list(dirname(path))).toEqual(["data"]);
  });

  test("is free when its holder was killed while taking and releasing it", { timeout: effort(60_000) }, async () => {
    for (let round = 0; round < effort(3); round++) {
      const { child } = await holders.inProcess({ path, plan: "churn" });
      await new Promise((resolve) => setTimeout(resolve, round));
      await killAndWait(child);
      expect(lockHere()).toBe(true);
      expect(fileStorage.holder(path)).toMatchObject({ pid: process.pid });
      releaseAll();
    }
    expect(fileStorage.list(dirname(path))).toEqual(["data"]);
  });

  test("lets one in at a time where many want it", { timeout: 120_000 }, async () => {
    const counters = await Promise.all([
      ...[1, 2, 3, 4].map(() => holders.inProcess({ path, plan: "count" })),
      ...[1, 2].map(() => holders.inWorker({ path, plan: "count" })),
    ]);
    await Promise.all(counters.map(({ ended }) => ended));
    const file = fileStorage.open(path, "read");
    const buffer = Buffer.alloc(8);
    file.read(buffer, 0, 8, 0);
    expect(buffer.readDoubleLE()).toBe(6 * 200);
    expect(fileStorage.list(dirname(path))).toEqual(["data"]);
  });

  test("does not keep the process alive, and ends with it", async () => {
    const child = spawn(process.execPath, [holders.script, JSON.stringify({ path, plan: "end" })], { stdio: "ignore" });
    expect(await new Promise((resolve) => child.once("exit", resolve))).toBe(0);
    expect(lockHere()).toBe(true);
  });
});

describe("slots", () => {
  test("are locks of their own, each with one holder", () => {
    for (let slot = 0; slot <= 255; slot++) expect(lockHere(slot)).toBe(true);
    for (let slot = 0; slot <= 255; slot++) expect(lockHere(slot)).toBe(false);
    held.splice(7, 1)[0].release();
    expect(lockHere(6)).toBe(false);
    expect(lockHere(8)).toBe(false);
    expect(lockHere(7)).toBe(true);
  });

  test("belong to the file, not to the path", () => {
    const other = `${path}-other`;
    fileStorage.open(other, "create").close();
    fs.linkSync(path, `${path}-hard`);
    expect(lockHere(3)).toBe(true);
    expect(lockHere(3, other)).toBe(true);
    if (linux) expect(lockHere(3, `${path}-hard`)).toBe(false);
  });

  test("of other processes are free as soon as those are killed", async () => {
    const first = await holders.inProcess({ path, slot: 1 });
    const second = await holders.inProcess({ path, slot: 2 });
    expect([first.answer, second.answer]).toEqual(["held", "held"]);
    expect((await holders.inProcess({ path, slot: 1 })).answer).toBe("refused");
    expect([lockHere(0), lockHere(1), lockHere(2), lockHere(3)]).toEqual([true, false, false, true]);
    await killAndWait(first.child);
    expect([lockHere(1), lockHere(2)]).toEqual([true, false]);
  });

  test("end with the worker that holds them", async () => {
    const { answer, worker } = await holders.inWorker({ path, slot: 9 });
    expect(answer).toBe("held");
    expect(lockHere(9)).toBe(false);
    await worker.terminate();
    expect(lockHere(9)).toBe(true);
  });

  test.runIf(linux)("leave no note, and nothing once they are released", () => {
    expect(lockHere(1)).toBe(true);
    expect(fileStorage.list(dirname(path))).toEqual(["data", expect.stringMatching(/^data-lock-\w+-1-\w+-\w{8}$/)]);
    expect(fileStorage.holder(path)).toBeUndefined();
    releaseAll();
    expect(fileStorage.list(dirname(path))).toEqual(["data"]);
  });
});

describe.runIf(linux)("the address", () => {
  const addresses = (): string[] => {
    const file = fileStorage.open(path, "read");
    const start = `@llmdb-${file.identity().replace(":", "-")}-`;
    file.close();
    const names = readFileSync("/proc/net/unix", "utf8").match(/@llmdb-\S+/g) ?? [];
    return names.filter((name) => name.startsWith(start)).map((name) => name.slice(start.length));
  };

  // Node 20 binds shorter names padded with NULs, later versions as they are: they would not see each other.
  test("has its full length, which every Node spells alike", () => {
    expect(lockHere()).toBe(true);
    const [own] = addresses();
    expect(addresses()).toHaveLength(1);
    expect(own).toMatch(/^x+$/);
    const identity = fileStorage.open(path, "read").identity();
    expect("@llmdb-".length + identity.length + 1 + own.length).toBe(108);
    expect(lockHere(255)).toBe(true);
    const slot = addresses().find((name) => name !== own);
    expect(slot).toMatch(/^255-x+$/);
    expect(slot).toHaveLength(own.length);
  });

  test("hangs up on strangers who connect to it", async () => {
    expect(lockHere()).toBe(true);
    const identity = fileStorage.open(path, "read").identity().replace(":", "-");
    const stranger = net.connect({ path: `\0llmdb-${identity}-`.padEnd(108, "x") });
    await new Promise((resolve) => stranger.once("close", resolve));
    expect(lockHere()).toBe(false);
  });
});

test.runIf(linux)("a process without descriptors is told so, not that somebody has the lock", () => {
  const script = join(root, "starved.js");
  writeFileSync(
    script,
    `import { openSync } from "node:fs";
     import { fileStorage } from ${JSON.stringify(builtUrl("pager/file-storage.ts"))};
     const file = fileStorage.open(process.argv[2], "write");
     try { for (;;) openSync("/dev/null"); } catch {}
     try { console.log(fileStorage.lock(file, process.argv[2])); }
     catch (error) { console.log(error.code, error.details.errno); }`,
  );
  writeFileSync(join(root, "package.json"), `{ "type": "module" }`);
  const shell = spawnSync("sh", ["-c", 'ulimit -n 100; exec "$0" "$@"', process.execPath, script, path]);
  expect(`${shell.stdout}${shell.stderr}`.trim()).toBe("LLMDB_IO EMFILE");
});

// The flags that make `open` take a lock mean nothing on Linux: this covers the files, not the exclusion.
describe.runIf(linux)("the files of macOS and the BSDs", () => {
  const lockThere = (slot: number): StorageLock | undefined => {
    vi.spyOn(process, "platform", "get").mockReturnValue("darwin");
    return lockFile({ identity: "1:2", path, slot, alone: false });
  };

  test("are the database itself for slot 0, and one beside it for others, gone after the release", () => {
    const [write, slot] = [lockThere(0), lockThere(7)];
    expect(fileStorage.list(dirname(path))).toEqual(["data", "data.7"]);
    for (const lock of [write, slot, write, slot]) lock?.release();
    expect(fileStorage.list(dirname(path))).toEqual(["data"]);
  });

  test("are refused where another one has the lock, or removed the file in between", () => {
    const open = fs.openSync;
    const spy = vi.spyOn(fs, "openSync").mockImplementation(() => {
      throw Object.assign(new Error("EAGAIN"), { code: "EAGAIN" });
    });
    expect([lockThere(0), lockThere(7)]).toEqual([undefined, undefined]);
    spy.mockImplementation((name, flags) => {
      const descriptor = open(name, flags);
      fs.unlinkSync(name);
      return descriptor;
    });
    expect(lockThere(7)).toBeUndefined();
    spy.mockImplementation(() => {
      throw Object.assign(new Error("EROFS"), { code: "EROFS" });
    });
    expect(storageErrorOf(() => lockThere(7)).code).toBe("LLMDB_READ_ONLY");
  });
});

test("a platform without a lock says so", () => {
  vi.spyOn(process, "platform", "get").mockReturnValue("sunos");
  expect(storageErrorOf(() => lockFile({ identity: "1:2", path, slot: 0, alone: false })).code).toBe(
    "LLMDB_UNSUPPORTED",
  );
});

test.runIf(linux)("a lock whose name cannot be removed is given back all the same", () => {
  const file = fileStorage.open(path, "write");
  const lock = fileStorage.lock(file, path);
  vi.spyOn(fs, "rmSync").mockImplementation(() => {
    throw Object.assign(new Error("EIO: i/o error"), { code: "EIO" });
  });
  lock?.release();
  vi.restoreAllMocks();
  const next = fileStorage.lock(file, path);
  expect(next).toBeDefined();
  next?.release();
  file.close();
});
