/**
 * One call of a module over the pages of a source: `mapPages` gives out what it gives out, `reducePages` joins the
 * accumulators. Guarantees: what comes out depends on the pages, the module and its argument alone, and not on how many
 * pages a call is handed or on how many threads it runs; the source is closed whatever happens.
 */

import { LlmdbError } from "../pager/error.js";
import type { CheckedCall } from "./call-options.js";
import { Deadline } from "./deadline.js";
import { FAST_FLOATS, type FrameHead, TEMPORAL_PAGES } from "./frame.js";
import { hostImports, type ModuleHost } from "./host-imports.js";
import { LocalMorsels, type MorselResult } from "./local-morsels.js";
import type { CachedModule } from "./module-cache.js";
import { type Call, capabilityBits } from "./module-surface.js";
import type { MorselTask } from "./morsel.js";
import type { PageSource } from "./page-batch.js";
import { refusal } from "./refusal.js";
import { isFuelError, outOfFuel, Sandbox } from "./sandbox.js";
import { WorkerMorsels } from "./worker-morsels.js";

/** What a call took. */
export interface Usage {
  /** Units of fuel. */
  readonly fuelUsed: number;
  readonly pages: number;
  readonly records: number;
}

/** What `reducePages` answers. */
export interface Reduction extends Usage {
  /** The accumulator, as the module left it. */
  readonly value: Uint8Array;
}

/**
 * What `mapPages` gives out, as a stream of bytes: where one piece ends and the next begins has no meaning. Leaving the
 * loop early ends the call.
 */
export class PageStream implements AsyncIterable<Uint8Array> {
  #usage: Usage = { fuelUsed: 0, pages: 0, records: 0 };
  readonly #call: PageCall;

  /** @internal Use `db.modules.mapPages`. */
  constructor(call: PageCall) {
    this.#call = call;
  }

  /** What it took so far; after the end, what it took. */
  get usage(): Usage {
    return this.#usage;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void> {
    for await (const { output, fuelUsed, pages, entries } of this.#call.results()) {
      const { usage } = this;
      this.#usage = {
        fuelUsed: usage.fuelUsed + fuelUsed,
        pages: usage.pages + pages,
        records: usage.records + entries,
      };
      if (output.length > 0) yield output;
    }
  }

  /** All of it in one piece. */
  async bytes(): Promise<Uint8Array> {
    const pieces: Uint8Array[] = [];
    for await (const piece of this) pieces.push(piece);
    return new Uint8Array(Buffer.concat(pieces));
  }
}

export class PageCall {
  readonly #module: CachedModule;
  readonly #source: PageSource;
  readonly #options: CheckedCall;
  readonly #deadline: Deadline;
  readonly #task: MorselTask;
  readonly #host: ModuleHost;
  #isBegun = false;

