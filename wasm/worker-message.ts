/**
 * What goes between this thread and one that runs modules. Guarantees: pages are named by memory that both see;
 * everything else is plain data.
 */
import type { LlmdbErrorCode } from "../pager/error.js";
import type { FrameHead } from "./frame.js";
import type { ImportInfo } from "./module-info.js";
import type { ReadyModule } from "./sandbox.js";

/** Memory that pages are in. */
export interface SharedChunk {
  readonly index: number;
  readonly buffer: SharedArrayBuffer;
  readonly at: number;
  readonly bytes: number;
}

/** A morsel to run. */
export interface MorselJob {
  readonly id: number;
  readonly module: ReadyModule;
  readonly imports: readonly ImportInfo[];
  readonly head: FrameHead;
  readonly fuel: number;
  readonly memoryBytes: number;
  readonly pagesPerCall: number;
  /** Whose chunks are meant; those of another one are forgotten. */
  readonly arena: number;
  /** What the thread does not have yet of it. */
  readonly chunks: readonly SharedChunk[];
  /** Of each page: chunk, byte in it, first slot, slot after the last. */
  readonly places: Int32Array<ArrayBuffer>;
}

export interface MorselDone {
  readonly id: number;
  readonly output: Uint8Array<ArrayBuffer>;
  readonly fuelUsed: number;
}

export interface MorselFailed {
  readonly id: number;
  /** Undefined for an error that is none of the database's. */
  readonly code: LlmdbErrorCode | undefined;
  readonly message: string;
  readonly details: Record<string, unknown>;
}

export type MorselReply = MorselDone | MorselFailed | { readonly log: string };
