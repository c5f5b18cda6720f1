/**
 * What a memory can be asked to do by name. Guarantees: an operation that writes does all of it in the transaction that
 * it gets, or in one of its own.
 */
import type { Memory } from "../../memory/memory.js";
import type { MemoryTransaction } from "../../memory/transaction.js";
import type { TransactionOptions } from "../../temporal/options.js";
import type { Database } from "../../wasm/database.js";
import type { Modules } from "../../wasm/modules.js";
import type { Arguments } from "./arguments.js";

/** Asks only. */
export interface Reading {
  readonly writes: false;
  /** Returns a JSON value, or a promise of one. `modules` are those of the database that the memory is in. */
  run(memory: Memory, args: Arguments, modules: Modules): unknown;
}

/** Changes something. */
export interface Writing {
  readonly writes: true;
  /** Whether it is about the graph, which others may have subscribed to. */
  readonly changesGraph: boolean;
  /** What its transaction is given. Default: the tool, the client and `why` as metadata. */
  options?(args: Arguments): TransactionOptions;
  /** Returns a JSON value, which is kept as the reply. */
  run(tx: MemoryTransaction, args: Arguments): unknown;
  /** For a reply that is not to be kept as it is. */
  readonly kept?: {
    /** What is kept of it. */
    of(reply: unknown): unknown;
    /** The reply again, of what was kept. */
    again(kept: unknown, args: Arguments): unknown;
  };
}

/** Changes something in a transaction of its own. Done again, it has to find what was done, and answer the same. */
export interface WritingAlone {
  readonly writes: "alone";
  readonly changesGraph?: boolean;
  /** Returns a JSON value. `db` is the database that the memory is in. */
  run(memory: Memory, args: Arguments, modules: Modules, db: Database): Promise<unknown>;
}

export type Operation = Reading | Writing | WritingAlone;
export type Operations = ReadonlyMap<string, Operation>;
