/** The memory's own tools, without a process between: what they return, what they refuse, and their budget. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { openMemory } from "../../index.js";
import { countTokens } from "../../memory/tokens.js";
import { memoryTools } from "../../server/mcp/memory-tools.js";
import { isObject, type JsonObject } from "../../server/mcp/schema.js";
import { MemoryService } from "../../server/mcp/service.js";
import { original, storable } from "../../server/mcp/surrogates.js";
import { timeText } from "../../server/mcp/time-text.js";
import { Replies } from "../../server/sharing/replies.js";
import { effort } from "../effort.js";
import { listingsOf, outputCheck, toolsOf } from "./tool-set.js";

const tools = toolsOf("all");
const validators = new Map(memoryTools.map((tool) => [tool.listing.name, outputCheck(tool)]));

class Session {
  readonly service = new MemoryService(openMemory(), { replies: new Replies() });

  async call(name: string, args?: unknown, scope?: string) {
    const result = await tools.call(this.service, name, args, { client: "test", ...(scope && { scope }) });
    const [{ text }] = result.content;
    if (result.isError !== true && validators.has(name)) {
      expect(result.structuredContent).toEqual(JSON.parse(text));
      expect(validators.get(name)?.(result.structuredContent), text).toBe(true);
    }
    return { ...result, text };
  }

  /** The structured content of a call that must succeed. */
  async done(name: string, args?: unknown, scope?: string): Promise<JsonObject> {
    const { structuredContent, text } = await this.call(name, args, scope);
    if (structuredContent === undefined) throw new Error(text);
    return structuredContent;
  }

  async refused(name: string, args?: unknown, scope?: string): Promise<string> {
    const { isError, text } = await this.call(name, args, scope);
    expect(isError).toBe(true);
    return text;
  }
}

function listIn(reply: JsonObject, name: string): JsonObject[] {
  const list = reply[name];
  if (!Array.isArray(list)) throw new Error(`${name} is no list`);
  return list.filter(isObject);
}

const job = { subject: "Ada", predicate: "works for" };

test("what is said again is told as such, and keeps since when it holds and is known", async () => {
  const session = new Session();
  const first = await session.done("remember", { ...job, object: "Acme", source: "chat" });
  expect(first.outcome).toBe("new");
  const again = await session.done("remember", { ...job, object: "Acme", source: "chat" });
  expect(again).toEqual({ ...first, outcome: "unchanged" });
  const mail = await session.done("remember", { ...job, object: "Acme", source: "mail" });
  expect(mail).toMatchObject({ outcome: "again", knownFrom: first.knownFrom, replaced: [{ source: "chat" }] });
  const { record } = await session.done("get", { id: first.id });
  expect(record).toMatchObject({ source: "mail", validFrom: first.knownFrom, firstKnown: first.knownFrom });
  const other = await session.done("remember", { ...job, object: "Initech" });
  expect(other.outcome).toBe("corrected");
});

test("a fact is corrected, explained, undone and forgotten, and its past stays", async () => {
  const session = new Session();
  const first = await session.done("remember", { ...job, object: "Acme", source: "chat", validFrom: "2020" });
  const second = await session.done("remember", { ...job, object: "Initech", validFrom: "2021", why: "a new job" });
  expect(second).toMatchObject({ id: first.id, replaced: [{ kind: "fact", ...job, object: "Acme", source: "chat" }] });
  const { id } = first;
  const then = await session.done("get", { id, validAt: "2020-06-01" });
  expect(then.record).toMatchObject({ object: "Acme", validTo: "2021-01-01T00:00:00.000Z" });
  expect((await session.done("get", { id, tx: first.tx })).record).toMatchObject({ object: "Acme" });
  const why = await session.done("explain", { id });
  expect(why.transaction).toMatchObject({ meta: { tool: "remember", client: "test", why: "a new job" } });
  expect(listIn(why, "replaced")).toMatchObject([{ object: "Acme" }]);
  const undone = await session.done("undo", { tx: second.tx });
  expect(undone).toMatchObject({ undone: second.tx, restored: [id] });
  expect((await session.done("get", { id })).record).toMatchObject({ object: "Acme" });
  await session.done("forget", { id });
  expect(await session.refused("get", { id })).toContain("LLMDB_NOT_FOUND: nothing is believed");
  expect(Number((await session.done("history", { id })).count)).toBeGreaterThan(2);
  expect((await session.done("recall", { query: "Ada" })).hits).toEqual([]);
  expect(listIn(await session.done("recall", { query: "Ada", tx: second.tx }), "hits")).toMatchObject([{ id }]);
  const log = listIn(await session.done("transactions"), "transactions");
  expect(log.map(({ tx }) => tx)).toEqual([4, 3, 2, 1]);
  const changes = listIn(await session.done("diff", { from: { tx: 0 }, to: { tx: 1 } }), "changes");
  expect(changes).toMatchObject([{ id, after: { object: "Acme" } }]);
  expect(await session.done("status")).toMatchObject({ records: { fact: 0, entity: 0, relation: 0, turn: 0 } });
});

