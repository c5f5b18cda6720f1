/**
 * The workloads of `temporal.mjs` as a part of the comparison. Guarantees: they run in a process of their own; each row
 * has the goal that it is held to.
 */
import { fork } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("temporal.mjs", import.meta.url));

/**
 * @param {{ folder: string, rounds: number, quick: boolean }} request
 * @returns {Promise<import("./workloads.mjs").Observed[]>} one for each round
 */
export async function measureTimeAxes({ folder, rounds, quick }) {
  const place = join(folder, `time-axes-${process.pid}`);
  mkdirSync(place, { recursive: true });
  try {
    const { rows, sizes } = await measured(["--folder", place, "--rounds", `${rounds}`, ...(quick ? ["--quick"] : [])]);
    return Array.from({ length: rounds }, (_, round) => ({
      figures: Object.fromEntries(rows.flatMap((row) => figuresOf(row, round))),
      goals: [...rows.map((row) => goalOf(row, round)), ...(round === 0 ? sizes.flatMap(sizeGoal) : [])],
    }));
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

function measured(args) {
  return new Promise((resolve, reject) => {
    const child = fork(program, args);
    child.once("message", resolve);
    child.once("exit", (code) => reject(new Error(`the workloads of the time axes ended with ${code}`)));
  });
}

function figuresOf({ what, of, base, ns, baseNs }, round) {
  return [
    [`${what}: \`${of}\``, ns[round]],
    [`${what}: ${base}`, baseNs[round]],
  ];
}

function goalOf({ what, base, goal, ns, baseNs }, round) {
  return { measure: `${what}, over ${base}`, goal, atMost: true, values: [ns[round] / baseNs[round]], unit: "×" };
}

function sizeGoal({ what, goal, bytes }) {
  if (goal === undefined) return [];
  return [{ measure: `file for each version of a fact: ${what}`, goal, atMost: true, values: [bytes], unit: "bytes" }];
}
