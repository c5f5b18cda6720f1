/** Bugs in checkpoints and pages: the order of writes, what may be overwritten, and free space. */
import type { PlantedBug } from "./planted-bug.js";

export const PAGE_BUGS: readonly PlantedBug[] = [
  {
    name: "no sync before the meta page, blocking",
    file: "engine/checkpointer.ts",
    find: "      data.file.sync();\n      if (attempt.meta.log.position > 0) this.#log.sync();",
    replace: "      if (attempt.meta.log.position > 0) this.#log.sync();",
  },
  {
    name: "no sync before the meta page, beside commits",
    file: "engine/checkpointer.ts",
    find: "const syncs = [data.file.syncAsync()];",
    replace: "const syncs = [];",
  },
  {
    name: "no sync after the meta page, blocking",
    file: "engine/checkpointer.ts",
    find: "      data.file.sync();\n      this.#complete(attempt);",
    replace: "      this.#complete(attempt);",
  },
  {
    name: "no sync after the meta page, beside commits",
    file: "engine/checkpointer.ts",
    find: '      await data.file.syncAsync();\n      this.#failure.requireNone();\n      if (attempt.phase === "meta")',
    replace: '      if (attempt.phase === "meta")',
  },
  {
    name: "the log is not synced before the meta page, blocking",
    file: "engine/checkpointer.ts",
    find: "      if (attempt.meta.log.position > 0) this.#log.sync();\n",
    replace: "",
  },
  {
    name: "the log is not synced before the meta page, beside commits",
    file: "engine/checkpointer.ts",
    find: "      if (attempt.meta.log.position > 0) syncs.push(this.#log.syncAsync());\n",
    replace: "",
  },
  {
    name: "each meta page takes the place of the newest one",
    file: "engine/checkpointer.ts",
    find: "checkpoint: this.#meta.checkpoint + 1,",
    replace: "checkpoint: this.#meta.checkpoint + 3,",
  },
  {
    name: "the file is cut where later commits have written",
    file: "engine/checkpointer.ts",
    find: "const pages = Math.max(attempt.meta.pages, free.end);",
    replace: "const pages = Math.min(attempt.meta.pages, free.end);",
  },
  {
    name: "pages of the older checkpoint are free when the newest is durable",
    file: "engine/checkpointer.ts",
    find: "this.#store.unpin(older.previousTx);",
    replace: "this.#store.unpin(older.tx);",
  },
  {
    name: "the older list of free pages is free at once",
    file: "engine/checkpointer.ts",
    find: "const freed = Math.max(attempt.meta.tx, older.tx + 1);",
    replace: "const freed = older.tx;",
  },
  {
    name: "the saved list calls pages free that the newest checkpoint reaches",
    file: "engine/checkpointer.ts",
    find: "const held = born <= this.#meta.tx && this.#meta.tx < freed;",
    replace: "const held = born < 0 && freed < 0;",
  },
  {
    name: "a page under a snapshot is freed",
    file: "engine/views.ts",
    find: "state.store.openReader(state.lastTx);",
    replace: "state.store.openReader(isCheckpoint ? state.lastTx : state.lastTx + 1_000_000);",
  },
  {
    name: "a page that was just born is not held by the pin of its transaction",
    file: "mvcc/pins.ts",
    find: "this.#txs[place] >= from",
    replace: "this.#txs[place] > from",
  },
  {
    name: "a page that a snapshot or a meta page reaches is changed in place",
    file: "mvcc/write-set.ts",
    find:
      "    if (born <= this.#horizon || " +
      "headerTx(cache.views(source), cache.base(source)) <= this.#horizon) return false;\n",
    replace: "",
  },
  {
    name: "a page keeps its number inside a savepoint",
    file: "mvcc/write-set.ts",
    find: "if (this.#epoch > 1 || cache.state[source]",
    replace: "if (cache.state[source]",
  },
  {
    name: "a rollback leaks the pages that it took",
    file: "mvcc/write-set.ts",
    find: "    this.#giveBack(this.#allocated);\n",
    replace: "",
  },
  {
    name: "a savepoint's rollback leaks the pages that it took",
    file: "mvcc/write-set.ts",
    find: "    this.#giveBack(undone);\n",
    replace: "",
  },
  {
    name: "a savepoint's rollback forgets which pages it gave back",
    file: "mvcc/write-set.ts",
    find: "    this.#allocated.truncate(savepoint.allocated);\n",
    replace: "",
  },
  {
    name: "what a savepoint's rollback took out of use stays so",
    file: "mvcc/write-set.ts",
    find: "    this.#freedStarts.length = savepoint.freed;\n",
    replace: "",
  },
  {
    name: "a checkpoint writes a page that only a newer state reaches",
    file: "mvcc/flusher.ts",
    find: "return cache.table.get(page) === frame && !writeSet?.keeps(page);",
    replace: "return true;",
  },
  {
    name: "a failed checkpoint may be followed by another",
    file: "engine/checkpointer.ts",
    find: 'if (!isDiskFull(error) || this.#attempt?.phase === "meta") return this.#failure.fail(error);',
    replace: "if (!isDiskFull(error) && this.#attempt === null) return this.#failure.fail(error);",
  },
  {
    name: "a handle that failed takes more commits",
    file: "engine/engine.ts",
    find: "    this.failure.requireNone();\n",
    replace: "",
  },
  {
    name: "a commit is shown although it could not be written",
    file: "engine/engine.ts",
    find: "      throw this.failure.fail(error);\n    }\n    if (logged) return;",
    replace: "      logged = true;\n    }\n    if (logged) return;",
  },
];
