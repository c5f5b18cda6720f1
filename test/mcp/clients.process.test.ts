/** Real clients of both SDKs on one server: the revision of 2026-07-28 and the older handshake. */
import { Client, ResourceNotFoundError } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { afterAll, expect, test } from "vitest";
import { App } from "./app.js";

const app = new App();
afterAll(() => app.remove());

const GRAPH = "memory://knowledge-graph";

/** A client of the newer SDK. */
async function connectNew(name: string, mode: "auto" | "legacy"): Promise<Client> {
  const client = new Client({ name: "test", version: "1" }, { versionNegotiation: { mode } });
  const args = [app.program, "mcp", "--db", app.path(name), "--tools", "all"];
  await client.connect(new StdioClientTransport({ command: process.execPath, args, stderr: "ignore" }));
  return client;
}

test.each([
  ["auto", "2026-07-28"],
  ["legacy", "2025-11-25"],
] as const)("a client of the newer SDK, %s", async (mode, version) => {
  const client = await connectNew(`${mode}.llmdb`, mode);
  expect(client.getNegotiatedProtocolVersion()).toBe(version);
  const { tools } = await client.listTools();
  expect(tools).toHaveLength(21);
  for (const { inputSchema, outputSchema, annotations } of tools) {
    expect(inputSchema.type).toBe("object");
    expect(outputSchema?.type).toBe("object");
    expect(annotations).toBeDefined();
  }
  const entity = { name: "Ada", entityType: "person", observations: ["counts"] };
  const made = await client.callTool({ name: "create_entities", arguments: { entities: [entity] } });
  expect(made.structuredContent).toEqual({ entities: [entity] });
  const found = await client.callTool({ name: "recall", arguments: { query: "Ada" } });
  expect(found.structuredContent).toMatchObject({ hits: [{ kind: "entity" }] });
  const missing = await client.callTool({ name: "get", arguments: { id: "f77" } });
  expect(missing).toMatchObject({ isError: true });
  const { contents } = await client.readResource({ uri: GRAPH });
  expect(contents[0]).toMatchObject({ text: JSON.stringify({ entities: [entity], relations: [] }, null, 2) });
  const { resourceTemplates } = await client.listResourceTemplates();
  expect(resourceTemplates).toHaveLength(2);
  const { contents: why } = await client.readResource({ uri: "memory://record/e1" });
  expect(JSON.parse("text" in why[0] ? why[0].text : "")).toMatchObject({ record: { id: "e1" }, versions: 1 });
  const { prompts } = await client.listPrompts();
  expect(prompts).toHaveLength(3);
  for (const { name } of prompts) {
    const given = { question: "Where?", since: "2026-01-01" };
    const { messages } = await client.getPrompt({ name, arguments: given });
    expect(messages).toHaveLength(1);
  }
  await expect(client.getPrompt({ name: "none" })).rejects.toThrow(/not found/);
  for (const uri of [
    "memory://none",
    "memory://record/f77",
    "memory://record/f77/history",
    "memory://record/%E0%A4%A",
  ]) {
    await expect(client.readResource({ uri })).rejects.toSatisfy((thrown) => thrown instanceof ResourceNotFoundError);
    await expect(client.readResource({ uri })).rejects.toMatchObject({ data: { uri } });
  }
  await client.close();
});

test("a client of the newer revision is named with what it writes, and told of changes", async () => {
  const client = await connectNew("listen.llmdb", "auto");
  const told = new Promise<string>((resolve) => {
    client.setNotificationHandler("notifications/resources/updated", ({ params }) => resolve(params.uri));
  });
  await client.listen({ resourceSubscriptions: [GRAPH] });
  const entity = { name: "Ada", entityType: "person", observations: [] };
  await client.callTool({ name: "create_entities", arguments: { entities: [entity] } });
  expect(await told).toBe(GRAPH);
  const why = await client.callTool({ name: "explain", arguments: { id: "e1" } });
  expect(why.structuredContent).toMatchObject({ transaction: { meta: { tool: "create_entities", client: "test" } } });
  await client.close();
});

test("a client of the older SDK", async () => {
  await using connected = await app.connect(["--db", app.path("old.llmdb"), "--scope", "team/ada"]);
  const { client } = connected;
  expect(client.getServerVersion()?.name).toBe("llmdb");
  expect((await client.listTools()).tools).toHaveLength(4);
  const told = await client.callTool({ name: "remember", arguments: { text: "the build is green" } });
  expect(told.structuredContent).toMatchObject({ id: "f1", tx: 1, replaced: [] });
  const status = await client.callTool({ name: "status", arguments: {} });
  expect(status.structuredContent).toMatchObject({ scope: "team/ada", records: { fact: 1 } });
  expect((await client.listPrompts()).prompts).toHaveLength(3);
  // The revisions of 2025 have a code of their own for what is not there.
  const uri = "memory://record/f77";
  await expect(client.readResource({ uri })).rejects.toMatchObject({ code: -32002, data: { uri } });
});
