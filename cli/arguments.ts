/**
 * Keys, values and options as they are written on a command line. Guarantees: what is no such thing is bad usage, said
 * before anything is opened; `valueText` gives text that is read back as the same key or value.
 */
import { type Command, InvalidArgumentError, Option } from "commander";
import type { At, Instant, Key, Range, Valid } from "../index.js";
import { period } from "../index.js";
import { asKey, FORMS_DEPTH, fromJson, toJsonText } from "../models/values/json-forms.js";
import { readJson } from "../models/values/json-reader.js";
import { badUsage, failureOf } from "./failure.js";
import { readInstant } from "./instant-text.js";
import { cutTo } from "./table.js";

/** How a key is written. */
export interface KeyFlags {
  readonly keyJson?: boolean;
  readonly keyText?: boolean;
}

/** A point in time. */
export interface PointFlags {
  readonly validAt?: Instant;
  readonly knownAt?: Instant;
  readonly tx?: number;
}

/** A stretch of valid time. */
export interface StretchFlags {
  readonly validFrom?: Instant;
  readonly validTo?: Instant;
}

/** Which keys, in which order. */
export interface RangeFlags extends KeyFlags {
  readonly prefix?: string;
  readonly gte?: string;
  readonly lt?: string;
  readonly gtPrefix?: string;
  readonly ltePrefix?: string;
  readonly reverse?: boolean;
  readonly limit?: number;
}

/** What is said where a time cannot be read. */
const TIMES = "ISO 8601 (2020, 2020-01-31, 2020-01-31T10:15:00+01:00), milliseconds since 1970, Infinity or -Infinity";
const MAX_PARTITION = 2 ** 32 - 1;
/** Of a text that is quoted in an error. */
const SHOWN = 100;

/** Adds `--key-json` and `--key-text`. */
export function keyOptions(command: Command): Command {
  return command
    .addOption(new Option("--key-json", "a key is JSON, nothing else").conflicts("keyText"))
    .addOption(new Option("--key-text", "a key is text, whatever it looks like"));
}

/** Adds `--partition`. */
export function partitionOption(command: Command): Command {
  return command.option("--partition <id>", "the partition of the store (default: 0)", partition);
}

/** Adds `--valid-at`, `--known-at` and `--tx`. */
export function pointOptions(command: Command): Command {
  return command
    .option("--valid-at <time>", "about this time (default: now)", instant)
    .addOption(
      new Option("--known-at <time>", "as known at this time (default: now)").argParser(instant).conflicts("tx"),
    )
    .option("--tx <number>", "as known after this transaction", whole);
}

/** Adds `--valid-from` and `--valid-to`. */
export function stretchOptions(command: Command): Command {
  return command
    .option("--valid-from <time>", "from this time on (default: now)", instant)
    .option("--valid-to <time>", "until just before this time (default: forever)", instant);
}

/** Adds `--prefix`, `--gte`, `--lt`, `--gt-prefix` and `--lte-prefix`. */
export function boundOptions(command: Command): Command {
  return command
    .option("--prefix <key>", "keys that start with this text, or with the elements of this array")
    .option("--gte <key>", "from this key on")
    .option("--lt <key>", "before this key")
    .option("--gt-prefix <key>", "after all keys that start with this")
    .option("--lte-prefix <key>", "up to the last key that starts with this");
}

/** Adds the bounds, `--reverse` and `--limit`. */
export function rangeOptions(command: Command): Command {
  return boundOptions(command)
    .option("--reverse", "descending")
    .option("--limit <count>", "at most this number", whole);
}

/** A key as it is written. */
export function readKey(text: string, { keyJson, keyText: isText }: KeyFlags): Key {
  if (isText === true) return text;
  const json = parse(text);
  if (json !== undefined && (keyJson === true || !isNamed(json.value))) {
    const key = asKey(read(json.value, text));
    if (key !== undefined) return key;
  }
  if (keyJson !== true) return text;
  throw badUsage(`${text} is no key; give JSON: a string, a number, true, false, null, or an array of keys`);
}

/** A value as it is written. */
export function readValue(text: string, isText: boolean | undefined): unknown {
  const json = isText === true ? undefined : parse(text);
  return json === undefined ? text : read(json.value, text);
}

