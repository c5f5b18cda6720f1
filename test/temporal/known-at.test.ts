/**
 * Asking by the time of a transaction: `knownAt` means the last transaction that was not later, also where many numbers
 * belong to transactions that only wrote to maps, which leave no row in the transaction log.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Instant, Receipt } from "../../index.js";
import { Memory } from "../../memory/index.js";
import type { Database } from "../../temporal/database.js";
import { open, openMemory } from "../../temporal/open.js";
import { Random } from "../harness/random.js";

test.each(Array.from({ length: 12 }, (_, index) => index + 1))(
  "with runs of numbers without a row, seed %i",
  (seed) => {
    const random = new Random(seed);
    let clock = 1000;
    const db = openMemory({ clock: () => clock });
    const rowChance = random.pick([0.1, 0.3, 0.6, 0.9]);
    /** What was the last value at each time, in the order of time. */
    const said: { time: number; value: number | undefined; tx: number }[] = [{ time: 0, value: undefined, tx: 0 }];
    let value: number | undefined;
    for (let i = 1; i <= 60; i++) {
      clock += random.below(3);
      const isRow = random.chance(rowChance);
      if (isRow) value = i;
      const { time, tx } = isRow ? db.putSync("k", i, { validFrom: 0 }) : db.map("m").putSync("k", i);
      said.push({ time, value, tx });
    }
    for (const [i, { time, value: expected, tx }] of said.entries()) {
      expect(db.get("k", { validAt: 1, tx })).toBe(expected);
      if (i === 0) continue;
      expect(db.get("k", { validAt: 1, knownAt: time })).toBe(expected);
      expect(db.get("k", { validAt: 1, knownAt: time - 0.001 })).toBe(said[i - 1].value);
    }
    const rows = [...db.transactions()].map((row) => row.tx);
    for (const from of said.map(({ time }) => time)) {
      const listed = [...db.transactions({ from })].map((row) => row.tx);
      expect(listed).toEqual(rows.filter((tx) => said[tx].time >= from));
    }
    db.closeSync();
  },
);

/** Microseconds after a whole second, so that milliseconds tell nothing apart. */
const START = 1_700_000_000_000;

/** A database whose clock moves by some microseconds with each transaction. */
class Clocked {
  nowMs = START;
  readonly db = openMemory({ clock: () => this.nowMs });

  put(value: string, micros = 137): Receipt {
    this.nowMs += micros / 1000;
    return this.db.putSync("k", value, { validFrom: 0 });
  }
}

/** Where a transaction time is taken; each gives what is known of the key then. */
const FACES: Record<string, (db: Database, at: Instant) => unknown> = {
  get: (db, knownAt) => db.get("k", { validAt: 1, knownAt }),
  version: (db, knownAt) => db.version("k", { validAt: 1, knownAt })?.value,
  range: (db, knownAt) => [...db.range({}, { validAt: 1, knownAt })].map(([, value]) => value)[0],
  asOf: (db, knownAt) => db.asOf({ validAt: 1, knownAt }).get("k"),
  diff: (db, knownAt) => [...db.diff({ validAt: 1, tx: 0 }, { validAt: 1, knownAt })][0]?.after,
  partition: (db, knownAt) => db.partition(0).get("k", { validAt: 1, knownAt }),
  snapshot: (db, knownAt) => {
    using snapshot = db.snapshot();
    return snapshot.get("k", { validAt: 1, knownAt });
  },
  "a transaction": (db, knownAt) => db.transactionSync((tx) => tx.get("k", { validAt: 1, knownAt })),
  "versions within": (db, to) => db.versions("k", { known: [0, to] }).at(-1)?.value,
  transactions: (db, to) => {
    const [last] = db.transactions({ to, reverse: true, limit: 1 });
    return last && db.get("k", { validAt: 1, tx: last.tx });
  },
};

describe.each(Object.entries(FACES))("the time of a receipt: %s", (_, known) => {
  test("as a Date, and as what toISOString writes, it means the end of its millisecond", () => {
    const clocked = new Clocked();
    for (let i = 0; i < 50; i++) {
      // Two in one millisecond cannot be told apart by a Date: the later one counts.
      const { time } = clocked.put(`v${i}`, 1137);
      expect(known(clocked.db, new Date(time))).toBe(`v${i}`);
      expect(known(clocked.db, new Date(time).toISOString())).toBe(`v${i}`);
      expect(known(clocked.db, new Date(time - 1))).toBe(i === 0 ? undefined : `v${i - 1}`);
    }
    clocked.put("later", 2000);
    const { time } = clocked.put("at the end of the millisecond", 1999 - (Math.round(clocked.nowMs * 1000) % 1000));
    expect(Math.round(time * 1000) % 1000).toBe(999);
    clocked.put("in the next one", 1);
    expect(known(clocked.db, new Date(time))).toBe("at the end of the millisecond");
  });

  test("a time that is not later than the clock means the last transaction, and stays so", () => {
    const clocked = new Clocked();
    clocked.put("before");
    clocked.nowMs += 5;
    for (const ask of [
      () => new Date(clocked.nowMs),
      () => clocked.nowMs,
      () => BigInt(Math.round(clocked.nowMs * 1000)),
    ]) {
      const asked = ask();
      const told = known(clocked.db, asked);
      // The clock stands still, and then goes back by an hour.
      clocked.put(`after ${String(asked)}`, 0);
      clocked.nowMs -= 3_600_000;
      clocked.put("after that", 0);
      clocked.nowMs += 3_600_005;
      expect(known(clocked.db, asked)).toBe(told);
      expect(told).not.toMatch(/^after [^t]/);
    }
  });

  test("nor can an import change the answer", () => {
    const clocked = new Clocked();
    clocked.put("before");
    clocked.nowMs += 5000;
    const asked = new Date(clocked.nowMs - 2000);
    expect(known(clocked.db, asked)).toBe("before");
    const imported = (time: number) => () => clocked.db.transactionSync((tx) => tx.put("k", "imported"), { time });
    expect(imported(asked.getTime() - 1)).toThrow(expect.objectContaining({ code: "LLMDB_TIME_ORDER" }));
    expect(imported(asked.getTime() + 0.5)).toThrow(/was asked/);
    imported(asked.getTime() + 1)();
    expect(known(clocked.db, asked)).toBe("before");
  });
});

