/**
 * What writes do beyond cutting periods: defaults, writes about the past and the future, corrections, several
 * operations in one transaction, updates that change nothing, and merging equal neighbours when reading.
 */
import { describe, expect, test } from "vitest";
import type { Database } from "../../temporal/database.js";
import { openMemory } from "../../temporal/open.js";
import { coalesce } from "../../temporal/period.js";
import type { Transaction } from "../../temporal/transaction.js";
import {
  afterSteps,
  type Case,
  expectRows,
  inf,
  KEY,
  patch,
  put,
  type Row,
  remove,
  together,
  update,
} from "./row-list.js";

const DAY = 86_400_000;
const START = Date.parse("2026-01-01");

/** A database whose clock goes where it is told. */
class TimedDatabase {
  now = START;
  readonly db: Database = openMemory({ clock: () => this.now });

  on(day: string): this {
    this.now = Date.parse(day);
    return this;
  }
}

describe("one transaction", () => {
  const before = put("old", "2020", inf);
  const cases: Case[] = [
    {
      name: "of two puts over one period the later one stays, and nothing tells of the first",
      steps: [together(put("a", "2020", "2022"), put("b", "2020", "2022"))],
      rows: [["b", "2020", "2022", 1, inf, 1]],
    },
    {
      name: "a later put cuts an earlier one, whose parts are of the same transaction",
      steps: [together(put("a", "2020", inf), put("b", "2021", "2022"))],
      rows: [
        ["a", "2020", "2021", 1, inf, 1],
        ["b", "2021", "2022", 1, inf, 1],
        ["a", "2022", inf, 1, inf, 1],
      ],
    },
    {
      name: "an update sees what was put before it",
      steps: [together(put("a", "2020", inf), update("b", "2021", inf))],
      rows: [
        ["a", "2020", "2021", 1, inf, 1],
        ["b", "2021", inf, 1, inf, 1],
      ],
    },
    {
      name: "what was put and deleted leaves a hole in what was known, closed once",
      steps: [before, together(put("b", "2021", "2022"), remove("2021", "2022"))],
      rows: [
        ["old", "2020", inf, 1, 2, 1],
        ["old", "2020", "2021", 2, inf, 1],
        ["old", "2022", inf, 2, inf, 1],
      ],
    },
    {
      name: "what was deleted and put again is new, though the value is the old one",
      steps: [before, together(remove("2020", inf), put("old", "2020", inf))],
      rows: [
        ["old", "2020", inf, 1, 2, 1],
        ["old", "2020", inf, 2, inf, 2],
      ],
    },
    {
      name: "three operations close a row once",
      steps: [before, together(put("a", "2021", "2022"), put("b", "2023", "2024"), patch({ c: 1 }, "2019", "2020"))],
      rows: [
        ["old", "2020", inf, 1, 2, 1],
        [{ c: 1 }, "2019", "2020", 2, inf, 2],
        ["old", "2020", "2021", 2, inf, 1],
        ["a", "2021", "2022", 2, inf, 2],
        ["old", "2022", "2023", 2, inf, 1],
        ["b", "2023", "2024", 2, inf, 2],
        ["old", "2024", inf, 2, inf, 1],
      ],
    },
    {
      name: "an inner transaction that fails leaves no trace",
      steps: [before, together(put("a", "2021", "2022"), failingInside, put("b", "2023", "2024"))],
      rows: [
        ["old", "2020", inf, 1, 2, 1],
        ["old", "2020", "2021", 2, inf, 1],
        ["a", "2021", "2022", 2, inf, 2],
        ["old", "2022", "2023", 2, inf, 1],
        ["b", "2023", "2024", 2, inf, 2],
        ["old", "2024", inf, 2, inf, 1],
      ],
    },
  ];
  test.each(cases)("$name", ({ steps, rows }) => expectRows(afterSteps(steps), rows));

  test("the log tells of no key whose rows were written and taken back", () => {
    const db = afterSteps([together(put("a", "2020", inf), remove(-inf, inf), (tx) => tx.put("other", 1))]);
    expect(db.versions(KEY)).toEqual([]);
    expect([...db.transactions()].map(({ changes }) => changes.map(({ key }) => key))).toEqual([["other"]]);
  });
});

function failingInside(tx: Transaction): void {
  const fail = () =>
    tx.transaction((inner) => {
      remove(-inf, inf)(inner);
      throw new RangeError("no");
    });
  expect(fail).toThrow(RangeError);
}

