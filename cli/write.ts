/**
 * `llmdb put` and `llmdb delete`: one fact, as a transaction of its own. Guarantees: what is reported is durable; only
 * `put` makes a database, and says so; alongside a process that shares the database, both write through it.
 */
import type { Command } from "commander";
import type { Instant } from "../index.js";
import {
  instant,
  type KeyFlags,
  keyOptions,
  partitionOption,
  readKey,
  readValue,
  type StretchFlags,
  stretchOf,
  stretchOptions,
} from "./arguments.js";
import { onCall, type Run } from "./command.js";
import { badUsage } from "./failure.js";
import { instantJson, instantText } from "./instant-text.js";
import { type CommonFlags, explain, writingCommand } from "./options.js";
import type { Streams } from "./streams.js";
import type { Writing } from "./writing/command.js";
import { deleteFact, putFact } from "./writing/facts.js";
import type { Fields } from "./writing/fields.js";

interface WriteFlags extends CommonFlags, KeyFlags, StretchFlags {
  readonly partition?: number;
  readonly text?: boolean;
  readonly meta?: string;
  readonly time?: Instant;
}

export function putCommand(streams: Streams): Command {
  const command = writingCommand("put", "states that a value holds for a key, from now on or over a stretch of time")
    .argument("<key>", "text, or JSON")
    .argument("<value>", "JSON, or else text; - reads it from standard input")
    .summary("states that a value holds for a key")
    .option("--text", "the value is text, whatever it looks like");
  writeOptions(command);
  explain(command, [
    'put nodejs/16 \'{"support":"security"}\' --valid-from 2022-10-18 --valid-to 2023-09-11 --db agent.llmdb',
    "put notes/today - --text < notes.txt",
  ]);
  return onCall<WriteFlags>(command, streams, async (run, keyGiven = "", valueGiven = "") => {
    const { flags } = run;
    const key = readKey(keyGiven, flags);
    const text = valueGiven === "-" ? await textOf(streams.stdin) : valueGiven;
    const value = readValue(text, flags.text);
    await write(run, "create", putFact, { key, value, ...stretchOf(flags) });
  });
}

export function deleteCommand(streams: Streams): Command {
  const command = writingCommand("delete", "states that nothing holds for a key, from now on or over a stretch of time")
    .argument("<key>", "text, or JSON")
    .summary("states that nothing holds for a key; history stays");
  writeOptions(command);
  explain(
    command,
    ["delete nodejs/16 --db agent.llmdb", "delete nodejs/16 --valid-from 2023-09-11 --valid-to 2024-04-30"],
    "0 done, 1 nothing was known there, or failed, 2 bad usage",
  );
  return onCall<WriteFlags>(command, streams, async (run, keyGiven = "") => {
    const { flags } = run;
    const key = readKey(keyGiven, flags);
    await write(run, "write", deleteFact, { key, ...stretchOf(flags) });
  });
}

function writeOptions(command: Command): void {
  partitionOption(keyOptions(stretchOptions(command)))
    .option("--meta <value>", "who, why: noted in the transaction log; JSON, or else text")
    .option("--time <time>", "when it became known, to record history: after the last transaction", instant);
}

async function write(
  run: Run<WriteFlags>,
  access: "write" | "create",
  writing: Writing,
  change: object,
): Promise<void> {
  const { meta, time, partition } = run.flags;
  const done = await run.write(access, writing, {
    ...change,
    ...(partition !== undefined && { partition }),
    ...(meta !== undefined && { meta: readValue(meta, false) }),
    ...(time !== undefined && { time }),
  });
  await receipt(run, done);
}

/** What a command that is one transaction prints. */
export async function receipt(run: Run<CommonFlags>, done: Fields): Promise<void> {
  const [tx, time] = [done.requiredNumber("tx"), done.requiredNumber("time")];
  await run.result({ tx, time: instantJson(time) }, () => `transaction ${tx} at ${instantText(time)}`);
}

/** All of a stream as text, without the line feed at its end. */
async function textOf(stream: Streams["stdin"]): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk));
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks)).replace(/\r?\n$/, "");
  } catch {
    throw badUsage('standard input is not UTF-8; store bytes as {"$bytes":"<base64>"}');
  }
}
