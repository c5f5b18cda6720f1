/**
 * What `tools/list` costs and leads to. Tokens are those of the JSON text of the reply, `{"tools":[…]}`, by the
 * tokenizers cl100k_base and o200k_base, and by the estimate that the budgets of replies are kept by.
 */
import { Client as NewClient } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import fc from "fast-check";
import { countTokens as cl100k } from "gpt-tokenizer/encoding/cl100k_base";
import { countTokens as o200k } from "gpt-tokenizer/encoding/o200k_base";
import { afterAll, expect, test } from "vitest";
import { openMemory } from "../../index.js";
import { countTokens } from "../../memory/tokens.js";
import { graphTools } from "../../server/mcp/graph-tools.js";
import { memoryTools } from "../../server/mcp/memory-tools.js";
import { moduleTools } from "../../server/mcp/module-tools.js";
import { check, isObject, type Schema } from "../../server/mcp/schema.js";
import { MemoryService } from "../../server/mcp/service.js";
import type { ToolListing } from "../../server/mcp/tool.js";
import { Tools } from "../../server/mcp/tool-calls.js";
import { DEFAULT_TOOLS, parseToolSelection, REPLACEMENT_TOOLS } from "../../server/mcp/tool-selection.js";
import { Toolbox } from "../../server/mcp/toolbox.js";
import { effort } from "../effort.js";
import { App } from "./app.js";
import { listingsOf, toolsOf } from "./tool-set.js";

const START_TOKENS = 1200;
const NATIVE_TOKENS = 5000;

const app = new App();
afterAll(() => app.remove());

/** By each way of counting. */
function tokensOf(tools: readonly ToolListing[]): number[] {
  const text = JSON.stringify({ tools });
  return [cl100k(text), o200k(text), countTokens(text)];
}

const namesOf = (tools: readonly { readonly name: string }[]) => tools.map(({ name }) => name);

test("the start set and the native tools keep to their tokens", () => {
  const most = { allowModules: true };
  for (const tokens of tokensOf(listingsOf("start", most))) expect(tokens).toBeLessThanOrEqual(START_TOKENS);
  const native = new Set([...listingsOf("start", most), ...listingsOf("native", most)]);
  expect(native.size).toBe(14);
  for (const tokens of tokensOf([...native])) expect(tokens).toBeLessThanOrEqual(NATIVE_TOKENS);
});

test("a client that does not page has the start set, one that does has the memory's tools", () => {
  const tools = new Tools(new Toolbox({ tools: DEFAULT_TOOLS, readOnly: false }));
  const first = tools.page();
  expect(namesOf(first?.tools ?? [])).toEqual(["recall", "remember", "history", "tools"]);
  const next = tools.page(first?.nextCursor);
  expect(next?.nextCursor).toBeUndefined();
  const all = namesOf([...(first?.tools ?? []), ...(next?.tools ?? [])]);
  expect(all.toSorted()).toEqual([...namesOf(memoryTools.map(({ listing }) => listing)), "tools"].toSorted());
  expect(tools.page("zzz")).toBeUndefined();
});

test.each([
  ["start", 4],
  ["memory", 10],
  ["graph", 9],
  ["compat", 9],
  ["modules", 2],
  ["native", 12],
  ["all", 21],
  ["memory,graph", 19],
  ["start, graph", 13],
  ["memory,memory", 10],
])("--tools %s lists %i on one page", (text, count) => {
  expect(listingsOf(text)).toHaveLength(count);
  expect(toolsOf(text).page()?.nextCursor).toBeUndefined();
});

test.each(["", "schemas", "memory,", "toString", "ALL"])("--tools %j is none", (text) => {
  expect(parseToolSelection(text)).toBeUndefined();
});

test("in the place of the reference server, its tools are on the first page", () => {
  const first = new Tools(new Toolbox({ tools: REPLACEMENT_TOOLS, readOnly: false })).page();
  expect(namesOf(first?.tools ?? [])).toEqual([
    ...namesOf(graphTools.map(({ listing }) => listing)),
    ...["recall", "remember", "history", "tools"],
  ]);
});

