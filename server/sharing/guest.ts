/**
 * The way to the service in another process. Guarantees: replies find their requests, whatever order they come in; when
 * the connection ends, each request that waits ends with `ConnectionLost`; nothing is sent to another user's socket.
 */
import { once } from "node:events";
import net, { type Socket } from "node:net";
import { LlmdbError } from "../../pager/error.js";
import { Channel } from "./channel.js";
import { garbage } from "./frame.js";
import { type MeetingPlace, ownerOf } from "./meeting-place.js";
import { errorOf, type Hello, PROTOCOL, parseAnswer, parseHello, type Reply, type Request } from "./message.js";
import { ConnectionLost, type Emit, type Link, type RequestId } from "./service.js";

/** For the holder to take what was sent to it. */
const FAREWELL_MS = 200;

/** Why no one was met: no process there, another user's socket, or one whose process did not answer in time. */
export type Absence =
  | { readonly why: "absent" }
  | { readonly why: "silence" }
  | { readonly why: "stranger"; readonly user: number; readonly address: string };

interface Waiting {
  resolve(result: unknown): void;
  reject(error: Error): void;
}

export class Guest implements Link {
  readonly role = "guest";
  readonly lost: Promise<void>;
  /** What the holder said first; undefined where it said nothing. */
  readonly #hello: Promise<Hello | undefined>;
  readonly #channel: Channel;
  readonly #onEvent: Emit;
  readonly #waiting = new Map<number, Waiting>();
  #greet: (hello: Hello | undefined) => void = () => {};
  #isGreeted = false;
  #isLost = false;

  private constructor(socket: Socket, onEvent: Emit) {
    this.#onEvent = onEvent;
    this.#hello = new Promise((resolve) => {
      this.#greet = resolve;
    });
    this.#channel = new Channel(socket, (message) => this.#receive(message));
    this.lost = this.#channel.closed.then(() => this.#lose());
  }

  /**
   * Meets the process that has the database.
   *
   * @param service what both must say that they understand
   * @param caller who makes the requests, see `RequestId`
   * @param patience ends the wait for an answer
   * @throws LlmdbError `LLMDB_LOCKED` where it is another version
   */
  static async meet(
    place: MeetingPlace,
    service: string,
    caller: string,
    onEvent: Emit,
    patience: AbortSignal,
  ): Promise<Guest | Absence> {
    const socket = await connect(place);
    if (!(socket instanceof net.Socket)) return socket;
    const guest = new Guest(socket, onEvent);
    guest.#channel.send({ protocol: PROTOCOL, service, pid: process.pid, caller } satisfies Hello);
    const giveUp = (): void => guest.#channel.destroy();
    patience.addEventListener("abort", giveUp);
    if (patience.aborted) giveUp();
    const hello = await guest.#hello;
    patience.removeEventListener("abort", giveUp);
    if (hello === undefined) return { why: patience.aborted ? "silence" : "absent" };
    if (hello.protocol === PROTOCOL && hello.service === service) return guest;
    giveUp();
    throw otherVersion(hello, service);
  }

  request({ number, madeAt }: RequestId, method: string, params: unknown): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#isLost) throw new ConnectionLost();
      this.#channel.send({ id: number, madeAt, method, params } satisfies Request);
      this.#waiting.set(number, { resolve, reject });
    });
  }

  async close(): Promise<void> {
    await this.#channel.end(FAREWELL_MS);
  }

  #receive(message: unknown): void {
    if (!this.#isGreeted) {
      this.#isGreeted = true;
      this.#greet(parseHello(message));
      return;
    }
    const answer = parseAnswer(message);
    if ("event" in answer) this.#onEvent(answer.event, answer.data);
    else this.#settle(answer);
  }

  #settle({ id, result, error }: Reply): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) throw garbage("a reply to nothing");
    this.#waiting.delete(id);
    if (error === undefined) waiting.resolve(result);
    else waiting.reject(errorOf(error));
  }

  #lose(): void {
    this.#isLost = true;
    this.#greet(undefined);
    for (const waiting of this.#waiting.values()) waiting.reject(new ConnectionLost());
    this.#waiting.clear();
  }
}

/** A connection to a socket of this user. */
async function connect(place: MeetingPlace): Promise<Socket | Absence> {
  const before = strangerAt(place);
  if (before !== undefined) return before;
  const socket = net.connect({ path: place.address });
  try {
    await once(socket, "connect");
  } catch {
    // What a killed holder left, what is gone by now, or a queue that is full.
    return { why: "absent" };
  }
  // Looked at again, because it may have been replaced before it was connected to.
  const after = strangerAt(place);
  if (after?.why !== "stranger") return socket;
  socket.destroy();
  return after;
}

function strangerAt(place: MeetingPlace): Absence | undefined {
  const owner = ownerOf(place);
  if (owner === "own") return undefined;
  if (owner === "absent") return { why: "absent" };
  return { why: "stranger", user: owner, address: place.address };
}

function otherVersion(hello: Hello, service: string): LlmdbError {
  return new LlmdbError(
    "LLMDB_LOCKED",
    `another version of llmdb holds the database, in process ${hello.pid}: it speaks protocol ${hello.protocol} ` +
      `for "${hello.service}", this one speaks ${PROTOCOL} for "${service}"; end that process, or use one version`,
    { pid: hello.pid, protocol: hello.protocol, service: hello.service },
  );
}
