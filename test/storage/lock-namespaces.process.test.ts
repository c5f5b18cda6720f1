/** The locks of the real disk between namespaces, as containers have them: what one holds is held for all. */
import { execFileSync, spawnSync } from "node:child_process";
import fs, { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { open } from "../../index.js";
import { fileStorage } from "../../pager/file-storage.js";
import type { StorageLock } from "../../pager/storage.js";
import { findNamespaces, type NamespaceKind } from "../harness/kill/namespaces.js";
import { killAndWait, LockHolders } from "./lock-holders.js";

const KINDS: readonly NamespaceKind[] = ["net", "net-pid"];
const NFS = 0x6969;
const linux = process.platform === "linux";
const namespaces = findNamespaces();
const commands = "missing" in namespaces ? undefined : namespaces;
const root = mkdtempSync(join(tmpdir(), "llmdb-namespaces-"));
let holders: LockHolders;
let path: string;
const held: StorageLock[] = [];
const undo: (() => void)[] = [];

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
  for (const action of undo.splice(0).reverse()) action();
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

function lockHere(options: { slot?: number; at?: string; alone?: boolean } = {}): boolean {
  const { slot = 0, at = path, alone = slot > 0 } = options;
  const file = fileStorage.open(at, "write");
  try {
    const lock = fileStorage.lock(file, at, slot, alone);
    if (lock !== undefined) held.push(lock);
    return lock !== undefined;
  } finally {
    file.close();
  }
}

function releaseAll(): void {
  for (const lock of held.splice(0)) lock.release();
}

/** The process that runs the program: the command itself, or the one that it waits for. */
function programIn(kind: NamespaceKind, command: number): number {
  if (kind === "net") return command;
  return Number(fs.readFileSync(`/proc/${command}/task/${command}/children`, "utf8"));
}

function sockets(at = path): string[] {
  return fileStorage.list(dirname(at)).filter((name) => /-lock-/.test(name));
}

test("namespaces are tried", ({ skip }) => {
  if (commands === undefined) skip(`no namespaces here: ${JSON.stringify(namespaces)}`);
});

describe.runIf(commands !== undefined).each(KINDS)("in namespaces of its own (%s)", (kind) => {
  const within = commands?.[kind] ?? [];

  test.each([0, 255])("a holder of slot %i keeps others out, and is kept out", async (slot) => {
    const { answer, child } = await holders.inProcess({ path, slot }, within);
    expect(answer).toBe("held");
    expect(lockHere({ slot })).toBe(false);
    expect((await holders.inProcess({ path, slot }, within)).answer).toBe("refused");
    await killAndWait(child);
    expect(lockHere({ slot })).toBe(true);
    expect((await holders.inProcess({ path, slot }, within)).answer).toBe("refused");
  });

  test("it is named as far as it can be", async () => {
    open(path).closeSync();
    await holders.inProcess({ path }, within);
    expect(fileStorage.holder(path)).toMatchObject({ pid: expect.any(Number), host: expect.any(String) });
    const who =
      kind === "net" ? /by process \d+ on [^,\s]+; close it there/ : /by process 1 of another container, on \S+; close/;
    expect(() => open(path)).toThrow(who);
    expect(fileStorage.holder(path)?.inContainer).toBe(kind === "net" ? undefined : true);
  });

  test("a holder outside is named within", async () => {
    open(path).closeSync();
    expect(lockHere()).toBe(true);
    const { host, startedAt } = fileStorage.holder(path) ?? {};
    const far = kind === "net" ? {} : { inContainer: true };
    expect(holders.seenFrom(path, within)).toEqual({ pid: process.pid, host, startedAt, ...far });
  });

  test("a stopped holder keeps its lock; a killed one loses it at once", async () => {
    for (let round = 0; round < 3; round++) {
      const { answer, child } = await holders.inProcess({ path }, within);
      expect(answer).toBe("held");
      const program = programIn(kind, child.pid ?? 0);
      process.kill(program, "SIGSTOP");
      expect(lockHere()).toBe(false);
      process.kill(program, "SIGKILL");
      await setTimeout(0);
      expect(lockHere()).toBe(true);
      releaseAll();
      expect(sockets()).toEqual([]);
    }
  });
});

describe.runIf(commands !== undefined)("among namespaces", () => {
  test("one is let in at a time where many want it", { timeout: 120_000 }, async () => {
    const ways = [[], commands?.net ?? [], commands?.net ?? [], commands?.["net-pid"] ?? []];
    const counters = await Promise.all(ways.map((way) => holders.inProcess({ path, plan: "count", times: 15 }, way)));
    await Promise.all(counters.map(({ ended }) => ended));
    expect(fs.readFileSync(path).readDoubleLE()).toBe(4 * 15);
    expect(sockets()).toEqual([]);
  });

  test("what kills leave of any lock is removed by the next writer", async () => {
    for (const slot of [0, 7, 254, 255]) {
      const { child } = await holders.inProcess({ path, slot }, commands?.net);
      await killAndWait(child);
    }
    expect(sockets()).toHaveLength(4);
    expect(lockHere()).toBe(true);
    await expect.poll(sockets).toHaveLength(1);
  });

  test("a path of 300 bytes is no hindrance", async () => {
    const folder = join(dirname(path), "a".repeat(150), "b".repeat(150));
    fs.mkdirSync(folder, { recursive: true });
    const far = join(folder, "c".repeat(60));
    fileStorage.open(far, "create").close();
    const { answer } = await holders.inProcess({ path: far }, commands?.net);
    expect(answer).toBe("held");
    expect(lockHere({ at: far })).toBe(false);
  });

  test("a container with a boot id of its own is seen", async () => {
    const fake = join(root, "boot-id");
    fs.writeFileSync(fake, "00000000-0000-4000-8000-000000000000\n");
    const mounting = 'mount --bind "$0" /proc/sys/kernel/random/boot_id && exec "$@"';
    const within = [...(commands?.net ?? []), "-m", "sh", "-c", mounting, fake];
    if (spawnSync(within[0], [...within.slice(1), "true"]).status !== 0) return;
    expect((await holders.inProcess({ path }, within)).answer).toBe("held");
    expect(lockHere()).toBe(false);
    expect(lockHere({ alone: true })).toBe(false);
  });
});

test.runIf(linux)("files that are named like the socket of a lock are left alone", async () => {
  expect(lockHere()).toBe(true);
  const [own] = sockets();
  const alike = [own.replace(/\w{8}$/, "aaaaaaaa"), own.replace(/-0-\w+-\w{8}$/, "-1-x-bbbbbbbb-new")];
  releaseAll();
  for (const name of alike) fs.writeFileSync(join(dirname(path), name), "mine");
  fs.utimesSync(join(dirname(path), alike[1]), 0, 0);
  expect(lockHere()).toBe(true);
  await setTimeout(50);
  releaseAll();
  expect(sockets()).toEqual(alike.sort());
});

describe.runIf(linux)("where others could not be seen, a writer is refused unless it is alone", () => {
  test("on a file system that machines share", () => {
    const fresh = `${path}-fresh`;
    vi.spyOn(fs, "statfsSync").mockReturnValue({ ...fs.statfsSync("/"), type: NFS });
    expect(() => lockHere()).toThrow(
      expect.objectContaining({
        code: "LLMDB_UNSUPPORTED",
        message: expect.stringMatching(/NFS.* alone: true \(--alone\)/),
      }),
    );
    expect(() => open(fresh)).toThrow(expect.objectContaining({ code: "LLMDB_UNSUPPORTED" }));
    expect(fileStorage.list(dirname(path))).toEqual(["data"]);
    const db = open(fresh, { alone: true });
    expect(() => open(fresh, { alone: true })).toThrow(expect.objectContaining({ code: "LLMDB_LOCKED" }));
    db.closeSync();
    open(fresh, { readOnly: true }).closeSync();
    expect(fileStorage.list(dirname(path))).toEqual(["data", basename(fresh)]);
  });

  test("in a folder that takes no sockets", ({ skip }) => {
    const folder = dirname(path);
    if (spawnSync("chattr", ["+i", folder]).status !== 0) skip("chattr is not possible here");
    undo.push(() => execFileSync("chattr", ["-i", folder]));
    expect(() => lockHere()).toThrow(
      expect.objectContaining({
        code: "LLMDB_UNSUPPORTED",
        message: expect.stringMatching(/takes no Unix socket \(EPERM\).* alone: true/),
      }),
    );
    expect(lockHere({ alone: true })).toBe(true);
    expect(lockHere({ alone: true })).toBe(false);
  });

  test("where the file was mounted without its folder", ({ skip }) => {
    const there = join(mkdtempSync(join(root, "mounted-")), "data");
    fs.writeFileSync(there, "");
    if (spawnSync("mount", ["--bind", path, there]).status !== 0) skip("mount is not possible here");
    undo.push(() => execFileSync("umount", [there]));
    expect(() => lockHere({ at: there })).toThrow(
      expect.objectContaining({
        code: "LLMDB_UNSUPPORTED",
        message: expect.stringMatching(/mounted as a single file/),
      }),
    );
    expect(lockHere()).toBe(true);
  });
});