test("listings are made once, not for each connection", () => {
  const box = new Toolbox({ tools: DEFAULT_TOOLS, readOnly: false });
  const [one, two] = [new Tools(box).page()?.tools ?? [], new Tools(box).page()?.tools ?? []];
  expect(one.every((listing, i) => listing === two[i])).toBe(true);
});

test("tools lists the others, shows one, and calls it as it would be called directly", async () => {
  const service = new MemoryService(openMemory());
  const box = new Toolbox({ tools: DEFAULT_TOOLS, readOnly: false });
  let changes = 0;
  const tools = new Tools(box, () => void changes++);
  const call = async (args?: unknown) => {
    const result = await tools.call(service, "tools", args, { client: "test" });
    return { ...result, text: result.content[0].text };
  };
  const { text: list } = await call();
  for (const { listing } of [...memoryTools, ...graphTools]) expect(list).toContain(`  ${listing.name}: `);
  expect(list).toContain("  module_run: ");
  expect(list).not.toContain("module_put");
  expect(cl100k(list)).toBeLessThan(1000);
  expect(JSON.parse((await call({ name: "get", arguments: null })).text)).toMatchObject({
    name: "get",
    arguments: { properties: { id: { type: "string" } } },
  });
  const entity = { name: "Ada", entityType: "person", observations: [] };
  const made = await call({ name: "create_entities", arguments: { entities: [entity] } });
  expect(made.structuredContent).toEqual({ entities: [entity] });
  const asText = await call({ name: "get", arguments: '{"id":"e1"}' });
  expect(asText).toEqual({ ...(await tools.call(service, "get", { id: "e1" }, {})), text: asText.text });
  expect(await call({ name: "status", arguments: {} })).toMatchObject({
    structuredContent: { records: { entity: 1 } },
  });
  expect((await call({ name: "explain", arguments: { id: "e1" } })).structuredContent).toMatchObject({
    transaction: { meta: { tool: "create_entities", client: "test" } },
  });
  expect(await call({ name: "rember", arguments: {} })).toMatchObject({ isError: true, text: /./ });
  expect((await call({ name: "rember" })).text).toMatch(
    /^LLMDB_NOT_FOUND: there is no tool "rember"; there are recall|remember/,
  );
  expect((await call({ name: "module_put", arguments: {} })).text).toMatch(/--allow-modules/);
  expect((await call({ name: "get", arguments: {} })).text).toMatch(
    /^LLMDB_INVALID_ARGUMENT: arguments of get: .* at id$/,
  );
  expect((await call({ nane: "get" })).text).toMatch(/Unrecognized key: "nane"/);
  expect((await call({ name: "tools", arguments: {} })).text).toMatch(/there is no tool "tools"/);
  expect(changes).toBe(0);
  expect((await call({ enable: "graph" })).text).toContain("create_entities");
  expect((await call({ enable: "graph" })).isError).toBeUndefined();
  expect(changes).toBe(1);
  expect(namesOf(tools.page()?.tools ?? [])).toContain("open_nodes");
  expect(namesOf(new Tools(box).page()?.tools ?? [])).not.toContain("open_nodes");
});

test("a tool that is not listed can be called by its name", async () => {
  const tools = new Tools(new Toolbox({ tools: DEFAULT_TOOLS, readOnly: false }));
  const result = await tools.call(new MemoryService(openMemory()), "read_graph", {}, {});
  expect(result.structuredContent).toEqual({ entities: [], relations: [] });
  const strict = await toolsOf("memory").call(new MemoryService(openMemory()), "read_graph", {}, {});
  expect(strict.content[0].text).toContain("Tool read_graph not found");
});

test("for reading only, tools says that it only reads", () => {
  const hints = (readOnly: boolean) =>
    listingsOf("start", { readOnly }).find(({ name }) => name === "tools")?.annotations;
  expect(hints(true)).toMatchObject({ readOnlyHint: true });
  expect(hints(false)?.readOnlyHint).toBeUndefined();
});

