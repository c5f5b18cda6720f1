/**
 * Imports the format `software-support` into a memory: what a public catalogue recorded about release cycles becomes
 * the recorded knowledge of an agent. Each cycle is one fact, such as `nodejs/16`, that holds from its release to its
 * end of life.
 *
 * Guarantees: what was recorded at one instant is one transaction at that instant; an assertion replaces all that was
 * known of its cycle, about all times; a line that cannot be read is reported with its number and the others are
 * imported; when the promise resolves, all of it is durable.
 */
import type { Memory, MemoryTransaction } from "../../memory/index.js";
import { LlmdbError } from "../../pager/error.js";
import { turn } from "../../pager/timers.js";
import type { Marks } from "./format.js";
import { cycleName, describeFacts, parseStatement, type SupportStatement, supportWindow } from "./support-statement.js";

/** Lines, and what their numbers count from: a file. */
export interface SupportLines {
  readonly name: string;
  readonly lines: Iterable<string>;
}

/** A line that was left out. */
export interface BadLine {
  readonly name: string;
  /** From 1. */
  readonly line: number;
  readonly what: string;
}

export interface SupportImportProgress {
  readonly statements: number;
  /** How many there are in all. */
  readonly of: number;
  /** The time up to which it has come, in milliseconds since 1970 UTC. */
  readonly recordedAt: number;
}

export interface SupportImportOptions {
  /** Called after each transaction. */
  readonly onProgress?: (progress: SupportImportProgress) => void;
  /** Where it may be begun again: how many transactions are done. */
  readonly marks?: Marks | undefined;
}

/** What was imported. */
export interface SupportImportReport {
  readonly statements: number;
  readonly transactions: number;
  readonly bad: readonly BadLine[];
}

const SOURCE = "endoflife.date";
const PREDICATE = "support window";
/** After this many transactions other work of the process, such as drawing progress, gets its turn. */
const TURN = 32;

/**
 * Imports files that belong together, oldest statement first.
 *
 * @throws LlmdbError (rejects) `LLMDB_TIME_ORDER` where the database knows something that was recorded as late as the
 * first statement, or later: nothing is imported then
 */
export async function importSoftwareSupport(
  memory: Memory,
  files: Iterable<SupportLines>,
  { onProgress, marks }: SupportImportOptions = {},
): Promise<SupportImportReport> {
  const { statements, bad } = readStatements(files);
  const done = marks?.done ?? 0;
  if (done === 0) requireLater(memory, statements);
  let transactions = 0;
  for (let from = 0; from < statements.length; transactions++) {
    const { recordedAt } = statements[from];
    let to = from;
    while (to < statements.length && statements[to].recordedAt === recordedAt) to++;
    const together = transactions < done ? [] : statements.slice(from, to);
    const meta = { source: SOURCE, statements: together.length };
    const body = (tx: MemoryTransaction) => {
      for (const statement of together) record(tx, statement);
      marks?.mark(tx.writer.tx, transactions + 1);
    };
    if (together.length > 0) await memory.transaction(body, { time: recordedAt, meta, durability: "buffered" });
    onProgress?.({ statements: to, of: statements.length, recordedAt });
    if (transactions % TURN === 0) await turn();
    from = to;
  }
  await memory.db.checkpoint();
  return { statements: statements.length, transactions, bad };
}

/** All statements, by the time at which they were recorded; those of one instant in the order of files and lines. */
function readStatements(files: Iterable<SupportLines>): { statements: SupportStatement[]; bad: BadLine[] } {
  const statements: SupportStatement[] = [];
  const bad: BadLine[] = [];
  for (const { name, lines } of files) {
    let line = 0;
    for (const text of lines) {
      line++;
      if (text.trim() === "") continue;
      try {
        statements.push(parseStatement(text));
      } catch (error) {
        bad.push({ name, line, what: error instanceof Error ? error.message : String(error) });
      }
    }
  }
  statements.sort((a, b) => a.recordedAt - b.recordedAt);
  return { statements, bad };
}

function requireLater({ db }: Memory, [first]: readonly SupportStatement[]): void {
  if (first === undefined) return;
  for (const { time } of db.transactions({ reverse: true, limit: 1 })) {
    if (time < first.recordedAt) return;
    const [known, begins] = [time, first.recordedAt].map((one) => new Date(one).toISOString());
    throw new LlmdbError(
      "LLMDB_TIME_ORDER",
      `the database was last written at ${known}, and these lines begin at ${begins}; ` +
        "import them into a new database, or only those that were recorded later",
    );
  }
}

function record(tx: MemoryTransaction, { product, cycle, facts }: SupportStatement): void {
  const id = `${product}/${cycle}`;
  forgetKnown(tx, id);
  const window = facts && supportWindow(facts);
  if (facts === null || window === null || window === undefined) return;
  const subject = cycleName(product, cycle);
  const text = describeFacts(subject, facts);
  tx.remember({ id, subject, predicate: PREDICATE, object: { ...facts }, text, source: SOURCE, ...window });
}

/** Withdraws what is known of a cycle; one that the memory has never heard of is none to withdraw. */
function forgetKnown(tx: MemoryTransaction, id: string): void {
  try {
    tx.forget(id);
  } catch (error) {
    if (!(error instanceof LlmdbError) || error.code !== "LLMDB_NOT_FOUND") throw error;
  }
}
