/**
 * What is attached to the maps of a database, run in its transactions: hooks first, in the order in which they were
 * attached, then indexes. Guarantees: each hook sees what the transaction's body changed, and not what other hooks
 * derive; indexes see everything; whatever fails rolls the whole transaction back.
 */
import type { AttachmentFact, Known, ModuleCatalog } from "../catalog/module-catalog.js";
import type { Change, ChangeCapture } from "../engine/change-capture.js";
import type { Engine } from "../engine/engine.js";
import { StoredWriter } from "../engine/stored-writer.js";
import type { CommitWatcher, WriteTransaction } from "../engine/write-transaction.js";
import { LlmdbError, type LlmdbErrorCode } from "../pager/error.js";
import { type AttachedCall, callAttached, namingAttachment } from "./attached-call.js";
import { DerivedWrites, mapNumbered } from "./derived-writes.js";
import { ChangeRecords, type DerivedWrite } from "./hook-records.js";
import { changeIndex } from "./index-upkeep.js";

type Attachment = Known<AttachmentFact>;

export class Attachments implements CommitWatcher {
  /** Takes what modules log. */
  log: (text: string) => void = () => {};
  /** What the modules of the newest transaction that had any used. */
  fuelUsed = 0;
  readonly #engine: Engine;
  readonly #catalog: ModuleCatalog;
  #hooks = new Map<string, Attachment[]>();
  #indexes = new Map<string, Attachment[]>();
  /** By the hashes of modules: what they were granted. */
  #granted = new Map<string, readonly string[]>();

  constructor(engine: Engine, catalog: ModuleCatalog) {
    this.#engine = engine;
    this.#catalog = catalog;
  }

  /**
   * When the database is opened: reads what is attached. Where that is damaged, it is opened all the same, to be read
   * and verified, and refuses to be written: no one knows what would have to run.
   */
  begin(): void {
    if (this.#engine.readOnly) return;
    try {
      if (!this.#catalog.isEmpty) this.load();
    } catch (error) {
      const refuse = () => {
        throw error;
      };
      this.#engine.watcher = { watches: refuse, beforeCommit: refuse };
    }
  }

  /** Reads what is attached now; it holds from the next transaction on. */
  load(): void {
    this.#hooks = new Map();
    this.#indexes = new Map();
    const modules = this.#catalog.modules().filter(({ revoked }) => !revoked);
    this.#granted = new Map(modules.map(({ hash, capabilities }) => [hash, capabilities]));
    for (const attachment of this.#catalog.attachments()) {
      const of = attachment.on === "tx_hook" ? this.#hooks : this.#indexes;
      of.set(attachment.map, [...(of.get(attachment.map) ?? []), attachment]);
    }
    const isEmpty = this.#hooks.size === 0 && this.#indexes.size === 0;
    this.#engine.watcher = isEmpty ? null : this;
  }

  watches(map: string): boolean {
    return this.#hooks.has(map) || this.#indexes.has(map);
  }

  beforeCommit(writer: WriteTransaction, capture: ChangeCapture): void {
    this.fuelUsed = 0;
    const derived: [Attachment, DerivedWrite[]][] = [];
    for (const hook of touchedBy(capture, this.#hooks)) {
      const changes = capture.changes(hook.map);
      if (changes.length > 0) derived.push([hook, this.#runHook(this.callOf(hook, writer), changes)]);
    }
    for (const [hook, writes] of derived) makeWrites(hook, writer, writes);
    for (const index of touchedBy(capture, this.#indexes)) {
      const changes = capture.changes(index.map);
      if (changes.length > 0) this.fuelUsed += changeIndex(this.callOf(index, writer), changes);
    }
  }

  callOf(attachment: AttachmentFact, writer: WriteTransaction): AttachedCall {
    const capabilities = this.#granted.get(attachment.module);
    if (capabilities === undefined) {
      const what = `module ${attachment.module} is attached to map "${attachment.map}", and is not there to be used`;
      throw new LlmdbError("LLMDB_CORRUPT", `${what}; detach it, or restore a backup`, { hash: attachment.module });
    }
    const { modules: bounds } = this.#engine;
    return { attachment, capabilities, bounds, catalog: this.#catalog, writer, log: this.log };
  }

  #runHook(call: AttachedCall, changes: readonly Change[]): DerivedWrite[] {
    const derived = new DerivedWrites(call.attachment);
    this.fuelUsed += callAttached(
      { ...call, derived },
      new ChangeRecords(changes),
      () => derived.clear(),
      (u8, at, bytes) => derived.take(u8, at, bytes),
    );
    return derived.list;
  }
}

/** In the order in which they were attached. */
function touchedBy(capture: ChangeCapture, of: ReadonlyMap<string, Attachment[]>): Attachment[] {
  const touched = capture.touched().flatMap((map) => of.get(map) ?? []);
  return touched.sort((a, b) => a.tx - b.tx);
}

/** Makes what a hook derived, in its order. */
function makeWrites(hook: AttachmentFact, writer: WriteTransaction, writes: readonly DerivedWrite[]): void {
  const stored = new StoredWriter(writer);
  try {
    for (const write of writes) makeWrite(hook, stored, write);
  } catch (error) {
    throw namingAttachment(isOfModule(error) ? malformedWrite(error) : error, hook);
  }
}

function makeWrite(hook: AttachmentFact, stored: StoredWriter, { map: number, key, keyLength, value }: DerivedWrite) {
  const map = mapNumbered(hook, number);
  if (map === undefined || !hook.writes.includes(map)) {
    const what = `it writes map ${number}, which it was not granted; name it in writes`;
    throw new LlmdbError("LLMDB_WASM_TRAP", `the module failed: ${what}`, { what, number });
  }
  if (value === null) stored.delete(map, key, keyLength);
  else stored.put(map, key, keyLength, value);
}

const OF_MODULE: readonly LlmdbErrorCode[] = ["LLMDB_INVALID_ARGUMENT", "LLMDB_KEY_TOO_LONG", "LLMDB_VALUE_TOO_LARGE"];

/** Whether what was to be written is wrong, and not the writing. */
function isOfModule(error: unknown): error is LlmdbError {
  return error instanceof LlmdbError && OF_MODULE.includes(error.code);
}

function malformedWrite(cause: LlmdbError): LlmdbError {
  const what = `a derived write is malformed: ${cause.message}`;
  return new LlmdbError("LLMDB_WASM_TRAP", `the module failed: ${what}`, { ...cause.details, what }, { cause });
}
