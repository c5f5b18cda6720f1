/**
 * Code of the caller that runs in the middle of a call, and uses the database there. Buffers, cursors and counters of
 * the modules are shared by all calls, so each call must be done with them before such code runs. What is compared: the
 * outcome of a call, and all that is stored after it, with and without the use in its middle; or the call is refused.
 */
import { inspect, isDeepStrictEqual } from "node:util";
import { afterAll, expect, test } from "vitest";
import { type Database, type Key, LlmdbError, open, openMemory } from "../index.js";
import { createAnalyzer, Memory } from "../memory/index.js";
import { expectClean } from "./harness/index.js";
import { SimulatedDisk } from "./harness/simulated-disk.js";

/** What a call works on; `enter` is what its callback calls. */
interface World {
  readonly db: Database;
  readonly memory: Memory;
  /** A value that uses the database when it is handed out. */
  entered<T>(value: T): T;
}

type Call = (world: World) => unknown;

const START = Date.UTC(2026, 0, 1);
const WORDS = ["ada", "river", "snow", "compiler", "engine", "turin"];

function rowsOf(db: Database) {
  return db.map<Key, unknown>("rows");
}

/** An object whose field uses the database when it is read. */
function reading<T>({ entered }: World, value: T): { before: string; readonly field: T; after: number } {
  return {
    before: "b".repeat(40),
    get field() {
      return entered(value);
    },
    after: 7,
  };
}

/** An array that uses the database when an element is read. */
function list<T>({ entered }: World, ...values: T[]): T[] {
  return new Proxy(values, {
    get: (target, name, receiver) => (name === "1" ? entered(target[1]) : Reflect.get(target, name, receiver)),
  });
}

/** Options, each of which uses the database when it is read. */
function options<T extends object>({ entered }: World, given: T): T {
  return new Proxy(given, { get: (target, name) => entered(Reflect.get(target, name)) });
}

class EnteringDate extends Date {
  enter: () => void = () => {};
  override getTime(): number {
    this.enter();
    return super.getTime();
  }
  override valueOf(): number {
    this.enter();
    return super.valueOf();
  }
}

function date({ entered }: World, time: number): Date {
  const entering = new EnteringDate(time);
  entering.enter = () => entered(undefined);
  return entering;
}

