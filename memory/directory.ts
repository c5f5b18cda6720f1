/**
 * Which records there are: their keys, scopes, and what each is recognized by. Guarantees: a key is never given twice;
 * a record stays in the scope that it was made in.
 */
import { sha256 } from "../pager/digest.js";
import { LlmdbError } from "../pager/error.js";
import type { Transaction } from "../temporal/transaction.js";
import { ABOUT, type About, FORMAT, IDENTITIES, NAMES, RECORDS, type RecordEntry, SCOPES } from "./maps.js";
import { LETTERS, type RecordKind } from "./record.js";
import { freeKey, recordEntry } from "./record-name.js";
import type { ScopePath } from "./scope.js";
import type { MapsOf } from "./stored-map.js";

const DIGEST_BYTES = 16;

/** By what a record is recognized, in short: equal parts have equal digests. */
export function digestOf(parts: readonly unknown[]): Uint8Array {
  return sha256(new TextEncoder().encode(JSON.stringify(parts, withBigints))).subarray(0, DIGEST_BYTES);
}

/** JSON has no bigints. Everything else is as JSON says it. */
function withBigints(_name: string, value: unknown): unknown {
  return typeof value === "bigint" ? { $bigint: String(value) } : value;
}

/**
 * Refuses a memory of a format or an analyzer that this one cannot go on with.
 *
 * @throws LlmdbError `LLMDB_FORMAT_VERSION`, `LLMDB_INVALID_ARGUMENT`
 */
export function requireSameAnalyzer(maps: MapsOf, analyzer: string): void {
  const about = ABOUT.in(maps).get("memory");
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

/** The number of a scope, or undefined where nothing was ever written to it. */
export function scopeNumber(maps: MapsOf, path: ScopePath): number | undefined {
  return SCOPES.in(maps).get(path);
}

/** A scope and all below it: paths and numbers. */
export function scopesBelow(maps: MapsOf, path: ScopePath): [ScopePath, number][] {
  const map = SCOPES.in(maps);
  if (path === "") return [...map.range()];
  const own = map.get(path);
  const below = [...map.range({ prefix: `${path}/` })];
  return own === undefined ? below : [[path, own], ...below];
}

/** The ids with this identity, oldest first. */
export function identified(maps: MapsOf, scope: number, kind: RecordKind, digest: Uint8Array): string[] {
  return [...IDENTITIES.in(maps).values({ prefix: [scope, kind, digest] })];
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
    RECORDS.of(this.#tx).put([id], entry);
  }

  /** Takes a record out, with what it is recognized by. */
  delete(id: string, { scope, kind, digest, number, named }: RecordEntry): void {
    if (named !== undefined) NAMES.of(this.#tx).delete([named.path, named.id]);
    IDENTITIES.of(this.#tx).delete([scope, kind, digest, number]);
    RECORDS.of(this.#tx).delete([id]);
  }

  /** The number of a scope, which is made where it is new. */
  scope(path: ScopePath): number {
    const known = scopeNumber(this.#tx, path);
    if (known !== undefined) return known;
    const number = this.#take("scopes");
    SCOPES.of(this.#tx).put(path, number);
    return number;
  }

  /** A new record; its key is made from its number unless one is given. */
  create(kind: RecordKind, path: ScopePath, digest: Uint8Array, key?: string): string {
    let number = this.#take("records");
    // A key that somebody else has written to the store is passed over.
    while (key === undefined && this.#tx.versions(`${LETTERS[kind]}${number}`).length > 0)
      number = this.#take("records");
    return this.#add(key ?? `${LETTERS[kind]}${number}`, kind, path, { number, digest });
  }

  /**
   * A new record that memories of `named.path` and below know by an id that something else has as its key. Returns its
   * key. It takes one number, as any other does: more would show in the ids that are made afterwards.
   */
  createNamed(kind: RecordKind, path: ScopePath, digest: Uint8Array, named: { path: ScopePath; id: string }): string {
    const number = this.#take("records");
    const key = this.#add(freeKey(this.#tx, named.id, number), kind, path, { number, digest, named });
    NAMES.of(this.#tx).put([named.path, named.id], key);
    return key;
  }

  #add(
    key: string,
    kind: RecordKind,
    path: ScopePath,
    about: Pick<RecordEntry, "number" | "digest" | "named">,
  ): string {
    const scope = this.scope(path);
    this.put(key, { kind, scope, path, ...about, place: 0, documents: [] });
    IDENTITIES.of(this.#tx).put([scope, kind, about.digest, about.number], key);
    return key;
  }

  /** A place after all others. */
  nextPlace(): number {
    return this.#take("places");
  }

  nextDocument(): number {
    return this.#take("documents");
  }

  #take(what: "records" | "scopes" | "documents" | "places"): number {
    this.#about ??= ABOUT.of(this.#tx).get("memory") ?? {
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
    if (this.#about !== undefined) ABOUT.of(this.#tx).put("memory", this.#about);
  }
}
