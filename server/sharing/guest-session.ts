/**
 * One guest, as the holder sees it. Guarantees: nothing is run before the hellos agree; each request that was begun is
 * replied to, or its connection has ended; a guest that does not read its replies is not read from, and neither is one
 * with many requests that wait or run.
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
import type { RequestId } from "./service.js";
import { Line, type Turns } from "./turns.js";

/** Further requests wait in the guest. */
const MOST_TAKEN = 256;

type Run = (id: RequestId, method: string, params: unknown) => Promise<unknown>;

export class GuestSession {
  readonly #channel: Channel;
  readonly #service: string;
  readonly #run: Run;
  readonly #line: Line;
  /** Events that wait until the guest has read what it was sent, the last one of each name. */
  readonly #waiting = new Map<string, EventMessage>();
  /** Who makes the requests; undefined before the hellos agree. */
  #caller: string | undefined;
  #closing = false;

  constructor(socket: Socket, service: string, turns: Turns, run: Run) {
    this.#service = service;
    this.#run = run;
    this.#line = new Line(turns, () => this.#regulate());
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
    if (this.#caller === undefined) return;
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
    this.#line.clear();
    await this.#line.drained();
  }

  async end(patienceMs: number): Promise<void> {
    await this.#channel.end(patienceMs);
  }

  #receive(message: unknown): void {
    const caller = this.#caller;
    if (caller === undefined) {
      const hello = parseHello(message);
      if (hello.protocol === PROTOCOL && hello.service === this.#service) this.#caller = hello.caller;
      // The guest has been told the same, and gives up by itself.
      if (this.#caller === undefined) void this.#channel.end(0);
      return;
    }
    if (this.#closing) return;
    const request = parseRequest(message);
    this.#line.add(() => this.#serve(caller, request));
    this.#regulate();
  }

  /** Never rejects. */
  async #serve(caller: string, { id, madeAt, method, params }: Request): Promise<void> {
    try {
      const result = await this.#run({ caller, number: id, madeAt }, method, params);
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
    if (!this.#closing) this.#channel.paused = this.#channel.isFull || this.#line.length >= MOST_TAKEN;
  }
}
