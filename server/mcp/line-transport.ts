/**
 * MCP over standard input and output: a message a line. Guarantees: stdout carries messages and nothing else; a line
 * that is no message, or is too long, is answered with an error and the next one is read; nothing is read while the
 * client does not read its replies, or has many requests running; at the end of the input, the requests that were read
 * are answered before the transport closes.
 */
import type { Readable, Writable } from "node:stream";
import {
  isJSONRPCRequest,
  type JSONRPCMessage,
  parseJSONRPCMessage,
  type Transport,
} from "@modelcontextprotocol/server";
import { readJson } from "../../models/values/json-reader.js";
import { timers } from "../../pager/timers.js";
import { isObject } from "./schema.js";

/** Longer lines are not read. The reference server takes 10 MiB. */
export const MAX_LINE_BYTES = 32 * 1024 * 1024;
/** In a message: twice the most that a value may have, since each level may be within a form, and what is around it. */
const MOST_LEVELS = 220;
/** How much of either end of a line that is too long is kept, to find the id of the request. */
const END_BYTES = 1024;
/** Further requests wait in the pipe. */
const MOST_RUNNING = 1024;
/** How long the last replies may take after the end of the input. */
const LAST_REPLIES_MS = 30_000;

const PARSE_ERROR = -32700;
const INVALID_REQUEST = -32600;
const LINE_FEED = 10;
/** Where clients write the id: first, or last. The number or string is the only group. */
const ID_FIRST = /^\s*\{\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?"id"\s*:\s*(-?\d{1,15}|"[^"\\]{1,200}")\s*,/;
const ID_LAST = /"id"\s*:\s*(-?\d{1,15}|"[^"\\]{1,200}")\s*(?:,\s*"jsonrpc"\s*:\s*"2\.0"\s*)?\}\s*$/;

type Id = string | number;

export class LineTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: Transport["onmessage"];
  /** Changes what is sent into the words of the revision that was agreed upon. */
  revise: (message: JSONRPCMessage) => JSONRPCMessage = (message) => message;
  /** Resolves when it is closed. */
  readonly closed: Promise<void>;

  readonly #input: Readable;
  readonly #output: Writable;
  readonly #line = new Line();
  /** What was received and not looked at yet, because reading had to stop. */
  #rest: Buffer = Buffer.alloc(0);
  #isReading = false;
  /** Settled when the client has caught up with what was sent; undefined while it keeps up. */
  #caughtUp: Promise<void> | undefined;
  #resolveCaughtUp: () => void = () => {};
  /** The requests that were read and not answered yet. */
  readonly #waiting = new Set<Id>();
  #hasEnded = false;
  /** Whether the input has ended and all of it was looked at. */
  #isLast = false;
  #isClosed = false;
  #resolveClosed: () => void = () => {};

  constructor(input: Readable, output: Writable) {
    this.#input = input;
    this.#output = output;
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
  }

  async start(): Promise<void> {
    this.#input.on("data", this.#onData);
    this.#input.on("end", this.#onEnd);
    this.#input.on("close", this.#onEnd);
    this.#input.on("error", this.#onInputError);
    this.#output.on("error", this.#onOutputError);
    this.#output.on("drain", this.#onDrain);
    if (this.#input.readableEnded || this.#input.destroyed) timers.setImmediate(this.#onEnd);
  }

  async send(message: JSONRPCMessage): Promise<void> {
    if (this.#isClosed) throw new Error("the connection is closed");
    const isReply = "result" in message || "error" in message;
    const written = this.#write(this.revise(message));
    if (isReply && message.id !== undefined) this.#answered(message.id);
    await written;
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#input.off("data", this.#onData);
    this.#input.pause();
    this.#output.off("drain", this.#onDrain);
    this.#resolveCaughtUp();
    this.onclose?.();
    this.#resolveClosed();
  }

  #write(message: unknown): Promise<void> {
    const isTaken = this.#output.write(`${JSON.stringify(message)}\n`);
    if (isTaken || this.#isClosed) return Promise.resolve();
    this.#caughtUp ??= new Promise((resolve) => {
      this.#resolveCaughtUp = resolve;
    });
    return this.#caughtUp;
  }

  readonly #onDrain = () => {
    this.#caughtUp = undefined;
    this.#resolveCaughtUp();
    this.#readLines();
  };

  readonly #onData = (chunk: Buffer) => {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#readLines();
  };

  /** Goes through what was received, as far as the client keeps up. */
  #readLines(): void {
    // An answer that comes while a line is looked at must not begin with the next one.
    if (this.#isReading) return;
    this.#isReading = true;
    while (this.#rest.length > 0 && !this.#isClosed && !this.#mustWait) {
      const to = this.#rest.indexOf(LINE_FEED);
      this.#line.add(to < 0 ? this.#rest : this.#rest.subarray(0, to));
      this.#rest = to < 0 ? Buffer.alloc(0) : this.#rest.subarray(to + 1);
      if (to >= 0) this.#read();
    }
    this.#isReading = false;
    if (this.#isClosed) return;
    if (this.#hasEnded && this.#rest.length === 0) this.#endLines();
    else if (this.#mustWait) this.#input.pause();
    else if (this.#input.isPaused()) this.#input.resume();
  }

  get #mustWait(): boolean {
    return this.#caughtUp !== undefined || this.#waiting.size >= MOST_RUNNING;
  }

  readonly #onEnd = () => {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#readLines();
  };

  /** What was received before the end of the input may still be waiting to be looked at. */
  #endLines(): void {
    if (this.#isLast) return;
    this.#isLast = true;
    // The last line may have no line feed.
    this.#read();
    if (this.#waiting.size === 0) void this.close();
    else timers.setTimeout(() => void this.close(), LAST_REPLIES_MS).unref();
  }

  readonly #onInputError = (error: Error) => {
    this.onerror?.(error);
    this.#onEnd();
  };

  /** No one reads any more. */
  readonly #onOutputError = (error: Error) => {
    if (!this.#isClosed) this.onerror?.(error);
    void this.close();
  };

  #read(): void {
    const { bytes, isTooLong } = this.#line;
    const line = this.#line.take();
    if (isTooLong) {
      const why = `a message takes at most ${MAX_LINE_BYTES} bytes, not ${bytes}; send less at once`;
      this.#refuse(INVALID_REQUEST, `Invalid Request: ${why}`, idIn(line));
      return;
    }
    if (line.trim() === "") return;
    let value: unknown;
    try {
      value = readJson(line, MOST_LEVELS);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#refuse(PARSE_ERROR, `Parse error: ${why}`, idIn(line.slice(0, END_BYTES) + line.slice(-END_BYTES)));
      return;
    }
    this.#receive(value);
  }

  #receive(value: unknown): void {
    let message: JSONRPCMessage;
    try {
      message = parseJSONRPCMessage(value);
    } catch {
      const id = isObject(value) && (typeof value.id === "string" || Number.isSafeInteger(value.id)) ? value.id : null;
      this.#refuse(INVALID_REQUEST, "Invalid Request: the line is no message of JSON-RPC 2.0", id);
      return;
    }
    // A subscription is answered when it ends.
    if (isJSONRPCRequest(message) && message.method !== "subscriptions/listen") this.#waiting.add(message.id);
    this.onmessage?.(message);
    const cancelled = cancelledBy(message);
    if (cancelled !== undefined) this.#answered(cancelled);
  }

  #refuse(code: number, message: string, id: unknown): void {
    this.onerror?.(new Error(message));
    void this.#write({ jsonrpc: "2.0", id: id ?? null, error: { code, message } });
  }

  #answered(id: Id): void {
    this.#waiting.delete(id);
    // Later, so that a subscription can still say that it ends.
    if (this.#isLast && this.#waiting.size === 0) timers.setImmediate(() => void this.close());
    else if (this.#rest.length > 0 || this.#input.isPaused()) this.#readLines();
  }
}

