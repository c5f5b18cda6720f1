/**
 * `llmdb stats`, `verify`, `compact` and `backup`: looking after a database. Guarantees: all but `compact` only read,
 * also alongside a writer; `verify` ends with exit code 1 where it found something.
 */
import { existsSync } from "node:fs";
import type { Command } from "commander";
import type { Database, DatabaseStats, VerifyReport } from "../index.js";
import { logMissing, onCall } from "./command.js";
import { badUsage, FAILED } from "./failure.js";
import { type CommonFlags, databaseCommand, explain, writingCommand } from "./options.js";
import type { ProgressLine } from "./progress-line.js";
import { safeLine } from "./safe-text.js";
import type { Streams } from "./streams.js";
import { Table } from "./table.js";

interface BackupFlags extends CommonFlags {
  readonly compact?: boolean;
}

const SMALLEST = "pages that are half empty stay so; for the smallest file, use llmdb backup FILE --compact";
const COMPACT_HELP = `
Nothing that is stored changes, and the last transaction stays the last one. Pages that are half empty stay so, and
pages that a snapshot or another process reads stay where they are: the file is often larger than it has to be. For
the smallest one, use llmdb backup FILE --compact. It takes about as long as copying what has to move, and no other
process may have the database open for writing.`;
const KIBIBYTE = 1024;
const UNITS = ["KiB", "MiB", "GiB", "TiB"];

export function statsCommand(streams: Streams): Command {
  const command = databaseCommand("stats", "prints figures: sizes, transactions, and the plain maps");
  explain(command, ["stats --db agent.llmdb", "stats --json"]);
  return onCall<CommonFlags>(command, streams, async (run) => {
    const db = run.database("read");
    const stats = db.stats();
    const isLogMissing = db.recovered.logMissing;
    if (run.flags.json === true) {
      await run.out.json({ ...stats, logMissing: isLogMissing });
      return;
    }
    for (const [name, text] of figures(stats, isLogMissing)) await run.out.line(`${name.padEnd(18)}${text}`);
    const maps = Object.entries(stats.maps);
    if (maps.length > 0) await run.out.line("");
    const table = new Table(run.out, ["map", "entries", "depth", "pages"]);
    for (const [name, map] of maps) {
      const pages = map.leafPages + map.branchPages + map.overflowPages;
      await table.row([name, String(map.entries), String(map.depth), String(pages)]);
    }
    await table.end();
  });
}

function figures(stats: DatabaseStats, isLogMissing: boolean): [string, string][] {
  const { fileBytes, walBytes, pages, freePages, pageSize, lastTx } = stats;
  return [
    ["file", bytesText(fileBytes)],
    ["log", isLogMissing ? "missing, with the last commits" : bytesText(walBytes)],
    ["pages", `${pages} of ${bytesText(pageSize)}, ${freePages} free`],
    ["last transaction", String(lastTx)],
  ];
}

export function verifyCommand(streams: Streams): Command {
  const command = databaseCommand(
    "verify",
    "reads everything and says what is wrong: pages, trees, and both time axes",
  ).summary("reads everything and says what is wrong");
  explain(command, ["verify --db agent.llmdb", "verify --json"], "0 all is well, 1 problems, or failed, 2 bad usage");
  return onCall<CommonFlags>(command, streams, async (run) => {
    const progress = run.progress();
    const report = await verified(run.database("read"), progress);
    await run.result(report, () => {
      if (report.ok) return [{ style: "green", text: "ok" }, `: ${report.pages} pages, no problems`];
      const lines = report.problems.map(({ page, map, what }) => {
        const where = [map === undefined ? "" : `map ${map}`, page === undefined ? "" : `page ${page}`].filter(Boolean);
        return safeLine(`  ${where.length === 0 ? "" : `${where.join(", ")}: `}${what}`);
      });
      return [{ style: "red", text: "problems" }, `: ${[report.problems.length, ...lines].join("\n")}`];
    });
    if (!report.ok) run.exit(FAILED);
  });
}

/** What the check finds; that commits are missing with their log is a problem, too. */
async function verified(
  db: Database,
  progress: ProgressLine | undefined,
): Promise<VerifyReport & { logMissing: boolean }> {
  try {
    const report = await db.verifyAsync({
      onProgress: ({ phase, done, total }) => progress?.show(`${phase}: ${done} of ${total}`),
    });
    if (!db.recovered.logMissing) return { ...report, logMissing: false };
    const problems = [...report.problems, { what: logMissing(db.path) }];
    return { ...report, ok: false, problems, logMissing: true };
  } finally {
    progress?.end();
  }
}

export function compactCommand(streams: Streams): Command {
  const command = writingCommand(
    "compact",
    "moves pages from the end of the file into free pages before them and gives the end back, in place",
  ).summary("gives free space back to the file system");
  command.addHelpText("after", COMPACT_HELP);
  explain(command, ["compact --db agent.llmdb", "compact --json"]);
  return onCall<CommonFlags>(command, streams, async (run) => {
    const { before, after } = await run.database("write").compact();
    await run.result({ before, after }, () => {
      const back = bytesText(before - after);
      const done = before > after ? `moved pages into free space and gave ${back} back` : "nothing to give back";
      return `${bytesText(before)} before, ${bytesText(after)} after: ${done}\n${SMALLEST}`;
    });
  });
}

export function backupCommand(streams: Streams): Command {
  const command = databaseCommand("backup", "copies the database to a new file, also while it is written to")
    .argument("<file>", "must not exist")
    .option("--compact", "rebuilds the copy, all pages full: the smallest file that holds the same");
  explain(command, ["backup copy.llmdb --db agent.llmdb", "backup small.llmdb --compact"]);
  return onCall<BackupFlags>(command, streams, async (run, path = "") => {
    if (existsSync(path)) throw badUsage(`${path} exists already; name a new file`);
    await run.database("read").backup(path, { compact: run.flags.compact === true });
    await run.result({ file: path }, () => `copied to ${path}`);
  });
}

/** A number of bytes for people. */
function bytesText(bytes: number): string {
  if (bytes < KIBIBYTE) return `${bytes} bytes`;
  let size = bytes / KIBIBYTE;
  let unit = 0;
  while (size >= KIBIBYTE && unit < UNITS.length - 1) {
    size /= KIBIBYTE;
    unit++;
  }
  return `${Number(size.toFixed(1))} ${UNITS[unit]}`;
}
