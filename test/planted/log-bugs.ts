/** Bugs in the log: how it is written, synced, reused and read. */
import type { PlantedBug } from "./planted-bug.js";

export const LOG_BUGS: readonly PlantedBug[] = [
  {
    name: "a blocking commit is acknowledged before the log is synced",
    file: "engine/engine.ts",
    find: "result.receipt.tx > this.durableTx) this.#groupCommit.sync(result.receipt.tx);",
    replace: "result.receipt.tx > this.durableTx) this.#groupCommit.request(result.receipt.tx).catch(() => {});",
  },
  {
    name: "a promise is resolved before the log is synced",
    file: "engine/engine.ts",
    find: "await this.#groupCommit.request(result.receipt.tx);",
    replace: "this.#groupCommit.request(result.receipt.tx).catch(() => {});",
  },
  {
    name: "a sync acknowledges what was written after it began",
    file: "wal/log.ts",
    find: 'failed at the same time");\n    this.#syncedTx = Math.max(this.#syncedTx, upTo);',
    replace: 'failed at the same time");\n    this.#syncedTx = Math.max(upTo, this.#writtenTx);',
  },
  {
    name: "after a failed log sync the handle goes on",
    file: "engine/group-commit.ts",
    find: "throw this.#failure.fail(error);\n    }\n    this.#journal.wake();",
    replace: "throw error;\n    }\n    this.#journal.wake();",
    torture: { round: 5 },
  },
  {
    name: "a failed log sync of promises acknowledges them",
    file: "engine/group-commit.ts",
    find: "        if (!this.#isHeld(next, error)) this.#failure.fail(error);\n      }\n      journal.wake();",
    replace: "        journal.waiters.wake(Number.POSITIVE_INFINITY);\n      }\n      journal.wake();",
    torture: { round: 5 },
  },
  {
    name: "records share a sector with acknowledged ones",
    file: "wal/log.ts",
    find: "    this.space.seal();\n    return this.#writtenTx;",
    replace: "    return this.#writtenTx;",
  },
  {
    name: "a sync begins before a group is written",
    file: "wal/log.ts",
    find: "    this.syncs++;\n    this.#writeDeferred();\n",
    replace: "    this.syncs++;\n    queueMicrotask(() => this.#writeDeferred());\n",
  },
  {
    name: "a record is written before the group that it follows",
    file: "wal/log.ts",
    find: "    this.#writeDeferred();\n    this.#writeSectors(bytes, length, start);\n",
    replace: "    this.#writeSectors(bytes, length, start);\n",
  },
  {
    name: "a record says that the commit before it is durable",
    file: "wal/log.ts",
    find: "durableTx: this.#syncedTx,\n      timeMicros,",
    replace: "durableTx: tx - 1,\n      timeMicros,",
  },
  {
    name: "a record's checksum is not checked",
    file: "wal/record.ts",
    find: "  if (crc32(bytes.subarray(at + 8, end)) !== crc) return undefined;\n",
    replace: "",
  },
  {
    name: "a record needs neither the salt nor the checksum of the one before",
    file: "wal/log-chain.ts",
    find: " && record.previousCrc === this.#crc && isSameSalt(record.salt, this.#salt);",
    replace: ";",
  },
  {
    name: "records are not chained, and no salt tells them apart",
    file: "wal/log-chain.ts",
    find: "record.tx === this.tx + 1 && record.previousCrc === this.#crc && isSameSalt(record.salt, this.#salt);",
    replace: "record.tx > this.tx;",
  },
  {
    name: "a salt is not random",
    file: "wal/log.ts",
    find: "    this.#storage.random(salt);\n    const crc",
    replace: "    salt[0] = content.tx;\n    salt[1] = start / SECTOR_BYTES;\n    const crc",
  },
  {
    name: "a commit is stated again although it is known",
    file: "wal/log-chain.ts",
    find: "if (record.kind === COMMIT && record.tx === this.tx + 1) {",
    replace: "if (record.kind === COMMIT) {",
  },
  {
    name: "a chain that ends early is never looked for elsewhere",
    file: "wal/log-chain.ts",
    find: "return this.#jump();",
    replace: "return false;",
  },
  {
    name: "a log that wraps runs over its own tail",
    file: "wal/log-space.ts",
    find: "if (this.#wrapped) return end + spare < this.#tail ? start : -1;",
    replace: "if (this.#wrapped) return start;",
  },
  {
    name: "the log gives its tail up when a checkpoint begins",
    file: "engine/journal.ts",
    find: "    this.#ending = anchor === undefined && this.#log !== null;\n",
    replace:
      "    this.#ending = anchor === undefined && this.#log !== null;\n" +
      "    if (anchor !== undefined) this.#log?.space.release(anchor.position);\n",
  },
  {
    name: "a log is removed before the meta page that needs none",
    file: "engine/checkpointer.ts",
    find: "    this.#store.data.writeMeta(attempt.meta);\n",
    replace:
      "    if (attempt.meta.log.position === 0) this.#log.checkpointed(attempt.meta, this.#meta);\n" +
      "    this.#store.data.writeMeta(attempt.meta);\n",
  },
  {
    name: "the log's folder is not synced once it is made",
    file: "engine/journal.ts",
    find: "      this.#storage.rename(unfinished, name);\n      this.#storage.syncDirectory(name);\n",
    replace: "      this.#storage.rename(unfinished, name);\n",
  },
  {
    name: "the log gets its name before it is synced",
    file: "wal/log.ts",
    find: "  log.sync();\n  return log;",
    replace: "  return log;",
  },
  {
    name: "commits go into the log behind one that skipped it",
    file: "engine/journal.ts",
    find: "this.#log.writtenTx !== commit.tx - 1 || ",
    replace: "",
  },
  {
    name: "what a savepoint undid stays in the record",
    file: "engine/write-transaction.ts",
    find: "      operations.truncate(mark);\n",
    replace: "",
  },
  {
    name: "the removal of a map is not logged",
    file: "engine/write-transaction.ts",
    find: "    operations.drop();\n",
    replace: "",
  },
  {
    name: "a range that is cleared is logged without its upper bound",
    file: "wal/operation-buffer.ts",
    find: "(upper === null ? 0 : HAS_UPPER)",
    replace: "0",
  },
];
