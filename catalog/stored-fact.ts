/**
 * What the catalog keeps of modules and attachments, checked when it is read: a file may come from elsewhere, and what
 * is in it decides what runs and for how long. Guarantees: a fact that comes out has every field, of its type and
 * within the limits that it had to keep when it was written; anything else is `LLMDB_CORRUPT`.
 */
import { checkMapOptions } from "../engine/options.js";
import { LlmdbError } from "../pager/error.js";

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

export const MAX_MEMORY_BYTES = 64 * 1024 * 1024;
export const MIN_MEMORY_BYTES = 64 * 1024;
export const MAX_FUEL = 2 ** 50;
export const MAX_ARG_BYTES = 64 * 1024;
/** A timer of Node takes no more. */
export const MAX_TIMEOUT_MS = 2 ** 31 - 1;
/** Maps that an attachment may write, and that it may read besides. */
export const MOST_MAPS = 64;

const HASH = /^[0-9a-f]{64}$/;

/**
 * @param hash under which it is stored
 * @throws LlmdbError `LLMDB_CORRUPT`
 */
export function checkModuleFact(value: unknown, hash: unknown): ModuleFact {
  const fact = new StoredFields(value, `module ${String(hash)}`);
  return {
    hash: fact.text("hash", (text) => HASH.test(text) && text === hash),
    name: fact.text("name", (text) => text.length > 0),
    capabilities: fact.texts("capabilities"),
    bytes: fact.whole("bytes", 1, Number.MAX_SAFE_INTEGER),
    calls: fact.texts("calls"),
    revoked: fact.boolean("revoked"),
  };
}

/**
 * @param maxNameBytes the most bytes of the name of a map
 * @throws LlmdbError `LLMDB_CORRUPT`
 */
export function checkAttachmentFact(value: unknown, maxNameBytes: number): AttachmentFact {
  const fact = new StoredFields(value, "an attachment");
  const isMap = (text: string) => isMapName(text, maxNameBytes);
  const on = fact.text("on", (text) => text === "tx_hook" || text === "custom_index");
  const isHook = on === "tx_hook";
  const writes = fact.texts("writes", isMap);
  if (!isHook && writes.length > 0) throw fact.malformed("writes");
  return {
    on: isHook ? "tx_hook" : "custom_index",
    module: fact.text("module", (text) => HASH.test(text)),
    map: fact.text("map", isMap),
    name: fact.text("name", (text) => (isHook ? text === "" : isMap(text))),
    writes,
    reads: fact.texts("reads", isMap),
    arg: fact.bytes("arg", MAX_ARG_BYTES),
    fuel: fact.whole("fuel", 1, MAX_FUEL),
    timeoutMs: fact.whole("timeoutMs", 1, MAX_TIMEOUT_MS),
    memoryBytes: fact.whole("memoryBytes", MIN_MEMORY_BYTES, MAX_MEMORY_BYTES),
  };
}

/** Whether a map may be called so: those of the database itself are out of reach for modules. */
function isMapName(text: string, maxNameBytes: number): boolean {
  try {
    checkMapOptions(text, undefined, maxNameBytes);
    return true;
  } catch (error) {
    if (error instanceof LlmdbError) return false;
    throw error;
  }
}

/** The fields of a stored object, each asked for by what it has to be. */
class StoredFields {
  readonly #value: object;
  readonly #of: string;

  constructor(value: unknown, of: string) {
    this.#of = of;
    if (value === null || typeof value !== "object" || Array.isArray(value)) throw this.malformed("it is no object");
    this.#value = value;
  }

  #get(name: string): unknown {
    return Object.hasOwn(this.#value, name) ? Reflect.get(this.#value, name) : undefined;
  }

  text(name: string, isRight: (text: string) => boolean): string {
    const value = this.#get(name);
    if (typeof value === "string" && isRight(value)) return value;
    throw this.malformed(name);
  }

  texts(name: string, isRight: (text: string) => boolean = () => true): string[] {
    const value = this.#get(name);
    if (!Array.isArray(value) || value.length > MOST_MAPS) throw this.malformed(name);
    return value.map((one: unknown) => {
      if (typeof one === "string" && isRight(one)) return one;
      throw this.malformed(name);
    });
  }

  bytes(name: string, most: number): Uint8Array {
    const value = this.#get(name);
    if (value instanceof Uint8Array && value.length <= most) return value;
    throw this.malformed(name);
  }

  whole(name: string, least: number, most: number): number {
    const value = this.#get(name);
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= least && value <= most) return value;
    throw this.malformed(name);
  }

  boolean(name: string): boolean {
    const value = this.#get(name);
    if (typeof value === "boolean") return value;
    throw this.malformed(name);
  }

  malformed(what: string): LlmdbError {
    return new LlmdbError("LLMDB_CORRUPT", `what is stored of ${this.#of} is malformed (${what}); restore a backup`, {
      what,
    });
  }
}
