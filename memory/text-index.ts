/**
 * The inverted index over the texts of records, as known now and as known in the past. Guarantees: a document is found
 * as of a transaction exactly where it was known after it, with the score that it would have been given then.
 *
 * Documents get numbers in the order in which they become known. A posting is in `terms` while its document is known;
 * when it ceases to be, it moves to `past-terms`, ordered by the transaction that ended it. So a question about now
 * reads only what is known now, and one about the past adds what was ended since.
 */
import type { Key } from "../engine/key.js";
import type { Transaction } from "../temporal/transaction.js";
import type { Analyzer } from "./analyzer.js";
import { DOCUMENTS, DOCUMENTS_OF, type MapsOf, PAST_TERMS, TERMS, TOTALS } from "./maps.js";
import { Matches } from "./matches.js";
import { BlockReader } from "./posting-block.js";
import {
  addPostings,
  type BlockKey,
  type BlockMap,
  type Posting,
  removePosting,
  scanPostings,
  type WrittenBlockMap,
} from "./posting-list.js";
import type { RecordValue } from "./record.js";

/** A document of the index. */
export interface DocumentEntry {
  /** The id of its record. */
  readonly id: string;
  readonly hash: number;
  readonly scope: number;
  /** Its terms, so that it can be taken out when its text is gone, or the analyzer is another. */
  readonly terms: string;
  /** Of a turn: its session and its place there. */
  readonly turn?: readonly [session: string, index: number];
}

/** A document that is to become known. */
export interface NewDocument extends DocumentEntry {
  readonly number: number;
}

/** How many documents of a scope are known, how many terms they have together, and the next document's number. */
type Totals = readonly [documents: number, terms: number, next: number];

/** Separates terms, none of which contains it. */
const BETWEEN = " ";
const BYTES = { values: "bytes" } as const;
/** As documents: how often the term occurs, and how many terms there are. As past ones: the document before them. */
const KNOWN_EXTRAS = 2;
const PAST_EXTRAS = 3;
/** The parameters of BM25: Robertson and Zaragoza, "The Probabilistic Relevance Framework", 2009. */
const K1 = 1.2;
const B = 0.75;

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
  const terms = analyzer.terms(text).join(BETWEEN);
  const entry = { number, id, scope, hash, terms };
  return value.kind === "turn" ? { ...entry, turn: [value.session, value.index] } : entry;
}

function termsOf({ terms }: DocumentEntry): string[] {
  return terms === "" ? [] : terms.split(BETWEEN);
}

function countTerms(terms: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const term of terms) counts.set(term, (counts.get(term) ?? 0) + 1);
  return counts;
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
    const entry = this.#tx.map<number, DocumentEntry>(DOCUMENTS).get(number);
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
    const map = this.#tx.map<Key, Totals>(TOTALS);
    for (const [scope, change] of this.#totals) {
      const [documents, terms, next] = totalsAt(this.#tx, scope, Number.MAX_SAFE_INTEGER);
      map.put([scope, this.#tx.id], [documents + change.documents, terms + change.terms, Math.max(next, this.#next)]);
    }
  }

  #writeAdded(): void {
    const documents = this.#tx.map<number, DocumentEntry>(DOCUMENTS);
    const ends = this.#tx.map<Key, number>(DOCUMENTS_OF);
    const lists = new Map<string, { term: string; scope: number; postings: Posting[] }>();
    for (const { number, ...entry } of this.#added) {
      documents.put(number, entry);
      ends.put([entry.id, number], 0);
      const terms = termsOf(entry);
      for (const [term, count] of countTerms(terms)) {
        const name = `${entry.scope}${BETWEEN}${term}`;
        const posting = { at: number, extras: [count, terms.length] };
        const list = lists.get(name);
        if (list === undefined) lists.set(name, { term, scope: entry.scope, postings: [posting] });
        else list.postings.push(posting);
      }
    }
    const map: WrittenBlockMap = this.#tx.map(TERMS, BYTES);
    for (const { term, scope, postings } of lists.values()) addPostings(map, [term, scope], postings);
  }

  #writeEnded(): void {
    const known: WrittenBlockMap = this.#tx.map(TERMS, BYTES);
    const past: WrittenBlockMap = this.#tx.map(PAST_TERMS, BYTES);
    const ends = this.#tx.map<Key, number>(DOCUMENTS_OF);
    for (const [number, entry] of this.#ended) {
      ends.put([entry.id, number], this.#tx.id);
      for (const term of new Set(termsOf(entry))) {
        const list = [term, entry.scope];
        const posting = removePosting(known, list, number, KNOWN_EXTRAS);
        if (posting === undefined) continue;
        addPostings(past, list, [{ at: this.#tx.id, extras: [number, ...posting.extras] }]);
      }
    }
  }
}

/** Takes every trace of a record's documents out of the index, past ones too, and returns them. */
export function eraseDocuments(tx: Transaction, id: string): DocumentEntry[] {
  const documents = tx.map<number, DocumentEntry>(DOCUMENTS);
  const ends = tx.map<[string, number], number>(DOCUMENTS_OF);
  const erased: DocumentEntry[] = [];
  for (const [, number] of [...ends.keys({ prefix: [id] })]) {
    const entry = documents.get(number);
    if (entry === undefined) continue;
    documents.delete(number);
    erased.push(entry);
    erasePostings(tx, number, entry);
  }
  ends.clear({ prefix: [id] });
  return erased;
}

/** The document that a record had after a transaction; of several the newest. */
export function documentAt(maps: MapsOf, id: string, tx: number): number | undefined {
  let found: number | undefined;
  for (const [[, number], end] of maps.map<[string, number], number>(DOCUMENTS_OF).range({ prefix: [id] })) {
    if (end === 0 || end > tx) found = number;
  }
  return found;
}

function erasePostings(tx: Transaction, number: number, entry: DocumentEntry): void {
  const known: WrittenBlockMap = tx.map(TERMS, BYTES);
  const past: WrittenBlockMap = tx.map(PAST_TERMS, BYTES);
  for (const term of new Set(termsOf(entry))) {
    const list = [term, entry.scope];
    if (removePosting(known, list, number, KNOWN_EXTRAS) !== undefined) continue;
    const kept: Posting[] = [];
    scanPostings(past, list, new BlockReader(PAST_EXTRAS), (at, extras) => {
      if (extras[0] !== number) kept.push({ at, extras: [...extras] });
    });
    past.clear({ prefix: list });
    if (kept.length > 0) addPostings(past, list, kept);
  }
}

/** What a scope had after a transaction. */
function totalsAt(maps: MapsOf, scope: number, tx: number): Totals {
  const range = { gte: [scope, 0], lte: [scope, tx], reverse: true, limit: 1 };
  for (const totals of maps.map<Key, Totals>(TOTALS).values(range)) return totals;
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
    const rarity = Math.log(1 + (documents - holders + 0.5) / (holders + 0.5)) * weight;
    for (let i = 0; i < found.length; i += 3) {
      const count = found[i + 1];
      const norm = K1 * (1 - B + (B * found[i + 2]) / meanLength);
      matches.add(found[i], (rarity * count * (K1 + 1)) / (count + norm));
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
    this.#known = maps.map<BlockKey, Uint8Array>(TERMS);
    this.#past = maps.map<BlockKey, Uint8Array>(PAST_TERMS);
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
