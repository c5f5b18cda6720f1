/** `llmdb module`: storing, explaining, running and attaching modules from a shell. */
import { copyFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { open } from "../../index.js";
import { root } from "../sources.js";
import { jsonLines, llmdb, scratchFolder } from "./in-process.js";

const folder = scratchFolder();
const file = join(folder, "modules.llmdb");
const env = { LLMDB_FILE: file };
const built = (name: string) => join(root, "examples/modules/build", `${name}.wasm`);
const countKeys = built("count-keys");
const text = readFileSync(join(root, "examples/modules/count-keys.wat"), "utf8");

/** Whether the package that reads the text format is installed. */
function hasText(): boolean {
  try {
    createRequire(import.meta.url).resolve("wabt");
    return true;
  } catch {
    return false;
  }
}

beforeAll(async () => {
  const db = open(file);
  await db.transaction((tx) => {
    for (let i = 0; i < 300; i++) tx.map("notes").put(["note", i], `text ${i}`);
    for (let i = 0; i < 5; i++) tx.put(`key/${i}`, i);
  });
  await db.put("key/9", 9);
  await db.close();
  const put = await llmdb(["module", "put", countKeys, "--name", "count-keys", "--json"], { env });
  expect(put.code).toBe(0);
  const records = await llmdb(["module", "put", built("template-reduce-pages"), "--name", "records"], { env });
  expect(records.out).toMatch(/^records is [0-9a-f]{64}, with reduce_pages, reduce_merge, in transaction 4\n$/);
  expect((await llmdb(["module", "put", built("template-tx-hook"), "--name", "hook"], { env })).code).toBe(0);
  expect((await llmdb(["module", "put", built("template-custom-index"), "--name", "index"], { env })).code).toBe(0);
});

/** The numbers that are printed, a line each. */
function numbers(out: string): number[] {
  return out.trimEnd().split("\n").map(Number);
}

test("a module is listed, now and before it was there", async () => {
  const { out } = await llmdb(["module", "list"], { env });
  expect(out).toMatch(/^name +hash +bytes +calls +granted +tx +time/);
  expect(out).toMatch(/\ncount-keys +[0-9a-f]{12} +257 +map_pages +3 +20/);
  const json = jsonLines((await llmdb(["module", "list", "--json"], { env })).out);
  expect(json).toHaveLength(4);
  expect(json).toContainEqual(
    expect.objectContaining({ name: "count-keys", calls: ["map_pages"], capabilities: [], bytes: 257, revoked: false }),
  );
  expect((await llmdb(["module", "list", "--tx", "2"], { env })).out).toBe("");
});

test("put reads standard input, the same bytes are stored once, and a grant is a list", async () => {
  const copy = join(folder, "put.llmdb");
  await open(copy).close();
  const given = { env: { LLMDB_FILE: copy }, input: readFileSync(countKeys) };
  const first = JSON.parse((await llmdb(["module", "put", "-", "--json"], given)).out);
  expect(first).toMatchObject({ name: first.hash, tx: 1 });
  const again = JSON.parse((await llmdb(["module", "put", "-", "--grant", "log,clock", "--json"], given)).out);
  expect(again).toMatchObject({ hash: first.hash, capabilities: ["clock", "log"], tx: 2 });
  expect((await llmdb(["module", "put", "-", "--grant", "disk"], given)).code).toBe(2);
  const missing = await llmdb(["module", "put", join(folder, "none.wasm")], { env });
  expect([missing.code, missing.err]).toEqual([1, expect.stringContaining("there is no such file")]);
  const nowhere = await llmdb(["module", "put", countKeys], { env: { LLMDB_FILE: join(folder, "no.llmdb") } });
  expect(nowhere.code).toBe(1);
  expect(existsSync(join(folder, "no.llmdb"))).toBe(false);
});

test("a file is explained without a database, a stored module by its name and by its hash", async () => {
  const local = join(folder, "count-keys.wasm");
  copyFileSync(countKeys, local);
  const { code, out } = await llmdb(["module", "explain", local]);
  expect(code).toBe(0);
  expect(out).toMatch(/^accepted\nhash +[0-9a-f]{64}\ncalls +map_pages\nto be granted +nothing\n/);
  expect(out).toMatch(/\nmap_pages +function +\(i32, i32, i32, i32\) -> i32\n/);
  expect(out).toMatch(/\nfunction +name +body +locals +stack +fuel/);
  expect(out).toMatch(/\nmoduleBytes +4194304\n/);
  const json = JSON.parse((await llmdb(["module", "explain", "-", "--json"], { input: readFileSync(local) })).out);
  expect(json).toMatchObject({ accepted: true, calls: ["map_pages"], info: { imports: [] } });
  for (const module of ["count-keys", json.hash]) {
    const stored = await llmdb(["module", "explain", module, "--json"], { env });
    expect(JSON.parse(stored.out)).toEqual(json);
  }
  expect((await llmdb(["module", "explain", "nobody"], { env })).code).toBe(1);
  expect((await llmdb(["module", "explain", "count-keys"])).code).toBe(2);
});

test("a refused module says why, with exit code 1, and is not stored", async () => {
  const bad = join(folder, "bad.wasm");
  const bytes = readFileSync(countKeys);
  // The name of the export becomes another one.
  bytes.write("llmdb_abi_v9", bytes.indexOf("llmdb_abi_v1"));
  writeFileSync(bad, bytes);
  const { code, out } = await llmdb(["module", "explain", bad]);
  expect([code, out]).toEqual([1, expect.stringMatching(/^refused: .*llmdb_abi_v1/)]);
  const json = await llmdb(["module", "explain", bad, "--json"]);
  expect([json.code, JSON.parse(json.out)]).toMatchObject([1, { accepted: false, limits: { locals: 1024 } }]);
  const put = await llmdb(["module", "put", bad], { env });
  expect([put.code, put.err]).toEqual([1, expect.stringContaining("LLMDB_WASM_REFUSED")]);
  const cut = await llmdb(["module", "explain", "-"], { input: readFileSync(countKeys).subarray(0, 100) });
  expect([cut.code, cut.out]).toEqual([1, expect.stringMatching(/^refused: /)]);
});

test("a module runs over a map, a part of it, and the facts of a point", async () => {
  const sum = (list: number[]) => list.reduce((all, one) => all + one, 0);
  const all = await llmdb(["module", "run", "count-keys", "--map", "notes", "--output", "u32"], { env });
  expect([all.code, sum(numbers(all.out))]).toEqual([0, 300]);
  expect(all.err).toMatch(/^llmdb: \d+ fuel for \d+ pages with 300 records\n$/);
  const run = async (...args: string[]) => {
    const { code, out, err } = await llmdb(["module", "run", "records", "--output", "u64", ...args], { env });
    return code === 0 ? sum(numbers(out)) : err;
  };
  expect(await run("--map", "notes")).toBe(300);
  expect(await run("--map", "notes", "--workers", "0", "--pages-per-call", "3", "--floats", "fast")).toBe(300);
  expect(await run("--map", "notes", "--gte", '["note",100]', "--lt", '["note",110]')).toBe(10);
  expect(await run("--map", "notes", "--gt-prefix", '["note",100]', "--lte-prefix", '["note",110]')).toBe(10);
  expect(await run("--map", "notes", "--prefix", '["note"]', "--call", "reduce_pages")).toBe(300);
  expect(await run("--partition", "0", "--prefix", "key/")).toBe(6);
  expect(await run("--partition", "0", "--tx", "1")).toBe(5);
  expect(await run("--partition", "0", "--valid-at", "1999")).toBe(0);
  expect(await run("--partition", "7")).toBe(0);
});

test("what it gives out is printed as it is asked for", async () => {
  const run = async (...args: string[]) =>
    llmdb(["module", "run", "records", "--partition", "0", "--tx", "1", ...args], { env });
  expect((await run()).out).toBe("0500000000000000\n");
  expect((await run("--output", "raw")).out).toBe("\x05\0\0\0\0\0\0\0");
  expect((await run("--output", "base64")).out).toBe("BQAAAAAAAAA=\n");
  expect((await run("--output", "u32")).out).toBe("5\n0\n");
  expect((await run("--output", "i64")).out).toBe("5\n");
  expect((await run("--output", "f64")).out).toBe("2.5e-323\n");
  for (const flags of [["--json"], ["--output", "json"]]) {
    const json = JSON.parse((await run(...flags)).out);
    expect(json).toMatchObject({ call: "reduce_pages", value: { $bytes: "BQAAAAAAAAA=" }, pages: 1, records: 5 });
  }
  const raw = await llmdb(["module", "run", "count-keys", "--map", "notes", "--output", "raw"], { env });
  const hex = await llmdb(["module", "run", "count-keys", "--map", "notes"], { env });
  expect(hex.out.length).toBe(raw.out.length * 2 + 1);
  const terminal = await llmdb(["module", "run", "records", "--map", "notes", "--output", "raw"], { env, columns: 80 });
  expect([terminal.code, terminal.out]).toEqual([2, ""]);
});

test.each([
  ["no pages are named", ["records"], 2, "--map NAME"],
  ["both are named", ["records", "--map", "notes", "--partition", "0"], 2, "not both"],
  ["a past of a plain map", ["records", "--map", "notes", "--tx", "1"], 2, "no past"],
  ["two arguments", ["records", "--map", "notes", "--arg", "a", "--arg-hex", "00"], 2, "not both"],
  ["digits that are none", ["records", "--map", "notes", "--arg-hex", "0"], 2, "two hexadecimal digits"],
  ["too little memory", ["records", "--map", "notes", "--memory", "1"], 2, "memoryBytes"],
  ["no time", ["records", "--map", "notes", "--timeout", "0"], 2, "timeoutMs"],
  ["little fuel", ["records", "--map", "notes", "--fuel", "100"], 1, "LLMDB_WASM_FUEL"],
  ["a call that it does not have", ["records", "--map", "notes", "--call", "map_pages"], 1, "exports no"],
  ["a hook", ["hook", "--map", "notes"], 1, "LLMDB_WASM_REFUSED"],
  ["an unknown module", ["nobody", "--map", "notes"], 1, "LLMDB_NOT_FOUND"],
])("run refuses: %s", async (_what, args, code, why) => {
  const ended = await llmdb(["module", "run", ...args], { env });
  expect([ended.code, ended.out, ended.err]).toEqual([code, "", expect.stringContaining(why)]);
});

test("run and list work beside a writer, put does not", async () => {
  const writer = open(file);
  expect((await llmdb(["module", "run", "records", "--map", "notes", "--output", "u64"], { env })).out).toBe("300\n");
  expect((await llmdb(["module", "list", "--json"], { env })).code).toBe(0);
  const put = await llmdb(["module", "put", countKeys], { env });
  expect([put.code, put.err]).toEqual([1, expect.stringContaining("LLMDB_LOCKED")]);
  await writer.close();
});

test("a hook and an index are attached, listed, detached, and go when the module is revoked", async () => {
  const hook = ["hook", "notes", "--on", "tx_hook"];
  const grants = ["--writes", "more", "other", "--reads", "notes", "--fuel", "1000", "--timeout", "50"];
  const attached = await llmdb(["module", "attach", ...hook, ...grants, "--arg", "ä", "--memory", "131072"], { env });
  expect([attached.code, attached.out]).toEqual([0, expect.stringMatching(/^transaction \d+ at 20/)]);
  const index = ["index", "notes", "--on", "custom_index", "--name", "by-length"];
  expect(JSON.parse((await llmdb(["module", "attach", ...index, "--json"], { env })).out)).toMatchObject({ tx: 8 });
  const { out } = await llmdb(["module", "attachments"], { env });
  expect(out).toMatch(/^map +as +index +module +writes +reads +fuel +ms +tx +time\n/);
  expect(out).toMatch(/\nnotes +tx_hook +[0-9a-f]{12} +more, other +notes +1000 +50 +7 /);
  expect(jsonLines((await llmdb(["module", "attachments", "--json"], { env })).out)).toMatchObject([
    { on: "tx_hook", map: "notes", arg: { $bytes: "w6Q=" }, memoryBytes: 131072 },
    { on: "custom_index", name: "by-length" },
  ]);
  expect(jsonLines((await llmdb(["module", "attachments", "--tx", "7", "--json"], { env })).out)).toHaveLength(1);
  expect((await llmdb(["module", "detach", ...index], { env })).code).toBe(0);
  expect((await llmdb(["module", "detach", ...index], { env })).code).toBe(1);
  expect((await llmdb(["module", "attach", "hook", "notes"], { env })).code).toBe(2);
  expect((await llmdb(["module", "attach", "hook", "notes", "--on", "map_pages"], { env })).code).toBe(2);
  const revoked = await llmdb(["module", "revoke", "hook", "--json"], { env });
  expect(JSON.parse(revoked.out)).toMatchObject({ tx: 10 });
  expect((await llmdb(["module", "attachments"], { env })).out).toBe("");
  expect((await llmdb(["module", "list"], { env })).out).toMatch(/\nhook .* revoked\n/);
  expect((await llmdb(["module", "attach", ...hook], { env })).err).toContain("revoked");
});

test("help has the subcommands, and one that is unknown is bad usage", async () => {
  expect((await llmdb(["module", "--help"])).out).toMatch(/\n {2}attachments /);
  expect((await llmdb(["module", "run", "--help"])).out).toContain("Examples:\n  $ llmdb module run");
  expect((await llmdb(["module"])).code).toBe(2);
  expect((await llmdb(["module", "rum"])).err).toMatch(/^llmdb: unknown command/);
  expect((await llmdb(["module", "list", "--db", file])).code).toBe(0);
  expect((await llmdb(["module", "--db", file, "list"])).code).toBe(0);
  expect((await llmdb(["--db", file, "module", "list"])).code).toBe(0);
  for (const other of [["--read-only"], ["--scope", "team"]]) {
    expect((await llmdb(["mcp", "--allow-modules", ...other, "--db", file])).code).toBe(2);
  }
});

test.skipIf(!hasText())("a module as text is the same module", async () => {
  const ended = await llmdb(["module", "explain", "-", "--json"], { input: text });
  expect(JSON.parse(ended.out)).toMatchObject({ accepted: true, calls: ["map_pages"] });
  const wrong = await llmdb(["module", "explain", "-"], { input: "(module (func $f (resul i32)))" });
  expect([wrong.code, wrong.err]).toEqual([1, expect.stringContaining("its text is not valid")]);
});

test.skipIf(hasText())("without wabt, a module as text is refused with what to install", async () => {
  const { code, err } = await llmdb(["module", "explain", "-"], { input: text });
  expect([code, err]).toEqual([1, expect.stringMatching(/npm install wabt.*LLMDB_UNSUPPORTED/)]);
});

test("--modules bounds what modules may use in this process, or lets none run", async () => {
  const bounded = (bounds: string) =>
    llmdb(["module", "run", "count-keys", "--map", "notes", "--modules", bounds], { env });
  expect(await bounded("off")).toMatchObject({ code: 1, out: "", err: expect.stringContaining("modules: false") });
  expect((await bounded("maxFuel=10")).err).toContain("LLMDB_WASM_FUEL");
  expect((await bounded("maxTimeoutMs=60000,maxFuel=1000000000")).code).toBe(0);
  for (const wrong of ["on", "maxFuel", "maxFuel=1,maxFuel=2", "maxFuel=-1", "memory=3", ""]) {
    expect(await bounded(wrong), wrong).toMatchObject({
      code: 2,
      out: "",
      err: expect.stringContaining("Give off, or"),
    });
  }
});