/** A cancelled request is not answered. */
function cancelledBy(message: JSONRPCMessage): Id | undefined {
  if (!("method" in message) || message.method !== "notifications/cancelled") return undefined;
  const id = message.params?.requestId;
  return typeof id === "string" || typeof id === "number" ? id : undefined;
}

/** The id of a request of which only both ends are there. */
function idIn(ends: string): unknown {
  const found = ID_LAST.exec(ends) ?? ID_FIRST.exec(ends);
  return found === null ? undefined : JSON.parse(found[1]);
}

/** The bytes of a line, as they arrive. Of a line that is too long, only both ends are kept. */
class Line {
  #chunks: Buffer[] = [];
  bytes = 0;
  isTooLong = false;

  add(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.bytes += chunk.length;
    if (this.bytes <= MAX_LINE_BYTES) return;
    const [head = Buffer.alloc(0)] = this.isTooLong
      ? this.#chunks
      : [Buffer.concat(this.#chunks).subarray(0, END_BYTES)];
    const rest = this.isTooLong ? this.#chunks.slice(1) : this.#chunks;
    this.isTooLong = true;
    // Copies, so that the whole is not kept for the sake of its ends.
    this.#chunks = [Buffer.from(head), Buffer.from(Buffer.concat(rest).subarray(-END_BYTES))];
  }

  /** The text, and begins a new line. */
  take(): string {
    const text = Buffer.concat(this.#chunks).toString("utf8");
    this.#chunks = [];
    this.bytes = 0;
    this.isTooLong = false;
    return text;
  }
}
