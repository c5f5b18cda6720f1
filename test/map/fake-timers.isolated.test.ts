/**
 * A test suite that replaces the timers of the process, as vitest, sinon and `node:test` do, holds up nothing: writes
 * become durable, checkpoints and copies end, and the database closes. Time is the system's, unless `clock` says else.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mock } from "node:test";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { open, openMemory } from "../../index.js";
import { Memory } from "../../memory/index.js";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "llmdb-timers-"));
});

afterEach(() => {
  vi.useRealTimers();
  mock.timers.reset();
  rmSync(folder, { recursive: true, force: true });
});

const fakes = {
  "vitest's defaults": () => void vi.useFakeTimers(),
  "all that vitest can fake": () =>
    void vi.useFakeTimers({
      toFake: [
        ...(["setTimeout", "clearTimeout", "setInterval", "clearInterval", "setImmediate", "clearImmediate"] as const),
        ...(["Date", "performance", "queueMicrotask", "hrtime"] as const),
      ],
    }),
  "node:test": () => mock.timers.enable({ apis: ["setImmediate", "setTimeout", "setInterval", "Date"] }),
};

test.each(Object.entries(fakes))("under %s everything that waits ends", async (_name, fake) => {
  fake();
  const path = join(folder, "db");
  const db = open(path);
  await db.put("k", 1);
  await db.transaction((tx) => tx.put("l", 2), { durability: "buffered" });
  await db.map("m").put("k", "x".repeat(100_000));
  await db.checkpoint();
  await db.backup(join(folder, "copy"));
  await db.compact();
  await db.close();
  const again = open(path);
  expect(again.get("k")).toBe(1);
  const agent = new Memory(again);
  await agent.remember({ text: "the report is due on Friday" });
  expect(agent.recall("report").hits).toHaveLength(1);
  await again.close();
});

test("faked time does not move the database's, and `clock` does", async () => {
  vi.useFakeTimers({ now: Date.parse("2001-02-03") });
  const real = openMemory();
  expect((await real.put("k", 1)).time).toBeGreaterThan(Date.parse("2020-01-01"));
  const faked = openMemory({ clock: () => Date.now() });
  expect((await faked.put("k", 1)).time).toBe(Date.parse("2001-02-03"));
  vi.setSystemTime(Date.parse("2001-02-04"));
  expect((await faked.put("k", 2)).time).toBe(Date.parse("2001-02-04"));
});
