/**
 * Values that are nested too deeply, at each face: they are stored, or refused with a code and a word on what to do.
 * The end of the engine's stack is met nowhere.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { text as textOf } from "node:stream/consumers";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { afterAll, expect, test } from "vitest";
import { writingOperations } from "../../cli/writing/index.js";
import { type Database, drawVersions, type Key, LlmdbError, openMemory, type Version } from "../../index.js";
import { Memory } from "../../memory/index.js";
import { fromJson, fromJsonText, toJsonText } from "../../models/values/json-forms.js";
import { LineTransport } from "../../server/mcp/line-transport.js";
import { openService } from "../../server/mcp/open-service.js";
import { serverMaker } from "../../server/mcp/server.js";
import { encodeFrame, FrameReader } from "../../server/sharing/frame.js";
import { messageCopy } from "../../server/sharing/service.js";
import { llmdb } from "../cli/in-process.js";

const LEVELS = [90, 220, 500, 501, 1009, 1011, 100_000];
const STACK = /call stack|recursion|RangeError/i;
const folder = mkdtempSync(join(tmpdir(), "llmdb-depth-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Arrays in each other, or arrays and objects by turns. */
type Nesting = "[" | "[{";

function nested(levels: number, nesting: Nesting): unknown {
  let value: unknown = 1;
  for (let i = 0; i < levels; i++) value = nesting[i % nesting.length] === "[" ? [value] : { a: value };
  return value;
}

/** The same as text. */
function nestedText(levels: number, nesting: Nesting): string {
  const kinds = Array.from({ length: levels }, (_, i) => nesting[i % nesting.length]);
  const opened = kinds.toReversed().map((kind) => (kind === "[" ? "[" : '{"a":'));
  return `${opened.join("")}1${kinds.map((kind) => (kind === "[" ? "]" : "}")).join("")}`;
}

const cases = LEVELS.flatMap((levels) => (["[", "[{"] as const).map((nesting) => [levels, nesting] as const));

/** Done, or refused with a code. Returns whether it was done. */
async function doneOrRefused(what: string, act: () => unknown): Promise<boolean> {
  try {
    await act();
    return true;
  } catch (error) {
    expect(error, what).toBeInstanceOf(LlmdbError);
    const { message } = error as LlmdbError;
    expect(message, what).not.toMatch(STACK);
    expect(message.length, what).toBeGreaterThan(10);
    return false;
  }
}

function drawn(value: unknown): string {
  const slice = { key: "k", validFrom: 0, validTo: 1, txFrom: 1, txTo: 2, knownFrom: 0, knownTo: 1, origin: 1 };
  return drawVersions([{ ...slice, value } as Version<unknown>]);
}

const library: Record<string, (db: Database, value: never) => unknown> = {
  put: (db, value) => db.putSync("k", value),
  update: (db, value) => {
    db.putSync("k", 1);
    return db.updateSync("k", () => value);
  },
  patch: (db, value) => {
    db.putSync("k", {});
    return db.patchSync("k", { value });
  },
  "a map": (db, value) => db.map("m").putSync("k", value),
  "a map of json": (db, value) => db.map("j", { values: "json" }).putSync("k", value),
  "a map of bytes": (db, value) => db.map("b", { values: "bytes" }).putSync("k", value),
  "a map of strings": (db, value) => db.map("s", { values: "string" }).putSync("k", value),
  "the key of a map": (db, value) => db.map("m").putSync(value, 1),
  "a key": (db, value) => db.putSync(value, 1),
  "a bound": (db, value) => [...db.range({ gte: value })],
  "a prefix": (db, value) => [...db.map("m").keys({ gt: { prefix: value } })],
  "a point": (db, value) => db.get("k", { validAt: value }),
  "a period": (db, value) => db.putSync("k", 1, { validFrom: value }),
  meta: (db, value) => db.transactionSync((tx) => tx.put("k", 1), { meta: value }),
  "the name of a map": (db, value) => db.map(value),
  "the object of a fact": (db, object) =>
    new Memory(db).transactionSync((tx) => tx.remember({ subject: "a", predicate: "b", object })),
  "the subject of a fact": (db, subject) =>
    new Memory(db).transactionSync((tx) => tx.remember({ subject, predicate: "b", object: 1 })),
  "the tags of a fact": (db, tags) => new Memory(db).transactionSync((tx) => tx.remember({ text: "a", tags })),
  "a query": (db, value) => new Memory(db).recall(value),
  "a drawing": (_db, value) => drawn(value),
};

