/**
 * The log as `docs/format.md` describes it: databases that were never closed are read from data file and log by a
 * second reader that was written from the document, and must hold what the API gives.
 */
import { afterEach, expect, test } from "vitest";
import { writerOf } from "../../engine/transaction.js";
import { type Database, LlmdbError, open, type Transaction } from "../../index.js";
import { seeds } from "../effort.js";
import { Random, SimulatedDisk } from "../harness/index.js";
import { type Contents, changeBounded, contentsOf, expectSame, fill, linesOf, numbersFrom } from "./contents.js";
import { Damage } from "./second-damage.js";
import { type LoggedState, type LogSeen, readLogged } from "./second-log.js";
import { readCheckpoints, SecondReader } from "./second-reader.js";

const path = "killed.llmdb";
/** A map that is dropped every few rounds. */
const going = "coming and going";
type Below = (limit: number) => number;
type Durability = "durable" | "buffered";

const opened: Database[] = [];

afterEach(() => {
  for (const db of opened.splice(0)) if (!isClosed(db)) db.closeSync();
});

function isClosed(db: Database): boolean {
  try {
    db.stats();
    return false;
  } catch {
    return true;
  }
}

function openOn(storage: SimulatedDisk, options: { pageSize?: 4096 | 8192; checkpointBytes?: number }): Database {
  const db = open(path, { storage, ...options });
  opened.push(db);
  return db;
}

function bytesOn(storage: SimulatedDisk, name: string): Buffer {
  const file = storage.open(name, "read");
  const bytes = Buffer.alloc(file.size());
  file.read(bytes, 0, bytes.length, 0);
  file.close();
  return bytes;
}

/** Reads the files as they are, with the second reader. */
function readFiles(storage: SimulatedDisk): LoggedState & { contents: Contents } {
  const file = bytesOn(storage, path);
  const checkpoints = readCheckpoints(file);
  const reader = new SecondReader(file, checkpoints[0]);
  const maps = reader.maps();
  reader.accountForPages();
  const log = storage.kind(`${path}-wal`) === "missing" ? undefined : bytesOn(storage, `${path}-wal`);
  const state = readLogged(maps, log, checkpoints);
  return { ...state, contents: linesOf(state.maps) };
}

function expectRead(storage: SimulatedDisk, db: Database): LogSeen {
  const { tx, contents, seen } = readFiles(storage);
  expect(tx).toBe(db.stats().lastTx);
  expectSame(contents, contentsOf(db));
  return seen;
}

/** One transaction with every kind of operation in it, and a savepoint that is rolled back. */
function change(tx: Transaction, round: number, below: Below): void {
  if (round % 9 === 8) writerOf(tx).requireErasure();
  const small = tx.map<string, unknown>("small");
  const large = tx.map<number, Uint8Array>("large", { values: "bytes" });
  for (let i = 0; i < 10; i++) small.put(`key ${below(300)}`, { round, i });
  for (const key of [...small.keys({ limit: 2, offset: below(20) })]) small.delete(key);
  if (round % 3 === 0) large.put(below(20), new Uint8Array(below(4) * 9000).fill(round));
  if (round % 4 === 1) small.clear({ gte: `key ${below(200)}`, lte: `key ${below(300)}` });
  if (round % 5 === 0) small.clear({ gt: "key 25" });
  if (round % 7 === 0) large.clear();
  if (round % 4 === 3) rollBack(tx);
  tx.map(going, { values: round % 12 < 6 ? "json" : "string" }).put(round % 5, "x".repeat(below(90)));
}

async function commit(db: Database, round: number, below: Below, durability: Durability): Promise<void> {
  await db.transaction((tx) => change(tx, round, below), { durability });
  if (round % 6 === 5) await db.dropMap(going);
}

/** The same, and now and then a transaction on a map that keeps bounds. */
async function commitMore(db: Database, round: number, below: Below, durability: Durability): Promise<void> {
  await commit(db, round, below, durability);
  if (round % 5 === 2) changeBounded(db, below, 30);
  if (round % 20 === 19) await db.dropMap("bounded");
}

function rollBack(tx: Transaction): void {
  const undo = new Error("undo");
  try {
    tx.transaction((nested) => {
      nested.map("small").clear();
      nested.map("never").put(1, 2);
      nested.map(going).clear();
      throw undo;
    });
  } catch (error) {
    if (error !== undo) throw error;
  }
}

test.each([4096, 8192] as const)(
  "a killed database with pages of %i bytes, small and large commits",
  async (pageSize) => {
    const storage = new SimulatedDisk();
    const db = openOn(storage, { pageSize });
    const below = numbersFrom(5);
    await commit(db, 1, below, "durable");
    expect(expectRead(storage, db).anchors).toBe(0);
    await fill(db);
    for (let round = 2; round < 40; round++) {
      await commitMore(db, round, below, "durable");
      if (round % 5 === 0) expectRead(storage, db);
    }
    // In turns, so that a map is named again by its number.
    db.transactionSync((tx) => {
      for (let i = 0; i < 4; i++) tx.map(i % 2 === 0 ? "small" : "turns").put(`turn ${i}`, i);
    });
    const { time } = db.map("small").putSync("last", 0);
    expect(readFiles(storage).timeMicros / 1000).toBe(time);
    const { operations } = expectRead(storage, db);
    for (let code = 1; code <= 7; code++) expect([code, operations[code] > 0]).toEqual([code, true]);
    await db.checkpoint();
    expectRead(storage, db);
  },
);