/** A key or value for people: text as it is, unless it would be read as something else. */
export function valueText(value: unknown): string {
  // All digits would be read as a bigint.
  if (typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value))
    return value.toExponential();
  return typeof value === "string" && !isJson(value) ? value : toJsonText(value);
}

/** The point that options name; undefined for now. */
export function pointOf({ validAt, knownAt, tx }: PointFlags): At | undefined {
  if (validAt === undefined && knownAt === undefined && tx === undefined) return undefined;
  return {
    ...(validAt !== undefined && { validAt }),
    ...(knownAt !== undefined && { knownAt }),
    ...(tx !== undefined && { tx }),
  };
}

/** The stretch that options name. */
export function stretchOf({ validFrom, validTo }: StretchFlags): Valid {
  if (validFrom !== undefined && validTo !== undefined) requireForward(validFrom, validTo);
  return { ...(validFrom !== undefined && { validFrom }), ...(validTo !== undefined && { validTo }) };
}

/** A period without an instant is refused before a database is made for it. */
function requireForward(validFrom: Instant, validTo: Instant): void {
  try {
    period.relation({ from: validFrom, to: validTo }, { from: validFrom, to: validTo });
  } catch {
    throw badUsage("--valid-from is not before --valid-to; a period runs from the earlier to the later");
  }
}

/** The range that options name. */
export function rangeOf(flags: RangeFlags): Range {
  const { prefix, gte, lt, gtPrefix, ltePrefix, reverse, limit } = flags;
  return {
    ...(prefix !== undefined && { prefix: readKey(prefix, flags) }),
    ...(gte !== undefined && { gte: readKey(gte, flags) }),
    ...(lt !== undefined && { lt: readKey(lt, flags) }),
    ...(gtPrefix !== undefined && { gt: { prefix: readKey(gtPrefix, flags) } }),
    ...(ltePrefix !== undefined && { lte: { prefix: readKey(ltePrefix, flags) } }),
    ...(reverse !== undefined && { reverse }),
    ...(limit !== undefined && { limit }),
  };
}

/** The argument of an option that counts. */
export function whole(text: string): number {
  if (/^\d+$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text);
  throw new InvalidArgumentError("It takes a whole number from 0.");
}

/** The argument of an option that is a time. */
export function instant(text: string): Instant {
  const given = readInstant(text);
  try {
    // Open ends are fine here: a period may have them.
    if (given !== Number.POSITIVE_INFINITY)
      period.relation({ from: given, to: Infinity }, { from: given, to: Infinity });
  } catch (error) {
    throw new InvalidArgumentError(`${reasonOf(error)} Give ${TIMES}.`);
  }
  return given;
}

/** The store says why a day does not exist, then which forms there are in JavaScript. */
function reasonOf(error: unknown): string {
  const [said] = failureOf(error)
    .message.replace(/^from of a is /, "It is ")
    .split("; give");
  return `${said}.`;
}

function partition(text: string): number {
  const id = whole(text);
  if (id <= MAX_PARTITION) return id;
  throw new InvalidArgumentError("A partition is a whole number from 0 to 2^32 - 1.");
}

/** What a text is as JSON, its integers exact; undefined where it is not JSON. */
export function parse(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: readJson(text, FORMS_DEPTH) };
  } catch (error) {
    // JSON that cannot be read exactly is not taken as text.
    if (isJson(text)) throw badUsage(`${cutTo(text, SHOWN)}: ${failureOf(error).message}`);
    return undefined;
  }
}

/** Whether a text would be taken as JSON, also where this runtime finds it too deep to read. */
export function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch (error) {
    return !(error instanceof SyntaxError);
  }
}

function read(json: unknown, text: string): unknown {
  try {
    return fromJson(json);
  } catch (error) {
    throw badUsage(`${text}: ${failureOf(error).message}`);
  }
}

/** An object with names is text where a key is asked for, except for the forms of keys that JSON has no form for. */
function isNamed(json: unknown): boolean {
  if (typeof json !== "object" || json === null || Array.isArray(json)) return false;
  const names = Object.keys(json);
  return names.length !== 1 || !["$bytes", "$bigint", "$number"].includes(names[0]);
}
