/**
 * What the body of a memory's transaction gets. Guarantees: nothing outside of the memory's scope is read or written;
 * all of it becomes known at one moment, or none of it.
 */
import type { Key } from "../engine/key.js";
import type { Milliseconds } from "../engine/receipt.js";
import type { Analyzer } from "../models/text/analyzer.js";
import { LlmdbError } from "../pager/error.js";
import { requireOptions, type Valid } from "../temporal/at.js";
import { type Instant, parseInstant, toMilliseconds } from "../temporal/instant.js";
import type { Version } from "../temporal/reads.js";
import type { Transaction } from "../temporal/transaction.js";
import type { LoggedTransaction } from "../temporal/transaction-log.js";
import { digestOf, identified } from "./directory.js";
import { GraphWriter } from "./graph-writer.js";
import {
  checkFact,
  checkId,
  checkPeriod,
  checkTurn,
  type FactInput,
  invalid,
  requireFreeId,
  type TurnInput,
} from "./input.js";
import { SESSIONS } from "./maps.js";
import { type FactValue, isKind, isRecordValue, type RecordValue } from "./record.js";
import { findRecord, idOf, isNamedAbove, scopeOfNamesake } from "./record-name.js";
import { RecordWriter } from "./record-writer.js";
import { isSameFact, isUnchanged, type KnownFact, type Saying, sayingOf } from "./said-again.js";
import { containsScope, resolveScope, type ScopePath } from "./scope.js";
import { revertTransaction } from "./undo.js";

/** What `remember` did. */
export interface Remembered {
  readonly id: string;
  /** The transaction in which it became known; of what is `unchanged`, the one in which it did before. */
  readonly tx: number;
  /**
   * `new`: nothing was believed of it about that time. `corrected`: something else was. `again`: the same was, with
   * another source, confidence, tags or period, which are those of now. `unchanged`: all of it was, and nothing is
   * written.
   */
  readonly outcome: "new" | "corrected" | "again" | "unchanged";
  /** Since when the statement is known, in milliseconds since 1970 UTC; said again, the first time. */
  readonly knownFrom: Milliseconds;
  /** What was believed of the same thing about the same time until now, by valid time; now on record as corrected. */
  readonly replaced: readonly FactValue[];
}

/** What is to become of a record. */
export interface ForgetOptions extends Valid {
  /** True: physically, its whole past and every trace of its words. Default false: it is no longer believed. */
  erase?: boolean;
}

/** Finds a committed transaction by its number. */
export type TransactionLookup = (tx: number) => LoggedTransaction | undefined;

export class MemoryTransaction {
  /** The number and the time of the transaction, as of the database's. */
  readonly id: number;
  readonly time: number;
  /** @internal */
  readonly writer: RecordWriter;
  /** @internal */
  readonly root: ScopePath;

  readonly #log: TransactionLookup;
  #graph: GraphWriter | undefined;

  /** @internal Use `memory.transaction`. */
  constructor(tx: Transaction, analyzer: Analyzer, root: ScopePath, log: TransactionLookup) {
    this.#log = log;
    this.writer = new RecordWriter(tx, analyzer);
    this.root = root;
    this.id = tx.id;
    this.time = tx.time;
  }

