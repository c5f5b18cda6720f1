/**
 * What the body of a transaction gets. Guarantees: usable only while its body runs. What is written through an outer
 * one while a nested body runs belongs to the nested one.
 */
import { maxKeyBytes } from "../btree/node.js";
import { LlmdbError } from "../pager/error.js";
import type { Key } from "./key.js";
import { checkMapOptions, type MapOptions } from "./options.js";
import { TransactionMap } from "./transaction-map.js";
import type { WriteTransaction } from "./write-transaction.js";

/** @internal What a transaction is inside, for the layers above. */
export let writerOf: (tx: Transaction) => WriteTransaction;

export class Transaction {
  static {
    writerOf = (tx) => tx.writer;
  }

  /** Its number, if it writes anything: transactions that write are numbered without gaps from 1. */
  readonly id: number;
  /** Its time: milliseconds since 1970, later than that of any transaction before. */
  readonly time: number;
  /** @internal */
  protected readonly writer: WriteTransaction;

  /** @internal Use `db.transaction`. */
  constructor(writer: WriteTransaction) {
    this.writer = writer;
    this.id = writer.writeSet.tx;
    this.time = writer.micros / 1000;
  }

  /**
   * A map, as this transaction sees it. It comes into being with the first `put`.
   *
   * @throws LlmdbError `LLMDB_INVALID_ARGUMENT` for a bad name or another format than the stored one, `LLMDB_CLOSED`
   */
  map<K extends Key = Key, V = unknown>(name: string, options?: MapOptions): TransactionMap<K, V> {
    this.writer.requireOpen();
    checkMapOptions(name, options, maxKeyBytes(this.writer.state.store.pageSize) - 1);
    return new TransactionMap<K, V>(this.writer, name, options);
  }

  /**
   * Runs a nested transaction: a savepoint. An exception undoes what it did, and is thrown on.
   *
   * @throws LlmdbError `LLMDB_INVALID_ARGUMENT` where the body is async, and what the body throws
   */
  transaction<T>(body: (tx: Transaction) => T): T {
    this.writer.requireOpen();
    return this.writer.nest(wrapBody(body, Transaction));
  }
}

/** A body on the inner transaction from one on the public. */
export function wrapBody<T, X extends Transaction>(
  body: (tx: X) => T,
  make: new (writer: WriteTransaction) => X,
): (writer: WriteTransaction) => T {
  if (typeof body !== "function") {
    throw new LlmdbError("LLMDB_INVALID_ARGUMENT", "a transaction takes a function that gets it as its argument");
  }
  if (body.constructor.name === "AsyncFunction") {
    throw new LlmdbError(
      "LLMDB_INVALID_ARGUMENT",
      "the body of a transaction may not be async; await before or after it",
    );
  }
  return (writer) => body(new make(writer));
}
