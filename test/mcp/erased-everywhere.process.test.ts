/**
 * What is erased is nowhere, through whichever face it was said and erased: no word of it in any byte of any file once
 * the database is closed, in this version or the ones before, in scopes, and in the replies that are kept.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { writingOperations } from "../../cli/writing/index.js";
import { open, openMemory } from "../../index.js";
import { Memory } from "../../memory/index.js";
import { REPLIES } from "../../memory/maps.js";
import { openService } from "../../server/mcp/open-service.js";
import { type Callable, MemoryService } from "../../server/mcp/service.js";
import { Replies } from "../../server/sharing/replies.js";
import { llmdb } from "../cli/in-process.js";

const folder = mkdtempSync(join(tmpdir(), "llmdb-erased-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Each is in another part of a record. */
const WORDS = [
  "canaryid",
  "canarysubject",
  "canarypredicate",
  "canaryobject",
  "canarytext",
  "canarytag",
  "canarysource",
  "canarywhy",
];
const SCOPE = "canaryscope";
const ENTITY_WORDS = ["canaryname", "canarytype", "canaryobservation", "canaryadded"];

/** The words that are in a file of the folder. */
function found(name: string, words: readonly string[]): string[] {
  const files = readdirSync(folder, { withFileTypes: true }).filter((file) => file.isFile());
  const own = files.filter((file) => file.name.startsWith(name));
  const text = own.map((file) => readFileSync(join(folder, file.name)).toString("latin1").toLowerCase()).join();
  return words.filter((word) => text.includes(word));
}

/** Says the words, and something else after them. */
async function say(service: Callable, scope?: string): Promise<void> {
  const from = scope === undefined ? {} : { scope };
  const fact = { id: "canaryid", subject: "canarysubject", predicate: "canarypredicate" };
  const more = { object: ["canaryobject", 12345678901234567890n], text: "canarytext is ill" };
  const said = { ...fact, ...more, tags: ["canarytag"], source: "canarysource", why: "canarywhy" };
  await service.call("remember", { ...from, arguments: said });
  await service.call("remember", { ...from, arguments: { id: "canaryid", text: "something else" } });
  const entity = { name: "canaryname", entityType: "canarytype", observations: ["canaryobservation"] };
  await service.call("create_entities", { ...from, arguments: { entities: [entity] } });
  const added = { entityName: "canaryname", contents: ["canaryadded"] };
  await service.call("add_observations", { ...from, arguments: { observations: [added] } });
}

async function erase(service: Callable, scope?: string): Promise<void> {
  const from = scope === undefined ? {} : { scope };
  const found = await service.call("recall", { ...from, arguments: { query: "canaryname", kinds: ["entity"] } });
  const [{ id: entity }] = Reflect.get(Object(found), "hits");
  for (const id of ["canaryid", entity]) await service.call("forget", { ...from, arguments: { id, erase: true } });
}

const serve = (path: string) =>
  openService({ path, readOnly: false, operations: async () => writingOperations, log: () => {} }, () => {});

test.each([
  ["the process that has the database", 0, undefined],
  ["a guest of it", 1, undefined],
  ["a guest, in a scope", 1, `team/${SCOPE}`],
])("erased through %s", async (what, index, scope) => {
  const name = what.replaceAll(" ", "-");
  const path = join(folder, name);
  const [holder, guest] = [await serve(path), await serve(path)];
  await holder.call("remember", { arguments: { id: "other", text: "stays" } });
  for (const service of [holder, guest]) await service.call("status", {});
  await say([holder, guest][index], scope);
  const words = [...WORDS, ...ENTITY_WORDS, ...(scope === undefined ? [] : [SCOPE])];
  expect(found(name, words)).toEqual(words);
  await erase([guest, holder][index], scope);
  await guest.close();
  await holder.close();
  expect(found(name, words)).toEqual([]);
  await using db = open(path);
  expect(new Memory(db).get("other")).toMatchObject({ value: { text: "stays" } });
  expect(db.verify().problems).toEqual([]);
});

test("erased by the library, alone, of what a server's replies hold", async () => {
  const name = "library";
  const path = join(folder, name);
  const service = await serve(path);
  await say(service);
  await service.close();
  expect(found(name, WORDS)).toEqual(WORDS);
  const memory = new Memory(open(path));
  await memory.forget("canaryid", { erase: true });
  await memory.forget("e2", { erase: true });
  await memory.db.checkpoint();
  expect(found(name, [...WORDS, ...ENTITY_WORDS])).toEqual([]);
  await memory.db.close();
});

test("a conversation, erased by the library in its scope", async () => {
  const name = "conversation";
  const memory = new Memory(open(join(folder, name)), { scope: `people/${SCOPE}` });
  const words = ["canarysession", "canaryrole", "canarytext", "canarywhy", SCOPE];
  const ids: string[] = [];
  for (const [i, meta] of [{ why: "canarywhy" }, {}, { by: "tool" }].entries()) {
    ids.push(await memory.addTurn("canarysession", { role: "canaryrole", text: `canarytext ${i}` }, { meta }));
  }
  await memory.db.checkpoint();
  expect(found(name, words)).toEqual(words);
  for (const id of ids) await memory.forget(id, { erase: true });
  await memory.db.checkpoint();
  expect(found(name, words)).toEqual([]);
  expect(memory.db.verify().problems).toEqual([]);
  await memory.db.close();
});

test.each([false, true])("erased by the command; alongside a server: %s", async (isShared) => {
  const name = `command-${isShared}`;
  const path = join(folder, name);
  const service = isShared ? await serve(path) : undefined;
  const fact = ["remember", "canarytext is ill", "--subject", "canarysubject", "--predicate", "canarypredicate"];
  const about = ["--object", '"canaryobject"', "--tag", "canarytag", "--source", "canarysource", "--id", "canaryid"];
  const why = ["--meta", '{"why":"canarywhy"}'];
  expect(await llmdb([...fact, ...about, ...why, "--db", path])).toMatchObject({ code: 0 });
  expect(await llmdb(["remember", "something else", "--id", "canaryid", "--db", path])).toMatchObject({ code: 0 });
  expect(found(name, WORDS)).toEqual(WORDS);
  expect(await llmdb(["forget", "canaryid", "--erase", "--db", path])).toMatchObject({ code: 0 });
  await service?.close();
  expect(found(name, WORDS)).toEqual([]);
});

test("what was asked before an erasure is refused, not done again; the erasure itself is answered", async () => {
  const db = openMemory();
  const service = new MemoryService(db, { replies: new Replies() });
  let number = 0;
  const id = () => ({ caller: "0".repeat(32), number: ++number, madeAt: Date.now() });
  const [said, erased, later] = [id(), id(), id()];
  const remember = { arguments: { id: "canaryid", text: "canarytext" } };
  const forget = { arguments: { id: "canaryid", erase: true } };
  await service.call("remember", remember, said);
  const reply = await service.call("forget", forget, erased);
  await expect(service.call("remember", remember, said)).rejects.toMatchObject({
    code: "LLMDB_COMMIT_UNKNOWN",
    message: expect.stringMatching(/was done, and its reply was erased/),
  });
  expect(await service.call("forget", forget, erased)).toEqual(reply);
  await service.call("remember", { arguments: { id: "later", text: "more" } }, later);
  expect(JSON.stringify([...db.map(REPLIES).range()])).not.toContain("canary");
  await service.close();
});
