/**
 * Writing commands alongside a process that shares the database: they write through it, and end exactly as they do
 * without it. What was imported is there once, whatever happens to that process.
 */
import { spawn, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { ImportReport } from "../../cli/formats/format.js";
import { jsonlImport } from "../../cli/formats/jsonl-import.js";
import type { Line } from "../../cli/formats/lines.js";
import { decoded, encoded } from "../../cli/writing/command.js";
import { Fields } from "../../cli/writing/fields.js";
import { importLines } from "../../cli/writing/import-lines.js";
import { writingOperations } from "../../cli/writing/index.js";
import { type Database, open, openMemory } from "../../index.js";
import { Memory } from "../../memory/index.js";
import { openService } from "../../server/mcp/open-service.js";
import { App } from "../mcp/app.js";
import { root } from "../sources.js";
import { type Ended, jsonLines, llmdb, scratchFolder } from "./in-process.js";

const folder = scratchFolder();
const wasm = join(root, "examples/modules/build/count-keys.wasm");
const reverse = join(root, "examples/modules/build/reverse-edges-as.wasm");

async function share(path: string): Promise<() => Promise<void>> {
  const operations = async () => writingOperations;
  const service = await openService({ path, readOnly: false, operations, log: () => {} }, () => {});
  return () => service.close();
}

/** Times differ from run to run. */
function timeless({ code, out, err }: Ended): Ended {
  const times = /\d{4}-\d\d-\d\d(T[\d:.]+Z)?/g;
  return { code, out: out.replace(times, "TIME"), err: err.replace(times, "TIME") };
}

const statements = [
  { op: "assert", recordedAt: "2020-01-01T00:00:00Z", product: "nodejs", cycle: "16", eol: "2024-04-30" },
  { op: "assert", recordedAt: "2021-01-01T00:00:00Z", product: "nodejs", cycle: "16", eol: "2023-09-11" },
  { op: "retract", recordedAt: "2022-01-01T00:00:00Z", product: "nodejs" },
];
const FILES = {
  "facts.jsonl": [
    '{"key":"ada/role","value":"engineer","validFrom":"2024-03-01","meta":{"by":"a list"}}',
    '{"key":["n",9007199254740993],"value":1}',
    "nonsense",
    '{"key":"bytes","value":{"$bytes":"AAE="}}',
    '{"map":"m","key":1,"value":"one"}',
    '{"map":"m","values":"json","key":2,"value":"two"}',
    '{"changes":[{"key":"a","value":1},{"key":"b","op":"delete"}]}',
  ].join("\n"),
  "memory.jsonl": '{"type":"entity","name":"Ada","entityType":"person","observations":["likes tea"]}\n{"type":',
  "support.jsonl": statements.map((statement) => JSON.stringify(statement)).join("\n"),
  "not-utf8.jsonl": Buffer.from([0x7b, 0xff, 0x0a]),
};
for (const [name, text] of Object.entries(FILES)) writeFileSync(join(folder, name), text);

/** Commands in order, on one database: all that write, and what they say where something is wrong. */
const SESSION: readonly (readonly string[])[] = [
  ["import", join(folder, "support.jsonl"), "--format", "software-support"],
  [
    "put",
    "k",
    '{"n":{"$bigint":"9007199254740993"},"at":{"$date":"2026-01-31T00:00:00.000Z"}}',
    "--meta",
    '{"by":"me"}',
  ],
  ["put", "marks", "\u{10D7FF}\u{10DA00}", "--text"],
  ["put", "k", "v", "--valid-from=-Infinity", "--valid-to", "2020", "--partition", "7"],
  ["put", "k", '{"$number":"NaN"}', "--json"],
  ["put", "k", "v", "--time", "1999"],
  ["put", "k".repeat(3000), "v"],
  ["delete", "k", "--json", "--meta", "enough"],
  ["delete", "never"],
  ["remember", "the deploy key is rotated each quarter", "--tag", "ops", "--meta", "said so"],
  ["remember", "--subject", "Ada", "--predicate", "role", "--object", "lead", "--scope", "team/ada", "--json"],
  [
    "remember",
    "--subject",
    "Ada",
    "--predicate",
    "role",
    "--object",
    '{"of":[1,2.5]}',
    "--scope",
    "team/ada",
    "--json",
  ],
  ["remember", "x", "--confidence", "7"],
  ["remember", "x", "--id", "k2", "--valid-from", "2020", "--valid-to", "2021"],
  ["put", "f1", "v"],
  ["forget", "f2", "--scope", "team/bob"],
  ["forget", "f1"],
  ["forget", "f1", "--erase", "--json"],
  ["forget", "none", "--json"],
  ["import", join(folder, "facts.jsonl")],
  ["import", join(folder, "facts.jsonl"), "--json"],
  ["import", join(folder, "memory.jsonl"), "--format", "server-memory"],
  ["import", join(folder, "support.jsonl"), "--format", "software-support"],
  ["import", join(folder, "not-utf8.jsonl"), "--json"],
  ["module", "put", wasm, "--name", "count"],
  ["module", "put", reverse, "--name", "reverse", "--json"],
  ["module", "attach", "reverse", "edges", "--on", "tx_hook", "--writes", "reverse", "degree", "--arg", "x"],
  ["module", "attach", "count", "edges", "--on", "tx_hook"],
  ["module", "detach", "reverse", "edges", "--on", "tx_hook"],
  ["module", "detach", "reverse", "edges", "--on", "tx_hook", "--json"],
  ["module", "revoke", "count"],
  ["module", "revoke", "none", "--json"],
  ["module", "put", join(folder, "facts.jsonl")],
];

async function session(path: string): Promise<Ended[]> {
  const ended = [];
  for (const args of SESSION) ended.push(timeless(await llmdb([...args, "--db", path])));
  return ended;
}

/** The store, and a plain map. Those of the memory have numbers of transactions in them. */
async function contentsOf(path: string): Promise<unknown[]> {
  const lines = jsonLines((await llmdb(["export", "--maps", "--db", path])).out);
  const texts = lines.map((line) => JSON.stringify(line)).filter((line) => !line.includes('"map":"memory/'));
  return texts.map((line) => JSON.parse(line.replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "TIME")));
}

