/**
 * A change of a plan, made to a transaction, to a map and to the oracle's draft. Guarantees: all three mean the same.
 */
import type { Database } from "../../../engine/database.js";
import type { Receipt } from "../../../engine/receipt.js";
import type { Transaction } from "../../../engine/transaction.js";
import { copyContents, type Draft, hashValue } from "./contents.js";
import { type TortureChange, type TransactionPlan, valueBytes } from "./plan.js";

const VALUES = { values: "bytes" } as const;

/** Thrown to roll a transaction or a savepoint back. */
export class Rollback extends Error {}

/** Runs the body of a planned transaction; returns what the database holds if it commits. */
export function runTransaction(tx: Transaction, plan: TransactionPlan, before: Draft, sequence: number): Draft {
  let draft = before;
  for (const [index, part] of plan.parts.entries()) {
    if (index === 0) for (const change of part.changes) applyBoth(tx, draft, change);
    else draft = runSavepoint(tx, part, draft);
  }
  if (plan.fails) throw new Rollback();
  applyBoth(tx, draft, { kind: "put", map: "sequence", key: "n", size: 4, seed: sequence });
  return draft;
}

function runSavepoint(tx: Transaction, part: TransactionPlan["parts"][number], before: Draft): Draft {
  const draft = copyContents(before);
  try {
    tx.transaction((nested) => {
      for (const change of part.changes) applyBoth(nested, draft, change);
      if (part.fails) throw new Rollback();
    });
    return draft;
  } catch (error) {
    if (error instanceof Rollback) return before;
    throw error;
  }
}

function applyBoth(tx: Transaction, draft: Draft, change: TortureChange): void {
  const map = tx.map<string, Uint8Array>(change.map, VALUES);
  if (change.kind === "put") map.put(change.key, valueBytes(change.size, change.seed));
  else if (change.kind === "delete") map.delete(change.key);
  else map.clear({ gte: change.from, lt: change.to });
  applyToDraft(draft, change);
}

/** Makes a change to the oracle's draft. */
export function applyToDraft(draft: Draft, change: TortureChange): void {
  const map = draft.get(change.map);
  if (change.kind === "delete") map?.delete(change.key);
  else if (change.kind === "clear") {
    for (const key of [...(map?.keys() ?? [])]) if (key >= change.from && key < change.to) map?.delete(key);
  } else {
    const hash = hashValue(valueBytes(change.size, change.seed));
    if (map === undefined) draft.set(change.map, new Map([[change.key, hash]]));
    else map.set(change.key, hash);
  }
}

/** Makes a change through the map itself, durably. */
export async function write(db: Database, change: TortureChange): Promise<Receipt> {
  const map = db.map<string, Uint8Array>(change.map, VALUES);
  if (change.kind === "put") return map.put(change.key, valueBytes(change.size, change.seed));
  if (change.kind === "delete") return map.delete(change.key);
  return map.clear({ gte: change.from, lt: change.to });
}

/** As {@link write}, blocking. */
export function writeBlocking(db: Database, change: TortureChange): Receipt {
  const map = db.map<string, Uint8Array>(change.map, VALUES);
  if (change.kind === "put") return map.putSync(change.key, valueBytes(change.size, change.seed));
  if (change.kind === "delete") return map.deleteSync(change.key);
  return map.clearSync({ gte: change.from, lt: change.to });
}
