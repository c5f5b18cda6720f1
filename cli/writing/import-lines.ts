/**
 * What `import` writes through another process: a batch of lines at a time. Guarantees: when a batch is replied to, it
 * is durable; a batch that comes again, because the process that had it was lost, goes on where it was, and is replied
 * to as if it had run once.
 */
import type { Database, Transaction } from "../../index.js";
import { isObject, property } from "../../models/values/json-forms.js";
import { badUsage } from "../failure.js";
import { ImportReport, type Marks } from "../formats/format.js";
import { IMPORT_FORMATS } from "../formats/index.js";
import type { Line } from "../formats/lines.js";
import type { Writing } from "./command.js";

/** The id of an import: how far its last batch has come. */
const UNFINISHED = "memory/unfinished-imports";
/** What an import that never ended has left is removed by a later one. */
const KEPT_MS = 86_400_000;

/**
 * The request has the id `import`, the `format`, the number of the `first` line, and `lines`: text, or null where a
 * line is not UTF-8. The reply is the report on these.
 */
export const importLines: Writing = {
  name: "command/import",
  within: "database",
  changesGraph: true,
  async run(db, request) {
    const format = IMPORT_FORMATS.get(request.requiredText("format"));
    if (format === undefined) throw badUsage("there is no such format");
    const first = request.requiredNumber("first");
    const marks = new StoredMarks(db, request.requiredText("import"), first);
    const report = new ImportReport();
    await format.read(db, linesOf(request.list("lines"), first), report, marks);
    await marks.settle();
    return report.toJSON();
  },
};

/** The request has the id `import`: nothing of it is asked for again. */
export const endImport: Writing = {
  name: "command/import-end",
  within: "database",
  changesGraph: false,
  async run(db, request) {
    const id = request.requiredText("import");
    await db.transaction((tx) => void tx.map(UNFINISHED).delete(id));
    return {};
  },
};

async function* linesOf(texts: readonly unknown[], first: number): AsyncGenerator<Line> {
  for (const [i, text] of texts.entries()) {
    yield { number: first + i, text: typeof text === "string" ? text : undefined };
  }
}

/** How far a batch has come, kept in the transactions that bring it there. */
class StoredMarks implements Marks {
  readonly #db: Database;
  readonly #id: string;
  readonly #first: number;
  #done = 0;
  #state: unknown;

  constructor(db: Database, id: string, first: number) {
    this.#db = db;
    this.#id = id;
    this.#first = first;
    const kept = db.map(UNFINISHED).get(id);
    if (!isObject(kept) || property(kept, "first") !== first) return;
    const done = property(kept, "done");
    this.#done = typeof done === "number" ? done : 0;
    this.#state = property(kept, "state");
  }

  get done(): number {
    return this.#done;
  }

  get state(): unknown {
    return this.#state;
  }

  mark(tx: Transaction, done: number, state?: unknown): void {
    this.#done = done;
    this.#state = state;
    this.#put(tx);
  }

  /** Resolves when all that was marked is durable. */
  async settle(): Promise<void> {
    await this.#db.transaction((tx) => {
      const unfinished = tx.map(UNFINISHED);
      for (const [id, kept] of [...unfinished.range()]) {
        const time = isObject(kept) ? property(kept, "time") : undefined;
        if (typeof time !== "number" || time < tx.time - KEPT_MS) unfinished.delete(id);
      }
      this.#put(tx);
    });
  }

  #put(tx: Transaction): void {
    const kept = { first: this.#first, done: this.#done, state: this.#state ?? null, time: tx.time };
    tx.map(UNFINISHED).put(this.#id, kept);
  }
}
