/**
 * `llmdb export`: a database as lines of text. Guarantees: it is of one state, also alongside a writer; a file is
 * complete when it is there under its name.
 */
import { once } from "node:events";
import { createWriteStream, existsSync } from "node:fs";
import { type Command, Option } from "commander";
import { finishFile, openUnfinishedCopy, unfinishedName } from "../engine/create.js";
import { ABOUT } from "../memory/maps.js";
import { fileStorage } from "../pager/file-storage.js";
import { onCall, type Run } from "./command.js";
import { badUsage } from "./failure.js";
import type { ExportFormat, ExportReport } from "./formats/format.js";
import { EXPORT_FORMATS } from "./formats/index.js";
import { type CommonFlags, databaseCommand, explain } from "./options.js";
import { Output, type Streams } from "./streams.js";

interface ExportFlags extends CommonFlags {
  readonly format: string;
  readonly maps?: boolean;
  readonly force?: boolean;
}

export function exportCommand(streams: Streams): Command {
  const command = databaseCommand(
    "export",
    "writes the whole history, oldest first, so that import makes the same of it",
  )
    .argument("[file]", "without one, standard output")
    .summary("writes the whole history as text")
    .addOption(new Option("--format <format>", "of the file").choices([...EXPORT_FORMATS.keys()]).default("jsonl"))
    .option("--maps", "the plain maps too, as they are now")
    .option("--force", "overwrites the file");
  explain(command, ["export history.jsonl --db agent.llmdb", "export --maps --db agent.llmdb | gzip > agent.jsonl.gz"]);
  return onCall<ExportFlags>(command, streams, async (run, path) => {
    const format = EXPORT_FORMATS.get(run.flags.format);
    if (format === undefined) throw badUsage(`there is no format ${run.flags.format}`);
    if (path === undefined) {
      await write(run, format, run.out);
      return;
    }
    if (run.flags.force !== true && existsSync(path)) throw badUsage(`${path} exists already; --force overwrites it`);
    const report = await writeFile(run, format, path);
    await run.result({ file: path, ...report }, () => summary(report, path));
  });
}

async function write(run: Run<ExportFlags>, format: ExportFormat, out: Output): Promise<ExportReport> {
  const report: ExportReport = { transactions: 0, changes: 0, entries: 0 };
  const progress = run.progress();
  const db = run.database("read");
  if (format.isWithoutIndex === true && db.mapNames().includes(ABOUT.name)) {
    run.note("a memory is exported without what recall needs; backup copies all of it");
  }
  try {
    await format.write(db, { maps: run.flags.maps === true }, report, async (line) => {
      progress?.show(`${report.transactions} transactions, ${report.entries} entries of maps`);
      await out.line(line);
    });
  } finally {
    progress?.end();
  }
  await out.flush();
  return report;
}

/** Under another name until it is complete and durable; what an interrupted export has left there is removed. */
async function writeFile(run: Run<ExportFlags>, format: ExportFormat, path: string): Promise<ExportReport> {
  const unfinished = openUnfinishedCopy(fileStorage, path);
  const file = createWriteStream(unfinishedName(path), { flags: "r+" });
  // What fails while nothing waits is thrown by the next piece, or at the end.
  file.on("error", () => {});
  try {
    await once(file, "open");
    const report = await write(run, format, new Output(file));
    file.end();
    if (!file.closed) await once(file, "close");
    if (file.errored) throw file.errored;
    unfinished.file.sync();
    finishFile(fileStorage, path);
    return report;
  } catch (error) {
    file.destroy();
    fileStorage.unlink(unfinishedName(path));
    throw error;
  } finally {
    unfinished.close();
  }
}

function summary({ transactions, changes, entries }: ExportReport, path: string): string {
  const maps = entries === 0 ? "" : `, ${entries} entries of maps`;
  return `exported ${transactions} transactions with ${changes} changes${maps} to ${path}`;
}
