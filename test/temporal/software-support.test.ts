/**
 * Seven years of recorded facts with their corrections, judged by reading the files up to a day and looking what they
 * say about another: which release cycles were supported on one day, as known on another, and what changed in between.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import type { Key } from "../../engine/key.js";
import { open } from "../../temporal/open.js";
import { SEED } from "../effort.js";
import { Random } from "../harness/random.js";
import { SimulatedDisk } from "../harness/simulated-disk.js";
import { ATTRIBUTES, type Attribute, importStatements, readStatements } from "./software-support.js";

const folder = fileURLToPath(new URL("../../examples/data/software-support", import.meta.url));
const DAY = 86_400_000;
const options = { storage: new SimulatedDisk(), clock: () => Date.parse("2026-09-01"), pageSize: 4096 as const };

const statements = readStatements(folder);
const imported = open("/support", options);
const transactions = importStatements(imported, statements);
imported.closeSync();
const db = open("/support", options);
afterAll(() => db.closeSync());

const products = readdirSync(folder)
  .filter((name) => name.endsWith(".jsonl"))
  .map((name) => name.replace(".jsonl", ""))
  .sort();

/** A line of a file, as it stands there. */
interface Line {
  recordedAt: string;
  cycle: string;
  op: string;
  releaseDate?: string | null;
  eol?: string | boolean | null;
  support?: string | boolean | null;
  lts?: string | boolean | null;
  latest?: string | null;
}

const lines = new Map<string, Line[]>(
  products.map((product) => {
    const text = readFileSync(join(folder, `${product}.jsonl`), "utf8");
    return [
      product,
      text
        .trim()
        .split("\n")
        .map((line): Line => JSON.parse(line)),
    ];
  }),
);

/** The last line about each cycle that was recorded by midnight of a day. */
function recordedBy(product: string, knownDay: string): Line[] {
  const last = new Map<string, Line>();
  for (const line of lines.get(product) ?? []) {
    if (line.recordedAt > `${knownDay}T00:00:00Z`) continue;
    if (line.op === "retract") last.delete(line.cycle);
    else last.set(line.cycle, line);
  }
  return [...last.values()];
}

/** Whether a line says that something holds on a day; days are compared as text. */
function says({ releaseDate, eol, support, lts, latest }: Line, attribute: Attribute, day: string): boolean {
  const released = releaseDate === null || releaseDate === undefined || releaseDate <= day;
  const before = (end: string | boolean | null | undefined) => end !== true && (typeof end !== "string" || day < end);
  if (attribute === "supported") return released && before(eol);
  if (attribute === "active") return support !== null && released && before(support);
  if (attribute === "latest") return released && latest !== null;
  if (typeof lts === "string") return lts <= day && before(eol);
  return lts === true && released && before(eol);
}

function supportedBy(product: string, knownDay: string, validDay: string): string[] {
  const supported = recordedBy(product, knownDay).filter((line) => says(line, "supported", validDay));
  return supported.map(({ cycle }) => cycle).sort();
}

/** Everything that was known to hold on a day, by key as JSON. */
function factsBy(product: string, knownDay: string, validDay: string): Map<string, unknown> {
  const facts = new Map<string, unknown>();
  for (const line of recordedBy(product, knownDay)) {
    const { releaseDate, eol, latest } = line;
    for (const attribute of ATTRIBUTES) {
      if (!says(line, attribute, validDay)) continue;
      const value = attribute === "supported" ? { releaseDate, eol } : attribute === "latest" ? latest : true;
      facts.set(JSON.stringify([product, attribute, line.cycle]), value);
    }
  }
  return facts;
}

function dayBetween(random: Random, first: string, last: string): string {
  const days = Math.round((Date.parse(last) - Date.parse(first)) / DAY) + 1;
  return new Date(Date.parse(first) + random.below(days) * DAY).toISOString().slice(0, 10);
}

/** Days around which something changes are drawn as often as any others. */
function validDay(random: Random): string {
  const line = random.pick(lines.get(random.pick(products)) ?? []);
  const bound = random.pick([line.releaseDate, line.eol, line.support, line.lts]);
  if (random.chance(0.5) || typeof bound !== "string") return dayBetween(random, "1996-01-01", "2036-12-31");
  return new Date(Date.parse(bound) - random.below(2) * DAY).toISOString().slice(0, 10);
}