  /**
   * Writes a fact down. What was believed of the same thing about the same time is replaced, and stays on record. What
   * is believed already keeps since when it holds and its age; another source, confidence or tags are of its whole
   * period, and so is another end, where `validTo` is given alone.
   *
   * @throws LlmdbError `LLMDB_INVALID_ARGUMENT`, `LLMDB_NOT_FOUND` for an id outside of the scope
   */
  remember(input: FactInput): Remembered {
    const value = checkFact(input);
    const path = resolveScope(this.root, input.scope);
    const { validFrom = this.time, validTo = Number.POSITIVE_INFINITY } = input;
    checkPeriod(validFrom, validTo);
    const key = this.#factKey(input, value, path);
    const id = input.id ?? this.idOf(key);
    const said = { value, validFrom: millisecondsOf(input.validFrom), validTo: millisecondsOf(input.validTo) };
    const saying = sayingOf({ ...said, now: this.time }, this.#known(key));
    const { again, others, withdrawnTo } = saying;
    const isAgain = again.length > 0 && others.length === 0;
    const knownFrom = isAgain ? Math.min(...again.map((version) => this.#firstKnown(version))) : this.time;
    if (isUnchanged(saying, value)) {
      // It is put all the same: the transaction's metadata says who said it again.
      for (const { value, validFrom, validTo } of again) this.writer.put(key, value, { validFrom, validTo });
      const tx = Math.max(...again.map(({ txFrom }) => txFrom));
      return { id, tx, outcome: "unchanged", knownFrom, replaced: [] };
    }
    // Ends that were given are taken as they were: milliseconds round far ones.
    const from = saying.validFrom === said.validFrom ? validFrom : saying.validFrom;
    const to = saying.validTo === said.validTo ? validTo : saying.validTo;
    const stored = knownFrom < this.time ? { ...value, firstKnown: knownFrom } : value;
    this.writer.put(key, stored, { validFrom: from, validTo: to });
    if (withdrawnTo !== undefined) this.writer.delete(key, { validFrom: to, validTo: withdrawnTo });
    const outcome = isAgain ? "again" : others.length > 0 ? "corrected" : "new";
    return { id, tx: this.id, outcome, knownFrom, replaced: replacedBy(saying, value) };
  }

  /** When a version's statement became known. */
  #firstKnown({ value, origin, txFrom, knownFrom }: KnownFact): Milliseconds {
    if (value.firstKnown !== undefined) return value.firstKnown;
    return origin === txFrom ? knownFrom : (this.#log(origin)?.time ?? knownFrom);
  }

  /** The key of a fact: of the id that is given, or of the same thing, or a new one. */
  #factKey(input: FactInput, value: FactValue, path: ScopePath): string {
    const { id, many = false } = input;
    if (typeof many !== "boolean") throw invalid("many is true or false");
    if (id !== undefined) return this.#keyOfGiven(id, input, path);
    const { subject, predicate, object, text } = value;
    const isCorrected = predicate !== undefined && !many;
    const identity = isCorrected ? [subject, predicate] : [subject, predicate, object, text];
    const scope = this.writer.directory.scope(path);
    const [known] = identified(this.writer.tx, scope, "fact", digestOf(identity));
    return known ?? this.writer.create("fact", path, identity);
  }

  #keyOfGiven(id: string, { scope }: FactInput, path: ScopePath): string {
    const found = findRecord(this.writer.tx, this.root, id);
    if (found === undefined) return this.#createGiven(id, path);
    const { key, entry } = found;
    if (entry.kind !== "fact") throw invalid(`${id} is ${entry.kind === "entity" ? "an" : "a"} ${entry.kind}, no fact`);
    if (scope !== undefined && entry.path !== path) throw invalid(`${id} is in another scope, and stays there`);
    return key;
  }

  /** Also where the id is that of a record outside of the scope, of which nothing may be told. */
  #createGiven(id: string, path: ScopePath): string {
    const { tx, directory } = this.writer;
    requireFreeId(id);
    const namesake = scopeOfNamesake(tx, this.root, path, id);
    if (namesake !== undefined) throw invalid(`${id} is another record's id in ${namesake}; choose another id`);
    const isTaken = directory.entry(id) !== undefined || isNamedAbove(tx, this.root, id) || tx.versions(id).length > 0;
    if (!isTaken) return this.writer.create("fact", path, [id], id);
    if (this.root !== "") return directory.createNamed("fact", path, digestOf([id]), { path: this.root, id });
    throw invalid(`the key ${JSON.stringify(id)} has a value that the memory did not write; choose another id`);
  }

