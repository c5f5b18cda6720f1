/** The small scope: its list is complete, and what is judged of it in short is clean. */
import { expect, test } from "vitest";
import { tortureSimulated } from "../harness/torture/index.js";
import type { TorturePlan } from "../harness/torture/plan.js";
import { countWorkloads, smallWorkloads } from "../harness/torture/small-scope.js";

/** A commit as numbers: key, put or delete, durability, checkpoint. */
type Commit = readonly [number, number, number, number];

/** The workload with keys renamed to 0, 1, 2, ... in their order. */
function classOf(commits: readonly Commit[]): string {
  const keys = [...new Set(commits.map(([key]) => key))].sort();
  return JSON.stringify(commits.map(([key, ...rest]) => [keys.indexOf(key), ...rest]));
}

/** Every workload of a scope, written down without any thought. */
function* allWorkloads(commits: number, keys: number): Generator<Commit[]> {
  yield [];
  if (commits === 0) return;
  for (const before of allWorkloads(commits - 1, keys)) {
    if (before.length < commits - 1) continue;
    for (let choice = 0; choice < keys * 8; choice++) {
      yield [...before, [Math.floor(choice / 8), choice & 1, (choice >> 1) & 1, (choice >> 2) & 1]];
    }
  }
}

/** The commits of a plan as numbers. */
function commitsOf(plan: TorturePlan): Commit[] {
  return plan.steps.flatMap((step, index): Commit[] => {
    if (step.kind !== "commit") return [];
    const [{ durability, parts }] = step.transactions;
    const [change] = parts[0].changes;
    if (change.kind === "clear") return [];
    const checkpoint = plan.steps[index + 1]?.kind === "checkpoint" ? 1 : 0;
    const key = Number(change.key.slice(1));
    return [[key, change.kind === "delete" ? 1 : 0, durability === "buffered" ? 1 : 0, checkpoint]];
  });
}

test.each([
  [1, 1],
  [2, 2],
  [2, 4],
  [3, 2],
])("up to %i commits over %i keys: each class of workloads is listed once", (commits, keys) => {
  const listed = [...smallWorkloads({ commits, keys })].map((plan) => classOf(commitsOf(plan)));
  const wanted = new Set<string>();
  let count = 0;
  for (let length = 0; length <= commits; length++) {
    for (const workload of allWorkloads(length, keys)) {
      if (workload.length < length) continue;
      count++;
      wanted.add(classOf(workload));
    }
  }
  expect(new Set(listed)).toEqual(wanted);
  expect(listed).toHaveLength(wanted.size);
  expect(countWorkloads({ commits, keys })).toBe(count);
});

test("the scope that is promised has so many workloads", () => {
  const scope = { commits: 3, keys: 4 };
  expect([...smallWorkloads(scope)]).toHaveLength(1 + 8 + 3 * 64 + 13 * 512);
  expect(countWorkloads(scope)).toBe(1 + 32 + 32 ** 2 + 32 ** 3);
});

// The long form is a command: llmdb torture --engine simulated --exhaustive 3x4
test("one commit over four keys, completely", async () => {
  const scope = { commits: 1, keys: 4 };
  const report = await tortureSimulated({ seed: 7, workers: 0, exhaustive: scope, mostViolations: 1 });
  expect(report.violations).toEqual([]);
  expect(report.workloads).toBe(1 + 8);
  expect(report.workloadsInScope).toBe(1 + 32);
});
