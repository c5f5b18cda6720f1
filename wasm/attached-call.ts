/**
 * A call of a module that is attached to a map, inside of a transaction. Guarantees: it reads the maps that it was
 * granted, as the transaction sees them, with what it has added itself; what goes wrong names the attachment.
 */
import { paddedCopy } from "../btree/key-bytes.js";
import type { AttachmentFact, ModuleCatalog } from "../catalog/module-catalog.js";
import type { ByteSource } from "../engine/byte-source.js";
import { copyValue, Entry, findEntry } from "../engine/entry.js";
import type { CheckedBounds } from "../engine/module-bounds.js";
import { stillReader, stillSource } from "../engine/still-reader.js";
import { StoredWriter } from "../engine/stored-writer.js";
import type { WriteTransaction } from "../engine/write-transaction.js";
import { LlmdbError } from "../pager/error.js";
import { requireRuns } from "./call-options.js";
import { type DerivedWrites, mapNumbered } from "./derived-writes.js";
import type { ModuleHost } from "./host-imports.js";
import { readyModule } from "./module-cache.js";
import { capabilityBits, requireGranted } from "./module-surface.js";
import { callOnce, type Records, type TakeOutput } from "./single-call.js";

/** The most time of an attachment, where the process does not say: the file does not decide that alone. */
const MOST_MS = 1000;
const entry = new Entry();

/** What a call is of, and who listens. */
export interface AttachedCall {
  readonly attachment: AttachmentFact;
  /** What its module was granted. */
  readonly capabilities: readonly string[];
  /** What modules may use in this process; null: none runs. */
  readonly bounds: CheckedBounds | null;
  readonly catalog: ModuleCatalog;
  readonly writer: WriteTransaction;
  readonly log: (text: string) => void;
  /** What it has added to the transaction so far. */
  readonly derived?: DerivedWrites;
}

/**
 * @param begin is called before the first batch; a second time where it begins again
 * @returns fuel that was used
 * @throws LlmdbError `LLMDB_WASM_*`, `LLMDB_CORRUPT`, `LLMDB_IO`
 */
export function callAttached(call: AttachedCall, records: Records, begin: () => void, take: TakeOutput): number {
  const { attachment, bounds } = call;
  try {
    return callWithin(requireRuns(bounds), call, records, begin, take);
  } catch (error) {
    throw namingAttachment(error, attachment);
  }
}

function callWithin(
  bounds: CheckedBounds,
  call: AttachedCall,
  records: Records,
  begin: () => void,
  take: TakeOutput,
): number {
  const { attachment, catalog, writer } = call;
  const { module: hash, arg, memoryBytes } = attachment;
  const fuel = Math.min(attachment.fuel, bounds.maxFuel ?? attachment.fuel);
  const timeoutMs = Math.min(attachment.timeoutMs, bounds.maxTimeoutMs ?? MOST_MS);
  const module = readyModule(hash, "canonical", () => catalog.bytes(hash));
  requireGranted(module.info.imports, call.capabilities);
  const head = {
    call: attachment.on,
    pageSize: 0,
    arg,
    tx: writer.writeSet.tx,
    micros: writer.micros,
    capabilities: capabilityBits(module.info.imports),
    flags: 0,
  };
  // Logged at the end, since it may begin again.
  let logged: string[] = [];
  const maps = new GrantedMaps(call);
  const host = hostOf(call, maps, (text) => logged.push(text));
  const beginAnew = (isWatched: boolean) => {
    logged = [];
    // It may be cut off, and must leave nothing behind then.
    if (isWatched) maps.readStill();
    begin();
  };
  try {
    return callOnce({ module, head, grant: { fuel, memoryBytes }, timeoutMs, host }, records, beginAnew, take);
  } finally {
    for (const text of logged) call.log(text);
  }
}

/** The maps that a module may read, as the transaction sees them. */
class GrantedMaps {
  readonly #call: AttachedCall;
  readonly #stored: StoredWriter;
  /** By their names, where nothing may be touched. */
  #still: Map<string, ByteSource> | null = null;

  constructor(call: AttachedCall) {
    this.#call = call;
    this.#stored = new StoredWriter(call.writer);
  }

  /** From now on reading leaves no trace, and no one writes. */
  readStill(): void {
    const { attachment, writer } = this.#call;
    const { store } = writer.state;
    const reader = stillReader(store, writer.writeSet.reader);
    this.#still = new Map();
    for (const name of [attachment.map, ...attachment.writes, ...attachment.reads]) {
      const { tree } = writer.map(name);
      this.#still.set(name, stillSource({ tree, reader, extents: store.extents }, reader));
    }
  }

  read(name: string, key: Uint8Array): Uint8Array | undefined {
    const padded = paddedCopy(key, key.length);
    const still = this.#still?.get(name);
    if (still === undefined) return this.#stored.read(name, padded, key.length);
    if (!findEntry(still.tree, still.reader, padded, key.length, entry)) return undefined;
    return copyValue(still.reader, entry, still.extents);
  }
}

function hostOf({ attachment, writer, derived }: AttachedCall, maps: GrantedMaps, log: ModuleHost["log"]): ModuleHost {
  return {
    micros: writer.micros,
    log,
    get: (number, key) => {
      const name = mapNumbered(attachment, number);
      if (name === undefined) {
        throw new LlmdbError("LLMDB_WASM_TRAP", `the module failed: it reads map ${number}, which it was not granted`);
      }
      const added = derived?.valueOf(name, key);
      return added === undefined ? maps.read(name, key) : (added ?? undefined);
    },
  };
}

/** The error of a module, with what it is attached to. */
export function namingAttachment(error: unknown, { on, map, name, module }: AttachmentFact): unknown {
  if (!(error instanceof LlmdbError) || !error.code.startsWith("LLMDB_WASM_")) return error;
  const what = on === "tx_hook" ? `the hook ${module.slice(0, 12)} of map "${map}"` : `index "${name}" of map "${map}"`;
  const details = { ...error.details, on, map, module };
  return new LlmdbError(error.code, `${what}: ${error.message}; nothing was written`, details, { cause: error });
}
