/**
 * A service that any number of processes use at once, although one at a time can have its database: runs it here, or
 * reaches the process that does. Guarantees:
 * - A call that resolves was answered by the service. When the process that has the database ends, however it ends,
 *   the calls that wait are sent again, with the same request id, to the one that takes over.
 * - A process takes over as soon as the connection drops, whether it has calls waiting or not.
 * - Calls do not wait for each other.
 * - What goes in and comes out is the same in both roles: copies, as a frame carries them.
 */
import { LlmdbError } from "../../pager/error.js";
import { fileStorage } from "../../pager/file-storage.js";
import { timers } from "../../pager/timers.js";
import { contend } from "./contest.js";
import { Holder } from "./holder.js";
import {
  ConnectionLost,
  type Emit,
  type Link,
  messageCopy,
  type RequestId,
  type Role,
  type Service,
} from "./service.js";

const DEFAULT_PATIENCE_MS = 10_000;
/** So that a request which ends each process that runs it does not end all of them. */
const MAX_SENDS = 5;
const CALLER_BYTES = 16;

export interface SharingOptions {
  /** The database file; its folder must exist. */
  path: string;
  /**
   * Opens the database. `emit` tells an event to all processes that share it, this one included.
   *
   * @throws LlmdbError `LLMDB_LOCKED` while another process has it
   */
  openService: (emit: Emit) => Promise<Service>;
  /** What the service understands, with its version, such as `memory/1`: all processes must agree. Default: empty. */
  serviceName?: string;
  /** How long to look for the process that has the database, and to wait until it answers. Default 10,000. */
  patienceMs?: number;
  /** How long a process that has the database may take until it listens for others. Default: `patienceMs`. */
  listensWithinMs?: number;
  /**
   * Told when another process has taken over, or this one. Events may have been missed then.
   */
  onChange?: (role: Role) => void;
}

export class SharedService implements AsyncDisposable {
  readonly #options: SharingOptions;
  readonly #patienceMs: number;
  readonly #ended = new AbortController();
  readonly #listeners = new Set<Emit>();
  readonly #calls = new Set<Promise<unknown>>();
  readonly #caller = newCaller();
  #requests = 0;
  #lastMadeAt = 0;
  #link: Link | undefined;
  #seeking: Promise<Link> | undefined;
  #closing: Promise<void> | undefined;

  private constructor(options: SharingOptions) {
    this.#options = options;
    this.#patienceMs = options.patienceMs ?? DEFAULT_PATIENCE_MS;
  }

  /**
   * Opens the service here, or finds the process that has it.
   *
   * @throws LlmdbError `LLMDB_LOCKED` where a process has the database and does not share it, does not answer, or is
   * another version; `LLMDB_NOT_FOUND` where the folder is missing; what `openService` throws
   */
  static async open(options: SharingOptions): Promise<SharedService> {
    const shared = new SharedService(options);
    await shared.#current();
    return shared;
  }

  /** Whether the service runs in this process. */
  get role(): Role {
    return this.#link?.role ?? "guest";
  }