test.each(cases)("values with %i levels of %s, given to the library", async (levels, nesting) => {
  const value = nested(levels, nesting) as never;
  for (const [name, use] of Object.entries(library)) {
    using db = openMemory();
    const isDone = await doneOrRefused(name, () => use(db, value));
    if (/^(put|update|meta|a map|a map of json)$/.test(name)) expect(isDone, name).toBe(levels <= 500);
    const versions = db.versions("k");
    if (versions.length > 0) expect(() => drawVersions(versions)).not.toThrow();
    expect(db.verify().ok).toBe(true);
  }
});

test("a map of json stores what hides its depth, and refuses what only shows it", () => {
  using db = openMemory();
  const map = db.map("j", { values: "json" });
  const ring: { self?: unknown; toJSON?: () => unknown } = {};
  ring.self = ring;
  expect(() => map.putSync("k", ring)).toThrow(/inside itself/);
  ring.toJSON = () => "a ring";
  map.putSync("k", ring);
  expect(map.get("k")).toBe("a ring");
  ring.toJSON = () => nested(100_000, "[{");
  expect(() => map.putSync("k", ring)).toThrow(expect.objectContaining({ code: "LLMDB_INVALID_ARGUMENT" }));
  expect(() => map.putSync("k", ring)).not.toThrow(STACK);
  const twins: Record<string, unknown> = {};
  Object.assign(twins, { left: twins, right: twins });
  expect(() => map.putSync("k", twins)).toThrow(/inside itself/);
});

test.each(cases)("values with %i levels of %s, between processes", async (levels, nesting) => {
  const value = nested(levels, nesting);
  const text = nestedText(levels, nesting);
  const outcomes = [
    await doneOrRefused("toJsonText", () => toJsonText(value)),
    await doneOrRefused("fromJson", () => fromJson(value)),
    await doneOrRefused("fromJsonText", () => fromJsonText(text)),
    await doneOrRefused("a frame", () => encodeFrame({ value })),
    await doneOrRefused("a copy", () => messageCopy({ value })),
  ];
  // A frame has a level of its own.
  expect(new Set(outcomes)).toEqual(new Set([levels < 1010]));
  const body = Buffer.from(`{"id":1,"params":${text}}`);
  const frame = Buffer.concat([Buffer.alloc(4), body]);
  frame.writeUInt32BE(body.length);
  await doneOrRefused("a frame of another program", () => [...new FrameReader().read(frame)]);
});

test("forms within forms are counted as the text that they become", () => {
  let value: unknown = 1;
  for (let i = 0; i < 505; i++) value = { $date: value };
  expect(fromJsonText(toJsonText(value))).toEqual(value);
  expect(() => toJsonText({ $date: value })).toThrow(/nested too deeply: as JSON, 1010/);
});

/** A database that others may write through, as `llmdb mcp` keeps it. */
const share = (path: string) =>
  openService({ path, readOnly: false, operations: async () => writingOperations, log: () => {} }, () => {});

/** Commands that are given a text, with what they read from standard input. */
function commandsWith(text: string): [args: string[], input?: string][] {
  const lines = [
    `{"key":"l","value":${text}}`,
    `{"key":${text},"value":1}`,
    `{"key":"l","value":1,"meta":${text}}`,
    `{"map":"m","key":1,"value":${text}}`,
    `{"map":"j","values":"json","key":1,"value":${text}}`,
    text,
    '{"key":"last","value":1}',
  ];
  writeFileSync(join(folder, "lines"), `${text}\n{"type":"entity","name":${text}}\n{"op":${text}}\n`);
  return [
    [["put", text, "1"]],
    [["put", text, "1", "--key-json"]],
    [["get", text]],
    [["get", "k", "--json"]],
    [["history", "k", "--json"]],
    [["timeline", "k"]],
    [["as-of", "--gt-prefix", text]],
    [["delete", text]],
    [["remember", "--subject", "a", "--predicate", "b", "--object", text]],
    [["import", "-"], lines.join("\n")],
    [["import", join(folder, "lines"), "--format", "server-memory"]],
    [["import", join(folder, "lines"), "--format", "software-support"]],
    [["export"]],
    [["repl", "--read-only"], `get k\nas-of --prefix ${text}\n`],
  ];
}

