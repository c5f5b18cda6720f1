/** The tools for modules: what they return, refuse and hide, their budget, and calls through another process. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { open, openMemory } from "../../index.js";
import { countTokens } from "../../memory/tokens.js";
import { ABI_EXAMPLE, ABI_TEXT, ABI_URI } from "../../server/mcp/module-abi.js";
import { moduleTools } from "../../server/mcp/module-tools.js";
import { Resources } from "../../server/mcp/resources.js";
import type { JsonObject } from "../../server/mcp/schema.js";
import { type Callable, MemoryService } from "../../server/mcp/service.js";
import { Replies } from "../../server/sharing/replies.js";
import { SharedService } from "../../server/sharing/shared-service.js";
import { root } from "../sources.js";
import { App } from "./app.js";
import { listingsOf, outputCheck, toolsOf } from "./tool-set.js";

const tools = toolsOf("native", { allowModules: true });
const validators = new Map(moduleTools.map((tool) => [tool.listing.name, outputCheck(tool)]));
const built = (name: string) => readFileSync(join(root, "examples/modules/build", `${name}.wasm`));
const records = built("template-reduce-pages").toString("base64");
const countKeys = built("count-keys").toString("base64");

const app = new App();
afterAll(() => app.remove());

/** Whether the package that reads the text format is installed. */
function hasText(): boolean {
  try {
    createRequire(import.meta.url).resolve("wabt");
    return true;
  } catch {
    return false;
  }
}

class Session {
  readonly db = openMemory();
  readonly service: Callable = new MemoryService(this.db, { replies: new Replies() });

  async call(name: string, args?: unknown) {
    const result = await tools.call(this.service, name, args, { client: "test" });
    const [{ text }] = result.content;
    if (result.isError !== true && validators.has(name)) {
      expect(result.structuredContent).toEqual(JSON.parse(text));
      expect(validators.get(name)?.(result.structuredContent), text).toBe(true);
    }
    return { ...result, text };
  }

  /** The structured content of a call that must succeed. */
  async done(name: string, args?: unknown): Promise<JsonObject> {
    const { structuredContent, text } = await this.call(name, args);
    if (structuredContent === undefined) throw new Error(text);
    return structuredContent;
  }

  async refused(name: string, args?: unknown): Promise<string> {
    const { isError, text } = await this.call(name, args);
    expect(isError).toBe(true);
    return text;
  }
}

/** A session with facts, a map, and two modules. */
async function filled(): Promise<Session> {
  const session = new Session();
  await session.db.transaction((tx) => {
    for (let i = 0; i < 500; i++) tx.map("notes").put(["note", i], `text ${i}`);
    for (let i = 0; i < 4; i++) tx.put(`key/${i}`, i);
  });
  await session.db.put("key/9", 9);
  await session.done("module_put", { base64: records, name: "records" });
  await session.done("module_put", { base64: countKeys, name: "count-keys" });
  return session;
}

test("a module is put once, explained and run", async () => {
  const session = new Session();
  await session.db.map("notes").put(1, "one");
  const put = await session.done("module_put", { base64: records, name: "records", capabilities: ["log"] });
  expect(put).toMatchObject({ name: "records", calls: ["reduce_pages", "reduce_merge"], capabilities: ["log"], tx: 2 });
  const again = { base64: records, name: "records", capabilities: ["log"] };
  expect(await session.done("module_put", again)).toEqual(put);
  expect(session.db.stats().lastTx).toBe(2);
  const explained = await session.done("module_explain", { module: "records" });
  expect(explained).toMatchObject({ accepted: true, hash: put.hash, capabilities: [], memory: { minPages: 1 } });
  expect(await session.done("module_explain", { base64: records })).toEqual(explained);
  const run = await session.done("module_run", { module: "records", map: "notes", output: "u64" });
  expect(run).toMatchObject({ call: "reduce_pages", output: "u64", result: ["1"], bytes: 8, pages: 1, records: 1 });
  expect((await session.done("module_run", { module: put.hash, map: "notes" })).result).toBe("0100000000000000");
  await session.done("module_put", { base64: countKeys, name: "records" });
  expect(await session.done("module_explain", { module: "records" })).toMatchObject({ calls: ["map_pages"] });
  // It was put before, and is the newest of the name again.
  expect(await session.done("module_put", again)).toMatchObject({ tx: 4 });
  expect(await session.done("module_explain", { module: "records" })).toMatchObject({ hash: put.hash });
});

