/**
 * Facts at a point as leaf pages: they hold what a range over the same point gives, and the same facts give the same
 * bytes, whatever became of them on the way.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { cellAt, copyKey, isOnExtents, maxInlineBytes, nodeCount, storedLength, valueAt } from "../../btree/node.js";
import { validateNode } from "../../btree/validate.js";
import { decodeKey, encodeKey, type Key, KeyBuffer } from "../../engine/key.js";
import { valueCodec } from "../../engine/value.js";
import type { At, Database, OpenOptions, Range } from "../../index.js";
import { PageViews } from "../../pager/page.js";
import { type LeafPack, packLeaves } from "../../temporal/leaf-pack.js";
import { sourcesOf } from "../../temporal/snapshot.js";
import { CommittedSources } from "../../temporal/state-sources.js";
import { effort } from "../effort.js";
import { engineOf } from "../engine-of.js";
import { openFresh } from "../map/fresh.js";

const codec = valueCodec("msgpack");

const KEYS: Key[] = [
  ...[null, true, 0, 7, -1.5, 2n ** 80n, "", "a", "a\0b", "a\u0001", "\0", "ö/ä", "b".repeat(300)],
  ...[
    Uint8Array.of(),
    Uint8Array.of(0, 1, 2),
    Uint8Array.of(255),
    [],
    ["a\0", 1],
    [["x"], Uint8Array.of(0)],
    [null, []],
  ],
  ...Array.from({ length: 30 }, (_, i) => `row/${i}`),
  ...Array.from({ length: 12 }, (_, i) => ["t", i]),
];
const SIZES = [0, 5, 30, 400, 520, 985, 995, 3000];
const PARTITIONS = [0, 7, 300, 70_000];

/** A value whose encoding is a little longer than `size`. */
function textOf(size: number, letter: number): string {
  return "xyz"[letter].repeat(size);
}

interface Fact {
  readonly key: Key;
  readonly keyBytes: string;
  readonly value: Uint8Array;
}

/** All facts that the pages hold, and the pages; a value that is not in its page is read. */
function unpack(pack: LeafPack, at = 16): { facts: Fact[]; pages: Buffer[] } {
  const { pageSize } = pack;
  const views = new PageViews(new ArrayBuffer(at + pageSize), 0, at + pageSize);
  const maxInline = maxInlineBytes(pageSize);
  const key = new Uint8Array(pageSize);
  const facts: Fact[] = [];
  const pages: Buffer[] = [];
  for (let count = pack.next(views.u8, at); count > 0; count = pack.next(views.u8, at)) {
    expect(nodeCount(views, at)).toBe(count);
    let isWhole = true;
    for (let slot = 0; slot < count; slot++) {
      const length = copyKey(views, at, slot, key);
      key.fill(0, length, length + 8);
      const cell = cellAt(views, at, slot);
      const start = valueAt(views, at, slot);
      let value: Uint8Array | undefined = views.u8.slice(start, start + storedLength(views, cell));
      if (isOnExtents(views, cell)) {
        isWhole = false;
        expect(value.length).toBe(0);
        value = pack.value(key, length) ?? value;
        expect(value.length).toBeGreaterThan(maxInline);
      } else {
        expect(value.length).toBeLessThanOrEqual(maxInline);
        expect(Buffer.compare(pack.value(key, length) ?? new Uint8Array(0), value)).toBe(0);
      }
      facts.push({
        key: decodeKey(key, 0, length),
        keyBytes: Buffer.from(key.subarray(0, length)).toString("hex"),
        value,
      });
    }
    if (isWhole) expect(validateNode(views, at, pageSize, 10)).toBeUndefined();
    pages.push(Buffer.from(views.u8.slice(at)));
  }
  expect(pack.next(views.u8, at)).toBe(0);
  return { facts, pages };
}

function encodedKey(key: Key): string {
  const buffer = new KeyBuffer();
  encodeKey(key, buffer, 1000);
  return Buffer.from(buffer.bytes.subarray(0, buffer.length)).toString("hex");
}

interface Write {
  readonly kind: "put" | "delete" | "erase";
  readonly key: number;
  readonly partition: number;
  readonly from: number;
  readonly days: number | null;
  readonly size: number;
  readonly letter: number;
}

const DAY = 86_400_000;
const START = Date.UTC(2020, 0, 1);

const write: fc.Arbitrary<Write> = fc.record({
  kind: fc.constantFrom<Write["kind"][]>("put", "put", "put", "put", "put", "delete", "erase"),
  key: fc.nat(KEYS.length - 1),
  partition: fc.nat(PARTITIONS.length - 1),
  from: fc.nat(20),
  days: fc.option(fc.integer({ min: 1, max: 12 }), { freq: 2, nil: null }),
  size: fc.nat(SIZES.length - 1),
  letter: fc.nat(2),
});

function commit(db: Database, writes: readonly Write[]): void {
  db.transactionSync((tx) => {
    for (const { kind, key, partition, from, days, size, letter } of writes) {
      const store = tx.partition(PARTITIONS[partition]);
      const validFrom = START + from * DAY;
      const valid = { validFrom, validTo: days === null ? Number.POSITIVE_INFINITY : validFrom + days * DAY };
      if (kind === "put") store.put(KEYS[key], textOf(SIZES[size], letter), valid);
      else if (kind === "delete") store.delete(KEYS[key], valid);
      else store.erase(KEYS[key]);
    }
  });
}

