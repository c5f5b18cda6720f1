/** `llmdb get`: the value of a key at a point. Guarantees: exit code 1 where nothing holds there. */
import type { Command } from "commander";
import type { Version } from "../index.js";
import { toJson } from "../models/values/json-forms.js";
import {
  type KeyFlags,
  keyOptions,
  type PointFlags,
  partitionOption,
  pointOf,
  pointOptions,
  readKey,
  valueText,
} from "./arguments.js";
import { onCall } from "./command.js";
import { notFound } from "./failure.js";
import { instantJson } from "./instant-text.js";
import { type CommonFlags, databaseCommand, explain } from "./options.js";
import { safeText } from "./safe-text.js";
import type { Streams } from "./streams.js";

interface GetFlags extends CommonFlags, KeyFlags, PointFlags {
  readonly partition?: number;
}

export function getCommand(streams: Streams): Command {
  const command = databaseCommand("get", "prints the value of a key: what holds now, or at another point")
    .argument("<key>", "text, or JSON")
    .summary("the value of a key at a point");
  partitionOption(keyOptions(pointOptions(command)));
  explain(
    command,
    ["get nodejs/16 --db agent.llmdb", "get nodejs/16 --valid-at 2023-10-01 --known-at 2022-01-01 --json"],
    "0 found, 1 nothing holds there, or failed, 2 bad usage",
  );
  return onCall<GetFlags>(command, streams, async (run, text = "") => {
    const { flags } = run;
    const key = readKey(text, flags);
    const version = run
      .database("read")
      .partition(flags.partition ?? 0)
      .version(key, pointOf(flags));
    if (version === undefined) throw notFound(`nothing holds for ${valueText(key)} at this point`);
    await run.result(versionJson(version), () => plainText(version.value));
  });
}

/** A slice as JSON; open ends are null. */
export function versionJson(version: Version<unknown>): object {
  const { key, value, validFrom, validTo, txFrom, txTo, knownFrom, knownTo, origin } = version;
  return {
    key: toJson(key),
    value: toJson(value),
    validFrom: instantJson(validFrom),
    validTo: instantJson(validTo),
    txFrom,
    txTo: Number.isFinite(txTo) ? txTo : null,
    knownFrom: instantJson(knownFrom),
    knownTo: instantJson(knownTo),
    origin,
  };
}

/** Text as it is, also where it looks like JSON: it is all that is printed. */
function plainText(value: unknown): string {
  if (typeof value === "string") return value;
  return safeText(JSON.stringify(toJson(value), null, 2));
}
