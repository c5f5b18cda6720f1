/**
 * LLMDB as a database of the Level ecosystem: `llmdb/level`, for programs written against abstract-level.
 *
 * @module llmdb/level
 */
/// <reference lib="esnext.disposable" preserve="true" />
export { LlmdbLevel } from "./level.js";
export type {
  LlmdbLevelBatchOptions,
  LlmdbLevelOpenOptions,
  LlmdbLevelOptions,
  LlmdbLevelWriteOptions,
} from "./options.js";
