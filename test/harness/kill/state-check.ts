/**
 * Checks a database that a killed process left behind. Guarantees: whatever is not exactly the state after a whole
 * number of steps of each committer is a problem, and so is all that `verify()` reports.
 */
import type { Database } from "../../../index.js";
import { countersOf } from "./commit-loop.js";
import { COUNTERS, SLOTS, slotsAfter, TOTAL, type Workload } from "./workload.js";

const MAX_PROBLEMS = 5;

/** What is wrong with the database; empty where nothing is. */
export function problemsOf(db: Database, workload: Workload): string[] {
  const counters = countersOf(db, workload);
  const problems = [
    ...totalProblems(db, counters),
    ...counters.flatMap((count, committer) => slotProblems(db, workload, committer, count)),
    ...strayProblems(db, workload),
  ];
  for (const { page, map, what } of db.verify().problems) {
    problems.push(`verify(): map ${map ?? "-"}, page ${page ?? "-"}: ${what}`);
  }
  return problems.slice(0, MAX_PROBLEMS);
}

function totalProblems(db: Database, counters: readonly number[]): string[] {
  const total = db.map<string, number>(COUNTERS).get(TOTAL) ?? 0;
  const sum = counters.reduce((a, b) => a + b, 0);
  return total === sum ? [] : [`the total is ${total}, the counters ${counters.join(", ")} add up to ${sum}`];
}

function slotProblems(db: Database, workload: Workload, committer: number, count: number): string[] {
  const problems: string[] = [];
  const where = `after ${count} steps of committer ${committer}`;
  const expected = slotsAfter(workload, committer, count);
  for (const [[, slot], value] of db.map<[number, number], Uint8Array>(SLOTS).range({ prefix: [committer] })) {
    const wanted = expected.get(slot);
    expected.delete(slot);
    if (wanted === undefined) problems.push(`${where}: slot ${slot} should be empty`);
    else if (Buffer.compare(value, wanted) !== 0) problems.push(`${where}: slot ${slot} has another value`);
  }
  for (const slot of expected.keys()) problems.push(`${where}: slot ${slot} is missing`);
  return problems;
}

/** Keys that no committer writes. */
function strayProblems(db: Database, workload: Workload): string[] {
  const problems: string[] = [];
  for (const name of db.mapNames()) {
    if (name !== COUNTERS && name !== SLOTS) problems.push(`there is a map "${name}" that nobody wrote`);
  }
  const beyond = db.map<[number, number]>(SLOTS).count({ gte: [workload.committers, 0] });
  if (beyond > 0) problems.push(`there are ${beyond} slots that belong to no committer`);
  return problems;
}
