/**
 * One end of a connection. Guarantees: messages go out whole and in order; one that is no message ends this connection
 * and nothing else; `closed` is settled once, whatever the reason was.
 */
import type { Socket } from "node:net";
import { timers } from "../../pager/timers.js";
import { encodeFrame, FrameReader } from "./frame.js";

export class Channel {
  /** Resolves when nothing more can be sent or received. */
  readonly closed: Promise<void>;
  readonly #socket: Socket;

  /** @param receive Gets each message; what it throws ends the connection. */
  constructor(socket: Socket, receive: (message: unknown) => void) {
    this.#socket = socket;
    const frames = new FrameReader();
    socket.on("data", (piece: Buffer) => {
      try {
        for (const message of frames.read(piece)) {
          receive(message);
          if (socket.destroyed) return;
        }
      } catch {
        socket.destroy();
      }
    });
    // The event that follows it, `close`, is the one that counts.
    socket.on("error", () => {});
    this.closed = new Promise((resolve) => {
      socket.once("close", () => resolve());
    });
  }

  /** Whether the other side does not keep up with what was sent. */
  get isFull(): boolean {
    return this.#socket.writableNeedDrain;
  }

  /**
   * Sends a message, or nothing where the connection has ended.
   *
   * @throws LlmdbError `LLMDB_VALUE_TOO_LARGE`; TypeError for what JSON cannot say
   */
  send(message: object): void {
    const frame = encodeFrame(message);
    if (this.#socket.writable) this.#socket.write(frame);
  }

  /** Calls `action` each time that the other side has caught up. */
  onDrain(action: () => void): void {
    this.#socket.on("drain", action);
  }

  /** Reads on, or leaves what comes to wait in the other process. */
  set paused(paused: boolean) {
    if (paused) this.#socket.pause();
    else this.#socket.resume();
  }

  /** Ends the connection after what was sent; at once where the other side does not take that in time. */
  async end(patienceMs: number): Promise<void> {
    this.#socket.end();
    const timer = timers.setTimeout(() => this.#socket.destroy(), patienceMs);
    await this.closed;
    timers.clearTimeout(timer);
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
