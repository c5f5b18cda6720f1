/**
 * A morsel: a stretch of pages that one instance of a module goes through, after Leis et al., "Morsel-Driven
 * Parallelism" (SIGMOD 2014). Guarantees: where a morsel ends depends on the pages alone, and each begins with a fresh
 * instance, so that what comes out is the same with any number of threads, whatever a module remembers between calls.
 */
import { ByteSink } from "./byte-sink.js";
import type { FrameHead } from "./frame.js";
import { hostImports, type ModuleHost } from "./host-imports.js";
import type { ImportInfo } from "./module-info.js";
import type { PageBatch } from "./page-batch.js";
import { type Grant, type ReadyModule, Sandbox } from "./sandbox.js";

/** Pages of a morsel. */
export const MORSEL_PAGES = 2048;

/** What a module is called with, in this thread or another. */
export interface MorselTask {
  readonly module: ReadyModule;
  readonly imports: readonly ImportInfo[];
  readonly head: FrameHead;
  readonly grant: Grant;
  /** How many pages a call is handed. */
  readonly pagesPerCall: number;
}

export class Morsel {
  readonly #task: MorselTask;
  readonly #sandbox: Sandbox;
  readonly #sink = new ByteSink();
  readonly #isReduce: boolean;
  #begun = false;
  #called = false;
  /** Pages in the window that no call has had. */
  #waiting = 0;
  /** Bytes of the accumulator in the out window. */
  #kept = 0;

  /** @throws LlmdbError `LLMDB_WASM_*` */
  constructor(task: MorselTask, host: ModuleHost) {
    this.#task = task;
    this.#isReduce = task.head.call === "reduce_pages";
    const imports = hostImports(task.imports, host, () => this.#sandbox);
    this.#sandbox = new Sandbox(task.module, task.grant, task.head, imports);
  }

  get fuelUsed(): number {
    return this.#sandbox.fuelUsed;
  }

  /**
   * Runs the module on pages of a batch, as soon as there are enough for a call: how many a call has does not
   * depend on the batches. It may be stopped at any time; then nothing of it is used.
   */
  run(batch: PageBatch, from: number, to: number): void {
    this.#begin();
    const { pagesPerCall, head } = this.#task;
    const { pageSize } = head;
    const sandbox = this.#sandbox;
    for (let i = from; i < to; i++) {
      batch.copy(i, pageSize, sandbox.u8, sandbox.dataAt + this.#waiting * pageSize);
      if (++this.#waiting === pagesPerCall) this.#call();
    }
  }

  /** Whether `end` has something to run. */
  get isWaiting(): boolean {
    return this.#waiting > 0 || !this.#called;
  }

  /** Runs the module on the pages that are left. A reduction without pages is called once. */
  end(): void {
    this.#begin();
    if (this.#waiting > 0 || (this.#isReduce && !this.#called)) this.#call();
  }

  /** What came out: the accumulator, or all that was given out. */
  finish(): Uint8Array<ArrayBuffer> {
    if (!this.#isReduce) return this.#sink.take();
    const { u8, outAt } = this.#sandbox;
    return new Uint8Array(u8.slice(outAt, outAt + this.#kept));
  }

  #begin(): void {
    if (this.#begun) return;
    this.#begun = true;
    this.#sandbox.begin(this.#task.pagesPerCall * this.#task.head.pageSize);
  }

  #call(): void {
    const sandbox = this.#sandbox;
    const pages = this.#waiting;
    this.#waiting = 0;
    this.#called = true;
    const written = sandbox.call(pages, pages * this.#task.head.pageSize, this.#kept);
    if (this.#isReduce) this.#kept = written;
    else this.#sink.write(sandbox.u8, sandbox.outAt, written);
  }
}
