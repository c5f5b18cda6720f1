/** The oracle against the cases that its page states, against a store that splits, and the histories themselves. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Key } from "../../engine/key.js";
import { MINUS_INFINITY, PLUS_INFINITY, parseInstant, toMilliseconds } from "../../temporal/instant.js";
import { effort } from "../effort.js";
import { clockOf, runOnDatabase, runOnOracle } from "../harness/temporal/driver.js";
import { historyOf, type PlannedOperation } from "../harness/temporal/history.js";
import { BitemporalOracle, type OracleOperation, type OracleSlice } from "../harness/temporal/oracle.js";
import { compareKeys } from "../key/order.js";
import { SplittingStore } from "./splitting-store.js";

const key = "k";
const inf = PLUS_INFINITY;

function day(text: string): bigint {
  return parseInstant(text, "the day");
}

const put = (value: unknown, from: bigint, to: bigint): OracleOperation => ({ kind: "put", key, value, from, to });
const update = (value: unknown, from: bigint, to: bigint): OracleOperation => ({
  kind: "update",
  key,
  change: () => value,
  from,
  to,
});
const remove = (from: bigint, to: bigint): OracleOperation => ({ kind: "delete", key, from, to });

/** An oracle that was told one operation in each transaction. */
function told(...operations: OracleOperation[]): BitemporalOracle {
  const oracle = new BitemporalOracle(compareKeys);
  for (const [i, operation] of operations.entries()) oracle.transact(BigInt(i) * 1000n, [operation]);
  return oracle;
}

/** Slices in short: what, from, to, and who first said so. */
function short(slices: readonly OracleSlice[]): [unknown, bigint, bigint, number][] {
  return slices.map(({ value, from, to, origin }) => [value, from, to, origin]);
}

describe("the cases of the page", () => {
  test("1: put, update, delete", () => {
    const oracle = told(
      put("v1", day("2020"), inf),
      update("v2", day("2022"), day("2024")),
      remove(day("2023"), day("2025")),
    );
    expect(short(oracle.slices(key))).toEqual([
      ["v1", day("2020"), day("2022"), 1],
      ["v2", day("2022"), day("2023"), 2],
      ["v1", day("2025"), inf, 1],
    ]);
    expect(short(oracle.slices(key, 2))).toEqual([
      ["v1", day("2020"), day("2022"), 1],
      ["v2", day("2022"), day("2024"), 2],
      ["v1", day("2024"), inf, 1],
    ]);
    expect(short(oracle.slices(key, 1))).toEqual([["v1", day("2020"), inf, 1]]);
    expect(oracle.slices(key, 0)).toEqual([]);
    const versions = oracle.versions(key).map(({ value, from, to, origin, txFrom, txTo }) => {
      return [value, toYear(from), toYear(to), origin, txFrom, txTo];
    });
    expect(versions).toEqual([
      ["v1", 2020, Infinity, 1, 1, 2],
      ["v1", 2020, 2022, 1, 2, Infinity],
      ["v2", 2022, 2024, 2, 2, 3],
      ["v1", 2024, Infinity, 1, 2, 3],
      ["v2", 2022, 2023, 2, 3, Infinity],
      ["v1", 2025, Infinity, 1, 3, Infinity],
    ]);
  });

  test("2: what is written over whole leaves nothing", () => {
    const oracle = told(put("v1", day("1998"), day("2000")), put("v2", day("1997"), day("2001")));
    expect(short(oracle.slices(key))).toEqual([["v2", day("1997"), day("2001"), 2]]);
    const known = oracle.versions(key).map(({ value, txFrom, txTo }) => [value, txFrom, txTo]);
    expect(known).toEqual([
      ["v1", 1, 2],
      ["v2", 2, Infinity],
    ]);
  });

  test("3: equal neighbours stay apart", () => {
    const oracle = told(
      put("five", MINUS_INFINITY, inf),
      update("five1", day("2018"), day("2019")),
      update("five2", day("2017"), day("2020")),
    );
    expect(short(oracle.slices(key))).toEqual([
      ["five", MINUS_INFINITY, day("2017"), 1],
      ["five2", day("2017"), day("2018"), 3],
      ["five2", day("2018"), day("2019"), 3],
      ["five2", day("2019"), day("2020"), 3],
      ["five", day("2020"), inf, 1],
    ]);
  });

  test("4: salaries", () => {
    const oracle = told(
      put(12_000, day("2008-01-01"), day("2008-07-01")),
      put(16_000, day("2008-07-01"), day("2009-01-01")),
      update(14_000, day("2008-06-01"), day("2008-08-01")),
      remove(day("2008-06-15"), day("2008-08-15")),
    );
    expect(short(oracle.slices(key))).toEqual([
      [12_000, day("2008-01-01"), day("2008-06-01"), 1],
      [14_000, day("2008-06-01"), day("2008-06-15"), 3],
      [16_000, day("2008-08-15"), day("2009-01-01"), 2],
    ]);
    expect(short(oracle.slices(key, 3))).toEqual([
      [12_000, day("2008-01-01"), day("2008-06-01"), 1],
      [14_000, day("2008-06-01"), day("2008-07-01"), 3],
      [14_000, day("2008-07-01"), day("2008-08-01"), 3],
      [16_000, day("2008-08-01"), day("2009-01-01"), 2],
    ]);
  });

  test("the latest validFrom is not the rule", () => {
    const oracle = told(put("a", 1n, inf), put("b", 5n, inf), put("c", 1n, inf));
    expect(oracle.at(key, 7n)).toBe("c");
    expect(oracle.at(key, 7n, 2)).toBe("b");
    expect(oracle.at(key, 3n, 2)).toBe("a");
    expect(oracle.at(key, 0n)).toBeUndefined();
  });
});

