/** The write lock of the real disk, between handles, threads and processes. */
import { type ChildProcess, spawn } from "node:child_process";
import fs, { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { fileStorage } from "../../pager/file-storage.js";
import type { StorageLock } from "../../pager/storage.js";
import { compilePager } from "./compiled-pager.js";

const root = mkdtempSync(join(tmpdir(), "llmdb-lock-"));
const holderPath = join(root, "holder.js");
let path: string;
const children: ChildProcess[] = [];
const held: StorageLock[] = [];

beforeAll(() => {
  const storageUrl = compilePager(join(root, "pager"));
  writeFileSync(
    holderPath,
    `import { parentPort, workerData } from "node:worker_threads";
     import { fileStorage } from ${JSON.stringify(storageUrl)};
     const path = workerData ?? process.argv[2];
     const lock = fileStorage.lock(fileStorage.open(path, "write"), path);
     const answer = lock === undefined ? "refused" : "held";
     if (parentPort !== null) parentPort.postMessage(answer);
     else process.stdout.write(answer);
     if (lock !== undefined) setInterval(() => {}, 1000);`,
  );
  writeFileSync(join(root, "package.json"), `{ "type": "module" }`);
});

beforeEach(() => {
  path = join(mkdtempSync(join(root, "folder-")), "data");
  fileStorage.open(path, "create").close();
});

afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  for (const lock of held.splice(0)) lock.release();
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

function lockHere(at = path): boolean {
  const lock = fileStorage.lock(fileStorage.open(at, "write"), at);
  if (lock !== undefined) held.push(lock);
  return lock !== undefined;
}

/** Starts a process that takes the lock and holds it; resolves with what it was told. */
function lockInProcess(): Promise<{ answer: string; child: ChildProcess }> {
  const child = spawn(process.execPath, [holderPath, path], { stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  return new Promise((resolve, reject) => {
    child.stdout?.once("data", (data) => resolve({ answer: String(data), child }));
    child.once("error", reject);
  });
}

function lockInWorker(): Promise<{ answer: string; worker: Worker }> {
  const worker = new Worker(holderPath, { workerData: path });
  return new Promise((resolve, reject) => {
    worker.once("message", (answer) => resolve({ answer, worker }));
    worker.once("error", reject);
  });
}

test("is refused through a symbolic and a hard link", () => {
  fs.symlinkSync(path, `${path}-symbolic`);
  fs.linkSync(path, `${path}-hard`);
  expect(lockHere()).toBe(true);
  expect(lockHere(`${path}-symbolic`)).toBe(false);
  expect(lockHere(`${path}-hard`)).toBe(false);
});

test("excludes worker threads, and ends with the worker that holds it", async () => {
  const { answer, worker } = await lockInWorker();
  expect(answer).toBe("held");
  expect(lockHere()).toBe(false);
  await worker.terminate();
  expect(lockHere()).toBe(true);
  const second = await lockInWorker();
  expect(second.answer).toBe("refused");
  await second.worker.terminate();
});

test("excludes other processes", async () => {
  expect(lockHere()).toBe(true);
  expect((await lockInProcess()).answer).toBe("refused");
  for (const lock of held.splice(0)) lock.release();
  expect((await lockInProcess()).answer).toBe("held");
  expect(lockHere()).toBe(false);
});

test("is free once its holder was killed, ten times over", async () => {
  for (let round = 0; round < 10; round++) {
    const { answer, child } = await lockInProcess();
    expect(answer).toBe("held");
    expect(lockHere()).toBe(false);
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await ended;
    expect(lockHere()).toBe(true);
    for (const lock of held.splice(0)) lock.release();
  }
});

test("does not keep the process alive, and writes nothing to disk", async () => {
  const script = join(root, "ends.js");
  const holder = readFileSync(holderPath, "utf8");
  writeFileSync(script, holder.slice(0, holder.lastIndexOf("if (lock")));
  const child = spawn(process.execPath, [script, path], { stdio: "ignore" });
  expect(await new Promise((resolve) => child.once("exit", resolve))).toBe(0);
  expect(lockHere()).toBe(true);
  expect(fileStorage.list(join(path, ".."))).toEqual(["data"]);
});

// Node 20 binds shorter names padded with NULs, later versions as they are: they would not see each other.
test.runIf(process.platform === "linux")("has an address of full length, which every Node spells alike", () => {
  expect(lockHere()).toBe(true);
  const identity = fileStorage.open(path, "read").identity().replace(":", "-");
  const names = readFileSync("/proc/net/unix", "utf8").match(/@llmdb-\S+/g) ?? [];
  const own = names.filter((name) => name.startsWith(`@llmdb-${identity}-`));
  expect(own).toHaveLength(1);
  expect(own[0]).toHaveLength(108);
  expect(own[0]).toMatch(/x$/);
});

test.runIf(process.platform === "linux")("hangs up on strangers who connect to it", async () => {
  expect(lockHere()).toBe(true);
  const identity = fileStorage.open(path, "read").identity().replace(":", "-");
  const stranger = net.connect({ path: `\0llmdb-${identity}-`.padEnd(108, "x") });
  await new Promise((resolve) => stranger.once("close", resolve));
  expect(lockHere()).toBe(false);
});
