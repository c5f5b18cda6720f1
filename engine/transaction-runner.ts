/**
 * What runs write transactions, as the handles that write see it: the newest committed state, and a way to change it.
 * Guarantees: a body runs at once and alone; what it throws undoes what it did.
 */
import type { CommittedState } from "./committed-state.js";
import type { Durability } from "./durability.js";
import type { Receipt } from "./receipt.js";
import type { WriteTransaction } from "./write-transaction.js";

/** What a body returned, and the commit. */
export interface Committed<T> {
  readonly value: T;
  readonly receipt: Receipt;
}

export interface TransactionRunner {
  readonly state: CommittedState;
  /** What a write promises where its caller does not say. */
  readonly durability: Durability;
  /** Throws where nothing can be written, or a transaction runs. */
  requireWritable(): void;
  /**
   * Runs a body as one transaction at once and resolves when it is as durable as asked.
   *
   * @param micros its time, where the caller says when it happened
   */
  run<T>(body: (tx: WriteTransaction) => T, durability: Durability, micros?: number): Promise<Committed<T>>;
  /** Runs a body as one transaction and blocks until it is as durable as asked. */
  runBlocking<T>(body: (tx: WriteTransaction) => T, durability: Durability, micros?: number): Committed<T>;
}
