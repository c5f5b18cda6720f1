/**
 * What a memory should answer, in the simplest form: the list of everything that was ever written, replayed for each
 * question, and BM25 by counting words. Guarantees: nothing of a store or an index is used; nothing is kept but events,
 * the identities of records, and in which order they became known.
 */
import { expect } from "vitest";
import { type RecordKind, type RecordValue, textsOf } from "../../memory/record.js";
import { english } from "../../models/text/analyzer.js";

const FOREVER = Number.POSITIVE_INFINITY;
const K1 = 1.2;
const B = 0.75;
const LETTERS = { fact: "f", entity: "e", relation: "r", turn: "t" };

export interface ModelRecord {
  /** In the store; what else is called an id here is this. */
  readonly id: string;
  /** Memories of a path and below know it by another id. */
  readonly named: { readonly path: string; readonly id: string } | undefined;
  readonly kind: RecordKind;
  readonly scope: string;
  readonly identity: string;
}

interface Event {
  readonly tx: number;
  readonly now: number;
  readonly id: string;
  readonly from: number;
  readonly to: number;
  /** Undefined: nothing holds there. */
  readonly value: RecordValue | undefined;
}

export interface ModelSlice {
  readonly from: number;
  readonly to: number;
  readonly value: RecordValue;
  readonly event: Event;
}

export interface ModelVersion extends ModelSlice {
  readonly txFrom: number;
  readonly txTo: number;
}

export interface ModelHit {
  readonly score: number;
  /** Texts of the record with this score. */
  readonly texts: readonly string[];
}

/** Refuses an operation. */
export class Refusal extends Error {}

export class MemoryModel {
  records = new Map<string, ModelRecord>();
  #events: Event[] = [];
  #number = 0;
  #place = 0;
  #places = new Map<string, number>();
  #sessions = new Map<string, number>();
  #touched = new Set<string>();
  /** Sessions of which a turn was erased: without turns they begin again. */
  #erasedSessions = new Set<string>();
  /** What each transaction wrote. */
  #log = new Map<number, { ids: Set<string>; erased: boolean }>();
  /** The transaction that is being written, and its time. */
  tx = 0;
  now = 0;
  /** The id that was last picked: erased records have none to be picked again. */
  picked = "";

