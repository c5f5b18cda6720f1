/**
 * The inverted index over the texts of records, as known now and as known in the past. Guarantees: a document is found
 * as of a transaction exactly where it was known after it, with the score that it would have been given then.
 *
 * Documents get numbers in the order in which they become known. A posting is in `terms` while its document is known;
 * when it ceases to be, it moves to `past-terms`, ordered by the transaction that ended it. So a question about now
 * reads only what is known now, and one about the past adds what was ended since.
 */

import type { Analyzer } from "../models/text/analyzer.js";
import { rarityOf, scoreOf } from "../models/text/bm25.js";
import { countTerms, indexTerms } from "../models/text/index-terms.js";
import { Matches } from "../models/text/matches.js";
import { BlockReader } from "../models/text/posting-block.js";
import {
  addPostings,
  type BlockMap,
  type ListName,
  type Posting,
  removePostings,
  scanPostings,
  type WrittenBlockMap,
} from "../models/text/posting-list.js";
import type { Transaction } from "../temporal/transaction.js";
import { DOCUMENTS, DOCUMENTS_OF, type DocumentEntry, PAST_TERMS, TERMS, TOTALS, type Totals } from "./maps.js";
import type { RecordValue } from "./record.js";
import type { MapsOf } from "./stored-map.js";

/** A document that is to become known. */
export interface NewDocument extends DocumentEntry {
  readonly number: number;
}

/** Separates terms, none of which contains it. */
const BETWEEN = " ";
/** As documents: how often the term occurs, and how many terms there are. As past ones: the document before them. */
const KNOWN_EXTRAS = 2;
const PAST_EXTRAS = 3;

/** The document of a text. */
export function documentOf(
  number: number,
  {
    id,
    scope,
    value,
    text,
    hash,
    analyzer,
  }: {
    id: string;
    scope: number;
    value: RecordValue;
    text: string;
    hash: number;
    analyzer: Analyzer;
  },
): NewDocument {
  const terms = indexTerms(analyzer, text).join(BETWEEN);
  const entry = { number, id, scope, hash, terms };
  return value.kind === "turn" ? { ...entry, turn: [value.session, value.index] } : entry;
}

function termsOf({ terms }: DocumentEntry): string[] {
  return terms === "" ? [] : terms.split(BETWEEN);
}

/** Collects what one transaction changes in the index, and writes it list by list. */
export class IndexChange {
  readonly #tx: Transaction;
  readonly #added: NewDocument[] = [];
  readonly #ended: [number, DocumentEntry][] = [];
  readonly #totals = new Map<number, { documents: number; terms: number }>();
  #next = 0;

  constructor(tx: Transaction) {
    this.#tx = tx;
  }

  add(document: NewDocument): void {
    this.#added.push(document);
    this.#next = Math.max(this.#next, document.number + 1);
    this.#count(document, 1);
  }

  /** From this transaction on, the document is known no longer. */
  end(number: number): void {
    const entry = DOCUMENTS.in(this.#tx).get(number);
    if (entry === undefined) return;
    this.#ended.push([number, entry]);
    this.#count(entry, -1);
  }

  #count(entry: DocumentEntry, sign: 1 | -1): void {
    const totals = this.#totals.get(entry.scope) ?? { documents: 0, terms: 0 };
    totals.documents += sign;
    totals.terms += sign * termsOf(entry).length;
    this.#totals.set(entry.scope, totals);
  }

