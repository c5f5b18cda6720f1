/**
 * Whether the maps of the memory say what its records say. Guarantees: every map is computed again from `db.versions`
 * of the records in the plainest way, with nothing of the index but its reader of blocks, and compared entry by entry.
 */
import { isDeepStrictEqual } from "node:util";
import type { Key } from "../../engine/key.js";
import { digestOf } from "../../memory/directory.js";
import * as maps from "../../memory/maps.js";
import { hashText, isRecordValue, type RecordValue, textsOf } from "../../memory/record.js";
import { type Analyzer, english } from "../../models/text/analyzer.js";
import { BlockReader } from "../../models/text/posting-block.js";
import type { Database } from "../../temporal/database.js";

interface Lifetime {
  readonly from: number;
  readonly to: number;
}

interface Kept {
  readonly id: string;
  readonly entry: maps.RecordEntry;
  readonly versions: readonly (Lifetime & { readonly value: RecordValue })[];
  /** The values that are known now. */
  readonly known: readonly RecordValue[];
}

/** A document as the maps have it. */
interface Document extends Lifetime {
  readonly number: number;
  readonly entry: maps.DocumentEntry;
  readonly length: number;
}

type Entries = Map<string, unknown>;

/** What is wrong, one line each. Where something was erased, the totals of the past still count it. */
export function inconsistencies(db: Database, options: { erased?: boolean; analyzer?: Analyzer } = {}): string[] {
  const check = new Consistency(db, options.analyzer ?? english);
  check.records();
  check.documents();
  check.lists();
  check.totals(options.erased ?? false);
  check.grams();
  return check.problems;
}

class Consistency {
  readonly problems: string[] = [];
  readonly #db: Database;
  readonly #analyzer: Analyzer;
  readonly #records: Kept[];
  readonly #documents: Document[];

