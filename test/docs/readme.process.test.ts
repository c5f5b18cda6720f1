/** What README, docs and the skill show is run as it stands there and drawn as it is committed; commands exist. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { root } from "../sources.js";
import { copyPackage, runThere } from "./package-copy.js";

const readme = readFileSync(join(root, "README.md"), "utf8");
const bitemporal = readFileSync(join(root, "docs", "bitemporal.md"), "utf8");
const store = readFileSync(join(root, "docs", "store.md"), "utf8");
const keys = readFileSync(join(root, "docs", "keys.md"), "utf8");
const memory = readFileSync(join(root, "docs", "agent-memory.md"), "utf8");
const skill = readFileSync(join(root, "plugin", "skills", "llmdb", "SKILL.md"), "utf8");

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "llmdb-readme-"));
  copyPackage(folder);
});
afterAll(() => rmSync(folder, { recursive: true }));

/** The programs of a document, each with what it is said to print, if that follows. */
function programs(of: string, prefix = "program"): { name: string; code: string; prints: string | undefined }[] {
  const blocks = [...of.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map(([, language, code]) => ({ language, code }));
  return blocks.flatMap(({ language, code }, i) => {
    if (language !== "js") return [];
    const next = blocks[i + 1];
    return [{ name: `${prefix}-${i}.mjs`, code, prints: next?.language === "text" ? next.code : undefined }];
  });
}

test.each([
  ...programs(readme),
  ...programs(store, "store"),
  ...programs(keys, "keys"),
  ...programs(bitemporal, "bitemporal"),
  ...programs(memory, "memory"),
  ...programs(skill, "skill"),
])("$name runs as it is pasted", ({ name, code, prints }) => {
  writeFileSync(join(folder, name), code);
  const printed = runThere(folder, name);
  expect(printed).not.toBe("");
  if (prints !== undefined) expect(printed).toBe(prints);
});

test("the first program has about twenty lines", () => {
  expect(programs(readme)[0].code.trimEnd().split("\n").length).toBeLessThanOrEqual(22);
});

test("the example reads back what it stored", () => {
  const report = runThere(folder, "examples/support-windows.mjs");
  expect(report).toContain("stored 2138 statements in 781 transactions, closed, opened again, verified");
  expect(report).toMatch(/as known on 2022-01-01: {2}16\n {2}as known on 2026-08-21: {2}18, 20\n/);
  expect(report).toMatch(/2020-12-22T20:20:45Z {2}withdrawn\n.*2024-04-30\n {2}2022-06-11T16:15:42Z {2}2023-09-11\n/);
});

test("the example of modules checks what it shows", () => {
  const report = runThere(folder, "examples/edges-stream.mjs");
  expect(report).toMatch(/killed after commit \d+, opened again: \d+ payments, both maps agree\n/);
  expect(report).toContain("  as of last month  828 in 8 budgets\n  now               871 in 7 budgets\n");
  expect(report).toMatch(/\nall of it checked\n$/);
});

test("every npm command of the README exists", () => {
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const named = [...readme.matchAll(/npm (?:run ([\w:-]+)|(test)\b)/g)].map((match) => match[1] ?? match[2]);
  expect(named.length).toBeGreaterThan(0);
  expect(named.filter((name) => !(name in scripts))).toEqual([]);
});

test("the pictures are what the script draws", () => {
  const drawn = join(folder, "drawn");
  runThere(folder, "scripts/draw-bitemporal.mjs", drawn);
  const committed = join(root, "docs", "images");
  expect(readdirSync(committed)).toEqual(readdirSync(drawn));
  for (const name of readdirSync(drawn)) {
    expect([name, readFileSync(join(committed, name), "utf8")]).toEqual([
      name,
      readFileSync(join(drawn, name), "utf8"),
    ]);
  }
});

test("the story of Node.js 16 is what was recorded", () => {
  const lines = readFileSync(join(root, "examples", "data", "software-support", "nodejs.jsonl"), "utf8")
    .trim()
    .split("\n");
  const statements = lines.map((line) => JSON.parse(line)).filter(({ cycle }) => cycle === "16");
  const said = statements.map(({ op, recordedAt, releaseDate, support, eol }) => {
    return { recordedAt, what: op === "retract" ? "withdrawn" : `${releaseDate} to ${support}, to ${eol}` };
  });
  const changes = said.filter(({ what }, i) => what !== said[i - 1]?.what);
  expect(changes).toEqual([
    { recordedAt: "2020-10-28T08:17:45Z", what: "2021-04-20 to 2022-10-18, to 2024-04-30" },
    { recordedAt: "2020-12-22T20:20:45Z", what: "withdrawn" },
    { recordedAt: "2021-04-20T16:03:18Z", what: "2021-04-20 to 2022-10-18, to 2024-04-30" },
    { recordedAt: "2022-06-11T16:15:42Z", what: "2021-04-20 to 2022-10-18, to 2023-09-11" },
  ]);
  for (const { recordedAt } of changes) expect(bitemporal).toContain(recordedAt);
});

const pages = readdirSync(join(root, "docs")).filter((name) => name.endsWith(".md"));

test.each(["README.md", ...pages.map((name) => `docs/${name}`)])("the links of %s lead somewhere", (path) => {
  const text = readFileSync(join(root, path), "utf8");
  const links = [...text.matchAll(/\]\((?!https?:|#)([^)#\s]+)[^)]*\)/g)].map((match) => match[1]);
  expect(links.filter((link) => !existsSync(join(root, dirname(path), link)))).toEqual([]);
});
