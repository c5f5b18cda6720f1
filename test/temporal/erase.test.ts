/**
 * Erasing keys of the bitemporal store: after the next checkpoint, or a close, nothing of them is in the files, in
 * whatever form they were stored; everything else stays as it is at all times; the transaction log tells that something
 * was erased, and no more than a hash.
 */
import { describe, expect, test } from "vitest";
import type { Key } from "../../engine/key.js";
import { sha256 } from "../../pager/digest.js";
import type { Database } from "../../temporal/database.js";
import { open } from "../../temporal/open.js";
import { StoredKey } from "../../temporal/stored-key.js";
import type { Transaction } from "../../temporal/transaction.js";
import { isThorough } from "../effort.js";
import { Random } from "../harness/random.js";
import { SimulatedDisk } from "../harness/simulated-disk.js";
import { foundIn } from "../needles.js";

const PATH = "/db";
const PARTITIONS = [0, 300];
/** Repeated, shared between slices, and in the map of values. */
const SIZES = [12, 300, 3000, 30_000];
const KEYS_EACH = 6;
const HASH_BYTES = 32;
const MOST_IMAGES = 4;

interface Subject {
  readonly partition: number;
  readonly key: Key;
  /** Stands in the key and in all values. */
  readonly marker: string;
  readonly size: number;
  readonly isVictim: boolean;
}

/** Keys of all forms and values of all sizes; every other one is to be erased. */
function subjectsOf(seed: number): Subject[] {
  const random = new Random(seed);
  const letters = "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
  return PARTITIONS.flatMap((partition) =>
    SIZES.flatMap((size) =>
      Array.from({ length: KEYS_EACH }, (_, i) => {
        const marker = Array.from({ length: 24 }, () => random.pick([...letters])).join("");
        const keys: Key[] = [`m/${marker}`, marker, ["m", i, marker], Buffer.from(marker), marker.repeat(14)];
        return { partition, key: keys[i % keys.length], marker, size, isVictim: random.chance() };
      }),
    ),
  );
}

/** Parts of the marker, as keys are cut into prefixes and heads. */
function needlesOf({ marker }: Subject): string[] {
  return [marker.slice(2, 10), marker.slice(8, 16), marker.slice(14, 22)];
}

/** Those of which something is in the files. */
function findable(disk: SimulatedDisk, subjects: readonly Subject[]): Subject[] {
  const needles = subjects.flatMap(needlesOf);
  const found = new Set<string>();
  for (const name of disk.list("/")) {
    const file = disk.open(`/${name}`, "read");
    const bytes = Buffer.alloc(file.size());
    file.read(bytes, 0, bytes.length, 0);
    file.close();
    for (const needle of foundIn(bytes, needles)) found.add(needle);
  }
  return subjects.filter((subject) => needlesOf(subject).some((needle) => found.has(needle)));
}

function valueFor({ marker, size }: Subject, version: number): object {
  return { version, text: `${marker} ${version} `.repeat(Math.ceil(size / 27)).slice(0, Math.max(size, 26)) };
}

type Change = (tx: Transaction, subject: Subject) => void;

/** Versions that overlap and split each other, and operations that leave nothing. */
const CHANGES: readonly Change[] = [
  undone,
  (tx, of) => tx.partition(of.partition).put(of.key, valueFor(of, 1), { validFrom: "2020-01-01" }),
  (tx, of) =>
    tx.partition(of.partition).put(of.key, valueFor(of, 2), { validFrom: "2021-01-01", validTo: "2022-01-01" }),
  (tx, of) =>
    tx.partition(of.partition).update(of.key, (value) => ({ ...Object(value), more: of.marker }), {
      validFrom: "2020-06-01",
      validTo: "2023-01-01",
    }),
  undone,
  (tx, of) => tx.partition(of.partition).delete(of.key, { validFrom: "2022-06-01", validTo: "2022-09-01" }),
  (tx, of) =>
    tx
      .partition(of.partition)
      .patch(of.key, { patched: of.marker }, { validFrom: "2019-01-01", validTo: "2030-01-01" }),
  (tx, of) => tx.partition(of.partition).put(of.key, valueFor(of, 3), { validFrom: "2025-01-01" }),
];

/** Operations of which no slice is left. */
function undone(tx: Transaction, of: Subject): void {
  const store = tx.partition(of.partition);
  const before = { validFrom: "1990-01-01", validTo: "1991-01-01" };
  store.put(of.key, valueFor(of, 7), before);
  store.put(of.key, valueFor(of, 8), before);
  store.update(of.key, () => valueFor(of, 9), before);
  store.delete(of.key, before);
  store.delete(of.key, { validFrom: "1980-01-01", validTo: "1981-01-01" });
  store.update(of.key, (value) => value, { validFrom: "2020-01-01" });
  expect(() =>
    tx.transaction((inner) => {
      inner.partition(of.partition).put(of.key, valueFor(of, 10));
      throw new RangeError("on purpose");
    }),
  ).toThrow("on purpose");
}

