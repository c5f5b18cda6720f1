/**
 * Keys and values as JSON, also those that JSON has no form for. Guarantees: what `toJson` gives is plain JSON, and
 * `fromJson` makes the same key or value of it, whether the text between them was read by `readJson` or by
 * `JSON.parse`; an object that only looks like one of the forms is kept as it is.
 *
 * ```text
 * {"$bytes":"AAEC"}             Uint8Array, in base64
 * {"$bigint":"9007199254740993"}
 * {"$date":"2026-01-31T00:00:00.000Z"}
 * {"$number":"NaN"}             also Infinity, -Infinity, -0, and numbers whose digits would be read as a bigint
 * {"$object":{"$date":1}}       the object {"$date":1} itself: its own properties are read as usual
 * ```
 */
import { isDate, isUint8Array } from "node:util/types";
import type { Key } from "../../engine/key.js";
import { MAX_VALUE_DEPTH } from "../../engine/msgpack.js";
import { LlmdbError } from "../../pager/error.js";
import { readJson } from "./json-reader.js";

/** Deep enough for every value that can be stored: each of its objects may be within a form, and all in a few more. */
export const FORMS_DEPTH = 2 * MAX_VALUE_DEPTH + 10;

/** Reads the content of a form that is `level` levels deep. */
type Reader = (content: unknown, form: string, level: number) => unknown;

/** An object with one of these as its only property stands for something else. */
const FORMS: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ["$bytes", readBytes],
  ["$bigint", readBigint],
  ["$date", readDate],
  ["$number", readNumber],
  ["$object", readObject],
]);

/** From here on, JSON has an exponent for a number, and is read as a number. */
const DIGITS_END = 1e21;
/** What a finite number is written as in its form. */
const FINITE = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?$/;
const OTHER_NUMBERS: ReadonlyMap<unknown, number> = new Map([
  ["NaN", Number.NaN],
  ["Infinity", Number.POSITIVE_INFINITY],
  ["-Infinity", Number.NEGATIVE_INFINITY],
]);

/**
 * A value as it can be given to `JSON.stringify`.
 *
 * @throws LlmdbError `LLMDB_INVALID_ARGUMENT` where it would have more than {@link FORMS_DEPTH} levels
 */
export function toJson(value: unknown): unknown {
  return jsonOf(value, 0);
}

function jsonOf(value: unknown, outer: number): unknown {
  if (typeof value === "bigint") return { $bigint: String(value) };
  if (typeof value === "number") return isPlainNumber(value) ? value : { $number: numberText(value) };
  if (typeof value !== "object" || value === null) return value;
  if (isUint8Array(value)) return { $bytes: Buffer.from(value).toString("base64") };
  if (isDate(value)) return { $date: value.toISOString() };
  const form = formOf(value);
  const level = enter(form === undefined ? outer : outer + 1);
  if (Array.isArray(value)) return value.map((element) => jsonOf(element, level));
  const plain = mapObject(value, (inner) => jsonOf(inner, level));
  return form === undefined ? plain : { $object: plain };
}

/** A value as one line of JSON, which {@link fromJsonText} reads. */
export function toJsonText(value: unknown): string {
  return JSON.stringify(toJson(value)) ?? "null";
}

/**
 * What {@link toJson} was given.
 *
 * @throws LlmdbError `LLMDB_INVALID_ARGUMENT` where one of the forms is used wrongly
 */
export function fromJson(json: unknown): unknown {
  return valueFrom(json, 0);
}

function valueFrom(json: unknown, outer: number): unknown {
  if (typeof json !== "object" || json === null) return json;
  const level = enter(outer);
  if (Array.isArray(json)) return json.map((element) => valueFrom(element, level));
  const form = formOf(json);
  const read = form === undefined ? undefined : FORMS.get(form);
  if (form !== undefined && read !== undefined) return read(Reflect.get(json, form), form, level);
  return mapObject(json, (inner) => valueFrom(inner, level));
}