  /** A transaction; gives back what puts everything to what it was. */
  begin(tx: number, now: number): () => void {
    const records = new Map(this.records);
    const events = [...this.#events];
    const number = this.#number;
    const place = this.#place;
    const places = new Map(this.#places);
    const sessions = new Map(this.#sessions);
    const log = new Map(this.#log);
    this.tx = tx;
    this.now = now;
    this.#log.set(tx, { ids: new Set(), erased: false });
    return () => {
      this.records = records;
      this.#events = events;
      this.#number = number;
      this.#place = place;
      this.#places = places;
      this.#sessions = sessions;
      this.#log = log;
      this.#touched.clear();
      this.#erasedSessions.clear();
    };
  }

  get allIds(): string[] {
    return [...this.records.keys()];
  }

  erasedIn(tx: number): boolean {
    return this.#log.get(tx)?.erased ?? false;
  }

  /** Gives places to what became known, and takes them from what is known no longer. */
  settle(): void {
    for (const session of this.#erasedSessions) if (!this.#hasTurns(session)) this.#sessions.delete(session);
    this.#erasedSessions.clear();
    for (const id of this.#touched) {
      if (this.slices(id).length === 0) this.#places.delete(id);
      else if (!this.#places.has(id)) this.#places.set(id, ++this.#place);
    }
    this.#touched.clear();
  }

  create(kind: RecordKind, scope: string, identity: unknown, id?: string, namedAt?: string): string {
    const number = ++this.#number;
    const named = id === undefined || namedAt === undefined ? undefined : { path: namedAt, id };
    const own = named === undefined ? (id ?? `${LETTERS[kind]}${number}`) : `${id}~${number}`;
    this.records.set(own, { id: own, named, kind, scope, identity: JSON.stringify(identity) });
    return own;
  }

  /** By which id a memory of this root knows a record. */
  shownId(id: string, root: string): string {
    const named = this.records.get(id)?.named;
    return named !== undefined && contains(named.path, root) ? named.id : id;
  }

  /** The record that a memory of this root knows by an id. */
  find(root: string, shown: string): string | undefined {
    const found = [...this.records.values()].filter(
      ({ id, scope }) => contains(root, scope) && this.shownId(id, root) === shown,
    );
    expect(found.length, `${shown} in ${root}`).toBeLessThan(2);
    return found[0]?.id;
  }

  /** A fact of an id that no record has for a memory of this root. */
  createGiven(root: string, path: string, id: string): string {
    const same = [...this.records.values()].flatMap(({ named }) => (named?.id === id ? [named.path] : []));
    if (same.some((at) => at !== root && contains(root, at) && contains(at, path))) throw new Refusal("a namesake");
    const isTaken = this.records.has(id) || same.some((at) => contains(at, root));
    return this.create("fact", path, ["a given id", "", "", id], id, isTaken ? root : undefined);
  }

  /** Those of an identity, oldest first. */
  identified(kind: RecordKind, scope: string, identity: unknown): string[] {
    const text = JSON.stringify(identity);
    return [...this.records.values()]
      .filter((one) => one.kind === kind && one.scope === scope && one.identity === text)
      .map(({ id }) => id);
  }

  /** Where the value holds already, nothing is written. */
  write(id: string, value: RecordValue | undefined, from = Number.NEGATIVE_INFINITY, to = FOREVER): void {
    this.#touched.add(id);
    this.#log.get(this.tx)?.ids.add(id);
    const text = JSON.stringify(value);
    let next = from;
    for (const slice of value === undefined ? [] : this.slices(id)) {
      if (slice.to <= next || to <= slice.from || JSON.stringify(slice.value) !== text) continue;
      if (next < slice.from) this.#events.push({ tx: this.tx, now: this.now, id, from: next, to: slice.from, value });
      next = slice.to;
    }
    if (next < to) this.#events.push({ tx: this.tx, now: this.now, id, from: next, to, value });
  }

  erase(id: string): void {
    for (const [tx, { ids, erased }] of this.#log) {
      if (ids.has(id)) this.#log.set(tx, { ids, erased: erased || this.#isChanged(id, tx) });
    }
    const session = this.#sessionOf(id);
    if (session !== undefined) this.#erasedSessions.add(session);
    this.#events = this.#events.filter((event) => event.id !== id);
    this.records.delete(id);
    this.#places.delete(id);
    this.#touched.delete(id);
    this.#log.set(this.tx, { ids: this.#log.get(this.tx)?.ids ?? new Set(), erased: true });
  }

  /** The session of a turn that some transaction left. */
  #sessionOf(id: string): string | undefined {
    const record = this.records.get(id);
    if (record?.kind !== "turn") return undefined;
    return JSON.stringify([record.scope, JSON.parse(record.identity)[0]]);
  }

  #hasTurns(session: string): boolean {
    return this.allIds.some((id) => this.#sessionOf(id) === session && this.versions(id).length > 0);
  }

  turnIndex(scope: string, session: string): number {
    const key = JSON.stringify([scope, session]);
    const index = this.#sessions.get(key) ?? 0;
    this.#sessions.set(key, index + 1);
    return index;
  }

  undo(tx: number, root: string): string[] {
    const logged = tx < this.tx ? this.#log.get(tx) : undefined;
    if (logged === undefined) throw new Refusal("nothing to undo");
    if (logged.erased) throw new Refusal("erased");
    const ids = [...logged.ids].filter((id) => this.#isChanged(id, tx));
    if (ids.length === 0) throw new Refusal("nothing to undo");
    for (const id of ids) {
      const scope = this.records.get(id)?.scope;
      if (scope === undefined || !contains(root, scope)) throw new Refusal("out of scope");
      const show = ({ from, to, value }: ModelSlice) => [from, to, value];
      if (JSON.stringify(this.slices(id, tx).map(show)) !== JSON.stringify(this.slices(id).map(show))) {
        throw new Refusal("changed since");
      }
    }
    for (const id of ids) {
      const before = this.slices(id, tx - 1);
      this.write(id, undefined);
      for (const { from, to, value } of before) this.write(id, value, from, to);
    }
    return ids.map((id) => this.shownId(id, root)).sort();
  }

  /** Whether a transaction left anything of what it did to a record. */
  #isChanged(id: string, tx: number): boolean {
    const before = this.slices(id, tx - 1);
    const after = this.slices(id, tx);
    return (
      before.length !== after.length ||
      after.some(
        (slice) =>
          slice.event.tx === tx ||
          !before.some((one) => one.event === slice.event && one.from === slice.from && one.to === slice.to),
      )
    );
  }

  /** What is known of a record after a transaction, by valid time: cut at each bound that was ever given. */
  slices(id: string, tx = FOREVER): ModelSlice[] {
    const own = this.#events.filter((event) => event.id === id && event.tx <= tx);
    const cuts = [...new Set([Number.NEGATIVE_INFINITY, FOREVER, ...own.flatMap(({ from, to }) => [from, to])])];
    cuts.sort((a, b) => (a < b ? -1 : 1));
    const slices: ModelSlice[] = [];
    for (const [i, from] of cuts.slice(0, -1).entries()) {
      const event = own.findLast((one) => one.from <= from && from < one.to);
      if (event?.value === undefined) continue;
      const last = slices.at(-1);
      const slice = { from, to: cuts[i + 1], value: event.value, event };
      if (last?.event === event && last.to === from) slices[slices.length - 1] = { ...slice, from: last.from };
      else slices.push(slice);
    }
    return slices;
  }

  at(id: string, validAt: number, tx = FOREVER): ModelSlice | undefined {
    return this.slices(id, tx).find(({ from, to }) => from <= validAt && validAt < to);
  }

  /** By the transaction that wrote them, then by valid time. */
  versions(id: string): ModelVersion[] {
    const versions: ModelVersion[] = [];
    let known: (ModelSlice & { txFrom: number })[] = [];
    const times = new Set(this.#events.filter((event) => event.id === id).map(({ tx }) => tx));
    for (const tx of [...times, FOREVER]) {
      const next = tx === FOREVER ? [] : this.slices(id, tx);
      const same = (a: ModelSlice, b: ModelSlice) => a.from === b.from && a.to === b.to && a.event === b.event;
      for (const slice of known) if (!next.some((one) => same(one, slice))) versions.push({ ...slice, txTo: tx });
      known = next.map((slice) => known.find((one) => same(one, slice)) ?? { ...slice, txFrom: tx });
    }
    return versions.sort((a, b) => a.txFrom - b.txFrom || (a.from < b.from ? -1 : 1));
  }

  /** The ids of a kind that are known, in the order in which they became so. */
  known(kind: RecordKind, inScope: (scope: string) => boolean): string[] {
    return [...this.#places]
      .sort(([, a], [, b]) => a - b)
      .flatMap(([id]) => this.records.get(id) ?? [])
      .filter((one) => one.kind === kind && inScope(one.scope))
      .map(({ id }) => id);
  }

  /** The best score of each record, for a query of words, at a point, in the scopes that are named. */
  recall(
    query: string,
    {
      tx = FOREVER,
      validAt,
      validity,
      inScope,
    }: { tx?: number; validAt: number; validity: "only" | "prefer" | "any"; inScope: (scope: string) => boolean },
  ): Map<string, ModelHit> {
    const documents = [...this.records.values()]
      .filter(({ scope }) => inScope(scope))
      .flatMap((record) => {
        const texts = new Set(this.slices(record.id, tx).flatMap(({ value }) => textsOf(value)));
        return [...texts].map((text) => ({ record, text, words: english.terms(text), score: 0 }));
      });
    // A text may have no terms at all: then no document has one of the query either.
    const mean = documents.reduce((sum, { words }) => sum + words.length, 0) / Math.max(documents.length, 1) || 1;
    for (const word of english.terms(query)) {
      const holders = documents.filter(({ words }) => words.includes(word)).length;
      const rarity = Math.log(1 + (documents.length - holders + 0.5) / (holders + 0.5));
      for (const document of documents) {
        const count = document.words.filter((one) => one === word).length;
        const norm = K1 * (1 - B + (B * document.words.length) / mean);
        document.score += (rarity * count * (K1 + 1)) / (count + norm);
      }
    }
    const own = documents.map(({ score }) => score);
    for (const [i, { record }] of documents.entries()) {
      for (const [j, other] of documents.entries()) {
        const distance = turnDistance(this.slices(record.id, tx)[0].value, this.slices(other.record.id, tx)[0].value);
        if (record.scope !== other.record.scope || distance === undefined) continue;
        if (distance === 1 || distance === 2) documents[j].score += own[i] * (distance === 1 ? 0.4 : 0.2);
      }
    }
    const hits = new Map<string, ModelHit>();
    for (const { record, text, score } of documents) {
      const holding = this.at(record.id, validAt, tx);
      const holds = holding !== undefined && textsOf(holding.value).includes(text);
      if (score === 0 || (!holds && validity === "only")) continue;
      const worth = holds || validity === "any" ? score : score / 2;
      const best = hits.get(record.id);
      if (best === undefined || worth > best.score + 1e-12) hits.set(record.id, { score: worth, texts: [text] });
      else if (Math.abs(worth - best.score) <= 1e-12) {
        hits.set(record.id, { score: best.score, texts: [...best.texts, text] });
      }
    }
    return hits;
  }
}

export function contains(outer: string, inner: string): boolean {
  return outer === "" || inner === outer || inner.startsWith(`${outer}/`);
}

function turnDistance(a: RecordValue, b: RecordValue): number | undefined {
  if (a.kind !== "turn" || b.kind !== "turn" || a.session !== b.session) return undefined;
  return Math.abs(a.index - b.index);
}
