/**
 * `llmdb/testing`: what LLMDB is tested with, for whoever builds on it. A disk that loses power, a model to compare
 * with, and runs of random steps that shrink. Needs the peer package `fast-check`.
 *
 * @module llmdb/testing
 */
export * from "./checkers.js";
export * from "./commands.js";
export type { CrashOptions, Fate, Tearing } from "./crash-image.js";
export type * from "./disk-operation.js";
export * from "./kill/index.js";
export * from "./model.js";
export { ModelRun, valueFor } from "./model-run.js";
export { Random } from "./random.js";
export { SimulatedDisk } from "./simulated-disk.js";
export * from "./torture/index.js";
