/**
 * Goes through the pages of a source in this thread, morsel by morsel. Guarantees: the module runs in slices of a few
 * milliseconds, between which others get their turn; pages are loaded outside of slices, since a slice may be cut off.
 */

import { steadyMs, turn } from "../pager/timers.js";
import type { StopSignal } from "./call-options.js";
import type { Deadline } from "./deadline.js";
import type { ModuleHost } from "./host-imports.js";
import { MORSEL_PAGES, Morsel, type MorselTask } from "./morsel.js";
import type { PageSource } from "./page-batch.js";
import { isFuelError, outOfFuel } from "./sandbox.js";
import type { CompiledModule } from "./web-assembly.js";

/** What came out of a morsel. */
export interface MorselResult {
  readonly output: Uint8Array;
  readonly fuelUsed: number;
  readonly pages: number;
  readonly entries: number;
}

/** How long a slice should take: long compared with what starting one takes, short for those who wait. */
const SLICE_MS = 5;
const FIRST_PAGES = 32;
const MOST_PAGES = 16_384;
/** How many pages a module got through in a slice when it last ran: each slice costs, the first ones of a call too. */
const fitting = new WeakMap<CompiledModule, number>();

export class LocalMorsels {
  readonly #source: PageSource;
  readonly #task: MorselTask;
  readonly #host: ModuleHost;
  readonly #deadline: Deadline;
  readonly #signal: StopSignal | undefined;
  /** Pages of a morsel. */
  readonly #morselPages: number;
  /** Pages of the next slice. */
  #slicePages: number;
  #morsel: Morsel | null = null;
  #pages = 0;
  #entries = 0;
  #fuelUsed = 0;

  /** @param isWhole all pages are one morsel */
  constructor(
    source: PageSource,
    task: MorselTask,
    host: ModuleHost,
    deadline: Deadline,
    signal: StopSignal | undefined,
    isWhole: boolean,
  ) {
    this.#source = source;
    this.#task = task;
    this.#host = host;
    this.#deadline = deadline;
    this.#signal = signal;
    this.#slicePages = fitting.get(task.module.compiled) ?? FIRST_PAGES;
    this.#morselPages = isWhole ? Number.POSITIVE_INFINITY : MORSEL_PAGES;
  }

  /** The results in the order of the pages. */
  async *run(): AsyncGenerator<MorselResult, void> {
    const done: MorselResult[] = [];
    let isEmpty = true;
    while (this.#source.next(this.#slicePages) > 0) {
      isEmpty = false;
      this.#slice(done);
      yield* done.splice(0);
      await turn();
      this.#signal?.throwIfAborted();
    }
    if (!isEmpty && this.#morsel === null) return;
    // Where every page had its call, nothing of the module runs any more.
    if (this.#morsel?.isWaiting === false) this.#finish(done);
    else this.#run(() => this.#finish(done));
    yield* done;
  }

  /** Runs the module on a batch; how long that takes says how large the next one is. */
  #slice(done: MorselResult[]): void {
    const { count } = this.#source.batch;
    const startMs = steadyMs();
    this.#run(() => this.#go(done));
    const tookMs = Math.max(steadyMs() - startMs, SLICE_MS / MOST_PAGES);
    const most = Math.min(MOST_PAGES, Math.max(this.#slicePages, count * 16));
    this.#slicePages = Math.min(most, Math.max(1, Math.floor((count * SLICE_MS) / tookMs)));
    fitting.set(this.#task.module.compiled, this.#slicePages);
  }

  /** Runs a part of the way by the deadline. */
  #run(part: () => void): void {
    try {
      this.#deadline.run(part);
    } catch (error) {
      throw isFuelError(error) ? outOfFuel(this.#task.grant.fuel) : error;
    } finally {
      this.#host.handOn?.();
    }
  }

  #go(done: MorselResult[]): void {
    const { batch } = this.#source;
    for (let from = 0; from < batch.count; ) {
      const morsel = this.#open();
      const to = Math.min(batch.count, from + this.#morselPages - this.#pages);
      morsel.run(batch, from, to);
      this.#pages += to - from;
      this.#entries += batch.entriesOf(from, to);
      from = to;
      if (this.#pages === this.#morselPages) this.#finish(done);
    }
  }

  #open(): Morsel {
    const { grant } = this.#task;
    const left = { ...grant, fuel: grant.fuel - this.#fuelUsed };
    this.#morsel ??= new Morsel({ ...this.#task, grant: left }, this.#host);
    return this.#morsel;
  }

  #finish(done: MorselResult[]): void {
    const morsel = this.#open();
    morsel.end();
    const { fuelUsed } = morsel;
    done.push({ output: morsel.finish(), fuelUsed, pages: this.#pages, entries: this.#entries });
    this.#fuelUsed += fuelUsed;
    this.#morsel = null;
    this.#pages = 0;
    this.#entries = 0;
  }
}
