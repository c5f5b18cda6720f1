/**
 * Writing through the process that has the database. Guarantees: those of `SharedService`: a write that is replied to
 * is done once, also where that process ends in the midst of it and another one, or this one, takes its place.
 */
import type { OpenOptions } from "../../index.js";
import { MemoryService, SERVICE_NAME } from "../../server/mcp/service.js";
import { Replies } from "../../server/sharing/replies.js";
import { SharedService } from "../../server/sharing/shared-service.js";
import { decoded, encoded, type Place, type Writing } from "./command.js";
import type { Fields } from "./fields.js";
import { writingOperations } from "./index.js";

/** How long a process that has the database may take to answer. */
const PATIENCE_MS = 10_000;
/** How long one that has it may take until it listens; afterwards it is a program that does not share. */
const LISTENS_WITHIN_MS = 1000;

export class ThroughHolder {
  readonly #shared: SharedService;

  private constructor(shared: SharedService) {
    this.#shared = shared;
  }

  /** @throws LlmdbError `LLMDB_LOCKED` where the process that has the database does not share it, or does not answer */
  static async open(path: string, options: Pick<OpenOptions, "alone" | "modules">): Promise<ThroughHolder> {
    const shared = await SharedService.open({
      path,
      serviceName: SERVICE_NAME,
      patienceMs: PATIENCE_MS,
      listensWithinMs: LISTENS_WITHIN_MS,
      openService: async (emit) =>
        MemoryService.open(path, { emit, replies: new Replies(), operations: writingOperations, ...options }),
    });
    return new ThroughHolder(shared);
  }

  async write({ name }: Writing, request: object, { scope }: Place): Promise<Fields> {
    const given = { ...(scope !== undefined && { scope }), arguments: { request: encoded(request) } };
    return decoded(await this.#shared.call(name, given));
  }

  close(): Promise<void> {
    return this.#shared.close();
  }
}
