/**
 * A memory as a service: operations by name, parameters and replies as JSON. Guarantees: an operation that writes is
 * one transaction, in which its reply is kept under the id of the request, so that a request which comes again is
 * answered and not done again, or it finds by itself that it was done; nothing outside of the scope of the caller is
 * seen or changed.
 */
import type { OpenOptions } from "../../engine/options.js";
import { Memory, type MemoryOptions } from "../../memory/memory.js";
import type { MemoryTransaction } from "../../memory/transaction.js";
import { LlmdbError } from "../../pager/error.js";
import type { Database } from "../../wasm/database.js";
import { open } from "../../wasm/open.js";
import type { Asked, Replies } from "../sharing/replies.js";
import type { Emit, RequestId, Service } from "../sharing/service.js";
import { Arguments } from "./arguments.js";
import { graphOperations } from "./graph-operations.js";
import { importOperations } from "./import.js";
import { memoryOperations } from "./memory-operations.js";
import { moduleOperations } from "./module-operations.js";
import type { Operation, Operations, Writing } from "./operation.js";
import { original, storable } from "./surrogates.js";

/** What the processes that share a memory must agree on. */
export const SERVICE_NAME = "memory/2";
/** The event after a change of the graph. */
export const GRAPH_CHANGED = "graph-changed";

/** What the server talks to: a service in this process or in another one. */
export interface Callable {
  call(method: string, params: unknown): Promise<unknown>;
}

/** Who asks for what. All of it is optional. */
export interface CallParams {
  readonly arguments?: unknown;
  /** The scope beyond which the caller sees nothing. */
  readonly scope?: string;
  /** The name of the program that asks; noted with what it writes. */
  readonly client?: string;
}

export interface MemoryServiceOptions extends Omit<MemoryOptions, "scope"> {
  /** Told when something was changed. */
  emit?: Emit;
  /** Keeps the replies to requests that write. */
  replies?: Replies;
  /** What can be asked for besides what the tools need. */
  operations?: Operations;
  /** Takes no lock, refuses to write, and moves on to what a writer has committed before each reply. */
  readOnly?: boolean;
  /** As for `open`. */
  alone?: boolean;
  /** As for `open`. */
  modules?: OpenOptions["modules"];
}

const OPERATIONS: Operations = new Map([
  ...graphOperations,
  ...memoryOperations,
  ...moduleOperations,
  ...importOperations,
]);
const MOST_SCOPES = 100;

export class MemoryService implements Service {
  readonly #db: Database;
  readonly #options: MemoryServiceOptions;
  readonly #memory: Memory;
  readonly #within = new Map<string, Memory>();

  /** @param db is closed with the service */
  constructor(db: Database, options: MemoryServiceOptions = {}) {
    this.#db = db;
    this.#options = options;
    const { analyzer } = options;
    this.#memory = new Memory(db, analyzer === undefined ? {} : { analyzer });
  }

  /**
   * Opens the database, and makes it where it is missing, unless it is for reading only.
   *
   * @throws LlmdbError as `open` and the constructor of `Memory`
   */
  static open(path: string, options: MemoryServiceOptions = {}): MemoryService {
    const { readOnly = false, alone = false, modules } = options;
    const db = open(path, { readOnly, alone, ...(modules !== undefined && { modules }) });
    try {
      return new MemoryService(db, options);
    } catch (error) {
      void db.close();
      throw error;
    }
  }

  /**
   * @param params see {@link CallParams}
   * @param id by which the request is known again
   * @throws LlmdbError what the memory throws; `LLMDB_READ_ONLY`; `LLMDB_NOT_FOUND` for an unknown operation
   */
  async call(method: string, params: unknown, id?: RequestId): Promise<unknown> {
    const operation = OPERATIONS.get(method) ?? this.#options.operations?.get(method);
    if (operation === undefined) throw new LlmdbError("LLMDB_NOT_FOUND", `there is no operation ${method}`);
    const given = new Arguments(storable(params));
    const memory = this.#memoryOf(given.text("scope"));
    return original(await this.#run(method, operation, memory, given, id));
  }

  async #run(method: string, operation: Operation, memory: Memory, given: Arguments, id?: RequestId) {
    const args = given.object("arguments");
    if (!operation.writes) {
      if (this.#options.readOnly === true) this.#db.refresh();
      return operation.run(memory, args, this.#db.modules);
    }
    if (this.#options.readOnly === true) {
      throw new LlmdbError("LLMDB_READ_ONLY", `the memory was opened for reading only; ${method} would write`);
    }
    const asked = { method, params: given.all };
    const reply =
      operation.writes === "alone"
        ? await operation.run(memory, args, this.#db.modules, this.#db)
        : await memory.transaction(
            (tx) => this.#once(tx, operation, asked, args, id),
            operation.options?.(args) ?? { meta: metaOf(method, given, args) },
          );
    if (operation.changesGraph) this.#options.emit?.(GRAPH_CHANGED);
    return reply;
  }

  #once(
    tx: MemoryTransaction,
    operation: Writing,
    asked: Pick<Asked, "method" | "params">,
    args: Arguments,
    id: RequestId | undefined,
  ): unknown {
    const { replies } = this.#options;
    const run = () => operation.run(tx, args);
    if (replies === undefined || id === undefined) return run();
    const { kept } = operation;
    const shortened = kept && { keep: kept.of, again: (reply: unknown) => kept.again(reply, args) };
    return replies.once(tx.writer.tx, id, { ...asked, run, ...shortened });
  }

  #memoryOf(scope: string | undefined): Memory {
    if (scope === undefined) return this.#memory;
    const known = this.#within.get(scope);
    if (known !== undefined) return known;
    if (this.#within.size >= MOST_SCOPES) this.#within.clear();
    const memory = this.#memory.within(scope);
    this.#within.set(scope, memory);
    return memory;
  }

  async close(): Promise<void> {
    await this.#db.close();
  }
}

/** Who did it and why, as `explain` and `transactions` show it. */
function metaOf(tool: string, given: Arguments, args: Arguments): { [name: string]: unknown } {
  const client = given.text("client");
  const why = args.text("why");
  const undoes = tool === "undo" ? args.number("tx") : undefined;
  return {
    tool,
    ...(client === undefined ? {} : { client }),
    ...(why === undefined ? {} : { why }),
    ...(undoes === undefined ? {} : { undoes }),
  };
}
