/** Simulated crashes, in short: an honest disk passes, a broken one is found, and each finding can be replayed. */
import { describe, expect, test } from "vitest";
import { effort, isThorough } from "../effort.js";
import { SimulatedDisk } from "../harness/simulated-disk.js";
import { type TortureOptions, type TortureReport, tortureDisks, tortureSimulated } from "../harness/torture/index.js";
import {
  BrokenDisk,
  type Fault,
  losesTails,
  NamelessDisk,
  neverSyncs,
  resolvesEarly,
  skipsSyncs,
  syncsLate,
} from "./broken-disk.js";

const LIMIT = { seed: 7, mostViolations: 1, workers: 0 };

/** What two runs have in common. */
function withoutTime({ seconds: _seconds, imagesPerSecond: _rate, ...report }: TortureReport) {
  return report;
}

/** The numbers that a line of replay names. */
function replayOf(line: string): Pick<TortureOptions, "seed" | "depth" | "round" | "image" | "pointsPerRound"> {
  const numberAfter = (flag: string): number | undefined => {
    const match = new RegExp(`--${flag} (\\d+)`).exec(line);
    return match === null ? undefined : Number(match[1]);
  };
  const [seed, depth, round] = [numberAfter("seed"), numberAfter("depth"), numberAfter("round")];
  if (seed === undefined || depth === undefined || round === undefined) throw new Error(`no replay: ${line}`);
  return { seed, depth, round, image: numberAfter("image"), pointsPerRound: numberAfter("points") };
}

test("a short run finds nothing, and says what it did", async () => {
  const report = await tortureSimulated({ ...LIMIT, images: effort(3000) });
  expect(report.violations).toEqual([]);
  expect(report.images).toBeGreaterThanOrEqual(3000);
  expect(report.distinct).toBeGreaterThan(500);
  expect(report.workloads).toBeGreaterThan(0);
  expect(report.orderedWrites).toBeGreaterThan(0);
  expect(report.branches["older-meta"]).toBeGreaterThan(0);
});

test("a short run at depth 3 finds nothing", async () => {
  const report = await tortureSimulated({ ...LIMIT, seed: 8, depth: 3, images: effort(100) });
  expect(report.violations).toEqual([]);
});

// All of them are met with: llmdb torture --engine simulated --round 5 --faults 100000
test("errors of the disk at many operations of a small workload leave the state before or after", async () => {
  const report = await tortureSimulated({ ...LIMIT, round: 5, faultsPerRound: effort(12) });
  expect(report.violations).toEqual([]);
  expect(report.faults).toBe(effort(12));
});

test("the same seed does the same", async () => {
  const options = { ...LIMIT, round: 1, images: 300 };
  const [first, second] = [await tortureSimulated(options), await tortureSimulated(options)];
  expect(withoutTime(first)).toEqual(withoutTime(second));
});

test("a run that never took a branch of recovery says so", async () => {
  const report = await tortureSimulated({ ...LIMIT, images: 100, requiredBranches: ["no-such-branch"] });
  expect(report.violations[0].message).toContain("no-such-branch");
});

describe("a broken disk is found, and the finding is replayed", () => {
  const faults: [string, () => Fault][] = [
    ["syncs do nothing", () => neverSyncs],
    ["promises of syncs resolve early", () => resolvesEarly],
    ["some syncs are left out", skipsSyncs],
    ["syncs take effect late", () => syncsLate],
    ["the ends of long writes are lost", () => losesTails],
  ];
  const disks: [string, (seed: number) => SimulatedDisk, seed: number][] = [
    ...faults.map(([what, fault]): [string, (seed: number) => SimulatedDisk, number] => {
      return [what, (seed) => new BrokenDisk(seed, fault()), 1];
    }),
    // Found in an image, as the others are while the workload runs.
    ["names are not made durable", (seed) => new NamelessDisk(seed), 2],
  ];
  const more = disks.map(([what, makeDisk]) => [what, makeDisk, LIMIT.seed] as const);

  // With the seed of the other tests some take thousands of images.
  test.each(isThorough ? [...disks, ...more] : disks)("%s", async (_what, makeDisk, seed) => {
    const { violations } = await tortureDisks({ ...LIMIT, seed, images: 20_000, pointsPerRound: 24 }, makeDisk);
    expect(violations).toHaveLength(1);
    const { message, replay } = violations[0];
    const again = await tortureDisks({ ...LIMIT, ...replayOf(replay) }, makeDisk);
    expect(again.violations).toEqual([{ message, replay }]);
    const honestly = { ...LIMIT, ...replayOf(replay), images: 500 };
    const honest = await tortureDisks(honestly, (seed) => new SimulatedDisk(seed));
    expect(honest.violations).toEqual([]);
  });
});