  /** Writes it all. The transaction must be the one that changes the records. */
  write(): void {
    if (this.#totals.size === 0) return;
    this.#writeAdded();
    this.#writeEnded();
    for (const [scope, { documents, terms }] of this.#totals)
      addToTotals(this.#tx, scope, documents, terms, this.#next);
  }

  #writeAdded(): void {
    const documents = DOCUMENTS.of(this.#tx);
    const ends = DOCUMENTS_OF.of(this.#tx);
    const postings = new NewPostings();
    for (const { number, ...entry } of this.#added) {
      documents.put(number, entry);
      ends.put([entry.id, number], 0);
      const terms = termsOf(entry);
      for (const [term, count] of countTerms(terms)) {
        postings.add(term, entry.scope, { at: number, extras: [count, terms.length] });
      }
    }
    postings.write(TERMS.of(this.#tx));
  }

  #writeEnded(): void {
    const known = TERMS.of(this.#tx);
    const ends = DOCUMENTS_OF.of(this.#tx);
    const past = new NewPostings();
    for (const [number, entry] of this.#ended) {
      ends.put([entry.id, number], this.#tx.id);
      for (const term of new Set(termsOf(entry))) {
        for (const { extras } of removePostings(known, [term, entry.scope], number, KNOWN_EXTRAS)) {
          past.add(term, entry.scope, { at: this.#tx.id, extras: [number, ...extras] });
        }
      }
    }
    past.write(PAST_TERMS.of(this.#tx));
  }
}

/** Postings by the lists that they are to be put into, so that each block is written once. */
class NewPostings {
  readonly #lists = new Map<string, { readonly list: ListName; readonly postings: Posting[] }>();

  /** In the order of their numbers. */
  add(term: string, scope: number, posting: Posting): void {
    const name = `${scope}${BETWEEN}${term}`;
    const known = this.#lists.get(name);
    if (known === undefined) this.#lists.set(name, { list: [term, scope], postings: [posting] });
    else known.postings.push(posting);
  }

  write(map: WrittenBlockMap): void {
    for (const { list, postings } of this.#lists.values()) addPostings(map, list, postings);
  }
}

function addToTotals(tx: Transaction, scope: number, documents: number, terms: number, next = 0): void {
  const before = totalsAt(tx, scope, Number.MAX_SAFE_INTEGER);
  const totals: Totals = [before[0] + documents, before[1] + terms, Math.max(before[2], next)];
  TOTALS.of(tx).put([scope, tx.id], totals);
}

/**
 * Takes every trace of a record's documents out of the index, past ones too, and returns them. From now on they do not
 * count; how many documents there were in the past is no trace of their words, and stays.
 */
export function eraseDocuments(tx: Transaction, id: string): DocumentEntry[] {
  const documents = DOCUMENTS.of(tx);
  const ends = DOCUMENTS_OF.of(tx);
  const known = TERMS.of(tx);
  const past = new PastPostings();
  const erased: DocumentEntry[] = [];
  for (const [[, number], end] of [...ends.range({ prefix: [id] })]) {
    const entry = documents.get(number);
    if (entry === undefined) continue;
    documents.delete(number);
    erased.push(entry);
    const terms = termsOf(entry);
    if (end === 0) addToTotals(tx, entry.scope, -1, -terms.length);
    for (const term of new Set(terms)) {
      if (end === 0) removePostings(known, [term, entry.scope], number, KNOWN_EXTRAS);
      else past.add(term, entry.scope, end, number);
    }
  }
  past.remove(PAST_TERMS.of(tx));
  ends.clear({ prefix: [id] });
  return erased;
}

/** Past postings that are to be taken out, by list and end: those of one end may be many, and are in one block. */
class PastPostings {
  readonly #groups = new Map<
    string,
    { readonly list: ListName; readonly end: number; readonly documents: Set<number> }
  >();

  add(term: string, scope: number, end: number, document: number): void {
    const name = `${end}${BETWEEN}${term}`;
    const group = this.#groups.get(name) ?? { list: [term, scope], end, documents: new Set() };
    this.#groups.set(name, group);
    group.documents.add(document);
  }

  remove(map: WrittenBlockMap): void {
    for (const { list, end, documents } of this.#groups.values()) {
      removePostings(map, list, end, PAST_EXTRAS, ({ extras: [document] }) => documents.has(document));
    }
  }
}

/** The document that a turn had after a transaction, or has had since: it has one text, and so one at a time. */
export function turnDocument(maps: MapsOf, id: string, tx: number): number | undefined {
  for (const [[, number], end] of DOCUMENTS_OF.in(maps).range({ prefix: [id] })) {
    if (end === 0 || end > tx) return number;
  }
  return undefined;
}

/** What a scope had after a transaction. */
function totalsAt(maps: MapsOf, scope: number, tx: number): Totals {
  const range = { gte: [scope, 0], lte: [scope, tx], reverse: true, limit: 1 };
  for (const totals of TOTALS.in(maps).values(range)) return totals;
  return [0, 0, 0];
}

/** A document of a term: its number, how often the term occurs, how many terms it has. */
type Visit = (document: number, count: number, length: number) => void;

/**
 * The documents of these scopes that share a term with the query, by BM25.
 *
 * @param tx as known after this transaction; Infinity: now
 */
export function searchText(maps: MapsOf, terms: readonly string[], scopes: readonly number[], tx: number): Matches {
  const lists = new TermLists(maps, tx);
  const parts = scopes.map((scope) => ({
    scope,
    totals: totalsAt(maps, scope, Math.min(tx, Number.MAX_SAFE_INTEGER)),
  }));
  const known = parts.filter(({ totals }) => totals[0] > 0);
  const documents = known.reduce((sum, { totals }) => sum + totals[0], 0);
  const meanLength = known.reduce((sum, { totals }) => sum + totals[1], 0) / Math.max(documents, 1);
  const matches = new Matches();
  for (const [term, weight] of countTerms(terms)) {
    const found: number[] = [];
    for (const { scope, totals } of known) {
      lists.visit(term, scope, totals[2], (document, count, length) => found.push(document, count, length));
    }
    const holders = found.length / 3;
    const rarity = rarityOf(holders, documents) * weight;
    for (let i = 0; i < found.length; i += 3) {
      matches.add(found[i], scoreOf(rarity, found[i + 1], found[i + 2], meanLength));
    }
  }
  return matches;
}

/** The lists of terms as of a transaction. */
class TermLists {
  readonly #known: BlockMap;
  readonly #past: BlockMap;
  readonly #tx: number;
  readonly #knownReader = new BlockReader(KNOWN_EXTRAS);
  readonly #pastReader = new BlockReader(PAST_EXTRAS);

  constructor(maps: MapsOf, tx: number) {
    this.#known = TERMS.in(maps);
    this.#past = PAST_TERMS.in(maps);
    this.#tx = tx;
  }

  /** @param next the number that the next document of the scope had after the transaction */
  visit(term: string, scope: number, next: number, visit: Visit): void {
    const list = [term, scope];
    scanPostings(
      this.#known,
      list,
      this.#knownReader,
      (document, [count, length]) => {
        if (document < next) visit(document, count, length);
      },
      { to: next },
    );
    if (this.#tx === Number.POSITIVE_INFINITY) return;
    scanPostings(
      this.#past,
      list,
      this.#pastReader,
      (end, [document, count, length]) => {
        if (end > this.#tx && document < next) visit(document, count, length);
      },
      { from: this.#tx + 1 },
    );
  }
}