async function fill(db: Database, subjects: readonly Subject[]): Promise<void> {
  for (const [i, change] of CHANGES.entries()) {
    // In one transaction, and in one each.
    if (i % 2 === 0)
      db.transactionSync((tx) => {
        for (const subject of subjects) change(tx, subject);
      });
    else for (const subject of subjects) db.transactionSync((tx) => change(tx, subject), { durability: "buffered" });
    if (i % 3 === 2) await db.checkpoint();
  }
}

function eraseSome(db: Database, subjects: readonly Subject[]): void {
  const victims = subjects.filter(({ isVictim }) => isVictim);
  const [first, ...others] = victims;
  db.partition(first.partition).eraseSync(first.key);
  db.transactionSync((tx) => {
    for (const subject of others) {
      undone(tx, subject);
      tx.partition(subject.partition).put(subject.key, valueFor(subject, 20));
      tx.partition(subject.partition).erase(subject.key);
      undone(tx, subject);
    }
  });
}

/** Every version of those that stay. */
function versionsOf(db: Database, subjects: readonly Subject[]): unknown[] {
  return subjects
    .filter(({ isVictim }) => !isVictim)
    .map(({ partition, key }) => db.partition(partition).versions(key));
}

function hashOf({ partition, key }: Subject): string {
  const stored = new StoredKey();
  stored.set(partition, key, 1000);
  return Buffer.from(sha256(stored.slice())).toString("hex");
}

/** The keys in the rows, hashes among them. */
function expectLog(db: Database, subjects: readonly Subject[]): void {
  const erased = new Set<string>();
  let text = "";
  for (const { changes } of db.transactions()) {
    for (const { op, key } of changes) {
      if (key instanceof Uint8Array) {
        const isHash = key.length === HASH_BYTES;
        text += isHash ? "" : `${Buffer.from(key).toString("latin1")}\n`;
        if (isHash && op === "erase") erased.add(Buffer.from(key).toString("hex"));
      } else text += `${JSON.stringify(key)}\n`;
    }
  }
  for (const subject of subjects) {
    expect(erased.has(hashOf(subject))).toBe(subject.isVictim);
    expect(text.includes(subject.marker)).toBe(!subject.isVictim);
  }
}

function expectErased(db: Database, disk: SimulatedDisk, subjects: readonly Subject[], before: unknown): void {
  expect(findable(disk, subjects)).toEqual(subjects.filter(({ isVictim }) => !isVictim));
  expect(versionsOf(db, subjects)).toEqual(before);
  expectLog(db, subjects);
  for (const { partition, key, isVictim } of subjects) {
    if (!isVictim) continue;
    expect(db.partition(partition).versions(key)).toEqual([]);
    expect(db.partition(partition).get(key, { validAt: "2021-06-01" })).toBeUndefined();
  }
  expect(db.verify().problems).toEqual([]);
}