const options: OpenOptions[] = [{ pageSize: 4096, cacheBytes: 0 }, { pageSize: 8192 }];

test("pages hold what a range gives at any point, byte for byte the same from the facts alone", () => {
  const bound = fc.option(fc.constantFrom(...KEYS), { nil: undefined });
  const shape = fc.record({
    options: fc.constantFrom(...options),
    commits: fc.array(fc.array(write, { maxLength: 40, size: "max" }), { minLength: 1, maxLength: 8 }),
    gte: bound,
    lt: bound,
    partition: fc.nat(PARTITIONS.length - 1),
    validAt: fc.option(fc.nat(25), { nil: null }),
    tx: fc.option(fc.nat(8), { nil: null }),
    isSnapshot: fc.boolean(),
  });
  const property = fc.property(shape, ({ options, commits, gte, lt, partition, validAt, tx, isSnapshot }) => {
    const db = openFresh(options);
    const id = PARTITIONS[partition];
    for (const writes of commits) commit(db, writes);
    const at: At = {
      ...(validAt !== null && { validAt: START + validAt * DAY }),
      ...(tx !== null && { tx: Math.min(tx, commits.length) }),
    };
    if (at.tx !== undefined && at.tx > engineOf(db).state.lastTx) at.tx = engineOf(db).state.lastTx;
    const range: Range = { ...(gte !== undefined && { gte }), ...(lt !== undefined && { lt }) };
    const snapshot = db.snapshot();
    const sources = isSnapshot ? sourcesOf(snapshot) : new CommittedSources(engineOf(db).state);
    const pack = packLeaves(sources, id, range, at);
    const expected = [...snapshot.partition(id).range(range, at)];
    commit(db, commits[0]);
    const { facts, pages } = unpack(pack);
    expect(facts.map(({ key, value }) => [key, codec.decode(value)])).toEqual(expected);
    expect(facts.map(({ keyBytes }) => keyBytes)).toEqual(expected.map(([key]) => encodedKey(key)));
    pack.close();
    snapshot.close();
    expect(db.stats().openSnapshots).toBe(0);
    db.closeSync();
    expect(pagesOf(expected, options)).toEqual(pages);
  });
  fc.assert(property, { numRuns: effort(30) });
});

/** The pages of a store that was never told anything else. */
function pagesOf(facts: readonly [Key, unknown][], options: OpenOptions): Buffer[] {
  const db = openFresh(options);
  for (const [key, value] of [...facts].reverse()) db.partition(3).putSync(key, value, { validFrom: START });
  const pack = packLeaves(new CommittedSources(engineOf(db).state), 3);
  const { pages } = unpack(pack, 0);
  pack.close();
  db.closeSync();
  return pages;
}

test("pages are filled, and read while others write", () => {
  const db = openFresh({ pageSize: 4096, cacheBytes: 0 });
  const store = db.partition<number>(1);
  db.transactionSync((tx) => {
    for (let i = 0; i < 5000; i++) tx.partition(1).put(["fact", i], i);
  });
  const pack = packLeaves(new CommittedSources(engineOf(db).state), 1);
  const page = new Uint8Array(4096);
  const counts: number[] = [];
  for (let count = pack.next(page, 0); count > 0; count = pack.next(page, 0)) {
    counts.push(count);
    store.putSync(["fact", counts.length * 3], -1);
    store.deleteSync(["fact", 4999 - counts.length]);
  }
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(5000);
  // A slot, a cell and its length take 8 + 2 bytes; key tails and values at most 11.
  expect(Math.min(...counts.slice(0, -1))).toBeGreaterThan(4064 / 22);
  pack.close();
});

test("what a range of pages does not have is refused, and so is a pack that is closed", () => {
  const db = openFresh();
  db.putSync("a", 1);
  const sources = new CommittedSources(engineOf(db).state);
  for (const range of [{ reverse: true }, { limit: 3 }, { offset: 1 }]) {
    expect(() => packLeaves(sources, 0, range)).toThrow(expect.objectContaining({ code: "LLMDB_INVALID_ARGUMENT" }));
  }
  expect(() => packLeaves(sources, 0, {}, { tx: 99 })).toThrow(expect.objectContaining({ code: "LLMDB_FUTURE_TX" }));
  const pack = packLeaves(sources, 0);
  for (const bytes of [Uint8Array.of(0x20, 0x61), Uint8Array.of(0x20, 0x62), Uint8Array.of(0), new Uint8Array(5000)]) {
    expect(pack.value(bytes, bytes.length)).toEqual(bytes[1] === 0x61 ? Uint8Array.of(1) : undefined);
  }
  expect(pack.value(new Uint8Array(1200).fill(0x20), 1100)).toBeUndefined();
  expect([pack.tx, pack.micros, pack.pageSize]).toEqual([1, engineOf(db).state.lastMicros, 8192]);
  pack.close();
  const closed = expect.objectContaining({ code: "LLMDB_CLOSED" });
  expect(() => pack.next(new Uint8Array(8192), 0)).toThrow(closed);
  expect(() => pack.value(new Uint8Array(9), 1)).toThrow(closed);
  expect(db.stats().openSnapshots).toBe(0);
});
