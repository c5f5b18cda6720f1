/**
 * The whole command line, as a function. Guarantees: it ends by itself and returns its exit code: 0 where all went
 * well, 1 where something was not found, was found or failed, 2 where the command line makes no sense.
 */
import { Command, CommanderError } from "commander";
import { BAD_USAGE } from "./failure.js";
import { safeText } from "./safe-text.js";
import type { Streams } from "./streams.js";
import { version } from "./version.js";

/** Makes a command that works on these streams. */
export type CommandMaker = (streams: Streams) => Command;

/** What is called with which arguments; returns the exit code. */
export async function runProgram(
  makers: readonly CommandMaker[],
  args: readonly string[],
  streams: Streams,
): Promise<number> {
  try {
    await programOf(makers, streams).parseAsync(args, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Help that was not asked for is in place of an error.
    return error.exitCode === 0 && error.code !== "commander.help" ? 0 : BAD_USAGE;
  }
  return streams.exitCode;
}

function programOf(makers: readonly CommandMaker[], streams: Streams): Command {
  const program = new Command("llmdb")
    .description("LLMDB, an embedded database in one file, with every fact on two time axes")
    .version(version)
    .option("-d, --db <file>", "the database; also after the command (default: the variable LLMDB_FILE)")
    .enablePositionalOptions()
    .exitOverride()
    .showHelpAfterError("(add --help for what there is)")
    .configureOutput({
      writeOut: (text) => streams.stdout.write(safeText(text)),
      writeErr: (text) => streams.stderr.write(safeText(text)),
      outputError: (text, write) => write(text.replace(/^error: /, "llmdb: ")),
    })
    .addHelpText(
      "after",
      '\nA KEY is text, or JSON: 42, null, ["nodejs","16"]. A VALUE is JSON, or else text.\n' +
        "A time is ISO 8601 (2020, 2020-01-31, 2020-01-31T10:15:00Z), milliseconds since 1970, or Infinity.\n\n" +
        "Exit codes: 0 done, 1 not found, problems found or failed, 2 bad usage",
    );
  for (const make of makers) {
    const command = make(streams);
    inherit(command, program);
    program.addCommand(command);
  }
  return program;
}

/** Settings go down to the commands of a command too. */
function inherit(command: Command, from: Command): void {
  command.copyInheritedSettings(from);
  for (const inner of command.commands) inherit(inner, command);
}