describe.each(isThorough ? ([4096, 8192] as const) : ([4096] as const))("pages of %i bytes", (pageSize) => {
  const setUp = async (seed: number) => {
    const disk = new SimulatedDisk(seed);
    const subjects = subjectsOf(seed);
    const db = open(PATH, { storage: disk, pageSize });
    await fill(db, subjects);
    expect(findable(disk, subjects)).toEqual(subjects);
    return { disk, subjects, db, before: versionsOf(db, subjects) };
  };

  test("after a checkpoint nothing is left", async () => {
    const { disk, subjects, db, before } = await setUp(1);
    eraseSome(db, subjects);
    await db.checkpoint();
    expectErased(db, disk, subjects, before);
    db.closeSync();
  });

  test("after a close nothing is left", async () => {
    const { disk, subjects, db, before } = await setUp(2);
    eraseSome(db, subjects);
    db.closeSync();
    const again = open(PATH, { storage: disk });
    expectErased(again, disk, subjects, before);
    again.closeSync();
  });

  test("after a crash anywhere, reopening and a checkpoint nothing is left", async () => {
    const { disk, subjects, db, before } = await setUp(3);
    const images: SimulatedDisk[] = [];
    const random = new Random(8);
    disk.watcher = ({ kind }, when) => {
      if (when === "before" && kind !== "read" && random.chance(0.3)) images.push(disk.crash({ keep: random }));
    };
    eraseSome(db, subjects);
    images.push(disk.fork(), disk.crash({ keep: "none" }));
    await db.checkpoint();
    disk.watcher = undefined;
    const victims = subjects.filter(({ isVictim }) => isVictim);
    const last = victims[victims.length - 1];
    while (images.length > MOST_IMAGES) images.splice(random.below(images.length), 1);
    let count = 0;
    for (const image of images) {
      const again = open(PATH, { storage: image });
      // A crash before the commit leaves it as it was.
      if (again.partition(last.partition).versions(last.key).length > 0) eraseSome(again, subjects);
      else count++;
      await again.checkpoint();
      expectErased(again, image, subjects, before);
      again.closeSync();
    }
    expect(count).toBeGreaterThan(0);
    db.closeSync();
  });

  test("after history was forgotten, too", async () => {
    const { disk, subjects, db } = await setUp(4);
    const rows = [...db.transactions()];
    const { tx } = await db.forgetHistory({ before: rows[rows.length >> 1].time });
    const before = versionsOf(db, subjects);
    eraseSome(db, subjects);
    await db.checkpoint();
    expect(findable(disk, subjects)).toEqual(subjects.filter(({ isVictim }) => !isVictim));
    expect(versionsOf(db, subjects)).toEqual(before);
    expect(db.verify().problems).toEqual([]);
    expect(tx).toBeGreaterThan(1);
    db.closeSync();
  });

  test("keys can be used again, and erased again", async () => {
    const { disk, subjects, db, before } = await setUp(5);
    eraseSome(db, subjects);
    const victims = subjects.filter(({ isVictim }) => isVictim);
    await db.checkpoint();
    await fill(db, victims);
    for (const { partition, key } of victims) {
      const versions = db.partition(partition).versions(key);
      expect(versions.length).toBeGreaterThan(8);
    }
    expect(findable(disk, subjects)).toEqual(subjects);
    expect(db.verify().problems).toEqual([]);
    eraseSome(db, subjects);
    await db.checkpoint();
    expectErased(db, disk, subjects, before);
    db.closeSync();
  });

  test("in a nested transaction that rolls back it changes nothing", async () => {
    const { disk, subjects, db } = await setUp(6);
    const all = subjects.map((subject) => ({ ...subject, isVictim: false }));
    const before = versionsOf(db, all);
    db.transactionSync((tx) => {
      tx.put("kept", 1);
      expect(() =>
        tx.transaction((inner) => {
          for (const { partition, key } of all) inner.partition(partition).erase(key);
          expect(inner.partition(all[0].partition).versions(all[0].key)).toEqual([]);
          inner.transaction((innermost) => innermost.partition(all[0].partition).put(all[0].key, 1));
          throw new RangeError("on purpose");
        }),
      ).toThrow("on purpose");
      expect(tx.partition(all[0].partition).versions(all[0].key)).toEqual(before[0]);
    });
    expect(versionsOf(db, all)).toEqual(before);
    expectLog(db, all);
    await db.checkpoint();
    expect(findable(disk, all)).toEqual(all);
    expect(db.verify().problems).toEqual([]);
    db.closeSync();
  });
});

test("what an operation left in one row is found there, whatever came between", () => {
  const db = open(PATH, { storage: new SimulatedDisk(9) });
  const subject = { partition: 0, key: "the-key-to-erase", marker: "the-key-to-erase", size: 12, isVictim: true };
  db.transactionSync((tx) => {
    tx.put(subject.key, 1, { validFrom: 0, validTo: 10 });
    tx.put(subject.key, 2, { validFrom: 20, validTo: 30 });
    tx.put("another", 1);
    tx.delete(subject.key, { validFrom: 0, validTo: 10 });
  });
  db.transactionSync((tx) => {
    tx.delete(subject.key, { validFrom: 20, validTo: 30 });
    tx.put(subject.key, 3, { validFrom: 20, validTo: 30 });
    tx.delete(subject.key, { validFrom: 20, validTo: 30 });
  });
  db.transactionSync((tx) => {
    tx.put(subject.key, 4, { validFrom: 50 });
    tx.erase(subject.key);
    tx.put(subject.key, 5, { validFrom: 50 });
  });
  expect(db.versions(subject.key).map(({ value }) => value)).toEqual([5]);
  db.eraseSync(subject.key);
  expectLog(db, [subject]);
  expect(db.verify().problems).toEqual([]);
  db.closeSync();
});

test("the metadata of a transaction goes with the last key that it names", () => {
  const disk = new SimulatedDisk(1);
  const db = open(PATH, { storage: disk });
  const meta = { why: "as the canary said" };
  db.transactionSync(
    (tx) => {
      tx.put("a", 1);
      tx.put("b", 2);
    },
    { meta },
  );
  db.transactionSync((tx) => tx.put("a", 1), { meta: { why: "the canary said it again" } });
  const metas = () => [...db.transactions()].map((row) => row.meta);
  db.eraseSync("a");
  expect(metas()).toEqual([meta, undefined, undefined]);
  db.transactionSync((tx) => tx.erase("b"), { meta: { why: "asked for" } });
  expect(metas()).toEqual([undefined, undefined, undefined, { why: "asked for" }]);
  expect(db.verify().problems).toEqual([]);
  db.closeSync();
  const marker = { marker: "s the canary said it as the canary" };
  expect(findable(disk, [{ ...marker, partition: 0, key: "a", size: 0, isVictim: true }])).toEqual([]);
});
