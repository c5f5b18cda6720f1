/**
 * What a command writes, apart from where: in this process, which then has the database, or in the one that has it.
 * Guarantees: it does the same in both, and both reply the same; what goes through the socket is exact, whatever JSON
 * itself can say.
 */
import type { Database, Transaction, TransactionOptions } from "../../index.js";
import { Memory, type MemoryTransaction } from "../../memory/index.js";
import { fromJsonText, toJsonText } from "../../models/values/json-forms.js";
import type { Operation } from "../../server/mcp/operation.js";
import { Fields } from "./fields.js";

/** Done in one transaction of the store. */
interface InStore {
  readonly within: "store";
  run(tx: Transaction, request: Fields): object;
}

/** Done in one transaction of the memory, within the scope of the command. */
interface InMemory {
  readonly within: "memory";
  /** Whether it is about the graph, which clients may have subscribed to. */
  readonly changesGraph: boolean;
  run(tx: MemoryTransaction, request: Fields): object;
}

/** Done in transactions of its own. Done again, it leaves the same: a reply that was lost may be asked for again. */
interface OnDatabase {
  readonly within: "database";
  readonly changesGraph: boolean;
  run(db: Database, request: Fields): Promise<object>;
}

/** A request and its reply are objects whose properties the store could hold. */
export type Writing = { readonly name: string } & (InStore | InMemory | OnDatabase);

/** Where a command writes. */
export interface Place {
  readonly scope?: string;
}

/** Does it here. */
export async function writeHere(db: Database, writing: Writing, given: object, { scope }: Place): Promise<Fields> {
  const request = new Fields(given);
  if (writing.within === "database") return new Fields(await writing.run(db, request));
  const options = optionsOf(request);
  if (writing.within === "store") return new Fields(await db.transaction((tx) => writing.run(tx, request), options));
  const memory = new Memory(db, scope === undefined ? {} : { scope });
  return new Fields(await memory.transaction((tx) => writing.run(tx, request), options));
}

/** As the process that has the database offers it to others. */
export function operationOf(writing: Writing): Operation {
  if (writing.within === "database") {
    return {
      writes: "alone",
      changesGraph: writing.changesGraph,
      run: async (_memory, args, _modules, db) => encoded(await writing.run(db, decoded(args.any("request")))),
    };
  }
  return {
    writes: true,
    changesGraph: writing.within === "memory" && writing.changesGraph,
    options: (args) => optionsOf(decoded(args.any("request"))),
    run: (tx, args) => {
      const request = decoded(args.any("request"));
      return encoded(writing.within === "store" ? writing.run(tx.writer.tx, request) : writing.run(tx, request));
    },
  };
}

/** Who and why, and when it became known. */
function optionsOf(request: Fields): TransactionOptions {
  const [meta, time] = [request.any("meta"), request.instant("time")];
  return { ...(meta !== undefined && { meta }), ...(time !== undefined && { time }) };
}

/**
 * Characters that servers of a memory mark texts with, which JSON cannot say otherwise: escaped, so that they come
 * through as they are.
 */
const MARKS = /[\u{10D7FF}-\u{10DFFF}]/gu;

/** A request or a reply as it goes through the socket. */
export function encoded(value: object): string {
  return toJsonText(value).replace(MARKS, (mark) =>
    [0, 1].map((unit) => `\\u${mark.charCodeAt(unit).toString(16)}`).join(""),
  );
}

/** What was {@link encoded}. */
export function decoded(text: unknown): Fields {
  return new Fields(typeof text === "string" ? fromJsonText(text) : undefined);
}