describe("what changes nothing", () => {
  const rows: Row[] = [
    [{ a: 1, b: 2 }, "2020", "2022", 1, inf, 1],
    [{ a: 3 }, "2022", "2024", 1, inf, 1],
  ];
  const start = together(put({ a: 1, b: 2 }, "2020", "2022"), put({ a: 3 }, "2022", "2024"));

  test.each([
    ["an update to the same value", (tx: Transaction) => tx.update(KEY, (value) => value, { validFrom: "2019" })],
    ["an update to an equal value", update({ b: 2, a: 1 }, "2020", "2022")],
    ["an update to an equal value over a part", update({ a: 3 }, "2023", "2026")],
    ["a patch with what is there", patch({ a: 1 }, "2020", "2022")],
    ["a patch with nothing, where there are no gaps", patch({}, "2020", "2024")],
    ["an update of a key that is not there", (tx: Transaction) => tx.update("none", () => 1)],
    ["a delete where nothing is known", remove("2024", inf)],
    ["a delete of no time", remove("2021", "2021")],
  ])("%s: no transaction, no row", (_what, step) => {
    const db = afterSteps([start, step]);
    expectRows(db, rows);
    expect(db.stats().lastTx).toBe(1);
    expect([...db.transactions()]).toHaveLength(1);
  });

  test("an update writes only the slices that it changes", () => {
    expectRows(afterSteps([start, update({ a: 3 }, "2021", "2023")]), [
      [{ a: 1, b: 2 }, "2020", "2022", 1, 2, 1],
      [{ a: 3 }, "2022", "2024", 1, inf, 1],
      [{ a: 1, b: 2 }, "2020", "2021", 2, inf, 1],
      [{ a: 3 }, "2021", "2022", 2, inf, 2],
    ]);
  });

  test("a put of the value that is there writes nothing", () => {
    const db = afterSteps([put("a", "2020", inf), put("a", "2020", inf), put("a", "2021", "2022")]);
    expectRows(db, [["a", "2020", inf, 1, inf, 1]]);
    expect(db.stats().lastTx).toBe(1);
  });

  test("a put writes the stretches where its value does not hold, and no others", () => {
    expectRows(afterSteps([put("a", "2020", "2022"), put("b", "2023", "2024"), put("a", "2019", "2025")]), [
      ["a", "2020", "2022", 1, inf, 1],
      ["b", "2023", "2024", 2, 3, 2],
      ["a", "2019", "2020", 3, inf, 3],
      ["a", "2022", "2025", 3, inf, 3],
    ]);
  });
});

describe("past, future and correction", () => {
  test("without a period a put holds from the time of its transaction on", () => {
    const timed = new TimedDatabase();
    const first = timed.db.putSync(KEY, "a");
    const second = timed.on("2026-02-01").db.putSync(KEY, "b");
    expect([first.time, second.time]).toEqual([START, Date.parse("2026-02-01")]);
    expectRows(timed.db, [
      ["a", "2026-01-01", inf, 1, 2, 1],
      ["a", "2026-01-01", "2026-02-01", 2, inf, 1],
      ["b", "2026-02-01", inf, 2, inf, 2],
    ]);
    expect(timed.db.get(KEY, { validAt: START - 1 })).toBe(undefined);
  });

  test("without a period a delete ends what holds now, and what was to hold later", () => {
    const timed = new TimedDatabase();
    timed.db.putSync(KEY, "a", { validFrom: "2020", validTo: "2030" });
    timed.db.putSync(KEY, "b", { validFrom: "2031" });
    timed.on("2026-02-01").db.deleteSync(KEY);
    expectRows(timed.db, [
      ["a", "2020", "2030", 1, 3, 1],
      ["b", "2031", inf, 2, 3, 2],
      ["a", "2020", "2026-02-01", 3, inf, 1],
    ]);
    expect(timed.db.get(KEY)).toBe(undefined);
  });

  test("while the clock stands still, each transaction is valid from its own time on", () => {
    const { db } = new TimedDatabase();
    const times = ["a", "b", "c"].map((value) => db.putSync(KEY, value).time);
    expect(times).toEqual([START, START + 0.001, START + 0.002]);
    expectRows(db, [
      ["a", START, inf, 1, 2, 1],
      ["a", START, START + 0.001, 2, inf, 1],
      ["b", START + 0.001, inf, 2, 3, 2],
      ["b", START + 0.001, START + 0.002, 3, inf, 2],
      ["c", START + 0.002, inf, 3, inf, 3],
    ]);
    expect(db.get(KEY)).toBe("c");
    expect(times.map((validAt) => db.get(KEY, { validAt }))).toEqual(["a", "b", "c"]);
  });

  test("while the clock stands still, every write begins at the time of its transaction", () => {
    const timed = new TimedDatabase();
    const { db } = timed;
    const first = db.putSync(KEY, { n: 1 });
    const after: { name: string; write: () => { time: number }; value: unknown }[] = [
      { name: "patch", write: () => db.patchSync(KEY, { m: 2 }), value: { n: 1, m: 2 } },
      { name: "update", write: () => db.updateSync(KEY, () => ({ n: 3 })), value: { n: 3 } },
      { name: "delete", write: () => db.deleteSync(KEY), value: undefined },
    ];
    let before: unknown = { n: 1 };
    let { time } = first;
    for (const { name, write, value } of after) {
      const receipt = write();
      expect(receipt.time, name).toBeGreaterThan(time);
      expect(db.get(KEY, { validAt: time }), `before the ${name}`).toEqual(before);
      expect(db.get(KEY, { validAt: receipt.time }), `from the ${name} on`).toEqual(value);
      ({ time } = receipt);
      before = value;
    }
    db.transactionSync((tx) => {
      tx.put(KEY, "inside");
      expect(tx.get(KEY)).toBe("inside");
      expect(tx.get(KEY, { validAt: tx.time })).toBe("inside");
      expect(tx.version(KEY)?.validFrom).toBe(tx.time);
      expect(tx.asOf({}).get(KEY)).toBe("inside");
    });
    // A clock that was set back by a day.
    timed.now = START - 86_400_000;
    const { time: later } = db.putSync(KEY, "after");
    expect(db.get(KEY)).toBe("after");
    expect(db.version(KEY)?.validFrom).toBe(later);
  });

  test("a fact about the past is known from now on only", () => {
    const timed = new TimedDatabase();
    timed.db.putSync("other", 0);
    timed.on("2026-03-01").db.putSync(KEY, "late", { validFrom: "2024-01-01", validTo: "2025-01-01" });
    const { db } = timed;
    expect(db.get(KEY)).toBe(undefined);
    expect(db.get(KEY, { validAt: "2024-06-01" })).toBe("late");
    expect(db.get(KEY, { validAt: "2024-06-01", knownAt: "2026-02-28" })).toBe(undefined);
    expect(db.get(KEY, { validAt: "2024-06-01", tx: 1 })).toBe(undefined);
    expect(db.version(KEY, { validAt: "2024-06-01" })).toMatchObject({ knownFrom: Date.parse("2026-03-01") });
  });

  test("a fact about the future holds when its time has come, without a write", () => {
    const timed = new TimedDatabase();
    const { db } = timed;
    db.putSync(KEY, "now", { validFrom: "2025" });
    db.putSync(KEY, "soon", { validFrom: START + DAY, validTo: START + 2 * DAY });
    const seen = [0, DAY - 0.001, DAY, 2 * DAY - 0.001, 2 * DAY].map((after) => {
      timed.now = START + after;
      return [db.get(KEY), [...db.range()][0][1]];
    });
    expect(seen).toEqual(["now", "now", "soon", "soon", "now"].map((value) => [value, value]));
    expect(db.stats().lastTx).toBe(2);
  });

  test("a correction changes what is known, and not what was known", () => {
    const timed = new TimedDatabase();
    const { db } = timed;
    db.putSync("node-16/eol", "2024-04-30", { validFrom: "2021-04-20" });
    timed.on("2026-06-11").db.updateSync("node-16/eol", () => "2023-09-11", { validFrom: -inf });
    const answers = ["2026-01-01", "2026-06-10", "2026-06-11"].map((knownAt) =>
      db.get("node-16/eol", { validAt: "2022-01-01", knownAt }),
    );
    expect(answers).toEqual(["2024-04-30", "2024-04-30", "2023-09-11"]);
  });

  test("the last word counts, not the latest beginning", () => {
    const db = afterSteps([put("a", 1, inf), put("b", 5, inf), put("c", 1, inf)]);
    expect([1, 2, 3].map((tx) => db.get(KEY, { validAt: 7, tx }))).toEqual(["a", "b", "c"]);
    expectRows(db, [
      ["a", 1, inf, 1, 2, 1],
      ["a", 1, 5, 2, 3, 1],
      ["b", 5, inf, 2, 3, 2],
      ["c", 1, inf, 3, inf, 3],
    ]);
  });
});

