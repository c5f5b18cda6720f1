/** Processes that are killed while they commit lose nothing that they acknowledged: the quick form. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { builtUrl } from "../built-file.js";
import { effort, isThorough } from "../effort.js";
import { type Report, ReportReader } from "../harness/kill/job.js";
import { waysThroughNamespaces } from "../harness/kill/namespaces.js";
import { type Tally, weaknessesOf } from "../harness/kill/tally.js";
import { compileHarness, type PlantedBug } from "./compiled-harness.js";

const folder = mkdtempSync(join(tmpdir(), "llmdb-kill-"));
const seed = 20_261_123;

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The harness as it is, or with a bug. */
async function harness(name = "", bug?: PlantedBug): Promise<typeof import("../harness/kill/index.js")> {
  if (bug === undefined) return import(builtUrl("test/harness/kill/index.ts"));
  return import(new URL("index.js", compileHarness(join(folder, name), bug)).href);
}

/** Kills that are meant to come before a commit. */
function early({ stages }: Tally): number {
  return stages.creation + stages.opening;
}

test.each([1, 8])("kills, %i concurrent committers", async (committers) => {
  const { tortureProcesses } = await harness();
  const progress: number[] = [];
  const report = await tortureProcesses({
    seed,
    kills: effort(3),
    committers,
    onProgress: ({ kills }) => progress.push(kills),
  });
  expect(report.violations).toEqual([]);
  expect(report.kills).toBe(effort(3));
  expect(progress).toEqual(Array.from({ length: effort(3) }, (_, i) => i + 1));
  expect(report.acknowledged).toBeGreaterThan(0);
  expect(report.withoutCommits).toBeLessThanOrEqual(early(report));
  expect(report.commits).toBeGreaterThanOrEqual(report.acknowledged);
});

test("what a process told before it was killed is heard, however busy its parent was", async () => {
  const job = builtUrl("test/harness/kill/job.ts");
  const count = join(folder, "told");
  const program = `
    import { openSync, writeSync } from "node:fs";
    import { tell } from ${JSON.stringify(job)};
    const count = openSync(${JSON.stringify(count)}, "w");
    for (let index = 1; ; index++) {
      tell({ kind: "acknowledged", committer: 0, index });
      writeSync(count, String(index).padStart(10), 0);
    }`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const reports = new ReportReader();
  const heard: Report[] = [];
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    heard.push(...reports.read(text));
    if (child.killed) return;
    // Long enough for the process to fill what the system holds for it.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
    child.kill("SIGKILL");
  });
  await once(child, "close");
  const told = Number(readFileSync(count, "utf8"));
  expect(told).toBeGreaterThan(100);
  expect(heard.length).toBeGreaterThanOrEqual(told);
});

const missing = waysThroughNamespaces().missing;

test.skipIf(missing !== undefined)(`8 kills among namespaces ${missing ?? ""}`, async () => {
  const { tortureProcesses } = await harness();
  const report = await tortureProcesses({ seed, kills: 8, namespaces: true });
  expect(report.violations).toEqual([]);
  expect(report.acknowledged).toBeGreaterThan(0);
  expect(report.keptOut).toBeGreaterThan(0);
});

test.runIf(missing === undefined && isThorough)(
  "self-check: a lock that other namespaces do not see is found",
  async () => {
    const { tortureProcesses } = await harness("blind", {
      path: "pager/lock-socket.ts",
      right: "const folder = openFolder(target);",
      wrong: "const folder = undefined;",
    });
    const report = await tortureProcesses({ seed, kills: 24, namespaces: true });
    expect(report.violations[0].message).toMatch(/second process could open|verify|LLMDB_/);
    expect(report.violations[0].replay).toContain("--namespaces");
  },
);

test.runIf(isThorough)("on a slow machine, kills come after commits all the same", async () => {
  const { tortureProcesses } = await harness("slow", {
    path: "test/harness/kill/commit-loop.ts",
    right: "await commitStep(db, step);",
    wrong: "await setTimeout(60); await commitStep(db, step);",
  });
  const report = await tortureProcesses({ seed, kills: effort(6), committers: 8 });
  expect(report.violations).toEqual([]);
  expect(report.withoutCommits).toBeLessThanOrEqual(early(report));
  expect(report.acknowledged).toBeGreaterThanOrEqual(report.kills - early(report));
});

test("an interrupt ends it, with what was found until then", async () => {
  const { tortureProcesses } = await harness();
  const controller = new AbortController();
  const report = await tortureProcesses({
    seed,
    kills: 500,
    signal: controller.signal,
    onProgress: () => controller.abort(),
  });
  expect(report.kills).toBeLessThan(10);
  expect(report.weaknesses).toContainEqual(expect.stringContaining("make at least 200 kills"));
});

describe("what a run proves", () => {
  const full: Tally = {
    kills: 200,
    commits: 900,
    acknowledged: 800,
    keptOut: 0,
    withoutCommits: 40,
    stages: { creation: 10, opening: 30, commits: 80, checkpoint: 40, compaction: 20, closing: 20 },
    branches: { "unfinished-removed": 2, "stale-log-removed": 3, replayed: 90, wrapped: 4 },
  };

  test("a whole run has nothing missing", () => expect(weaknessesOf(full)).toEqual([]));

  test.each<[string, Partial<Tally>, RegExp]>([
    ["no kills", { kills: 0 }, /nothing was killed: .*--minutes/],
    ["no commits", { acknowledged: 0 }, /no commit was acknowledged .*--kills/],
    ["most before a commit", { withoutCommits: 120 }, /^120 of 200 processes .*--kills/],
    ["a stage", { stages: { ...full.stages, compaction: 0 } }, /no process was killed in: compaction;/],
    ["a branch", { branches: { replayed: 3, wrapped: 1, "stale-log-removed": 1 } }, /never took: unfinished-removed;/],
  ])("%s is told, with what to do", (_what, part, message) => {
    expect(weaknessesOf({ ...full, ...part })).toEqual([expect.stringMatching(message)]);
  });
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

test.runIf(isThorough).each(bugs)("self-check: %s is found", async (name, message, bug) => {
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
