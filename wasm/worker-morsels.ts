/**
 * Goes through the pages of a source in other threads, morsel by morsel. Guarantees: the results come in the order of
 * the pages; a page lies still until the thread that reads it has answered or is gone; at the deadline, or when it is
 * called off, threads are stopped in the middle of whatever they do.
 */

import type { Worker } from "node:worker_threads";
import { LlmdbError } from "../pager/error.js";
import { steadyMs, timers } from "../pager/timers.js";
import type { StopSignal } from "./call-options.js";
import { type Deadline, tooLate } from "./deadline.js";
import type { ModuleHost } from "./host-imports.js";
import type { MorselResult } from "./local-morsels.js";
import { MORSEL_PAGES, type MorselTask } from "./morsel.js";
import type { PageSource } from "./page-batch.js";
import { giveThread, stopThread, takeThread } from "./page-threads.js";
import { outOfFuel } from "./sandbox.js";
import { type SharedPages, sharePages } from "./shared-pages.js";
import type { MorselDone, MorselFailed, MorselReply } from "./worker-message.js";

/** A morsel on its way. */
interface Running {
  readonly pages: SharedPages;
  readonly reply: Promise<MorselDone | MorselFailed>;
}

/** Morsels that wait at each thread, so that it need not wait for the next one. */
const AHEAD = 2;
let arenas = 0;

export class WorkerMorsels {
  readonly #source: PageSource;
  readonly #task: MorselTask;
  readonly #host: ModuleHost;
  readonly #deadline: Deadline;
  readonly #signal: StopSignal | undefined;
  readonly #arena = arenas++;
  readonly #threads: Worker[];
  /** Of each thread, the chunks that it has seen. */
  readonly #seen: Set<number>[];
  readonly #waiting = new Map<number, (reply: MorselDone | MorselFailed) => void>();
  readonly #queue: Running[] = [];
  #stop: Stop | null = null;
  #jobs = 0;
  #isAtEnd = false;

  constructor(
    source: PageSource,
    task: MorselTask,
    host: ModuleHost,
    deadline: Deadline,
    signal: StopSignal | undefined,
    workers: number,
  ) {
    this.#source = source;
    this.#task = task;
    this.#host = host;
    this.#deadline = deadline;
    this.#signal = signal;
    this.#threads = Array.from({ length: workers }, takeThread);
    this.#seen = this.#threads.map(() => new Set());
    for (const thread of this.#threads) thread.on("message", (reply: MorselReply) => this.#answered(reply));
  }

  /** The results in the order of the pages. */
  async *run(): AsyncGenerator<MorselResult, void> {
    const stop = new Stop(this.#deadline, this.#signal, this.#threads);
    this.#stop = stop;
    let fuelUsed = 0;
    try {
      for (;;) {
        this.#fill();
        const [running] = this.#queue;
        if (running === undefined) return;
        let reply = await stop.wait(running.reply);
        // Whether its fuel or something else comes to an end first depends on how much is left.
        if ("code" in reply && fuelUsed > 0) {
          reply = await stop.wait(this.#send(running.pages, this.#task.grant.fuel - fuelUsed));
        }
        this.#queue.shift()?.pages.release();
        if (!("code" in reply)) fuelUsed += reply.fuelUsed;
        else if (reply.code !== "LLMDB_WASM_FUEL") throw failureOf(reply);
        if ("code" in reply || fuelUsed > this.#task.grant.fuel) throw outOfFuel(this.#task.grant.fuel);
        const { count, entries } = running.pages;
        yield { output: reply.output, fuelUsed: reply.fuelUsed, pages: count, entries };
      }
    } finally {
      stop.end();
      await this.#end();
    }
  }

  async #end(): Promise<void> {
    const isIdle = this.#queue.length === 0;
    // A page may be let go only once no one reads it any more.
    if (isIdle) for (const thread of this.#threads) giveThread(thread);
    else await Promise.all(this.#threads.map(stopThread));
    for (const { pages } of this.#queue.splice(0)) pages.release();
  }

  #fill(): void {
    while (!this.#isAtEnd && this.#queue.length < this.#threads.length * AHEAD) {
      const pages = sharePages(this.#source, MORSEL_PAGES, this.#threads.length * AHEAD);
      this.#isAtEnd = pages.count < MORSEL_PAGES;
      if (pages.count === 0 && this.#jobs > 0) {
        pages.release();
        return;
      }
      this.#queue.push({ pages, reply: this.#send(pages, this.#task.grant.fuel) });
    }
  }

  #send(pages: SharedPages, fuel: number): Promise<MorselDone | MorselFailed> {
    const id = this.#jobs++;
    const thread = id % this.#threads.length;
    const { module, imports, head, grant, pagesPerCall } = this.#task;
    const chunks = pages.chunks.filter(({ index }) => !this.#seen[thread].has(index));
    for (const { index } of chunks) this.#seen[thread].add(index);
    const { injected, compiled, initialPages, initialPageUnits, tablePages } = module;
    this.#threads[thread].postMessage({
      id,
      module: { injected, compiled, initialPages, initialPageUnits, tablePages },
      imports,
      head,
      fuel,
      memoryBytes: grant.memoryBytes,
      pagesPerCall,
      arena: this.#arena,
      chunks,
      places: pages.places,
    });
    return new Promise((resolve) => this.#waiting.set(id, resolve));
  }

  #answered(reply: MorselReply): void {
    if ("log" in reply) {
      this.#host.log(reply.log);
      try {
        this.#host.handOn?.();
      } catch (error) {
        this.#stop?.reject(error);
      }
      return;
    }
    this.#waiting.get(reply.id)?.(reply);
    this.#waiting.delete(reply.id);
  }
}

/** Rejects when the time is used up, when it is called off, and where a thread fails. */
class Stop {
  readonly #promise: Promise<never>;
  readonly #deadline: Deadline;
  readonly #signal: StopSignal | undefined;
  readonly #threads: readonly Worker[];
  #reject: (reason: unknown) => void = () => {};
  readonly #abort = () => this.#reject(this.#signal?.reason);
  readonly #fail = (error: unknown) => this.#reject(error);

  constructor(deadline: Deadline, signal: StopSignal | undefined, threads: readonly Worker[]) {
    this.#promise = new Promise((_, reject) => {
      this.#reject = reject;
    });
    // It may come while nothing is awaited.
    this.#promise.catch(() => {});
    this.#deadline = deadline;
    this.#signal = signal;
    this.#threads = threads;
    signal?.addEventListener("abort", this.#abort);
    for (const thread of threads) thread.on("error", this.#fail);
  }

  /** Waits for threads. Their time counts while they are waited for, and not while a caller has what came before. */
  async wait<T>(reply: Promise<T>): Promise<T> {
    const startMs = steadyMs();
    const { leftMs, timeoutMs } = this.#deadline;
    const timer = timers.setTimeout(() => this.#reject(tooLate(timeoutMs)), Math.max(0, Math.ceil(leftMs)));
    try {
      return await Promise.race([reply, this.#promise]);
    } finally {
      timers.clearTimeout(timer);
      this.#deadline.spend(steadyMs() - startMs);
    }
  }

  reject(error: unknown): void {
    this.#reject(error);
  }

  end(): void {
    this.#signal?.removeEventListener("abort", this.#abort);
    for (const thread of this.#threads) thread.off("error", this.#fail);
  }
}

function failureOf({ code, message, details }: MorselFailed): Error {
  return code === undefined ? new Error(message) : new LlmdbError(code, message, details);
}
