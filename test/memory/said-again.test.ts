/**
 * A fact that is said again: since when it holds stays, it gets no younger, and nothing is written where nothing is
 * new. The caller is told which of these it was.
 */
import { expect, test } from "vitest";
import { openMemory } from "../../index.js";
import { type FactInput, Memory } from "../../memory/index.js";

const DAY_MS = 86_400_000;
const START_MS = Date.parse("2026-01-01");
const fact = { subject: "Ada", predicate: "works for", object: "Acme" };

/** A memory whose clock is set by the day. */
function memoryOfDays(): {
  memory: Memory;
  say(day: number, input?: Partial<FactInput>): ReturnType<Memory["remember"]>;
} {
  let nowMs = START_MS;
  const memory = new Memory(openMemory({ clock: () => nowMs }));
  const say = (day: number, input: Partial<FactInput> = {}) => {
    nowMs = START_MS + day * DAY_MS;
    return memory.remember({ ...fact, ...input });
  };
  return { memory, say };
}

const dayOf = (milliseconds: number | undefined) => Math.floor(((milliseconds ?? Number.NaN) - START_MS) / DAY_MS);

/** The periods that are known, as days, with their sources. */
function periods(memory: Memory, id: string): unknown[] {
  const known = memory.history(id).filter(({ txTo }) => txTo === Number.POSITIVE_INFINITY);
  known.sort((a, b) => a.validFrom - b.validFrom);
  return known.map(({ value, validFrom, validTo }) => {
    const said = value.kind === "fact" ? [value.object, value.source] : [];
    return [...said, dayOf(validFrom), validTo === Number.POSITIVE_INFINITY ? "open" : dayOf(validTo)];
  });
}

/** By how much age makes a hit count less, with a half-life of ten days. */
function freshness(memory: Memory, options: { tx?: number } = {}): number {
  const [fresh] = memory.recall("Ada works", { ...options, halfLifeMs: 10 * DAY_MS }).hits;
  const [plain] = memory.recall("Ada works", options).hits;
  return fresh.score / plain.score;
}

test("saying the same again writes nothing", async () => {
  const { memory, say } = memoryOfDays();
  const first = await say(0, { source: "chat" });
  expect(first).toMatchObject({ tx: 1, outcome: "new", replaced: [] });
  for (const day of [1, 2, 3]) {
    expect(await say(day, { source: "chat" })).toEqual({ ...first, outcome: "unchanged" });
    // With a date inside of its period as well.
    expect(await say(day, { source: "chat", validFrom: START_MS + DAY_MS })).toEqual({
      ...first,
      outcome: "unchanged",
    });
  }
  expect(memory.history(first.id)).toHaveLength(1);
  expect(memory.db.stats().lastTx).toBe(1);
});

test("another source, confidence or tags change those over the whole period", async () => {
  const { memory, say } = memoryOfDays();
  const { id } = await say(0, { source: "chat", validFrom: "2020-01-01", validTo: "2090-01-01" });
  const again = await say(5, { source: "contract", confidence: 0.9, tags: ["job"] });
  expect(again).toMatchObject({ tx: 2, outcome: "again", knownFrom: START_MS, replaced: [{ source: "chat" }] });
  expect(memory.get(id)).toMatchObject({
    validFrom: Date.parse("2020-01-01"),
    validTo: Date.parse("2090-01-01"),
    value: { source: "contract", confidence: 0.9, tags: ["job"], firstKnown: START_MS },
  });
  expect(memory.history(id)).toHaveLength(2);
  expect(await say(6, { source: "contract", confidence: 0.9, tags: ["job"] })).toMatchObject({
    tx: 2,
    outcome: "unchanged",
    knownFrom: START_MS,
  });
});

