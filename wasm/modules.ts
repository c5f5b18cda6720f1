/**
 * The modules of a database, as its users reach them: `db.modules`. Guarantees: a module is checked whole before it is
 * stored; what it may do is what it was granted when it was put; what was revoked runs in no new transaction or call.
 */
import { maxKeyBytes } from "../btree/node.js";
import {
  type AttachmentFact,
  hashOfModule,
  type Known,
  ModuleCatalog,
  ModuleCatalogWriter,
  type ModuleFact,
} from "../catalog/module-catalog.js";
import type { Engine } from "../engine/engine.js";
import { checkMapOptions } from "../engine/options.js";
import type { Range } from "../engine/range.js";
import type { Receipt } from "../engine/receipt.js";
import type { WriteTransaction } from "../engine/write-transaction.js";
import { LlmdbError } from "../pager/error.js";
import type { At } from "../temporal/at.js";
import type { Version } from "../temporal/reads.js";
import { CommittedSources } from "../temporal/state-sources.js";
import { requirePartition } from "../temporal/stored-key.js";
import { type AttachmentOf, type AttachOptions, checkAttachmentOf, checkAttachOptions } from "./attach-options.js";
import { Attachments } from "./attachments.js";
import { type CallOptions, checkCallOptions, invalid, requireRuns } from "./call-options.js";
import { explainModule, type ModuleExplanation } from "./explanation.js";
import { clearIndex, rebuildIndex } from "./index-upkeep.js";
import { MapPages } from "./map-pages.js";
import { type CachedModule, readyModule } from "./module-cache.js";
import { ModuleIndex } from "./module-index.js";
import { CAPABILITIES, type Call, type Capability, requireGranted } from "./module-surface.js";
import type { PageSource } from "./page-batch.js";
import { PageCall, PageStream, type Reduction } from "./page-call.js";
import { refusal } from "./refusal.js";
import { TemporalPages } from "./temporal-pages.js";
import { bytesOfText } from "./text-format.js";

/** How a module is put. */
export interface PutOptions {
  /** By which it can be called besides its hash. Default: the hash. */
  name?: string;
  /** What it is granted. Default: nothing. */
  capabilities?: readonly Capability[];
}

/** A module that is stored; `tx` and `time` are of the transaction that last said something of it. */
export type StoredModule = Known<ModuleFact>;

/** Something that is attached. */
export type Attachment = Known<AttachmentFact>;

/** Which pages: of a map, or of the facts of a partition at a point. */
export type PagesOf =
  | { readonly map: string; readonly range?: Range }
  | { readonly partition?: number; readonly range?: Range; readonly at?: At };

const HASH = /^[0-9a-f]{64}$/;
const MOST_NAME_BYTES = 256;

export class Modules {
  readonly #engine: Engine;
  readonly #catalog: ModuleCatalog;
  readonly #attachments: Attachments;
  readonly #sources: CommittedSources;
  readonly #maxNameBytes: number;

  /** @internal Use `db.modules`. */
  constructor(engine: Engine) {
    this.#engine = engine;
    this.#catalog = new ModuleCatalog(engine);
    this.#attachments = new Attachments(engine, this.#catalog);
    this.#sources = new CommittedSources(engine.state);
    this.#maxNameBytes = maxKeyBytes(engine.state.store.pageSize) - 1;
    this.#attachments.begin();
  }

  /** Takes what hooks and indexes log. Default: nothing does. */
  set onLog(log: (text: string) => void) {
    this.#attachments.log = log;
  }

  /** Fuel that hooks and indexes used in the newest transaction in which any ran. */
  get hookFuelUsed(): number {
    return this.#attachments.fuelUsed;
  }

