/**
 * The arguments of an operation, read one by one. Guarantees: what is returned has the type that was asked for; another
 * one is an error that names the argument.
 */
import { isDate, isUint8Array } from "node:util/types";
import type { Json } from "../../memory/record.js";
import { fromJson } from "../../models/values/json-forms.js";
import { LlmdbError } from "../../pager/error.js";
import type { At } from "../../temporal/at.js";
import { isObject, type JsonObject } from "./schema.js";
import { readInstantText, readTime } from "./time-argument.js";

/** How callers say that a stretch has no beginning, or no end. */
export const OPEN = "open";

export class Arguments {
  readonly #given: JsonObject;

  constructor(given: unknown) {
    if (given !== undefined && !isObject(given)) throw wrong("the arguments are", "an object");
    this.#given = given ?? {};
  }

  get all(): JsonObject {
    return this.#given;
  }

  /** As given; undefined where it is missing. */
  any(name: string): unknown {
    return this.#given[name];
  }

  /** What JSON can say, with integers of any size: as themselves, or in the form `{"$bigint":"…"}`. */
  json(name: string): Json | undefined {
    const value = fromJson(this.#given[name]);
    if (value === undefined || isJson(value)) return value;
    throw wrong(`${name} is`, "a JSON value; of the forms that begin with $, it takes $bigint, $number and $object");
  }

  text(name: string): string | undefined {
    const value = this.#given[name];
    if (value === undefined || typeof value === "string") return value;
    throw wrong(`${name} is`, "a string");
  }

  requiredText(name: string): string {
    const value = this.text(name);
    if (value === undefined) throw wrong(`${name} is`, "a string");
    return value;
  }

  number(name: string): number | undefined {
    const value = this.#given[name];
    if (value === undefined || typeof value === "number") return value;
    throw wrong(`${name} is`, "a number");
  }

  requiredNumber(name: string): number {
    const value = this.number(name);
    if (value === undefined) throw wrong(`${name} is`, "a number");
    return value;
  }

  /** A whole number between two others. */
  count(name: string, fallback: number, least: number, most: number): number {
    const value = this.number(name) ?? fallback;
    if (Number.isSafeInteger(value) && value >= least && value <= most) return value;
    throw wrong(`${name} is`, `a whole number from ${least} to ${most}`);
  }

  flag(name: string): boolean | undefined {
    const value = this.#given[name];
    if (value === undefined || typeof value === "boolean") return value;
    throw wrong(`${name} is`, "true or false");
  }

  texts(name: string): string[] | undefined {
    const value = this.#given[name];
    if (value === undefined) return undefined;
    if (Array.isArray(value) && value.every((text) => typeof text === "string")) return value;
    throw wrong(`${name} is`, "a list of strings");
  }

  requiredTexts(name: string): string[] {
    const value = this.texts(name);
    if (value === undefined) throw wrong(`${name} is`, "a list of strings");
    return value;
  }

  /** A list of objects. */
  list(name: string): Arguments[] {
    const value = this.#given[name];
    if (!Array.isArray(value)) throw wrong(`${name} is`, "a list");
    return value.map((inner) => new Arguments(inner));
  }

  object(name: string): Arguments {
    return new Arguments(this.#given[name]);
  }

  /** The point that is asked about. */
  get at(): At {
    return optional({ validAt: this.#time("validAt"), knownAt: this.#time("knownAt"), tx: this.number("tx") });
  }

  #time(name: string): string | undefined {
    const value = this.text(name);
    return value === undefined ? undefined : readTime(value, name);
  }

  /** A time, or an open end, as the memory takes it. */
  end(name: string, open: number): string | number | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    return value.trim().toLowerCase() === OPEN ? open : readInstantText(value, name);
  }
}

/** Without the members that are undefined: the memory refuses those. */
export function optional<T extends object>(given: T): T {
  const kept: T = { ...given };
  for (const name in kept) if (kept[name] === undefined) delete kept[name];
  return kept;
}

function isJson(value: unknown): value is Json {
  if (value === null || typeof value === "string" || typeof value === "boolean" || typeof value === "bigint") {
    return true;
  }
  if (typeof value === "number") return Number.isFinite(value);
  if (Array.isArray(value)) return value.every(isJson);
  return isObject(value) && !isUint8Array(value) && !isDate(value) && Object.values(value).every(isJson);
}

function wrong(subject: string, what: string): LlmdbError {
  return new LlmdbError("LLMDB_INVALID_ARGUMENT", `${subject} ${what}`);
}
