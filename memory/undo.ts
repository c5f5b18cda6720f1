/**
 * Undoing a transaction by another one. Guarantees: what the undone transaction changed is believed again exactly as it
 * was before it, about all times; nothing that was written since is lost; both stay on record.
 */
import { isDeepStrictEqual } from "node:util";
import { LlmdbError } from "../pager/error.js";
import type { Version } from "../temporal/reads.js";
import type { LoggedTransaction } from "../temporal/transaction-log.js";
import { invalid } from "./input.js";
import { isRecordValue } from "./record.js";
import { ALWAYS, type MemoryTransaction } from "./transaction.js";

/** Restores what a transaction changed, and returns the ids. Throws as `undo` of a transaction says. */
export function revertTransaction(
  memory: MemoryTransaction,
  logged: LoggedTransaction | undefined,
  tx: number,
): string[] {
  if (!Number.isSafeInteger(tx) || tx < 1)
    throw invalid("undo takes the number of a transaction, as transactions lists");
  const changes = logged?.tx === tx ? logged.changes : [];
  const ids = new Set<string>();
  for (const { key, partition } of changes) if (partition === 0 && memory.reaches(key)) ids.add(String(key));
  if (ids.size === 0) {
    throw new LlmdbError("LLMDB_NOT_FOUND", `transaction ${tx} changed nothing that can be undone here`, { tx });
  }
  if (changes.some(({ key, partition }) => partition !== 0 || typeof key !== "string" || !ids.has(key))) {
    throw invalid(`transaction ${tx} cannot be undone as a whole: it also erased, or wrote outside of this memory`);
  }
  for (const id of ids) requireUnchanged(memory, id, tx);
  for (const id of ids) restore(memory, id, tx);
  return [...ids];
}

/** The slices of a record that were known after a transaction. */
function knownAfter(memory: MemoryTransaction, id: string, tx: number): Version<unknown>[] {
  return memory.writer.tx.versions(id, { tx: [tx, tx + 1] });
}

function requireUnchanged(memory: MemoryTransaction, id: string, tx: number): void {
  const then = knownAfter(memory, id, tx).map(held);
  const now = memory.writer.tx.versions(id, { tx: [memory.id, Number.POSITIVE_INFINITY] }).map(held);
  if (isDeepStrictEqual(then, now)) return;
  throw invalid(`${id} was changed after transaction ${tx}; undo the later change first, or remember what is right`);
}

function held({ value, validFrom, validTo }: Version<unknown>) {
  return { value, validFrom, validTo };
}

function restore(memory: MemoryTransaction, id: string, tx: number): void {
  memory.writer.delete(id, ALWAYS);
  for (const { value, validFrom, validTo } of knownAfter(memory, id, tx - 1)) {
    if (isRecordValue(value)) memory.writer.put(id, value, { validFrom, validTo });
  }
}
