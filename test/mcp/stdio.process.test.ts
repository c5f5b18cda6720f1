/** The command as a process: garbage, long lines, signals, closed pipes, and files that are in use. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { afterAll, afterEach, expect, test } from "vitest";
import { open } from "../../index.js";
import { Memory } from "../../memory/memory.js";
import { formatServerMemory, parseServerMemory } from "../../server/mcp/server-memory-file.js";
import { App } from "./app.js";

const app = new App();
const started = new Set<ChildProcess>();
afterEach(() => {
  for (const child of started) child.kill("SIGKILL");
  started.clear();
});
afterAll(() => app.remove());

interface Message {
  readonly id?: unknown;
  readonly result?: { readonly isError?: boolean; readonly content?: { readonly text: string }[] };
  readonly error?: { readonly code: number; readonly message: string };
}

/** A server that is written to by hand. */
class Raw {
  readonly child: ChildProcess;
  readonly messages: Message[] = [];
  said = "";
  readonly #waiting: (() => void)[] = [];

  constructor(args: readonly string[], env: { [name: string]: string } = {}) {
    const own = { PATH: process.env.PATH ?? "", ...env };
    this.child = spawn(process.execPath, [app.program, "mcp", ...args], { env: own });
    started.add(this.child);
    this.child.stderr?.on("data", (chunk) => {
      this.said += String(chunk);
    });
    if (this.child.stdout === null) throw new Error("no stdout");
    createInterface({ input: this.child.stdout }).on("line", (line) => {
      // Whatever is no JSON fails here: stdout carries messages only.
      this.messages.push(JSON.parse(line));
      for (const wake of this.#waiting.splice(0)) wake();
    });
  }

  async write(text: string | Buffer): Promise<void> {
    if (this.child.stdin?.write(text) === false) await once(this.child.stdin, "drain");
  }

  send(message: { [name: string]: unknown }): Promise<void> {
    return this.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
  }

  async reply(matches: (message: Message) => boolean): Promise<Message> {
    for (;;) {
      const found = this.messages.find(matches);
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  async ask(id: number, method: string, params: unknown): Promise<Message> {
    await this.send({ id, method, params });
    return this.reply((message) => message.id === id);
  }

  greet(): Promise<Message> {
    const clientInfo = { name: "raw", version: "1" };
    return this.ask(0, "initialize", { protocolVersion: "2025-06-18", capabilities: {}, clientInfo });
  }

  call(id: number, name: string, args: unknown): Promise<Message> {
    return this.ask(id, "tools/call", { name, arguments: args });
  }

  async ended(): Promise<number | null> {
    if (this.child.exitCode === null && this.child.signalCode === null) await once(this.child, "exit");
    return this.child.exitCode;
  }
}

test("garbage and a line of 100 MB are answered with errors, and the server lives", async () => {
  const raw = new Raw(["--db", app.path("garbage.llmdb")]);
  await raw.greet();
  await raw.write('garbage\n{"jsonrpc":"2.0"}\n[]\n\n\u0000\n"text"\n{"jsonrpc":"1.0","id":5,"method":"x"}\n');
  await raw.reply((message) => message.id === 5 && message.error?.code === -32600);
  expect(raw.messages.filter(({ error }) => error?.code === -32700)).toHaveLength(2);
  const mega = Buffer.alloc(1 << 20, "x");
  await raw.write('{"method":"tools/call","params":{"name":"search_nodes","arguments":{"query":"');
  for (let i = 0; i < 100; i++) await raw.write(mega);
  await raw.write('"}},"jsonrpc":"2.0","id":6}\n');
  const long = await raw.reply((message) => message.id === 6);
  expect(long.error).toMatchObject({ code: -32600, message: expect.stringContaining("at most 33554432 bytes") });
  expect((await raw.call(7, "no_such_tool", {})).result).toMatchObject({ isError: true });
  expect((await raw.call(8, "recall", { query: 7 })).result).toMatchObject({ isError: true });
  expect((await raw.ask(9, "no/such/method", {})).error).toMatchObject({ code: -32601 });
  expect((await raw.call(10, "remember", { text: "alive" })).result?.isError).toBeUndefined();
});

test("at the end of the input, what was asked is answered, and the database is closed", async () => {
  const path = app.path("end.llmdb");
  const raw = new Raw(["--db", path]);
  await raw.greet();
  for (let id = 1; id <= 20; id++) {
    const params = { name: "remember", arguments: { text: `number ${id}` } };
    await raw.send({ id, method: "tools/call", params });
  }
  raw.child.stdin?.end();
  expect(await raw.ended()).toBe(0);
  expect(raw.messages.filter(({ result }) => result?.content !== undefined)).toHaveLength(20);
  const db = open(path);
  expect(new Memory(db).recall("number", { limit: 50 }).hits).toHaveLength(20);
  await db.close();
});

test.each(["SIGTERM", "SIGINT"] as const)("%s closes the database and ends the server", async (signal) => {
  const path = app.path(`${signal}.llmdb`);
  const raw = new Raw(["--db", path]);
  await raw.greet();
  await raw.call(1, "remember", { text: "before the end" });
  raw.child.kill(signal);
  expect(await raw.ended()).toBe(0);
  expect(existsSync(`${path}-socket`)).toBe(false);
  const db = open(path);
  expect(new Memory(db).recall("end").hits).toHaveLength(1);
  await db.close();
});

test("a database that another program holds is an error of each call, until it is free", async () => {
  const path = app.path("held.llmdb");
  const db = open(path);
  const raw = new Raw(["--db", path]);
  await raw.greet();
  const refused = await raw.call(1, "remember", { text: "a" });
  expect(refused.result?.isError).toBe(true);
  expect(refused.result?.content?.[0].text).toMatch(/LLMDB_LOCKED: .*does not share it/);
  await db.close();
  expect((await raw.call(2, "remember", { text: "a" })).result?.isError).toBeUndefined();
  expect(raw.said).toContain("LLMDB_LOCKED");
}, 30_000);

test("--read-only reads beside a writer, sees what it commits, and writes nothing", async () => {
  const path = app.path("reading.llmdb");
  const writer = new Raw(["--db", path]);
  await writer.greet();
  await writer.call(1, "remember", { text: "first" });
  const reader = new Raw(["--db", path, "--read-only"]);
  await reader.greet();
  expect((await reader.call(1, "recall", { query: "first" })).result?.content?.[0].text).toContain('"text":"first"');
  await writer.call(2, "remember", { text: "second" });
  expect((await reader.call(2, "recall", { query: "second" })).result?.content?.[0].text).toContain('"text":"second"');
  expect((await reader.call(3, "remember", { text: "third" })).result?.isError).toBe(true);
});

test("two servers share one file, and one goes on when the other is killed", async () => {
  const args = ["--db", app.path("shared.llmdb")];
  const [one, two] = [new Raw(args), new Raw(args)];
  await Promise.all([one.greet(), two.greet()]);
  const entity = { name: "Ada", entityType: "person", observations: [] };
  await one.call(1, "create_entities", { entities: [entity] });
  await two.ask(1, "resources/subscribe", { uri: "memory://knowledge-graph" });
  await one.call(2, "add_observations", { observations: [{ entityName: "Ada", contents: ["counts"] }] });
  await two.reply((message) => "method" in message && message.method === "notifications/resources/updated");
  one.child.kill("SIGKILL");
  const graph = await two.call(2, "read_graph", {});
  expect(graph.result).toMatchObject({ structuredContent: { entities: [{ ...entity, observations: ["counts"] }] } });
});

test("a file of the reference server is taken over once, bad lines are told, and it is left as it was", async () => {
  const file = app.path("memory.jsonl");
  const good = [
    '{"type":"entity","name":"Ada","entityType":"person","observations":["counts","counts"]}',
    '{"type":"entity","name":"Ada","entityType":"twin","observations":[]}',
    '{"type":"relation","from":"Ada","to":"nobody","relationType":"knows"}',
  ];
  const text = [
    good[0],
    "{half",
    good[1],
    '{"type":"entity","name":7}',
    "",
    good[2],
    '{"type":"relation","from":"A',
  ].join("\n");
  writeFileSync(file, text);
  const first = new Raw([], { MEMORY_FILE_PATH: file });
  await first.greet();
  const wanted = parseServerMemory(good.join("\n"));
  const { bad: _, ...graph } = wanted;
  expect((await first.call(1, "read_graph", {})).result).toMatchObject({ structuredContent: graph });
  await first.call(2, "delete_entities", { entityNames: ["Ada"] });
  first.child.stdin?.end();
  await first.ended();
  expect(first.said).toContain("took over");
  for (const line of [2, 4, 7]) expect(first.said).toContain(`memory.jsonl:${line}: not read`);
  expect(readFileSync(file, "utf8")).toBe(text);
  const second = new Raw([], { MEMORY_FILE_PATH: file });
  await second.greet();
  expect((await second.call(1, "read_graph", {})).result).toMatchObject({ structuredContent: { entities: [] } });
  expect(existsSync(app.path("memory.llmdb"))).toBe(true);
  expect(formatServerMemory(wanted)).toBe(good.join("\n"));
});

test("without a file the memory of the user is served, and stderr says where it is", async () => {
  const raw = new Raw([], { XDG_DATA_HOME: app.path("data") });
  await raw.greet();
  await raw.call(1, "remember", { text: "Ada likes tea" });
  raw.child.stdin?.end();
  await raw.ended();
  const path = app.path("data/llmdb/memory.llmdb");
  expect(raw.said).toContain(path);
  expect(existsSync(path)).toBe(true);
});
