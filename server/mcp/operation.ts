/**
 * What a memory can be asked to do by name. Guarantees: an operation that writes does all of it in the transaction that
 * it gets.
 */
import type { Memory } from "../../memory/memory.js";
import type { MemoryTransaction } from "../../memory/transaction.js";
import type { Arguments } from "./arguments.js";

/** Asks only. */
export interface Reading {
  readonly writes: false;
  /** Returns a JSON value. */
  run(memory: Memory, args: Arguments): unknown;
}

/** Changes something. */
export interface Writing {
  readonly writes: true;
  /** Whether it is about the graph, which others may have subscribed to. */
  readonly changesGraph: boolean;
  /** Returns a JSON value, which is kept as the reply. */
  run(tx: MemoryTransaction, args: Arguments): unknown;
}

export type Operation = Reading | Writing;
export type Operations = ReadonlyMap<string, Operation>;