  /**
   * Checks a module and stores it; the same bytes are stored once. Putting it again changes its name and what it is
   * granted, and takes a revocation back.
   *
   * @param source the module, or its text where the package `wabt` is installed
   * @throws LlmdbError (rejects) `LLMDB_WASM_REFUSED`, `LLMDB_INVALID_ARGUMENT`, `LLMDB_UNSUPPORTED` for text without
   * `wabt`, and as a write
   *
   * @example
   * ```ts
   * const { hash } = await db.modules.put(readFileSync("count-keys.wasm"), { name: "count-keys" });
   * ```
   */
  async put(source: Uint8Array | string, options: PutOptions = {}): Promise<StoredModule> {
    this.#engine.requireWritable();
    const { name, capabilities } = checkPutOptions(options);
    const bytes = await bytesOf(source);
    const hash = hashOfModule(bytes);
    const explanation = explainModule(hash, bytes);
    if (!explanation.accepted) throw refusedAs(explanation);
    const missing = explanation.capabilities.filter((capability) => !capabilities.includes(capability));
    if (missing.length > 0) {
      throw refusal(`it needs what it was not granted: put it with capabilities: ${JSON.stringify(missing)}`);
    }
    const { calls } = explanation;
    const fact = { hash, name: name ?? hash, capabilities, bytes: bytes.length, calls, revoked: false };
    const receipt = await this.#write((writer) => writer.put(fact, bytes));
    return { ...fact, ...receipt };
  }

  /**
   * The modules that are stored, those that were revoked among them.
   *
   * @param options `at`: as of a point; default now
   * @throws LlmdbError `LLMDB_CLOSED`, `LLMDB_INVALID_ARGUMENT`, `LLMDB_FUTURE_TX`, `LLMDB_CORRUPT`
   */
  list(options: { at?: At } = {}): StoredModule[] {
    return this.#catalog.modules(options.at);
  }

  /** All that was ever said of a module, as versions of a fact. Throws as `list`, and `LLMDB_NOT_FOUND`. */
  history(module: string): Version<ModuleFact>[] {
    return this.#catalog.history(this.#find(module).hash);
  }

