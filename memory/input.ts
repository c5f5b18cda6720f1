/**
 * What callers may give to the memory, checked before anything is written. Guarantees: what comes out has the types
 * that it claims, within the limits that are stated here.
 */
import { toJsonText } from "../models/values/json-forms.js";
import { LlmdbError } from "../pager/error.js";
import type { Valid } from "../temporal/at.js";
import { requireOptions } from "../temporal/at.js";
import { type Instant, parseInstant } from "../temporal/instant.js";
import { type FactValue, isMadeId, type Json, LETTERS, type RecordKind } from "./record.js";

/** A fact as it is given to `remember`. */
export interface FactInput extends Valid {
  /**
   * The key of the fact, at most 200 characters. Default: made by the memory. A fact of the same subject and predicate,
   * or, without those, of the same text, gets the same id again, and so corrects what was believed.
   */
  id?: string;
  /** Who or what it is about, at most 1,000 characters. */
  subject?: string;
  /** What is said of the subject, such as `lives in`, at most 1,000 characters. */
  predicate?: string;
  /** The value: anything that JSON can say. */
  object?: Json;
  /** The statement in words, at most 1,000,000 characters. Give `object` or `text`, or both. */
  text?: string;
  /** At most 100, of at most 100 characters. */
  tags?: readonly string[];
  /** Where it comes from: a person, a document, a tool. At most 1,000 characters. */
  source?: string;
  /** 0 to 1: how sure the source is. */
  confidence?: number;
  /** Where it belongs, below the memory's own scope. Default: that scope. */
  scope?: string;
  /** True: stands alongside others of the same subject and predicate, instead of correcting them. Default false. */
  many?: boolean;
}

/** One utterance as it is given to `addTurn`. */
export interface TurnInput {
  /** Who speaks: `user`, `assistant`, or another name. At most 200 characters. */
  role: string;
  /** At most 1,000,000 characters. */
  text: string;
  /** Below the memory's own scope. Default: that scope. */
  scope?: string;
}

const MAX_NAME_CHARACTERS = 1000;
const MAX_ID_CHARACTERS = 200;
const MAX_TEXT_CHARACTERS = 1_000_000;
const MAX_TAGS = 100;
const MAX_DEPTH = 100;
const FACT_FIELDS = [
  "id",
  "subject",
  "predicate",
  "object",
  "text",
  "tags",
  "source",
  "confidence",
  "scope",
  "many",
  "validFrom",
  "validTo",
];

/**
 * The value of a fact.
 *
 * @throws LlmdbError `LLMDB_INVALID_ARGUMENT`
 */
export function checkFact(input: FactInput): FactValue {
  requireOptions(input, FACT_FIELDS, "a fact");
  const { subject, predicate, object, text, tags, source, confidence } = input;
  if (object === undefined && text === undefined) throw invalid("a fact says something: give text, or object, or both");
  if (predicate !== undefined && subject === undefined) throw invalid("a predicate is said of a subject; give both");
  if (tags !== undefined) checkTags(tags);
  if (confidence !== undefined && !(typeof confidence === "number" && confidence >= 0 && confidence <= 1)) {
    throw invalid("confidence is a number from 0 to 1");
  }
  if (input.id !== undefined) checkId(input.id);
  if (object !== undefined) checkJson(object);
  return {
    kind: "fact",
    ...optional("subject", subject, MAX_NAME_CHARACTERS),
    ...optional("predicate", predicate, MAX_NAME_CHARACTERS),
    ...(object === undefined ? {} : { object }),
    ...optional("text", text, MAX_TEXT_CHARACTERS),
    ...(tags === undefined || tags.length === 0 ? {} : { tags: [...tags] }),
    ...optional("source", source, MAX_NAME_CHARACTERS),
    ...(confidence === undefined ? {} : { confidence }),
  };
}

/**
 * A stretch of time with an instant in it.
 *
 * @throws LlmdbError `LLMDB_INVALID_ARGUMENT`
 */
