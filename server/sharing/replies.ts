/**
 * The replies to requests, kept in the database, so that a request which comes again is answered and not done again.
 * Guarantees: a request is done once, whatever comes in between: what is not known any more is refused. A reply is
 * there if and only if the writes of its transaction are, until it is dropped for its age or the limits, or with
 * everything else that `erase` removes. A request that has the id of another is an error.
 *
 * Two maps. What was done, in `memory/requests`:
 *
 * ```text
 * ["done", caller, number]          when it was made
 * ["at", made at, caller, number]   its weight
 * ["caller", caller]                [weight of what is kept, number up to which it is forgotten]
 * ["all"]                           [weight of what is kept, time up to which it is forgotten]
 * ```
 *
 * And [caller, number]: [hash of what was asked, reply] in `memory/replies`, which an erasure empties.
 */
import type { TransactionMap } from "../../engine/transaction-map.js";
import { REPLIES, REQUESTS } from "../../memory/maps.js";
import { fromJson, toJson, toJsonText } from "../../models/values/json-forms.js";
import { sha256 } from "../../pager/digest.js";
import { LlmdbError } from "../../pager/error.js";
import { fileStorage } from "../../pager/file-storage.js";
import type { Transaction } from "../../temporal/transaction.js";
import type { RequestId } from "./service.js";

const DAY_MS = 24 * 60 * 60 * 1000;
/** What a reply weighs more for each of these. */
const WEIGHED_CHARACTERS = 1024;
/** So that no write has much to drop at once, after a night. */
const MOST_DROPS = 100;

/** How much is kept. A reply weighs 1, and 1 more for each 1,024 characters. */
export interface RepliesOptions {
  /** The weight of one caller's. Default 10,000. */
  readonly ofCaller?: number;
  /** The weight of all. Default 100,000. */
  readonly ofAll?: number;
  /** For how long. Default: a day. */
  readonly keepMs?: number;
  /** Milliseconds since 1970. Default: the clock of the system. */
  readonly now?: () => number;
}

/** What a request asks for, and how it is done. */
export interface Asked {
  readonly method: string;
  readonly params: unknown;
  /** Does it, and returns the reply. */
  run(): unknown;
  /** What is kept of the reply. Default: all of it. */
  keep?(reply: unknown): unknown;
  /** Makes the reply of what was kept of it. */
  again?(kept: unknown): unknown;
}

type MadeAt = ["at", number, string, number];
type RequestKey = ["done", string, number] | MadeAt | ["caller", string] | ["all"];
type RequestMap = TransactionMap<RequestKey, unknown>;
type ReplyMap = TransactionMap<[string, number], unknown>;

/** [weight of what is kept, number or time up to which everything is forgotten] */
type Total = readonly [weight: number, forgotten: number];

export class Replies {
  readonly #ofCaller: number;
  readonly #ofAll: number;
  readonly #keepMs: number;
  readonly #now: () => number;
  #isCurrent = false;

  constructor(options: RepliesOptions = {}) {
    const { ofCaller = 10_000, ofAll = 100_000, keepMs = DAY_MS, now = () => fileStorage.now() } = options;
    for (const limit of [ofCaller, ofAll, keepMs]) requireLimit(limit);
    this.#ofCaller = ofCaller;
    this.#ofAll = ofAll;
    this.#keepMs = keepMs;
    this.#now = now;
  }

  /**
   * Does what is asked and keeps the reply; for a request that was done before, returns that reply instead.
   *
   * @throws LlmdbError `LLMDB_INVALID_ARGUMENT` where the id is that of another request; `LLMDB_COMMIT_UNKNOWN` where
   * it was done and the reply is erased, or where it is not known any more whether it was done; what `asked` throws
   */
  once(tx: Transaction, id: RequestId, asked: Asked): unknown {
    const requests = requestsOf(tx);
    const hash = hashOf(id, asked);
    if (requests.has(["done", id.caller, id.number])) {
      const kept = keptReply(tx, id, hash);
      return asked.again === undefined ? kept : asked.again(kept);
    }
    this.#requireNew(requests, id);
    const reply = asked.run();
    this.#keep(tx, id, hash, asked.keep === undefined ? reply : asked.keep(reply));
    return reply;
  }

