/**
 * The bitemporal store after a power failure, and after its process was killed, at any operation of the disk: what is
 * found is what was known after one of the transactions, not before the last acknowledged one; the transaction log
 * tells the same story; and writing goes on, whatever the clock shows by then.
 */
import { expect, test } from "vitest";
import type { Durability } from "../../engine/durability.js";
import type { Database } from "../../temporal/database.js";
import { open } from "../../temporal/open.js";
import { seeds } from "../effort.js";
import { Random } from "../harness/random.js";
import { SimulatedDisk } from "../harness/simulated-disk.js";
import { TemporalCheck } from "../harness/temporal/check.js";
import { clockOf } from "../harness/temporal/driver.js";
import { historyOf } from "../harness/temporal/history.js";
import { RecordedHistory } from "../harness/temporal/recorded.js";
import { drawCrash } from "../harness/torture/image-plan.js";
import { compareKeys } from "../key/order.js";

const PATH = "/db";
const TRANSACTIONS = 50;
const MORE = 6;
const CHECKPOINT_BYTES = 48 * 1024;
/** How often an image is taken, and how many of them are looked at. */
const IMAGE_CHANCE = 0.05;
const MOST_IMAGES = 36;
const HOUR_MS = 3_600_000;
const TEN_YEARS_MS = 3653 * 24 * HOUR_MS;
/** How far the clock jumps between a crash and the next open. */
const JUMPS_MS = [0, -HOUR_MS, TEN_YEARS_MS, -TEN_YEARS_MS];

/** What a crash left, and what has to be there: from `least` to `most` transactions. */
interface Image {
  readonly disk: SimulatedDisk;
  readonly what: string;
  readonly least: number;
  readonly most: number;
  readonly clockMs: number;
}

/** Opens with small checkpoints, so that images fall into them. */
function openOn(storage: SimulatedDisk, durability: Durability, clock: () => number): Database {
  return open(PATH, { storage, durability, clock, pageSize: 4096, checkpointBytes: CHECKPOINT_BYTES });
}

/** Writes a random history and returns it, with what crashes on the way would have left. */
async function crashing(seed: number, durability: Durability): Promise<{ history: RecordedHistory; images: Image[] }> {
  const random = new Random(seed + 5);
  const disk = new SimulatedDisk(seed);
  const check = new TemporalCheck(seed, compareKeys);
  const history = new RecordedHistory(compareKeys);
  const images: Image[] = [];
  let acknowledged = 0;
  let db = openOn(disk, durability, check.clock);
  disk.watcher = ({ kind, index }, when) => {
    if (when !== "before" || !random.chance(IMAGE_CHANCE)) return;
    const isKilled = random.chance(0.25);
    const image = isKilled ? disk.fork() : disk.crash(drawCrash(random));
    const what = `${isKilled ? "killed" : "crashed"} before operation ${index}, a ${kind}`;
    images.push({ disk: image, what, least: acknowledged, most: history.lastTx + 1, clockMs: check.clockMs });
  };
  for (const plan of historyOf(seed, { transactions: TRANSACTIONS })) {
    history.add(plan, check.run(db, plan));
    acknowledged = Math.max(acknowledged, db.stats().durableTx);
    if (random.chance(0.08)) {
      await db.checkpoint();
      acknowledged = db.stats().durableTx;
    }
    if (random.chance(0.04)) {
      db.closeSync();
      acknowledged = history.lastTx;
      db = openOn(disk, durability, check.clock);
    }
  }
  check.compareAll(db);
  db.closeSync();
  disk.watcher = undefined;
  return { history, images };
}

/** Opens an image with the clock anywhere, compares, goes on writing, and compares again. */
function judge(image: Image, whole: RecordedHistory, durability: Durability, seed: number): void {
  const random = new Random(seed);
  let clockMs = image.clockMs + random.pick(JUMPS_MS);
  let check = new TemporalCheck(seed, compareKeys);
  let db = openOn(image.disk, durability, () => clockMs);
  const { lastTx } = db.stats();
  expect(lastTx).toBeGreaterThanOrEqual(image.least);
  expect(lastTx).toBeLessThanOrEqual(Math.min(image.most, whole.lastTx));
  const history = whole.prefix(lastTx);
  check = new TemporalCheck(seed, compareKeys, history.oracle());
  check.clockMs = clockMs;
  check.compareAll(db);
  check.probe(db, 5);
  expect(db.verify().problems).toEqual([]);
  const { oracle } = check;
  const start = { clock: BigInt(Math.round(clockMs * 1000)), lastTime: oracle.timeOf(lastTx) };
  for (const plan of historyOf(seed, { transactions: MORE, ...start })) {
    clockMs = clockOf(plan);
    const before = oracle.timeOf(oracle.lastTx);
    history.add(plan, check.run(db, plan));
    if (oracle.lastTx > lastTx) expect(oracle.timeOf(oracle.lastTx)).toBeGreaterThanOrEqual(before);
    check.probe(db, 3);
  }
  check.compareAll(db);
  expectAscending(db);
  expect(db.verify().problems).toEqual([]);
  db.closeSync();
  db = openOn(image.disk, durability, () => clockMs);
  check.compareAll(db);
  db.closeSync();
}

/** The times of the transactions ascend, as the transaction log has them. */
function expectAscending(db: Database): void {
  let last = Number.NEGATIVE_INFINITY;
  for (const { tx, time } of db.transactions()) {
    if (time <= last) throw new Error(`transaction ${tx} is not later than the one before`);
    last = time;
  }
}

test.each(seeds(1).flatMap((seed) => [[seed, "durable"] as const, [seed, "buffered"] as const]))(
  "crashes anywhere, seed %i, %s",
  { timeout: 120_000 },
  async (seed, durability) => {
    const { history, images } = await crashing(seed, durability);
    expect(images.length).toBeGreaterThan(2);
    const random = new Random(seed + 6);
    while (images.length > MOST_IMAGES) images.splice(random.below(images.length), 1);
    for (const image of images) {
      try {
        judge(image, history, durability, random.next());
      } catch (error) {
        throw new Error(image.what, { cause: error });
      }
    }
  },
);