const knownDay = (random: Random) => dayBetween(random, "2019-05-25", "2026-08-21");

function cycleOf(key: Key): string {
  if (Array.isArray(key) && typeof key[2] === "string") return key[2];
  throw new TypeError("a key is [product, attribute, cycle]");
}

describe("the import", () => {
  test("every instant is one transaction, at that instant, with its metadata", () => {
    const instants = [...new Set([...lines.values()].flat().map(({ recordedAt }) => recordedAt))].sort();
    expect([statements.length, products.length, transactions]).toEqual([2138, 10, instants.length]);
    const logged = [...db.transactions()];
    expect(logged.map(({ time }) => time)).toEqual(instants.map((instant) => Date.parse(instant)));
    expect(logged.map(({ tx }) => tx)).toEqual(instants.map((_, index) => index + 1));
    const counts = logged.map(({ meta }) => meta);
    expect(counts).toEqual(
      instants.map((instant) => ({
        source: "endoflife.date",
        statements: statements.filter(({ recordedAt }) => recordedAt === instant).length,
      })),
    );
  });

  test("the store is whole", () => {
    expect(db.verify().problems).toEqual([]);
  });

  test("Node.js 16, as the files' own description tells it", () => {
    const key = ["nodejs", "supported", "16"];
    const eol = (knownAt: string) => {
      const version = db.version(key, { knownAt, validAt: "2022-01-01" });
      return version && new Date(version.validTo).toISOString().slice(0, 10);
    };
    expect(["2020-10-27", "2020-10-29", "2020-12-23", "2021-04-21", "2022-06-10", "2022-06-12"].map(eol)).toEqual([
      undefined,
      "2024-04-30",
      undefined,
      "2024-04-30",
      "2024-04-30",
      "2023-09-11",
    ]);
  });
});

test("on 300 pairs of days the supported cycles of every product are those that the files say", () => {
  const random = new Random(SEED);
  let found = 0;
  for (let i = 0; i < 300; i++) {
    const knownAt = knownDay(random);
    const validAt = validDay(random);
    const view = db.asOf({ knownAt, validAt });
    for (const product of products) {
      const cycles = [...view.range({ prefix: [product, "supported"] })].map(([key]) => cycleOf(key));
      expect(cycles.sort(), `${product} on ${validAt}, known on ${knownAt}`).toEqual(
        supportedBy(product, knownAt, validAt),
      );
      found += cycles.length;
    }
  }
  expect(found).toBeGreaterThan(3000);
});

test("on 100 pairs of days everything that holds is what the files say", () => {
  const random = new Random(SEED + 1);
  for (let i = 0; i < 100; i++) {
    const at = { knownAt: knownDay(random), validAt: validDay(random) };
    const product = random.pick(products);
    const found = [...db.range({ prefix: [product] }, at)].map(([key, value]) => [JSON.stringify(key), value] as const);
    expect(new Map(found), `${product} ${JSON.stringify(at)}`).toEqual(factsBy(product, at.knownAt, at.validAt));
  }
});

test("between 200 pairs of known days the difference is that of the files", () => {
  const random = new Random(SEED + 2);
  let found = 0;
  for (let i = 0; i < 200; i++) {
    const product = random.pick(products);
    const validAt = validDay(random);
    const [from, to] = [knownDay(random), knownDay(random)];
    const before = factsBy(product, from, validAt);
    const after = factsBy(product, to, validAt);
    const keys = [...new Set([...before.keys(), ...after.keys()])];
    const differs = (key: string) => JSON.stringify(before.get(key)) !== JSON.stringify(after.get(key));
    const expected = new Map(
      keys.filter(differs).map((key) => [key, { before: before.get(key), after: after.get(key) }]),
    );
    const differences = [...db.diff({ validAt, knownAt: from }, { validAt, knownAt: to }, { prefix: [product] })];
    const given = differences.map(
      (one) => [JSON.stringify(one.key), { before: one.before, after: one.after }] as const,
    );
    expect(new Map(given), `${product} on ${validAt}, from ${from} to ${to}`).toEqual(expected);
    expect(given.length).toBe(expected.size);
    found += given.length;
  }
  expect(found).toBeGreaterThan(200);
});