test("without arguments, it says what is stored and how to write one", async () => {
  const session = await filled();
  const { count, modules, abi, cut } = await session.done("module_explain");
  expect([count, cut]).toEqual([2, undefined]);
  expect(modules).toMatchObject([{ name: "count-keys" }, { name: "records" }]);
  expect(abi).toBe(ABI_TEXT);
  expect(countTokens(ABI_TEXT)).toBeLessThan(2500);
  const resources = new Resources(["memory", "graph", "modules"]);
  expect(resources.listings.map(({ uri }) => uri)).toContain(ABI_URI);
  expect(await resources.read(session.service, ABI_URI, undefined)).toEqual({
    mimeType: "text/markdown",
    text: ABI_TEXT,
  });
  expect(await new Resources(["graph"]).read(session.service, ABI_URI, undefined)).toBeUndefined();
});

test("it runs over a map, a part of it, and the facts of a point", async () => {
  const session = await filled();
  const run = async (args: JsonObject) => {
    const { result } = await session.done("module_run", { module: "records", output: "u64", ...args });
    return Array.isArray(result) ? Number(result[0]) : result;
  };
  expect(await run({ map: "notes" })).toBe(500);
  expect(await run({ map: "notes", gte: ["note", 10], lt: ["note", 15] })).toBe(5);
  expect(await run({ map: "notes", gtPrefix: ["note", 10], ltePrefix: ["note", 15] })).toBe(5);
  expect(await run({ map: "notes", gtPrefix: ["note"] })).toBe(0);
  expect(await run({ map: "notes", prefix: ["note"] })).toBe(500);
  expect(await run({ map: "nothing" })).toBe(0);
  expect(await run({ partition: 0, prefix: "key/" })).toBe(5);
  expect(await run({ partition: 0, tx: 1 })).toBe(4);
  expect(await run({ partition: 0, validAt: "1999" })).toBe(0);
  const each = await session.done("module_run", { module: "count-keys", map: "notes", output: "u32" });
  expect(each).toMatchObject({ call: "map_pages", records: 500 });
  expect(Array.isArray(each.result) && each.result.reduce((sum, count) => sum + count, 0)).toBe(500);
});

test("a result has the form that was asked for", async () => {
  const session = await filled();
  const run = async (output: string) =>
    (await session.done("module_run", { module: "records", partition: 0, output })).result;
  expect(await run("hex")).toBe("0500000000000000");
  expect(await run("base64")).toBe("BQAAAAAAAAA=");
  expect(await run("text")).toBe("\x05\0\0\0\0\0\0\0");
  expect(await run("u32")).toEqual([5, 0]);
  expect(await run("i64")).toEqual(["5"]);
  expect(await run("f64")).toEqual([2.5e-323]);
  const odd = { module: "count-keys", map: "notes", gte: ["note", 0], lt: ["note", 1], output: "u64" };
  expect(await session.refused("module_run", odd)).toMatch(/LLMDB_UNSUPPORTED: .* 4 bytes are no whole number of u64/);
});

test.each<[string, string, JsonObject, RegExp]>([
  ["no pages", "module_run", { module: "records" }, /LLMDB_INVALID_ARGUMENT: say over which pages/],
  ["both", "module_run", { module: "records", map: "notes", partition: 0 }, /map or partition, not both/],
  ["a past of a map", "module_run", { module: "records", map: "notes", tx: 1 }, /a map has no past/],
  ["a key that is none", "module_run", { module: "records", map: "notes", gte: { a: 1 } }, /gte is a key/],
  ["no prefix", "module_run", { module: "records", map: "notes", gtPrefix: 7 }, /a prefix is a string/],
  ["two arguments", "module_run", { module: "records", map: "notes", arg: "", argBase64: "" }, /not both/],
  ["base64 that is none", "module_run", { module: "records", map: "notes", argBase64: "a b*" }, /bytes in base64/],
  ["much time", "module_run", { module: "records", map: "notes", timeoutMs: 5001 }, /<=5000 at timeoutMs/],
  ["much fuel", "module_run", { module: "records", map: "notes", fuel: 10_000_000_001 }, /at fuel/],
  ["little fuel", "module_run", { module: "records", map: "notes", fuel: 10 }, /^LLMDB_WASM_FUEL: /],
  ["a call that is not its", "module_run", { module: "records", map: "notes", call: "map_pages" }, /exports no/],
  ["a hook", "module_run", { module: "records", map: "notes", call: "tx_hook" }, /Invalid option/],
  ["an unknown form", "module_run", { module: "records", map: "notes", output: "u8" }, /Invalid option/],
  ["an unknown module", "module_run", { module: "nobody", map: "notes" }, /^LLMDB_NOT_FOUND: /],
  ["an unknown module to explain", "module_explain", { module: "nobody" }, /^LLMDB_NOT_FOUND: /],
  ["two modules to explain", "module_explain", { module: "records", base64: records }, /one of them/],
  ["no module", "module_put", {}, /give the module/],
  ["no module, in base64", "module_put", { base64: "AAAA" }, /^LLMDB_WASM_REFUSED: /],
  ["a capability that is none", "module_put", { base64: records, capabilities: ["disk"] }, /Invalid option/],
])("refused: %s", async (_what, name, args, message) => {
  const session = await filled();
  const before = session.db.stats().lastTx;
  expect(await session.refused(name, args)).toMatch(message);
  expect(session.db.stats().lastTx).toBe(before);
});

