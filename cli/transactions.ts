/** `llmdb transactions`: what was done when, and by whom. Guarantees: any number of them in constant memory. */
import type { Command } from "commander";
import type { Instant, LoggedChange } from "../index.js";
import { toJson } from "../models/values/json-forms.js";
import { instant, valueText, whole } from "./arguments.js";
import { onCall } from "./command.js";
import { instantJson, instantText } from "./instant-text.js";
import { type CommonFlags, databaseCommand, explain } from "./options.js";
import type { Streams } from "./streams.js";
import { Table } from "./table.js";

interface TransactionFlags extends CommonFlags {
  readonly after?: number;
  readonly from?: Instant;
  readonly to?: Instant;
  readonly limit?: number;
  readonly reverse?: boolean;
}

/** The most changes of a transaction that the table names. */
const NAMED = 3;

export function transactionsCommand(streams: Streams): Command {
  const command = databaseCommand(
    "transactions",
    "lists transactions with their time, metadata and changes, oldest first",
  )
    .summary("what was done when, and by whom")
    .option("--after <number>", "above this number", whole)
    .option("--from <time>", "at this time or later", instant)
    .option("--to <time>", "before this time", instant)
    .option("--reverse", "newest first")
    .option("--limit <count>", "at most this number", whole);
  explain(command, ["transactions --reverse --limit 10 --db agent.llmdb", "transactions --from 2026-01-01 --json"]);
  return onCall<TransactionFlags>(command, streams, async (run) => {
    const { after, from, to, limit, reverse, json } = run.flags;
    const within = {
      ...(after !== undefined && { after }),
      ...(from !== undefined && { from }),
      ...(to !== undefined && { to }),
      ...(limit !== undefined && { limit }),
      ...(reverse !== undefined && { reverse }),
    };
    const table = new Table(run.out, ["tx", "time", "meta", "changes"]);
    for (const transaction of run.database("read").transactions(within)) {
      const { tx, time, meta, changes } = transaction;
      const hasMeta = "meta" in transaction;
      if (json !== true) {
        await table.row([String(tx), instantText(time), hasMeta ? valueText(meta) : "", changesText(changes)]);
        continue;
      }
      const head = { tx, time: instantJson(time), ...(hasMeta && { meta: toJson(meta) }) };
      await run.out.json({ ...head, changes: changes.map(changeJson) });
    }
    await table.end();
  });
}

function changesText(changes: readonly LoggedChange[]): string {
  const named = changes.slice(0, NAMED).map(({ op, key }) => `${op} ${valueText(key)}`);
  if (changes.length > NAMED) named.push(`and ${changes.length - NAMED} more`);
  return named.join(", ");
}

function changeJson({ op, partition, key, validFrom, validTo }: LoggedChange): object {
  return { op, partition, key: toJson(key), validFrom: instantJson(validFrom), validTo: instantJson(validTo) };
}
