/** Thousands of modules that nobody wrote: each is refused or held within its limits. */
import { expect, test } from "vitest";
import { effort, SEED } from "../effort.js";
import { Random } from "../harness/random.js";
import { corpus } from "./fuzz/corpus.js";
import { type Trial, tryModule } from "./fuzz/trial.js";
import { mutate } from "./mutation.js";

const mutants = effort(3000);

/** Seeds and numbers of mutants that did what none may do. */
const regressions: [number, number][] = [];

const modules = await corpus();

function tryMutant(start: number, number: number): Trial {
  const bytes = mutate(modules, new Random(start * 1_000_003 + number));
  try {
    return tryModule(bytes);
  } catch (error) {
    const hex = Buffer.from(bytes).toString("hex");
    throw new Error(`mutant [${start}, ${number}] ${hex}`, { cause: error });
  }
}

test("self-check: what is mutated is accepted and runs", () => {
  const trials = modules.map((bytes) => tryModule(bytes));
  expect(trials.every(({ accepted }) => accepted)).toBe(true);
  expect(trials.reduce((sum, { calls }) => sum + calls, 0)).toBeGreaterThan(20);
  expect(trials.reduce((sum, { outOfFuel }) => sum + outOfFuel, 0)).toBeGreaterThan(0);
});

test.for(regressions)("mutant [%i, %i] is held", ([start, number]) => {
  tryMutant(start, number);
});

test(`${mutants} mutants are refused or held`, { timeout: 1_000 * mutants }, () => {
  let accepted = 0;
  let calls = 0;
  let traps = 0;
  let outOfFuel = 0;
  for (let number = 0; number < mutants; number++) {
    const trial = tryMutant(SEED, number);
    if (trial.accepted) accepted++;
    calls += trial.calls;
    traps += trial.traps;
    outOfFuel += trial.outOfFuel;
  }
  console.log(`${mutants} mutants, ${accepted} accepted, ${calls} calls, ${traps} traps, ${outOfFuel} out of fuel`);
  expect(accepted).toBeGreaterThan(mutants / 20);
  expect(accepted).toBeLessThan(mutants);
  expect(traps).toBeGreaterThan(mutants / 100);
  expect(outOfFuel).toBeGreaterThan(0);
});
