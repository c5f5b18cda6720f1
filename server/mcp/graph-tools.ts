/**
 * The tools of the reference memory server of MCP. Guarantees: names, titles, descriptions, schemas, hints and the
 * forms of the results are those of `@modelcontextprotocol/server-memory` 2026.8.31.
 */
import { isObject, type Properties, type Schema } from "./schema.js";
import { type ObjectSchema, type Tool, type ToolHints, textResult } from "./tool.js";

const READS = hints({ reads: true, destroys: false, repeats: true });
const CREATES = hints({ reads: false, destroys: false, repeats: false });
const DELETES = hints({ reads: false, destroys: true, repeats: true });
const TEXT: Schema = { type: "string" };
const TEXTS = list(TEXT);

const ENTITY: Properties = {
  name: described(TEXT, "The name of the entity"),
  entityType: described(TEXT, "The type of the entity"),
  observations: described(TEXTS, "An array of observation contents associated with the entity"),
};
const RELATION: Properties = {
  from: described(TEXT, "The name of the entity where the relation starts"),
  to: described(TEXT, "The name of the entity where the relation ends"),
  relationType: described(TEXT, "The type of the relation"),
};
const NEW_OBSERVATIONS: Properties = {
  entityName: described(TEXT, "The name of the entity to add the observations to"),
  contents: described(TEXTS, "An array of observation contents to add"),
};
const OLD_OBSERVATIONS: Properties = {
  entityName: described(TEXT, "The name of the entity containing the observations"),
  observations: described(TEXTS, "An array of observations to delete"),
};
const GRAPH: Properties = { entities: list(made(ENTITY)), relations: list(made(RELATION)) };
const DONE: Properties = { success: { type: "boolean" }, message: TEXT };

export const graphTools: readonly Tool[] = [
  tool(
    "create_entities",
    "Create multiple new entities in the knowledge graph",
    { entities: list(given(ENTITY)) },
    { entities: list(made(ENTITY)) },
    CREATES,
    (reply) => pretty(reply, { entities: reply }),
  ),
  tool(
    "create_relations",
    "Create multiple new relations between entities in the knowledge graph. Relations should be in active voice",
    { relations: list(given(RELATION)) },
    { relations: list(made(RELATION)) },
    CREATES,
    (reply) => pretty(reply, { relations: reply }),
  ),
  tool(
    "add_observations",
    "Add new observations to existing entities in the knowledge graph",
    { observations: list(given(NEW_OBSERVATIONS)) },
    { results: list(made({ entityName: TEXT, addedObservations: TEXTS })) },
    CREATES,
    (reply) => pretty(reply, { results: reply }),
  ),
  tool(
    "delete_entities",
    "Delete multiple entities and their associated relations from the knowledge graph",
    { entityNames: described(TEXTS, "An array of entity names to delete") },
    DONE,
    DELETES,
    () => deleted("Entities"),
  ),
  tool(
    "delete_observations",
    "Delete specific observations from entities in the knowledge graph",
    { deletions: list(given(OLD_OBSERVATIONS)) },
    DONE,
    DELETES,
    () => deleted("Observations"),
  ),
  tool(
    "delete_relations",
    "Delete multiple relations from the knowledge graph",
    { relations: described(list(given(RELATION)), "An array of relations to delete") },
    DONE,
    DELETES,
    () => deleted("Relations"),
  ),
  tool("read_graph", "Read the entire knowledge graph", {}, GRAPH, READS, graphResult),
  tool(
    "search_nodes",
    "Search for nodes in the knowledge graph based on a query",
    { query: described(TEXT, "The search query to match against entity names, types, and observation content") },
    GRAPH,
    READS,
    graphResult,
  ),
  tool(
    "open_nodes",
    "Open specific nodes in the knowledge graph by their names",
    { names: described(TEXTS, "An array of entity names to retrieve") },
    GRAPH,
    READS,
    graphResult,
  ),
];

function tool(
  name: string,
  description: string,
  input: Properties,
  output: Properties,
  annotations: ToolHints,
  result: Tool["result"],
): Tool {
  const $schema = "http://json-schema.org/draft-07/schema#";
  const inputSchema = { $schema, ...given(input) };
  const outputSchema = { $schema, ...made(output) };
  return {
    listing: {
      name,
      title: name.replace(/(?:^|_)([a-z])/g, (_, letter: string) => ` ${letter.toUpperCase()}`).trim(),
      description,
      inputSchema,
      annotations,
      execution: { taskSupport: "forbidden" },
      outputSchema,
    },
    input: inputSchema,
    strictness: "strict",
    output: outputSchema,
    result,
  };
}

function hints(does: { reads: boolean; destroys: boolean; repeats: boolean }): ToolHints {
  const { reads: readOnlyHint, destroys: destructiveHint, repeats: idempotentHint } = does;
  return { readOnlyHint, destructiveHint, idempotentHint, openWorldHint: false };
}

/** As zod describes an object that it reads: nothing is said of other members, and they are left out. */
function given(properties: Properties): ObjectSchema {
  const required = Object.keys(properties);
  return { type: "object", properties, ...(required.length === 0 ? {} : { required }) };
}

/** As zod describes an object that it has read. */
function made(properties: Properties): ObjectSchema {
  return { ...given(properties), additionalProperties: false };
}

function list(items: Schema): Schema {
  return { type: "array", items };
}

function described(schema: Schema, description: string): Schema {
  return { ...schema, description };
}

function pretty(shown: unknown, structured: { [name: string]: unknown }) {
  return textResult(JSON.stringify(shown, null, 2), structured);
}

function graphResult(reply: unknown) {
  return pretty(reply, isObject(reply) ? { ...reply } : {});
}

function deleted(what: string) {
  const message = `${what} deleted successfully`;
  return textResult(message, { success: true, message });
}
