/** `llmdb history`: all that was ever known of a key. Guarantees: newest known first, then by valid time. */
import type { Command } from "commander";
import type { Version } from "../index.js";
import { type KeyFlags, keyOptions, partitionOption, readKey, valueText, whole } from "./arguments.js";
import { onCall } from "./command.js";
import { notFound } from "./failure.js";
import { versionJson } from "./get.js";
import { instantText } from "./instant-text.js";
import { type CommonFlags, databaseCommand, explain } from "./options.js";
import type { Streams } from "./streams.js";
import { Table } from "./table.js";

interface HistoryFlags extends CommonFlags, KeyFlags {
  readonly partition?: number;
  readonly limit?: number;
}

export function historyCommand(streams: Streams): Command {
  const command = databaseCommand(
    "history",
    "lists all slices of a key: what held when, and from when to when that was known",
  )
    .argument("<key>", "text, or JSON")
    .summary("all that was ever known of a key")
    .option("--limit <count>", "at most this number, the newest", whole);
  partitionOption(keyOptions(command));
  explain(
    command,
    ["history nodejs/16 --db agent.llmdb", 'history \'["nodejs","16"]\' --limit 10 --json'],
    "0 found, 1 nothing was ever known, or failed, 2 bad usage",
  );
  return onCall<HistoryFlags>(command, streams, async (run, text = "") => {
    const key = readKey(text, run.flags);
    const versions = run
      .database("read")
      .partition(run.flags.partition ?? 0)
      .versions(key)
      .sort(newestFirst);
    if (versions.length === 0) throw notFound(`nothing was ever known of ${valueText(key)}`);
    const wanted = versions.slice(0, run.flags.limit ?? versions.length);
    const table = new Table(run.out, ["valid from", "valid to", "known from", "known to", "tx", "value"]);
    for (const version of wanted) {
      if (run.flags.json === true) await run.out.json(versionJson(version));
      else await table.row(versionRow(version));
    }
    await table.end();
  });
}

function versionRow({ validFrom, validTo, knownFrom, knownTo, txFrom, txTo, value }: Version<unknown>): string[] {
  const times = [validFrom, validTo, knownFrom, knownTo].map(instantText);
  return [...times, `${txFrom}-${Number.isFinite(txTo) ? txTo : ""}`, valueText(value)];
}

function newestFirst(a: Version<unknown>, b: Version<unknown>): number {
  return b.txFrom - a.txFrom || a.validFrom - b.validFrom;
}
