/** The memory on the command line: remember, recall, forget, and the file of the reference memory server of MCP. */
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ownMemory } from "../../cli/own-memory.js";
import { llmdb, scratchFolder } from "./in-process.js";

const folder = scratchFolder();
const file = (name: string) => join(folder, name);

test("what was remembered is recalled, corrected, forgotten and erased", async () => {
  const db = ["--db", file("memory.llmdb"), "--json"];
  const ada = ["remember", "--subject", "Ada", "--predicate", "works for", ...db];
  expect(JSON.parse((await llmdb([...ada, "--object", "Acme", "--tag", "job", "work"])).out)).toEqual({
    id: "f1",
    tx: 1,
    outcome: "new",
    knownFrom: expect.any(String),
    replaced: [],
  });
  const corrected = JSON.parse((await llmdb([...ada, "--object", "Initech"])).out);
  expect(corrected.replaced).toEqual([
    { kind: "fact", subject: "Ada", predicate: "works for", object: "Acme", tags: ["job", "work"] },
  ]);
  const recall = async (...args: string[]) => {
    const { code, out } = await llmdb(["recall", "ada works", ...args, ...db]);
    return [code, ...JSON.parse(out).hits.map(({ text }: { text: string }) => text)];
  };
  expect(await recall()).toEqual([0, "Ada works for Initech"]);
  expect(await recall("--tx", "1")).toEqual([0, "Ada works for Acme #job #work"]);
  expect((await llmdb(["forget", "f1", ...db])).code).toBe(0);
  expect(await recall()).toEqual([1]);
  expect(await recall("--tx", "2")).toEqual([0, "Ada works for Initech"]);
  expect((await llmdb(["forget", "f1", "--erase", ...db])).code).toBe(0);
  expect(await recall("--tx", "2")).toEqual([1]);
});

test("what is said again is told as such", async () => {
  const db = ["--db", file("again.llmdb")];
  const ada = ["remember", "--subject", "Ada", "--predicate", "works for", "--object", "Acme", ...db];
  const told = async (...args: string[]) => (await llmdb([...ada, ...args])).out;
  const time = "[-0-9T:.]+Z";
  expect(await told()).toBe("f1 in transaction 1\n");
  expect(await told()).toMatch(new RegExp(`^f1 is unchanged: known since ${time}, transaction 1\n$`));
  expect(await told("--source", "mail")).toMatch(
    new RegExp(`^f1 in transaction 2, said again: known since ${time}\n$`),
  );
  const json = JSON.parse(await told("--source", "mail", "--json"));
  expect(json).toMatchObject({ tx: 2, outcome: "unchanged", replaced: [] });
  expect(await told("--source", "chat", "--json")).toContain(`"outcome":"again"`);
  expect((await llmdb(["recall", "ada", "--json", ...db])).out).toContain(`"validFrom":"${json.knownFrom}"`);
});

test.each([
  [["forget", "f9"], 1, "LLMDB_NOT_FOUND"],
  [["recall", ""], 2, "LLMDB_INVALID_ARGUMENT"],
  [["recall", "x".repeat(1e6)], 2, "LLMDB_INVALID_ARGUMENT"],
  [["recall", "x", "--scope", "../other"], 2, "LLMDB_INVALID_ARGUMENT"],
  [["remember"], 2, "LLMDB_INVALID_ARGUMENT"],
  [["remember", "x", "--scope", ""], 2, "LLMDB_INVALID_ARGUMENT"],
  [["remember", "x", "--valid-from", "2021", "--valid-to", "2020"], 2, "LLMDB_INVALID_ARGUMENT"],
  [["put", "known", "3"], 2, "LLMDB_INVALID_ARGUMENT"],
  [["delete", "known"], 2, "LLMDB_INVALID_ARGUMENT"],
])("%j is refused", async (args, code, error) => {
  const db = ["--db", file("refused.llmdb"), "--json"];
  await llmdb(["remember", "a text", "--id", "known", ...db]);
  const ended = await llmdb([...args, ...db]);
  expect([ended.code, JSON.parse(ended.out).error.code]).toEqual([code, error]);
});

test("the file of the reference server is imported, bad lines are named, and it is written again", async () => {
  const lines = [
    '{"type":"entity","name":"Ada","entityType":"person","observations":["likes tea","from Turin"]}',
    '{"type":"entity","name":"Acme","entityType":"firm","observations":[]}',
    '{"type":"relation","from":"Ada","to":"Acme","relationType":"works_for"}',
  ];
  writeFileSync(file("memory.jsonl"), [lines[0], "{not json", lines[1], lines[2], '{"type":"entity","na'].join("\n"));
  const db = ["--db", file("imported.llmdb"), "--format", "server-memory"];
  const imported = await llmdb(["import", file("memory.jsonl"), ...db, "--json"]);
  expect(imported.code).toBe(1);
  const { transactions, changes, problems } = JSON.parse(imported.out);
  expect([transactions, changes, problems.map(({ line }: { line: number }) => line)]).toEqual([1, 3, [2, 5]]);
  expect((await llmdb(["recall", "tea", "--db", file("imported.llmdb")])).out).toContain("Ada: likes tea");
  expect((await llmdb(["export", file("again.jsonl"), ...db])).code).toBe(0);
  expect(readFileSync(file("again.jsonl"), "utf8")).toBe(`${lines.join("\n")}\n`);
});

test("an export as jsonl says what it leaves out", async () => {
  await llmdb(["remember", "a text", "--db", file("noted.llmdb")]);
  const { out, err } = await llmdb(["export", "--db", file("noted.llmdb")]);
  expect(out).toContain("a text");
  expect(err).toContain("backup");
});

test("without a database named, the memory of the user is meant, by the commands of the memory alone", async () => {
  const env = { XDG_DATA_HOME: file("data") };
  const path = join(file("data"), "llmdb", "memory.llmdb");
  expect(await llmdb(["recall", "tea"], { env })).toMatchObject({ code: 1, err: expect.stringContaining(path) });
  expect((await llmdb(["remember", "Ada likes tea"], { env })).err).toBe(`llmdb: created ${path}\n`);
  expect((await llmdb(["recall", "tea"], { env })).out).toContain("Ada likes tea");
  expect(statSync(join(file("data"), "llmdb")).mode & 0o777).toBe(0o700);
  expect((await llmdb(["forget", "f1"], { env })).code).toBe(0);
  for (const args of [["put", "k", "v"], ["get", "k"], ["compact"]]) {
    expect(await llmdb(args, { env })).toMatchObject({ code: 2, err: expect.stringContaining("LLMDB_FILE") });
  }
  const named = { ...env, MEMORY_FILE_PATH: file("named.jsonl") };
  expect((await llmdb(["remember", "x"], { env: named })).err).toBe(`llmdb: created ${file("named.llmdb")}\n`);
});

test("the place of a user follows the system", () => {
  const home = { HOME: "/home/ada" };
  expect(ownMemory(home, "linux")).toBe("/home/ada/.local/share/llmdb/memory.llmdb");
  expect(ownMemory({ ...home, XDG_DATA_HOME: "relative" }, "linux")).toBe("/home/ada/.local/share/llmdb/memory.llmdb");
  expect(ownMemory({ ...home, XDG_DATA_HOME: "/data" }, "linux")).toBe("/data/llmdb/memory.llmdb");
  expect(ownMemory(home, "darwin")).toBe("/home/ada/Library/Application Support/llmdb/memory.llmdb");
  expect(ownMemory({ LOCALAPPDATA: "/local" }, "win32")).toBe("/local/llmdb/memory.llmdb");
});
