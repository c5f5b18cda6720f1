/**
 * The public surface of `llmdb`. What is exported here keeps its name and meaning.
 *
 * @packageDocumentation
 */
/// <reference lib="esnext.disposable" preserve="true" />
export { Database } from "./engine/database.js";
export type { Durability } from "./engine/engine.js";
export type { Key } from "./engine/key.js";
export type { MapReader as MapReads } from "./engine/map-reader.js";
export type { Committing, MapWrites } from "./engine/map-writes.js";
export { open, openMemory } from "./engine/open.js";
export type { BackupOptions, MapOptions, OpenOptions, TransactionOptions } from "./engine/options.js";
export type { OrderedMap } from "./engine/ordered-map.js";
export type { Range } from "./engine/range.js";
export type { Milliseconds, Receipt } from "./engine/receipt.js";
export type { Recovered, RecoveryStep } from "./engine/recovered.js";
export type { Snapshot } from "./engine/snapshot.js";
export type { DatabaseStats, MapStats } from "./engine/stats.js";
export type { Transaction } from "./engine/transaction.js";
export type { TransactionMap } from "./engine/transaction-map.js";
export type { VerifyReport } from "./engine/verify.js";
export { LlmdbError, type LlmdbErrorCode } from "./pager/error.js";
export type { LockHolder, PathKind, Storage, StorageFile, StorageLock } from "./pager/storage.js";
