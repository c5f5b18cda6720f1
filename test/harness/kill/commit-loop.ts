/**
 * Committers at work on a database, until the process is killed. Guarantees: an acknowledgement is told only after the
 * commit resolved, or after the blocking call returned; checkpoints and compactions run alongside.
 */
import { setImmediate, setTimeout } from "node:timers/promises";
import type { Database, Transaction, TransactionMap } from "../../../index.js";
import { Random } from "../random.js";
import { tell, type Upkeep } from "./job.js";
import { type Change, COUNTERS, SLOTS, type Step, slotValue, stepOf, TOTAL, type Workload } from "./workload.js";

const MAX_PAUSE_MS = 30;

/** How far each committer has come. */
export function countersOf(db: Database, workload: Workload): number[] {
  const counters = db.map<number, number>(COUNTERS);
  return Array.from({ length: workload.committers }, (_, committer) => counters.get(committer) ?? 0);
}

/**
 * Commits, checkpoints and compacts; rejects with the first error.
 *
 * @param steps - How many steps each committer makes before the database is closed. Infinity: the commits have no end.
 */
export async function commitFor(db: Database, workload: Workload, seed: number, steps: number): Promise<void> {
  const done = countersOf(db, workload);
  tell({ kind: "opened", counters: done, steps: db.recovered.steps });
  const state = { isOver: false };
  const upkeep = housekeep(db, new Random(seed), state);
  const committers = done.map((count, committer) => commitFrom(db, workload, committer, count + 1, count + steps));
  await Promise.race([Promise.all(committers), upkeep]);
  state.isOver = true;
  await upkeep;
  await upkeepOf("closing", () => db.close());
}

async function commitFrom(
  db: Database,
  workload: Workload,
  committer: number,
  first: number,
  last: number,
): Promise<void> {
  for (let index = first; index <= last; index++) {
    const step = stepOf(workload, committer, index);
    await commitStep(db, step);
    if (step.durability === "durable") tell({ kind: "acknowledged", committer, index });
    // Blocking calls alone would let neither the other committers nor the checkpoints have a turn.
    if (step.blocking) await setImmediate();
  }
}

async function commitStep(db: Database, step: Step): Promise<void> {
  const { durability } = step;
  if (step.blocking) db.transactionSync((tx) => applyStep(tx, step), { durability });
  else await db.transaction((tx) => applyStep(tx, step), { durability });
}

/** The writes of one step, as the body of a transaction. */
export function applyStep(tx: Transaction, step: Step): void {
  const counters = tx.map<number | string, number>(COUNTERS);
  const slots = tx.map<[number, number], Uint8Array>(SLOTS, { values: "bytes" });
  for (const change of step.changes.slice(0, 2)) applyChange(slots, step, change);
  counters.put(step.committer, step.index);
  if (step.rollsBack) rollBack(tx, step.committer);
  for (const change of step.changes.slice(2)) applyChange(slots, step, change);
  counters.put(TOTAL, (counters.get(TOTAL) ?? 0) + 1);
}

function applyChange(slots: TransactionMap<[number, number], Uint8Array>, step: Step, change: Change): void {
  const { committer } = step;
  const { kind, slot } = change;
  if (kind === "put") slots.put([committer, slot], slotValue(step, slot, change.bytes));
  else if (kind === "delete") slots.delete([committer, slot]);
  else slots.clear({ gte: [committer, slot], lt: [committer, change.end] });
}

class RolledBack extends Error {}

/** A nested transaction that leaves nothing behind. */
function rollBack(tx: Transaction, committer: number): void {
  try {
    tx.transaction((nested) => {
      nested.map<number, number>(COUNTERS).put(committer, -1);
      nested.map<[number, number]>(SLOTS).clear({ prefix: [committer] });
      throw new RolledBack();
    });
  } catch (error) {
    if (!(error instanceof RolledBack)) throw error;
  }
}

async function housekeep(db: Database, random: Random, state: { readonly isOver: boolean }): Promise<void> {
  for (;;) {
    await setTimeout(random.below(MAX_PAUSE_MS));
    if (state.isOver) return;
    if (random.chance(0.7)) await upkeepOf("checkpoint", () => db.checkpoint());
    else await upkeepOf("compaction", () => db.compact());
  }
}

async function upkeepOf(what: Upkeep, action: () => Promise<unknown>): Promise<void> {
  tell({ kind: "begins", what });
  await action();
  tell({ kind: "ends", what });
}
