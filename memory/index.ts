/**
 * `llmdb/memory`: the memory of an agent, on a database. What is exported here keeps its name and meaning.
 *
 * @module llmdb/memory
 */
export { type Analyzer, type AnalyzerOptions, createAnalyzer, english, plain } from "../models/text/analyzer.js";
export type { Stemmer } from "../models/text/stemmer.js";
export type { Embedder } from "./embedder.js";
export type { Graph, KnowledgeGraph } from "./graph.js";
export type {
  AddedObservations,
  Entity,
  GraphWriter,
  NewObservations,
  OldObservations,
  Relation,
} from "./graph-writer.js";
export type { ChangesOptions, Explanation, MemoryChange, RecordChange } from "./history.js";
export type { FactInput, TurnInput } from "./input.js";
export type { RecordsOptions, RecordsPage } from "./listing.js";
export { Memory, type MemoryOptions } from "./memory.js";
export type { Hit, Recall, RecallOptions } from "./recall.js";
export type {
  EntityValue,
  FactValue,
  Json,
  MemoryRecord,
  RecordKind,
  RecordValue,
  RelationValue,
  TurnValue,
} from "./record.js";
export type { ForgetOptions, MemoryTransaction, Remembered } from "./transaction.js";