/** One level further in. Without an end to them, the stack would have one. */
function enter(outer: number): number {
  if (outer < FORMS_DEPTH) return outer + 1;
  throw new LlmdbError(
    "LLMDB_INVALID_ARGUMENT",
    `nested too deeply: as JSON, ${FORMS_DEPTH} arrays and objects in each other are the most; ` +
      "give its parts one by one",
  );
}

/**
 * What {@link toJsonText} was given. Without a form, an integer beyond plus or minus 2^53 - 1 is a bigint.
 *
 * @param maxDepth as in `readJson`
 * @throws LlmdbError `LLMDB_INVALID_ARGUMENT` for what is not JSON, or where one of the forms is used wrongly
 */
export function fromJsonText(text: string, maxDepth = FORMS_DEPTH): unknown {
  return fromJson(readJson(text, maxDepth));
}

/** A value as a key, where it is one. The bounds of numbers and lengths are checked by the store. */
export function asKey(value: unknown): Key | undefined {
  if (value === null || isUint8Array(value)) return value;
  if (Array.isArray(value)) {
    const elements: Key[] = [];
    for (const element of value) {
      const key = asKey(element);
      if (key === undefined) return undefined;
      elements.push(key);
    }
    return elements;
  }
  if (typeof value === "string" || typeof value === "number" || typeof value === "bigint") return value;
  return typeof value === "boolean" ? value : undefined;
}

/** An own property of a parsed object, or undefined. */
export function property(of: object, name: string): unknown {
  return Object.hasOwn(of, name) ? Reflect.get(of, name) : undefined;
}

/** Whether a parsed value is an object with named properties. */
export function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Own properties only, so that one called `__proto__` stays a property. */
function mapObject(object: object, change: (value: unknown) => unknown): object {
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [name, change(value)]));
}

function formOf(object: object): string | undefined {
  const names = Object.keys(object);
  return names.length === 1 && FORMS.has(names[0]) ? names[0] : undefined;
}

function readBytes(content: unknown, form: string): Uint8Array {
  if (typeof content === "string") {
    const bytes = Buffer.from(content, "base64");
    if (bytes.toString("base64") === content) return new Uint8Array(bytes);
  }
  throw refused(form, "base64 with its padding");
}

function readBigint(content: unknown, form: string): bigint {
  if (typeof content === "string" && /^-?\d+$/.test(content)) return BigInt(content);
  throw refused(form, "the digits of a whole number, as a string");
}

function readDate(content: unknown, form: string): Date {
  const date = new Date(typeof content === "string" ? content : Number.NaN);
  if (!Number.isNaN(date.getTime())) return date;
  throw refused(form, 'an ISO 8601 string such as "2026-01-31T10:15:00.000Z"');
}

/** Whether the digits that JSON has for a number are read as the same number. */
function isPlainNumber(value: number): boolean {
  if (!Number.isFinite(value) || Object.is(value, -0)) return false;
  return !Number.isInteger(value) || Number.isSafeInteger(value) || Math.abs(value) >= DIGITS_END;
}

function numberText(value: number): string {
  return Object.is(value, -0) ? "-0" : String(value);
}

function readNumber(content: unknown, form: string): number {
  const number = typeof content === "string" && FINITE.test(content) ? Number(content) : Number.NaN;
  if (Number.isFinite(number)) return number;
  const other = OTHER_NUMBERS.get(content);
  if (other !== undefined) return other;
  throw refused(form, 'a number as a string, such as "NaN", "-Infinity", "-0" or "1e300"');
}

function readObject(content: unknown, form: string, outer: number): object {
  if (isObject(content)) {
    const level = enter(outer);
    return mapObject(content, (inner) => valueFrom(inner, level));
  }
  throw refused(form, "an object");
}

function refused(form: string, wanted: string): LlmdbError {
  return new LlmdbError(
    "LLMDB_INVALID_ARGUMENT",
    `"${form}" takes ${wanted}; to store an object with this property, write {"$object":{"${form}":...}}`,
  );
}
