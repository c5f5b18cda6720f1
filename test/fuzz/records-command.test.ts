/**
 * The command line on databases whose records lie: each command ends with an exit code, and where it fails, with an
 * error that has a code of ours.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type Ended, llmdb, scratchFolder } from "../cli/in-process.js";
import { effort, SEED } from "../effort.js";
import { Random } from "../harness/random.js";
import { SimulatedDisk } from "../harness/simulated-disk.js";
import { recordsSample } from "./memory-use.js";
import { mutateRecords } from "./record-mutation.js";

/** Each is asked by two dozen commands. */
const MUTANTS = effort(4);

const COMMANDS: readonly (readonly string[])[] = [
  ["get", "plain", "--valid-at", "3000"],
  ["get", "f1"],
  ["history", "f1"],
  ["history", "plain"],
  ["as-of", "--tx", "20"],
  ["diff", "--from-tx", "3"],
  ["timeline", "plain"],
  ["timeline", "f1"],
  ["transactions"],
  ["recall", "snow in turin"],
  ["recall", "note", "--scope", "team/a", "--validity", "any"],
  ["recall", "ada", "--tx", "30"],
  ["export"],
  ["export", "--format", "server-memory"],
  ["stats"],
  ["verify"],
  ["remember", "ada likes rivers", "--id", "f1"],
  ["remember", "--subject", "ada", "--predicate", "likes", "--object", "turin"],
  ["forget", "f3"],
  ["forget", "f5", "--erase"],
  ["put", "plain", "3"],
  ["delete", "plain"],
  ["verify"],
];

const folder = scratchFolder();
const sample = await recordsSample(new SimulatedDisk(1));

/** What is wrong with how a command ended, or undefined. */
function problemOf({ code, out, err }: Ended): string | undefined {
  const text = out + err;
  if (![0, 1, 2].includes(code)) return `exit code ${code}: ${text}`;
  const named = [...text.matchAll(/"error":\{"code":"(\w+)"/g)].map(([, name]) => name);
  return named.every((name) => name.startsWith("LLMDB_")) ? undefined : text;
}

test("on the sample as it is nothing is damaged", async () => {
  const path = join(folder, "whole");
  writeFileSync(path, sample);
  for (const command of COMMANDS) {
    const { out } = await llmdb([...command, "--json", "--db", path]);
    expect(out, command.join(" ")).not.toMatch(/LLMDB_(CORRUPT|INVALID)/);
  }
});

test(`records, seed ${SEED}: ${MUTANTS} mutants`, async () => {
  for (let number = 0; number < MUTANTS; number++) {
    const path = join(folder, `mutant-${number}`);
    writeFileSync(path, await mutateRecords(sample, new Random(Math.imul(SEED, 0x9e3779b1) ^ number)));
    for (const command of COMMANDS) {
      const how = `LLMDB_SEED=${SEED}, mutant ${number}: ${command.join(" ")}`;
      const ended = await llmdb([...command, "--json", "--db", path]);
      expect(problemOf(ended), how).toBeUndefined();
    }
  }
});