describe("operations", () => {
  test("an update leaves gaps, a patch fills them", () => {
    const base = [
      { kind: "put", key, value: { n: 1 }, from: 2n, to: 4n },
      { kind: "put", key, value: { n: 2 }, from: 6n, to: 8n },
    ] as const;
    const patched = told(...base, { kind: "patch", key, part: { m: 9 }, from: 3n, to: 9n });
    expect(short(patched.slices(key))).toEqual([
      [{ n: 1 }, 2n, 3n, 1],
      [{ n: 1, m: 9 }, 3n, 4n, 3],
      [{ m: 9 }, 4n, 6n, 3],
      [{ n: 2, m: 9 }, 6n, 8n, 3],
      [{ m: 9 }, 8n, 9n, 3],
    ]);
    const updated = told(...base, update({ n: 2 }, 3n, 9n));
    expect(short(updated.slices(key))).toEqual([
      [{ n: 1 }, 2n, 3n, 1],
      [{ n: 2 }, 3n, 4n, 3],
      [{ n: 2 }, 6n, 8n, 2],
    ]);
  });

  test("a delete of nothing does nothing; other empty and reversed periods are errors", () => {
    const oracle = told(put("a", 1n, 9n), remove(5n, 5n));
    expect(short(oracle.slices(key))).toEqual([["a", 1n, 9n, 1]]);
    expect(() => told(put("a", 5n, 5n))).toThrow(RangeError);
    expect(() => told(remove(5n, 4n))).toThrow(RangeError);
    expect(() => told(update("a", 5n, 5n))).toThrow(RangeError);
  });

  test("an erase takes the past away too, and later writes begin anew", () => {
    const oracle = told(put("a", 1n, 9n), { kind: "erase", key }, put("b", 3n, 5n));
    expect(oracle.at(key, 4n, 1)).toBeUndefined();
    expect(oracle.slices(key, 2)).toEqual([]);
    expect(short(oracle.slices(key))).toEqual([["b", 3n, 5n, 3]]);
    expect(oracle.versions(key)).toHaveLength(1);
  });

  test("in one transaction the later wins and leaves no trace of the earlier", () => {
    const oracle = new BitemporalOracle(compareKeys);
    oracle.transact(0n, [put("a", 1n, 9n), put("b", 1n, 9n), put("c", 3n, 5n), put("b", 3n, 5n)]);
    expect(oracle.versions(key).map(({ value, from, to }) => [value, from, to])).toEqual([
      ["b", 1n, 3n],
      ["b", 3n, 5n],
      ["b", 5n, 9n],
    ]);
  });

  test("a nested transaction that fails is not recorded, a discarded one has no number", () => {
    const oracle = new BitemporalOracle(compareKeys);
    const tx = oracle.begin(5n);
    tx.record(put("a", 1n, 9n));
    const fail = (): void => {
      tx.record(put("b", 1n, 9n));
      tx.nest(() => tx.record({ kind: "erase", key }));
      throw new Error("no");
    };
    expect(() => tx.nest(fail)).toThrow("no");
    tx.nest(() => tx.record(put("c", 4n, 5n)));
    expect(() => oracle.begin(6n)).toThrow(RangeError);
    tx.commit();
    oracle.begin(7n).discard();
    expect(oracle.lastTx).toBe(1);
    expect(short(oracle.slices(key)).map(([value]) => value)).toEqual(["a", "c", "a"]);
    expect(oracle.events(1).map(({ seq }) => seq)).toEqual([0, 1]);
  });
});

test("times of transactions rise whatever the clock does, and now is not before them", () => {
  const oracle = new BitemporalOracle(compareKeys);
  expect(oracle.txAt(0n)).toBe(0);
  for (const clock of [100n, 100n, 50n, 200n]) oracle.transact(clock, [{ kind: "put", key, value: clock }]);
  expect([1, 2, 3, 4].map((tx) => oracle.timeOf(tx))).toEqual([100n, 101n, 102n, 200n]);
  expect(oracle.events().map(({ from }) => from)).toEqual([100n, 101n, 102n, 200n]);
  expect([99n, 100n, 102n, 199n, 200n, inf].map((time) => oracle.txAt(time))).toEqual([0, 1, 3, 3, 4, 4]);
  expect([oracle.nowAt(150n), oracle.nowAt(201n)]).toEqual([200n, 201n]);
  expect(() => oracle.at(key, 0n, 5)).toThrow(RangeError);
});