test("what is wrong with a module is a result, not an error, where it is asked for", async () => {
  const session = new Session();
  const bytes = built("count-keys");
  bytes.write("llmdb_abi_v9", bytes.indexOf("llmdb_abi_v1"));
  const explained = await session.done("module_explain", { base64: bytes.toString("base64") });
  expect(explained).toMatchObject({ accepted: false, reason: expect.stringContaining("llmdb_abi_v1") });
});

test("no reply is above its budget", async () => {
  const session = await filled();
  await session.db.transaction((tx) => {
    for (let i = 0; i < 20_000; i++) tx.map("many").put(i, "text ".repeat(50));
  });
  const calls: [string, JsonObject][] = [
    ["module_explain", {}],
    ["module_explain", { module: "records" }],
    ["module_put", { base64: records, name: "records" }],
    ["module_run", { module: "count-keys", map: "many" }],
    ["module_run", { module: "count-keys", map: "many", output: "base64" }],
    ["module_run", { module: "count-keys", map: "many", output: "text" }],
    ["module_run", { module: "count-keys", map: "many", output: "u32" }],
  ];
  for (const maxTokens of [100, 137, 300, 1000, undefined, 20_000]) {
    for (const [name, args] of calls) {
      const { text } = await session.call(name, { ...args, ...(maxTokens && { maxTokens }) });
      expect(countTokens(text), `${name} ${maxTokens}`).toBeLessThanOrEqual(maxTokens ?? 4000);
      // Figures are not cut.
      const isTooSmall = Number(maxTokens) < 300 && text.includes("is too small for this; give more");
      if (!isTooSmall) expect(text, `${name} ${maxTokens}`).not.toMatch(/^LLMDB_(?!UNSUPPORTED)/);
    }
  }
  const cut = await session.done("module_run", { module: "count-keys", map: "many", maxTokens: 300, output: "u32" });
  expect(cut).toMatchObject({ cut: true, records: 20_000 });
  expect(Number(cut.bytes)).toBe(Number(cut.pages) * 4);
});

test("storing modules has to be allowed; a scope and --read-only take away what they must", async () => {
  const names = (options: { readOnly?: boolean; scope?: string; allowModules?: boolean }) =>
    listingsOf("native", options)
      .map(({ name }) => name)
      .filter((name) => name.startsWith("module_"));
  expect(names({ allowModules: true })).toEqual(["module_put", "module_explain", "module_run"]);
  expect(names({})).toEqual(["module_explain", "module_run"]);
  expect(names({ readOnly: true, allowModules: true })).toEqual(["module_explain", "module_run"]);
  expect(names({ scope: "team", allowModules: true })).toEqual(["module_explain"]);
  expect(listingsOf("compat", { allowModules: true })).toHaveLength(9);
  const { service } = await filled();
  const strict = toolsOf("native");
  expect((await strict.call(service, "module_put", { base64: records }, {})).content[0].text).toMatch(
    /--allow-modules/,
  );
  for (const [name, args] of [
    ["module_put", { base64: records }],
    ["module_run", { module: "records", map: "notes" }],
    ["module_explain", { module: "records" }],
  ] as const) {
    const { isError, content } = await tools.call(service, name, args, { scope: "team" });
    expect([isError, content[0].text]).toEqual([true, expect.stringContaining("reaches the whole database")]);
  }
  const given = await tools.call(service, "module_explain", {}, { scope: "team" });
  expect(given.structuredContent).toMatchObject({ modules: [], abi: ABI_TEXT });
});

