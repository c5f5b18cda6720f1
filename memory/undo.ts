/**
 * Undoing a transaction by another one. Guarantees: what the undone transaction changed is believed again exactly as it
 * was before it, about all times; nothing that was written since is lost; both stay on record.
 */
import { isDeepStrictEqual } from "node:util";
import type { Key } from "../engine/key.js";
import { LlmdbError } from "../pager/error.js";
import { ALWAYS } from "../temporal/at.js";
import type { Version } from "../temporal/reads.js";
import type { LoggedTransaction } from "../temporal/transaction-log.js";
import { invalid } from "./input.js";
import { isRecordValue } from "./record.js";
import type { RecordWriter } from "./record-writer.js";

/** The transaction that undoes another one, and what of it lies in its scope. */
export interface UndoingTransaction {
  readonly id: number;
  readonly writer: RecordWriter;
  /** Whether a key of the store is that of a record of the scope. */
  reaches(key: Key): boolean;
  /** The id by which the scope knows a record. */
  idOf(key: string): string;
}

/** Restores what a transaction changed, and returns the ids. Throws as `undo` of a transaction says. */
export function revertTransaction(
  memory: UndoingTransaction,
  logged: LoggedTransaction | undefined,
  tx: number,
): string[] {
  if (!Number.isSafeInteger(tx) || tx < 1)
    throw invalid("undo takes the number of a transaction, as transactions lists");
  // What was only said again was not changed.
  const changes = logged?.tx === tx ? logged.changes.filter(({ op }) => op !== "unchanged") : [];
  const keys = new Set<string>();
  for (const { key, partition } of changes) if (partition === 0 && memory.reaches(key)) keys.add(String(key));
  if (keys.size === 0) {
    throw new LlmdbError("LLMDB_NOT_FOUND", `transaction ${tx} changed nothing that can be undone here`, { tx });
  }
  if (changes.some(({ key, partition }) => partition !== 0 || typeof key !== "string" || !keys.has(key))) {
    throw invalid(`transaction ${tx} cannot be undone as a whole: it also erased, or wrote outside of this memory`);
  }
  for (const key of keys) requireUnchanged(memory, key, tx);
  for (const key of keys) restore(memory, key, tx);
  return [...keys].map((key) => memory.idOf(key));
}

/** The slices of a record that were known after a transaction. */
function knownAfter(memory: UndoingTransaction, key: string, tx: number): Version<unknown>[] {
  return memory.writer.tx.versions(key, { tx: [tx, tx + 1] });
}

function requireUnchanged(memory: UndoingTransaction, key: string, tx: number): void {
  const then = knownAfter(memory, key, tx).map(held);
  const now = memory.writer.tx.versions(key, { tx: [memory.id, Number.POSITIVE_INFINITY] }).map(held);
  if (isDeepStrictEqual(then, now)) return;
  throw invalid(
    `${memory.idOf(key)} was changed after transaction ${tx}; undo the later change first, or remember what is right`,
  );
}

function held({ value, validFrom, validTo }: Version<unknown>) {
  return { value, validFrom, validTo };
}

function restore(memory: UndoingTransaction, key: string, tx: number): void {
  memory.writer.delete(key, ALWAYS);
  for (const { value, validFrom, validTo } of knownAfter(memory, key, tx - 1)) {
    if (isRecordValue(value)) memory.writer.put(key, value, { validFrom, validTo });
  }
}
