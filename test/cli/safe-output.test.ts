/**
 * What models store cannot command a terminal: every command is given keys, values, names and arguments full of escape
 * sequences and controls of direction, and every character of both outputs is looked at. Commands that read nothing
 * leave standard input alone, too.
 */
import { copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { commandsFor } from "../../cli/commands.js";
import { ProgressLine } from "../../cli/progress-line.js";
import { safeLine, safeText } from "../../cli/safe-text.js";
import { open } from "../../index.js";
import { Memory } from "../../memory/index.js";
import { effort } from "../effort.js";
import { root } from "../sources.js";
import { Collector, type Given, llmdb, scratchFolder } from "./in-process.js";

/** A title, colours by both introducers, a bell, all controls of direction, and ends of lines. */
const HOSTILE =
  "x\u001b]0;title\u0007\u001b[45mred\u009b45m\u0085\u007f\r\n\u2028" +
  "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c\u0000z";
/** What can be an argument or the name of a file. */
const ARGUMENT = HOSTILE.replaceAll("\u0000", "");
/** What commands themselves send to a terminal: styles, and the line of progress that is redrawn. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const OWN = /\u001b\[(?:1|2|22|3[1-9]|90)m|\r\u001b\[K/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const UNSAFE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/;

const folder = scratchFolder();
const db = join(folder, `${ARGUMENT.replaceAll(/[\r\n]/g, "")}.llmdb`);
const wasm = join(folder, "count-keys.wasm");
const bad = join(folder, "bad.jsonl");
const key = `--key-text`;
let files = 0;

beforeAll(async () => {
  copyFileSync(join(root, "examples/modules/build/count-keys.wasm"), wasm);
  writeFileSync(
    bad,
    `{"key":"k","value":1,${JSON.stringify(HOSTILE)}:1}\n{"key":"k","op":${JSON.stringify(HOSTILE)}}\n`,
  );
  const writer = open(db);
  const meta = { [HOSTILE]: HOSTILE };
  await writer.transaction((tx) => tx.put(ARGUMENT, { [HOSTILE]: [HOSTILE] }), { meta });
  await writer.transaction((tx) => tx.put(HOSTILE, HOSTILE), { meta: HOSTILE });
  await writer.transaction((tx) => tx.put([HOSTILE, 1], HOSTILE));
  await writer.map(ARGUMENT).put(HOSTILE, HOSTILE);
  await new Memory(writer).remember({
    id: "m",
    subject: "Ada",
    predicate: ARGUMENT,
    object: HOSTILE,
    tags: [ARGUMENT],
  });
  await writer.modules.put(new Uint8Array(await import("node:fs").then((fs) => fs.readFileSync(wasm))), {
    name: ARGUMENT,
  });
  await writer.close();
});

const fresh = (name: string) => join(folder, `${name}${files++}.llmdb`);

/** How each command is called: several ways, most of which show what is stored, or name it in an error. */
const CALLS: Readonly<Record<string, () => string[][]>> = {
  get: () => [
    [ARGUMENT, key],
    [`none${ARGUMENT}`, key],
    [ARGUMENT, "--tx", ARGUMENT],
    [ARGUMENT, "--key-json"],
  ],
  put: () => [
    [ARGUMENT, ARGUMENT, "--db", fresh(ARGUMENT.replaceAll(/[\r\n]/g, ""))],
    ["m", ARGUMENT],
    [ARGUMENT, `{"$bytes":"${ARGUMENT}"}`],
    [`[{"${"\u202e"}":1}]`, "1", "--key-json"],
  ],
  delete: () => [
    [`none${ARGUMENT}`, key],
    [ARGUMENT, "--valid-from", ARGUMENT],
  ],
  history: () => [[ARGUMENT, key], [`none${ARGUMENT}`, key], ["m"]],
  "as-of": () => [[], ["--prefix", ARGUMENT, key], ["--known-at", ARGUMENT]],
  diff: () => [
    ["--from-tx", "0"],
    ["--from-tx", "1", "--limit", ARGUMENT],
  ],
  timeline: () => [
    [ARGUMENT, key],
    [ARGUMENT, key, "--svg", "-", "--title", ARGUMENT],
    [`none${ARGUMENT}`, key],
  ],
  remember: () => [
    [ARGUMENT, "--id", ARGUMENT, "--db", fresh("memory")],
    ["x", "--scope", ARGUMENT],
    ["x", "--confidence", ARGUMENT],
  ],
  recall: () => [
    ["ada", "--validity", "any"],
    [ARGUMENT],
    ["ada", "--scope", ARGUMENT],
    ["ada", "--validity", ARGUMENT],
  ],
  forget: () => [[`none${ARGUMENT}`]],
  transactions: () => [[], ["--after", ARGUMENT]],
  import: () => [
    [bad, "--db", fresh("imported")],
    [`${folder}/none${ARGUMENT}`, "--db", fresh("imported")],
    [bad, "--format", ARGUMENT],
  ],
  export: () => [[], ["--maps"], ["--format", "server-memory"], [`${folder}/none${ARGUMENT}/x`]],
  stats: () => [[], ["--db", `${folder}/none${ARGUMENT}`], ["--db", bad]],
  verify: () => [[], ["--db", `${folder}/none${ARGUMENT}`]],
  compact: () => [
    ["--db", `${folder}/none${ARGUMENT}`],
    ["--db", bad],
  ],
  backup: () => [[`${folder}/none${ARGUMENT}/x`], [db]],
  "module put": () => [[wasm, "--name", ARGUMENT], [bad], [`${folder}/none${ARGUMENT}`], [wasm, "--grant", ARGUMENT]],
  "module list": () => [[], ["--known-at", ARGUMENT]],
  "module explain": () => [[ARGUMENT], [bad], [wasm], [`none${ARGUMENT}`]],
  "module run": () => [
    [ARGUMENT, "--map", ARGUMENT, "--output", "text"],
    [`none${ARGUMENT}`, "--map", ARGUMENT],
    [ARGUMENT, "--map", `none${ARGUMENT}`],
  ],
  "module attach": () => [
    [ARGUMENT, ARGUMENT, "--on", "tx_hook"],
    [ARGUMENT, "m", "--on", ARGUMENT],
  ],
  "module detach": () => [[ARGUMENT, ARGUMENT, "--on", "tx_hook"]],
  "module attachments": () => [[], ["--tx", ARGUMENT]],
  "module revoke": () => [[`none${ARGUMENT}`]],
  repl: () => [["--read-only"], [ARGUMENT]],
  mcp: () => [
    ["--tools", ARGUMENT],
    ["--read-only", "--scope", ARGUMENT, "--allow-modules"],
  ],
  torture: () => [
    ["--engine", ARGUMENT],
    ["--exhaustive", ARGUMENT],
  ],
};

/** What is typed at the prompt. */
const PROGRAM = [
  `db.get(${JSON.stringify(HOSTILE)})`,
  `new Error(db.get(${JSON.stringify(HOSTILE)}))`,
  `[new Error(db.get(${JSON.stringify(HOSTILE)}))]`,
  `console.log(db.get(${JSON.stringify(HOSTILE)}))`,
  `console.error(db.get(${JSON.stringify(HOSTILE)}))`,
  `throw db.get(${JSON.stringify(HOSTILE)})`,
  `throw new TypeError(db.get(${JSON.stringify(HOSTILE)}))`,
  `Promise.reject(new Error(${JSON.stringify(HOSTILE)}))`,
  `db.map("none" + ${JSON.stringify(HOSTILE)}).putSync(1, 1)`,
].join("\n");

function unsafeIn(text: string): string | undefined {
  return UNSAFE.exec(text.replace(OWN, ""))?.[0];
}

async function check(args: readonly string[], given: Given, isOutputChecked = true): Promise<void> {
  const { out, err } = await llmdb([...args, ...(args.includes("--db") ? [] : ["--db", db])], given);
  if (isOutputChecked) expect([args, unsafeIn(out)]).toEqual([args, undefined]);
  expect([args, unsafeIn(err)]).toEqual([args, undefined]);
}

function namesOf(command: Command): string[] {
  if (command.commands.length === 0) return [command.name()];
  return command.commands.map((inner) => `${command.name()} ${inner.name()}`);
}

test("each command is called here", async () => {
  const streams = { stdin: process.stdin, stdout: process.stdout, stderr: process.stderr, env: {}, exitCode: 0 };
  const all = (await commandsFor([])).flatMap((make) => namesOf(make({ ...streams })));
  expect(Object.keys(CALLS).sort()).toEqual(all.sort());
});

test.each(Object.keys(CALLS))("%s", async (name) => {
  for (const call of CALLS[name]()) {
    const args = [...name.split(" "), ...call];
    const input = name === "repl" ? PROGRAM : undefined;
    await check(args, { columns: 200, input });
    await check([...args, "--json"], { columns: 200, input });
    // In a pipe, a value is printed as it is; JSON and messages are clean there as well.
    await check([...args, "--json"], { input }, name !== "repl" && !args.includes("--svg"));
  }
});

test.each(Object.keys(CALLS).filter((name) => name !== "repl"))("%s leaves standard input alone", async (name) => {
  const looked: string[][] = [];
  for (const call of CALLS[name]()) {
    const args = [...name.split(" "), ...call, ...(call.includes("--db") ? [] : ["--db", db])];
    await llmdb(args, { onStdin: () => looked.push(args) });
  }
  expect(looked).toEqual([]);
});

test.each([["put", "k", "-"], ["import", "-"], ["module", "put", "-"], ["module", "explain", "-"], ["repl"]])(
  "standard input is read by %s %s %s",
  async (...args) => {
    let looks = 0;
    const file = fresh("reads");
    await llmdb(["put", "k", "v", "--db", file]);
    await llmdb([...args, "--db", file], { input: "1\n", onStdin: () => void looks++ });
    expect(looks).toBeGreaterThan(0);
  },
);

test("progress is one clean line, on a terminal and in a log", async () => {
  for (const columns of [undefined, 30]) {
    const screen = new Collector(columns);
    const line = new ProgressLine(screen, 1);
    line.show(HOSTILE.repeat(3));
    await new Promise((resolve) => setTimeout(resolve, 20));
    line.end();
    expect(screen.text).toContain("title");
    expect(unsafeIn(screen.text)).toBeUndefined();
    expect(screen.text.trimEnd()).not.toContain("\n");
  }
});

test("JSON with its unsafe characters spelled out is equal JSON", () => {
  const text = fc.string({ unit: fc.oneof(fc.constantFrom(...HOSTILE), fc.string({ unit: "binary", maxLength: 1 })) });
  fc.assert(
    fc.property(fc.dictionary(text, fc.array(text)), fc.constantFrom(undefined, 2), (value, indent) => {
      const json = safeText(JSON.stringify(value, null, indent));
      expect(UNSAFE.test(json)).toBe(false);
      expect(JSON.parse(json)).toEqual(JSON.parse(JSON.stringify(value)));
    }),
    { numRuns: effort(30) },
  );
  fc.assert(
    fc.property(text, (given) => !/[\n\r\t]/.test(safeLine(given)) && !UNSAFE.test(safeLine(given))),
    { numRuns: effort(30) },
  );
});
