#!/usr/bin/env node
/**
 * The `llmdb` command. Guarantees: exit code 0 where all went well, 1 where something was not found, was found or
 * failed, 2 where the command line makes no sense; a reader that goes away, as `head` does, ends it quietly.
 */
import { commandsFor } from "./commands.js";
import { runProgram } from "./program.js";

for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    process.exit(1);
  });
}

const { stdin, stdout, stderr, env } = process;
const args = process.argv.slice(2);
const exitCode = await runProgram(await commandsFor(args), args, { stdin, stdout, stderr, env, exitCode: 0 });
// A command may have said so itself.
if (exitCode !== 0) process.exitCode = exitCode;