/** Each has code of the caller in its middle. */
const calls: Record<string, Call> = {
  view: ({ db, entered }) => rowsOf(db).view(["row", 5], (bytes) => entered(Buffer.from(bytes).toString("hex"))),
  "view, read after": ({ db, entered }) =>
    rowsOf(db).view(["row", 5], (bytes) => {
      entered(0);
      return Buffer.from(bytes).toString("hex");
    }),
  "a value with a getter": (world) => rowsOf(world.db).putSync("put", reading(world, "x".repeat(300))),
  "a list with a Proxy": (world) => rowsOf(world.db).putSync("put", list<unknown>(world, 1, "two", { three: 3 })),
  "a value of JSON": (world) => world.db.map("json", { values: "json" }).putSync("put", reading(world, [1, 2])),
  toJSON: ({ db, entered }) => db.map("json", { values: "json" }).putSync("put", { toJSON: () => entered([1]) }),
  "a key with a Proxy": (world) => rowsOf(world.db).get(list<Key>(world, "row", 5)),
  "a key to put": (world) => rowsOf(world.db).putSync(list<Key>(world, "new", 5), "value"),
  "a prefix": (world) => [...rowsOf(world.db).keys({ prefix: list<Key>(world, "row", 7) })],
  "options of a range": (world) => [...rowsOf(world.db).range(options(world, { gte: ["row", 3], limit: 5 }))],
  "options of a count": (world) => rowsOf(world.db).count(options(world, { gt: ["row", 3], lt: ["row", 30] })),
  "a clear": (world) => rowsOf(world.db).clearSync(options(world, { gte: ["row", 3], lt: ["row", 9] })),
  "a loop": ({ db, entered }) => Array.from(rowsOf(db).range({ limit: 40 }), (entry) => entered(entry)),
  "a loop in reverse": ({ db, entered }) =>
    Array.from(rowsOf(db).values({ limit: 40, reverse: true }), (value) => entered(value)),
  "a transaction": ({ db, entered }) =>
    db.transactionSync((tx) => {
      const rows = tx.map<Key, unknown>("rows");
      for (let i = 0; i < 30; i++) rows.put(["row", i * 3], entered(i));
      rows.delete(["row", 4]);
      entered(0);
      return [...rows.range({ limit: 50 })];
    }),
  "a loop in a transaction": ({ db, entered }) =>
    db.transactionSync((tx) => {
      const rows = tx.map<Key, unknown>("rows");
      for (const key of rows.keys({ limit: 30 })) rows.put(key, entered("again"));
    }),
  "a value in a transaction": (world) =>
    world.db.transactionSync((tx) => tx.map("rows").put("put", reading(world, { deep: [1, 2, 3] }))),
  "a nested transaction": ({ db, entered }) =>
    db.transactionSync((tx) => {
      tx.map("rows").put("outer", 1);
      try {
        tx.transaction((inner) => {
          inner.map("rows").put("inner", entered(2));
          throw new Error("undone");
        });
      } catch {
        entered(0);
      }
      tx.map("rows").put("last", 3);
    }),
  "a fact with a getter": (world) => world.db.putSync(["fact", 3], reading(world, "now")),
  "a fact with a key": (world) => world.db.putSync(list<Key>(world, "fact", 3), "now"),
  "a fact": ({ db }) => [1, 2, 3, 4].map((i) => db.get(["fact", i])),
  "a fact that ends": ({ db }) => {
    db.putSync(["fact", 2], "for a while", { validFrom: START, validTo: START + 1e9 });
    return [db.get(["fact", 2]), db.version(["fact", 2])?.value, db.snapshot().get(["fact", 2])];
  },
  "a key of a fact": (world) => world.db.get(list<Key>(world, "fact", 3)),
  "a stretch": (world) =>
    world.db.putSync(["fact", 3], "then", options(world, { validFrom: START + 100, validTo: START + 200 })),
  "an instant": (world) => world.db.putSync(["fact", 3], "then", { validFrom: date(world, START + 100) }),
  "an update": ({ db, entered }) =>
    db.updateSync(["fact", 4], (value) => entered([value, "changed"]), { validFrom: START }),
  "a patch": (world) =>
    world.db.patchSync(["fact", 5], {
      more: 1,
      get field() {
        return world.entered(2);
      },
    }),
  "a point": (world) => world.db.get(["fact", 3], options(world, { tx: 12, validAt: START + 40_000 })),
  "versions within": (world) => world.db.versions(["fact", 3], options(world, { tx: [3, 20] as [number, number] })),
  "a range of facts": (world) => [...world.db.range(options(world, { gte: ["fact", 2], limit: 4 }))],
  "a loop of facts": ({ db, entered }) => Array.from(db.range(), (entry) => entered(entry)),
  "a loop of changes": ({ db, entered }) => Array.from(db.diff({ tx: 3 }, { tx: 20 }), (entry) => entered(entry)),
  "a loop of transactions": ({ db, entered }) => Array.from(db.transactions({ limit: 12 }), (one) => entered(one)),
  "facts in a transaction": ({ db, entered }) =>
    db.transactionSync((tx) => {
      for (const [key] of tx.range({ limit: 6 })) tx.put(key, entered("each"), { validFrom: START + 5 });
      tx.update(["fact", 4], (value) => entered([value]));
      return tx.get(["fact", 2]);
    }),
  metadata: (world) => world.db.transactionSync((tx) => tx.put(["fact", 1], 1), { meta: reading(world, "who") }),
  "counting tokens": ({ memory, entered }) =>
    memory.recall("ada river snow", { maxTokens: 60, countTokens: (text) => entered(text.length) }),
  "options of a recall": (world) => world.memory.recall("ada snow", options(world, { limit: 4, minConfidence: 0.1 })),
  "an embedder": ({ memory, entered }) =>
    memory.recallNear("ada snow", {
      dimensions: 1,
      embed: async (texts) => entered(texts.map(({ length }) => [1 / length])),
    }),
  "a fact of the memory": (world) =>
    world.memory.remember(options(world, { subject: "ada", predicate: "likes", object: "snow", source: "a test" })),
  "a transaction of the memory": ({ memory, entered }) =>
    memory.transactionSync((tx) => {
      tx.remember({ subject: "bob", predicate: "knows", object: entered("ada") });
      entered(0);
      return tx.addTurn("session", { role: "user", text: entered("about the river") });
    }),
  "progress of a check": ({ db, entered }) => db.verifyAsync({ onProgress: () => entered(undefined) }),
};

