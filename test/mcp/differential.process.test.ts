/**
 * The same random calls to the reference server and to ours, through the same client: no result may differ.
 */
import { readFileSync } from "node:fs";
import { afterAll, expect, test } from "vitest";
import { formatServerMemory, parseServerMemory } from "../../server/mcp/server-memory-file.js";
import { seeds } from "../effort.js";
import { App, type Connected } from "./app.js";
import { type Call, randomCalls } from "./random-calls.js";

const CALLS_OF_A_SEED = 200;

const app = new App();
afterAll(() => app.remove());

test("the tools and the resources are listed as the reference server lists them", async () => {
  await using ours = await app.connect(["--db", app.path("list.llmdb"), "--tools", "compat"]);
  await using theirs = await app.connectReference(app.path("list.jsonl"));
  expect(await ours.client.listTools()).toEqual(await theirs.client.listTools());
  expect(await ours.client.listResources()).toEqual(await theirs.client.listResources());
  expect(await ours.client.listResourceTemplates()).toEqual(await theirs.client.listResourceTemplates());
  expect(ours.client.getServerCapabilities()).toEqual(theirs.client.getServerCapabilities());
});

test.each(seeds(1))("no result differs: seed %i", { timeout: 120_000 }, async (seed) => {
  const file = app.path(`${seed}.jsonl`);
  await using theirs = await app.connectReference(file);
  await using ours = await app.connect(["--db", app.path(`${seed}.llmdb`), "--tools", "compat"]);
  for (const [index, call] of randomCalls(seed, CALLS_OF_A_SEED).entries()) {
    const [their, our] = await Promise.all([resultOf(theirs, call), resultOf(ours, call)]);
    expect(our, `call ${index} of seed ${seed}: ${JSON.stringify(call)}`).toBe(their);
  }
  const [their, our] = await Promise.all([graphOf(theirs), graphOf(ours)]);
  expect(our).toBe(their);
  const { bad, ...graph } = parseServerMemory(readFileSync(file, "utf8"));
  expect(bad).toEqual([]);
  expect(formatServerMemory(graph)).toBe(readFileSync(file, "utf8"));
});

async function resultOf({ client }: Connected, call: Call): Promise<string> {
  try {
    return JSON.stringify(await client.callTool({ ...call }));
  } catch (error) {
    return String(error);
  }
}

async function graphOf({ client }: Connected): Promise<string> {
  const { contents } = await client.readResource({ uri: "memory://knowledge-graph" });
  return "text" in contents[0] ? contents[0].text : "";
}
