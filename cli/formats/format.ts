/**
 * What a format of `import` and `export` is. Guarantees: a format reads and writes lines, whatever they come from; what
 * it cannot read is in the report by the number of the line, and the rest is imported.
 */
import type { Database, Transaction } from "../../index.js";
import { badUsage, failureOf } from "../failure.js";
import { Fields } from "../writing/fields.js";
import type { Line } from "./lines.js";

/** What an export may be told. */
export interface ExportOptions {
  /** Plain maps as well, as they are now. */
  readonly maps: boolean;
}

/** What has been written so far. */
export interface ExportReport {
  transactions: number;
  changes: number;
  /** Of plain maps. */
  entries: number;
}

/** Writes a database as lines. */
export interface ExportFormat {
  readonly description: string;
  /** True: what a memory keeps alongside its records does not survive an import of it. */
  readonly isWithoutIndex?: boolean;
  /** @param emit takes a line without its end, and resolves when there is room for the next one */
  write(
    db: Database,
    options: ExportOptions,
    report: ExportReport,
    emit: (line: string) => Promise<void>,
  ): Promise<void>;
}

/** How far an import has come, where it may be begun again: kept in its own transactions. */
export interface Marks {
  /** How many steps were done before. What a step is, a format decides. */
  readonly done: number;
  /** What was noted with them. */
  readonly state: unknown;
  /** Notes that the steps up to this one are done if the transaction is. */
  mark(tx: Transaction, done: number, state?: unknown): void;
}

/** Reads lines into a database. */
export interface ImportFormat {
  readonly description: string;
  /** True: what is in a line does not depend on those that follow, so they may come in batches. */
  readonly isByLine?: boolean;
  /**
   * Reads all lines. Steps that `marks` says were done before are reported, and not done again.
   *
   * @returns when it is committed; `db.checkpoint()`, or a durable transaction, makes it durable
   */
  read(db: Database, lines: AsyncIterable<Line>, report: ImportReport, marks?: Marks): Promise<void>;
}

/** A line that was not imported, and why. */
export interface BadLine {
  readonly line: number;
  readonly message: string;
}

/** More bad lines than this are counted, and not listed. */
const LISTED = 1000;

/** What has been read so far. */
export class ImportReport {
  lines = 0;
  transactions = 0;
  changes = 0;
  /** Of plain maps. */
  entries = 0;
  badLines = 0;
  /** The first of the bad lines. */
  readonly problems: BadLine[] = [];
  readonly #onBadLine: (bad: BadLine) => void;

  constructor(onBadLine: (bad: BadLine) => void = () => {}) {
    this.#onBadLine = onBadLine;
  }

  /** Notes that a line was not imported. */
  bad(line: number, error: unknown): void {
    const problem = { line, message: failureOf(error).message };
    this.badLines++;
    if (this.problems.length >= LISTED) return;
    this.problems.push(problem);
    this.#onBadLine(problem);
  }

  /** Adds the report on lines that follow. */
  add(next: Fields): void {
    this.lines += next.requiredNumber("lines");
    this.transactions += next.requiredNumber("transactions");
    this.changes += next.requiredNumber("changes");
    this.entries += next.requiredNumber("entries");
    const problems = next.list("problems").map((problem) => new Fields(problem));
    for (const problem of problems) {
      this.bad(problem.requiredNumber("line"), badUsage(problem.requiredText("message")));
    }
    this.badLines += next.requiredNumber("badLines") - problems.length;
  }

  toJSON(): object {
    const { lines, transactions, changes, entries, badLines, problems } = this;
    return { lines, transactions, changes, entries, badLines, problems };
  }
}

/** The texts of all lines, for a format that is read as a whole; one that is not UTF-8 is reported, and empty. */
export async function textsOf(lines: AsyncIterable<Line>, report: ImportReport): Promise<string[]> {
  const texts: string[] = [];
  for await (const { number, text } of lines) {
    report.lines++;
    if (text === undefined) report.bad(number, badUsage("the line is not UTF-8"));
    texts.push(text ?? "");
  }
  return texts;
}
