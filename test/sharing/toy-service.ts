/**
 * A service over a real database, for the tests of sharing. Guarantees: an `add` that was answered is in the log once;
 * a repeated one is answered with its first reply.
 */
import { setTimeout } from "node:timers/promises";
import { type Database, LlmdbError, open } from "../../index.js";
import { Replies } from "../../server/sharing/replies.js";
import type { Emit, RequestId, Service } from "../../server/sharing/service.js";

/** Opens the database, or throws as `open` does. */
export async function openToy(path: string, emit: Emit = () => {}): Promise<ToyService> {
  return new ToyService(open(path), emit);
}

export class ToyService implements Service {
  readonly #db: Database;
  readonly #emit: Emit;
  readonly #replies = new Replies();
  closed = false;

  constructor(db: Database, emit: Emit) {
    this.#db = db;
    this.#emit = emit;
  }

  async call(method: string, params: unknown, id: RequestId): Promise<unknown> {
    switch (method) {
      case "add": {
        const added = await this.#add(String(params), id);
        // So that a kill often comes between a commit and its reply.
        await setTimeout(8 * Math.random());
        return added;
      }
      case "log":
        return [...this.#db.map<number, string>("log").values()];
      case "echo":
        return params;
      case "sleep":
        await setTimeout(Number(params));
        return params;
      case "emit":
        this.#emit("changed", params);
        return undefined;
      case "refuse":
        throw new LlmdbError("LLMDB_TIME_ORDER", "refused", { tx: 7 });
      case "break":
        throw new TypeError("broken");
      case "bigint":
        return 1n;
      case "huge":
        return "x".repeat(65 * 1024 * 1024);
      case "pid":
        return process.pid;
      default:
        throw new Error(`there is no ${method}`);
    }
  }

  async close(): Promise<void> {
    this.closed = true;
    await this.#db.close();
  }

  #add(what: string, id: RequestId): Promise<unknown> {
    return this.#db.transaction((tx) => {
      const run = (): number => {
        const counters = tx.map<string, number>("counters");
        const count = (counters.get("adds") ?? 0) + 1;
        counters.put("adds", count);
        tx.map<number, string>("log").put(count, what);
        return count;
      };
      return this.#replies.once(tx, id, { method: "add", params: what, run });
    });
  }
}