test.each(["with the database to itself", "through the process that has it"])("the command, %s", async (how) => {
  const path = join(folder, how.replaceAll(" ", "-"));
  const env = { LLMDB_FILE: path };
  await llmdb(["put", "first", "1"], { env });
  const holder = how.startsWith("through") ? await share(path) : undefined;
  const run = async (args: readonly string[], input?: string): Promise<number> => {
    const { code, out, err } = await llmdb(args, { env, ...(input !== undefined && { input }) });
    expect([0, 1, 2], `${args[0]}: ${err.slice(0, 200)}`).toContain(code);
    expect(`${out}${err}`, args[0]).not.toMatch(STACK);
    if (code !== 0) expect(`${out}${err}`, args[0]).toMatch(/LLMDB_|llmdb [a-z]+ --help|line \d+: /);
    return code;
  };
  for (const levels of [500, 501, 100_000]) {
    const text = nestedText(levels, "[{");
    expect(await run(["put", "k", text])).toBe(levels <= 500 ? 0 : 2);
    expect(await run(["put", "k", "-"], text)).toBe(levels <= 500 ? 0 : 2);
    expect(await run(["put", "k", "1", "--meta", text])).toBe(levels <= 500 ? 0 : 2);
    for (const [args, input] of commandsWith(text)) await run(args, input);
  }
  expect((await llmdb(["get", "last"], { env })).out).toBe("1\n");
  await holder?.close();
  expect((await llmdb(["verify"], { env })).code).toBe(0);
});

test("MCP over a pipe, and its service on both sides of the socket", async () => {
  const path = join(folder, "mcp");
  const [holder, guest] = [await share(path), await share(path)];
  const [input, output] = [new PassThrough(), new PassThrough()];
  const transport = new LineTransport(input, output);
  const makeServer = serverMaker(holder, {
    version: "1",
    readOnly: false,
    tools: { first: ["graph", "memory", "modules"], later: [] },
  });
  serveStdio(({ era }) => makeServer(era).server, { transport, onerror: () => {} });
  const said = textOf(output);
  const client = { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "depth", version: "1" } };
  let id = 0;
  const send = (method: string, params: string) =>
    input.write(`{"jsonrpc":"2.0","id":${++id},"method":"${method}","params":${params}}\n`);
  send("initialize", JSON.stringify(client));
  input.write('{"jsonrpc":"2.0","method":"notifications/initialized"}\n');
  for (const [levels, nesting] of cases) {
    const text = nestedText(levels, nesting);
    for (const inner of [text, JSON.stringify(text)]) {
      send("tools/call", `{"name":"remember","arguments":{"subject":"a","predicate":"b","object":${inner}}}`);
      send("tools/call", `{"name":"remember","arguments":{"text":"a","tags":${inner}}}`);
      send("tools/call", `{"name":"recall","arguments":${inner}}`);
      send("tools/call", `{"name":"create_entities","arguments":{"entities":${inner}}}`);
      send("tools/call", `{"name":"module_run","arguments":{"module":"m","map":"m","gtPrefix":${inner}}}`);
      send("resources/read", `{"uri":${inner}}`);
      send("prompts/get", `{"name":"remember","arguments":${inner}}`);
      send("tools/list", `{"cursor":${inner}}`);
      send(levels < 1000 ? "ping" : "initialize", inner);
    }
    const object = nested(levels, nesting);
    for (const service of [holder, guest]) {
      const given = { arguments: { subject: "a", predicate: "b", object } };
      expect(await doneOrRefused("remember", () => service.call("remember", given))).toBe(levels < 100);
      await doneOrRefused("arguments", () => service.call("recall", { arguments: { query: object } }));
      await doneOrRefused("put", () => service.call("command/put", { arguments: { request: object } }));
    }
  }
  send("ping", "{}");
  input.end();
  await transport.closed;
  output.end();
  const replies = (await said).trimEnd().split("\n");
  const ids = new Set(replies.map((line) => JSON.parse(line).id));
  for (let i = 1; i <= id; i++) expect(ids.has(i), `reply ${i}`).toBe(true);
  for (const reply of replies) expect(reply.slice(0, 1000)).not.toMatch(STACK);
  await guest.close();
  await holder.close();
}, 120_000);

test("keys are nested 64 deep at most, wherever they are read", () => {
  const key = nested(64, "[") as Key;
  using db = openMemory();
  db.map("m").putSync(key, 1);
  expect([...db.map("m").keys({ gte: { prefix: key } })]).toEqual([key]);
  expect(() => db.map("m").get([key])).toThrow(/deeper than 64/);
});
