/**
 * The test suite that abstract-level ships for its implementations, all of it. It is written for tape, so tape runs it,
 * and what tape reports is counted here.
 */
import { createRequire } from "node:module";
import { LlmdbLevel, type LlmdbLevelOpenOptions, type LlmdbLevelOptions } from "../../level/index.js";

/** What tape reports; assertions have `ok`. */
interface Row {
  readonly type: "test" | "assert" | "end";
  readonly id: number;
  readonly test?: number;
  readonly name: string;
  readonly ok?: boolean;
  readonly skip?: unknown;
  readonly todo?: unknown;
}

/** A stream from before streams could be iterated over. */
interface Rows {
  on(event: "data", listener: (row: Row) => void): void;
  on(event: "end", listener: (value?: unknown) => void): void;
}

interface Harness {
  (name: string, body: unknown): void;
  createStream(options: { objectMode: true }): Rows;
}

export interface Outcome {
  assertions: number;
  readonly skipped: string[];
  readonly failures: string[];
}

type Options = LlmdbLevelOptions<string, string>;
type Suite = (options: { test: Harness; factory: (options?: Options) => LlmdbLevel }) => void;

// Neither has types.
const require = createRequire(import.meta.url);
const { createHarness }: { createHarness(): Harness } = require("tape");
const suite: Suite = require("abstract-level/test");

/** The suite makes a thousand databases: each with a small cache, which it must not see among its options. */
export class SmallLevel extends LlmdbLevel {
  protected override _open(options: LlmdbLevelOpenOptions): Promise<void> {
    return super._open({ ...options, cacheBytes: 2 ** 20 });
  }
}

/** Runs the suite on what `factory` makes. */
export async function runSuite(factory: (options?: Options) => LlmdbLevel): Promise<Outcome> {
  const harness = createHarness();
  const rows = harness.createStream({ objectMode: true });
  const names = new Map<number | undefined, string>();
  const outcome: Outcome = { assertions: 0, skipped: [], failures: [] };
  rows.on("data", (row) => {
    if (row.type === "test") names.set(row.id, row.name);
    const name = row.type === "assert" ? `${names.get(row.test)}: ${row.name}` : row.name;
    if (row.skip || row.todo) outcome.skipped.push(name);
    else if (row.type === "assert") outcome.assertions++;
    if (row.ok === false) outcome.failures.push(name);
  });
  const end = new Promise((resolve) => rows.on("end", resolve));
  suite({ test: harness, factory });
  await end;
  return outcome;
}
