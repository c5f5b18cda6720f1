/**
 * `llmdb stats`, `verify`, `compact` and `backup`: looking after a database. Guarantees: all but `compact` only read,
 * also beside a writer; `verify` ends with exit code 1 where it found something.
 */
import { existsSync } from "node:fs";
import type { Command } from "commander";
import type { DatabaseStats } from "../index.js";
import { type CommonFlags, databaseCommand, explain, onCall, writingCommand } from "./command.js";
import { badUsage, FAILED } from "./failure.js";
import { safeLine } from "./safe-text.js";
import type { Streams } from "./streams.js";
import { Table } from "./table.js";

interface BackupFlags extends CommonFlags {
  readonly compact?: boolean;
}

const KIBIBYTE = 1024;
const UNITS = ["KiB", "MiB", "GiB", "TiB"];

export function statsCommand(streams: Streams): Command {
  const command = databaseCommand("stats", "prints figures: sizes, transactions, and the plain maps");
  explain(command, ["stats --db agent.llmdb", "stats --json"]);
  return onCall<CommonFlags>(command, streams, async (run) => {
    const stats = run.database("read").stats();
    if (run.flags.json === true) {
      await run.out.json(stats);
      return;
    }
    for (const [name, text] of figures(stats)) await run.out.line(`${name.padEnd(18)}${text}`);
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

function figures(stats: DatabaseStats): [string, string][] {
  const { fileBytes, walBytes, pages, freePages, pageSize, lastTx } = stats;
  return [
    ["file", bytesText(fileBytes)],
    ["log", bytesText(walBytes)],
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
    const report = run.database("read").verify();
    progress?.end();
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

export function compactCommand(streams: Streams): Command {
  const command = writingCommand("compact", "moves pages into free space and gives the end of the file back").summary(
    "makes the file as small as can be",
  );
  explain(command, ["compact --db agent.llmdb", "compact --json"]);
  return onCall<CommonFlags>(command, streams, async (run) => {
    const { before, after } = await run.database("write").compact();
    await run.result({ before, after }, () => `${bytesText(before)} before, ${bytesText(after)} after`);
  });
}

export function backupCommand(streams: Streams): Command {
  const command = databaseCommand("backup", "copies the database to a new file, also while it is written to")
    .argument("<file>", "must not exist")
    .option("--compact", "rebuilds the copy, as small as can be");
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
