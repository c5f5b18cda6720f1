/**
 * The operations of the reference memory server of MCP. Guarantees: what they return is what its methods return; texts
 * that are no Unicode are found as it finds them.
 */
import type { Graph } from "../../memory/graph.js";
import type { Entity, NewObservations, OldObservations, Relation } from "../../memory/graph-writer.js";
import type { Memory } from "../../memory/memory.js";
import type { MemoryTransaction } from "../../memory/transaction.js";
import type { Arguments } from "./arguments.js";
import type { Operation, Operations } from "./operation.js";
import { needsCare, originalText } from "./surrogates.js";

export const graphOperations: Operations = new Map<string, Operation>([
  ["create_entities", writing((tx, args) => tx.graph.createEntities(args.list("entities").map(entityOf)))],
  ["create_relations", writing((tx, args) => tx.graph.createRelations(args.list("relations").map(relationOf)))],
  ["add_observations", writing((tx, args) => tx.graph.addObservations(args.list("observations").map(additionOf)))],
  ["delete_entities", deleting((tx, args) => tx.graph.deleteEntities(args.requiredTexts("entityNames")))],
  ["delete_observations", deleting((tx, args) => tx.graph.deleteObservations(args.list("deletions").map(oldOf)))],
  ["delete_relations", deleting((tx, args) => tx.graph.deleteRelations(args.list("relations").map(relationOf)))],
  ["read_graph", { writes: false, run: (memory) => memory.graph.read() }],
  ["search_nodes", { writes: false, run: (memory, args) => searchNodes(memory, args.requiredText("query")) }],
  ["open_nodes", { writes: false, run: (memory, args) => memory.graph.open(args.requiredTexts("names")) }],
]);

function writing(run: (tx: MemoryTransaction, args: Arguments) => unknown): Operation {
  return { writes: true, changesGraph: true, run };
}

function deleting(run: (tx: MemoryTransaction, args: Arguments) => void): Operation {
  return writing((tx, args) => {
    run(tx, args);
    return null;
  });
}

/** Where the query has halves of characters, entities that were stored otherwise than they were given are looked at. */
function searchNodes(memory: Memory, query: string): Graph {
  if (!needsCare(query)) return memory.graph.search(query);
  const { entities, relations } = memory.graph.read();
  const lowered = originalText(query).toLowerCase();
  const contains = (text: string) => originalText(text).toLowerCase().includes(lowered);
  const found = entities.filter(
    ({ name, entityType, observations }) => contains(name) || contains(entityType) || observations.some(contains),
  );
  const names = new Set(found.map(({ name }) => name));
  return { entities: found, relations: relations.filter(({ from, to }) => names.has(from) || names.has(to)) };
}

function entityOf(args: Arguments): Entity {
  return {
    name: args.requiredText("name"),
    entityType: args.requiredText("entityType"),
    observations: args.requiredTexts("observations"),
  };
}

function relationOf(args: Arguments): Relation {
  return {
    from: args.requiredText("from"),
    to: args.requiredText("to"),
    relationType: args.requiredText("relationType"),
  };
}

function additionOf(args: Arguments): NewObservations {
  return { entityName: args.requiredText("entityName"), contents: args.requiredTexts("contents") };
}

function oldOf(args: Arguments): OldObservations {
  return { entityName: args.requiredText("entityName"), observations: args.requiredTexts("observations") };
}
