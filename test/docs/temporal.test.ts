/**
 * The bitemporal store as `docs/format.md` describes it: a database with splits, shared and large values, gaps, erased
 * keys and metadata is written through the public API, and read from its file by the second reader.
 */
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Database, type Key, open, type Version } from "../../index.js";
import { numbersFrom } from "./contents.js";
import { readCheckpoints, SecondReader } from "./second-reader.js";
import { type ReadSlice, SecondTemporal } from "./second-temporal.js";

const YEAR = 365.25 * 86_400_000;
const NOW = Date.parse("2026-01-01");
const PARTITIONS = [0, 247, 248, 70_000, 2 ** 32 - 1];
const KEYS: Key[] = ["a", "a\0b", "", 1, -1.5, 2n ** 70n, null, true, new Uint8Array([0, 1]), ["t", ["u", 2]], "gone"];

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "llmdb-temporal-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Transactions at random, and some that make sure that each kind of record comes up. */
function fill(db: Database, transactions: number): void {
  const below = numbersFrom(3);
  const values = ["short", "of medium length, so that it is shared", { list: [1, null, 2.5] }, "x".repeat(1100)];
  for (let i = 0; i < transactions; i++) {
    db.transactionSync(
      (tx) => {
        for (let n = below(4); n >= 0; n--) {
          const store = tx.partition<unknown>(PARTITIONS[below(PARTITIONS.length)]);
          const key = KEYS[below(KEYS.length)];
          const start = NOW + (below(40) - 20) * YEAR;
          const valid = {
            validFrom: below(5) === 0 ? -Infinity : start,
            validTo: below(3) === 0 ? Infinity : start + (1 + below(200)) * (YEAR / 10) + 0.001,
          };
          const kind = below(8);
          if (kind < 4) store.put(key, values[below(values.length)], valid);
          else if (kind === 4) store.put(key, below(9));
          else if (kind === 5) store.update(key, (value) => ({ was: value }), valid);
          else if (kind === 6) store.delete(key, valid);
          else store.put(key, `${values[below(2)]}${below(10)}`, valid);
        }
      },
      { durability: "buffered", ...(i % 7 === 0 && { meta: { i, who: "test" } }) },
    );
  }
  db.transactionSync((tx) => tx.map("plain").put(1, 2));
  db.partition(248).putSync("document", { a: 1 }, { validFrom: 0 });
  db.partition(248).patchSync("document", { b: 2 }, { validFrom: -1 });
  for (const id of PARTITIONS) {
    const again = (key: Key) =>
      db.transactionSync((tx) => tx.partition(id).put(key, "said again", { validFrom: 0 }), { meta: "again" });
    for (const key of ["again", "again", "gone", "gone"]) again(key);
    db.partition(id).eraseSync("gone");
  }
}

/** What the API gives of every key, in the order of the second reader. */
function slicesOf(db: Database): ReadSlice[] {
  return PARTITIONS.flatMap((partition) => {
    const store = db.partition(partition);
    const keys = [...KEYS, "document", "again"];
    return keys.flatMap((key) => store.versions(key).map((version: Version<unknown>) => ({ partition, ...version })));
  });
}

function readStore(path: string): { reader: SecondReader; store: SecondTemporal } {
  const file = readFileSync(path);
  const reader = new SecondReader(file, readCheckpoints(file)[0]);
  const store = new SecondTemporal(reader.maps());
  reader.accountForPages();
  return { reader, store };
}

function sorted(slices: readonly ReadSlice[]): ReadSlice[] {
  const name = ({ partition, key }: ReadSlice): string =>
    `${partition} ${Buffer.from(typeof key === "string" ? key : String(key)).toString("hex")} ${typeof key}`;
  // Within a key the order is that of the reader or of the API, which are to be the same.
  return [...slices].sort((a, b) => (name(a) < name(b) ? -1 : name(a) > name(b) ? 1 : 0));
}