test("each writing command ends as it does alone, and leaves the same", async () => {
  const alone = join(folder, "alone.llmdb");
  const shared = join(folder, "shared.llmdb");
  open(alone).closeSync();
  open(shared).closeSync();
  const wanted = await session(alone);
  const close = await share(shared);
  const found = await session(shared);
  await close();
  const numbered = (ended: readonly Ended[]) => ended.map((one, i) => [SESSION[i].join(" ").slice(0, 80), one]);
  // Numbers of transactions have gaps, which what a holder keeps leaves.
  const text = (value: unknown) => JSON.stringify(value, null, 1).replace(/transaction \d+|"tx\\*":\d+/g, "TX");
  expect(text(numbered(found))).toBe(text(numbered(wanted)));
  const db = open(shared, { readOnly: true });
  expect(db.verify().problems).toEqual([]);
  expect(db.map("memory/unfinished-imports").count()).toBe(0);
  db.closeSync();
  expect(text(await contentsOf(shared))).toBe(text(await contentsOf(alone)));
});

test("a process that does not share is named, in the words of the command line", async () => {
  const path = join(folder, "held.llmdb");
  const holder = open(path);
  for (const args of [
    ["put", "k", "v"],
    ["remember", "x"],
    ["forget", "f1"],
    ["import", join(folder, "facts.jsonl")],
  ]) {
    const { code, err } = await llmdb([...args, "--db", path]);
    expect([args, code, err]).toEqual([
      args,
      1,
      expect.stringMatching(new RegExp(`process ${process.pid} on .*does not share it.*LLMDB_LOCKED`)),
    ]);
  }
  await holder.close();
});

test("what needs the database for itself names the process to end, shared or not", async () => {
  const path = join(folder, "needed.llmdb");
  await llmdb(["put", "k", "v", "--db", path]);
  const close = await share(path);
  const compact = await llmdb(["compact", "--db", path]);
  expect([compact.code, compact.err]).toEqual([
    1,
    expect.stringMatching(new RegExp(`held by process ${process.pid} on .*end that process first \\(LLMDB_LOCKED\\)`)),
  ]);
  const repl = await llmdb(["repl", "--db", path], { input: "1\n" });
  expect(repl.err).toContain("--read-only");
  expect(repl.err + compact.err).not.toContain("readOnly");
  expect((await llmdb(["get", "k", "--db", path])).out).toBe("v\n");
  await close();
});

