/**
 * Finding what is known by words. Guarantees: what is found was known at the point that is asked about, and is in the
 * scopes that may be seen; the same question about the past has the same answer forever, unless something is erased.
 */

import type { Analyzer } from "../models/text/analyzer.js";
import { indexTerms } from "../models/text/index-terms.js";
import type { Match, Matches } from "../models/text/matches.js";
import { type At, requireOptions } from "../temporal/at.js";
import type { Database } from "../temporal/database.js";
import { endOf, type Instant, parseInstant } from "../temporal/instant.js";
import type { Version } from "../temporal/reads.js";
import { scopeNumber, scopesBelow } from "./directory.js";
import { checkCount, checkKind, checkTags, invalid } from "./input.js";
import { DOCUMENTS, type DocumentEntry, TURNS } from "./maps.js";
import { hashText, isRecordValue, type MemoryRecord, type RecordKind, textsOf } from "./record.js";
import { recordEntry } from "./record-name.js";
import { resolveScope, type ScopePath, scopesAbove } from "./scope.js";
import { searchText, turnDocument } from "./text-index.js";
import { countTokens } from "./tokens.js";
import { recordOf } from "./version.js";

/** Where to look, from which point of time, and how much to return. */
export interface RecallOptions extends At {
  /**
   * About which time. Default: `knownAt` where that is given, or the time of `tx`; otherwise now. So what was known
   * last month is about last month, as it was when it was asked then.
   */
  validAt?: Instant;
  /** Below the memory's own scope; it and all below it are searched. Default: the memory's own. */
  scope?: string;
  /** True: also what lies above the scope, up to the memory's own. Default false. */
  inherit?: boolean;
  /** Default: all. */
  kinds?: readonly RecordKind[];
  /** The most hits, 1 to 1,000. Default 10. */
  limit?: number;
  /** The most tokens of text in all. Default: no limit. */
  maxTokens?: number;
  /** How many tokens a text has. Default: an estimate, a quarter of its ASCII characters and all of its others. */
  countTokens?: (text: string) => number;
  /**
   * What does not hold at `validAt`: `only`: is left out; `prefer`: counts half; `any`: counts as what holds.
   * Default `only`.
   */
  validity?: "only" | "prefer" | "any";
  /**
   * A hit counts half of what it would, this many milliseconds after what it says became known. A fact that is said
   * again, by whatever source, gets no younger, and one of which a stretch was withdrawn neither; one that is believed
   * again after something else was, begins again. Default: age is no matter.
   */
  halfLifeMs?: number;
  /** Only facts whose source was at least so sure; those that say nothing count as 1. Default 0. */
  minConfidence?: number;
  /** Only facts that have all of these tags. */
  tags?: readonly string[];
}

/** Something that was found. */
export interface Hit {
  readonly record: MemoryRecord;
  /** The text that matched. */
  readonly text: string;
  /** BM25, with what neighbouring turns, age and validity make of it. Compare it within one answer only. */
  readonly score: number;
  readonly tokens: number;
}

/** A version of a record that has a text which matched. */
interface FoundVersion {
  readonly record: MemoryRecord;
  /** The transaction that first asserted it. */
  readonly origin: number;
  readonly text: string;
  /** Whether it holds at the point that is asked about. */
  readonly holds: boolean;
}

/** A hit before its tokens are counted, which a caller may do. */
type Found = Omit<Hit, "tokens">;

/** What was found, best first. */
export interface Recall {
  readonly hits: readonly Hit[];
  /** Of the texts of the hits together. */
  readonly tokens: number;
  /** Whether there would have been more without `limit` and `maxTokens`. */
  readonly more: boolean;
}

const MAX_QUERY_CHARACTERS = 10_000;
const MAX_QUERY_TERMS = 100;
const MAX_LIMIT = 1000;
/** This many matches are looked at in a first go. */
const FIRST_LOOK = 64;
/** What a turn gives to those one and two places away, as parts of its own score. */
const NEIGHBOURS = [0.4, 0.2];
const WHEN_INVALID = 0.5;
const OPTIONS = [
  "scope",
  "inherit",
  "kinds",
  "limit",
  "maxTokens",
  "countTokens",
  "validity",
  "halfLifeMs",
  "minConfidence",
  "tags",
  "validAt",
  "knownAt",
  "tx",
];

/** What recall needs of a memory. */
export interface Searched {
  readonly db: Database;
  readonly root: ScopePath;
  readonly analyzer: Analyzer;
}

/**
 * The records whose texts match a query best.
 *
 * @throws LlmdbError `LLMDB_INVALID_ARGUMENT`, `LLMDB_FUTURE_TX`, `LLMDB_NOT_FOUND` for a point that was forgotten
 */
export function recall(memory: Searched, query: string, options: RecallOptions = {}): Recall {
  requireOptions(options, OPTIONS, "recall");
  const terms = queryTerms(memory.analyzer, query);
  const question = new Question(memory, options);
  return terms.length === 0 ? { hits: [], tokens: 0, more: false } : question.answer(terms);
}

