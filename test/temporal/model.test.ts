/**
 * The bitemporal store against the oracle: after each transaction of a random history, and through checkpoints and
 * reopening, answers at random points are those of replaying everything that was said; answers about the past stay.
 */
import { expect, test } from "vitest";
import { open } from "../../temporal/open.js";
import { seeds } from "../effort.js";
import { Random } from "../harness/random.js";
import { SimulatedDisk } from "../harness/simulated-disk.js";
import { TemporalCheck } from "../harness/temporal/check.js";
import { historyOf } from "../harness/temporal/history.js";
import { compareKeys } from "../key/order.js";

test.each(seeds(4))("a random history, checkpoints, reopening, seed %i", { timeout: 120_000 }, (seed) => {
  const random = new Random(seed);
  const storage = new SimulatedDisk(seed);
  const check = new TemporalCheck(seed, compareKeys);
  const options = { storage, pageSize: 4096 as const, clock: check.clock };
  let db = open("/db", options);
  for (const plan of historyOf(seed, { transactions: 120 })) {
    check.run(db, plan);
    check.probe(db, 40);
    // Transactions without a row in the transaction log.
    while (random.chance(0.2)) db.map("plain").putSync("a key", 1);
    check.catchUp(db);
    if (random.chance(0.05)) db.checkpoint();
    if (random.chance(0.04)) {
      db.closeSync();
      db = open("/db", options);
    }
    if (random.chance(0.08)) check.compareAll(db);
  }
  check.compareAll(db);
  expect(db.verify().problems).toEqual([]);
  db.closeSync();
});
