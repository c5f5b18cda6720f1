/**
 * Writing records, and with them all that is kept alongside: order, edges, texts. Guarantees: when the transaction
 * ends, what is alongside says the same as the records, whatever was done to a record in between.
 */
import { encodePrefix, type Key, KeyBuffer } from "../engine/key.js";
import { writerOf } from "../engine/transaction.js";
import type { Analyzer } from "../models/text/analyzer.js";
import { LlmdbError } from "../pager/error.js";
import type { Valid } from "../temporal/at.js";
import type { Transaction } from "../temporal/transaction.js";
import { Directory, digestOf } from "./directory.js";
import { GramChange, gramsOf } from "./gram-index.js";
import {
  DOCUMENTS_OF,
  EDGES,
  IDENTITIES,
  NAMES,
  ORDER,
  PAST_TERMS,
  RECORDS,
  REPLIES,
  type RecordEntry,
  SCOPES,
  SESSIONS,
  TERMS,
  TOTALS,
  TURNS,
} from "./maps.js";
import {
  type EntityValue,
  hashText,
  isKind,
  isRecordValue,
  type RecordKind,
  type RecordValue,
  textsOf,
} from "./record.js";
import type { ScopePath } from "./scope.js";
import { documentOf, eraseDocuments, IndexChange } from "./text-index.js";

/** Longer than any key of the maps alongside the records. */
const MAX_KEY_BYTES = 1024;
const prefixBuffer = new KeyBuffer();

export class RecordWriter {
  readonly tx: Transaction;
  readonly directory: Directory;
  readonly #analyzer: Analyzer;
  /** The records that were written, and what was known of them before. */
  readonly #touched = new Map<string, RecordValue[]>();
  /** Where records were erased: what has none any more goes by its name too. */
  readonly #erasedFrom = new Map<number, { readonly path: ScopePath; readonly sessions: Set<string> }>();

  constructor(tx: Transaction, analyzer: Analyzer) {
    this.tx = tx;
    this.directory = new Directory(tx, analyzer.name);
    this.#analyzer = analyzer;
  }

  /** A new record without a value. */
  create(kind: RecordKind, path: ScopePath, identity: readonly unknown[], id?: string): string {
    return this.directory.create(kind, path, digestOf(identity), id);
  }

  put(id: string, value: RecordValue, valid?: Valid): void {
    this.#touch(id);
    this.tx.put(id, value, valid);
  }

  delete(id: string, valid?: Valid): void {
    this.#touch(id);
    this.tx.delete(id, valid);
  }

  /** What is known of a record now, about all times. */
  known(id: string): RecordValue[] {
    return this.tx
      .versions(id, { tx: [this.tx.id, Number.POSITIVE_INFINITY] })
      .map(({ value }) => value)
      .filter(isRecordValue);
  }

  #touch(id: string): void {
    if (!this.#touched.has(id)) this.#touched.set(id, this.known(id));
  }

  /** Removes a record with its whole past, and every trace of its texts. */
  erase(id: string): void {
    const entry = this.#entry(id);
    // What this transaction wrote and withdrew again leaves no version, but may be in the indexes since it was settled.
    const written = this.tx.versions(id).map(({ value }) => value);
    const values = [...(this.#touched.get(id) ?? []), ...written.filter(isRecordValue)];
    this.#touched.delete(id);
    this.#unlink(entry, values[0]);
    const grams = new GramChange(this.tx);
    for (const value of values) {
      if (value.kind === "entity") grams.change(entry.scope, entry.place, gramsOf(value), new Set());
    }
    grams.write();
    const { sessions } = this.#erasingFrom(entry);
    for (const { session, index } of values.filter((value) => isKind(value, "turn"))) {
      TURNS.of(this.tx).delete([entry.scope, session, index]);
      sessions.add(session);
    }
    const documents = eraseDocuments(this.tx, id);
    this.directory.delete(id, entry);
    this.tx.erase(id);
    // Replies quote what they are about, and a hash can be compared with what somebody guesses.
    const replies = this.tx.map(REPLIES, { values: "json" });
    if (replies.count() > 0) replies.clear();
    this.#scrub(RECORDS.name, [id]);
    if (entry.named !== undefined) this.#scrub(NAMES.name, [entry.named.path, entry.named.id]);
    this.#scrub(DOCUMENTS_OF.name, [id]);
    const terms = new Set(documents.flatMap(({ terms }) => terms.split(" ")));
    for (const term of terms) for (const { name } of [TERMS, PAST_TERMS]) this.#scrubUnused(name, [term, entry.scope]);
  }

  #erasingFrom({ scope, path }: RecordEntry): { readonly sessions: Set<string> } {
    const known = this.#erasedFrom.get(scope) ?? { path, sessions: new Set() };
    this.#erasedFrom.set(scope, known);
    return known;
  }

  /** The name of a session without turns, and of a scope without records, is all that is left of what was erased. */
  #dropEmptied(): void {
    for (const [scope, { path, sessions }] of this.#erasedFrom) {
      for (const session of sessions) {
        if (TURNS.in(this.tx).count({ prefix: [scope, session] }) > 0) continue;
        SESSIONS.of(this.tx).delete([scope, session]);
        for (const { name } of [SESSIONS, TURNS]) this.#scrub(name, [scope, session]);
      }
      // The scope of everything has no name.
      if (path !== "" && IDENTITIES.in(this.tx).count({ prefix: [scope] }) === 0) this.#dropScope(scope, path);
    }
    this.#erasedFrom.clear();
  }

