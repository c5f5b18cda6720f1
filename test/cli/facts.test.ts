/** `put`, `get`, `delete`, `history`: one key, on both axes. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { open } from "../../index.js";
import { jsonLines, llmdb, scratchFolder } from "./in-process.js";

const folder = scratchFolder();
const db = join(folder, "facts.llmdb");
const env = { LLMDB_FILE: db };

const NODE = ["put", "nodejs/16"];

test("a story is told, corrected, and asked about", async () => {
  const first = await llmdb(
    [...NODE, "security", "--valid-from", "2022-10-18", "--valid-to", "2024-04-30", ...at("2020")],
    {
      env,
    },
  );
  expect(first).toEqual({ code: 0, out: "transaction 1 at 2020-01-01\n", err: `llmdb: created ${db}\n` });
  const meta = ["--meta", '{"by":"catalogue"}'];
  const second = await llmdb(["delete", "nodejs/16", "--valid-from", "2023-09-11", ...meta, ...at("2022"), "--json"], {
    env,
  });
  expect(second).toEqual({ code: 0, out: '{"tx":2,"time":"2022-01-01T00:00:00Z"}\n', err: "" });
  const asked = ["get", "nodejs/16", "--valid-at", "2023-10-01"];
  expect(await llmdb(asked, { env })).toEqual({
    code: 1,
    out: "",
    err: "llmdb: nothing holds for nodejs/16 at this point (LLMDB_NOT_FOUND)\n",
  });
  expect((await llmdb([...asked, "--known-at", "2021"], { env })).out).toBe("security\n");
  expect((await llmdb([...asked, "--tx", "1"], { env })).out).toBe("security\n");
  expect(JSON.parse((await llmdb([...asked, "--tx", "1", "--json"], { env })).out)).toEqual({
    key: "nodejs/16",
    value: "security",
    validFrom: "2022-10-18T00:00:00Z",
    validTo: "2024-04-30T00:00:00Z",
    txFrom: 1,
    txTo: 2,
    knownFrom: "2020-01-01T00:00:00Z",
    knownTo: "2022-01-01T00:00:00Z",
    origin: 1,
  });
  expect((await llmdb(["history", "nodejs/16"], { env })).out).toBe(
    [
      "valid from  valid to    known from  known to    tx   value",
      "2022-10-18  2023-09-11  2022-01-01  open        2-   security",
      "2022-10-18  2024-04-30  2020-01-01  2022-01-01  1-2  security",
      "",
    ].join("\n"),
  );
  const lines = jsonLines((await llmdb(["history", "nodejs/16", "--limit", "1", "--json"], { env })).out);
  expect(lines).toMatchObject([{ txFrom: 2, txTo: null, knownTo: null }]);
});

function at(time: string): string[] {
  return ["--time", time];
}

test("keys and values are what they look like, or what is asked for", async () => {
  const file = join(folder, "kinds.llmdb");
  const run = (...args: string[]) => llmdb([...args, "--db", file]);
  await run("put", "text", "plain");
  await run("put", "42", "42");
  await run("put", '"42"', "4 2");
  await run("put", "43", "43", "--key-text", "--text");
  await run("put", '["a",null,{"$bytes":"AAE="}]', '{"at":{"$date":"2020-01-01T00:00:00.000Z"}}');
  await run("put", "12345678901234567890", '{"$bigint":"5"}');
  await run("put", "{a}", "null");
  await llmdb(["put", "stdin", "-", "--text", "--db", file], { input: "5\n" });
  await llmdb(["put", "other", "1", "--partition", "9", "--db", file]);
  const opened = open(file, { readOnly: true });
  expect([...opened.range()]).toEqual([
    [42, 42],
    [12345678901234567890n, 5n],
    ["42", "4 2"],
    ["43", "43"],
    ["stdin", "5"],
    ["text", "plain"],
    ["{a}", null],
    [["a", null, new Uint8Array([0, 1])], { at: new Date("2020-01-01") }],
  ]);
  expect(opened.partition(9).get("other")).toBe(1);
  await opened.close();
  expect((await run("get", "43", "--key-text")).out).toBe("43\n");
  expect((await run("get", "43")).code).toBe(1);
  expect((await run("get", "42", "--key-json")).out).toBe("42\n");
  expect((await run("get", "other", "--partition", "9")).out).toBe("1\n");
});

test("what makes no sense is exit code 2, and makes no database", async () => {
  const file = join(folder, "never.llmdb");
  const bad: string[][] = [
    ["put", "k", "v", "--valid-from", "2021", "--valid-to", "2020"],
    ["put", "k", "v", "--valid-from", "yesterday"],
    ["put", "k", "v", "--partition", "-1"],
    ["put", "k", "v", "--partition", "4294967296"],
    ["put", "{a}", "v", "--key-json"],
    ["put", "a", "v", "--key-json", "--key-text"],
    ["put", "k", '{"$bytes":"?"}'],
    ["put", "k"],
    ["put", "k", "v", "w"],
    ["put", "k", "v", "--nonsense"],
    ["get", "k", "--tx", "1", "--known-at", "2020"],
    ["get", "k", "--tx", "one"],
    ["history", "k", "--limit", "-5"],
    ["nonsense"],
    [],
  ];
  for (const args of bad) {
    const { code, out, err } = await llmdb(args, { env: { LLMDB_FILE: file } });
    expect([args, code, out]).toEqual([args, 2, ""]);
    expect(err).not.toMatch(/^\s+at /m);
  }
  expect(existsSync(file)).toBe(false);
  expect(await llmdb(["get", "k"])).toMatchObject({ code: 2, err: expect.stringContaining("LLMDB_FILE") });
});

test("what is not there is exit code 1", async () => {
  const file = join(folder, "missing.llmdb");
  for (const verb of ["get", "delete", "history"]) {
    const { code, err } = await llmdb([verb, "k", "--db", file]);
    expect([verb, code, err]).toEqual([verb, 1, expect.stringContaining("there is no database at")]);
  }
  expect(existsSync(file)).toBe(false);
  const nothing = await llmdb(["delete", "k"], { env });
  expect([nothing.code, nothing.err]).toEqual([1, expect.stringContaining("nothing was known")]);
  const json = await llmdb(["get", "k", "--known-at", "2999", "--json"], { env });
  expect([json.code, JSON.parse(json.out).error.code, json.err]).toEqual([1, "LLMDB_FUTURE_TX", ""]);
  expect((await llmdb(["history", "k"], { env })).code).toBe(1);
});

test("a database that somebody writes to can be read, and is locked for writing", async () => {
  const writer = open(db);
  expect((await llmdb(["get", "nodejs/16", "--valid-at", "2023"], { env })).out).toBe("security\n");
  const refused = await llmdb(["put", "k", "v"], { env });
  expect([refused.code, refused.err]).toEqual([1, expect.stringContaining("LLMDB_LOCKED")]);
  await writer.close();
});

test("--db may stand before the command", async () => {
  expect((await llmdb(["--db", db, "get", "nodejs/16", "--valid-at", "2023"])).out).toBe("security\n");
});

test("on a terminal nothing stored can send it commands, and colours can be turned off", async () => {
  const file = join(folder, "terminal.llmdb");
  await llmdb(["put", "k", "a\u001b[2Jb\nc", "--db", file]);
  const get = (...args: string[]) => llmdb(["get", "k", "--db", file, ...args], { columns: 60 });
  expect((await get()).out).toBe("a\\u001b[2Jb\nc\n");
  expect((await llmdb(["get", "k", "--db", file])).out).toBe("a\u001b[2Jb\nc\n");
  const history = (flags: string[], env = {}) => llmdb(["history", "k", "--db", file, ...flags], { columns: 60, env });
  const shown = await history([]);
  expect(shown.out).toContain("\u001b[1mvalid from");
  expect(shown.out.split("\n")[1]).toHaveLength(60);
  expect((await history(["--no-color"])).out).not.toContain("\u001b");
  expect((await history([], { NO_COLOR: "1" })).out).not.toContain("\u001b");
});
