/** What torture found, in a few lines for people. */
import type { ProcessTortureReport } from "../test/harness/kill/index.js";
import type { TortureReport, TortureViolation } from "../test/harness/torture/index.js";

/** The lines about simulated crashes. */
export function simulatedSummary(report: TortureReport): string[] {
  const { images, distinct, imagesPerSecond, workloads, workloadsInScope, recoveries, faults, seconds } = report;
  const branches = Object.entries(report.branches).map(([branch, count]) => `${branch} ${count}`);
  const scope = workloadsInScope === undefined ? "" : `, standing for ${workloadsInScope}`;
  return [
    `simulated crashes, seed ${report.seed}: ${verdict(report.violations)}`,
    `  ${images} images, ${distinct} distinct, ${imagesPerSecond} a second, in ${seconds.toFixed(1)} s`,
    `  ${workloads} workloads${scope}, ${faults} with an error of the disk, ${recoveries} recoveries`,
    `  order of ${report.orderedWrites} writes checked`,
    `  branches of recovery: ${branches.length === 0 ? "none" : branches.join(", ")}`,
  ];
}

/** The lines about killed processes. */
export function killSummary(report: ProcessTortureReport): string[] {
  return [
    `killed processes: ${verdict(report.violations)}`,
    `  ${report.kills} kills, ${report.commits} commits, ${report.acknowledged} acknowledged as durable`,
  ];
}

/** Each violation with the line that shows it again. */
export function violationLines(violations: readonly TortureViolation[]): string[] {
  return violations.flatMap(({ message, replay }) => [`  violation: ${message}`, `    replay: ${replay}`]);
}

function verdict(violations: readonly unknown[]): string {
  return violations.length === 0 ? "no violation" : `${violations.length} violations`;
}
