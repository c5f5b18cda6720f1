/**
 * What is handed out to iterate over is an iterator of the platform: it has the methods that all of them have where
 * there are any (Node 22 and later), and lets go of what it holds however it ends.
 */
import { expect, test } from "vitest";
import { type Database, openMemory, type Snapshot, type Transaction } from "../../index.js";
import { Memory } from "../../memory/index.js";
import { sourcesIn } from "../sources.js";

const platformIterator: object = Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]()));
const hasMethods = "take" in platformIterator;

/** The methods, as Node 22 has them: the types of Node 20 do not know of them. */
interface Methods<T> {
  map<U>(of: (item: T, index: number) => U): Methods<U>;
  filter(keep: (item: T) => boolean): Methods<T>;
  take(count: number): Methods<T>;
  drop(count: number): Methods<T>;
  forEach(use: (item: T) => void): void;
  some(test: (item: T) => boolean): boolean;
  reduce<U>(add: (sum: U, item: T) => U, start: U): U;
  toArray(): T[];
  next(): IteratorResult<T, undefined>;
  return(): IteratorResult<T, undefined>;
}

type Iterates = IteratorObject<unknown, undefined>;
type Reads = Pick<Database, "range" | "diff" | "map" | "partition"> | Snapshot | Transaction;

const ITEMS = 5;

/** A database of which every iterator has at least {@link ITEMS} items. */
function filled(): { db: Database; memory: Memory } {
  const db = openMemory();
  const memory = new Memory(db);
  for (let i = 0; i < ITEMS; i++) {
    memory.transactionSync((tx) => tx.remember({ subject: `s${i}`, predicate: "is", object: "here" }));
    db.map("m").putSync(i, i);
    db.partition(7).putSync(i, i);
  }
  return { db, memory };
}

/** Every way to iterate, whatever is read. */
function readsOf(reads: Reads): Record<string, () => Iterates> {
  return {
    "map.range": () => reads.map("m").range(),
    "map.range of nothing": () => reads.map("never written").range(),
    "map.keys": () => reads.map("m").keys({ gte: 0 }),
    "map.values": () => reads.map("m").values({ reverse: true }),
    range: () => reads.range(),
    "range of a partition": () => reads.partition(7).range(),
    "range as of": () => reads.partition(7).range({}, { validAt: "2999-01-01" }),
    diff: () => reads.diff({ validAt: "2000-01-01" }, {}),
  };
}

/** Calls `use` with each iterator that there is, by its name, and with how to tell what is held. */
function eachIterator(use: (name: string, make: () => Iterates, held: () => number) => void): void {
  const { db, memory } = filled();
  const snapshot = db.snapshot();
  const all: Record<string, () => Iterates> = {
    ...readsOf(db),
    ...prefixed("snapshot: ", readsOf(snapshot)),
    transactions: () => db.transactions(),
    knownKeys: () => db.knownKeys(),
    "memory.diff": () => memory.diff({ validAt: "2000-01-01" }, {}),
    "memory.transactions": () => memory.transactions(),
  };
  for (const [name, make] of Object.entries(all)) use(name, make, () => db.stats().openSnapshots - 1);
  snapshot.close();
  db.transactionSync((tx) => {
    for (const [name, make] of Object.entries(readsOf(tx))) use(`transaction: ${name}`, make, () => 0);
  });
  expect(db.stats().openSnapshots).toBe(0);
  db.closeSync();
}

function prefixed<T>(prefix: string, of: Record<string, T>): Record<string, T> {
  return Object.fromEntries(Object.entries(of).map(([name, value]) => [prefix + name, value]));
}

test("each inherits from the iterator of the platform and iterates over itself", () => {
  let count = 0;
  eachIterator((name, make) => {
    count++;
    const iterator = make();
    expect(Object.prototype.isPrototypeOf.call(platformIterator, iterator), name).toBe(true);
    expect(iterator[Symbol.iterator](), name).toBe(iterator);
    const items = [...iterator];
    if (!name.includes("nothing")) expect(items.length, name).toBeGreaterThanOrEqual(ITEMS);
    expect(iterator.next(), name).toEqual({ done: true, value: undefined });
  });
  expect(count).toBe(28);
});

test("each lets go at its end, at the end of a loop, by return and by using", () => {
  const ends: Record<string, (iterator: Iterates) => void> = {
    all: (iterator) => void [...iterator],
    break: (iterator) => {
      for (const _ of iterator) break;
    },
    return: (iterator) => {
      iterator.next();
      expect(iterator.return?.()).toEqual({ done: true, value: undefined });
    },
    "return twice, before the first": (iterator) => {
      iterator.return?.();
      iterator.return?.();
    },
    using: (iterator) => {
      iterator.next();
      iterator[Symbol.dispose]();
    },
  };
  eachIterator((name, make, held) => {
    for (const [way, end] of Object.entries(ends)) {
      const iterator = make();
      end(iterator);
      expect(held(), `${name}: ${way}`).toBe(0);
      expect(iterator.next().done, `${name}: ${way}`).toBe(true);
    }
  });
});

test.skipIf(!hasMethods)("each has the methods of the platform, and what ends them early lets go", () => {
  eachIterator((name, make, held) => {
    const all = [...make()];
    const iterator = (): Methods<unknown> => make() as Iterates & Methods<unknown>;
    expect(iterator().toArray(), name).toEqual(all);
    expect(iterator().take(3).toArray(), name).toEqual(all.slice(0, 3));
    expect(held(), name).toBe(0);
    expect(iterator().drop(2).take(1).toArray(), name).toEqual(all.slice(2, 3));
    const pairs = iterator().map((item, index) => [index, item] as const);
    expect(pairs.filter(([index]) => index % 2 === 1).toArray(), name).toEqual(
      all.map((item, index) => [index, item]).filter(([index]) => (index as number) % 2 === 1),
    );
    const seen: unknown[] = [];
    iterator().forEach((item) => void seen.push(item));
    expect(seen, name).toEqual(all);
    expect(
      iterator().some(() => true),
      name,
    ).toBe(all.length > 0);
    expect(
      iterator().reduce((count: number) => count + 1, 0),
      name,
    ).toBe(all.length);
    const left = iterator().map((item) => item);
    left.next();
    left.return();
    if (all.length > 0) {
      const failing = iterator().map(() => {
        throw new RangeError("mine");
      });
      expect(() => failing.next(), name).toThrow(RangeError);
    }
    expect(held(), name).toBe(0);
  });
});

test("no class of its own makes an iterator that does not inherit from the platform's", () => {
  const sources = sourcesIn(".", /\.ts$/).filter(({ path }) => !/^(test|bench|examples|cli)\//.test(path));
  const classes = sources.flatMap(({ path, text }) =>
    [...text.matchAll(/^(?:export )?(?:abstract )?class (\w+)([^{]*)\{(.*?)^\}/gms)]
      .filter(([, , , body]) => /^ {2}(?:abstract )?next\(.*\): IteratorResult</m.test(body))
      .map(([, name, heritage]) => ({ where: `${path}: ${name}`, heritage })),
  );
  expect(classes.length).toBeGreaterThanOrEqual(6);
  const own = classes.filter(({ heritage }) => !/\bextends HeldIterator</.test(heritage));
  expect(own.map(({ where }) => where)).toEqual(["engine/held-iterator.ts: HeldIterator"]);
  const loose = sources.filter(({ text }) => /\bimplements (Iterable)?Iterator\b/.test(text));
  expect(loose.map(({ path }) => path)).toEqual([]);
});