test.each([4096, 8192] as const)("a log that went round, with pages of %i bytes", async (pageSize) => {
  const storage = new SimulatedDisk();
  const db = openOn(storage, { pageSize, checkpointBytes: 4096 });
  const below = numbersFrom(pageSize);
  let wraps = 0;
  for (let round = 0; round < 250; round++) {
    // Small ones go into one sector with others, because nothing is synced between them.
    await commitMore(db, round, below, round % 3 === 0 ? "durable" : "buffered");
    if (round % 9 === 0) wraps += expectRead(storage, db).wraps;
  }
  expect(wraps).toBeGreaterThan(0);
  expect(bytesOn(storage, `${path}-wal`).length).toBeLessThan(800_000);
});

test("a commit that only a checkpoint holds", async () => {
  const storage = new SimulatedDisk();
  const db = openOn(storage, { pageSize: 4096 });
  const below = numbersFrom(3);
  for (let round = 0; round < 5; round++) await commit(db, round, below, "durable");
  // Longer than any record.
  db.map<number, Uint8Array>("large").putSync(1, new Uint8Array(20_000_000));
  for (let i = 0; i < 5; i++) db.map("small").putSync(i, i);
  expectRead(storage, db);
  // With a damaged meta page, the chain of the other one ends before that commit.
  const killed = storage.fork();
  const file = killed.open(path, "write");
  const damaged = readCheckpoints(bytesOn(storage, path))[0].number % 3;
  file.write(Buffer.from([1]), 0, 1, damaged * 4096 + 60);
  const { tx, seen, contents } = readFiles(killed);
  expect([tx, seen.gaps]).toEqual([5, 1]);
  const again = openOn(killed, {});
  expect(again.recovered.steps).toContain("log-ends-at-gap");
  expectSame(contents, contentsOf(again));
});

/** What opening and the second reader say of the same files: the same state, or both refuse. */
function compareOpening(storage: SimulatedDisk, what: string): LogSeen | undefined {
  let read: ReturnType<typeof readFiles> | undefined;
  try {
    read = readFiles(storage);
  } catch (error) {
    if (!(error instanceof Damage)) throw error;
  }
  let db: Database;
  try {
    db = openOn(storage, {});
  } catch (error) {
    if (!(error instanceof LlmdbError)) throw error;
    expect([what, read?.tx, error.code]).toEqual([what, undefined, "LLMDB_CORRUPT"]);
    return undefined;
  }
  expect([what, read?.tx]).toEqual([what, db.stats().lastTx]);
  if (read !== undefined) expectSame(read.contents, contentsOf(db));
  return read?.seen;
}

test("power cuts, again and again: recovery and the second reader agree", async () => {
  const seen: LogSeen = { anchors: 0, wraps: 0, jumps: 0, restated: 0, gaps: 0, operations: [] };
  for (const seed of seeds(8)) {
    const random = new Random(seed);
    let storage = new SimulatedDisk(seed);
    let round = 0;
    for (let cut = 0; cut < 6; cut++) {
      const db = openOn(storage, { checkpointBytes: random.pick([4096, 100_000]) });
      for (let last = round + random.below(60); round < last; round++) {
        await commit(db, round, (limit) => random.below(limit), random.chance(0.3) ? "durable" : "buffered");
      }
      // Power may also go while recovery runs, so that what it wrote is torn in turn.
      const keep = random.pick(["all", "none", random, random] as const);
      storage = random.chance(0.3) ? storage.fork() : storage.crash({ keep, tear: { random, unit: 512 } });
      const met = compareOpening(storage.fork(), `seed ${seed}, cut ${cut}`);
      for (const key of ["anchors", "wraps", "jumps", "restated", "gaps"] as const) seen[key] += met?.[key] ?? 0;
    }
  }
  expect(seen.restated).toBeGreaterThan(0);
  expect(seen.wraps).toBeGreaterThan(0);
}, 120_000);

test("commits that were read but never written are found where recovery stated them again", async () => {
  const storage = new SimulatedDisk();
  const db = openOn(storage, { pageSize: 4096 });
  const below = numbersFrom(9);
  for (let round = 0; round < 5; round++) await commit(db, round, below, "durable");
  storage.watcher = ({ kind, index }, phase) => {
    if (kind === "sync" && phase === "before") storage.failAt(index, "sync");
  };
  const put = () => db.map<number, Uint8Array>("large").putSync(1, new Uint8Array(10_000).fill(7));
  for (const fails of [put, () => db.closeSync()]) {
    expect(fails).toThrow(expect.objectContaining({ code: "LLMDB_COMMIT_UNKNOWN" }));
  }
  storage.watcher = undefined;
  // The system still shows what the disk does not have.
  const killed = storage.fork();
  const again = openOn(killed, {});
  expect(again.recovered.steps).toContain("restated");
  const cut = killed.crash({ keep: "none" });
  expect(readFiles(cut)).toMatchObject({ tx: 6, seen: { jumps: 1, restated: 1 } });
  compareOpening(cut, "after the power cut");
});

test("a flipped bit in the log: both refuse, or both read the same", async () => {
  const storage = new SimulatedDisk();
  const db = openOn(storage, { pageSize: 4096 });
  const below = numbersFrom(8);
  for (let round = 0; round < 12; round++) {
    await commit(db, round, below, round % 4 === 3 ? "durable" : "buffered");
  }
  const { length } = bytesOn(storage, `${path}-wal`);
  let refused = 0;
  for (let i = 0; i < 120; i++) {
    const at = i < 60 ? below(4096 + 80) : below(Math.min(length, 60_000));
    const image = storage.fork();
    const log = image.open(`${path}-wal`, "write");
    const byte = Buffer.alloc(1);
    log.read(byte, 0, 1, at);
    byte[0] ^= 1 << below(8);
    log.write(byte, 0, 1, at);
    log.close();
    if (compareOpening(image, `byte ${at}`) === undefined) refused++;
  }
  expect(refused).toBeGreaterThan(40);
});