  /**
   * What there is to know of a module: what it imports, exports and uses, the limits, what each function costs, or why
   * it is refused. Nothing is stored.
   *
   * @param module a hash, a name, or the module itself
   * @throws LlmdbError `LLMDB_NOT_FOUND`, `LLMDB_CLOSED`, `LLMDB_CORRUPT`
   */
  explain(module: string | Uint8Array): ModuleExplanation {
    this.#engine.state.requireOpen();
    if (typeof module !== "string") return explainModule(hashOfModule(module), module);
    const { hash } = this.#find(module);
    return explainModule(hash, this.#catalog.bytes(hash));
  }

  /**
   * Attaches a module to a map, from the next transaction on. An index is built from what is in the map.
   *
   * @param module a hash or a name
   * @throws LlmdbError (rejects) `LLMDB_NOT_FOUND`, `LLMDB_INVALID_ARGUMENT`, `LLMDB_WASM_*`, and as a write
   *
   * @example
   * ```ts
   * await db.modules.attach("reverse-edges", "edges", { on: "tx_hook", writes: ["reverse", "degree"] });
   * ```
   */
  async attach(module: string, map: string, options: AttachOptions): Promise<Receipt> {
    this.#engine.requireWritable();
    requireRuns(this.#engine.modules);
    const usable = this.#usable(module);
    const fact = checkAttachOptions(usable.hash, map, options, this.#maxNameBytes);
    this.#requireCall(this.#ready(usable, "canonical"), fact.on);
    if (fact.on === "custom_index") this.#requireFreeName(fact);
    return this.#write((writer, transaction) => {
      writer.attach(fact);
      if (fact.on === "custom_index") rebuildIndex(this.#attachments.callOf(fact, transaction));
    });
  }

  /**
   * Takes an attachment away, from the next transaction on; an index goes with its entries.
   *
   * @throws LlmdbError (rejects) `LLMDB_NOT_FOUND`, `LLMDB_INVALID_ARGUMENT`, and as a write
   */
  async detach(module: string, map: string, options: AttachmentOf): Promise<Receipt> {
    this.#engine.requireWritable();
    const { hash } = this.#find(module);
    const { on, name } = checkAttachmentOf(map, options, this.#maxNameBytes);
    const fact = this.attachments().find(
      (one) => one.module === hash && one.map === map && one.on === on && (name === "" || one.name === name),
    );
    if (fact === undefined) throw notFound(`module ${hash} is not attached so to map "${map}"`);
    return this.#write((writer, transaction) => this.#detach(fact, writer, transaction));
  }

  /**
   * From the next transaction on no one can use a module: its attachments are taken away, and calls are refused. Its
   * bytes and its history stay.
   *
   * @throws LlmdbError (rejects) `LLMDB_NOT_FOUND`, and as a write
   */
  async revoke(module: string): Promise<Receipt> {
    this.#engine.requireWritable();
    const { hash, name, capabilities, bytes, calls } = this.#find(module);
    const attached = this.attachments().filter((one) => one.module === hash);
    return this.#write((writer, transaction) => {
      for (const fact of attached) this.#detach(fact, writer, transaction);
      writer.revoke({ hash, name, capabilities, bytes, calls, revoked: false });
    });
  }

  /** What is attached, in the order in which it was. Throws as `list`. */
  attachments(options: { at?: At } = {}): Attachment[] {
    return this.#catalog.attachments(options.at);
  }

  /**
   * Runs `map_pages` of a module over leaf pages and streams what it gives out.
   *
   * @param module a hash or a name
   * @param pages of a map, or of the facts of a partition at a point
   * @throws LlmdbError `LLMDB_NOT_FOUND`, `LLMDB_INVALID_ARGUMENT`, `LLMDB_WASM_REFUSED`, `LLMDB_CLOSED`; the stream
   * throws `LLMDB_WASM_*`, `LLMDB_CORRUPT`, `LLMDB_IO`, and the reason of `signal`
   *
   * @example
   * ```ts
   * const stream = db.modules.mapPages("count-keys", { map: "users" }, { fuel: 1_000_000 });
   * for await (const bytes of stream) console.log(bytes.length);
   * console.log(stream.usage.fuelUsed);
   * ```
   */
  mapPages(module: string, pages: PagesOf, options?: CallOptions): PageStream {
    return new PageStream(this.#pageCall(module, "map_pages", pages, options));
  }

  /** Runs `reduce_pages` of a module over leaf pages, and resolves to its accumulator. Rejects as `mapPages`. */
  async reducePages(module: string, pages: PagesOf, options?: CallOptions): Promise<Reduction> {
    return this.#pageCall(module, "reduce_pages", pages, options).reduce();
  }

  /**
   * The index of a name, to read ranges of it.
   *
   * @throws LlmdbError `LLMDB_NOT_FOUND`, `LLMDB_CLOSED`, `LLMDB_CORRUPT`
   */
  index(name: string): ModuleIndex {
    const find = () => {
      const found = this.attachments().find((one) => one.on === "custom_index" && one.name === name);
      if (found === undefined) throw notFound(`there is no index "${name}"`);
      return found;
    };
    find();
    return new ModuleIndex(this.#engine, name, async () => {
      this.#engine.requireWritable();
      const fact = find();
      return this.#write((_, transaction) => {
        rebuildIndex(this.#attachments.callOf(fact, transaction));
      });
    });
  }

