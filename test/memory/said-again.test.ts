/** A fact that is said again: since when it holds stays, and nothing is written where nothing is new. */
import { expect, test } from "vitest";
import { openMemory } from "../../index.js";
import { Memory } from "../../memory/index.js";

const fact = { subject: "Ada", predicate: "works for", object: "Acme" };

test("saying the same again writes nothing", async () => {
  const memory = new Memory(openMemory());
  const first = await memory.remember({ ...fact, source: "chat" });
  for (let i = 0; i < 3; i++) {
    const again = await memory.remember({ ...fact, source: "chat" });
    expect(again).toEqual({ ...first, replaced: [] });
  }
  expect(memory.history(first.id)).toHaveLength(1);
});

test("another source or confidence changes that over the same period", async () => {
  const memory = new Memory(openMemory());
  const { id } = await memory.remember({ ...fact, source: "chat", validFrom: "2020-01-01", validTo: "2090-01-01" });
  await memory.remember({ ...fact, source: "contract", confidence: 0.9 });
  const record = memory.get(id);
  expect(record?.value).toMatchObject({ source: "contract", confidence: 0.9 });
  expect(record).toMatchObject({ validFrom: Date.parse("2020-01-01"), validTo: Date.parse("2090-01-01") });
  expect(memory.history(id)).toHaveLength(2);
});

test("another object is a correction from now on", async () => {
  const memory = new Memory(openMemory());
  const { id } = await memory.remember({ ...fact, validFrom: "2020-01-01" });
  await memory.remember({ ...fact, object: "Globex" });
  expect(memory.get(id)?.validFrom).toBeGreaterThan(Date.parse("2026-01-01"));
});