  /**
   * Calls the service, wherever it runs. It waits for as long as the service takes, and for as long as a process that
   * has the database is stopped.
   *
   * @throws what the service throws: LlmdbError with its code, message and details, other errors with their message;
   * LlmdbError `LLMDB_CLOSED`, `LLMDB_LOCKED`, `LLMDB_VALUE_TOO_LARGE` for a message of more than 64 MiB,
   * `LLMDB_COMMIT_UNKNOWN` where one process after the other ended with this call
   */
  async call(method: string, params?: unknown): Promise<unknown> {
    if (this.#closing !== undefined) throw closed();
    const call = this.#send(this.#nextId(), method, params);
    this.#calls.add(call);
    try {
      return await call;
    } finally {
      this.#calls.delete(call);
    }
  }

  /**
   * Calls `listener` with each event from now on. While a process reads slowly, only the last event of each name waits
   * for it.
   *
   * @returns ends that
   */
  onEvent(listener: Emit): () => void {
    const own: Emit = (event, data) => listener(event, data);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  /**
   * Finishes the calls that were made. With the database here, finishes those that other processes have begun as well,
   * and closes it; one of them takes over. A call that waits for another process ends within the patience, then with
   * `LLMDB_CLOSED`.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    const timer = timers.setTimeout(() => this.#leave(), this.#patienceMs);
    await Promise.allSettled(this.#calls);
    timers.clearTimeout(timer);
    this.#ended.abort();
    await this.#seeking?.catch(() => {});
    await this.#link?.close();
  }

  /** Stops waiting for others. What this process has begun itself is waited for. */
  #leave(): void {
    if (this.role === "holder") return;
    this.#ended.abort();
    void this.#link?.close();
  }

  #nextId(): RequestId {
    // A clock that is set back must not make a request look older than what was done before.
    this.#lastMadeAt = Math.max(this.#lastMadeAt, Math.floor(fileStorage.now()));
    return { caller: this.#caller, number: ++this.#requests, madeAt: this.#lastMadeAt };
  }

  async #send(id: RequestId, method: string, params: unknown): Promise<unknown> {
    for (let sends = 1; ; sends++) {
      const link = await this.#current();
      try {
        return await link.request(id, method, params);
      } catch (error) {
        if (!(error instanceof ConnectionLost)) throw error;
        this.#forget(link);
        if (sends === MAX_SENDS) throw unknown(method, this.#options.path);
      }
    }
  }

  /** The way to the service, once there is one. */
  #current(): Promise<Link> {
    if (this.#ended.signal.aborted) return Promise.reject(closed());
    if (this.#link !== undefined) return Promise.resolve(this.#link);
    this.#seeking ??= this.#seek().finally(() => {
      this.#seeking = undefined;
    });
    return this.#seeking;
  }

  async #seek(): Promise<Link> {
    const { path, openService, serviceName = "", listensWithinMs } = this.#options;
    const link = await contend(
      {
        path,
        serviceName,
        caller: this.#caller,
        patienceMs: this.#patienceMs,
        ...(listensWithinMs !== undefined && { listensWithinMs }),
        openService: () => openService((event, data) => this.#emit(event, data)),
        onEvent: (event, data) => this.#tell(event, data),
      },
      this.#ended.signal,
    );
    if (this.#ended.signal.aborted) {
      await link.close();
      throw closed();
    }
    this.#link = link;
    void link.lost.then(() => this.#replace(link));
    return link;
  }

  /** Takes over, or finds who did. Where that fails, the next call tries again. */
  async #replace(lost: Link): Promise<void> {
    this.#forget(lost);
    try {
      const { role } = await this.#current();
      this.#options.onChange?.(role);
    } catch {
      // There may be no one to tell now.
    }
  }

  /** A call may learn of the loss before anybody else: it must not be sent the same way again. */
  #forget(lost: Link): void {
    if (this.#link === lost) this.#link = undefined;
  }

  #emit(event: string, data: unknown): void {
    if (this.#link instanceof Holder) this.#link.broadcast(event, data);
    this.#tell(event, messageCopy(data));
  }

  #tell(event: string, data: unknown): void {
    // Later, so that what a listener throws is not thrown in the midst of a transaction.
    for (const listener of this.#listeners) timers.queueMicrotask(() => listener(event, data));
  }
}

/** An id that no other process and no other instance has, or can guess. */
function newCaller(): string {
  const bytes = new Uint8Array(CALLER_BYTES);
  fileStorage.random(bytes);
  return Buffer.from(bytes).toString("hex");
}

function closed(): LlmdbError {
  return new LlmdbError("LLMDB_CLOSED", "the shared database is closed; open it again before using it");
}

function unknown(method: string, path: string): LlmdbError {
  return new LlmdbError(
    "LLMDB_COMMIT_UNKNOWN",
    `${MAX_SENDS} processes that held ${path} were lost while they ran "${method}"; see what ends them, and look ` +
      "whether it was done",
    { path, method },
  );
}
