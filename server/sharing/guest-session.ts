/**
 * One guest, as the holder sees it. Guarantees: nothing is run before the hellos agree; each request that was begun is
 * replied to, or its connection has ended; a guest that does not read its replies is not read from, and neither is one
 * with many requests running.
 */
import type { Socket } from "node:net";
import { Channel } from "./channel.js";
import {
  type EventMessage,
  failureOf,
  type Hello,
  PROTOCOL,
  parseHello,
  parseRequest,
  type Request,
} from "./message.js";

/** Further requests wait in the guest. */
const MAX_RUNNING = 1024;

export class GuestSession {
  readonly #channel: Channel;
  readonly #service: string;
  readonly #run: (request: Request) => Promise<unknown>;
  readonly #running = new Set<Promise<void>>();
  /** Events that wait until the guest has read what it was sent, the last one of each name. */
  readonly #waiting = new Map<string, EventMessage>();
  #agreed = false;
  #closing = false;

  constructor(socket: Socket, service: string, run: (request: Request) => Promise<unknown>) {
    this.#service = service;
    this.#run = run;
    this.#channel = new Channel(socket, (message) => this.#receive(message));
    this.#channel.onDrain(() => {
      this.#catchUp();
      this.#regulate();
    });
    this.#channel.send({ protocol: PROTOCOL, service, pid: process.pid } satisfies Hello);
  }

  /** Resolves when the connection has ended. */
  get closed(): Promise<void> {
    return this.#channel.closed;
  }

  tell(event: EventMessage): void {
    if (!this.#agreed) return;
    // Taken out first, so that it comes after those that were told before it.
    this.#waiting.delete(event.event);
    this.#waiting.set(event.event, event);
    this.#catchUp();
  }

  /** Begins nothing more, and resolves when what was begun is replied to. */
  async settle(): Promise<void> {
    this.#closing = true;
    // What still comes is read and dropped: unread, it could cost the guest its last replies.
    this.#channel.paused = false;
    await Promise.all(this.#running);
  }

  async end(patienceMs: number): Promise<void> {
    await this.#channel.end(patienceMs);
  }

  #receive(message: unknown): void {
    if (!this.#agreed) {
      const hello = parseHello(message);
      this.#agreed = hello.protocol === PROTOCOL && hello.service === this.#service;
      // The guest has been told the same, and gives up by itself.
      if (!this.#agreed) void this.#channel.end(0);
      return;
    }
    if (this.#closing) return;
    const serving = this.#serve(parseRequest(message));
    this.#running.add(serving);
    void serving.then(() => {
      this.#running.delete(serving);
      this.#regulate();
    });
    this.#regulate();
  }

  /** Never rejects. */
  async #serve(request: Request): Promise<void> {
    const { id } = request;
    try {
      const result = await this.#run(request);
      this.#channel.send({ id, result });
    } catch (error) {
      this.#channel.send({ id, error: failureOf(error) });
    }
  }

  #catchUp(): void {
    for (const [name, event] of this.#waiting) {
      if (this.#channel.isFull) break;
      this.#waiting.delete(name);
      this.#channel.send(event);
    }
  }

  #regulate(): void {
    if (!this.#closing) this.#channel.paused = this.#channel.isFull || this.#running.size >= MAX_RUNNING;
  }
}