  #requireNew(requests: RequestMap, { caller, number, madeAt }: RequestId): void {
    const [, lastNumber] = totalIn(requests, ["caller", caller]);
    const [, lastTime] = totalIn(requests, ["all"]);
    const now = this.#now();
    // A clock that was set back must not refuse everything until it is there again.
    const forgotten = lastTime > now ? now - this.#keepMs : lastTime;
    if (number > lastNumber && madeAt > forgotten) return;
    throw new LlmdbError(
      "LLMDB_COMMIT_UNKNOWN",
      "this request is older than what is known of requests; look whether it was done, and if not, send a new one",
      { number },
    );
  }

  #keep(tx: Transaction, { caller, number, madeAt }: RequestId, hash: string, reply: unknown): void {
    const requests = requestsOf(tx);
    const replies = repliesOf(tx);
    this.#removeEarlierFormat(replies);
    const kept = reply === undefined ? [hash] : [hash, toJson(reply)];
    const weight = 1 + Math.floor(JSON.stringify(kept).length / WEIGHED_CHARACTERS);
    replies.put([caller, number], kept);
    requests.put(["done", caller, number], madeAt);
    requests.put(["at", madeAt, caller, number], weight);
    addTo(requests, ["caller", caller], weight, 0);
    addTo(requests, ["all"], weight, 0);
    let drops = MOST_DROPS;
    while (drops-- > 0 && this.#dropOfCaller(requests, replies, caller));
    while (drops-- > 0 && this.#dropOfAll(requests, replies));
  }

  /** Drops the oldest of a caller that has too many. The last one stays. */
  #dropOfCaller(requests: RequestMap, replies: ReplyMap, caller: string): boolean {
    const [weight] = totalIn(requests, ["caller", caller]);
    if (weight <= this.#ofCaller) return false;
    const [oldest, next] = [...requests.range({ prefix: ["done", caller], limit: 2 })];
    if (next === undefined) return false;
    const [key, madeAt] = oldest;
    if (key[0] !== "done" || typeof madeAt !== "number") return false;
    drop(requests, replies, ["at", madeAt, caller, key[2]]);
    addTo(requests, ["caller", caller], 0, key[2]);
    return true;
  }

  /** Drops the oldest where it is too old, or where there are too many. The last one stays. */
  #dropOfAll(requests: RequestMap, replies: ReplyMap): boolean {
    const [oldest, next] = [...requests.keys({ prefix: ["at"], limit: 2 })];
    if (oldest?.[0] !== "at" || next === undefined) return false;
    const [, madeAt, caller] = oldest;
    const [weight] = totalIn(requests, ["all"]);
    if (weight <= this.#ofAll && madeAt >= this.#now() - this.#keepMs) return false;
    drop(requests, replies, oldest);
    addTo(requests, ["all"], 0, madeAt);
    // Whatever the caller made before is older, so it is refused for its time.
    if (totalIn(requests, ["caller", caller])[0] === 0) requests.delete(["caller", caller]);
    return true;
  }

  /** Versions before this one had other keys, for callers that are gone. */
  #removeEarlierFormat(replies: ReplyMap): void {
    if (this.#isCurrent) return;
    this.#isCurrent = true;
    for (const prefix of [["id"], ["at"]]) if (replies.count({ prefix }) > 0) replies.clear({ prefix });
  }
}

function requestsOf(tx: Transaction): RequestMap {
  return tx.map<RequestKey, unknown>(REQUESTS, { values: "json" });
}

function repliesOf(tx: Transaction): ReplyMap {
  return tx.map<[string, number], unknown>(REPLIES, { values: "json" });
}

function keptReply(tx: Transaction, { caller, number }: RequestId, hash: string): unknown {
  const kept = repliesOf(tx).get([caller, number]);
  if (!Array.isArray(kept)) {
    throw new LlmdbError(
      "LLMDB_COMMIT_UNKNOWN",
      "this request was done, and its reply was erased with what it may have held; look at what is there now",
      { number },
    );
  }
  if (kept[0] !== hash) throw otherRequest(number);
  return fromJson(kept[1]);
}

/** Takes a request and its reply out. */
function drop(requests: RequestMap, replies: ReplyMap, at: MadeAt): void {
  const [, , caller, number] = at;
  const weight = Number(requests.get(at));
  requests.delete(at);
  requests.delete(["done", caller, number]);
  replies.delete([caller, number]);
  addTo(requests, ["caller", caller], -weight, 0);
  addTo(requests, ["all"], -weight, 0);
}

function totalIn(requests: RequestMap, key: ["caller", string] | ["all"]): Total {
  const total = requests.get(key);
  return Array.isArray(total) ? [Number(total[0]), Number(total[1])] : [0, 0];
}

function addTo(requests: RequestMap, key: ["caller", string] | ["all"], more: number, forgotten: number): void {
  const [weight, before] = totalIn(requests, key);
  requests.put(key, [weight + more, Math.max(before, forgotten)]);
}

/** By which the same request is known again. With its id, so that equal requests have different ones. */
function hashOf({ caller, number }: RequestId, { method, params }: Asked): string {
  const text = toJsonText([caller, number, method, params]);
  return Buffer.from(sha256(Buffer.from(text))).toString("base64");
}

/** The error for two requests with one id. */
export function otherRequest(number: number): LlmdbError {
  return new LlmdbError(
    "LLMDB_INVALID_ARGUMENT",
    `another request was made with the number ${number} before; each request of a caller has a number of its own`,
    { number },
  );
}

function requireLimit(limit: number): void {
  if (Number.isInteger(limit) && limit >= 1) return;
  throw new LlmdbError("LLMDB_INVALID_ARGUMENT", `a limit of replies is a whole number from 1, not ${limit}`);
}