const { "versions within": _within, transactions: _listing, ...POINTS } = FACES;

test.each(Object.entries(POINTS))("a time later than the clock is refused: %s", (_, known) => {
  const clocked = new Clocked();
  clocked.put("now");
  const future = expect.objectContaining({ code: "LLMDB_FUTURE_TX" });
  for (const later of [new Date(clocked.nowMs + 1), clocked.nowMs + 0.01, Number.POSITIVE_INFINITY, "9999-01-01"]) {
    expect(() => known(clocked.db, later)).toThrow(future);
  }
});

test("numbers, bigints and strings with other decimals are exact", () => {
  const clocked = new Clocked();
  clocked.nowMs += 0.1;
  const first = clocked.put("first", 100);
  clocked.put("second", 100);
  for (const exact of [
    first.time,
    BigInt(Math.round(first.time * 1000)),
    new Date(START).toISOString().replace("000Z", "0002Z"),
  ]) {
    expect(clocked.db.get("k", { validAt: 1, knownAt: exact })).toBe("first");
  }
  for (const before of [START, "2023-11-14T22:13:20Z", "2023-11-14T22:13:20.0Z"]) {
    expect(clocked.db.get("k", { validAt: 1, knownAt: before })).toBe(undefined);
  }
});

test("inside a transaction its own time is what it has written so far", () => {
  const clocked = new Clocked();
  clocked.put("before");
  clocked.nowMs += 3;
  clocked.db.transactionSync((tx) => {
    tx.put("k", "own", { validFrom: 0 });
    const known = (knownAt: Instant) => tx.get("k", { validAt: 1, knownAt });
    expect([known(tx.time), known(new Date(tx.time)), known(tx.time - 0.001)]).toEqual(["own", "own", "before"]);
    clocked.nowMs += 1;
    expect(known(clocked.nowMs)).toBe("own");
  });
  expect(clocked.db.get("k", { validAt: 1, knownAt: clocked.nowMs })).toBe("own");
});

test("a snapshot does not answer for what came after it", () => {
  const clocked = new Clocked();
  clocked.put("first");
  using snapshot = clocked.db.snapshot();
  const between = clocked.nowMs + 1;
  const second = clocked.put("second", 5000);
  const known = (knownAt: Instant) => snapshot.get("k", { validAt: 1, knownAt });
  expect(known(between)).toBe("first");
  expect(known(new Date(second.time - 1))).toBe("first");
  expect(() => known(second.time)).toThrow(/this snapshot does not see/);
  expect(() => known(new Date(second.time))).toThrow(expect.objectContaining({ code: "LLMDB_FUTURE_TX" }));
});

test("forgetting takes the same times", async () => {
  const clocked = new Clocked();
  const { time } = clocked.put("first");
  clocked.put("second", 5000);
  clocked.nowMs += 10;
  expect(await clocked.db.forgetHistory({ before: new Date(time) })).toEqual({ tx: 1, slices: 0 });
  expect(await clocked.db.forgetHistory({ before: new Date(clocked.nowMs) })).toEqual({ tx: 2, slices: 1 });
});

test("a reader beside the writer answers, and does not bind the writer", () => {
  const folder = mkdtempSync(join(tmpdir(), "llmdb-known-at-"));
  let nowMs = START;
  const options = { clock: () => nowMs };
  try {
    using writer = open(join(folder, "db"), options);
    writer.putSync("k", "first", { validFrom: 0 });
    using reader = open(join(folder, "db"), { ...options, readOnly: true });
    nowMs += 5;
    expect(reader.get("k", { validAt: 1, knownAt: new Date(nowMs) })).toBe("first");
    writer.putSync("k", "second", { validFrom: 0 });
    reader.refresh();
    expect(reader.get("k", { validAt: 1, knownAt: new Date(nowMs) })).toBe("second");
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("recall finds what became known in the millisecond of a Date", async () => {
  let nowMs = START + 0.456;
  const memory = new Memory(openMemory({ clock: () => nowMs }));
  const { tx } = await memory.remember({ subject: "Ada", predicate: "lives in", object: "Paris" });
  const { time } = memory.explain("f1").transaction;
  nowMs += 100;
  await memory.remember({ subject: "Ada", predicate: "lives in", object: "Rome" });
  for (const knownAt of [new Date(time), new Date(time).toISOString(), time]) {
    expect(memory.recall("where does Ada live", { knownAt }).hits.map(({ text }) => text)).toEqual([
      "Ada lives in Paris",
    ]);
  }
  expect(memory.recall("Ada", { knownAt: new Date(nowMs) }).hits.map(({ text }) => text)).toEqual([
    "Ada lives in Rome",
  ]);
  expect(memory.get("f1", { tx })).toBeDefined();
});
