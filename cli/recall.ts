/**
 * `llmdb remember`, `llmdb recall` and `llmdb forget`: the memory of an agent, by hand. Guarantees: what was remembered
 * is found at once; what is reported is durable; nothing outside of `--scope` is seen or changed.
 */
import { type Command, Option } from "commander";
import { Memory } from "../memory/index.js";
import type { Hit } from "../memory/recall.js";
import { toJson } from "../models/values/json-forms.js";
import {
  type PointFlags,
  parse,
  pointOf,
  pointOptions,
  readValue,
  type StretchFlags,
  stretchOf,
  stretchOptions,
  valueText,
  whole,
} from "./arguments.js";
import { onCall, type Run } from "./command.js";
import { FAILED } from "./failure.js";
import { instantJson, instantText } from "./instant-text.js";
import { type CommonFlags, databaseCommand, explain, writingCommand } from "./options.js";
import type { Streams } from "./streams.js";
import { Table } from "./table.js";
import { forgetRecord, rememberFact } from "./writing/records.js";

interface MemoryFlags extends CommonFlags {
  readonly scope?: string;
}

interface RememberFlags extends MemoryFlags, StretchFlags {
  readonly id?: string;
  readonly subject?: string;
  readonly predicate?: string;
  readonly object?: string;
  readonly tag?: readonly string[];
  readonly source?: string;
  readonly confidence?: number;
  readonly many?: boolean;
  readonly meta?: string;
}

interface RecallFlags extends MemoryFlags, PointFlags {
  readonly limit?: number;
  readonly maxTokens?: number;
  readonly validity: "only" | "prefer" | "any";
}

interface ForgetFlags extends MemoryFlags, StretchFlags {
  readonly erase?: boolean;
}

const DEFAULT_LIMIT = 10;

export function rememberCommand(streams: Streams): Command {
  const command = writingCommand("remember", "writes a fact down; what was believed of the same thing stays on record")
    .argument("[text]", "the fact in words")
    .summary("writes a fact down")
    .option("--id <id>", "its key (default: made of what it is about)")
    .option("--subject <name>", "who or what it is about")
    .option("--predicate <name>", "what is said of the subject: the same subject and predicate corrects")
    .option("--object <value>", "its value: JSON, or else text")
    .option("--tag <tag...>", "any number of tags")
    .option("--source <name>", "where it comes from")
    .option("--confidence <number>", "0 to 1", Number)
    .option("--many", "is kept alongside other facts with the same subject and predicate")
    .option("--meta <value>", "who, why: noted in the transaction log; JSON, or else text");
  stretchOptions(scopeOption(command));
  explain(command, [
    "remember --subject Ada --predicate 'works for' --object Acme --source 'chat of 3 May' --db agent.llmdb",
    "remember 'The deploy key is rotated each quarter' --tag ops --scope team",
  ]);
  return onCall<RememberFlags>(command, streams, async (run, text) => {
    run.isOfMemory = true;
    const { meta } = run.flags;
    const request = { fact: factOf(run.flags, text), ...(meta !== undefined && { meta: readValue(meta, false) }) };
    const done = await run.write("create", rememberFact, request, run.flags);
    const [id, tx, outcome] = [done.requiredText("id"), done.requiredNumber("tx"), done.requiredText("outcome")];
    const knownFrom = done.requiredNumber("knownFrom");
    const told = { id, tx, outcome, knownFrom: instantJson(knownFrom), replaced: toJson(done.list("replaced")) };
    await run.result(told, () => rememberedText(id, tx, outcome, instantText(knownFrom)));
  });
}

function rememberedText(id: string, tx: number, outcome: string, knownFrom: string): string {
  if (outcome === "unchanged") return `${id} is unchanged: known since ${knownFrom}, transaction ${tx}`;
  if (outcome === "again") return `${id} in transaction ${tx}, said again: known since ${knownFrom}`;
  return `${id} in transaction ${tx}${outcome === "corrected" ? ", which corrects what was believed" : ""}`;
}

