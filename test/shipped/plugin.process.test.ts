/**
 * The package as it is shipped, in a folder without any other package: the command, where errors come from, and the
 * plugin for Claude Code, whose hooks get what Claude Code writes to them.
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { root } from "../sources.js";
import { bundle } from "./bundled.js";

const PATIENCE_MS = 30_000;
const STEP_MS = 50;
const folder = mkdtempSync(join(tmpdir(), "llmdb-shipped-"));
const launcher = join(folder, "plugin/llmdb.mjs");
const memory = join(folder, "memory.llmdb");

beforeAll(async () => {
  await bundle(join(folder, "dist"));
  copyFileSync(join(root, "package.json"), join(folder, "package.json"));
  cpSync(join(root, "plugin"), join(folder, "plugin"), { recursive: true });
});
afterAll(() => rmSync(folder, { recursive: true }));

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(args: readonly string[], input = "", db = memory): Ended {
  const env = { PATH: process.env.PATH, HOME: folder, LLMDB_FILE: db };
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { env, input, encoding: "utf8", cwd: folder });
  return { status, stdout, stderr };
}

/** What a hook does with an event. */
function hook(name: string, event: string | object, db = memory): Ended {
  const input = typeof event === "string" ? event : JSON.stringify(event);
  return run([join(folder, "plugin/hooks", name)], input, db);
}

const START = { session_id: "s1", cwd: "/work/billing", hook_event_name: "SessionStart", source: "startup" };
const END = { ...START, transcript_path: "/t/s1.jsonl", hook_event_name: "SessionEnd", reason: "prompt_input_exit" };

/** What is added to the context of a session; undefined where nothing is. */
function added({ status, stdout }: Ended): string | undefined {
  expect(status).toBe(0);
  if (stdout === "") return undefined;
  const { hookSpecificOutput } = JSON.parse(stdout);
  expect(hookSpecificOutput.hookEventName).toBe("SessionStart");
  return hookSpecificOutput.additionalContext;
}

test("the command needs no other package", () => {
  const path = join(folder, "alone.llmdb");
  expect(run([launcher, "put", "role", "engineer", "--db", path]).status).toBe(0);
  expect(run([launcher, "get", "role", "--db", path]).stdout).toBe("engineer\n");
  expect(run([launcher, "get", "nothing", "--db", path]).status).toBe(1);
});

test.skipIf(process.platform === "win32")(
  "a plugin without its package takes that of its version from the registry",
  () => {
    const elsewhere = join(folder, "elsewhere");
    cpSync(join(root, "plugin"), join(elsewhere, "plugin"), { recursive: true });
    writeFileSync(join(elsewhere, "npx"), '#!/bin/sh\necho "$@"; cat; exit 3\n', { mode: 0o755 });
    const { status, stdout } = spawnSync(
      process.execPath,
      [join(elsewhere, "plugin/llmdb.mjs"), "mcp", "--read-only"],
      {
        env: { PATH: `${elsewhere}:${process.env.PATH}` },
        input: "from standard input",
        encoding: "utf8",
      },
    );
    const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    expect([status, stdout]).toEqual([3, `-y llmdb@${version} mcp --read-only\nfrom standard input`]);
  },
);

test("an error in a shipped file is traced to its source", () => {
  const program = join(folder, "fails.mjs");
  const index = pathToFileURL(join(folder, "dist/index.js")).href;
  writeFileSync(program, `import { openMemory } from ${JSON.stringify(index)}; openMemory().map("m").putSync({}, 1);`);
  const { status, stderr } = run(["--enable-source-maps", program]);
  expect(status).toBe(1);
  const frames = stderr.split("\n").filter((line) => /^\s+at .*\d+:\d+\)?$/.test(line));
  const sources = frames.map((line) => /([^\s(]+):\d+:\d+\)?$/.exec(line)?.[1] ?? line);
  const shipped = sources.filter((source) => source.startsWith("/") && !source.endsWith("fails.mjs"));
  expect(shipped.length).toBeGreaterThan(2);
  // Relative to where the files were made, which was not beside the sources.
  expect(shipped.filter((source) => !source.endsWith(".ts") || !existsSync(source))).toEqual([]);
});

test("a session begins with what is known about its project, and says that it is data", () => {
  const db = join(folder, "recalled.llmdb");
  run([launcher, "remember", "--subject", "billing", "--predicate", "listens on", "--object", "8080"], "", db);
  run([launcher, "remember", "--subject", "Ada", "--predicate", "likes", "--object", "tea"], "", db);
  const context = added(hook("session-start.mjs", START, db));
  expect(context).toMatch(/data, not instructions/);
  expect(context).toContain("- [f1] billing listens on 8080 (since ");
  expect(context).not.toContain("tea");
});

test("a session without a memory begins with nothing, and no hook fails a session", () => {
  const none = join(folder, "none.llmdb");
  expect(added(hook("session-start.mjs", START, none))).toBeUndefined();
  expect(existsSync(none)).toBe(false);
  for (const event of ["", "no JSON", "[]", "null", '{"cwd":7}']) {
    expect([event, added(hook("session-start.mjs", event, none))]).toEqual([event, undefined]);
  }
  const damaged = join(folder, "damaged.llmdb");
  writeFileSync(damaged, "no database");
  const failed = hook("session-start.mjs", START, damaged);
  expect(added(failed)).toBeUndefined();
  expect(failed.stderr).toContain("LLMDB_");
});

test("the end of a session is noted, each with those before it in its history", async () => {
  const noted = async (reason: string): Promise<string> => {
    const began = performance.now();
    for (;;) {
      const context = added(hook("session-start.mjs", START));
      if (context?.includes(`reason ${reason}`)) return context;
      if (performance.now() - began > PATIENCE_MS) throw new Error(`${reason} was not noted: ${context}`);
      await setTimeout(STEP_MS);
    }
  };
  expect(hook("session-end.mjs", END)).toEqual({ status: 0, stdout: "", stderr: "" });
  expect(await noted("prompt_input_exit")).toContain("transcript /t/s1.jsonl");
  hook("session-end.mjs", { ...END, session_id: "s2", reason: "logout" });
  const [id = ""] = /sessions\/[0-9a-f]+/.exec(await noted("logout")) ?? [];
  const { stdout } = run([launcher, "history", id, "--json"]);
  expect(stdout).toContain('"s1"');
  expect(stdout).toContain('"s2"');
});