test("for reading only, modules run beside a writer and see what it commits", async () => {
  const path = app.path("reading.llmdb");
  const db = open(path);
  await db.map("notes").put(1, "one");
  await db.modules.put(built("template-reduce-pages"), { name: "records" });
  const service = MemoryService.open(path, { readOnly: true });
  const args = { module: "records", map: "notes", output: "u64" };
  const run = async () => (await tools.call(service, "module_run", args, {})).structuredContent?.result;
  expect(await run()).toEqual(["1"]);
  await db.map("notes").put(2, "two");
  expect(await run()).toEqual(["2"]);
  const put = await tools.call(service, "module_put", { base64: countKeys }, {});
  expect(put.content[0].text).toMatch(/^LLMDB_READ_ONLY: /);
  await service.close();
  await db.close();
});

test("a guest puts and runs through the process that holds the database", async () => {
  const path = app.path("guest.llmdb");
  const share = () =>
    SharedService.open({
      path,
      openService: async (emit) => MemoryService.open(path, { emit, replies: new Replies() }),
    });
  const holder = await share();
  const guest = await share();
  expect([holder.role, guest.role]).toEqual(["holder", "guest"]);
  const put = await tools.call(guest, "module_put", { base64: records, name: "records" }, {});
  expect(put.structuredContent).toMatchObject({ name: "records" });
  await tools.call(guest, "remember", { text: "a fact" }, {});
  const args = { module: "records", partition: 0, output: "u64" };
  const mine = await tools.call(guest, "module_run", args, {});
  expect(mine.structuredContent).toMatchObject({ result: ["1"] });
  expect(await tools.call(holder, "module_run", args, {})).toEqual(mine);
  const failed = await tools.call(guest, "module_run", { ...args, fuel: 10 }, {});
  expect(failed.content[0].text).toMatch(/^LLMDB_WASM_FUEL: /);
  await guest.close();
  await holder.close();
});

test("two servers on one file: a client of the second one stores and runs", async () => {
  const args = ["--db", app.path("servers.llmdb")];
  await using first = await app.connect(args);
  await using second = await app.connect([...args, "--allow-modules"]);
  const { tools: shown } = await first.client.listTools();
  expect(shown.map(({ name }) => name)).not.toContain("module_put");
  await first.client.callTool({ name: "remember", arguments: { text: "a fact" } });
  const put = { name: "module_put", arguments: { base64: records, name: "records" } };
  expect(await first.client.callTool(put)).toMatchObject({ isError: true });
  expect((await second.client.callTool(put)).isError).toBeUndefined();
  const run = { name: "module_run", arguments: { module: "records", partition: 0, output: "u64" } };
  for (const { client } of [first, second]) {
    expect((await client.callTool(run)).structuredContent).toMatchObject({ result: ["1"] });
  }
  const { contents } = await second.client.readResource({ uri: ABI_URI });
  expect(contents).toEqual([{ uri: ABI_URI, mimeType: "text/markdown", text: ABI_TEXT }]);
}, 30_000);

test.skipIf(!hasText())("the example of the calling convention works as it stands", async () => {
  const session = await filled();
  expect(ABI_TEXT).toContain(ABI_EXAMPLE);
  expect(await session.done("module_explain", { wat: ABI_EXAMPLE })).toMatchObject({ accepted: true });
  await session.done("module_put", { wat: ABI_EXAMPLE, name: "example" });
  const run = await session.done("module_run", { module: "example", map: "notes", output: "u64" });
  expect(run.result).toEqual(["500"]);
  expect(await session.refused("module_explain", { wat: "(module (fun))" })).toMatch(/its text is not valid/);
  // The package does not survive this, and is loaded anew.
  const deep = `(module (func ${"(block ".repeat(20_000)}${")".repeat(20_000)}))`;
  expect(await session.refused("module_explain", { wat: deep })).toMatch(/^LLMDB_WASM_REFUSED: /);
  expect(await session.done("module_explain", { wat: ABI_EXAMPLE })).toMatchObject({ accepted: true });
});

test.skipIf(hasText())("without wabt, a module as text is an error that says what to install", async () => {
  const text = await new Session().refused("module_explain", { wat: ABI_EXAMPLE });
  expect(text).toMatch(/^LLMDB_UNSUPPORTED: .*npm install wabt/);
});
