/**
 * Keeping replies within their budget of tokens. Guarantees: the JSON text of what is returned takes no more tokens
 * than were allowed; where something is left out, the reply says so: with a mark in a text, with `cut`, or with a
 * cursor.
 */

import { countTokens } from "../../memory/tokens.js";
import { LlmdbError } from "../../pager/error.js";
import type { Arguments } from "./arguments.js";
import { isObject, type JsonObject } from "./schema.js";

export const DEFAULT_MAX_TOKENS = 4000;
export const LEAST_MAX_TOKENS = 100;
export const MOST_TOKENS = 1_000_000;
/** Of one page. */
export const MOST_ITEMS = 1000;

/** What others need whole, to ask further. The memory limits their lengths. */
const WHOLE = new Set([
  "id",
  "hash",
  "kind",
  "scope",
  "cursor",
  "validFrom",
  "validTo",
  "knownFrom",
  "knownTo",
  "time",
  "op",
]);
/** What has any shape. */
const FREE = new Set(["object", "meta"]);
const FIRST_LENGTH = 16_384;
const LAST_LENGTH = 8;
/** How many characters of text count as one element of a list, when both are cut. */
const PER_ELEMENT = 16;
/** For the comma between two elements. */
const SEPARATOR_TOKENS = 1;

/** The budget that a call asks for. */
export function budgetOf(args: Arguments): number {
  return args.count("maxTokens", DEFAULT_MAX_TOKENS, LEAST_MAX_TOKENS, MOST_TOKENS);
}

/** How many tokens the JSON text of a value takes. */
function tokensOf(value: unknown): number {
  return countTokens(JSON.stringify(value));
}

/**
 * A reply about one thing, with its long texts and lists cut where it must be.
 *
 * @throws LlmdbError `LLMDB_INVALID_ARGUMENT` where even that does not fit
 */
export function fitReply(reply: JsonObject, maxTokens: number): JsonObject {
  const fitted = shorten(reply, maxTokens);
  if (fitted === undefined) throw tooSmall(maxTokens);
  return fitted;
}

/** A reply with a list: `make` gets the part that fits, and whether anything is left. */
export type MakePage = (items: readonly JsonObject[], isMore: boolean) => JsonObject;

/**
 * A reply with as many of the items as fit, at least one of them, which is cut where it must be.
 *
 * @param isMore whether there are more than `items`
 * @throws LlmdbError `LLMDB_INVALID_ARGUMENT` where not even one fits
 */
export function fitPage(items: readonly JsonObject[], isMore: boolean, maxTokens: number, make: MakePage): JsonObject {
  const room = maxTokens - tokensOf(make([], true));
  let kept = 0;
  for (let tokens = 0; kept < items.length; kept++) {
    tokens += tokensOf(items[kept]) + SEPARATOR_TOKENS;
    if (tokens > room) break;
  }
  for (; kept > 0; kept--) {
    const page = make(items.slice(0, kept), isMore || kept < items.length);
    // The cursor of a later page can be longer than the one that was counted.
    if (tokensOf(page) <= maxTokens) return page;
  }
  if (items.length === 0) return fitReply(make([], isMore), maxTokens);
  for (let less = room; less > 0; less -= 8) {
    const first = shorten(items[0], less);
    const page = first && make([first], isMore || items.length > 1);
    if (page !== undefined && tokensOf(page) <= maxTokens) return page;
    if (first === undefined) break;
  }
  throw tooSmall(maxTokens);
}

/** A text cut to a budget. */
export function fitText(text: string, maxTokens: number): string {
  for (let length = text.length; length > LAST_LENGTH; length = Math.floor(length * 0.75)) {
    const cut = cutText(text, length);
    if (countTokens(cut) <= maxTokens) return cut;
  }
  return cutText(text, LAST_LENGTH);
}

/** The object with the longest texts and lists that fit; undefined where none do. */
function shorten(value: JsonObject, maxTokens: number): JsonObject | undefined {
  if (tokensOf(value) <= maxTokens) return value;
  for (let length = FIRST_LENGTH; length >= LAST_LENGTH; length >>= 1) {
    const cut = { ...cutObject(value, length), cut: true };
    if (tokensOf(cut) <= maxTokens) return cut;
  }
  return undefined;
}

function cutObject(value: JsonObject, length: number): JsonObject {
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => {
      if (WHOLE.has(name)) return [name, inner] as const;
      return [name, FREE.has(name) ? cutFree(inner, length) : cutValue(inner, length)] as const;
    }),
  );
}

function cutValue(value: unknown, length: number): unknown {
  if (typeof value === "string") return cutText(value, length);
  if (Array.isArray(value)) return cutList(value, length);
  return isObject(value) ? cutObject(value, length) : value;
}

function cutFree(value: unknown, length: number): unknown {
  const text = JSON.stringify(value);
  return text.length <= length ? value : cutText(typeof value === "string" ? value : text, length);
}

function cutList(list: readonly unknown[], length: number): unknown[] {
  const most = Math.max(1, Math.floor(length / PER_ELEMENT));
  const kept = list.slice(0, most).map((inner) => cutValue(inner, length));
  if (list.length > most && typeof list[0] === "string") kept.push(`… [cut: ${list.length} in all]`);
  return kept;
}

/** The beginning of a text, with a mark that says how long it is. */
function cutText(text: string, length: number): string {
  if (text.length <= length) return text;
  // Not between the halves of a character.
  const end = /[\uD800-\uDBFF]/.test(text[length - 1] ?? "") ? length - 1 : length;
  return `${text.slice(0, end)}… [cut: ${text.length} characters in all]`;
}

function tooSmall(maxTokens: number): LlmdbError {
  return new LlmdbError("LLMDB_INVALID_ARGUMENT", `maxTokens ${maxTokens} is too small for this; give more`);
}