/** Values of a schema, and some that are just beyond it. */
function valuesOf(schema: Schema): fc.Arbitrary<unknown> {
  const { type, properties = {}, required = [], items = {}, minimum = -5, maximum = 5, maxLength = 5 } = schema;
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  if (type === "object") {
    const members = Object.fromEntries(Object.entries(properties).map(([name, inner]) => [name, valuesOf(inner)]));
    return fc.record(members, { requiredKeys: [...required] });
  }
  if (type === "array") return fc.array(valuesOf(items), { maxLength: 3 });
  if (type === "string") return fc.string({ maxLength: Math.min(maxLength, 5) });
  if (type === "boolean") return fc.boolean();
  if (type === "integer") return fc.integer({ min: minimum, max: Math.min(maximum, 2 ** 31 - 1) });
  return type === "number" ? fc.double({ min: minimum, max: maximum, noNaN: true }) : fc.jsonValue({ maxDepth: 1 });
}

/** A schema without its references. */
function whole(schema: Schema, $defs = schema.$defs ?? {}): Schema {
  if (schema.$ref !== undefined) return whole($defs[schema.$ref.replace("#/$defs/", "")], $defs);
  const { properties, items } = schema;
  return {
    ...schema,
    ...(properties && {
      properties: Object.fromEntries(Object.entries(properties).map(([name, inner]) => [name, whole(inner, $defs)])),
    }),
    ...(items && { items: whole(items, $defs) }),
  };
}

test.each([...memoryTools, ...moduleTools].map((tool) => [tool.listing.name, tool] as const))(
  "%s: what is listed accepts what is checked",
  (_name, { listing, input, output }) => {
    const pairs: [Schema, Schema][] = [
      [listing.inputSchema, input],
      [listing.outputSchema ?? {}, output],
    ];
    for (const [brief, full] of pairs) {
      fc.assert(
        fc.property(valuesOf(full), (value) => {
          expect(check(whole(brief), value, "strict")).not.toHaveProperty("problems");
        }),
        { numRuns: effort(20) },
      );
      expect(Object.keys(brief.properties ?? {}).toSorted()).toEqual(Object.keys(full.properties ?? {}).toSorted());
    }
  },
);

test("a group that is put on the list is there when the client asks again", async () => {
  await using connected = await app.connect(["--db", app.path("enable.llmdb")]);
  const { client } = connected;
  const first = await client.listTools();
  expect(namesOf(first.tools)).toEqual(["recall", "remember", "history", "tools"]);
  expect(namesOf((await client.listTools({ cursor: first.nextCursor })).tools)).toContain("undo");
  await expect(client.listTools({ cursor: "none" })).rejects.toThrow(/cursor is what the page before returned/);
  const changed = new Promise<void>((resolve) => {
    client.fallbackNotificationHandler = async ({ method }) => {
      if (method === "notifications/tools/list_changed") resolve();
    };
  });
  await client.callTool({ name: "tools", arguments: { enable: "graph" } });
  await changed;
  expect(namesOf((await client.listTools()).tools)).toContain("create_entities");
});

test("a client of the newer revision that listens is told of a changed list, and pages by itself", async () => {
  const client = new NewClient({ name: "test", version: "1" }, { versionNegotiation: { mode: "auto" } });
  const args = [app.program, "mcp", "--db", app.path("enable-new.llmdb")];
  await client.connect(new StdioClientTransport({ command: process.execPath, args, stderr: "ignore" }));
  expect(namesOf((await client.listTools()).tools)).toHaveLength(11);
  const changed = new Promise<void>((resolve) => {
    client.setNotificationHandler("notifications/tools/list_changed", () => resolve());
  });
  await client.listen({ toolsListChanged: true });
  await client.callTool({ name: "tools", arguments: { enable: "graph" } });
  await changed;
  expect(namesOf((await client.listTools()).tools)).toHaveLength(20);
  await client.close();
});

test("with MEMORY_FILE_PATH, the tools of the reference server need no second page", async () => {
  await using connected = await app.connect([], { MEMORY_FILE_PATH: app.path("memory.json") });
  const { tools } = await connected.client.listTools();
  expect(namesOf(tools).slice(0, 9)).toEqual(namesOf(graphTools.map(({ listing }) => listing)));
  const read = await connected.client.callTool({ name: "read_graph", arguments: {} });
  expect(isObject(read.structuredContent)).toBe(true);
});