test("an import goes on where it was when its holder was lost, and reports as if it had not been", async () => {
  const lines = [
    '{"key":"a","value":1}',
    "bad",
    '{"key":"b","value":2}',
    '{"map":"m","key":1,"value":1}',
    '{"map":"m","values":"json","key":1,"value":1}',
    '{"map":"m","key":2,"value":2}',
    '{"key":"a","op":"delete"}',
    '{"key":{"x":1},"value":2}',
    '{"changes":[]}',
    '{"map":"n","key":1,"value":1}',
  ];
  const request = encoded({ import: "i", format: "jsonl", first: 1, lines: [...lines, null] });
  const run = async (db: Database) => {
    if (importLines.within !== "database") throw new Error("it has transactions of its own");
    return importLines.run(db, decoded(request));
  };
  const whole = openMemory();
  const wanted = await run(whole);
  expect(wanted).toMatchObject({ lines: 11, transactions: 4, entries: 3, badLines: 4 });
  for (let lost = 0; lost < 7; lost++) {
    const db = openMemory();
    let left = lost;
    const original = db.transactionSync.bind(db);
    Object.assign(db, {
      transactionSync(...args: Parameters<typeof original>) {
        if (left-- === 0) throw new Error("the holder was killed");
        return original(...args);
      },
    });
    await run(db).catch((error: Error) => expect(error.message).toBe("the holder was killed"));
    left = -1;
    expect([lost, await run(db)]).toEqual([lost, wanted]);
    expect(db.versions("a")).toHaveLength(whole.versions("a").length);
    expect([...db.transactions()]).toHaveLength([...whole.transactions()].length);
    expect([...db.map("m").range()]).toEqual([...whole.map("m").range()]);
  }
});

test("a report on batches is that on all lines", async () => {
  async function* numbered(texts: readonly string[], first: number): AsyncGenerator<Line> {
    for (const [i, text] of texts.entries()) yield { number: first + i, text };
  }
  const lines = ['{"key":"a","value":1}', "bad", '{"key":"b","value":2}', "", "worse", '{"map":"m","key":1,"value":1}'];
  const all = new ImportReport();
  await jsonlImport.read(openMemory(), numbered(lines, 1), all);
  const added = new ImportReport();
  for (const at of [0, 2, 4]) {
    const part = new ImportReport();
    await jsonlImport.read(openMemory(), numbered(lines.slice(at, at + 2), at + 1), part);
    added.add(new Fields(part.toJSON()));
  }
  expect(added.toJSON()).toEqual(all.toJSON());
});

const app = new App();
afterAll(() => app.remove());

function command(args: readonly string[], input = ""): Ended {
  const ended = spawnSync(process.execPath, [app.program, ...args], { encoding: "utf8", input });
  return { code: ended.status ?? -1, out: ended.stdout, err: ended.stderr };
}

test("alongside llmdb mcp in processes, whose kill in the midst of an import loses and doubles nothing", async () => {
  const path = app.path("agent.llmdb");
  const db = ["--db", path];
  const first = await app.connect(db);
  await first.client.callTool({ name: "status", arguments: {} });
  const second = await app.connect(db);
  await second.client.callTool({ name: "remember", arguments: { text: "Ada likes tea" } });
  expect(command(["remember", "Ada lives in Turin", "--meta", "a letter", ...db])).toMatchObject({ code: 0, err: "" });
  expect(command(["put", "k", "-", "--json", ...db], '{"n":1}\n').code).toBe(0);
  const recalled = await second.client.callTool({ name: "recall", arguments: { query: "Ada" } });
  expect(JSON.stringify(recalled)).toContain("Turin");
  expect(command(["compact", ...db]).err).toContain(`process ${first.transport.pid}`);

  const count = 3000;
  const facts = Array.from({ length: count }, (_, i) => `{"key":["n",${i}],"value":${JSON.stringify("x".repeat(50))}}`);
  facts[2000] = "bad";
  const file = app.path("facts.jsonl");
  writeFileSync(file, `${facts.join("\n")}\n`);
  const importing = spawn(process.execPath, [app.program, "import", file, "--json", ...db], { stdio: "pipe" });
  let out = "";
  importing.stdout.on("data", (chunk) => {
    out += chunk;
  });
  const reader = open(path, { readOnly: true });
  while (reader.get(["n", 600]) === undefined && importing.exitCode === null) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    reader.refresh();
  }
  reader.closeSync();
  process.kill(first.transport.pid ?? 0, "SIGKILL");
  const code = await new Promise((resolve) => importing.on("close", resolve));
  expect([code, JSON.parse(out)]).toMatchObject([1, { lines: count, transactions: count - 1, badLines: 1 }]);
  await second.client.close();
  const found = open(path, { readOnly: true });
  const logged = [...found.transactions()].filter(({ changes }) => Array.isArray(changes[0]?.key));
  expect(logged).toHaveLength(count - 1);
  expect(new Set(logged.map(({ changes }) => String(changes[0].key))).size).toBe(count - 1);
  expect(new Memory(found).recall("Turin").hits).toHaveLength(1);
  expect(found.verify().problems).toEqual([]);
  found.closeSync();
});
