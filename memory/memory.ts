/**
 * The memory of an agent, on a database. Guarantees: every fact keeps when it held and when it was known; what is
 * corrected or withdrawn stays on record; nothing outside of the memory's scope is seen or changed through it.
 */
import { YieldIterator } from "../engine/held-iterator.js";
import { type Analyzer, english } from "../models/text/analyzer.js";
import { type At, requireOptions } from "../temporal/at.js";
import { Database } from "../temporal/database.js";
import type { Committed, ReceiptOptions, TransactionOptions } from "../temporal/options.js";
import type { Transaction } from "../temporal/transaction.js";
import { requireSameAnalyzer } from "./directory.js";
import { type Embedder, fuseRanks, similarities } from "./embedder.js";
import { KnowledgeGraph } from "./graph.js";
import {
  type ChangesOptions,
  changesOf,
  diffRecords,
  type Explanation,
  explainRecord,
  historyOf,
  type MemoryChange,
  type RecordChange,
} from "./history.js";
import { checkCount, checkId, type FactInput, invalid, type TurnInput } from "./input.js";
import { listRecords, type RecordsOptions, type RecordsPage } from "./listing.js";
import { type Hit, type Recall, type RecallOptions, recall } from "./recall.js";
import type { MemoryRecord } from "./record.js";
import { findRecord } from "./record-name.js";
import { resolveScope, type ScopePath } from "./scope.js";
import { type ForgetOptions, MemoryTransaction, type Remembered } from "./transaction.js";
import { recordOf } from "./version.js";

/** How a memory is to be used. */
export interface MemoryOptions {
  /** What it may reach: this scope and all below it. Default: everything. */
  scope?: string;
  /** How texts become terms. Always the same for one database. Default: {@link english}. */
  analyzer?: Analyzer;
}

const MAX_RERANKED = 100;

/** The memory of an agent: facts, a knowledge graph, conversations, and finding them. */
export class Memory {
  readonly db: Database;
  /** The full path of its scope; empty for everything. */
  readonly root: ScopePath;
  readonly analyzer: Analyzer;
  /** Entities and relations, in the terms of the reference memory server of MCP. */
  readonly graph: KnowledgeGraph;

  /**
   * @param db stays the caller's: close it when the memory is no longer used
   * @throws LlmdbError `LLMDB_INVALID_ARGUMENT` for a bad scope, or an analyzer other than that of the database;
   * `LLMDB_FORMAT_VERSION`, `LLMDB_CLOSED`
   *
   * @example
   * ```ts
   * const memory = new Memory(open("agent.llmdb"));
   * await memory.remember({ subject: "Ada", predicate: "works for", object: "Acme", source: "chat of 3 May" });
   * memory.recall("where does Ada work?").hits[0].text; // "Ada works for Acme"
   * ```
   */
  constructor(db: Database, options: MemoryOptions = {}) {
    if (!(db instanceof Database)) throw invalid("a memory is made on an open database");
    requireOptions(options, ["scope", "analyzer"], "a memory");
    this.db = db;
    this.root = resolveScope("", options.scope);
    this.analyzer = options.analyzer ?? english;
    requireSameAnalyzer(db, this.analyzer.name);
    this.graph = new KnowledgeGraph(this);
  }

  /** A memory of a scope below this one. Throws `LLMDB_INVALID_ARGUMENT` for a path that would leave it. */
  within(scope: string): Memory {
    return new Memory(this.db, { scope: resolveScope(this.root, scope), analyzer: this.analyzer });
  }

  /**
   * Writes several things as one transaction; see `db.transaction`.
   *
   * @param options `meta`: who and why, which `explain` shows; `time`: for imports of what was recorded earlier;
   * `receipt: true`: also the `tx` and `time` of the commit are given back, with the `value`
   */
  transaction<T>(body: (tx: MemoryTransaction) => T, options: ReceiptOptions): Promise<Committed<T>>;
  transaction<T>(body: (tx: MemoryTransaction) => T, options?: TransactionOptions): Promise<T>;
  async transaction<T>(
    body: (tx: MemoryTransaction) => T,
    options?: TransactionOptions | ReceiptOptions,
  ): Promise<T | Committed<T>> {
    const run = this.#run(body);
    return options?.receipt === true ? this.db.transaction(run, options) : this.db.transaction(run, options);
  }

  /** As {@link transaction}, blocking until it is durable. */
  transactionSync<T>(body: (tx: MemoryTransaction) => T, options: ReceiptOptions): Committed<T>;
  transactionSync<T>(body: (tx: MemoryTransaction) => T, options?: TransactionOptions): T;
  transactionSync<T>(
    body: (tx: MemoryTransaction) => T,
    options?: TransactionOptions | ReceiptOptions,
  ): T | Committed<T> {
    const run = this.#run(body);
    return options?.receipt === true ? this.db.transactionSync(run, options) : this.db.transactionSync(run, options);
  }

  #run<T>(body: (tx: MemoryTransaction) => T): (tx: Transaction) => T {
    return (own) => {
      const tx = new MemoryTransaction(own, this.analyzer, this.root, this.#log);
      requireSameAnalyzer(own, this.analyzer.name);
      const value = body(tx);
      tx.writer.finish();
      return value;
    };
  }