  #pageCall(module: string, call: Call, pages: PagesOf, given: CallOptions | undefined): PageCall {
    this.#engine.state.requireOpen();
    const options = checkCallOptions(given, requireRuns(this.#engine.modules));
    const ready = this.#ready(this.#usable(module), options.floats);
    this.#requireCall(ready, call);
    if (options.workers > 0 && ready.info.imports.some(({ name }) => name.startsWith("get"))) {
      throw invalid("a module that reads with llmdb.get runs in this thread; leave out workers");
    }
    return new PageCall(ready, this.#pages(pages), call, options);
  }

  #pages(pages: PagesOf): PageSource {
    if (pages === null || typeof pages !== "object") throw invalid("say which pages: { map } or { partition }");
    if ("map" in pages) {
      checkMapOptions(pages.map, undefined, this.#maxNameBytes);
      return new MapPages(this.#engine.state, pages.map, pages.range);
    }
    return new TemporalPages(this.#sources, requirePartition(pages.partition ?? 0), pages.range, pages.at);
  }

  #requireCall({ calls }: CachedModule, call: Call): void {
    if (!calls.includes(call)) throw refusal(`it exports no "${call}"; it exports ${calls.join(", ")}`);
  }

  #requireFreeName({ name, map, module }: AttachmentFact): void {
    const other = this.attachments().find((one) => one.on === "custom_index" && one.name === name);
    if (other === undefined || (other.map === map && other.module === module)) return;
    throw invalid(`there is an index "${name}" already, of map "${other.map}"; detach it first, or take another name`);
  }

  #detach(fact: AttachmentFact, writer: ModuleCatalogWriter, transaction: WriteTransaction): void {
    writer.detach(fact);
    if (fact.on === "custom_index") clearIndex({ attachment: fact, writer: transaction });
  }

  async #write(body: (writer: ModuleCatalogWriter, transaction: WriteTransaction) => void): Promise<Receipt> {
    const run = this.#engine.run((transaction) => {
      body(new ModuleCatalogWriter(transaction), transaction);
    }, this.#engine.durability);
    // It is committed by now, and what comes next is to know of it, whether or not it is durable yet.
    const [{ receipt }] = await Promise.all([run, this.#load()]);
    return receipt;
  }

  /** Up to its end without a pause: rejects where what is stored is damaged. */
  async #load(): Promise<void> {
    if (!this.#catalog.isEmpty) this.#attachments.load();
  }

  #usable(module: string): ModuleFact {
    const found = this.#find(module);
    if (!found.revoked) return found;
    throw refusal(`it was revoked; put it again to use it`);
  }

  /** The module of a hash, or the one that was last put under a name. */
  #find(module: string): ModuleFact {
    if (typeof module !== "string") throw invalid("a module is called by its hash or its name");
    if (HASH.test(module)) {
      const found = this.#catalog.module(module);
      if (found !== undefined) return found;
    }
    const named = this.list().filter(({ name }) => name === module);
    const inUse = named.filter(({ revoked }) => !revoked);
    const newest = (inUse.length > 0 ? inUse : named).sort((a, b) => b.tx - a.tx)[0];
    if (newest !== undefined) return newest;
    throw notFound(`there is no module "${module}"; put it first, or see db.modules.list()`);
  }

  #ready({ hash, capabilities }: ModuleFact, floats: "canonical" | "fast"): CachedModule {
    const ready = readyModule(hash, floats, () => this.#catalog.bytes(hash));
    requireGranted(ready.info.imports, capabilities);
    return ready;
  }
}

function checkPutOptions(options: PutOptions): { name: string | undefined; capabilities: Capability[] } {
  if (options === null || typeof options !== "object") throw invalid("the options of put are an object");
  for (const option in options) {
    if (option !== "name" && option !== "capabilities") throw invalid(`put has no option "${option}"`);
  }
  const { name, capabilities = [] } = options;
  if (name !== undefined) checkMapOptions(name, undefined, MOST_NAME_BYTES);
  if (!Array.isArray(capabilities) || capabilities.some((one) => !CAPABILITIES.includes(one))) {
    throw invalid(`capabilities is an array of ${CAPABILITIES.join(", ")}`);
  }
  return { name, capabilities: CAPABILITIES.filter((one) => capabilities.includes(one)) };
}

async function bytesOf(source: Uint8Array | string): Promise<Uint8Array> {
  if (typeof source === "string") return bytesOfText(source);
  if (source instanceof Uint8Array) return new Uint8Array(source);
  throw invalid("a module is a Uint8Array, or its text");
}

function refusedAs({ reason, offset, function: index }: Extract<ModuleExplanation, { accepted: false }>): LlmdbError {
  return new LlmdbError("LLMDB_WASM_REFUSED", reason, {
    ...(offset !== undefined && { offset }),
    ...(index !== undefined && { function: index }),
  });
}

function notFound(message: string): LlmdbError {
  return new LlmdbError("LLMDB_NOT_FOUND", message);
}
