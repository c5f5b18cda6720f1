/**
 * The import of recorded support windows into a memory, judged by the files themselves and by the importer of the raw
 * store: what is supported on a day, as known on another, is the same from all three.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { importSoftwareSupport, type SupportLines } from "../../cli/formats/software-support.js";
import { parseStatement } from "../../cli/formats/support-statement.js";
import { openMemory } from "../../index.js";
import { Memory } from "../../memory/index.js";
import { Random } from "../harness/random.js";
import { root } from "../sources.js";
import { importStatements, readStatements } from "../temporal/software-support.js";

const folder = join(root, "examples", "data", "software-support");
const options = { clock: () => Date.parse("2026-09-01") };
const DAY = 86_400_000;

const files: SupportLines[] = readdirSync(folder)
  .filter((name) => name.endsWith(".jsonl"))
  .map((name) => ({ name, lines: readFileSync(join(folder, name), "utf8").split("\n") }));

function line(fields: object): string {
  const known = { releaseDate: "2020-01-01", eol: "2024-01-01", support: null, lts: null, latest: null };
  const what = { recordedAt: "2021-01-01T00:00:00Z", product: "nodejs", cycle: "16", op: "assert" };
  return JSON.stringify({ ...what, ...known, ...fields });
}

async function imported(...lines: string[]) {
  const memory = new Memory(openMemory(options));
  const report = await importSoftwareSupport(memory, [{ name: "lines", lines }]);
  return { memory, report };
}

describe("all ten files", async () => {
  const db = openMemory(options);
  const memory = new Memory(db);
  const progress: number[] = [];
  const report = await importSoftwareSupport(memory, files, {
    onProgress: ({ statements, of }) => void progress.push(statements / of),
  });
  const raw = openMemory(options);
  importStatements(raw, readStatements(folder));
  afterAll(() => {
    db.closeSync();
    raw.closeSync();
  });

  test("every statement is imported, each instant as a transaction", () => {
    expect(report).toEqual({ statements: 2138, transactions: 781, bad: [] });
    expect(progress).toHaveLength(781);
    expect(progress.at(-1)).toBe(1);
    expect([...progress].sort((a, b) => a - b)).toEqual(progress);
    expect(db.verify().ok).toBe(true);
  });

  test("what is supported is what the raw store says, at 2,000 points of both times", () => {
    const random = new Random(5);
    const products = files.map(({ name }) => name.replace(".jsonl", ""));
    for (let i = 0; i < 2000; i++) {
      const product = products[random.below(products.length)];
      const at = {
        validAt: Date.parse("2017-01-01") + random.below(4500) * DAY,
        knownAt: Date.parse("2019-06-01") + random.below(2600) * DAY,
      };
      const facts = [...db.range({ prefix: `${product}/` }, at)].map(([key]) => String(key).slice(product.length + 1));
      const expected = [...raw.range({ prefix: [product, "supported"] }, at)].map(([key]) =>
        Array.isArray(key) ? key[2] : undefined,
      );
      expect([product, at, facts.sort()]).toEqual([product, at, expected.sort()]);
    }
  });

  test("the end of life of Node.js 16 is found as it was known", () => {
    const ask = (at: object) => memory.recall("node 16 end of life", { ...at, validity: "any", limit: 1 }).hits[0];
    expect(ask({ knownAt: "2021-06-01" })).toMatchObject({
      record: { id: "nodejs/16", value: { subject: "Node.js 16", object: { eol: "2024-04-30", latest: "16.2.0" } } },
    });
    expect(ask({}).record.value).toMatchObject({
      object: { eol: "2023-09-11" },
      source: "endoflife.date",
      predicate: "support window",
    });
    expect(ask({}).text).toContain("Node.js 16 is supported until 2023-09-11");
  });

  test("names are those that people use", () => {
    expect(memory.get('debian/Debian 6 "Squeeze" (LTS)', { validAt: "2012", knownAt: "2020" })?.value).toMatchObject({
      subject: 'Debian 6 "Squeeze" (LTS)',
    });
    expect(memory.get("postgresql/16")?.value).toMatchObject({ subject: "PostgreSQL 16" });
  });

  test("what is known already is not imported again, and nothing is written", async () => {
    const before = db.stats().lastTx;
    await expect(importSoftwareSupport(memory, files)).rejects.toMatchObject({
      code: "LLMDB_TIME_ORDER",
      message: expect.stringContaining("2026-08-21T00:06:53"),
    });
    expect(db.stats().lastTx).toBe(before);
    const later = line({ recordedAt: "2026-08-30T00:00:00Z", eol: "2023-09-12" });
    const more = await importSoftwareSupport(memory, [{ name: "more", lines: [later] }]);
    expect(more).toEqual({ statements: 1, transactions: 1, bad: [] });
    expect(memory.get("nodejs/16", { validAt: "2022" })?.value).toMatchObject({ object: { eol: "2023-09-12" } });
  });
});

describe("lines", () => {
  test("bad ones are reported by number, good ones are imported", async () => {
    const { memory, report } = await imported(
      line({}),
      "garbage",
      "",
      line({ cycle: "17", eol: "2021-02-30" }),
      line({ cycle: "18", recordedAt: "yesterday" }),
      line({ cycle: 19 }),
      line({ op: "guess" }),
      "[]",
      line({ cycle: "x".repeat(200) }),
      line({ cycle: "20", eol: "2030-01-01" }),
      line({ cycle: "21" }).slice(0, -20),
    );
    expect(report.statements).toBe(2);
    expect(report.bad.map(({ name, line: at, what }) => `${name}:${at} ${what}`)).toEqual([
      "lines:2 not JSON, or cut off",
      "lines:4 eol is a day such as 2021-06-01, not 2021-02-30",
      "lines:5 recordedAt is a time such as 2021-06-01T12:00:00Z, not yesterday",
      "lines:6 cycle is text, not 19",
      'lines:7 op is "assert" or "retract", not "guess"',
      "lines:8 not a JSON object",
      "lines:9 product and cycle have more than 199 characters together",
      "lines:11 not JSON, or cut off",
    ]);
    expect([...memory.db.range({}, { validAt: "2022" })].map(([key]) => key)).toEqual(["nodejs/16", "nodejs/20"]);
  });

  test("an assertion replaces about all times, a withdrawal leaves what was known on record", async () => {
    const { memory } = await imported(
      line({ eol: "2025-01-01" }),
      line({ recordedAt: "2021-02-01T00:00:00Z", releaseDate: "2021-01-01", eol: "2023-01-01" }),
      line({ recordedAt: "2021-03-01T00:00:00Z", op: "retract" }),
      line({ recordedAt: "2021-03-01T00:00:00Z", op: "retract", cycle: "never heard of" }),
    );
    const at = (validAt: string, knownAt?: string) => memory.get("nodejs/16", { validAt, knownAt })?.value;
    expect(at("2020-06-01", "2021-01-15")).toMatchObject({ object: { eol: "2025-01-01" } });
    expect(at("2020-06-01", "2021-02-15")).toBeUndefined();
    expect(at("2022-06-01", "2021-02-15")).toMatchObject({ object: { eol: "2023-01-01" } });
    expect(at("2022-06-01")).toBeUndefined();
    expect(memory.history("nodejs/16")).toHaveLength(2);
  });

  test("what ended at an unknown date, or before it began, is not supported at any time", async () => {
    const { memory } = await imported(
      line({ cycle: "1", eol: true }),
      line({ cycle: "2", releaseDate: "2024-01-01" }),
      line({ cycle: "3", releaseDate: null, eol: false }),
    );
    expect(memory.list({ kind: "fact" }).records.map(({ id }) => id)).toEqual(["nodejs/3"]);
    const [{ validFrom, validTo }] = memory.history("nodejs/3");
    expect([validFrom, validTo]).toEqual([-Infinity, Infinity]);
  });

  test("a line without a known fact reads as unknown", () => {
    const { facts } = parseStatement(
      '{"recordedAt":"2021-01-01T00:00:00Z","product":"a","cycle":"1","op":"assert","eol":false}',
    );
    expect(facts).toEqual({ releaseDate: null, eol: false, support: null, lts: null, latest: null });
  });

  test("no lines are no transactions", async () => {
    const { report } = await imported("", "  ");
    expect(report).toEqual({ statements: 0, transactions: 0, bad: [] });
  });
});