test.each<[string, Partial<FactInput>, unknown[]]>([
  ["a later beginning moves nothing", { validFrom: START_MS + 3 * DAY_MS }, [["Acme", "mail", 0, "open"]]],
  ["an earlier beginning is a longer period", { validFrom: START_MS - 3 * DAY_MS }, [["Acme", "mail", -3, "open"]]],
  [
    "nor does a stretch inside of it",
    { validFrom: START_MS + 3 * DAY_MS, validTo: START_MS + 4 * DAY_MS },
    [["Acme", "mail", 0, "open"]],
  ],
  ["an end alone is its end", { validTo: START_MS + 20 * DAY_MS }, [["Acme", "mail", 0, 20]]],
])("another source with dates: %s", async (_what, dates, expected) => {
  const { memory, say } = memoryOfDays();
  const { id } = await say(0, { source: "chat" });
  expect(await say(10, { source: "mail", ...dates })).toMatchObject({ outcome: "again", knownFrom: START_MS });
  expect(periods(memory, id)).toEqual(expected);
});

test("an end that is moved is that of the same period, no matter who says so", async () => {
  const { memory, say } = memoryOfDays();
  const { id } = await say(0, { validTo: START_MS + 20 * DAY_MS });
  for (const [day, end] of [
    [1, 30],
    [2, 15],
    [3, 15],
  ]) {
    const { outcome } = await say(day, { validTo: START_MS + end * DAY_MS });
    expect([outcome, periods(memory, id)]).toEqual([day === 3 ? "unchanged" : "again", [["Acme", undefined, 0, end]]]);
  }
  expect(memory.get(id, { validAt: START_MS + 16 * DAY_MS, tx: 2 })?.validTo).toBe(START_MS + 30 * DAY_MS);
});

test("another object is a correction from now on, and going back to the first is news", async () => {
  const { memory, say } = memoryOfDays();
  const { id } = await say(0);
  expect(await say(10, { object: "Globex" })).toMatchObject({ outcome: "corrected", replaced: [{ object: "Acme" }] });
  const back = await say(20);
  expect(back).toMatchObject({ outcome: "corrected", knownFrom: START_MS + 20 * DAY_MS });
  expect(periods(memory, id)).toEqual([
    ["Acme", undefined, 0, 10],
    ["Globex", undefined, 10, 20],
    ["Acme", undefined, 20, "open"],
  ]);
  expect(freshness(memory)).toBeCloseTo(1);
});

test("a fact that is said again gets no younger, as of then as well", async () => {
  const { memory, say } = memoryOfDays();
  const { id } = await say(0, { source: "chat" });
  for (let day = 1; day <= 20; day++) await say(day, { source: `chat of day ${day}` });
  expect(freshness(memory)).toBeCloseTo(1 / 4);
  expect(freshness(memory, { tx: 11 })).toBeCloseTo(1 / 2);
  await memory.db.forgetHistory({ before: START_MS + 19 * DAY_MS });
  expect(freshness(memory)).toBeCloseTo(1 / 4);
  // Nor does what is left when a stretch of it is withdrawn.
  await memory.forget(id, { validFrom: "2090-01-01" });
  expect(freshness(memory)).toBeCloseTo(1 / 4);
  expect(await say(20, { source: "yet another" })).toMatchObject({ outcome: "again", knownFrom: START_MS });
});

test("what was cut is as old as what it was cut from", async () => {
  const { memory, say } = memoryOfDays();
  const { id } = await say(0);
  await memory.forget(id, { validFrom: "2090-01-01" });
  await memory.remember({ id: "other", text: "later" });
  expect(freshness(memory)).toBeCloseTo(1);
  await say(20, { subject: "Bob", predicate: "lives in", object: "Oslo" });
  expect(freshness(memory)).toBeCloseTo(1 / 4);
  expect(await say(20)).toMatchObject({ outcome: "unchanged", knownFrom: START_MS });
});

test("the transaction's metadata says who said it again", async () => {
  const memory = new Memory(openMemory());
  await memory.remember(fact, { meta: { by: "user" } });
  await memory.remember(fact, { meta: { by: "tool" } });
  expect([...memory.transactions()].map(({ meta, changes }) => [meta, changes[0].op])).toEqual([
    [{ by: "user" }, "put"],
    [{ by: "tool" }, "unchanged"],
  ]);
});
