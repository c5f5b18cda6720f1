/**
 * The replies to the last requests, kept in the database, so that a request which comes again is answered and not done
 * again. Guarantees: a reply is there if and only if the writes of its transaction are; the first one stays; as many
 * are kept as were asked for, and older ones are dropped in the same transaction.
 *
 * The map has two entries for each reply: `["id", requestId]` with its number and the reply, and `["at", number]` with
 * the id. Numbers rise by one.
 */
import type { TransactionMap } from "../../engine/transaction-map.js";
import { REPLIES } from "../../memory/maps.js";
import { LlmdbError } from "../../pager/error.js";
import type { Transaction } from "../../temporal/transaction.js";

const DEFAULT_COUNT = 1000;

type ReplyKey = ["id", string] | ["at", number];
type ReplyMap = TransactionMap<ReplyKey, unknown>;

export class Replies {
  readonly #count: number;

  /** @param count how many are kept, of all processes together */
  constructor(count = DEFAULT_COUNT) {
    if (!Number.isInteger(count) || count < 1) {
      throw new LlmdbError("LLMDB_INVALID_ARGUMENT", `the number of replies is a whole number from 1, not ${count}`);
    }
    this.#count = count;
  }

  /** The reply that was kept for a request; undefined where there is none. */
  reply(tx: Transaction, requestId: string): { readonly reply: unknown } | undefined {
    const record = mapOf(tx).get(["id", requestId]);
    return Array.isArray(record) ? { reply: record[1] } : undefined;
  }

  /** Keeps the reply to a request, a JSON value. One that is kept already stays. */
  keep(tx: Transaction, requestId: string, reply: unknown): void {
    const map = mapOf(tx);
    if (map.has(["id", requestId])) return;
    const number = lastNumber(map) + 1;
    map.put(["id", requestId], reply === undefined ? [number] : [number, reply]);
    map.put(["at", number], requestId);
    for (const [key, id] of [...map.range({ prefix: ["at"], lte: ["at", number - this.#count] })]) {
      if (typeof id === "string") map.delete(["id", id]);
      map.delete(key);
    }
  }

  /** Runs `body` and keeps what it returns; for a request that was answered before, returns that reply instead. */
  once(tx: Transaction, requestId: string, body: () => unknown): unknown {
    const kept = this.reply(tx, requestId);
    if (kept !== undefined) return kept.reply;
    const reply = body();
    this.keep(tx, requestId, reply);
    return reply;
  }
}

function mapOf(tx: Transaction): ReplyMap {
  return tx.map<ReplyKey, unknown>(REPLIES, { values: "json" });
}

function lastNumber(map: ReplyMap): number {
  for (const [, number] of map.keys({ prefix: ["at"], reverse: true, limit: 1 })) {
    if (typeof number === "number") return number;
  }
  return 0;
}
