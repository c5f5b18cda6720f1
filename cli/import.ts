/**
 * `llmdb import`: facts and whole histories from a file. Guarantees: what is good is imported and durable when it ends;
 * what is not is reported by its line, and the exit code is 1 then.
 */
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { type Command, Option } from "commander";
import { Database } from "../index.js";
import { onCall, type Run } from "./command.js";
import { badUsage, FAILED } from "./failure.js";
import { type BadLine, ImportReport } from "./formats/format.js";
import { IMPORT_FORMATS } from "./formats/index.js";
import { type Line, linesOf } from "./formats/lines.js";
import { type CommonFlags, explain, writingCommand } from "./options.js";
import type { ProgressLine } from "./progress-line.js";
import type { Streams } from "./streams.js";
import { importThrough } from "./writing/batches.js";

interface ImportFlags extends CommonFlags {
  readonly format: string;
}

/** More are in the JSON result. */
const SHOWN_PROBLEMS = 20;

export function importCommand(streams: Streams): Command {
  const command = writingCommand("import", "imports a file line by line; creates the database if it is missing")
    .argument("<file>", "- reads standard input")
    .summary("imports facts, or a whole history")
    .addOption(new Option("--format <format>", "of the file").choices([...IMPORT_FORMATS.keys()]).default("jsonl"));
  explain(
    command,
    ["import history.jsonl --db copy.llmdb", 'import - --db agent.llmdb <<< \'{"key":"ada/role","value":"lead"}\''],
    "0 all lines imported, 1 some were not, or failed, 2 bad usage",
  );
  return onCall<ImportFlags>(command, streams, async (run, path = "-") => {
    const format = IMPORT_FORMATS.get(run.flags.format);
    if (format === undefined) throw badUsage(`there is no format ${run.flags.format}`);
    // The file first: a wrong name must not leave an empty database.
    const source = path === "-" ? streams.stdin : await fileStream(path);
    const report = new ImportReport(problemPrinter(run));
    const progress = run.progress();
    const lines = counted(linesOf(source), report, progress);
    try {
      const writer = await run.writer("create");
      if (writer instanceof Database) {
        await format.read(writer, lines, report);
        await writer.checkpoint();
      } else await importThrough(writer, run.flags.format, format, lines, report);
    } finally {
      progress?.end();
    }
    if (report.badLines > SHOWN_PROBLEMS) run.note(`and ${report.badLines - SHOWN_PROBLEMS} more bad lines`);
    await run.result(report, () => summary(report));
    if (report.badLines > 0) run.exit(FAILED);
  });
}

async function fileStream(path: string): Promise<AsyncIterable<Uint8Array | string>> {
  const handle = await open(path);
  const isFolder = (await handle.stat()).isDirectory();
  await handle.close();
  if (isFolder) throw badUsage(`${path} is a folder; name a file`);
  return createReadStream(path, { highWaterMark: 256 * 1024 });
}

function problemPrinter(run: Run<ImportFlags>): (bad: BadLine) => void {
  let printed = 0;
  return ({ line, message }) => {
    if (printed++ < SHOWN_PROBLEMS) run.note(`line ${line}: ${message}`);
  };
}

async function* counted(
  lines: AsyncIterable<Line>,
  report: ImportReport,
  progress: ProgressLine | undefined,
): AsyncGenerator<Line, void> {
  for await (const line of lines) {
    if (line.number % 100 === 0) progress?.show(`line ${line.number}, ${report.badLines} bad`);
    yield line;
  }
}

function summary({ transactions, changes, entries, badLines }: ImportReport): string {
  const maps = entries === 0 ? "" : `, ${entries} entries of maps`;
  const bad = badLines === 0 ? "" : `; ${badLines} bad lines were left out`;
  return `imported ${transactions} transactions with ${changes} changes${maps}${bad}`;
}
