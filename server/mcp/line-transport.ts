/**
 * MCP over standard input and output: a message a line. Guarantees: stdout carries messages and nothing else; a line
 * that is no message, or is too long, is answered with an error and the next one is read; at the end of the input, the
 * requests that were read are answered before the transport closes.
 */
import type { Readable, Writable } from "node:stream";
import {
  isJSONRPCRequest,
  type JSONRPCMessage,
  parseJSONRPCMessage,
  type Transport,
} from "@modelcontextprotocol/server";
import { isObject } from "./schema.js";

/** Longer lines are not read. The reference server takes 10 MiB. */
export const MAX_LINE_BYTES = 32 * 1024 * 1024;
/** So much of either end of a line that is too long is kept, to find the id of the request. */
const END_BYTES = 1024;
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
  /** Resolves when it is closed. */
  readonly closed: Promise<void>;

  readonly #input: Readable;
  readonly #output: Writable;
  readonly #line = new Line();
  /** The requests that were read and not answered yet. */
  readonly #waiting = new Set<Id>();
  #hasEnded = false;
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
    if (this.#input.readableEnded || this.#input.destroyed) setImmediate(this.#onEnd);
  }

  async send(message: JSONRPCMessage): Promise<void> {
    if (this.#isClosed) throw new Error("the connection is closed");
    const isReply = "result" in message || "error" in message;
    const written = this.#write(message);
    if (isReply && message.id !== undefined) this.#answered(message.id);
    await written;
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#input.off("data", this.#onData);
    this.#input.pause();
    this.onclose?.();
    this.#resolveClosed();
  }

  #write(message: unknown): Promise<void> {
    const isTaken = this.#output.write(`${JSON.stringify(message)}\n`);
    if (isTaken) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        this.#output.off("drain", done);
        this.#output.off("error", done);
        resolve();
      };
      this.#output.on("drain", done);
      this.#output.on("error", done);
    });
  }

  readonly #onData = (chunk: Buffer) => {
    let from = 0;
    for (let to = chunk.indexOf(LINE_FEED); to >= 0; to = chunk.indexOf(LINE_FEED, from)) {
      this.#line.add(chunk.subarray(from, to));
      this.#read();
      if (this.#isClosed) return;
      from = to + 1;
    }
    this.#line.add(chunk.subarray(from));
  };

  readonly #onEnd = () => {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    // The last line may have no line feed.
    this.#read();
    if (this.#waiting.size === 0) void this.close();
    else setTimeout(() => void this.close(), LAST_REPLIES_MS).unref();
  };

  readonly #onInputError = (error: Error) => {
    this.onerror?.(error);
    this.#onEnd();
  };

  /** Nobody reads any more. */
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
      value = JSON.parse(line);
    } catch {
      this.#refuse(PARSE_ERROR, "Parse error: the line is no JSON", undefined);
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
    if (this.#hasEnded && this.#waiting.size === 0) setImmediate(() => void this.close());
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
