/**
 * A run that makes the same system calls every time, so that one that was counted can be killed at each of them.
 * Guarantees: every commit blocks until it is durable and is acknowledged after that; checkpoints and compactions come
 * after fixed steps, and nothing else runs beside.
 */
import type { Database } from "../../../index.js";
import { applyStep, countersOf } from "./commit-loop.js";
import { tell } from "./job.js";
import { stepOf, type Workload } from "./workload.js";

const CHECKPOINT_STEPS = 23;
const COMPACTION_STEPS = 90;

/** Makes the first `commits` steps of committer 0 and closes the database. */
export async function runFixed(db: Database, workload: Workload, commits: number): Promise<void> {
  tell({ kind: "opened", counters: countersOf(db, workload), steps: db.recovered.steps });
  for (let index = 1; index <= commits; index++) {
    const step = stepOf(workload, 0, index);
    db.transactionSync((tx) => applyStep(tx, step));
    tell({ kind: "acknowledged", committer: 0, index });
    if (index % CHECKPOINT_STEPS === 0) await db.checkpoint();
    if (index % COMPACTION_STEPS === 0) await db.compact();
  }
  await db.close();
  tell({ kind: "done" });
}
