#!/usr/bin/env node
/**
 * The `llmdb` command. Guarantees: exit code 0 where all went well, 1 where something was not found, was found or
 * failed, 2 where the command line makes no sense; a reader that goes away, as `head` does, ends it quietly; output
 * that cannot be written, as on a full disk, ends it with 1 and a word on standard error; standard input is looked at
 * by commands that read it, and by no other.
 */
import { commandsFor } from "./commands.js";
import { FAILED, failureOf } from "./failure.js";
import { runProgram } from "./program.js";
import { type Streams, say } from "./streams.js";

const { stdout, stderr, env } = process;

stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  const { code, message } = failureOf(error);
  say(stderr, `llmdb: standard output could not be written: ${message} (${code})`);
  process.exit(FAILED);
});
stderr.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : FAILED));

const streams: Streams = {
  get stdin() {
    return process.stdin;
  },
  stdout,
  stderr,
  env,
  exitCode: 0,
};
const args = process.argv.slice(2);
const exitCode = await runProgram(await commandsFor(args), args, streams);
// A command may have said so itself.
if (exitCode !== 0) process.exitCode = exitCode;
