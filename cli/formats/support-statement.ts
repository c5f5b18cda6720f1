/**
 * A line of the format `software-support`: what a catalogue recorded about a release cycle, and when. Guarantees: what
 * is read has the fields that `examples/data/software-support/README.md` describes; anything else is an error that says
 * what is wrong with the line.
 */

import { toJsonText } from "../../models/values/json-forms.js";
import { readJson } from "../../models/values/json-reader.js";

/** A day as `YYYY-MM-DD`, whether it has come at an unknown date, or null: not known. */
export type DayOrState = string | boolean | null;

/** What is known of a release cycle. */
export interface CycleFacts {
  readonly releaseDate: string | null;
  readonly eol: DayOrState;
  readonly support: DayOrState;
  readonly lts: DayOrState;
  readonly latest: string | null;
}

export interface SupportStatement {
  /** When it was recorded, in milliseconds since 1970 UTC. */
  readonly recordedAt: number;
  readonly product: string;
  readonly cycle: string;
  /** Null: the cycle is no longer in the catalogue. */
  readonly facts: CycleFacts | null;
}

/** The stretch of time over which a cycle is supported. */
export interface SupportWindow {
  readonly validFrom: string | number;
  readonly validTo: string | number;
}

const NAMES: ReadonlyMap<string, string> = new Map([
  ["debian", "Debian"],
  ["django", "Django"],
  ["go", "Go"],
  ["kubernetes", "Kubernetes"],
  ["mysql", "MySQL"],
  ["nodejs", "Node.js"],
  ["php", "PHP"],
  ["postgresql", "PostgreSQL"],
  ["python", "Python"],
  ["ubuntu", "Ubuntu"],
]);
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,3})?Z$/;
const DAY = /^\d{4}-\d\d-\d\d$/;
/** Together they are the id of a fact, which has at most 200 characters. */
const MAX_NAME_CHARACTERS = 199;

/**
 * Reads a line.
 *
 * @throws Error that says what is wrong with it
 */
export function parseStatement(line: string): SupportStatement {
  const fields = parseObject(line);
  const product = requireText(fields, "product");
  const cycle = requireText(fields, "cycle");
  if (product.length + cycle.length > MAX_NAME_CHARACTERS) {
    throw new Error(`product and cycle have more than ${MAX_NAME_CHARACTERS} characters together`);
  }
  const statement = { recordedAt: recordingTime(fields), product, cycle };
  const op = fields.get("op");
  if (op === "retract") return { ...statement, facts: null };
  if (op !== "assert") throw new Error(`op is "assert" or "retract", not ${toJsonText(op)}`);
  const facts = {
    releaseDate: dayOrNull(fields, "releaseDate"),
    eol: dayOrState(fields, "eol"),
    support: dayOrState(fields, "support"),
    lts: dayOrState(fields, "lts"),
    latest: textOrNull(fields, "latest"),
  };
  return { ...statement, facts };
}

function parseObject(line: string): ReadonlyMap<string, unknown> {
  let parsed: unknown;
  try {
    parsed = readJson(line);
  } catch {
    throw new Error("not JSON, or cut off");
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) throw new Error("not a JSON object");
  return new Map(Object.entries(parsed));
}

function requireText(fields: ReadonlyMap<string, unknown>, name: string): string {
  const value = fields.get(name);
  if (typeof value === "string" && value !== "") return value;
  throw new Error(`${name} is text, not ${toJsonText(value)}`);
}

function textOrNull(fields: ReadonlyMap<string, unknown>, name: string): string | null {
  return (fields.get(name) ?? null) === null ? null : requireText(fields, name);
}

function recordingTime(fields: ReadonlyMap<string, unknown>): number {
  const text = requireText(fields, "recordedAt");
  const time = INSTANT.test(text) && isDay(text.slice(0, 10)) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time)) throw new Error(`recordedAt is a time such as 2021-06-01T12:00:00Z, not ${text}`);
  return time;
}

function dayOrNull(fields: ReadonlyMap<string, unknown>, name: string): string | null {
  const text = textOrNull(fields, name);
  if (text === null || isDay(text)) return text;
  throw new Error(`${name} is a day such as 2021-06-01, not ${text}`);
}

function dayOrState(fields: ReadonlyMap<string, unknown>, name: string): DayOrState {
  const value = fields.get(name);
  return typeof value === "boolean" ? value : dayOrNull(fields, name);
}

function isDay(text: string): boolean {
  const time = DAY.test(text) ? Date.parse(text) : Number.NaN;
  // February 30 is parsed, as a day in March.
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
}

/** When a cycle is supported; undefined where it ended at an unknown date, or before it began. */
export function supportWindow({ releaseDate, eol }: CycleFacts): SupportWindow | undefined {
  if (eol === true) return undefined;
  if (typeof eol === "string" && releaseDate !== null && releaseDate >= eol) return undefined;
  return {
    validFrom: releaseDate ?? Number.NEGATIVE_INFINITY,
    validTo: typeof eol === "string" ? eol : Number.POSITIVE_INFINITY,
  };
}

/** A release cycle as people call it, such as `Node.js 16`. */
export function cycleName(product: string, cycle: string): string {
  const name = NAMES.get(product) ?? product;
  return cycle.startsWith(`${name} `) ? cycle : `${name} ${cycle}`;
}

/** What is known of a cycle, in words by which it is found. */
export function describeFacts(name: string, { releaseDate, eol, support, lts, latest }: CycleFacts): string {
  const parts = [
    releaseDate === null ? undefined : `it was released on ${releaseDate}`,
    typeof support === "string" ? `active support lasts until ${support}` : undefined,
    typeof lts === "string" ? `long term support (LTS) begins on ${lts}` : undefined,
    lts === true ? "it has long term support (LTS)" : undefined,
    latest === null ? undefined : `the latest release is ${latest}`,
  ].filter((part) => part !== undefined);
  const end =
    typeof eol === "string" ? `is supported until ${eol}, its end of life` : "is supported, with no known end of life";
  return `${[`${name} ${end}`, ...parts].join("; ")}.`;
}