/** As the memory takes it, which looks at all of it itself. */
function factOf(flags: RememberFlags, text: string | undefined): object {
  const { id, subject, predicate, object, tag, source, confidence, many } = flags;
  return {
    ...(id !== undefined && { id }),
    ...(subject !== undefined && { subject }),
    ...(predicate !== undefined && { predicate }),
    ...(object !== undefined && { object: (parse(object) ?? { value: object }).value }),
    ...(text !== undefined && { text }),
    ...(tag !== undefined && { tags: tag }),
    ...(source !== undefined && { source }),
    ...(confidence !== undefined && { confidence }),
    ...(many !== undefined && { many }),
    ...stretchOf(flags),
  };
}

export function recallCommand(streams: Streams): Command {
  const command = databaseCommand("recall", "finds by words what is known now, or was known at another point")
    .argument("<query>", "some words")
    .summary("finds by words what is known")
    .option("--limit <count>", `at most this number (default: ${DEFAULT_LIMIT})`, whole)
    .option("--max-tokens <count>", "at most about this many tokens of text", whole)
    .addOption(
      new Option("--validity <how>", "what does not hold at --valid-at is left out, counts half, or counts as the rest")
        .choices(["only", "prefer", "any"])
        .default("only"),
    );
  pointOptions(scopeOption(command));
  explain(
    command,
    ["recall 'where does Ada work' --db agent.llmdb", "recall 'node 16 end of life' --known-at 2021-06-01 --json"],
    "0 found, 1 nothing was found, or failed, 2 bad usage",
  );
  return onCall<RecallFlags>(command, streams, async (run, query = "") => {
    run.isOfMemory = true;
    const { limit = DEFAULT_LIMIT, maxTokens, validity } = run.flags;
    const { hits, tokens, more } = memoryOf(run).recall(query, {
      ...pointOf(run.flags),
      limit,
      validity,
      ...(maxTokens !== undefined && { maxTokens }),
    });
    if (hits.length === 0) run.exit(FAILED);
    if (run.flags.json === true) {
      await run.out.json({ hits: hits.map(hitJson), tokens, more });
      return;
    }
    const table = new Table(run.out, ["id", "valid from", "valid to", "text"]);
    for (const { record, text } of hits) {
      await table.row([valueText(record.id), instantText(record.validFrom), instantText(record.validTo), text]);
    }
    await table.end();
    if (more) run.note("there is more; --limit and --max-tokens let it through");
    if (hits.length === 0) run.note("nothing that is known has one of these words");
  });
}

function hitJson({ record, text, score }: Hit): object {
  const { id, scope, value, validFrom, validTo, knownFrom, tx } = record;
  return {
    id,
    ...(scope !== undefined && { scope }),
    score,
    text,
    value: toJson(value),
    validFrom: instantJson(validFrom),
    validTo: instantJson(validTo),
    knownFrom: instantJson(knownFrom),
    tx,
  };
}

export function forgetCommand(streams: Streams): Command {
  const command = writingCommand("forget", "withdraws a record of the memory; it stays on record, unless it is erased")
    .argument("<id>", "as recall shows it")
    .summary("withdraws what was remembered")
    .option("--erase", "physically: its whole past, and every trace of its words");
  stretchOptions(scopeOption(command));
  explain(
    command,
    ["forget f12 --db agent.llmdb", "forget f12 --erase --db agent.llmdb"],
    "0 done, 1 there is no such record, or failed, 2 bad usage",
  );
  return onCall<ForgetFlags>(command, streams, async (run, id = "") => {
    run.isOfMemory = true;
    const { erase } = run.flags;
    const request = { id, ...stretchOf(run.flags), ...(erase && { erase }) };
    const tx = (await run.write("write", forgetRecord, request, run.flags)).requiredNumber("tx");
    await run.result({ id, tx }, () => `${erase === true ? "erased" : "forgotten"} in transaction ${tx}`);
  });
}

function scopeOption(command: Command): Command {
  return command.option("--scope <path>", "this part of the memory and all below it, such as team/ada");
}

function memoryOf(run: Run<MemoryFlags>): Memory {
  const { scope } = run.flags;
  return new Memory(run.database("read"), scope === undefined ? {} : { scope });
}