function queryTerms(analyzer: Analyzer, query: string): string[] {
  if (typeof query !== "string" || query.trim() === "") throw invalid("a query is a string with at least one word");
  if (query.length > MAX_QUERY_CHARACTERS) {
    throw invalid(`a query has at most ${MAX_QUERY_CHARACTERS} characters, not ${query.length}; ask in fewer words`);
  }
  return indexTerms(analyzer, query).slice(0, MAX_QUERY_TERMS);
}

class Question {
  readonly #db: Database;
  readonly #root: ScopePath;
  readonly #options: RecallOptions;
  readonly #scopes: number[];
  readonly #limit: number;
  readonly #budget: number;
  /** As known after this transaction; Infinity: now. */
  readonly #tx: number;
  readonly #latest: number;
  readonly #reads: Pick<Database, "version" | "versions">;
  readonly #documents;
  readonly #nowMs: number;

  constructor({ db, root }: Searched, options: RecallOptions) {
    const { scope, inherit = false, validAt, knownAt, tx } = options;
    this.#db = db;
    this.#root = root;
    this.#options = options;
    this.#limit = checkCount(options.limit, "limit", 10, 1);
    if (this.#limit > MAX_LIMIT) throw invalid(`limit is at most ${MAX_LIMIT}`);
    this.#budget = checkCount(options.maxTokens, "maxTokens", Number.POSITIVE_INFINITY, 1);
    checkOptions(options);
    const path = resolveScope(root, scope);
    const above = inherit ? scopesAbove(path, root).map((one) => scopeNumber(db, one)) : [];
    this.#scopes = [...scopesBelow(db, path).map(([, number]) => number), ...above.filter((one) => one !== undefined)];
    const known: At = { ...(knownAt === undefined ? {} : { knownAt }), ...(tx === undefined ? {} : { tx }) };
    const isPast = knownAt !== undefined || tx !== undefined;
    const asOf = db.asOf(known).knownTx;
    this.#latest = db.asOf({}).knownTx;
    this.#tx = asOf < this.#latest ? asOf : Number.POSITIVE_INFINITY;
    this.#nowMs = isPast || options.halfLifeMs !== undefined ? this.#lastTime() : 0;
    // Then, not now: otherwise the answer about the past would change as time goes by.
    const valid = validAt ?? endOfKnown(knownAt) ?? (isPast ? this.#nowMs : undefined);
    this.#reads = valid === undefined ? db : db.asOf({ ...known, validAt: valid });
    this.#documents = DOCUMENTS.in(db);
  }

  answer(terms: readonly string[]): Recall {
    return this.#withinBudget(this.#bestOf(searchText(this.#db, terms, this.#scopes, this.#tx)));
  }

  #bestOf(matches: Matches): Found[] {
    try {
      this.#countNeighbours(matches);
      return this.#bestHits(matches);
    } finally {
      matches.release();
    }
  }

  /** A turn that matches counts towards those around it: the answer stands next to the question. */
  #countNeighbours(matches: Matches): void {
    const turns = TURNS.in(this.#db);
    for (const { document, score } of matches.best(this.#firstLook())) {
      const entry = this.#documents.get(document);
      if (entry?.turn === undefined) continue;
      const [session, index] = entry.turn;
      for (const [distance, part] of NEIGHBOURS.entries()) {
        for (const place of [index - distance - 1, index + distance + 1]) {
          const id = turns.get([entry.scope, session, place]);
          const neighbour = id === undefined ? undefined : turnDocument(this.#db, id, this.#tx);
          if (neighbour !== undefined) matches.add(neighbour, score * part);
        }
      }
    }
  }

  #firstLook(): number {
    return Math.max(FIRST_LOOK, 2 * this.#limit);
  }

  /**
   * One hit more than asked for, so that it is known whether there are more. What a hit is worth is never more than its
   * match's score, so that a match below the worst of enough hits ends the search.
   */
  #bestHits(matches: Matches): Found[] {
    const hits: Found[] = [];
    const wanted = this.#limit + 1;
    let seen = 0;
    for (let look = this.#firstLook(); ; look *= 4) {
      const best = matches.best(look);
      for (const match of best.slice(seen)) {
        if (hits.length >= wanted && hits[wanted - 1].score >= match.score) return hits;
        const hit = this.#hit(match);
        if (hit === undefined) continue;
        insert(hits, hit);
        if (hits.length > wanted) hits.pop();
      }
      seen = best.length;
      if (seen >= matches.size) return hits;
    }
  }

  /** What a match is worth, if it is to be returned at all. */
  #hit({ document, score }: Match): Found | undefined {
    const entry = this.#documents.get(document);
    if (entry === undefined) return undefined;
    const version = this.#version(entry);
    if (version === undefined) return undefined;
    const { record, text, holds } = version;
    if (!this.#isWanted(record)) return undefined;
    const validity = holds || this.#options.validity !== "prefer" ? 1 : WHEN_INVALID;
    return { record, text, score: score * validity * this.#freshness(version) };
  }

  /** The version of the record that has this text at the point that is asked about, and whether it holds there. */
  #version({ id, hash }: DocumentEntry): FoundVersion | undefined {
    const found = this.#reads.version(id);
    const text = found && textWith(found, hash);
    if (found !== undefined && text !== undefined) return this.#found(found, text, true);
    const { validity = "only" } = this.#options;
    if (validity === "only") return undefined;
    const tx = Math.min(this.#tx, this.#latest);
    for (const version of this.#reads.versions(id, { tx: [tx, tx + 1] }).reverse()) {
      const text = textWith(version, hash);
      if (text !== undefined) return this.#found(version, text, false);
    }
    return undefined;
  }

  #found(version: Version<unknown>, text: string, holds: boolean): FoundVersion {
    const record = recordOf(version, recordEntry(this.#db, String(version.key)), this.#root);
    return { record, origin: version.origin, text, holds };
  }

  #isWanted({ value }: MemoryRecord): boolean {
    const { kinds, minConfidence = 0, tags } = this.#options;
    if (kinds !== undefined && !kinds.includes(value.kind)) return false;
    if (minConfidence > 0 && value.kind === "fact" && (value.confidence ?? 1) < minConfidence) return false;
    return tags === undefined || (value.kind === "fact" && tags.every((tag) => value.tags?.includes(tag)));
  }

  #freshness(version: FoundVersion): number {
    const { halfLifeMs } = this.#options;
    if (halfLifeMs === undefined) return 1;
    const ageMs = Math.max(0, this.#nowMs - this.#firstKnown(version));
    return 0.5 ** (ageMs / halfLifeMs);
  }

  /** When what a version says became known: before the version, where a later write only cut it, or said it again. */
  #firstKnown({ record: { value, tx, knownFrom }, origin }: FoundVersion): number {
    if (value.kind === "fact" && value.firstKnown !== undefined) return value.firstKnown;
    if (origin === tx) return knownFrom;
    for (const { time } of this.#db.transactions({ after: origin - 1, limit: 1 })) return time;
    return knownFrom;
  }

  /**
   * When the last transaction was that is known: so that the same question has the same answer. One that wrote to maps
   * only is not logged; then it is the one before.
   */
  #lastTime(): number {
    let before: { to?: number } = {};
    if (this.#tx !== Number.POSITIVE_INFINITY) {
      for (const { time } of this.#db.transactions({ after: this.#tx, limit: 1 })) before = { to: time };
    }
    for (const { time } of this.#db.transactions({ ...before, reverse: true, limit: 1 })) return time;
    return 0;
  }

  #withinBudget(hits: readonly Found[]): Recall {
    const count = this.#options.countTokens ?? countTokens;
    const kept: Hit[] = [];
    let tokens = 0;
    for (const hit of hits.slice(0, this.#limit)) {
      const own = count(hit.text);
      // What does not fit is passed over: a shorter one after it may.
      if (tokens + own > this.#budget) continue;
      kept.push({ ...hit, tokens: own });
      tokens += own;
    }
    return { hits: kept, tokens, more: kept.length < hits.length };
  }
}

/** The last instant that a time up to which something was known can stand for: what became known then holds there. */
function endOfKnown(knownAt: Instant | undefined): Instant | undefined {
  if (knownAt === undefined) return undefined;
  const micros = parseInstant(knownAt, "knownAt");
  const end = endOf(knownAt, micros);
  return end === micros ? knownAt : end;
}

function checkOptions({ inherit, kinds, validity, halfLifeMs, minConfidence, tags, countTokens }: RecallOptions): void {
  if (inherit !== undefined && typeof inherit !== "boolean") throw invalid("inherit is true or false");
  if (kinds !== undefined && !Array.isArray(kinds)) throw invalid('kinds is a list such as ["fact", "turn"]');
  kinds?.forEach(checkKind);
  if (validity !== undefined && !["only", "prefer", "any"].includes(validity)) {
    throw invalid("validity is only, prefer or any");
  }
  if (halfLifeMs !== undefined && !(typeof halfLifeMs === "number" && halfLifeMs > 0)) {
    throw invalid("halfLifeMs is a number of milliseconds above 0");
  }
  if (minConfidence !== undefined && !(typeof minConfidence === "number" && minConfidence >= 0 && minConfidence <= 1)) {
    throw invalid("minConfidence is a number from 0 to 1");
  }
  if (tags !== undefined) checkTags(tags);
  if (countTokens !== undefined && typeof countTokens !== "function") throw invalid("countTokens is a function");
}

function textWith({ value }: Version<unknown>, hash: number): string | undefined {
  return isRecordValue(value) ? textsOf(value).find((text) => hashText(text) === hash) : undefined;
}

/** Puts a hit where its score belongs; of several texts of one record the best stays. */
function insert(hits: Found[], hit: Found): void {
  const same = hits.findIndex(({ record }) => record.id === hit.record.id);
  if (same >= 0 && hits[same].score >= hit.score) return;
  if (same >= 0) hits.splice(same, 1);
  let place = hits.length;
  while (place > 0 && hits[place - 1].score < hit.score) place--;
  hits.splice(place, 0, hit);
}
