/**
 * `llmdb module`: WebAssembly modules of a database. Guarantees: what only looks or runs over pages opens the database
 * for reading; each subcommand prints JSON with `--json` and ends with the exit codes of the other commands.
 */
import { Command } from "commander";
import type { Streams } from "../streams.js";
import { attachCommand, detachCommand } from "./attach.js";
import { explainCommand } from "./explain.js";
import { attachmentsCommand, listCommand } from "./list.js";
import { putCommand, revokeCommand } from "./put.js";
import { runCommand } from "./run.js";

const MAKERS = [
  putCommand,
  listCommand,
  explainCommand,
  runCommand,
  attachCommand,
  detachCommand,
  attachmentsCommand,
  revokeCommand,
];

export function moduleCommand(streams: Streams): Command {
  const command = new Command("module")
    .description("WebAssembly modules that run at the data: stores, explains, runs and attaches them")
    .summary("WebAssembly modules at the data")
    .option("-d, --db <file>", "the database (default: the environment variable LLMDB_FILE)");
  for (const make of MAKERS) command.addCommand(make(streams));
  return command;
}
