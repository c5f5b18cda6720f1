/** `stats`, `verify`, `compact`, `backup`: looking after a database. */
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { open } from "../../index.js";
import { llmdb, scratchFolder } from "./in-process.js";

const folder = scratchFolder();
const file = join(folder, "care.llmdb");
const env = { LLMDB_FILE: file };

beforeAll(async () => {
  const db = open(file);
  await db.transaction((tx) => {
    for (let i = 0; i < 300; i++) tx.map("notes").put(i, "text ".repeat(300));
    tx.put("k", 1);
  });
  await db.map("notes").clear({ lt: 290 });
  await db.close();
});

test("stats, for people and for programs", async () => {
  const { code, out } = await llmdb(["stats"], { env });
  expect(code).toBe(0);
  expect(out).toMatch(/^file {14}[\d.]+ [KM]iB\n/);
  expect(out).toMatch(/\nnotes +10 /);
  expect(JSON.parse((await llmdb(["stats", "--json"], { env })).out)).toMatchObject({
    lastTx: 2,
    maps: { notes: { entries: 10 } },
  });
});

test("compact says what it does and gave back, and the backup holds the same", async () => {
  const help = (await llmdb(["compact", "--help"])).out.replace(/\s+/g, " ");
  for (const said of ["in place", "half empty stay so", "backup FILE --compact", "as long as", "last transaction"]) {
    expect(help).toContain(said);
  }
  const other = join(folder, "other.llmdb");
  copyFileSync(file, other);
  const sizes = "[\\d.]+ [KM]iB before, [\\d.]+ KiB after";
  const advice = "pages that are half empty stay so; for the smallest file, use llmdb backup FILE --compact\n$";
  const said = (await llmdb(["compact", "--db", other])).out;
  expect(said).toMatch(new RegExp(`^${sizes}: moved pages into free space and gave [\\d.]+ [KM]iB back\n${advice}`));
  const { before, after } = JSON.parse((await llmdb(["compact", "--json"], { env })).out);
  expect(after).toBeLessThan(before);
  expect((await llmdb(["compact"], { env })).out).toMatch(new RegExp(`^${sizes}: nothing to give back\n${advice}`));
  // The two transactions of the test, and none of those that moved pages.
  expect((await llmdb(["stats"], { env })).out).toMatch(/\nlast transaction {2}2\n/);
  expect((await llmdb(["get", "k", "--tx", "3"], { env })).err).toContain("ask about the last, 2, or before");
  for (const flags of [[], ["--compact"]]) {
    const copy = join(folder, `copy${flags.length}.llmdb`);
    expect(await llmdb(["backup", copy, ...flags], { env })).toEqual({ code: 0, out: `copied to ${copy}\n`, err: "" });
    expect((await llmdb(["export", "--maps", "--db", copy])).out).toBe(
      (await llmdb(["export", "--maps"], { env })).out,
    );
    expect((await llmdb(["backup", copy], { env })).code).toBe(2);
  }
  expect((await llmdb(["backup", join(folder, "no/such/folder"), "--json"], { env })).code).toBe(1);
});

test("verify finds damage, and ends with exit code 1", async () => {
  expect((await llmdb(["verify"], { env })).out).toMatch(/^ok: \d+ pages, no problems\n$/);
  expect(JSON.parse((await llmdb(["verify", "--json"], { env })).out)).toMatchObject({ ok: true, problems: [] });
  const damaged = join(folder, "damaged.llmdb");
  const bytes = readFileSync(file);
  const at = bytes.lastIndexOf("text text");
  bytes[at] ^= 1;
  writeFileSync(damaged, bytes);
  const { code, out } = await llmdb(["verify", "--db", damaged]);
  expect([code, out]).toEqual([1, expect.stringMatching(/^problems: \d+\n {2}/)]);
  const json = await llmdb(["verify", "--db", damaged, "--json"]);
  expect([json.code, JSON.parse(json.out).ok]).toEqual([1, false]);
  const other = join(folder, "other.txt");
  writeFileSync(other, "this is no database\n".repeat(2000));
  for (const verb of ["verify", "stats"]) {
    const { code, err } = await llmdb([verb, "--db", other]);
    expect([code, err]).toEqual([1, expect.stringContaining("LLMDB_NOT_A_DATABASE")]);
  }
});

test("a file that was copied without its log is told by every command, and is a problem to verify", async () => {
  const source = join(folder, "open.llmdb");
  const copy = join(folder, "copied.llmdb");
  const writer = open(source);
  await writer.put("k", "old");
  await writer.checkpoint();
  await writer.put("k", "new");
  copyFileSync(source, copy);
  await writer.close();
  const get = await llmdb(["get", "k", "--db", copy]);
  expect([get.out, get.err]).toEqual([
    "old\n",
    expect.stringMatching(/^llmdb: warning: the log .*copied\.llmdb-wal is miss/),
  ]);
  const verify = await llmdb(["verify", "--db", copy]);
  expect([verify.code, verify.out]).toEqual([1, expect.stringMatching(/^problems: 1\n {2}the log /)]);
  const json = JSON.parse((await llmdb(["verify", "--db", copy, "--json"])).out);
  expect(json).toMatchObject({
    ok: false,
    logMissing: true,
    problems: [{ what: expect.stringContaining("older state") }],
  });
  expect((await llmdb(["stats", "--db", copy])).out).toContain("log               missing");
  expect(JSON.parse((await llmdb(["stats", "--db", copy, "--json"])).out).logMissing).toBe(true);
  expect((await llmdb(["put", "k", "next", "--db", copy])).err).toContain("warning");
  // Written again, it is a database of its own.
  expect(await llmdb(["verify", "--db", copy])).toMatchObject({ code: 0, err: "" });
  expect(await llmdb(["verify", "--db", source])).toMatchObject({ code: 0, err: "" });
});
