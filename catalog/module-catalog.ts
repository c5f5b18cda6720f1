/**
 * The modules that a database keeps, and what they are attached to. The bytes of a module are in the map `_meta/code`
 * under the hex of their SHA-256, once however often they are put. What is said of it, and each attachment, is a fact
 * of the bitemporal store in a partition of the database's own, so that it has a history like any other.
 *
 * Guarantees: bytes are never changed, and are compared with their hash whenever they are read; facts are checked when
 * they are read; what is read of a state is what the transactions up to it have written.
 */
import { maxKeyBytes } from "../btree/node.js";
import type { Key } from "../engine/key.js";
import { OrderedMap } from "../engine/ordered-map.js";
import type { Milliseconds } from "../engine/receipt.js";
import { TransactionMap } from "../engine/transaction-map.js";
import type { TransactionRunner } from "../engine/transaction-runner.js";
import type { WriteTransaction } from "../engine/write-transaction.js";
import { sha256 } from "../pager/digest.js";
import { LlmdbError } from "../pager/error.js";
import type { At } from "../temporal/at.js";
import { TemporalReads, type Version } from "../temporal/reads.js";
import type { Sources } from "../temporal/sources.js";
import { CommittedSources } from "../temporal/state-sources.js";
import { TransactionStore } from "../temporal/store.js";
import { SYSTEM_PARTITION } from "../temporal/stored-key.js";
import { type AttachmentFact, checkAttachmentFact, checkModuleFact, type ModuleFact } from "./stored-fact.js";

/** The map of the bytes. */
export const CODE = "_meta/code";

export type { AttachmentFact, AttachmentKind, ModuleFact } from "./stored-fact.js";

/** A fact, and the transaction that wrote it. */
export type Known<T> = T & { readonly tx: number; readonly time: Milliseconds };

const MODULE = "module";
const ATTACHMENT = "attachment";
const BYTES = { values: "bytes" } as const;

function attachmentKey({ on, map, name, module }: AttachmentFact): Key {
  return [ATTACHMENT, on, map, on === "custom_index" ? name : module];
}

/** By what a module is stored: the hex of the SHA-256 of its bytes. */
export function hashOfModule(bytes: Uint8Array): string {
  return Buffer.from(sha256(bytes)).toString("hex");
}

export class ModuleCatalog {
  readonly #runner: TransactionRunner;
  readonly #facts: TemporalReads;

  /** @param sources of the facts; default: what is committed */
  constructor(runner: TransactionRunner, sources: Sources = new CommittedSources(runner.state)) {
    this.#runner = runner;
    this.#facts = new TemporalReads(sources, SYSTEM_PARTITION);
  }

  /** Whether anything was ever put. */
  get isEmpty(): boolean {
    return this.#runner.state.directory.get(CODE) === undefined;
  }

  /** Throws `LLMDB_CLOSED`, `LLMDB_FUTURE_TX`, `LLMDB_INVALID_ARGUMENT`, `LLMDB_CORRUPT`, as the following do. */
  modules(at?: At): Known<ModuleFact>[] {
    return known(this.#facts, MODULE, at, moduleOf);
  }

  /** In the order in which they were attached. */
  attachments(at?: At): Known<AttachmentFact>[] {
    const check = (value: unknown, key: Key) => this.#attachmentOf(value, key);
    return known(this.#facts, ATTACHMENT, at, check).sort((a, b) => a.tx - b.tx);
  }

  #attachmentOf(value: unknown, key: Key): AttachmentFact {
    const fact = checkAttachmentFact(value, maxKeyBytes(this.#runner.state.store.pageSize) - 1);
    if (JSON.stringify(attachmentKey(fact)) === JSON.stringify(key)) return fact;
    throw new LlmdbError(
      "LLMDB_CORRUPT",
      `an attachment to map "${fact.map}" is not where it belongs; restore a backup`,
    );
  }

  module(hash: string): ModuleFact | undefined {
    const fact = this.#facts.get([MODULE, hash]);
    return fact === undefined ? undefined : checkModuleFact(fact, hash);
  }

  /** Everything that was ever said of a module. */
  history(hash: string): Version<ModuleFact>[] {
    return this.#facts.versions([MODULE, hash]).map((version) => {
      return { ...version, value: checkModuleFact(version.value, hash) };
    });
  }

  /** Throws `LLMDB_CORRUPT` where they are gone, or are not those of the hash. */
  bytes(hash: string): Uint8Array {
    const bytes = new OrderedMap<string, Uint8Array>(this.#runner, CODE, BYTES).getBytes(hash);
    if (bytes !== undefined && hashOfModule(bytes) === hash) return bytes;
    const what = bytes === undefined ? "are gone" : "are not those that were put: their SHA-256 is another one";
    throw new LlmdbError("LLMDB_CORRUPT", `the bytes of module ${hash} ${what}; restore a backup`, { hash });
  }
}

function moduleOf(value: unknown, key: Key): ModuleFact {
  return checkModuleFact(value, Array.isArray(key) ? key[1] : undefined);
}

/** The facts of a kind at a point, each with the transaction that wrote it. */
function known<T>(
  facts: TemporalReads,
  kind: string,
  at: At | undefined,
  check: (value: unknown, key: Key) => T,
): Known<T>[] {
  const reads = facts.asOf(at ?? {});
  const found: Known<T>[] = [];
  for (const [key] of reads.range({ prefix: [kind] })) {
    const version = reads.version(key);
    if (version === undefined) continue;
    found.push({ ...check(version.value, key), tx: version.txFrom, time: version.knownFrom });
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
    // A put of what holds already would write nothing, but a name means the module that was put last under it.
    this.#facts.delete([MODULE, fact.hash]);
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
