/**
 * Which records there are: their ids, scopes, and what each is recognized by. Guarantees: an id is never given twice; a
 * record stays in the scope that it was made in.
 */

import type { Key } from "../engine/key.js";
import { sha256 } from "../pager/digest.js";
import { LlmdbError } from "../pager/error.js";
import type { Transaction } from "../temporal/transaction.js";
import { ABOUT, IDENTITIES, type MapsOf, RECORDS, type RecordEntry, SCOPES } from "./maps.js";
import { LETTERS, type RecordKind } from "./record.js";
import type { ScopePath } from "./scope.js";

/** The format of the maps. Another one is refused. */
const FORMAT = 1;
const DIGEST_BYTES = 16;

interface About {
  readonly format: number;
  readonly analyzer: string;
  records: number;
  scopes: number;
  documents: number;
  places: number;
}

/** By what a record is recognized, in short: equal parts have equal digests. */
export function digestOf(parts: readonly unknown[]): Uint8Array {
  return sha256(new TextEncoder().encode(JSON.stringify(parts))).subarray(0, DIGEST_BYTES);
}

/**
 * Refuses a memory of a format or an analyzer that this one cannot go on with.
 *
 * @throws LlmdbError `LLMDB_FORMAT_VERSION`, `LLMDB_INVALID_ARGUMENT`
 */
export function requireSameAnalyzer(maps: MapsOf, analyzer: string): void {
  const about = maps.map<string, About>(ABOUT).get("memory");
  if (about === undefined) return;
  if (about.format !== FORMAT) {
    throw new LlmdbError(
      "LLMDB_FORMAT_VERSION",
      `the memory in this file has format ${about.format}; this version of llmdb reads ${FORMAT}`,
    );
  }
  if (about.analyzer !== analyzer) {
    throw new LlmdbError(
      "LLMDB_INVALID_ARGUMENT",
      `the texts in this memory were indexed by the analyzer "${about.analyzer}", not "${analyzer}"; give that one`,
    );
  }
}

/** The entry of a record, or undefined. */
export function recordEntry(maps: MapsOf, id: string): RecordEntry | undefined {
  return maps.map<[string], RecordEntry>(RECORDS).get([id]);
}

/** The number of a scope, or undefined where nothing was ever written to it. */
export function scopeNumber(maps: MapsOf, path: ScopePath): number | undefined {
  return maps.map<string, number>(SCOPES).get(path);
}

/** A scope and all below it: paths and numbers. */
export function scopesBelow(maps: MapsOf, path: ScopePath): [ScopePath, number][] {
  const map = maps.map<string, number>(SCOPES);
  if (path === "") return [...map.range()];
  const own = map.get(path);
  const below = [...map.range({ prefix: `${path}/` })];
  return own === undefined ? below : [[path, own], ...below];
}

/** The ids with this identity, oldest first. */
export function identified(maps: MapsOf, scope: number, kind: RecordKind, digest: Uint8Array): string[] {
  return [...maps.map<Key, string>(IDENTITIES).values({ prefix: [scope, kind, digest] })];
}

/** The directory inside a transaction. */
export class Directory {
  readonly #tx: Transaction;
  readonly #analyzer: string;
  #about: About | undefined;

  constructor(tx: Transaction, analyzer: string) {
    this.#tx = tx;
    this.#analyzer = analyzer;
  }

  entry(id: string): RecordEntry | undefined {
    return recordEntry(this.#tx, id);
  }

  put(id: string, entry: RecordEntry): void {
    this.#tx.map<[string], RecordEntry>(RECORDS).put([id], entry);
  }

  /** Takes a record out, with what it is recognized by. */
  delete(id: string, { scope, kind, digest, number }: RecordEntry): void {
    this.#tx.map<Key, string>(IDENTITIES).delete([scope, kind, digest, number]);
    this.#tx.map<[string], RecordEntry>(RECORDS).delete([id]);
  }

  /** The number of a scope, which is made where it is new. */
  scope(path: ScopePath): number {
    const known = scopeNumber(this.#tx, path);
    if (known !== undefined) return known;
    const number = this.#take("scopes");
    this.#tx.map<string, number>(SCOPES).put(path, number);
    return number;
  }

  /** A new record; its id is made from its number unless one is given. */
  create(kind: RecordKind, path: ScopePath, digest: Uint8Array, id?: string): string {
    const scope = this.scope(path);
    let number = this.#take("records");
    // A key that somebody else has written to the store is passed over.
    while (id === undefined && this.#tx.versions(`${LETTERS[kind]}${number}`).length > 0)
      number = this.#take("records");
    const own = id ?? `${LETTERS[kind]}${number}`;
    this.put(own, { kind, scope, path, number, digest, place: 0, documents: [] });
    this.#tx.map<Key, string>(IDENTITIES).put([scope, kind, digest, number], own);
    return own;
  }

  /** A place after all others. */
  nextPlace(): number {
    return this.#take("places");
  }

  nextDocument(): number {
    return this.#take("documents");
  }

  #take(what: "records" | "scopes" | "documents" | "places"): number {
    this.#about ??= this.#tx.map<string, About>(ABOUT).get("memory") ?? {
      format: FORMAT,
      analyzer: this.#analyzer,
      records: 1,
      scopes: 1,
      documents: 1,
      places: 1,
    };
    return this.#about[what]++;
  }

  /** Writes down which numbers were given. */
  write(): void {
    if (this.#about !== undefined) this.#tx.map<string, About>(ABOUT).put("memory", this.#about);
  }
}
