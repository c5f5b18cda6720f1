/**
 * The modules that a database keeps, and what they are attached to. The bytes of a module stand in the map `_meta/code`
 * under the hex of their SHA-256, once however often they are put. What is said of it, and each attachment, is a fact
 * of the bitemporal store in a partition of the database's own, so that it has a history like any other.
 *
 * Guarantees: bytes are never changed; what is read of a state is what the transactions up to it have written.
 */
import type { Engine } from "../engine/engine.js";
import type { Key } from "../engine/key.js";
import { OrderedMap } from "../engine/ordered-map.js";
import type { Milliseconds } from "../engine/receipt.js";
import { TransactionMap } from "../engine/transaction-map.js";
import type { WriteTransaction } from "../engine/write-transaction.js";
import type { At } from "../temporal/at.js";
import { TemporalReads, type Version } from "../temporal/reads.js";
import { CommittedSources } from "../temporal/sources.js";
import { TransactionStore } from "../temporal/store.js";
import { SYSTEM_PARTITION } from "../temporal/stored-key.js";

/** The map of the bytes. */
export const CODE = "_meta/code";

/** What a module is attached as. */
export type AttachmentKind = "tx_hook" | "custom_index";

/** What is kept of a module, besides its bytes. */
export interface ModuleFact {
  readonly hash: string;
  readonly name: string;
  readonly capabilities: readonly string[];
  readonly bytes: number;
  /** The calls that it exports. */
  readonly calls: readonly string[];
  readonly revoked: boolean;
}

/** What is kept of an attachment. */
export interface AttachmentFact {
  readonly on: AttachmentKind;
  readonly module: string;
  readonly map: string;
  /** Of an index. */
  readonly name: string;
  readonly writes: readonly string[];
  readonly reads: readonly string[];
  readonly arg: Uint8Array;
  readonly fuel: number;
  readonly timeoutMs: number;
  readonly memoryBytes: number;
}

/** A fact, and the transaction that wrote it. */
export type Known<T> = T & { readonly tx: number; readonly time: Milliseconds };

const MODULE = "module";
const ATTACHMENT = "attachment";
const BYTES = { values: "bytes" } as const;

function attachmentKey({ on, map, name, module }: AttachmentFact): Key {
  return [ATTACHMENT, on, map, on === "custom_index" ? name : module];
}

export class ModuleCatalog {
  readonly #engine: Engine;
  readonly #modules: TemporalReads<ModuleFact>;
  readonly #attachments: TemporalReads<AttachmentFact>;

  constructor(engine: Engine) {
    this.#engine = engine;
    const sources = new CommittedSources(engine);
    this.#modules = new TemporalReads(sources, SYSTEM_PARTITION);
    this.#attachments = new TemporalReads(sources, SYSTEM_PARTITION);
  }

  /** Whether anything was ever put. */
  get isEmpty(): boolean {
    return this.#engine.directory.get(CODE) === undefined;
  }

  /** Throws `LLMDB_CLOSED`, `LLMDB_FUTURE_TX`, `LLMDB_INVALID_ARGUMENT`, `LLMDB_CORRUPT`, as the following do. */
  modules(at?: At): Known<ModuleFact>[] {
    return known(this.#modules, MODULE, at);
  }

  /** In the order in which they were attached. */
  attachments(at?: At): Known<AttachmentFact>[] {
    return known(this.#attachments, ATTACHMENT, at).sort((a, b) => a.tx - b.tx);
  }

  module(hash: string): ModuleFact | undefined {
    return this.#modules.get([MODULE, hash]);
  }

  /** Everything that was ever said of a module. */
  history(hash: string): Version<ModuleFact>[] {
    return this.#modules.versions([MODULE, hash]);
  }

  bytes(hash: string): Uint8Array | undefined {
    return new OrderedMap<string, Uint8Array>(this.#engine, CODE, BYTES).getBytes(hash);
  }
}

/** The facts of a kind at a point, each with the transaction that wrote it. */
function known<T>(facts: TemporalReads<T>, kind: string, at: At | undefined): Known<T>[] {
  const reads = facts.asOf(at ?? {});
  const found: Known<T>[] = [];
  for (const [key] of reads.range({ prefix: [kind] })) {
    const version = reads.version(key);
    if (version !== undefined) found.push({ ...version.value, tx: version.txFrom, time: version.knownFrom });
  }
  return found;
}

/** The catalog inside of a transaction. */
export class ModuleCatalogWriter {
  readonly #transaction: WriteTransaction;
  readonly #facts: TransactionStore;

  constructor(transaction: WriteTransaction) {
    this.#transaction = transaction;
    this.#facts = new TransactionStore(transaction, SYSTEM_PARTITION);
  }

  put(fact: ModuleFact, bytes: Uint8Array): void {
    const code = new TransactionMap<string, Uint8Array>(this.#transaction, CODE, BYTES);
    if (!code.has(fact.hash)) code.put(fact.hash, bytes);
    this.#facts.put([MODULE, fact.hash], fact);
  }

  attach(fact: AttachmentFact): void {
    this.#facts.put(attachmentKey(fact), fact);
  }

  detach(fact: AttachmentFact): void {
    this.#facts.delete(attachmentKey(fact));
  }

  /** No new transaction and no new call uses the module. */
  revoke(fact: ModuleFact): void {
    this.#facts.put([MODULE, fact.hash], { ...fact, revoked: true });
  }
}
