/**
 * The options and the help that commands have in common: `--db`, `--json`, `--no-color`, `--alone`, examples and exit
 * codes. Guarantees: nothing of the database is loaded for them.
 */
import { Command } from "commander";
import { type ModuleFlags, modulesOption } from "./module-bounds.js";

/** The options that every command on a database has. */
export interface CommonFlags extends ModuleFlags {
  readonly db?: string;
  readonly json?: boolean;
  readonly color?: boolean;
  readonly alone?: boolean;
}

/** A command that has a database; what is special about it is added to it. */
export function databaseCommand(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .option("-d, --db <file>", "the database (default: the environment variable LLMDB_FILE)")
    .option("--json", "prints JSON")
    .option("--no-color", "prints no colours, also on a terminal");
}

/** A command that writes to a database. */
export function writingCommand(name: string, description: string): Command {
  return modulesOption(aloneOption(databaseCommand(name, description)));
}

/** Adds `--alone`. */
export function aloneOption(command: Command): Command {
  return command.option("--alone", "nothing else has it open, also where that cannot be seen: on NFS, SMB, FUSE");
}

/** Two examples, and what the exit codes say. */
export function explain(command: Command, examples: readonly string[], codes = "0 done, 1 failed, 2 bad usage"): void {
  const lines = examples.map((example) => `  $ llmdb ${example}`);
  command.addHelpText("after", `\nExamples:\n${lines.join("\n")}\n\nExit codes: ${codes}`);
}