describe("merging equal neighbours", () => {
  const known = (db: Database) =>
    db
      .versions(KEY, { tx: [db.stats().lastTx, inf] })
      .map(({ value, validFrom, validTo }) => ({ from: validFrom, to: validTo, value }));

  test("adjacent rows stay apart when they are written, and coalesce puts them together", () => {
    const db = afterSteps([put("a", "2020", "2021"), put("a", "2021", "2022"), put("b", "2022", "2023")]);
    expectRows(db, [
      ["a", "2020", "2021", 1, inf, 1],
      ["a", "2021", "2022", 2, inf, 2],
      ["b", "2022", "2023", 3, inf, 3],
    ]);
    expect(coalesce(known(db))).toEqual([
      { from: Date.parse("2020-01-01"), to: Date.parse("2022-01-01"), value: "a" },
      { from: Date.parse("2022-01-01"), to: Date.parse("2023-01-01"), value: "b" },
    ]);
  });

  test("a change that is taken back leaves three rows, which coalesce to one with open ends", () => {
    const db = afterSteps([put("a", -inf, inf), update("b", "2020", "2021"), update("a", "2020", "2021")]);
    expect(known(db)).toHaveLength(3);
    expect(coalesce(known(db))).toEqual([{ from: -inf, to: inf, value: "a" }]);
  });

  test("a gap keeps equal rows apart", () => {
    const db = afterSteps([put("a", "2020", "2024"), remove("2021", "2022")]);
    expect(coalesce(known(db))).toEqual(known(db));
    expect(known(db)).toHaveLength(2);
  });

  test("objects are equal if the caller says so", () => {
    const db = afterSteps([put({ n: 1 }, "2020", "2021"), put({ n: 1 }, "2021", "2022")]);
    expect(coalesce(known(db))).toHaveLength(2);
    expect(coalesce(known(db), (a, b) => JSON.stringify(a) === JSON.stringify(b))).toHaveLength(1);
  });
});