  constructor(db: Database, analyzer: Analyzer) {
    this.#db = db;
    this.#analyzer = analyzer;
    this.#records = [...db.map<[string], maps.RecordEntry>(maps.RECORDS.name).range()].map(([[id], entry]) => {
      const versions = db.versions(id).flatMap(({ value, txFrom: from, txTo: to }) => {
        return isRecordValue(value) ? [{ value, from, to }] : [];
      });
      const known = versions.filter(({ to }) => to === Number.POSITIVE_INFINITY).map(({ value }) => value);
      return { id, entry, versions, known };
    });
    this.#documents = this.#readDocuments();
  }

  records(): void {
    const order: Entries = new Map();
    const edges: Entries = new Map();
    const turns: Entries = new Map();
    const identities: Entries = new Map();
    for (const { id, entry, versions, known } of this.#records) {
      const { scope, kind, place } = entry;
      if (versions.some(({ value }) => value.kind !== kind)) this.problems.push(`${id} is not always a ${kind}`);
      if (this.#db.map(maps.SCOPES.name).get(entry.path) !== scope)
        this.problems.push(`${id} has another scope's number`);
      if (place > 0 !== known.length > 0) this.problems.push(`${id} has place ${place}, known ${known.length}`);
      identities.set(name([scope, kind, entry.digest, entry.number]), id);
      if (known.length > 0) order.set(name([scope, kind, place]), id);
      for (const value of known) {
        if (value.kind !== "relation") continue;
        for (const end of [value.from, value.to]) edges.set(name([scope, digestOf([end]), place]), id);
      }
      for (const { value } of versions) {
        if (value.kind !== "turn") continue;
        turns.set(name([scope, value.session, value.index]), id);
        const count = Number(this.#db.map(maps.SESSIONS.name).get([scope, value.session]));
        if (!(count > value.index)) this.problems.push(`a session counts ${count} turns, but has ${value.index}`);
      }
    }
    this.#compare(maps.ORDER.name, order);
    this.#compare(maps.EDGES.name, edges);
    this.#compare(maps.TURNS.name, turns);
    this.#compare(maps.IDENTITIES.name, identities);
  }

  /** The stretches in which each text was known, by records and by documents. */
  documents(): void {
    const byRecords = new Map<string, Lifetime[]>();
    for (const { id, entry, versions, known } of this.#records) {
      for (const { value, from, to } of versions) {
        for (const text of new Set(textsOf(value))) add(byRecords, name([id, this.#termsOf(text), text]), { from, to });
      }
      const hashes = [...new Set(known.flatMap(textsOf).map(hashText))].sort(compare);
      const own = [...entry.documents];
      if (!isDeepStrictEqual(own.map(([, hash]) => hash).sort(compare), hashes)) {
        this.problems.push(`${id} does not have the documents of its texts`);
      }
      for (const [number, hash] of own) {
        const document = this.#documents.find((one) => one.number === number);
        const isSame = document?.entry.id === id && document.entry.hash === hash;
        if (!isSame || document.to !== Number.POSITIVE_INFINITY) this.problems.push(`${id} does not have ${number}`);
      }
    }
    const byDocuments = new Map<string, Lifetime[]>();
    for (const { entry, from, to } of this.#documents) {
      const kept = this.#records.find(({ id }) => id === entry.id);
      const texts = new Set(kept?.versions.flatMap(({ value }) => textsOf(value)) ?? []);
      const text = [...texts].find((one) => hashText(one) === entry.hash);
      const turn = kept?.versions.map(({ value }) => value).find((value) => value.kind === "turn");
      // Written and taken back in one transaction: never seen by anybody.
      if (from === to) continue;
      if (text === undefined || kept === undefined) this.problems.push(`a document of ${entry.id} has no text`);
      else add(byDocuments, name([entry.id, entry.terms, text]), { from, to });
      if (kept?.entry.scope !== entry.scope) this.problems.push(`a document of ${entry.id} is in another scope`);
      if (!isDeepStrictEqual(entry.turn, turn?.kind === "turn" ? [turn.session, turn.index] : undefined)) {
        this.problems.push(`a document of ${entry.id} is at another turn`);
      }
    }
    this.#compareEntries("the lifetimes of texts", merged(byDocuments), merged(byRecords));
  }

  lists(): void {
    const terms = new Map<string, number[][]>();
    const past = new Map<string, number[][]>();
    for (const { number, entry, to, length } of this.#documents) {
      const words = entry.terms.split(" ").filter((word) => word !== "");
      for (const word of new Set(words)) {
        const list = name([word, entry.scope]);
        const count = words.filter((one) => one === word).length;
        if (to === Number.POSITIVE_INFINITY) add(terms, list, [number, count, length]);
        else add(past, list, [to, number, count, length]);
      }
    }
    this.#compareLists(maps.TERMS.name, 2, terms);
    this.#compareLists(maps.PAST_TERMS.name, 3, past);
  }

  /** After each transaction that changed a scope's documents, unless something was erased: then now. */
  totals(erased: boolean): void {
    const rows = [...this.#db.map<[number, number], number[]>(maps.TOTALS.name).range()];
    const scopes = new Set([...rows.map(([[scope]]) => scope), ...this.#documents.map(({ entry }) => entry.scope)]);
    for (const scope of scopes) {
      const own = this.#documents.filter((document) => document.entry.scope === scope);
      const times = new Set(own.flatMap(({ from, to }) => [from, to]).filter(Number.isFinite));
      for (const [[at, tx]] of rows) if (at === scope) times.add(tx);
      for (const tx of erased ? [Number.MAX_SAFE_INTEGER] : times) {
        const known = own.filter(({ from, to }) => from <= tx && tx < to);
        const expected = [known.length, known.reduce((sum, { length }) => sum + length, 0)];
        const [, found] = rows.findLast(([[at, since]]) => at === scope && since <= tx) ?? [undefined, [0, 0]];
        if (!isDeepStrictEqual(found.slice(0, 2), expected)) {
          this.problems.push(`scope ${scope} has totals ${found} after ${tx}, not ${expected}`);
        }
      }
    }
  }

  grams(): void {
    const expected = new Map<string, number[][]>();
    for (const { entry, known } of this.#records) {
      const [value] = known;
      if (value?.kind !== "entity") continue;
      const grams = new Set<number>();
      for (const text of [value.name, value.entityType, ...value.observations]) {
        const padded = `${text.toLowerCase()}\0\0`;
        for (let i = 0; i + 2 < padded.length; i++) {
          const units = [0, 1, 2].map((j) => padded.charCodeAt(i + j));
          grams.add(units.reduce((gram, unit) => gram * 65536 + unit, 0));
        }
      }
      for (const gram of grams) add(expected, name([entry.scope, gram]), [entry.place]);
    }
    this.#compareLists(maps.GRAMS.name, 0, expected);
  }

  #readDocuments(): Document[] {
    const ends = new Map<number, number>();
    for (const [[, number], end] of this.#db.map<[string, number], number>(maps.DOCUMENTS_OF.name).range()) {
      ends.set(number, end === 0 ? Number.POSITIVE_INFINITY : end);
    }
    const totals = [...this.#db.map<[number, number], number[]>(maps.TOTALS.name).range()];
    const documents = [...this.#db.map<number, maps.DocumentEntry>(maps.DOCUMENTS.name).range()].map(
      ([number, entry]) => {
        const row = totals.find(([[scope], [, , next]]) => scope === entry.scope && next > number);
        const to = ends.get(number);
        ends.delete(number);
        if (row === undefined || to === undefined) this.problems.push(`document ${number} has no beginning or no end`);
        const length = entry.terms === "" ? 0 : entry.terms.split(" ").length;
        return { number, entry, length, from: row?.[0][1] ?? 0, to: to ?? 0 };
      },
    );
    for (const number of ends.keys()) this.problems.push(`document ${number} is of a record, but is not there`);
    return documents;
  }

  #termsOf(text: string): string {
    return this.#analyzer.terms(text).join(" ");
  }

  #compare(map: string, expected: Entries): void {
    const found: Entries = new Map([...this.#db.map(map).range()].map(([key, value]) => [name(key), value]));
    this.#compareEntries(map, found, expected);
  }

  #compareLists(map: string, extras: number, expected: Map<string, number[][]>): void {
    const found = new Map<string, number[][]>();
    const reader = new BlockReader(extras);
    for (const [key, bytes] of this.#db.map<Key[], Uint8Array>(map).range()) {
      const base = Number(key.at(-1));
      reader.open(bytes, base);
      let count = 0;
      for (; reader.next(); count++) add(found, name(key.slice(0, -1)), [reader.at, ...reader.extras]);
      if (count === 0) this.problems.push(`${map} has an empty block at ${name(key)}`);
    }
    for (const list of found.values()) {
      if (list.some(([at], i) => i > 0 && at < list[i - 1][0])) this.problems.push(`${map} has a list out of order`);
    }
    this.#compareEntries(map, sorted(found), sorted(expected));
  }

  #compareEntries(what: string, found: Entries, expected: Entries): void {
    for (const [key, value] of expected) {
      if (!isDeepStrictEqual(found.get(key), value)) {
        const [a, b] = [found.get(key), value].map((one) => JSON.stringify(one)?.slice(0, 200));
        this.problems.push(`${what}: ${key} is ${a}, not ${b}`);
      }
    }
    for (const key of found.keys()) if (!expected.has(key)) this.problems.push(`${what}: ${key} is too much`);
  }
}

/** Keys as text: different for different ones. */
function name(key: Key): string {
  return JSON.stringify(key, (_, value) => (value instanceof Uint8Array ? Buffer.from(value).toString("hex") : value));
}

function add<T>(lists: Map<string, T[]>, key: string, item: T): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [item]);
  else list.push(item);
}

function compare(a: number, b: number): number {
  return a - b;
}

function sorted(lists: Map<string, number[][]>): Entries {
  const byNumbers = (a: number[], b: number[]) => a[0] - b[0] || (a[1] ?? 0) - (b[1] ?? 0);
  return new Map([...lists].map(([key, list]) => [key, list.sort(byNumbers)]));
}

/** Stretches that touch or overlap, as one. */
function merged(lifetimes: Map<string, Lifetime[]>): Entries {
  return new Map(
    [...lifetimes].map(([key, list]) => {
      const whole: { from: number; to: number }[] = [];
      for (const { from, to } of list.sort((a, b) => a.from - b.from)) {
        const last = whole.at(-1);
        if (last !== undefined && from <= last.to) last.to = Math.max(last.to, to);
        else whole.push({ from, to });
      }
      return [key, whole];
    }),
  );
}