test.each<[string, string, unknown, RegExp]>([
  ["a scope that climbs", "recall", { query: "a", scope: "a/../.." }, /LLMDB_INVALID_ARGUMENT: the scope .*may not/],
  ["an empty scope", "recall", { query: "a", scope: "" }, /a scope is a path/],
  ["a scope with NUL", "remember", { text: "a", scope: "a\0b" }, /a character that no scope may have/],
  ["an empty query", "recall", { query: "" }, /Too small: expected string to have >=1 characters at query/],
  ["a query of spaces", "recall", { query: "  " }, /at least one word/],
  ["a query of a megabyte", "recall", { query: "x".repeat(1 << 20) }, /<=10000 characters, not 1048576 at query/],
  ["a negative limit", "recall", { query: "a", limit: -1 }, /Too small: expected number to be >=1 at limit/],
  ["a limit with a fraction", "history", { id: "f1", limit: 1.5 }, /expected a whole number, received number at limit/],
  ["an end before the beginning", "remember", { text: "a", validFrom: "2021", validTo: "2020" }, /INVALID_ARGUMENT/],
  ["a time that is none", "remember", { text: "a", validFrom: "soon" }, /LLMDB_INVALID_ARGUMENT.*validFrom/],
  ["nothing said", "remember", {}, /a fact says something/],
  ["an unknown id", "get", { id: "f999" }, /LLMDB_NOT_FOUND: there is no record \\?"f999/],
  ["an unknown id's history", "history", { id: "nobody" }, /LLMDB_NOT_FOUND/],
  ["an unknown id to explain", "explain", { id: "nobody" }, /LLMDB_NOT_FOUND/],
  ["an unknown id to forget", "forget", { id: "nobody" }, /LLMDB_NOT_FOUND/],
  ["an unknown transaction", "undo", { tx: 99 }, /LLMDB_NOT_FOUND/],
  ["a transaction to come", "get", { id: "f1", tx: 99 }, /LLMDB_(FUTURE_TX|NOT_FOUND)/],
  ["a cursor that is none", "recall", { query: "a", cursor: "zzz" }, /cursor is what the page before of recall/],
  ["a cursor of another tool", "diff", { from: {}, cursor: "WyJyZWNhbGwiLDFd" }, /cursor is what the page/],
  ["an argument that is misspelled", "recall", { query: "a", knowAt: "2020" }, /Unrecognized key: "knowAt"/],
  ["a budget below the least", "recall", { query: "a", maxTokens: 10 }, />=100 at maxTokens/],
  ["no arguments", "get", undefined, /expected string, received nothing at id/],
  ["an unknown tool", "rember", {}, /Tool rember not found/],
])("refused: %s", async (_what, name, args, message) => {
  const text = await new Session().refused(name, args);
  expect(text).toMatch(message);
  expect(countTokens(text)).toBeLessThan(4000);
});

test("a scope is a wall for tools of both kinds", async () => {
  const session = new Session();
  const entity = { name: "Ada", entityType: "person", observations: [] };
  const { id } = await session.done("remember", { text: "a secret of team one" }, "one");
  await session.done("create_entities", { entities: [entity] }, "one");
  expect((await session.done("recall", { query: "secret" }, "two")).hits).toEqual([]);
  expect(await session.refused("get", { id }, "two")).toContain("LLMDB_NOT_FOUND");
  expect(await session.refused("forget", { id }, "two")).toContain("LLMDB_NOT_FOUND");
  expect(await session.done("read_graph", {}, "two")).toEqual({ entities: [], relations: [] });
  expect(await session.done("read_graph", {}, "one")).toEqual({ entities: [entity], relations: [] });
  expect((await session.done("transactions", {}, "two")).transactions).toEqual([]);
});

test("no reply is above its budget, whatever it is about", async () => {
  const session = new Session();
  const long = "日本語 word ".repeat(20_000);
  for (let i = 0; i < 30; i++)
    await session.done("remember", { id: `note/${i}`, text: `word ${i} ${long.slice(0, i * 90)}` });
  const big = { name: "Big", entityType: "word", observations: Array.from({ length: 500 }, (_, i) => `word ${i}`) };
  await session.done("create_entities", { entities: [big] });
  await session.done("remember", { id: "huge", text: long });
  await session.done("remember", { id: "huge", object: { [long]: [long, { a: long }] }, tags: ["t".repeat(100)] });
  const calls: [string, JsonObject][] = [
    ["recall", { query: "word", limit: 100 }],
    ["get", { id: "huge" }],
    ["get", { id: "huge", tx: 32 }],
    ["get", { id: "e31" }],
    ["history", { id: "huge" }],
    ["diff", { from: { tx: 0 } }],
    ["explain", { id: "huge" }],
    ["transactions", {}],
    ["status", {}],
    ["remember", { id: "huge", text: "short again" }],
  ];
  for (const maxTokens of [100, 137, 300, 1000, undefined, 20_000]) {
    for (const [name, args] of calls) {
      const { text } = await session.call(name, { ...args, ...(maxTokens && { maxTokens }) });
      expect(countTokens(text), `${name} ${maxTokens}`).toBeLessThanOrEqual(maxTokens ?? 4000);
    }
  }
  expect((await session.done("get", { id: "huge", tx: 32 })).record).toMatchObject({
    text: expect.stringContaining("… [cut: "),
  });
});

test("pages that follow their cursors show one state, each item once", async () => {
  const session = new Session();
  for (let i = 0; i < 40; i++) await session.done("remember", { id: `note/${i}`, text: `a word and number ${i}` });
  await session.done("forget", { id: "note/3" });
  const lists: [string, string, JsonObject, number][] = [
    ["recall", "hits", { query: "word", limit: 7 }, 39],
    ["recall", "hits", { query: "word", limit: 100, maxTokens: 300 }, 39],
    ["diff", "changes", { from: { tx: 0 }, limit: 6 }, 39],
    ["diff", "changes", { from: { tx: 0 }, maxTokens: 300 }, 39],
    ["history", "versions", { id: "note/3", limit: 1 }, 1],
    ["transactions", "transactions", { limit: 9 }, 41],
    ["transactions", "transactions", { oldestFirst: true, maxTokens: 200 }, 41],
  ];
  for (const [name, list, args, count] of lists) {
    const seen: unknown[] = [];
    let cursor: unknown;
    do {
      const page = await session.done(name, { ...args, ...(cursor === undefined ? {} : { cursor }) });
      seen.push(
        ...listIn(page, list).map((item) => (name === "transactions" || name === "history" ? item.tx : item.id)),
      );
      cursor = page.cursor;
      if (name === "recall" || name === "diff")
        await session.done("remember", { id: "later", text: `a word ${seen.length}` });
    } while (cursor !== undefined);
    expect(new Set(seen).size, name).toBe(seen.length);
    if (name === "recall" || name === "diff") await session.done("forget", { id: "later", erase: true });
    else expect(seen.length).toBeGreaterThanOrEqual(count);
    if (name !== "transactions") expect(seen.length, name).toBe(count);
  }
});

test("a request that comes again is answered and not done again", async () => {
  const { service } = new Session();
  const args = { arguments: { text: "once", many: true } };
  const id = { caller: "0".repeat(32), number: 1, madeAt: Date.now() };
  const first = await service.call("remember", args, id);
  expect(await service.call("remember", args, id)).toEqual(first);
  expect(await service.call("history", { arguments: { id: "f1" } })).toMatchObject({ count: 1 });
});

test("a text that is no Unicode is kept and found", async () => {
  const session = new Session();
  const { id } = await session.done("remember", {
    id: "odd",
    text: "half \ud83d of a pair",
    object: ["\udc00", "\u{10D7FF}"],
  });
  expect((await session.done("get", { id })).record).toMatchObject({
    text: "half \ud83d of a pair",
    object: ["\udc00", "\u{10D7FF}"],
  });
});

test("what is made storable is Unicode, and comes back", () => {
  const text = fc
    .array(fc.constantFrom("a", "\ud83d", "\ude00", "😀", "\u{10D7FF}", "\u{10D83D}", "\u{10DFFF}"))
    .map((all) => all.join(""));
  fc.assert(
    fc.property(fc.oneof(text, fc.string({ unit: "binary" })), (given) => {
      const kept = String(storable(given));
      expect(/\p{Cs}/u.test(kept)).toBe(false);
      expect(original(kept)).toBe(given);
    }),
    { numRuns: effort(150) },
  );
});

test("a time as text means the same microsecond", () => {
  expect(timeText(0)).toBe("1970-01-01T00:00:00.000Z");
  expect(timeText(0.001)).toBe("1970-01-01T00:00:00.000001Z");
  expect(timeText(-0.001)).toBe("1969-12-31T23:59:59.999999Z");
  expect(timeText(999.9996)).toBe("1970-01-01T00:00:01.000Z");
  expect(timeText(Number.POSITIVE_INFINITY)).toBeUndefined();
});

test("for reading only, tools that write are neither shown nor done", async () => {
  const reading = toolsOf("all", { readOnly: true });
  expect(listingsOf("all", { readOnly: true }).every(({ annotations }) => annotations.readOnlyHint)).toBe(true);
  const { service } = new Session();
  expect(await reading.call(service, "remember", { text: "a" }, {})).toMatchObject({ isError: true });
  expect(await reading.call(service, "delete_entities", { entityNames: [] }, {})).toMatchObject({ isError: true });
});
