/** The note beside a locked database: it names the holder, and nothing that it says or is does harm. */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import fs, { mkdtempSync, rmSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, type TestContext, test, vi } from "vitest";
import { open } from "../../index.js";
import { fileStorage } from "../../pager/file-storage.js";
import { holderName, type LockHolder, type StorageLock } from "../../pager/storage.js";
import { killAndWait, LockHolders } from "./lock-holders.js";

const linux = process.platform === "linux";
const root = mkdtempSync(join(tmpdir(), "llmdb-note-"));
let holders: LockHolders;
let path: string;
let note: string;
const held: StorageLock[] = [];
/** What a test leaves to undo, last one first. */
const undo: (() => void)[] = [];

beforeAll(() => {
  holders = new LockHolders(join(root, "holders"));
});

beforeEach(() => {
  path = join(mkdtempSync(join(root, "folder-")), "data");
  note = `${path}-lock`;
  fileStorage.open(path, "create").close();
});

afterEach(() => {
  holders.killAll();
  releaseAll();
  for (const action of undo.splice(0).reverse()) action();
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

function lockHere(at = path, mode: "read" | "write" = "write", alone = false): boolean {
  const file = fileStorage.open(at, mode);
  const lock = fileStorage.lock(file, at, 0, alone);
  file.close();
  if (lock !== undefined) held.push(lock);
  return lock !== undefined;
}

function releaseAll(): void {
  for (const lock of held.splice(0)) lock.release();
}

/** What is in the folder, without the sockets of locks. */
function names(): string[] {
  return fileStorage.list(dirname(path)).filter((name) => !/-lock-/.test(name));
}

/** The fields of a real note of another process, which may have been killed. */
async function foreignNote(kill: boolean): Promise<{ pid: number; fields: LockHolder }> {
  const { answer, child } = await holders.inProcess({ path });
  expect(answer).toBe("held");
  const fields: LockHolder = JSON.parse(fs.readFileSync(note, "utf8"));
  if (kill) await killAndWait(child);
  expect(child.pid).toBe(fields.pid);
  return { pid: fields.pid, fields };
}

function writeNote(fields: object): void {
  fs.writeFileSync(note, `${JSON.stringify(fields)}\n`);
}

/** Runs a command that needs a right which not every machine gives; skips the test where it is missing. */
function requireCommand(context: TestContext, command: string, ...parameters: string[]): void {
  const { status, stderr, error } = spawnSync(command, parameters, { encoding: "utf8" });
  if (status !== 0) context.skip(`${command} ${parameters.join(" ")}: ${error?.message ?? stderr.trim()}`);
}

describe("the holder", () => {
  test("is this process while it has the lock, and nobody afterwards", () => {
    expect(fileStorage.holder(path)).toBeUndefined();
    expect(lockHere()).toBe(true);
    const holder = fileStorage.holder(path);
    expect(holder).toMatchObject({ pid: process.pid, host: hostname() });
    expect(Object.keys(holder ?? {})).toEqual(["pid", "host", "startedAt"]);
    const started = Date.parse(holder?.startedAt ?? "");
    expect(Math.abs(Date.now() - process.uptime() * 1000 - started)).toBeLessThan(5000);
    expect(new Date(started).toISOString()).toBe(holder?.startedAt);
    releaseAll();
    expect(fileStorage.holder(path)).toBeUndefined();
    expect(names()).toEqual(["data"]);
  });

  test("is another process, also for who comes through a symbolic link", async () => {
    const link = join(dirname(path), "link");
    fs.symlinkSync(path, link);
    const before = Date.now();
    const { child } = await holders.inProcess({ path: fileStorage.resolve(link) });
    expect(lockHere(link)).toBe(false);
    const holder = fileStorage.holder(fileStorage.resolve(link));
    expect(holder).toMatchObject({ pid: child.pid, host: hostname() });
    const started = Date.parse(holder?.startedAt ?? "");
    expect(started).toBeGreaterThan(before - 2000);
    expect(started).toBeLessThan(Date.now() + 2000);
  });

  test("is this process where one of its threads has the lock", async () => {
    const { worker } = await holders.inWorker({ path });
    expect(fileStorage.holder(path)).toMatchObject({ pid: process.pid });
    await worker.terminate();
    expect(lockHere()).toBe(true);
  });

  test("is nobody once it was killed; the next one takes its place", async () => {
    const { fields } = await foreignNote(true);
    expect(names()).toEqual(["data", "data-lock"]);
    expect(fileStorage.holder(path)).toBeUndefined();
    expect(lockHere()).toBe(true);
    expect(fileStorage.holder(path)).toMatchObject({ pid: process.pid });
    expect(fs.readFileSync(note, "utf8")).not.toContain(fields.startedAt);
    releaseAll();
    expect(names()).toEqual(["data"]);
  });

  test.runIf(linux)("is nobody once it was killed, though its parent has not noticed", async () => {
    const task = JSON.stringify({ path });
    const parent = spawn("sh", [
      "-c",
      '"$@" & echo " $! "; exec sleep 60',
      "sh",
      process.execPath,
      holders.script,
      task,
    ]);
    undo.push(() => parent.kill("SIGKILL"));
    let output = "";
    for await (const text of parent.stdout.setEncoding("utf8")) {
      output += text;
      if (output.includes("held") && /\d \n/.test(output)) break;
    }
    const pid = Number(/\d+/.exec(output)?.[0]);
    expect(fileStorage.holder(path)).toMatchObject({ pid });
    const text = fs.readFileSync(note);
    process.kill(pid, "SIGKILL");
    // Its first thread is a zombie before the others have ended, and the socket lasts as long as they do.
    await vi.waitFor(() => expect(lockHere()).toBe(true), { timeout: 10_000, interval: 1 });
    releaseAll();
    expect(fs.readFileSync(`/proc/${pid}/stat`, "latin1")).toContain(") Z ");
    fs.writeFileSync(note, text);
    expect(fileStorage.holder(path)).toBeUndefined();
  });
});

describe("a holder that cannot be named", () => {
  test("is said to be another container's or user's, with what to do", () => {
    open(path).closeSync();
    expect(lockHere()).toBe(true);
    fs.rmSync(note);
    expect(() => open(path)).toThrow(
      /writing by a process that cannot be named from here \(it is of another .*; close it there, or/,
    );
    expect(holderName(undefined)).toMatch(/^a process that cannot be named/);
    expect(holderName({ pid: 7, host: "h", startedAt: "" })).toBe("process 7 on h");
    expect(holderName({ pid: 7, host: "h", startedAt: "", inContainer: true })).toBe(
      "process 7 of another container, on h",
    );
  });

  test.runIf(linux)("is one of another user who may not write to the folder", async (context) => {
    const nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    requireCommand(context, nobody[0], ...nobody.slice(1), process.execPath, "--version");
    open(path).closeSync();
    for (const folder of [root, dirname(path)]) fs.chmodSync(folder, 0o755);
    fs.chmodSync(path, 0o666);
    const { answer } = await holders.inProcess({ path, alone: true }, nobody);
    expect(answer).toBe("held");
    expect(fs.existsSync(note)).toBe(false);
    expect(() => open(path)).toThrow(/cannot be named from here \(it is of another container or user/);
  });
});

describe("a stale note", () => {
  test("whose process number is in use again keeps nobody out and is not believed", async () => {
    const { fields } = await foreignNote(true);
    const other = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
    undo.push(() => other.kill("SIGKILL"));
    for (const pid of [other.pid, process.pid, 1]) {
      writeNote({ ...fields, pid });
      if (linux) expect(fileStorage.holder(path)).toBeUndefined();
      expect(lockHere()).toBe(true);
      expect(fileStorage.holder(path)).toMatchObject({ pid: process.pid });
      releaseAll();
      expect(names()).toEqual(["data"]);
    }
  });

  test.runIf(linux)("of an earlier start of the machine is not believed", async () => {
    const { pid, fields } = await foreignNote(false);
    expect(fileStorage.holder(path)).toMatchObject({ pid });
    writeNote({ ...fields, boot: "00000000-0000-0000-0000-000000000000" });
    expect(fileStorage.holder(path)).toBeUndefined();
  });

  test("of another host is all that is known: its processes cannot be seen from here", async () => {
    const { pid, fields } = await foreignNote(true);
    writeNote({ ...fields, host: "elsewhere" });
    expect(fileStorage.holder(path)).toEqual({ pid, host: "elsewhere", startedAt: fields.startedAt });
    expect(lockHere()).toBe(true);
    expect(fileStorage.holder(path)).toMatchObject({ pid: process.pid });
  });

  test("does not stop at a process that may not be signalled", async () => {
    const { fields } = await foreignNote(true);
    // Without ticks to compare, as on other systems: whoever has the number now may be it.
    writeNote({ ...fields, pid: 0x7fff_ffff, startTicks: "" });
    expect(fileStorage.holder(path)).toBeUndefined();
  });
});

test("a release leaves the note of another holder alone, and a second one does nothing", async () => {
  const { fields } = await foreignNote(true);
  expect(lockHere()).toBe(true);
  const [first] = held.splice(0);
  const own = fs.readFileSync(note, "utf8");
  writeNote(fields);
  first.release();
  expect(JSON.parse(fs.readFileSync(note, "utf8"))).toEqual(fields);
  expect(lockHere()).toBe(true);
  expect(fs.readFileSync(note, "utf8")).toBe(own);
  first.release();
  expect(fs.readFileSync(note, "utf8")).toBe(own);
});

test("a file put in the place of a locked one has a lock and a note of its own", () => {
  const replaced = fileStorage.open(path, "write");
  expect(lockHere()).toBe(true);
  fs.unlinkSync(path);
  fileStorage.open(path, "create").close();
  expect(lockHere()).toBe(true);
  held[0].release();
  expect(fileStorage.holder(path)).toMatchObject({ pid: process.pid });
  releaseAll();
  replaced.close();
  expect(names()).toEqual(["data"]);
});

describe("in the place of a note", () => {
  const fields = {
    title: "LLMDB write lock, for information only",
    pid: 1,
    host: "host",
    startedAt: "2026-01-01T00:00:00.000Z",
    boot: "",
    startTicks: "",
    file: "1:1",
  };
  const json = (changes: object): string => JSON.stringify({ ...fields, ...changes });

  /** The lock is taken and released as if nothing were there. */
  function lockAsEver(): void {
    expect(fileStorage.holder(path)).toBeUndefined();
    expect(lockHere()).toBe(true);
    expect(lockHere()).toBe(false);
    const holder = fileStorage.holder(path);
    if (holder !== undefined) expect(holder.pid).toBe(process.pid);
    releaseAll();
    expect(lockHere()).toBe(true);
    releaseAll();
  }

  test.each([
    ["nothing but words", "some text"],
    ["another database", `LLMDB\0${"x".repeat(10_000)}`],
    ["no UTF-8", Buffer.from([0xff, 0xfe, 0x80, 0x00])],
    ["half a note", json({}).slice(0, -20)],
    ["a huge note", json({ host: "h".repeat(20_000_000) })],
    ["a note padded too far", json({}) + " ".repeat(5000)],
    ["JSON too deep", "[".repeat(4000)],
    ["null", "null"],
    ["a list", "[1]"],
    ["an empty object", "{}"],
    ["somebody else's object", json({ title: "mine" })],
    ["no process number", json({ pid: "1" })],
    ["a process number of zero", json({ pid: 0 })],
    ["a negative process number", json({ pid: -1 })],
    ["a fractional process number", json({ pid: 1.5 })],
    ["a process number that is none", json({ pid: 2 ** 31 })],
    ["a host that is no text", json({ host: {} })],
    ["an empty host", json({ host: "" })],
    ["a host with control characters", json({ host: "\u001b[2J" })],
    ["a host that turns the text around", json({ host: "a\u202eb" })],
    ["a host without end", json({ host: "h".repeat(256) })],
    ["no time", json({ startedAt: "yesterday" })],
    ["a time that is a number", json({ startedAt: 5 })],
    ["a time in other words", json({ startedAt: "1 Jan 2026" })],
    ["no start of the machine", json({ boot: undefined })],
    ["ticks that are a number", json({ startTicks: 7 })],
  ])("%s is left alone", (_what, content) => {
    fs.writeFileSync(note, content);
    lockAsEver();
    expect(fs.readFileSync(note).equals(Buffer.from(content))).toBe(true);
  });

  test.each([
    ["an empty file", ""],
    ["zeros", "\0".repeat(200)],
    ["a stale note", json({ boot: "another" })],
  ])("%s, as a crash leaves it, is replaced", (_what, content) => {
    fs.writeFileSync(note, content);
    expect(lockHere()).toBe(true);
    expect(fileStorage.holder(path)).toMatchObject({ pid: process.pid });
    releaseAll();
    expect(names()).toEqual(["data"]);
  });

  test("a folder is left alone", () => {
    fs.mkdirSync(note);
    lockAsEver();
    expect(fs.readdirSync(note)).toEqual([]);
  });

  test("a link is not followed, wherever it leads", () => {
    const target = join(dirname(path), "target");
    for (const content of [undefined, "", json({})]) {
      if (content !== undefined) fs.writeFileSync(target, content);
      fs.symlinkSync(target, note);
      lockAsEver();
      expect(fs.readlinkSync(note)).toBe(target);
      expect(fs.existsSync(target) ? fs.readFileSync(target, "utf8") : undefined).toBe(content);
      fs.unlinkSync(note);
    }
  });

  test.runIf(linux)("a pipe that nobody writes to is not waited for", () => {
    execFileSync("mkfifo", [note]);
    lockAsEver();
    expect(fs.lstatSync(note).isFIFO()).toBe(true);
  });
});

describe.runIf(linux)("without a place for the note", () => {
  test("on a read-only medium, the lock is taken all the same by who is alone", (context) => {
    const folder = dirname(path);
    requireCommand(context, "mount", "-t", "tmpfs", "tmpfs", folder);
    undo.push(() => execFileSync("umount", [folder]));
    fileStorage.open(path, "create").close();
    execFileSync("mount", ["-o", "remount,ro", folder]);
    expect(() => fs.writeFileSync(note, "")).toThrow("EROFS");
    expect(lockHere(path, "read", true)).toBe(true);
    expect(lockHere(path, "read", true)).toBe(false);
    expect(fileStorage.holder(path)).toBeUndefined();
    releaseAll();
    expect(lockHere(path, "read", true)).toBe(true);
    expect(names()).toEqual(["data"]);
  });

  test("in a folder that takes no new files, the lock is taken all the same by who is alone", (context) => {
    const folder = dirname(path);
    // Of the super-user, permissions would ask nothing.
    requireCommand(context, "chattr", "+i", folder);
    undo.push(() => execFileSync("chattr", ["-i", folder]));
    expect(() => fs.writeFileSync(note, "")).toThrow("EPERM");
    expect(lockHere(path, "write", true)).toBe(true);
    expect(lockHere(path, "write", true)).toBe(false);
    expect(fileStorage.holder(path)).toBeUndefined();
    releaseAll();
    expect(lockHere(path, "write", true)).toBe(true);
    expect(names()).toEqual(["data"]);
  });

  test("a stale note that cannot be removed stays, and is not believed", async (context) => {
    const { fields } = await foreignNote(true);
    const folder = dirname(path);
    requireCommand(context, "chattr", "+i", folder);
    undo.push(() => execFileSync("chattr", ["-i", folder]));
    expect(lockHere(path, "write", true)).toBe(true);
    expect(fileStorage.holder(path)).toBeUndefined();
    releaseAll();
    expect(JSON.parse(fs.readFileSync(note, "utf8"))).toEqual(fields);
  });

  test("on a full disk, the lock is taken and no half of a note is left", (context) => {
    const folder = dirname(path);
    requireCommand(context, "mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder);
    undo.push(() => execFileSync("umount", [folder]));
    fileStorage.open(path, "create").close();
    expect(() => fs.writeFileSync(join(folder, "rest"), Buffer.alloc(1 << 20, 1))).toThrow("ENOSPC");
    expect(lockHere()).toBe(true);
    expect(lockHere()).toBe(false);
    expect(names()).toEqual(["data", "rest"]);
    releaseAll();
    expect(lockHere()).toBe(true);
  });
});
