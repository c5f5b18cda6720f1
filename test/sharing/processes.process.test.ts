/** Many processes on one database, the holder killed again and again: nothing acknowledged is lost or done twice. */
import { type ChildProcess, fork } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterAll, afterEach, expect, test } from "vitest";
import { open } from "../../index.js";
import { SharedService } from "../../server/sharing/shared-service.js";
import { builtFile } from "../built-file.js";
import { effort, isThorough } from "../effort.js";
import { compileSources, type PlantedBug } from "../kill/compiled-harness.js";
import type { Told } from "./toy-process.js";
import { openToy } from "./toy-service.js";

const needed =
  /^(index\.ts|(pager|btree|wal|mvcc|engine|temporal|catalog|wasm|models|memory|server\/sharing|test\/sharing)\/.*)$/;
const folder = mkdtempSync(join(tmpdir(), "llmdb-sharing-"));
const started = new Set<Writer>();
let databases = 0;

afterEach(async () => {
  await Promise.all([...started].map((writer) => writer.kill()));
  started.clear();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function compiled(name: string, bug: PlantedBug): string {
  const target = join(folder, name);
  if (!existsSync(target)) compileSources(target, needed, bug);
  return join(target, "test/sharing/toy-process.js");
}

/** A process that writes, and what it told. */
class Writer {
  readonly acknowledged: string[] = [];
  readonly ended: Promise<void>;
  /** Resolves when it has written everything, or has ended. */
  readonly done: Promise<void>;
  readonly child: ChildProcess;
  holderSince: number | undefined;
  failure: string | undefined;
  isDone = false;

  constructor(program: string, path: string, name: string, writes: number) {
    this.child = fork(program, [path, name, String(writes)], {
      execArgv: [],
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    this.child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.failure = (this.failure ?? "") + text;
    });
    this.ended = new Promise((resolve) => this.child.once("close", () => resolve()));
    const finished = new Promise<void>((resolve) => {
      this.child.on("message", (told: Told) => {
        if (told.kind === "role" && told.role === "holder") this.holderSince = told.at;
        if (told.kind === "acknowledged") this.acknowledged.push(told.what);
        if (told.kind === "failed") this.failure = told.message;
        if (told.kind === "done" || told.kind === "failed") resolve();
      });
    });
    this.done = Promise.race([finished, this.ended]).then(() => {
      this.isDone = true;
    });
    started.add(this);
  }

  async kill(): Promise<void> {
    this.child.kill("SIGKILL");
    await this.ended;
  }

  async close(): Promise<void> {
    // One that failed does not listen any more.
    if (this.failure !== undefined) return this.kill();
    if (this.child.connected) this.child.send("close");
    await this.ended;
  }
}

async function until(holds: () => boolean, ms = 10_000): Promise<void> {
  for (let waited = 0; !holds(); waited += 2) {
    if (waited > ms) throw new Error("waited in vain");
    await setTimeout(2);
  }
}

interface Outcome {
  readonly writers: Writer[];
  readonly log: string[];
  readonly takeoverMs: number[];
}

/** Eight processes write; the holder is killed `kills` times, and a new process joins for each. */
async function write(program: string, writes: number, kills: number): Promise<Outcome> {
  const path = join(folder, `${++databases}.llmdb`);
  const writers = Array.from({ length: 8 }, (_, i) => new Writer(program, path, `w${i}`, writes));
  const alive = new Set(writers);
  const holder = () => [...alive].find((writer) => writer.holderSince !== undefined);
  const takeoverMs: number[] = [];
  for (let kill = 0; kill < kills; kill++) {
    await until(() => holder() !== undefined || [...alive].some(({ failure }) => failure !== undefined));
    const victim = holder();
    if (victim === undefined) break;
    // Before the others are at work, there is nothing that a kill could break.
    const atWork = () => [...alive].filter(({ acknowledged: { length } }) => length > 0 && length < writes).length;
    await until(() => atWork() > 3 || [...alive].every((writer) => writer.isDone));
    await setTimeout(60 * Math.random());
    alive.delete(victim);
    const killedAt = Date.now();
    await victim.kill();
    const next = new Writer(program, path, `joined${kill}`, writes);
    writers.push(next);
    alive.add(next);
    await until(() => holder() !== undefined || [...alive].some(({ failure }) => failure !== undefined));
    takeoverMs.push((holder()?.holderSince ?? Number.NaN) - killedAt);
  }
  await Promise.all([...alive].map((writer) => writer.done));
  for (const writer of alive) await writer.close();
  const db = open(path);
  const log = [...db.map<number, string>("log").values()];
  expect(db.verify().ok).toBe(true);
  await db.close();
  expect(existsSync(`${path}-socket`)).toBe(false);
  return { writers, log, takeoverMs };
}

/** What was acknowledged and is not there, and what is there twice. */
function problemsOf({ writers, log }: Outcome): string[] {
  const failures = writers.flatMap(({ failure }) => failure ?? []);
  const there = new Set(log);
  const lost = writers.flatMap(({ acknowledged }) => acknowledged).filter((what) => !there.has(what));
  const twice = log.length === there.size ? [] : [`${log.length - there.size} done twice`];
  return [...failures, ...lost.map((what) => `lost: ${what}`), ...twice];
}

test("8 processes write, the holder is killed", async () => {
  const outcome = await write(builtFile("test/sharing/toy-process.ts"), effort(40), effort(2));
  expect(problemsOf(outcome)).toEqual([]);
  expect(outcome.takeoverMs).toHaveLength(effort(2));
  console.info(`takeover after ${outcome.takeoverMs.join(", ")} ms`);
  for (const ms of outcome.takeoverMs) expect(ms).toBeLessThan(5000);
  const whole = outcome.writers.filter(({ acknowledged }) => acknowledged.length === effort(40));
  expect(whole.length).toBeGreaterThanOrEqual(8);
});

test("8 processes that end cleanly, the holder too", async () => {
  const path = join(folder, `${++databases}.llmdb`);
  const writers = Array.from(
    { length: 8 },
    (_, i) => new Writer(builtFile("test/sharing/toy-process.ts"), path, `w${i}`, 10 + 5 * i),
  );
  await Promise.all(writers.map((writer) => writer.done.then(() => writer.close())));
  const db = open(path);
  const log = [...db.map<number, string>("log").values()];
  await db.close();
  expect(problemsOf({ writers, log, takeoverMs: [] })).toEqual([]);
  expect(log).toHaveLength(220);
});

const bugs: [string, RegExp, PlantedBug][] = [
  [
    "a request that is not sent again",
    /ConnectionLost/,
    {
      path: "server/sharing/shared-service.ts",
      right: "if (!(error instanceof ConnectionLost)) throw error;",
      wrong: "throw error;",
    },
  ],
  [
    "replies that are not kept",
    /done twice/,
    {
      path: "server/sharing/replies.ts",
      right: "this.#keep(tx, id, hash, asked.keep === undefined ? reply : asked.keep(reply));",
      wrong: "",
    },
  ],
];

test.runIf(isThorough).each(bugs)("self-check: %s is found", async (name, message, bug) => {
  const outcome = await write(compiled(name.replaceAll(" ", "-"), bug), 60, 3);
  expect(problemsOf(outcome)).toContainEqual(expect.stringMatching(message));
});

test("a stopped holder is waited for", async () => {
  const path = join(folder, `${++databases}.llmdb`);
  const holder = new Writer(builtFile("test/sharing/toy-process.ts"), path, "h", 0);
  await holder.done;
  const openService = () => openToy(path);
  await using guest = await SharedService.open({ path, openService, patienceMs: 300 });
  expect(guest.role).toBe("guest");
  holder.child.kill("SIGSTOP");
  const call = guest.call("echo", "late");
  await expect(SharedService.open({ path, openService, patienceMs: 300 })).rejects.toMatchObject({
    code: "LLMDB_LOCKED",
    message: expect.stringMatching(`process ${holder.child.pid} on .* does not answer`),
  });
  holder.child.kill("SIGCONT");
  expect(await call).toBe("late");
  await holder.kill();
  expect(await guest.call("echo", "on")).toBe("on");
  expect(guest.role).toBe("holder");
});
