/** Processes that are killed while they commit lose nothing that they acknowledged: the quick form. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { compileHarness, type PlantedBug } from "./compiled-harness.js";

const folder = mkdtempSync(join(tmpdir(), "llmdb-kill-"));
const seed = 20_261_123;

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The harness as it is, or with a bug. */
async function harness(name: string, bug?: PlantedBug): Promise<typeof import("../harness/kill/index.js")> {
  return import(new URL("index.js", compileHarness(join(folder, name), bug)).href);
}

test.each([1, 8])("10 kills, %i concurrent committers", async (committers) => {
  const { tortureProcesses } = await harness(`committers-${committers}`);
  const progress: number[] = [];
  const report = await tortureProcesses({
    seed,
    kills: 10,
    committers,
    onProgress: ({ kills }) => progress.push(kills),
  });
  expect(report.violations).toEqual([]);
  expect(report.kills).toBe(10);
  expect(progress).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  expect(report.acknowledged).toBeGreaterThan(0);
  expect(report.commits).toBeGreaterThanOrEqual(report.acknowledged);
});

const bugs: [string, RegExp, Omit<PlantedBug, "path">][] = [
  [
    "a commit that is acknowledged before it is durable",
    /were acknowledged/,
    {
      right: "await db.transaction((tx) => applyStep(tx, step), { durability });",
      wrong: "db.transaction((tx) => applyStep(tx, step), { durability });",
    },
  ],
  [
    "a transaction that is there in part",
    /after \d+ steps of committer \d+: slot/,
    { right: "for (const change of step.changes.slice(2))", wrong: "for (const change of step.changes.slice(3))" },
  ],
];

test.each(bugs)("self-check: %s is found", async (name, message, bug) => {
  const { tortureProcesses } = await harness(name, { path: "test/harness/kill/commit-loop.ts", ...bug });
  const { violations } = await tortureProcesses({ seed, kills: 40 });
  // The files of a violation are kept, for whoever looks for its cause.
  for (const { message } of violations) rmSync(dirname(filesOf(message)), { recursive: true, force: true });
  expect(violations.map((violation) => violation.message)).toContainEqual(expect.stringMatching(message));
  expect(violations[0].replay).toBe(`npx llmdb torture --engine kill --seed ${seed} --kills 40`);
});

function filesOf(message: string): string {
  return /\(files: (.*)\)$/.exec(message)?.[1] ?? folder;
}
