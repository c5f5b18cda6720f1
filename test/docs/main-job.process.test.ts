/** The demo, run as `npm run demo` does: what it tells is what the files say, and nothing acknowledged is lost. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { root } from "../sources.js";
import { copyPackage, runThere } from "./package-copy.js";

const folder = mkdtempSync(join(tmpdir(), "llmdb-main-job-"));
const data = join(root, "examples", "data", "software-support");
let told = "";

beforeAll(() => {
  copyPackage(folder);
  told = runThere(folder, "examples/main-job.mjs", join(folder, "out"));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** The last line about each cycle of a product that was recorded by a day. */
function recordedBy(product: string, knownDay: string): { cycle: string; releaseDate: string; eol: unknown }[] {
  const last = new Map();
  for (const line of readFileSync(join(data, `${product}.jsonl`), "utf8")
    .trim()
    .split("\n")) {
    const said = JSON.parse(line);
    if (said.recordedAt > `${knownDay}T00:00:00Z`) continue;
    if (said.op === "retract") last.delete(said.cycle);
    else last.set(said.cycle, said);
  }
  return [...last.values()];
}

function supportedBy(product: string, validDay: string, knownDay: string): string[] {
  const isOn = ({ releaseDate, eol }: { releaseDate: string | null; eol: unknown }) =>
    eol !== true && (releaseDate ?? "") <= validDay && (typeof eol !== "string" || validDay < eol);
  return recordedBy(product, knownDay)
    .filter(isOn)
    .map(({ cycle }) => cycle);
}

test("it says how much was imported", () => {
  const lines = readdirSync(data)
    .filter((name) => name.endsWith(".jsonl"))
    .flatMap((name) => readFileSync(join(data, name), "utf8").trim().split("\n"));
  const instants = new Set(lines.map((line) => JSON.parse(line).recordedAt));
  expect(told).toContain(`${lines.length.toLocaleString("en-US")} statements in ${instants.size} transactions`);
  expect(told).toContain("100 %: 2,138 of 2,138 statements");
});

test("it tells what was believed then and what is believed now", () => {
  const [then, now] = ["2021-06-01", "2026-12-31"].map((day) => {
    return recordedBy("nodejs", day).find(({ cycle }) => cycle === "16")?.eol;
  });
  expect(then).not.toBe(now);
  expect(told).toMatch(new RegExp(`as known on 2021-06-01:\\n.*Node\\.js 16 is supported until ${then}`));
  expect(told).toMatch(new RegExp(`as known now:\\n.*Node\\.js 16 is supported until ${now}`));
  expect(told).toMatch(/2020-12-22T20:20:45Z {2}withdrawn\n.*2024-04-30\n {2}2022-06-11T16:15:42Z {2}end of life 2023/);
  expect(told).toContain("it replaced 2024-04-30");
});

test("it tells what was believed to be supported on a day, and what was", () => {
  const named = (known: string) => supportedBy("nodejs", "2023-10-01", known).map((cycle) => `Node.js ${cycle}`);
  expect(told).toMatch(new RegExp(`as known on 2022-01-01: +${named("2022-01-01").sort().join(", ")}\n`));
  expect(told).toMatch(new RegExp(`as known now: +${named("2026-12-31").sort().join(", ")}\n`));
});

test("it draws a picture", () => {
  const svg = readFileSync(join(folder, "out", "nodejs-16.svg"), "utf8");
  expect(svg).toMatch(/^<svg /);
  expect(svg).toContain("until 2023-09-11");
});

test("three killed writers lose nothing that they acknowledged", () => {
  const rounds = [...told.matchAll(/(\d+) acknowledged, killed with (\d+) commits under way/g)];
  expect(rounds).toHaveLength(3);
  const acknowledged = rounds.map(([, count]) => Number(count)).reduce((sum, count) => sum + count);
  expect(told).toContain(`${acknowledged} of ${acknowledged} acknowledged facts are there`);
  for (const [, , under] of rounds) expect(Number(under)).toBeGreaterThan(0);
});

test("no colours where there is no terminal", () => {
  expect(told).not.toContain("\u001b");
});