test("partitions and keys are apart, equal keys are one, and a range is in order", () => {
  const oracle = new BitemporalOracle(compareKeys);
  const keys: Key[] = ["1", 1, 1n, [1], ["1"], Uint8Array.of(1), true, null, "true", [[1]], [1, 1], "[1]", 0, -0];
  oracle.transact(
    0n,
    keys.map((one, i) => ({ kind: "put", key: one, value: i })),
  );
  oracle.transact(0n, [{ kind: "put", partition: 3, key: 1, value: "other" }]);
  const expected = [null, true, 0, 1, "1", "[1]", "true", Uint8Array.of(1), [1], [1, 1], ["1"], [[1]]];
  expect(oracle.range(5n).map(([one]) => one)).toEqual(expected);
  expect([oracle.at(1, 5n), oracle.at(0, 5n), oracle.at(1, 5n, 2, 3)]).toEqual([2, 13, "other"]);
  expect(oracle.range(5n, 1, 3)).toEqual([]);
  expect(oracle.range(5n, 2, 3)).toEqual([[1, "other"]]);
  expect(oracle.partitions()).toEqual([0, 3]);
});

/** A history, told to the oracle and to a store that splits. */
function bothOf(seed: number, transactions: number): { oracle: BitemporalOracle; store: SplittingStore } {
  const oracle = new BitemporalOracle(compareKeys);
  const store = new SplittingStore();
  for (const plan of historyOf(seed, { transactions, large: 0.02 })) {
    store.clock = plan.clock;
    expect(parseInstant(clockOf(plan), "the clock")).toBe(plan.clock);
    runOnDatabase(store, plan);
    expect(runOnOracle(oracle, plan) ?? oracle.lastTx).toBe(store.lastTx);
    expect(oracle.timeOf(oracle.lastTx)).toBe(store.lastTime);
  }
  return { oracle, store };
}

describe("random histories", () => {
  test("the oracle knows the slices that splitting leaves, in every transaction", () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 40 }), (seed, transactions) => {
        const { oracle, store } = bothOf(seed, transactions);
        for (const partition of oracle.partitions()) {
          for (const one of oracle.keys(partition)) {
            const stored = store.slices
              .filter((slice) => slice.partition === partition && slice.key === one)
              .map(({ partition: _partition, key: _key, ...slice }) => slice)
              .sort((a, b) => a.txFrom - b.txFrom || (a.from < b.from ? -1 : 1));
            expect(oracle.versions(one, partition)).toEqual(stored);
          }
        }
      }),
      { numRuns: effort(100) },
    );
  });

  test("the slices of a transaction are disjoint and give the answers of the rule", () => {
    const { oracle } = bothOf(7, 40);
    for (const one of oracle.keys()) {
      for (let tx = 0; tx <= oracle.lastTx; tx++) {
        const slices = oracle.slices(one, tx);
        for (const [i, { from }] of slices.slice(1).entries()) expect(slices[i].to <= from).toBe(true);
        const bounds = slices.flatMap(({ from, to }) => [from - 1n, from, to - 1n, to]);
        for (const time of bounds) {
          const holding = slices.find(({ from, to }) => from <= time && time < to);
          expect(oracle.at(one, time, tx)).toEqual(holding?.value);
        }
      }
    }
  });

  test("are the same for the same seed, and have everything in them", () => {
    const history = [...historyOf(3, { transactions: 400 })];
    expect([...historyOf(3, { transactions: 400 })]).toEqual(history);
    expect([...historyOf(4, { transactions: 400 })]).not.toEqual(history);
    const flat = (operation: PlannedOperation): PlannedOperation[] =>
      operation.kind === "nested" ? [operation, ...operation.operations.flatMap(flat)] : [operation];
    const operations = history.flatMap((plan) => plan.operations.flatMap(flat));
    const seen = new Set<string>();
    for (const operation of operations) {
      seen.add(operation.kind === "nested" ? `nested ${operation.rollsBack}` : operation.kind);
      if (operation.kind === "put" && "text" in operation.value)
        seen.add(`text ${String(operation.value.text).length}`);
      if (operation.kind === "update") seen.add(operation.change);
    }
    const kinds = ["put", "delete", "update", "patch", "erase", "nested true", "nested false"];
    const changes = ["increment", "reset", "copy", "identity"];
    expect([...seen].sort()).toEqual([...kinds, ...changes, "text 3000", "text 20000"].sort());
    const steps = history.slice(1).map(({ clock }, i) => Math.sign(Number(clock - history[i].clock)));
    expect(new Set(steps)).toEqual(new Set([-1, 0, 1]));
    expect(history.some(({ rollsBack }) => rollsBack)).toBe(true);
    expect(toMilliseconds(history[399].clock)).toBeLessThan(2 ** 43);
  });
});

function toYear(micros: bigint): number {
  const milliseconds = toMilliseconds(micros);
  return Number.isFinite(milliseconds) ? new Date(milliseconds).getUTCFullYear() : milliseconds;
}