  readonly #log = (tx: number) => {
    for (const logged of this.db.transactions({ after: tx - 1, limit: 1 })) return logged;
    return undefined;
  };

  /** As {@link MemoryTransaction.remember}, as a transaction of its own. */
  remember(fact: FactInput, options?: TransactionOptions): Promise<Remembered> {
    return this.transaction((tx) => tx.remember(fact), options);
  }

  /**
   * As {@link MemoryTransaction.forget}, as a transaction of its own; resolves to its number, or to that of the newest
   * one where there was nothing to withdraw.
   */
  async forget(id: string, how?: ForgetOptions, options?: TransactionOptions): Promise<{ tx: number }> {
    const { tx } = await this.transaction((own) => own.forget(id, how), { ...options, receipt: true });
    return { tx };
  }

  /** As {@link MemoryTransaction.addTurn}, as a transaction of its own; resolves to the id. */
  addTurn(session: string, turn: TurnInput, options?: TransactionOptions): Promise<string> {
    return this.transaction((tx) => tx.addTurn(session, turn), options);
  }

  /** As {@link MemoryTransaction.undo}, as a transaction of its own, whose metadata says what it undid. */
  undo(tx: number, options?: TransactionOptions): Promise<{ tx: number; restored: readonly string[] }> {
    const body = (own: MemoryTransaction) => ({ tx: own.id, ...own.undo(tx) });
    return this.transaction(body, { meta: { undoes: tx }, ...options });
  }

  /**
   * Finds records by words; see {@link RecallOptions}.
   *
   * @param query 1 to 10,000 characters
   * @throws LlmdbError `LLMDB_INVALID_ARGUMENT`, `LLMDB_FUTURE_TX`, `LLMDB_NOT_FOUND` for a point that was forgotten,
   * `LLMDB_CLOSED`
   *
   * @example
   * ```ts
   * memory.recall("node 16 end of life", { knownAt: "2021-06-01", maxTokens: 500 });
   * ```
   */
  recall(query: string, options?: RecallOptions): Recall {
    return recall(this, query, options);
  }

  /**
   * As {@link recall}, with the vectors of an embedder: more is found by words, and ranked again by the places that
   * each hit has by words and by meaning. What shares no word with the query is not found.
   *
   * @throws LlmdbError (rejects) as `recall`, and what the embedder throws
   */
  async recallNear(query: string, embedder: Embedder, options: RecallOptions = {}): Promise<Recall> {
    const { limit: few, maxTokens: budget, ...rest } = options;
    const limit = checkCount(few, "limit", 10, 1);
    const maxTokens = checkCount(budget, "maxTokens", Number.POSITIVE_INFINITY, 1);
    const wider = recall(this, query, { ...rest, limit: Math.max(Math.min(4 * limit, MAX_RERANKED), limit) });
    const texts = wider.hits.map(({ text }) => text);
    const fused = fuseRanks(texts.length === 0 ? [] : await similarities(embedder, query, texts));
    const ranked = wider.hits.map((hit, i) => ({ ...hit, score: fused[i] })).sort((a, b) => b.score - a.score);
    const hits: Hit[] = [];
    let tokens = 0;
    for (const hit of ranked.slice(0, limit)) {
      if (tokens + hit.tokens > maxTokens) continue;
      hits.push(hit);
      tokens += hit.tokens;
    }
    return { hits, tokens, more: wider.more || hits.length < ranked.length };
  }

  /**
   * A record at a point; undefined where nothing is believed there, or where the id is none of this memory's.
   *
   * @throws LlmdbError `LLMDB_INVALID_ARGUMENT`, `LLMDB_FUTURE_TX`, `LLMDB_NOT_FOUND` for a point that was forgotten
   */
  get(id: string, at?: At): MemoryRecord | undefined {
    checkId(id);
    const found = findRecord(this.db, this.root, id);
    if (found === undefined) return undefined;
    const version = this.db.version(found.key, at);
    return version && recordOf(version, found.entry, this.root);
  }

  /** The records of a kind that hold now, a page at a time. Throws `LLMDB_INVALID_ARGUMENT`. */
  list(options: RecordsOptions): RecordsPage {
    return listRecords(this.db, this.root, options);
  }

  /** All versions of a record, oldest first. Throws `LLMDB_NOT_FOUND`, `LLMDB_INVALID_ARGUMENT`. */
  history(id: string): MemoryRecord[] {
    return historyOf(this, id);
  }

  /** Why a record is believed at a point: who said so, when, what it replaced. Throws as {@link history}. */
  explain(id: string, at: At = {}): Explanation {
    return explainRecord(this, id, at);
  }

  /** What changed between two points, by id; `{}` is now. Lazy. Throws as {@link get}. */
  diff(from: At, to: At, options: { scope?: string } = {}): IteratorObject<RecordChange, undefined> {
    requireOptions(options, ["scope"], "diff");
    return new YieldIterator(diffRecords(this, from, to, options.scope));
  }

  /** The transactions that changed something here, without what else they did. Lazy. */
  transactions(options?: ChangesOptions): IteratorObject<MemoryChange, undefined> {
    return new YieldIterator(changesOf(this, options));
  }
}
