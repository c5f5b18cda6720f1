/**
 * What a memory consists of: facts, entities, relations between them, and turns of conversations. Guarantees: the texts
 * of a record, by which it is found, depend on its value alone.
 */
import { crc32 } from "node:zlib";
import type { Milliseconds } from "../engine/receipt.js";
import { LlmdbError } from "../pager/error.js";
import { exactly, isCount, isText, listOf, objectOf, type Shape } from "./stored-map.js";

/** A plain value: what a fact may say of its subject. An integer beyond plus or minus 2^53 - 1 is a bigint. */
export type Json = string | number | bigint | boolean | null | readonly Json[] | { readonly [name: string]: Json };

/** Something that is believed: a statement about a subject, or a text. */
export interface FactValue {
  readonly kind: "fact";
  /** Who or what it is about. */
  readonly subject?: string;
  /** What is said of the subject, such as `lives in`. */
  readonly predicate?: string;
  /** The value that it has. */
  readonly object?: Json;
  /** The statement in words. */
  readonly text?: string;
  readonly tags?: readonly string[];
  /** Where it comes from: a person, a document, a tool. */
  readonly source?: string;
  /** 0 to 1: how sure the source is. */
  readonly confidence?: number;
  /**
   * When the statement became known, in milliseconds since 1970 UTC. The memory writes it where the statement was said
   * again with another source, confidence, tags or period: that makes a new version, and the statement no younger.
   */
  readonly firstKnown?: Milliseconds;
}

/** A node of the knowledge graph. */
export interface EntityValue {
  readonly kind: "entity";
  readonly name: string;
  readonly entityType: string;
  readonly observations: readonly string[];
}

/** An edge of the knowledge graph. */
export interface RelationValue {
  readonly kind: "relation";
  readonly from: string;
  readonly to: string;
  readonly relationType: string;
}

/** One utterance in a conversation. */
export interface TurnValue {
  readonly kind: "turn";
  readonly session: string;
  /** Its place in the session, from 0. */
  readonly index: number;
  /** Who speaks: `user`, `assistant`, or another name. */
  readonly role: string;
  readonly text: string;
}

export type RecordValue = FactValue | EntityValue | RelationValue | TurnValue;
export type RecordKind = RecordValue["kind"];

/** A record at one point of both time axes. */
export interface MemoryRecord<V extends RecordValue = RecordValue> {
  /** The key of the record in the store, also for `db.versions` and the command. */
  readonly id: string;
  /** Relative to the memory that was asked; undefined for its own scope. */
  readonly scope: string | undefined;
  readonly value: V;
  /** When it begins to hold, in milliseconds since 1970 UTC; `-Infinity` where that is open. */
  readonly validFrom: Milliseconds;
  /** When it ceases to hold; `Infinity` where that is open. */
  readonly validTo: Milliseconds;
  /** When it became known, and in which transaction. */
  readonly knownFrom: Milliseconds;
  readonly tx: number;
  /** When it was no longer known, and since which transaction; `Infinity` where it still is. */
  readonly knownTo: Milliseconds;
  readonly txTo: number;
}

/** The first letter of the ids that the memory makes itself. */
export const LETTERS: { readonly [K in RecordKind]: string } = { fact: "f", entity: "e", relation: "r", turn: "t" };

const MADE_ID = /^[fert]\d+$/;

/** Whether an id has the form of those that the memory makes. */
export function isMadeId(id: string): boolean {
  return MADE_ID.test(id);
}

export function isRecordKind(value: unknown): value is RecordKind {
  return typeof value === "string" && Object.hasOwn(LETTERS, value);
}

function isNumber(value: unknown): value is number {
  return typeof value === "number";
}

function isJson(value: unknown): value is Json {
  if (typeof value !== "object" || value === null) return value !== undefined;
  if (Array.isArray(value)) return value.every(isJson);
  const prototype = Object.getPrototypeOf(value);
  return (prototype === Object.prototype || prototype === null) && Object.values(value).every(isJson);
}

/** What each kind of record consists of. */
const SHAPES: { readonly [K in RecordKind]: Shape<Extract<RecordValue, { kind: K }>> } = {
  fact: objectOf<FactValue>(
    { kind: exactly("fact") },
    {
      subject: isText,
      predicate: isText,
      object: isJson,
      text: isText,
      tags: listOf(isText),
      source: isText,
      confidence: isNumber,
      firstKnown: isNumber,
    },
  ),
  entity: objectOf<EntityValue>(
    { kind: exactly("entity"), name: isText, entityType: isText, observations: listOf(isText) },
    {},
  ),
  relation: objectOf<RelationValue>({ kind: exactly("relation"), from: isText, to: isText, relationType: isText }, {}),
  turn: objectOf<TurnValue>({ kind: exactly("turn"), session: isText, index: isCount, role: isText, text: isText }, {}),
};

/**
 * Whether a value of the store is a record.
 *
 * @throws LlmdbError `LLMDB_CORRUPT` for a damaged one
 */
export function isRecordValue(value: unknown): value is RecordValue {
  if (typeof value !== "object" || value === null || !("kind" in value)) return false;
  const { kind } = value;
  if (!isRecordKind(kind)) return false;
  if (SHAPES[kind](value)) return true;
  throw new LlmdbError(
    "LLMDB_CORRUPT",
    `a ${kind} in the memory has a shape that the memory does not write; restore a backup`,
  );
}

/** Whether a value of the store is a record of this kind. Throws as {@link isRecordValue}. */
export function isKind<K extends RecordKind>(value: unknown, kind: K): value is Extract<RecordValue, { kind: K }> {
  return isRecordValue(value) && value.kind === kind;
}

/** The texts by which a record is found; each is a document of its own in the index. */
export function textsOf(value: RecordValue): string[] {
  switch (value.kind) {
    case "fact":
      return [factText(value)];
    case "relation":
      return [`${value.from} ${value.relationType} ${value.to}`];
    case "turn":
      return [value.text];
    case "entity": {
      const { name, entityType, observations } = value;
      return [`${name} (${entityType})`, ...observations.map((observation) => `${name}: ${observation}`)];
    }
  }
}

/** A fact in words: its text, or what is in its place, and its tags. */
function factText({ subject, predicate, object, text, tags }: FactValue): string {
  const said = object === undefined ? text : [jsonText(object), text].filter(Boolean).join(". ");
  const statement = [subject, predicate, said].filter(Boolean).join(" ");
  return tags === undefined || tags.length === 0 ? statement : `${statement} #${tags.join(" #")}`;
}

function jsonText(value: Json): string {
  if (typeof value === "string") return value;
  if (Array.isArray(value)) return value.map(jsonText).join(", ");
  if (typeof value !== "object" || value === null) return String(value);
  return Object.entries(value)
    .filter(([, inner]) => inner !== null)
    .map(([name, inner]) => `${name} ${jsonText(inner)}`)
    .join(", ");
}

/** By which a text of a record is told from its others. */
export function hashText(text: string): number {
  return crc32(text);
}
