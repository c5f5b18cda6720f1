/**
 * What models write where a schema wants a number, a boolean, a list or an object: the right value in quotes, or one
 * value instead of a list of one. Guarantees: what can mean one thing only becomes that value; all else is returned as
 * it was given, for the check to refuse.
 */
import { readJson } from "../../models/values/json-reader.js";

/** A number as JSON writes it. `1,000`, `0x10` and `1 000` are not. */
const NUMBER = /^\s*-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?\s*$/;
/** JSON in a string, within an argument that is otherwise short. */
const MOST_CHARACTERS = 100_000;

/** `"3"` is 3. An integer that JSON gave as one without limit is the number where that is exact. */
export function looseNumber(value: unknown): unknown {
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  if (typeof value !== "string" || !NUMBER.test(value)) return value;
  const number = Number(value);
  return Number.isFinite(number) ? number : value;
}

/** `"true"` is true, as `"True"` is, which Python writes. */
export function looseFlag(value: unknown): unknown {
  if (typeof value !== "string") return value;
  const word = value.trim().toLowerCase();
  return word === "true" ? true : word === "false" ? false : value;
}

/** `"Fact"` is `"fact"` where that is one of the options. */
export function looseOption(value: unknown, options: readonly string[]): unknown {
  if (typeof value !== "string" || options.includes(value)) return value;
  const word = value.trim().toLowerCase();
  return options.find((option) => option.toLowerCase() === word) ?? value;
}

/** A list that was written as a text is that list; where texts are wanted, one text is a list of one. */
export function looseArray(value: unknown, ofTexts: boolean): unknown {
  if (typeof value !== "string") return value;
  const parsed = parsedAs("[", value);
  if (parsed !== undefined) return parsed;
  // With a comma, it may be a list of several, or one that has a comma in it.
  return ofTexts && value.trim() !== "" && !/[,;\n[\]]/.test(value) ? [value] : value;
}

/** An object that was written as a text is that object. */
export function looseObject(value: unknown): unknown {
  return typeof value === "string" ? (parsedAs("{", value) ?? value) : value;
}

function parsedAs(opening: "[" | "{", text: string): unknown {
  if (text.length > MOST_CHARACTERS || !text.trimStart().startsWith(opening)) return undefined;
  try {
    return readJson(text);
  } catch {
    return undefined;
  }
}
