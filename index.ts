/**
 * The public surface of `llmdb`. What is exported here keeps its name and meaning.
 *
 * @module llmdb
 */
/// <reference lib="esnext.disposable" preserve="true" />
export type { Durability } from "./engine/durability.js";
export type { Key } from "./engine/key.js";
export type { MapReader as MapReads } from "./engine/map-reader.js";
export type { Committing, MapWrites } from "./engine/map-writes.js";
export type { ModuleBounds } from "./engine/module-bounds.js";
export type { BackupOptions, MapOptions, OpenOptions } from "./engine/options.js";
export type { OrderedMap } from "./engine/ordered-map.js";
export type { Place } from "./engine/place.js";
export type { PrefixBound, Range } from "./engine/range.js";
export type { Milliseconds, Receipt } from "./engine/receipt.js";
export type { Recovered, RecoveryStep } from "./engine/recovered.js";
export type { DatabaseStats, MapStats } from "./engine/stats.js";
export type { TransactionMap } from "./engine/transaction-map.js";
export type { VerifyOptions, VerifyProgress, VerifyReport } from "./engine/verify.js";
export { LlmdbError, type LlmdbErrorCode } from "./pager/error.js";
export type { LockHolder, PathKind, Storage, StorageFile, StorageLock } from "./pager/storage.js";
export type { At, Valid, Within } from "./temporal/at.js";
export type { Difference } from "./temporal/diff.js";
export { type DrawingOptions, drawVersions } from "./temporal/drawing.js";
export type { Instant } from "./temporal/instant.js";
export type { KnownKey } from "./temporal/known-keys.js";
export type { ListOptions } from "./temporal/listing.js";
export type { Committed, ReceiptOptions, TransactionOptions } from "./temporal/options.js";
export * as period from "./temporal/period.js";
export type { TemporalReads, Version } from "./temporal/reads.js";
export type { Forgotten } from "./temporal/retention.js";
export type { Snapshot } from "./temporal/snapshot.js";
export type { TemporalStore, TemporalWrites, TransactionStore } from "./temporal/store.js";
export type { Transaction } from "./temporal/transaction.js";
export type { LoggedChange, LoggedTransaction } from "./temporal/transaction-log.js";
export type { AttachmentOf, AttachOptions } from "./wasm/attach-options.js";
export type { CallOptions, StopSignal } from "./wasm/call-options.js";
export { Database } from "./wasm/database.js";
export type { ModuleExplanation } from "./wasm/explanation.js";
export type { ShapeLimits } from "./wasm/limits.js";
export type { ModuleIndex } from "./wasm/module-index.js";
export type { ExportInfo, FunctionInfo, ImportInfo, ModuleInfo } from "./wasm/module-info.js";
export type { Call, Capability } from "./wasm/module-surface.js";
export type { Attachment, Modules, PagesOf, PutOptions, StoredModule } from "./wasm/modules.js";
export { open, openMemory } from "./wasm/open.js";
export type { PageStream, Reduction, Usage } from "./wasm/page-call.js";