  /** @throws LlmdbError `LLMDB_WASM_REFUSED` where the module does not export the call */
  constructor(module: CachedModule, source: PageSource, call: Call, options: CheckedCall) {
    this.#module = module;
    this.#source = source;
    this.#options = options;
    this.#deadline = new Deadline(options.timeoutMs);
    if (!module.calls.includes(call)) throw refusal(`it exports no "${call}"; it exports ${module.calls.join(", ")}`);
    this.#task = {
      module,
      imports: module.info.imports,
      head: this.#head(call, source.pageSize),
      grant: { fuel: options.fuel, memoryBytes: options.memoryBytes },
      pagesPerCall: options.pagesPerCall,
    };
    const logged: string[] = [];
    this.#host = {
      micros: source.micros,
      log: (text) => logged.push(text),
      handOn: () => {
        for (const text of logged.splice(0)) options.log(text);
      },
      get: (_map, key) => source.get(key),
    };
  }

  #head(call: Call, pageSize: number): FrameHead {
    const { arg, floats } = this.#options;
    const { tx, micros, isTemporal } = this.#source;
    const flags = (floats === "fast" ? FAST_FLOATS : 0) | (isTemporal ? TEMPORAL_PAGES : 0);
    return { call, pageSize, arg, tx, micros, capabilities: capabilityBits(this.#module.info.imports), flags };
  }

  /** What comes out of each morsel, in the order of the pages. Once: then the pages are let go. */
  async *results(): AsyncGenerator<MorselResult, void> {
    const { signal, workers } = this.#options;
    if (this.#isBegun) throw new LlmdbError("LLMDB_CLOSED", "a stream is gone through once; call mapPages again");
    this.#isBegun = true;
    try {
      signal?.throwIfAborted();
      const isWhole = this.#task.head.call === "reduce_pages" && !this.#module.calls.includes("reduce_merge");
      const parts = [this.#source, this.#task, this.#host, this.#deadline, signal] as const;
      // What cannot be joined is gone through by one instance.
      if (workers > 0 && !isWhole) yield* new WorkerMorsels(...parts, workers).run();
      else yield* new LocalMorsels(...parts, isWhole).run();
    } finally {
      this.#source.close();
    }
  }

  /** Joins the accumulators from left to right. */
  async reduce(): Promise<Reduction> {
    let value: Uint8Array | null = null;
    let merging: Merging | null = null;
    let fuelUsed = 0;
    let pages = 0;
    let records = 0;
    for await (const result of this.results()) {
      fuelUsed += result.fuelUsed;
      pages += result.pages;
      records += result.entries;
      if (value === null) {
        value = result.output;
        continue;
      }
      merging ??= this.#merging(fuelUsed);
      value = this.#join(merging, value, result.output);
      if (fuelUsed + merging.fuelUsed > this.#options.fuel) throw outOfFuel(this.#options.fuel);
    }
    return { value: value ?? new Uint8Array(0), fuelUsed: fuelUsed + (merging?.fuelUsed ?? 0), pages, records };
  }

  #join(merging: Merging, left: Uint8Array, right: Uint8Array): Uint8Array {
    return this.#limited(() => merging.join(left, right));
  }

  #merging(fuelUsed: number): Merging {
    const grant = { ...this.#task.grant, fuel: Math.max(0, this.#options.fuel - fuelUsed) };
    const task = { ...this.#task, head: this.#head("reduce_merge", 0), grant };
    return this.#limited(() => new Merging(task, this.#host, this.#deadline));
  }

  /** What runs out of the fuel that is left has used up all that there was. */
  #limited<T>(body: () => T): T {
    try {
      return body();
    } catch (error) {
      throw isFuelError(error) ? outOfFuel(this.#options.fuel) : error;
    }
  }
}

/** An instance that joins accumulators. */
class Merging {
  readonly #sandbox: Sandbox;
  readonly #deadline: Deadline;
  readonly #host: ModuleHost;
  #begun = false;

  constructor(task: MorselTask, host: ModuleHost, deadline: Deadline) {
    const imports = hostImports(task.imports, host, () => this.#sandbox);
    this.#sandbox = new Sandbox(task.module, task.grant, task.head, imports);
    this.#deadline = deadline;
    this.#host = host;
  }

  get fuelUsed(): number {
    return this.#sandbox.fuelUsed;
  }

  join(left: Uint8Array, right: Uint8Array): Uint8Array {
    let joined = left;
    try {
      this.#deadline.run(() => {
        joined = this.#join(left, right);
      });
    } finally {
      this.#host.handOn?.();
    }
    return joined;
  }

  #join(left: Uint8Array, right: Uint8Array): Uint8Array {
    const sandbox = this.#sandbox;
    const rightAt = 8 + ((left.length + 7) & ~7);
    const dataBytes = rightAt + ((right.length + 7) & ~7);
    if (this.#begun) sandbox.reserve(dataBytes);
    else sandbox.begin(dataBytes);
    this.#begun = true;
    const { u8, u32, dataAt } = sandbox;
    u32[dataAt >>> 2] = left.length;
    u32[(dataAt >>> 2) + 1] = right.length;
    u8.fill(0, dataAt + 8, dataAt + dataBytes);
    u8.set(left, dataAt + 8);
    u8.set(right, dataAt + rightAt);
    const length = sandbox.call(2, dataBytes);
    return sandbox.u8.slice(sandbox.outAt, sandbox.outAt + length);
  }
}