  /** What is known of a fact now, about all times, by valid time. */
  #known(key: string): KnownFact[] {
    const versions = this.writer.tx.versions(key, { tx: [this.id, Number.POSITIVE_INFINITY] });
    return versions.filter(isOfFact).sort((a, b) => a.validFrom - b.validFrom);
  }

  /**
   * Withdraws a record: it is no longer believed, about the stretch that is given, or about any time. What was believed
   * stays on record, unless it is erased.
   *
   * @throws LlmdbError `LLMDB_NOT_FOUND` for an unknown id, or one outside of the scope; `LLMDB_INVALID_ARGUMENT`
   */
  forget(id: string, options: ForgetOptions = {}): void {
    requireOptions(options, ["erase", "validFrom", "validTo"], "how to forget");
    const key = this.#keyOf(id);
    const { erase = false, validFrom, validTo } = options;
    if (typeof erase !== "boolean") throw invalid("erase is true or false");
    if (!erase) {
      const from = validFrom ?? Number.NEGATIVE_INFINITY;
      const to = validTo ?? Number.POSITIVE_INFINITY;
      this.writer.delete(key, { validFrom: from, validTo: to });
      return;
    }
    if (validFrom !== undefined || validTo !== undefined) throw invalid("what is erased is erased about all times");
    this.writer.erase(key);
  }

  /** The knowledge graph of the scope. */
  get graph(): GraphWriter {
    this.#graph ??= new GraphWriter(this.writer, this.root);
    return this.#graph;
  }

  /**
   * Adds a turn at the end of a session, which begins with its first turn. Returns its id.
   *
   * @param session at most 200 characters
   * @throws LlmdbError `LLMDB_INVALID_ARGUMENT`
   */
  addTurn(session: string, turn: TurnInput): string {
    checkTurn(session, turn);
    const path = resolveScope(this.root, turn.scope);
    const { tx, directory } = this.writer;
    // Counts up also where turns are withdrawn: a place is never taken twice.
    const sessions = SESSIONS.of(tx);
    const scope = directory.scope(path);
    const index = sessions.get([scope, session]) ?? 0;
    sessions.put([scope, session], index + 1);
    const id = this.writer.create("turn", path, [session, index]);
    this.writer.put(id, { kind: "turn", session, index, role: turn.role, text: turn.text });
    return id;
  }

  /**
   * Undoes a transaction with one that compensates it: what it changed is believed again as it was before.
   *
   * @throws LlmdbError `LLMDB_NOT_FOUND` for a transaction that did nothing here; `LLMDB_INVALID_ARGUMENT` where it
   * cannot be undone: it erased, it wrote outside of the scope, or what it wrote was changed since
   */
  undo(tx: number): { readonly restored: readonly string[] } {
    return { restored: revertTransaction(this, this.#log(tx), tx) };
  }

  /** What is believed of a record, with the writes of this transaction; undefined for nothing. */
  get(id: string): RecordValue | undefined {
    checkId(id);
    const found = findRecord(this.writer.tx, this.root, id);
    const value = found && this.writer.tx.get(found.key);
    return isRecordValue(value) ? value : undefined;
  }

  /** The key of a record that is in the scope. */
  #keyOf(id: string): string {
    checkId(id);
    const found = findRecord(this.writer.tx, this.root, id);
    if (found === undefined) throw notFound(id);
    return found.key;
  }

  /** @internal The id by which this memory knows a record that is in the scope. */
  idOf(key: string): string {
    const entry = this.root === "" ? undefined : this.writer.directory.entry(key);
    return entry === undefined ? key : idOf(key, entry, this.root);
  }

  /** @internal Whether a key of the store is that of a record that is in the scope. */
  reaches(key: Key): boolean {
    const entry = typeof key === "string" ? this.writer.directory.entry(key) : undefined;
    return entry !== undefined && containsScope(this.root, entry.path);
  }
}

function isOfFact(version: Version<unknown>): version is KnownFact {
  return isKind(version.value, "fact");
}

/** What was believed otherwise, by valid time. */
function replacedBy({ again, others }: Saying, value: FactValue): FactValue[] {
  const replaced = [...again, ...others].filter((version) => !isSameFact(version.value, value));
  return replaced.sort((a, b) => a.validFrom - b.validFrom).map((version) => version.value);
}

function millisecondsOf(instant: Instant | undefined): Milliseconds | undefined {
  return instant === undefined ? undefined : toMilliseconds(parseInstant(instant, "a time"));
}

/** The same for an id that does not exist and for one in a scope that must not be seen. */
export function notFound(id: string): LlmdbError {
  return new LlmdbError("LLMDB_NOT_FOUND", `there is no record ${JSON.stringify(id)} here; recall or list shows ids`, {
    id,
  });
}
