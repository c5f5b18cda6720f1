/** The command as it is installed, in processes of its own: exit codes, pipes, the lock, the prompt. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { open } from "../../index.js";
import { builtFile } from "../built-file.js";
import { jsonLines, scratchFolder } from "./in-process.js";

const folder = scratchFolder();
const file = join(folder, "agent.llmdb");
const command = builtFile("cli/index.ts");

function llmdb(args: readonly string[], input = ""): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [command, ...args], {
    encoding: "utf8",
    input,
    maxBuffer: 2 ** 26,
    env: { ...process.env, LLMDB_FILE: file },
  });
}

test("help teaches, and usage errors are exit code 2", () => {
  const help = llmdb(["--help"]);
  expect(help.status).toBe(0);
  for (const verb of ["get", "put", "as-of", "diff", "timeline", "import", "export", "verify", "repl", "torture"]) {
    expect(help.stdout).toMatch(new RegExp(`^ {2}${verb}\\b`, "m"));
  }
  const put = llmdb(["put", "--help"]);
  expect(put.stdout).toContain("Examples:\n  $ llmdb put");
  expect(put.stdout).toContain("Exit codes: 0 done");
  const bad = llmdb(["put", "k"]);
  expect([bad.status, bad.stdout, bad.stderr]).toEqual([2, "", expect.stringMatching(/^llmdb: missing required/)]);
});

test("a value from standard input, read in another process beside a writer", async () => {
  const put = llmdb(["put", "notes/today", "-", "--text"], "a note\n");
  expect([put.status, put.stderr]).toEqual([0, `llmdb: created ${file}\n`]);
  const writer = open(file);
  await writer.put("more", { n: 1 });
  expect(llmdb(["as-of"]).stdout).toBe('key          value\nmore         {"n":1}\nnotes/today  a note\n');
  const locked = llmdb(["put", "k", "v", "--json"]);
  expect([locked.status, JSON.parse(locked.stdout)]).toEqual([
    1,
    { error: { code: "LLMDB_LOCKED", message: expect.any(String) } },
  ]);
  await writer.close();
});

test("a reader that goes away ends the command quietly", async () => {
  const db = open(file);
  await db.transaction((tx) => {
    for (let i = 0; i < 3000; i++) tx.put(["many", i], "text ".repeat(100));
  });
  await db.close();
  const child: ChildProcess = spawn(process.execPath, [command, "as-of", "--json", "--db", file]);
  let stderr = "";
  child.stderr?.on("data", (chunk) => {
    stderr += chunk;
  });
  if (child.stdout === null) throw new Error("there is no output to read");
  await once(child.stdout, "data");
  child.stdout.destroy();
  const [status] = await once(child, "close");
  expect([status, stderr]).toEqual([0, ""]);
});

test("the prompt has the database and what the package exports, and awaits", () => {
  const lines = [
    'await db.put("from/repl", 2)',
    'db.get("from/repl") + 40',
    "typeof drawVersions + typeof period.meets",
    "no.such",
  ];
  const { status, stdout } = llmdb(["repl"], lines.map((line) => `${line}\n`).join(""));
  expect(status).toBe(0);
  expect(stdout).toMatch(/\{ tx: \d+, time: [\d.]+ \}\n42\n'functionfunction'\nUncaught ReferenceError/);
  const several = llmdb(["repl"], "const f = (a) => {\n  return a + 1;\n};\nf(1)\n.exit\nf(2)\n");
  expect(several).toMatchObject({ status: 0, stdout: "undefined\n2\n" });
  const readOnly = llmdb(["repl", "--read-only"], 'db.get("from/repl")\ndb.putSync("k", 1)\n');
  expect(readOnly.stdout).toMatch(/^2\nUncaught/);
  expect(readOnly.stdout).toContain("LLMDB_READ_ONLY");
});

test("a large export goes through a pipe into an import", () => {
  const copy = join(folder, "copy.llmdb");
  const exported = llmdb(["export"]);
  expect(jsonLines(exported.stdout)).toHaveLength(4);
  const { status, stdout } = llmdb(["import", "-", "--db", copy, "--json"], exported.stdout);
  expect([status, JSON.parse(stdout)]).toMatchObject([0, { transactions: 4, changes: 3003, badLines: 0 }]);
  expect(llmdb(["export", "--db", copy]).stdout === exported.stdout).toBe(true);
  expect(existsSync(`${copy}-wal`)).toBe(false);
});

test.skipIf(process.platform !== "linux")("output that cannot be written is said, and ends with 1", () => {
  const full = openSync("/dev/full", "w");
  for (const args of [["export"], ["get", "from/repl"], ["stats", "--json"], ["--help"]]) {
    const ended = spawnSync(process.execPath, [command, ...args, "--db", file], {
      encoding: "utf8",
      stdio: ["ignore", full, "pipe"],
    });
    expect([args, ended.status, ended.stderr]).toEqual([
      args,
      1,
      "llmdb: standard output could not be written: the disk is full (ENOSPC)\n",
    ]);
  }
  closeSync(full);
});

test.skipIf(process.platform === "win32")(
  "two exports in one line of a shell are compared: standard input is shared",
  () => {
    const line = '"$0" "$1" export --db "$2" | cmp - <("$0" "$1" export --db "$2")';
    const ended = spawnSync("bash", ["-c", line, process.execPath, command, file], { encoding: "utf8" });
    expect(ended).toMatchObject({ status: 0, stdout: "", stderr: "" });
  },
);

/** Starts a command that makes a copy and stops its process in the middle of the writing. */
async function stopInTheMiddle(args: readonly string[], copy: string): Promise<ChildProcess> {
  const pause = new Int32Array(new SharedArrayBuffer(4));
  const isWriting = () => (statSync(`${copy}.llmdb-unfinished`, { throwIfNoEntry: false })?.size ?? 0) > 100_000;
  for (let tries = 0; tries < 20; tries++) {
    const child = spawn(process.execPath, [command, ...args], { stdio: "ignore" });
    for (let ms = 0; ms < 20_000 && !isWriting() && !existsSync(copy); ms++) Atomics.wait(pause, 0, 0, 1);
    child.kill("SIGSTOP");
    Atomics.wait(pause, 0, 0, 20);
    if (!existsSync(copy)) return child;
    // It was too late.
    child.kill("SIGKILL");
    await once(child, "exit");
    rmSync(copy);
  }
  throw new Error("no copy could be stopped in the middle");
}

test.skipIf(process.platform !== "linux").each([["backup"], ["export", "--maps"]])(
  "%s that is killed: another to the same file leaves nothing of it",
  async (...verb) => {
    const source = join(folder, "source.llmdb");
    const copies = join(folder, verb[0]);
    const copy = join(copies, "copy");
    mkdirSync(copies);
    const db = open(source);
    db.transactionSync((tx) => {
      for (let i = 0; i < 15_000; i++) tx.map("m").put(i, "text ".repeat(180));
    });
    await db.close();
    const args = [...verb, copy, "--db", source];
    const child = await stopInTheMiddle(args, copy);
    const beside = llmdb(args);
    expect([beside.status, beside.stderr]).toEqual([1, expect.stringContaining("is being created by another process")]);
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(readdirSync(copies)).toContain("copy.llmdb-unfinished");
    expect(llmdb(args)).toMatchObject({ status: 0, stderr: "" });
    expect(readdirSync(copies)).toEqual(["copy"]);
  },
);
