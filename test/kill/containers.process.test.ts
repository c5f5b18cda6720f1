/** Programs in network and process namespaces of their own, as containers have them, on one database. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { open } from "../../index.js";
import { builtUrl } from "../built-file.js";
import { waysThroughNamespaces } from "../harness/kill/namespaces.js";
import { killAndWait } from "../storage/lock-holders.js";

/** Reads every value each time that it is asked, and says which rounds wrote them. */
const READER = `
import { createInterface } from "node:readline";
const [, , core, path] = process.argv;
const { open } = await import(core);
const db = open(path, { readOnly: true, cacheBytes: 0 });
console.log("ready");
for await (const _ of createInterface(process.stdin)) {
  try {
    console.log([...new Set([...db.map("m").values()].map((text) => text.split(" ")[0]))].join());
  } catch (error) { console.log(error.message); }
}
db.closeSync();`;

/** Opens and closes the database for as long as it is asked to, and counts what was acknowledged as durable. */
const WRITER = `
import { setTimeout } from "node:timers/promises";
const [, , core, path, name, ms] = process.argv;
const { open } = await import(core);
let [count, refused] = [0, 0];
for (const end = performance.now() + Number(ms); performance.now() < end; await setTimeout(Math.random() * 10)) {
  let db;
  try { db = open(path); } catch (error) {
    if (error.code !== "LLMDB_LOCKED") throw error;
    refused++;
    continue;
  }
  for (let i = 0; i < 5; i++) await db.map(name).put(count + 1, "x".repeat(200)).then(() => count++);
  await db.close();
}
console.log(JSON.stringify({ count, refused }));`;

const { ways, missing } = waysThroughNamespaces();
const root = mkdtempSync(join(tmpdir(), "llmdb-containers-"));
const children: ChildProcess[] = [];

beforeAll(() => {
  writeFileSync(join(root, "reader.mjs"), READER);
  writeFileSync(join(root, "writer.mjs"), WRITER);
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Starts a program in a namespace; `next` is the next line that it writes. */
function start(way: readonly string[], script: string, ...args: string[]) {
  const [command, ...parameters] = [...way, process.execPath, join(root, script), builtUrl("index.ts"), ...args];
  const child = spawn(command, parameters, { stdio: ["pipe", "pipe", "inherit"] });
  children.push(child);
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const next = async (): Promise<string> => (await lines.next()).value;
  return { child, next };
}

function newFile(name: string): { folder: string; path: string } {
  const folder = join(root, name);
  mkdirSync(folder);
  return { folder, path: join(folder, "data") };
}

describe.skipIf(missing !== undefined)(`programs in containers ${missing ?? ""}`, () => {
  test("readers keep what they read, also where others end; what a killed one held is free again", async () => {
    const { folder, path } = newFile("readers");
    const writer = open(path, { checkpointBytes: 64 * 1024 });
    const fill = async (round: number) => {
      await writer.transaction((tx) => {
        for (let i = 0; i < 300; i++) tx.map<number, string>("m").put(i, `${round} ${"x".repeat(100)}`);
      });
      await writer.checkpoint();
      // What is asked of readers in other namespaces is answered by then.
      await setTimeout(5);
    };
    await fill(0);
    const readers = [...ways, ...ways.slice(1)].map((way) => start(way, "reader.mjs", path));
    for (const { next } of readers) expect(await next()).toBe("ready");
    for (let round = 1; round <= 20; round++) {
      await fill(round);
      // One after the other ends: neither its slot nor its end may touch what the last one holds.
      if (round === 5) await killAndWait(readers[0].child);
      if (round === 8) readers[1].child.stdin?.end();
      if (round === 11) await killAndWait(readers[2].child);
      if (round === 14) await killAndWait(readers[3].child);
    }
    readers[4].child.stdin?.write("?\n");
    expect(await readers[4].next()).toBe("0");
    await killAndWait(readers[4].child);
    for (const round of [21, 22, 23]) await fill(round);
    expect(writer.verify().problems).toEqual([]);
    await writer.close();
    expect(readdirSync(folder)).toEqual(["data"]);
  });

  test("of several that write at once, one is let in at a time, and nothing acknowledged is lost", async () => {
    const { folder, path } = newFile("writers");
    await open(path).close();
    const programs = [...ways, ways[1]].map((way, index) => start(way, "writer.mjs", path, `m${index}`, "2500"));
    const results = await Promise.all(programs.map(async ({ next }) => JSON.parse(await next())));
    const db = open(path);
    expect(db.verify().problems).toEqual([]);
    expect(results.map((_, index) => db.map(`m${index}`).count())).toEqual(results.map(({ count }) => count));
    expect(results.reduce((sum, { count }) => sum + count, 0)).toBeGreaterThan(0);
    expect(results.reduce((sum, { refused }) => sum + refused, 0)).toBeGreaterThan(0);
    await db.close();
    await expect.poll(() => readdirSync(folder)).toEqual(["data"]);
  });
});