/** Uses everything that leaves traces in the buffers of the modules: short and long keys, all formats, facts, texts. */
function use(db: Database, memory: Memory, round: number): void {
  const attempt = (what: () => unknown): void => {
    try {
      what();
    } catch (error) {
      // Inside of a transaction writes are refused.
      if (!(error instanceof LlmdbError)) throw error;
    }
  };
  const [key, long] = [["other", round] as Key, `other ${"z".repeat(400)} ${round}`];
  attempt(() => rowsOf(db).putSync(long, { a: [round, "text".repeat(200)] }));
  attempt(() => rowsOf(db).deleteSync(long));
  attempt(() => db.transactionSync((tx) => tx.map("other").put(key, "x".repeat(3000))));
  attempt(() => db.putSync(long.slice(0, 300), round));
  attempt(() => db.eraseSync(long.slice(0, 300)));
  attempt(() => rowsOf(db).get(["row", 11]));
  attempt(() => rowsOf(db).view(["row", 13], (bytes) => bytes.length));
  attempt(() => [...rowsOf(db).range({ gte: ["row", 20], lt: ["row", 60], reverse: true })]);
  attempt(() => rowsOf(db).count({ prefix: ["row"] }));
  attempt(() => [...db.range({ limit: 5 }, { tx: 9 })]);
  attempt(() => db.versions(["fact", 2]));
  attempt(() => [...db.diff({ tx: 4 }, { tx: 9 })]);
  attempt(() => memory.recall("turin engine", { tx: 30 }));
  attempt(() => memory.list({ kind: "fact" }));
  attempt(() => {
    const snapshot = db.snapshot();
    snapshot.map("rows").get(["row", 2]);
    snapshot.close();
  });
}

function fill(db: Database, memory: Memory): void {
  db.transactionSync((tx) => {
    const rows = tx.map<Key, unknown>("rows");
    for (let i = 0; i < 120; i++) rows.put(["row", i], { i, word: WORDS[i % 6], text: "t".repeat(i % 90) });
  });
  for (let version = 0; version < 3; version++) {
    for (let i = 0; i < 6; i++) db.putSync(["fact", i], { version, i }, { validFrom: START + version * 20_000 });
  }
  memory.transactionSync((tx) => {
    for (let i = 0; i < 24; i++)
      tx.remember({ subject: WORDS[i % 6], text: `${WORDS[(i * 5) % 6]} ${WORDS[i % 5]} ${i}` });
  });
}

/** Another database of the process: it shares all buffers with the one that is called. */
const other = openMemory();
const otherMemory = new Memory(other);
fill(other, otherMemory);
afterAll(() => other.close());

/** What a call came to, and what is stored after it; what `use` writes is left out. */
async function outcomeOf(call: Call, enters: boolean): Promise<{ outcome: unknown; stored: unknown; entered: number }> {
  let now = START + 60_000;
  let [isArmed, entries] = [false, 0];
  const enter = (): void => {
    entries++;
    if (!isArmed || !enters) return;
    isArmed = false;
    use(db, memory, entries);
    use(other, otherMemory, entries);
    isArmed = true;
  };
  const entered = <T>(value: T): T => {
    enter();
    return value;
  };
  const analyzer = createAnalyzer({ name: "entering", stem: entered });
  const clock = (): number => {
    enter();
    return now;
  };
  const db = open("/db", { storage: new SimulatedDisk(1), pageSize: 4096, cacheBytes: 300_000, clock });
  const memory = new Memory(db, { analyzer });
  fill(db, memory);
  now += 1000;
  entries = 0;
  isArmed = true;
  let outcome: unknown;
  try {
    outcome = await call({ db, memory, entered });
  } catch (error) {
    if (!(error instanceof LlmdbError)) throw error;
    outcome = error.code;
  }
  isArmed = false;
  const isOther = ([key]: [Key, unknown]): boolean => String(key).startsWith("other");
  const stored = {
    rows: [...rowsOf(db).range()],
    json: [...db.map("json", { values: "json" }).range()],
    facts: [...db.range()].filter((entry) => !isOther(entry)),
    records: memory.list({ kind: "fact", limit: 1000 }).records.map(({ value }) => value),
  };
  if (enters) expectClean(db);
  await db.close();
  return { outcome, stored, entered: entries };
}

/** Numbers of transactions and times differ: the uses in between have some. */
function comparable(value: unknown): string {
  return inspect(value, { depth: 20, breakLength: Number.POSITIVE_INFINITY }).replace(
    /\d{3,}(\.\d+)?|(?<=tx\w*: )\d+/gi,
    "#",
  );
}

test.each(Object.entries(calls))("%s", async (_name, call) => {
  const plain = await outcomeOf(call, false);
  const reentered = await outcomeOf(call, true);
  expect(plain.entered).toBeGreaterThan(0);
  if (reentered.outcome === "LLMDB_INVALID_ARGUMENT" && plain.outcome !== reentered.outcome) return;
  expect(comparable(reentered.outcome)).toBe(comparable(plain.outcome));
  expect(isDeepStrictEqual(reentered.stored, plain.stored)).toBe(true);
});