  #dropScope(scope: number, path: ScopePath): void {
    SCOPES.of(this.tx).delete(path);
    TOTALS.of(this.tx).clear({ prefix: [scope] });
    SESSIONS.of(this.tx).clear({ prefix: [scope] });
    this.#scrub(SCOPES.name, path);
    this.#scrub(SESSIONS.name, [scope]);
  }

  /** A list that is empty now may have left its name in the branches. */
  #scrubUnused(map: string, list: readonly Key[]): void {
    if (this.tx.map(map).count({ prefix: list }) === 0) this.#scrub(map, list);
  }

  #scrub(map: string, prefix: string | readonly Key[]): void {
    encodePrefix(prefix, prefixBuffer, MAX_KEY_BYTES);
    writerOf(this.tx).scrub(map, prefixBuffer.bytes.slice(0, prefixBuffer.length));
  }

  /** The last of a transaction. */
  finish(): void {
    this.settle();
    this.#dropEmptied();
  }

  /** Brings what is kept alongside the records up to them. */
  settle(): void {
    const index = new IndexChange(this.tx);
    const grams = new GramChange(this.tx);
    for (const [id, before] of this.#touched) this.#settle(id, before, index, grams);
    this.#touched.clear();
    index.write();
    grams.write();
    this.directory.write();
  }

  #settle(id: string, before: readonly RecordValue[], index: IndexChange, grams: GramChange): void {
    const after = this.known(id);
    const entry = this.#entry(id);
    const documents = this.#settleDocuments(id, entry, after, index);
    const place = this.#settlePlace(id, entry, before, after);
    if (entry.kind === "entity") {
      const earlier = gramsOf(entityOf(before));
      const later = gramsOf(entityOf(after));
      if (place === entry.place) grams.change(entry.scope, place, earlier, later);
      else {
        grams.change(entry.scope, entry.place, earlier, new Set());
        grams.change(entry.scope, place, new Set(), later);
      }
    }
    if (place !== entry.place || documents !== entry.documents) this.directory.put(id, { ...entry, place, documents });
  }

  /** A record has a place while anything of it is known. */
  #settlePlace(id: string, entry: RecordEntry, before: readonly RecordValue[], after: readonly RecordValue[]): number {
    if (after.length === 0) {
      this.#unlink(entry, before[0]);
      return 0;
    }
    if (entry.place !== 0) return entry.place;
    const place = this.directory.nextPlace();
    ORDER.of(this.tx).put([entry.scope, entry.kind, place], id);
    const [value] = after;
    if (value.kind === "turn") TURNS.of(this.tx).put([entry.scope, value.session, value.index], id);
    for (const end of endsOf(value)) EDGES.of(this.tx).put([entry.scope, digestOf([end]), place], id);
    return place;
  }

  #unlink(entry: RecordEntry, value: RecordValue | undefined): void {
    if (entry.place === 0) return;
    ORDER.of(this.tx).delete([entry.scope, entry.kind, entry.place]);
    for (const end of endsOf(value)) EDGES.of(this.tx).delete([entry.scope, digestOf([end]), entry.place]);
  }

  #settleDocuments(
    id: string,
    entry: RecordEntry,
    after: readonly RecordValue[],
    index: IndexChange,
  ): RecordEntry["documents"] {
    const wanted = new Map<number, { value: RecordValue; text: string }>();
    for (const value of after) for (const text of textsOf(value)) wanted.set(hashText(text), { value, text });
    const kept: [number, number][] = [];
    let changed = false;
    for (const [number, hash] of entry.documents) {
      if (wanted.delete(hash)) kept.push([number, hash]);
      else {
        index.end(number);
        changed = true;
      }
    }
    for (const [hash, { value, text }] of wanted) {
      const number = this.directory.nextDocument();
      const { scope } = entry;
      index.add(documentOf(number, { id, scope, value, text, hash, analyzer: this.#analyzer }));
      kept.push([number, hash]);
      changed = true;
    }
    return changed ? kept : entry.documents;
  }

  #entry(id: string): RecordEntry {
    const entry = this.directory.entry(id);
    if (entry === undefined)
      throw new LlmdbError("LLMDB_NOT_FOUND", `there is no record ${JSON.stringify(id)}`, { id });
    return entry;
  }
}

/** The entity among values; there is one at a time, because entities hold for all times. */
function entityOf(values: readonly RecordValue[]): EntityValue | undefined {
  return values.find((value) => isKind(value, "entity"));
}

function endsOf(value: RecordValue | undefined): string[] {
  return value?.kind === "relation" ? [...new Set([value.from, value.to])] : [];
}
