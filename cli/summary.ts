/** What torture found, in a few lines for people. */
import type { ProcessTortureReport } from "../test/harness/kill/index.js";
import type { TortureReport, TortureViolation } from "../test/harness/torture/index.js";

/** The lines about simulated crashes. */
export function simulatedSummary(report: TortureReport): string[] {
  const { images, distinct, imagesPerSecond, workloads, workloadsInScope, recoveries, faults, seconds } = report;
  const branches = counts(report.branches);
  const scope = workloadsInScope === undefined ? "" : `, standing for ${workloadsInScope}`;
  return [
    `simulated crashes, seed ${report.seed}: ${verdict(report.violations)}`,
    `  ${images} images, ${distinct} distinct, ${imagesPerSecond} a second, in ${seconds.toFixed(1)} s`,
    `  ${workloads} workloads${scope}, ${faults} with an error of the disk, ${recoveries} recoveries`,
    `  order of ${report.orderedWrites} writes checked`,
    `  branches of recovery: ${branches}`,
    ...weaknessLines(report.weaknesses),
  ];
}

/** The lines about killed processes. */
export function killSummary(report: ProcessTortureReport): string[] {
  const { kills, commits, acknowledged, withoutCommits, keptOut, stages, seconds } = report;
  return [
    `killed processes: ${verdict(report.violations)}`,
    `  ${kills} kills in ${seconds.toFixed(1)} s, ${commits} commits, ${acknowledged} acknowledged as durable`,
    `  killed in: ${counts(stages)}; ${withoutCommits} before any commit`,
    `  branches of recovery: ${counts(report.branches)}`,
    ...(keptOut > 0 ? [`  ${keptOut} second writers in other namespaces kept out`] : []),
    ...weaknessLines(report.weaknesses),
  ];
}

/** Each violation with the line that shows it again. */
export function violationLines(violations: readonly TortureViolation[]): string[] {
  return violations.flatMap(({ message, replay }) => [`  violation: ${message}`, `    replay: ${replay}`]);
}

function weaknessLines(weaknesses: readonly string[]): string[] {
  return weaknesses.map((weakness) => `  proved little: ${weakness}`);
}

function counts(numbers: Readonly<Record<string, number>>): string {
  const each = Object.entries(numbers).sort(([a], [b]) => (a < b ? -1 : 1));
  return each.length === 0 ? "none" : each.map(([name, count]) => `${name} ${count}`).join(", ");
}

function verdict(violations: readonly unknown[]): string {
  return violations.length === 0 ? "no violation" : `${violations.length} violations`;
}