function textOfBigint(_: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}

test.each([4096, 8192] as const)("with pages of %i bytes the store reads the same", (pageSize) => {
  const path = join(folder, "temporal.llmdb");
  const db = open(path, { pageSize, clock: () => NOW });
  fill(db, 1500);
  const slices = slicesOf(db);
  const transactions = [...db.transactions()];
  expect(db.verify().problems).toEqual([]);
  db.closeSync();

  const { reader, store } = readStore(path);
  expect(store.horizon).toBe(0);
  expect(store.transactions()).toEqual(transactions);
  expect(sorted(store.slices())).toEqual(sorted(slices));
  const unchanged = transactions.flatMap(({ tx, changes }) =>
    changes.flatMap(({ op, partition, key }) =>
      op === "unchanged" && !(key instanceof Uint8Array && key.length === 32) ? [{ partition, key, tx }] : [],
    ),
  );
  const inOrder = (mentions: typeof unchanged) => mentions.map((one) => JSON.stringify(one, textOfBigint)).sort();
  expect(inOrder(store.mentions())).toEqual(inOrder(unchanged));
  expect(slices.length).toBeGreaterThan(3000);
  // A run that did not meet one of these would prove less than it seems to.
  expect(Object.entries(store.seen).filter(([, times]) => times === 0)).toEqual([]);
  expect(reader.seen.bounds).toBeGreaterThan(0);
});

test("what was forgotten is noted, and a hash is that of the stem", async () => {
  const path = join(folder, "forgotten.llmdb");
  const db = open(path, { pageSize: 4096, clock: () => NOW });
  fill(db, 300);
  const [middle] = db.transactions({ after: 150, limit: 1 });
  await db.forgetHistory({ before: middle.time });
  const slices = slicesOf(db);
  const transactions = [...db.transactions()];
  db.closeSync();
  const { store } = readStore(path);
  expect(store.horizon).toBe(middle.tx);
  expect(store.transactions()).toEqual(transactions);
  expect(sorted(store.slices())).toEqual(sorted(slices));
  const hash = createHash("sha256")
    .update(Buffer.from([0, 0x20, ...Buffer.from("gone"), 0]))
    .digest();
  const erased = transactions.flatMap(({ changes }) => changes).filter(({ op }) => op === "erase");
  expect(erased[0]).toMatchObject({ partition: 0, key: new Uint8Array(hash) });
});

test("a slice and a row take as many bytes as docs/bitemporal.md says", () => {
  const path = join(folder, "bytes.llmdb");
  let clock = NOW;
  const db = open(path, { clock: () => clock++ });
  db.putSync("key", "twenty bytes of text", { validFrom: 0, validTo: 10 }); // @1
  db.putSync("key", 1, { validFrom: 5, validTo: 6 }); // @2
  db.deleteSync("key", { validFrom: 0, validTo: 10 }); // @3
  db.deleteSync("key"); // nothing is known, so nothing is written
  db.putSync("key", 2); // @4
  db.closeSync();
  const file = readFileSync(path);
  const maps = new SecondReader(file, readCheckpoints(file)[0]).maps();
  const sizes = (name: string): number[] => {
    const map = maps.find((one) => one.name === name);
    return (map?.entries ?? []).map(([key, value]) => key.length + value.length).sort((a, b) => a - b);
  };
  const key = "key".length + 2;
  const value = "twenty bytes of text".length + 1;
  expect(sizes("_meta/history")).toEqual(
    // Two leftovers that name the closed slice (one by a flag alone), the slice that cut it, and the whole one.
    [30 + key + 6, 30 + key + 6 + 14, 30 + key + 1, 30 + key + value].sort((a, b) => a - b),
  );
  const rowKey = 6;
  expect(sizes("_meta/transactions")).toEqual([rowKey + 9 + key + 4, ...Array(3).fill(rowKey + 9 + key + 20)]);
});