export function checkPeriod(validFrom: Instant, validTo: Instant): void {
  if (parseInstant(validFrom, "validFrom") < parseInstant(validTo, "validTo")) return;
  throw invalid("validFrom is not before validTo; without validFrom, a fact holds from now on");
}

/** @throws LlmdbError `LLMDB_INVALID_ARGUMENT` */
export function checkTurn(session: string, input: TurnInput): void {
  requireOptions(input, ["role", "text", "scope"], "a turn");
  checkSession(session);
  requireText(input.role, "role", MAX_ID_CHARACTERS);
  requireText(input.text, "text", MAX_TEXT_CHARACTERS);
}

/** @throws LlmdbError `LLMDB_INVALID_ARGUMENT` */
function checkSession(session: string): void {
  requireText(session, "a session's name", MAX_ID_CHARACTERS);
}

/** @throws LlmdbError `LLMDB_INVALID_ARGUMENT` for what cannot be the id of a record */
export function checkId(id: string): void {
  requireText(id, "an id", MAX_ID_CHARACTERS);
}

/** @throws LlmdbError `LLMDB_INVALID_ARGUMENT` for an id of the form that the memory makes itself */
export function requireFreeId(id: string): void {
  if (isMadeId(id))
    throw invalid(`there is no record ${id} to correct; leave the id out, or choose one like nodejs/16`);
}

/**
 * A count that a caller gives.
 *
 * @throws LlmdbError `LLMDB_INVALID_ARGUMENT`
 */
export function checkCount(value: number | undefined, what: string, fallback: number, least = 0): number {
  if (value === undefined) return fallback;
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw invalid(`${what} is a whole number from ${least}`);
}

/** @throws LlmdbError `LLMDB_INVALID_ARGUMENT` */
export function checkKind(kind: RecordKind): void {
  if (typeof kind !== "string" || !Object.hasOwn(LETTERS, kind)) {
    throw invalid("a kind is fact, entity, relation or turn");
  }
}

function checkJson(object: Json): void {
  if (!isJson(object, MAX_DEPTH)) {
    throw invalid(
      `object is JSON, with integers of any size and at most ${MAX_DEPTH} lists and objects within each other`,
    );
  }
  if (toJsonText(object).length > MAX_TEXT_CHARACTERS) {
    throw invalid(`object has at most ${MAX_TEXT_CHARACTERS} characters as JSON; remember its parts instead`);
  }
}

function isJson(value: unknown, depth: number): boolean {
  if (typeof value === "number") return Number.isFinite(value);
  if (typeof value === "bigint") return true;
  if (typeof value === "string") return value.isWellFormed();
  if (typeof value !== "object" || value === null) return value === null || typeof value === "boolean";
  if (depth === 0) return false;
  const prototype = Object.getPrototypeOf(value);
  if (!Array.isArray(value) && prototype !== Object.prototype && prototype !== null) return false;
  return Object.entries(value).every(([name, inner]) => name.isWellFormed() && isJson(inner, depth - 1));
}

/** @throws LlmdbError `LLMDB_INVALID_ARGUMENT` */
export function checkTags(tags: readonly string[]): void {
  if (!Array.isArray(tags) || tags.length > MAX_TAGS) throw invalid(`tags are a list of at most ${MAX_TAGS} strings`);
  for (const tag of tags) requireText(tag, "a tag", 100);
}

function optional(name: string, value: string | undefined, most: number): { [name: string]: string } {
  if (value === undefined) return {};
  requireText(value, name, most);
  return { [name]: value };
}

function requireText(value: unknown, what: string, most: number): void {
  if (typeof value !== "string" || value === "") throw invalid(`${what} is a string with at least one character`);
  if (!value.isWellFormed())
    throw invalid(`${what} has half of a surrogate pair, which is no text; toWellFormed() mends it`);
  if (value.length > most) throw invalid(`${what} has ${value.length} characters; at most ${most} are taken`);
}

export function invalid(message: string): LlmdbError {
  return new LlmdbError("LLMDB_INVALID_ARGUMENT", message);
}
