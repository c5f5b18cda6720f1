/**
 * `llmdb as-of` and `llmdb diff`: many keys at one point, and what differs between two. Guarantees: lines come in the
 * order of keys, as they are read; a point that cannot be answered is an error, not another answer.
 */
import { type Command, Option } from "commander";
import type { At, Instant } from "../index.js";
import { toJson } from "../models/values/json-forms.js";
import {
  instant,
  keyOptions,
  type PointFlags,
  partitionOption,
  pointOf,
  pointOptions,
  type RangeFlags,
  rangeOf,
  rangeOptions,
  valueText,
  whole,
} from "./arguments.js";
import { onCall } from "./command.js";
import { badUsage } from "./failure.js";
import { type CommonFlags, databaseCommand, explain } from "./options.js";
import type { Streams } from "./streams.js";
import { Table } from "./table.js";

interface AsOfFlags extends CommonFlags, RangeFlags, PointFlags {
  readonly partition?: number;
}

interface DiffFlags extends CommonFlags, RangeFlags {
  readonly partition?: number;
  readonly validAt?: Instant;
  readonly fromValidAt?: Instant;
  readonly fromKnownAt?: Instant;
  readonly fromTx?: number;
  readonly toValidAt?: Instant;
  readonly toKnownAt?: Instant;
  readonly toTx?: number;
}

export function asOfCommand(streams: Streams): Command {
  const command = databaseCommand("as-of", "lists keys and values as they hold at a point: now, unless it is given")
    .summary("keys and values at a point")
    .alias("list");
  partitionOption(keyOptions(rangeOptions(pointOptions(command))));
  explain(command, [
    "as-of --prefix nodejs/ --db agent.llmdb",
    "as-of --known-at 2022-01-01 --valid-at 2023-10-01 --limit 20 --json",
  ]);
  return onCall<AsOfFlags>(command, streams, async (run) => {
    const { flags } = run;
    const range = rangeOf(flags);
    const store = run.database("read").partition(flags.partition ?? 0);
    const table = new Table(run.out, ["key", "value"]);
    for (const [key, value] of store.range(range, pointOf(flags))) {
      if (flags.json === true) await run.out.json({ key: toJson(key), value: toJson(value) });
      else await table.row([valueText(key), valueText(value)]);
    }
    await table.end();
  });
}

export function diffCommand(streams: Streams): Command {
  const command = databaseCommand(
    "diff",
    "lists the keys whose values differ between two points; a side without options is now",
  )
    .summary("what differs between two points")
    .option("--valid-at <time>", "both sides are about this time", instant)
    .option("--from-tx <number>", "the first side as known after this transaction", whole)
    .option("--from-known-at <time>", "the first side as known at this time", instant)
    .option("--from-valid-at <time>", "the first side is about this time", instant)
    .option("--to-tx <number>", "the second side as known after this transaction", whole)
    .option("--to-known-at <time>", "the second side as known at this time", instant)
    .addOption(new Option("--to-valid-at <time>", "the second side is about this time").argParser(instant));
  partitionOption(keyOptions(rangeOptions(command)));
  explain(command, [
    "diff --from-known-at 2022-01-01 --db agent.llmdb",
    "diff --from-tx 3 --to-tx 4 --valid-at 2023-10-01 --json",
  ]);
  return onCall<DiffFlags>(command, streams, async (run) => {
    const { flags } = run;
    const { from, to } = sides(flags);
    const range = rangeOf(flags);
    const store = run.database("read").partition(flags.partition ?? 0);
    const table = new Table(run.out, ["", "key", "before", "after"]);
    for (const difference of store.diff(from, to, range)) {
      const { key, before, after } = difference;
      if (flags.json === true) {
        const json = { key: toJson(key), ...("before" in difference && { before: toJson(before) }) };
        await run.out.json({ ...json, ...("after" in difference && { after: toJson(after) }) });
      } else {
        const sign = "before" in difference ? ("after" in difference ? "~" : "-") : "+";
        await table.row([sign, valueText(key), sideText(difference, "before"), sideText(difference, "after")]);
      }
    }
    await table.end();
  });
}

/** The two points of a diff. */
function sides(flags: DiffFlags): { from: At; to: At } {
  const { validAt, fromTx, fromKnownAt, fromValidAt = validAt, toTx, toKnownAt, toValidAt = validAt } = flags;
  const from = pointOf({ tx: fromTx, knownAt: fromKnownAt, validAt: fromValidAt });
  const to = pointOf({ tx: toTx, knownAt: toKnownAt, validAt: toValidAt });
  const areApart = [fromTx, fromKnownAt, flags.fromValidAt, toTx, toKnownAt, flags.toValidAt].some(isGiven);
  if (areApart) return { from: from ?? {}, to: to ?? {} };
  throw badUsage("both points are the same; give one with --from-tx, --from-known-at or --from-valid-at");
}

function isGiven(option: unknown): boolean {
  return option !== undefined;
}

function sideText(difference: { before?: unknown; after?: unknown }, side: "before" | "after"): string {
  return side in difference ? valueText(difference[side]) : "";
}
