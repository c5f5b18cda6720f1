/**
 * The file of the reference memory server of MCP: one entity or relation a line, as JSON. Guarantees: what is written
 * is byte for byte what that server writes; each line that it would not have written, or that was cut short, is
 * reported with its number, and the others are read.
 */

import type { Graph } from "../../memory/graph.js";
import type { Entity, Relation } from "../../memory/graph-writer.js";
import { readJson } from "../../models/values/json-reader.js";
import { isObject, type JsonObject } from "./schema.js";
import { originalText, storableText } from "./surrogates.js";

/** A line that could not be read. */
export interface BadLine {
  /** From 1. */
  readonly line: number;
  readonly why: string;
}

/** What a file holds; texts as the memory stores them. */
export interface ServerMemoryFile extends Graph {
  readonly bad: BadLine[];
}

const BYTE_ORDER_MARK = "\uFEFF";

/** Reads the text of a file. */
export function parseServerMemory(text: string): ServerMemoryFile {
  const file: ServerMemoryFile = { entities: [], relations: [], bad: [] };
  const lines = (text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text).split("\n");
  for (const [index, line] of lines.entries()) {
    if (line.trim() === "") continue;
    const why = readLine(line, file);
    if (why !== undefined) file.bad.push({ line: index + 1, why });
  }
  return file;
}

/** The text of the file that the reference server would have written: without a line feed at its end. */
export function formatServerMemory({ entities, relations }: Graph): string {
  const lines = [
    ...entities.map(({ name, entityType, observations }) =>
      JSON.stringify({
        type: "entity",
        name: originalText(name),
        entityType: originalText(entityType),
        observations: observations.map(originalText),
      }),
    ),
    ...relations.map(({ from, to, relationType }) =>
      JSON.stringify({
        type: "relation",
        from: originalText(from),
        to: originalText(to),
        relationType: originalText(relationType),
      }),
    ),
  ];
  return lines.join("\n");
}

/** Puts a line where it belongs, or says why it cannot. */
function readLine(line: string, { entities, relations }: ServerMemoryFile): string | undefined {
  let item: unknown;
  try {
    item = readJson(line);
  } catch (error) {
    return error instanceof Error ? error.message.slice(0, 200) : "no JSON";
  }
  if (!isObject(item)) return "no object";
  if (item.type === "entity") return keep(entities, entityOf(item), "name, entityType, and observations");
  if (item.type === "relation") return keep(relations, relationOf(item), "from, to, and relationType");
  return 'neither an "entity" nor a "relation"';
}

function keep<T>(list: T[], item: T | undefined, what: string): string | undefined {
  if (item === undefined) return `${what} are not all there`;
  list.push(item);
  return undefined;
}

function entityOf({ name, entityType, observations }: JsonObject): Entity | undefined {
  if (typeof name !== "string" || typeof entityType !== "string" || !Array.isArray(observations)) return undefined;
  if (!observations.every((observation) => typeof observation === "string")) return undefined;
  return {
    name: storableText(name),
    entityType: storableText(entityType),
    observations: observations.map(storableText),
  };
}

function relationOf({ from, to, relationType }: JsonObject): Relation | undefined {
  if (typeof from !== "string" || typeof to !== "string" || typeof relationType !== "string") return undefined;
  return { from: storableText(from), to: storableText(to), relationType: storableText(relationType) };
}
