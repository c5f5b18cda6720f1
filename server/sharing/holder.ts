/**
 * The process that has the database: runs the service for itself and for its guests. Guarantees: a request that runs
 * and comes again, because its connection was lost, is not begun twice; a guest that sends garbage or does not read
 * harms only itself, and one that asks for much does not hold up the others; a close finishes what was begun and begins
 * nothing, and lets go of the database before the guests hear of it.
 */
import net, { type Socket } from "node:net";
import { isDeepStrictEqual } from "node:util";
import { GuestSession } from "./guest-session.js";
import { listenAt, type MeetingPlace } from "./meeting-place.js";
import { otherRequest } from "./replies.js";
import { type Link, messageCopy, type RequestId, type Service } from "./service.js";
import { Line, Turns } from "./turns.js";

/** For guests to take what was sent to them, once the database is closed. */
const FAREWELL_MS = 1000;

interface Running {
  readonly method: string;
  readonly params: unknown;
  readonly result: Promise<unknown>;
}

export class Holder implements Link {
  readonly role = "holder";
  readonly lost = new Promise<void>(() => {});
  readonly #service: Service;
  readonly #serviceName: string;
  readonly #server = net.createServer((socket) => this.#receive(socket));
  readonly #sessions = new Set<GuestSession>();
  readonly #turns = new Turns();
  /** The requests of this process. */
  readonly #own = new Line(this.#turns);
  /** By caller and number. */
  readonly #running = new Map<string, Running>();
  #removeSocket = (): void => {};
  #closing: Promise<void> | undefined;

  private constructor(service: Service, serviceName: string) {
    this.#service = service;
    this.#serviceName = serviceName;
    this.#server.on("error", () => {});
  }

  /**
   * Takes guests in from now on. The service belongs to the holder, and is closed where that fails.
   *
   * @throws LlmdbError `LLMDB_IO`, `LLMDB_UNSUPPORTED`
   */
  static async open(places: readonly MeetingPlace[], service: Service, serviceName: string): Promise<Holder> {
    const holder = new Holder(service, serviceName);
    try {
      holder.#removeSocket = await listenAt(places, holder.#server);
      return holder;
    } catch (error) {
      await service.close();
      throw error;
    }
  }

  /** A request of this process. What goes in and out is as it would be from another one. */
  request(id: RequestId, method: string, params: unknown): Promise<unknown> {
    const copy = messageCopy(params);
    return new Promise((resolve, reject) => {
      this.#own.add(() =>
        this.#run(id, method, copy)
          .then((result) => resolve(messageCopy(result)))
          .catch(reject),
      );
    });
  }

  /** Tells all guests. Where one does not keep up, only the last of each event waits for it. */
  broadcast(event: string, data: unknown): void {
    for (const session of this.#sessions) session.tell({ event, data });
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    // In this order: once the lock is gone, another holder's socket may be at the address.
    this.#server.close();
    this.#removeSocket();
    await Promise.all([...this.#sessions].map((session) => session.settle()));
    await this.#own.drained();
    try {
      await this.#service.close();
    } finally {
      await Promise.all([...this.#sessions].map((session) => session.end(FAREWELL_MS)));
    }
  }

  #receive(socket: Socket): void {
    if (this.#closing !== undefined) {
      socket.destroy();
      return;
    }
    const session = new GuestSession(socket, this.#serviceName, this.#turns, (id, method, params) =>
      this.#run(id, method, params),
    );
    this.#sessions.add(session);
    void session.closed.then(() => this.#sessions.delete(session));
  }

  /** @throws LlmdbError `LLMDB_INVALID_ARGUMENT` where another request with this id is running */
  async #run(id: RequestId, method: string, params: unknown): Promise<unknown> {
    const key = `${id.caller} ${id.number}`;
    const running = this.#running.get(key);
    if (running !== undefined) {
      if (running.method !== method || !isDeepStrictEqual(running.params, params)) throw otherRequest(id.number);
      return running.result;
    }
    const result = this.#service.call(method, params, id);
    this.#running.set(key, { method, params, result });
    try {
      return await result;
    } finally {
      this.#running.delete(key);
    }
  }
}
